package segments

// node is a part of a checked rule that is true or false for a member.
// sql is in sql.go, words in words.go.
type node interface {
	// sql returns a condition that is never null; if not is set, its opposite.
	sql(b *builder, not bool) string
	words() string
}

type (
	// allOf is true if all parts are; anyOf if one is.
	allOf []node
	anyOf []node
	// negation is not.
	negation struct{ of node }
	// always is true or false.
	always bool
	// isTrue is a field that is yes or no.
	isTrue struct{ call *call }
	// hasValue says whether a field has a value.
	hasValue struct{ of *call }
	// compare is field op value; for in there may be many values.
	compare struct {
		call *call
		op   string
		with []operand
	}
	// contains is "what" in list; of several, any will do.
	contains struct {
		call *call
		what []operand
	}
	// inSegment is the rule of another segment.
	inSegment struct {
		name string
		rule *Rule
	}
)

// use is a field that a rule reads, where it does so.
type use struct {
	*call
	with    []operand // what it is compared with
	segment string    // in whose rule it stands; "": in the rule itself
}

func usesIn(n node, segment string) (all []use) {
	var field func(c *call, with []operand)
	field = func(c *call, with []operand) {
		if !c.inner {
			all = append(all, use{c, with, segment})
		}
		if c.filter != nil {
			all = append(all, usesIn(c.filter, segment)...)
		}
		if c.goal != nil {
			field(c.goal.call, nil)
		}
		for _, step := range c.way {
			for _, g := range step.goals {
				field(g.call, nil)
			}
		}
		for _, o := range append([]operand{c.what, {call: c.of}}, with...) {
			if o.call != nil {
				field(o.call, nil)
			}
		}
	}
	switch n := n.(type) {
	case allOf:
		for _, part := range n {
			all = append(all, usesIn(part, segment)...)
		}
	case anyOf:
		return usesIn(allOf(n), segment)
	case negation:
		return usesIn(n.of, segment)
	case inSegment:
		return usesIn(n.rule.root, n.name)
	case isTrue:
		field(n.call, nil)
	case hasValue:
		field(n.of, nil)
	case compare:
		field(n.call, n.with)
	case contains:
		field(n.call, n.what)
	}
	return all
}
