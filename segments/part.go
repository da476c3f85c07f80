package segments

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"regulars/internal/loyalty"
)

// Part is a piece of a rule that can be asked by itself: one of the conditions
// joined with and, or one of the alternatives joined with or.
type Part struct {
	Rule    *Rule  // the piece as a rule of its own, without a text
	Clause  string // in words: who have at least 2 orders
	Or      bool   // an alternative: it holds, or another one beside it
	Not     bool   // the rule wants the opposite of what Parts say together
	Segment string // whose rule Parts are; "": they are written out in this rule
	Parts   []Part // of what it is made; none: it is one condition
}

// partsDeep is how far Parts takes a rule apart: the rule, and once more what
// stands in brackets or in another segment.
const partsDeep = 2

// Parts takes the rule apart, for saying how many members each part keeps, and
// which one fails. A rule that is the name of a segment is that segment's.
func (r *Rule) Parts() []Part {
	root := r.root
	if s, named := root.(inSegment); named {
		root = s.rule.root
	}
	return partsOf(root, partsDeep)
}

func partsOf(n node, deep int) []Part {
	alternatives, or := n.(anyOf)
	all, and := n.(allOf)
	if !or && !and {
		return []Part{partOf(n, deep)}
	}
	var parts []Part
	for _, kid := range slices.Concat(all, allOf(alternatives)) {
		if _, nested := kid.(allOf); nested && and { // (a and b) and c
			parts = append(parts, partsOf(kid, deep)...)
			continue
		}
		part := partOf(kid, deep)
		part.Or = or
		parts = append(parts, part)
	}
	return parts
}

func partOf(n node, deep int) Part {
	p := Part{Rule: newRule("", n, 0), Clause: n.words()}
	if deep == 1 {
		return p
	}
	inner := n
	if not, ok := n.(negation); ok {
		inner, p.Not = not.of, true
	}
	switch inner := inner.(type) {
	case allOf, anyOf:
		p.Parts = partsOf(inner, deep-1)
	case inSegment:
		p.Segment, p.Parts = inner.name, partsOf(inner.rule.root, deep-1)
	}
	p.Not = p.Not && p.Parts != nil
	return p
}

// Measure is a field that a part compares, for saying what a member has of it.
type Measure struct {
	Field string // as it is written in the rule
	Wants string // what the part wants of it, in words; "" for the field on the other side
	call  *call
}

// Measures returns the fields that a part of one condition compares: none where
// the answer is yes or no anyway.
func (p Part) Measures() []Measure {
	n, not := p.Rule.root, ""
	if o, ok := n.(negation); ok {
		n, not = o.of, "not "
	}
	c, ok := n.(compare)
	if !ok || c.call.fixed() {
		return nil
	}
	measures := []Measure{{c.call.asWritten(), not + c.wants(), c.call}}
	if other := c.with[0].call; other != nil && !other.fixed() {
		measures = append(measures, Measure{Field: other.asWritten(), call: other})
	}
	return measures
}

// SQL returns the field as an expression over f, null when there is nothing, and
// the values of its parameters.
func (m Measure) SQL(q Query) (expr string, args map[string]any) {
	b := newBuilder(q)
	if expr = m.call.in.scalar(b, m.call); expr == "" {
		expr = "null"
	}
	return expr, b.args
}

// Value returns what the expression gave as JSON has it: a number, a text, nil.
// Money is a text in major units.
func (m Measure) Value(raw any) any {
	v := m.read(raw)
	switch {
	case v.nothing():
		return nil
	case v.typ == Money:
		return loyalty.FormatMoney(int64(math.Round(v.num)), m.call.currency)
	case v.typ == Number:
		return v.num
	}
	return v.text
}

// Words says what one member has: last ordered 12 days ago.
func (m Measure) Words(raw any) string {
	v := m.read(raw)
	switch {
	case v.nothing():
		return m.call.noun() + ": none"
	case m.call.says != "":
		return OfOne(m.call.clause(m.call.amount(v)))
	}
	return m.call.noun() + " is " + m.call.amount(v)
}

