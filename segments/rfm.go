package segments

import (
	"fmt"
	"strconv"
	"strings"
)

// RFM scores everybody who has a paid order, whether they have joined or are only
// known, from 1 to 3 for how recently they ordered, how often, and for how much.
// Where the scores divide the members is a setting, Scoring; at which figures they
// do so on a day is worked out from all members and kept in Norms; a member's own
// score is then an expression over the row of facts.
//
// Every paid order counts, a free one too, and money is net of refunds.
//
// What the scores are called follows Klaviyo's report, which looks at percentiles
// and gathers the 27 combinations in six groups:
// https://help.klaviyo.com/hc/en-us/articles/17797937793179

// Scoring says where the scores divide the members who have ordered. The zero
// value stands for DefaultScoring.
type Scoring struct {
	Recency   Percent `json:"recency"`
	Frequency Percent `json:"frequency"`
	Monetary  Percent `json:"monetary"`
	Within    Within  `json:"within"` // if set, it decides the recency instead of Recency
}

// Percent are the two places, in per cent of the members, that divide the scores:
// with [33, 66] about a third scores 1, a third 2 and a third 3. Members with
// equal figures have equal scores, whatever that does to the thirds.
//
// Of frequency and money a member scores 1 if fewer than [0] per cent of all have
// less, 2 if fewer than [1] per cent have, else 3. So equals at a cut have the
// lower score, and a single order stays seldom even where most have no more. Of
// recency a member scores 3 if fewer than 100-[1] per cent ordered later, 2 if
// fewer than 100-[0] per cent did, else 1. So equals at a cut have the higher
// score, and an order of today is recent, even the only one.
type Percent [2]int

// Within are days: a last order at most [0] days ago scores 3, at most [1] days
// ago 2.
type Within [2]int

// DefaultScoring divides the members in thirds.
func DefaultScoring() Scoring {
	thirds := Percent{33, 66}
	return Scoring{Recency: thirds, Frequency: thirds, Monetary: thirds}
}

// Check says what is wrong with the places.
func (p Percent) Check() error {
	if p[0] < 1 || p[0] >= p[1] || p[1] > 99 {
		return fmt.Errorf("the cuts are two rising percentages between 1 and 99, like [33, 66], not [%d, %d]", p[0], p[1])
	}
	return nil
}

// Check says what is wrong with the days.
func (w Within) Check() error {
	if w[0] < 1 || w[0] >= w[1] {
		return fmt.Errorf("recency is divided at two rising numbers of days, like [180d, 365d], not [%dd, %dd]", w[0], w[1])
	}
	return nil
}

// String returns the setting as program.yaml has it.
func (s Scoring) String() string {
	recency := fmt.Sprintf("[%d, %d]", s.Recency[0], s.Recency[1])
	if s.Within != (Within{}) {
		recency = fmt.Sprintf("[%dd, %dd]", s.Within[0], s.Within[1])
	}
	return fmt.Sprintf("recency %s, frequency [%d, %d], monetary [%d, %d]", recency, s.Frequency[0], s.Frequency[1], s.Monetary[0], s.Monetary[1])
}

// Cuts are the figures that divide the members on a day. Of frequency and money,
// at most Low scores 1 and at most High scores 2. Of the days since the last
// order, at most Low scores 3 and at most High scores 2.
type Cuts struct {
	Low  int64 `json:"low"`
	High int64 `json:"high"`
}

// The groups, best first.
const (
	Champions      = "Champions"
	Loyal          = "Loyal"
	Recent         = "Recent"
	NeedsAttention = "Needs attention"
	AtRisk         = "At risk"
	Inactive       = "Inactive"
)

// groups gathers the scores: recency, frequency and money, one digit each. All 27
// stand here once; rules read them from here in Go and in SQL.
var groups = []struct {
	name  string
	codes []int
}{
	{Champions, []int{333, 332, 323}},                // ordered lately, order often and for most
	{Loyal, []int{331, 322, 321, 233, 232}},          // order often or lately, for less
	{Recent, []int{313, 312, 311, 223, 222}},         // ordered lately, and not often
	{NeedsAttention, []int{221, 213, 133, 132, 123}}, // were worth much, and have not ordered lately
	{AtRisk, []int{231, 212, 211, 131, 122}},         // have not ordered lately, and spent less
	{Inactive, []int{121, 113, 112, 111}},            // have not ordered for long, and seldom did
}

// Groups returns the names of the groups, best first.
func Groups() []string {
	names := make([]string, len(groups))
	for i, g := range groups {
		names[i] = g.name
	}
	return names
}

func codesOf(name string) []int {
	for _, g := range groups {
		if g.name == name {
			return g.codes
		}
	}
	return nil
}

