package segments

// node is a part of a checked rule that is true or false for a member.
// sql is in sql.go, words in words.go.
type node interface {
	// sql returns a condition that is never null; if not is set, its opposite.
	sql(b *builder, not bool) string
	words() string
	// visit calls f for every field that is read, those of other segments too, but
	// not for the properties of events.
	visit(f func(*call))
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

func (n allOf) visit(f func(*call))    { visitAll(n, f) }
func (n anyOf) visit(f func(*call))    { visitAll(n, f) }
func (n negation) visit(f func(*call)) { n.of.visit(f) }
func (n always) visit(func(*call))     {}
func (n isTrue) visit(f func(*call))   { n.call.visit(f) }
func (n hasValue) visit(f func(*call)) { n.of.visit(f) }

func (n compare) visit(f func(*call)) {
	n.call.visit(f)
	for _, o := range n.with {
		o.visit(f)
	}
}

func (n contains) visit(f func(*call)) {
	n.call.visit(f)
	for _, o := range n.what {
		o.visit(f)
	}
}

func (n inSegment) visit(f func(*call)) { n.rule.root.visit(f) }

func visitAll(nodes []node, f func(*call)) {
	for _, n := range nodes {
		n.visit(f)
	}
}

func (c *call) visit(f func(*call)) {
	if !c.inner {
		f(c)
	}
	c.what.visit(f)
	if c.filter != nil {
		c.filter.visit(f)
	}
	if c.of != nil {
		c.of.visit(f)
	}
}

func (o operand) visit(f func(*call)) {
	if o.call != nil {
		o.call.visit(f)
	}
}