// read takes what a database gave.
func (m Measure) read(raw any) value {
	v := value{typ: m.call.typ}
	switch raw := raw.(type) {
	case nil:
		return value{}
	case int64:
		v.num = float64(raw)
	case float64:
		v.num = raw
	case []byte:
		return m.read(string(raw))
	case string:
		if v.text = raw; v.typ == Number || v.typ == Money {
			v.num, _ = strconv.ParseFloat(raw, 64)
		}
	}
	if v.typ == Text {
		return text(v.text)
	}
	return v
}

// amount is a value with its unit: 12 days.
func (c *call) amount(v value) string {
	if v.num = math.Round(v.num*100) / 100; v.typ == Money {
		v.num = math.Round(v.num)
	}
	s := operand{lit: v}.words(c)
	if c.unit == "" {
		return s
	}
	unit := strings.ReplaceAll(c.unit, "{x}", c.what.words(c))
	if v.num != 1 {
		unit = plural(unit)
	}
	if strings.HasSuffix(c.unit, "event") {
		unit += c.filterWords()
	}
	return s + " " + unit
}

// asWritten is the field as it stands in the rule.
func (c *call) asWritten() string {
	var args []string
	if c.entry.what != "" {
		args = append(args, c.what.words(c))
	}
	if c.of != nil {
		args = append(args, c.of.name)
	}
	if c.entry.count != "" {
		args = append(args, strconv.FormatInt(c.count, 10))
	}
	if c.filter != nil {
		args = append(args, "…")
	}
	switch w := c.window; {
	case w == nil:
	case w.fixed():
		args = append(args, strconv.Quote(w.from.String()), strconv.Quote(w.to.String()))
	case w.unit == thisYear:
		args = append(args, `"this year"`)
	default:
		args = append(args, strconv.Quote(strconv.Itoa(w.n)+string(w.unit)))
	}
	return inBrackets(c.name, args)
}

// OfOne turns a clause about members, "who have 5 orders", into one about a
// single one: "has 5 orders".
func OfOne(clause string) string {
	for _, verb := range []struct{ many, one string }{
		{"who have ", "has "}, {"who are ", "is "}, {"who hold ", "holds "}, {"who make ", "makes "}, {"who spend ", "spends "},
		{"who usually order ", "usually orders "}, {"who ", ""}, {"whose ", ""},
	} {
		if rest, ok := strings.CutPrefix(clause, verb.many); ok {
			return strings.Replace(verb.one+rest, " 0 days ago", " today", 1)
		}
	}
	return clause
}

// Expression is a field of the catalogue by itself, as a report sorts members by
// it, not compared with anything. It is immutable.
type Expression struct{ call *call }

// ParseField reads a field, with its text and its time span where it takes them.
// The error is always an *Error.
func ParseField(text string, s Scope) (*Expression, error) {
	return located(text, func() *Expression {
		syntax := parse(text)
		if syntax.form != formName {
			panic(fail(syntax.pos, "the name of a field stands here, like %s", "lifecycle"))
		}
		call := newChecker(s).call(syntax)
		if call.typ == Bool || call.typ == List || call.typ == Any {
			panic(fail(syntax.pos, "%s is %s, which does not sort members", call.name, call.typ.a()))
		}
		return &Expression{call}
	})
}

// Known is the rule that the field has a value: it needs the same norms.
func (e *Expression) Known() *Rule { return newRule("known("+e.call.name+")", hasValue{e.call}, 1) }

// SQL returns the field as an SQL expression over the alias f, null where a member
// has no value, and the values of its parameters.
func (e *Expression) SQL(q Query) (expr string, args map[string]any) {
	b := newBuilder(q)
	return e.call.in.scalar(b, e.call), b.args
}