// scoreFields say where a member stands: alone, in the stages of the lifecycle,
// and beside all others, in the scores of recency, frequency and money.
func scoreFields() []*entry {
	return []*entry{
		{name: "lifecycle", typ: Text, from: fromOrders,
			noun: "lifecycle stage", check: checkStage, also: []string{"stage", "lifecycle_stage", "life_stage"},
			in: lifecycle{}},
		{name: "recency_score", typ: Number, from: fromOrders, norm: ofScores,
			noun: "recency score", also: []string{"r_score"}, in: scored("bigint", recency)},
		{name: "frequency_score", typ: Number, from: fromOrders, norm: ofScores,
			noun: "frequency score", also: []string{"f_score"}, in: scored("bigint", frequency)},
		{name: "monetary_score", typ: Number, from: fromOrders, norm: ofScores,
			noun: "monetary score", also: []string{"m_score", "money_score"}, in: scored("bigint", monetary)},
		{name: "rfm", typ: Text, from: fromOrders, norm: ofScores,
			noun: "RFM score (recency, frequency, money)", check: checkScores, also: []string{"rfm_score", "rfm_scores"}, in: asDigits},
		{name: "rfm_group", typ: Text, from: fromOrders, norm: ofScores,
			noun: "RFM group", check: checkGroup, also: []string{"rfm_segment", "group"}, in: asGroup},
	}
}

func checkGroup(s string) string { return checkOneOf("group", s, Groups()) }

func checkScores(s string) string {
	if len(s) == 3 && strings.Trim(s, "123") == "" {
		return ""
	}
	return `rfm is three scores from 1 to 3, of recency, frequency and money, as in rfm == "313"`
}

// scored is a figure of members with orders; nobody has it where nobody is scored.
func scored(typ string, expr func(b *builder) string) formula {
	return formula{guard: hasOrdered, typ: typ, expr: func(b *builder, _ *call) string {
		if !anybodyScored(b) {
			return ""
		}
		return expr(b)
	}}
}

const hasOrdered = "f.orders > 0"

func anybodyScored(b *builder) bool { return b.q.Norms != nil && b.q.Norms.Buyers > 0 }

func recency(b *builder) string {
	c := b.q.Norms.Recency
	return fmt.Sprintf("(case when f.last_day >= %s then 3 when f.last_day >= %s then 2 else 1 end)",
		b.bind(int64(b.q.Day)-c.Low), b.bind(int64(b.q.Day)-c.High))
}

func frequency(b *builder) string { return rising(b, "f.orders", b.q.Norms.Frequency) }
func monetary(b *builder) string  { return rising(b, "f.spent", b.q.Norms.Monetary) }

// rising is the score of a figure of which more is better.
func rising(b *builder, figure string, c Cuts) string {
	return fmt.Sprintf("(case when %s <= %s then 1 when %[1]s <= %[3]s then 2 else 3 end)", figure, b.bind(c.Low), b.bind(c.High))
}

// code is the three scores as one number, in SQL.
func code(b *builder) string {
	return "(100 * " + recency(b) + " + 10 * " + frequency(b) + " + " + monetary(b) + ")"
}

// inCodes is the condition that the scores are some of those given.
func inCodes(b *builder, codes []int) string {
	if len(codes) == 0 {
		return "false"
	}
	digits := make([]string, len(codes))
	for i, c := range codes {
		digits[i] = strconv.Itoa(c)
	}
	return code(b) + " in (" + strings.Join(digits, ", ") + ")"
}

// named is a text that stands for some of the 27 scores: the scores themselves,
// or a group of them.
type named struct {
	formula
	codes func(text string) []int // what it stands for
}

var (
	asDigits = named{scored("text", func(b *builder) string { return "cast(" + code(b) + " as text)" }), func(text string) []int {
		if checkScores(text) != "" {
			return nil
		}
		n, _ := strconv.Atoi(text) // three digits
		return []int{n}
	}}

	asGroup = named{scored("text", func(b *builder) string {
		var s strings.Builder
		s.WriteString("(case")
		for _, g := range groups {
			fmt.Fprintf(&s, " when %s then '%s'", inCodes(b, g.codes), g.name)
		}
		return s.String() + " end)"
	}), codesOf}
)

// is compares the scores as numbers: what a text stands for is known beforehand.
func (n named) is(b *builder, _ *call, op string, vs []value) string {
	if !anybodyScored(b) || op == "!=" && vs[0].nothing() {
		return "false"
	}
	var codes []int
	for _, v := range vs {
		codes = append(codes, n.codes(v.text)...)
	}
	return "(" + hasOrdered + " and " + unless(op == "!=", inCodes(b, codes)) + ")"
}

// ReadsScores says whether the rule reads scores or groups of RFM.
func (r *Rule) ReadsScores() bool { return r.Norms()&NormScores != 0 }
