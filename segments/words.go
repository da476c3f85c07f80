package segments

import (
	"slices"
	"strconv"
	"strings"

	"regulars/internal/loyalty"
)

// Words explains the rule as an English sentence.
func (r *Rule) Words() string {
	if n, ok := r.root.(always); ok {
		return map[bool]string{true: "All members.", false: "No member."}[bool(n)]
	}
	s := r.root.words()
	if strings.HasPrefix(s, "except ") {
		return "All members " + s + "."
	}
	return "Members " + s + "."
}

func (n allOf) words() string {
	var with, without []string
	for _, part := range n {
		if excepts(part) {
			without = append(without, part.words())
		} else {
			with = append(with, bracketed(part))
		}
	}
	if len(with) == 0 {
		return strings.Join(without, ", and ")
	}
	return strings.Join(append([]string{strings.Join(with, " and ")}, without...), ", ")
}

func (n anyOf) words() string {
	parts := make([]string, len(n))
	for i, part := range n {
		parts[i] = bracketed(part)
		if excepts(part) {
			parts[i] = "anybody " + parts[i]
		}
	}
	return strings.Join(parts, " or ")
}

// bracketed puts brackets around what would read wrongly beside and or or.
func bracketed(n node) string {
	switch n.(type) {
	case allOf, anyOf:
		return "(" + n.words() + ")"
	}
	return n.words()
}

func (n negation) words() string {
	if !excepts(n) {
		call, never := n.of.(isTrue).call, "never"
		if call.window != nil {
			never = "not"
		}
		return call.filled(strings.ReplaceAll(call.denies, "{never}", never))
	}
	return "except those " + bracketed(n.of)
}

// excepts reports whether a part is a not for which there is no clause of its own.
func excepts(n node) bool {
	not, ok := n.(negation)
	if !ok {
		return false
	}
	of, ok := not.of.(isTrue)
	return !ok || of.call.denies == ""
}

func (n always) words() string {
	if n {
		return "whoever they are"
	}
	return "of whom there are none"
}

func (n inSegment) words() string { return "who are in the segment " + n.name }
func (n hasValue) words() string  { return "whose " + n.of.noun() + " is known" }

func (n isTrue) words() string {
	if n.call.entry.typ == Any {
		return "whose " + n.call.noun() + " is true"
	}
	return n.call.clause("")
}

func (n contains) words() string {
	texts := make([]string, len(n.what))
	for i, o := range n.what {
		texts[i] = o.words(n.call)
	}
	return "whose " + n.call.noun() + " include " + alternatives(texts)
}

func (n compare) words() string {
	wants, plain := n.says()
	if plain {
		return "whose " + n.call.noun() + " is " + wants
	}
	return n.call.clause(wants)
}

// wants is what the comparison wants of its field: more than 90 days.
func (n compare) wants() string {
	s, _ := n.says()
	return s
}

// says returns that, and whether it follows "whose FIELD is" rather than stands
// in the field's own clause.
func (n compare) says() (wants string, plain bool) {
	amounts := make([]string, len(n.with))
	for i, o := range n.with {
		amounts[i] = o.words(n.call)
	}
	amount := alternatives(amounts)
	if other := n.with[0].call; other != nil && !other.fixed() {
		return how[n.op] + "their " + other.noun(), true
	}
	if n.call.entry.says != "" {
		return n.call.counted(n.op, amount, n.with), false
	}
	if before, direct := outright[n.call.typ][n.op]; direct {
		return before + amount, true
	}
	return n.call.counted(n.op, amount, n.with), true
}

// outright is what stands before a text or a date; how, before any other amount.
var (
	outright = map[Type]map[string]string{
		Text: {"==": "", "!=": "known and not ", "in": ""},
		Date: {"==": "", "!=": "known and not ", "in": "", "<": "before ", "<=": "at the latest ", ">": "after ", ">=": "at the earliest "},
	}
	how = map[string]string{"==": "exactly ", "!=": "other than ", "<": "less than ", "<=": "at most ",
		">": "more than ", ">=": "at least ", "in": "exactly "}
)

// clause is what the entry says, with the amount in its place.
func (c *call) clause(amount string) string {
	s := c.says
	if c.window != nil && c.saysIn != "" {
		s = c.saysIn
	}
	if amount != "" {
		s = strings.ReplaceAll(s, "{n}", amount)
	}
	return c.filled(s)
}

// filled puts what stands in brackets into a clause: the text, the date field, the
// condition on events and the time span.
func (c *call) filled(s string) string {
	s = strings.ReplaceAll(s, "{x}", c.what.words(c))
	if c.of != nil {
		s = strings.ReplaceAll(s, "{of}", c.of.noun())
	}
	if strings.Contains(s, "{w}") {
		s = strings.ReplaceAll(s, "{w}", c.spanWords())
	} else if c.window != nil {
		s += " " + c.spanWords()
	}
	return strings.ReplaceAll(s, "{f}", c.filterWords())
}

// filterWords is the condition on the events that are looked at.
func (c *call) filterWords() string {
	if c.filter == nil {
		return ""
	}
	return " " + c.filter.words()
}

func (c *call) spanWords() string { return c.window.words(c.ahead, c.until) }

// noun is what the field is, with what stands in brackets.
func (c *call) noun() string {
	s, _, _ := strings.Cut(c.entry.noun, ":")
	switch {
	case c.entry.what != "":
		s += " " + c.what.words(c)
	case c.entry.count != "":
		s = "group out of " + strconv.FormatInt(c.count, 10) + " at random"
	case c.of != nil:
		s = strings.TrimSuffix(s, " a date field") + " the " + c.of.noun()
	}
	if c.window != nil {
		s += " " + c.spanWords()
	}
	return s
}

// words returns the value as it is written for that field.
func (o operand) words(of *call) string {
	switch {
	case o.call != nil && strings.HasPrefix(o.call.name, "launch."):
		return o.call.name
	case o.call != nil:
		return "the " + o.call.noun()
	case o.lit.typ == Money:
		return loyalty.FormatMoney(int64(o.lit.num), of.currency) + " " + of.currency
	case o.lit.typ == Number:
		return strconv.FormatFloat(o.lit.num, 'f', -1, 64)
	case o.lit.typ == Text:
		return strconv.Quote(o.lit.text)
	}
	return o.lit.text
}

// counted says how much of what: at least 3 orders.
func (c *call) counted(op, amount string, with []operand) string {
	if c.unit == "" {
		return how[op] + amount
	}
	of := strings.ReplaceAll(c.unit, "{x}", c.what.words(c))
	last := with[len(with)-1]
	one := last.call == nil && last.lit.num == 1 && op != "in"
	if !one {
		of = plural(of)
	}
	if strings.HasSuffix(c.unit, "event") {
		of += c.filterWords()
	}
	switch {
	case slices.Contains([]string{"day", "year", "percent", "times their usual gap"}, c.unit):
	case op == "<":
		return "fewer than " + amount + " " + of
	case op == "==" && last.call == nil && last.lit.num == 0:
		return "no " + of
	}
	return how[op] + amount + " " + of
}

func plural(one string) string {
	switch {
	case one == "percent" || strings.HasPrefix(one, "times "):
		return one
	case strings.HasSuffix(one, "y") && !strings.HasSuffix(one, "ay"):
		return strings.TrimSuffix(one, "y") + "ies"
	}
	return one + "s"
}
