package segments

// Kind is a kind of names that no program declares: what there is of them is what
// came in.
type Kind string

// The kinds, as people call them.
const (
	Product           Kind = "product"
	Category          Kind = "category"
	ProductOrCategory Kind = "product or category"
	Brand             Kind = "brand"
	Label             Kind = "label"
	Tag               Kind = "tag"
	EventType         Kind = "event"
	PointOfSale       Kind = "point of sale"
	Country           Kind = "country"
)

// Name is a name that stands in a rule as a text, as rules compare it.
type Name struct {
	Kind    Kind
	Text    string
	Segment string // in whose rule it stands; "": in the rule itself
	Offset  int    // of the text, in bytes from the start of that rule
}

// Names returns the names of such kinds in the rule, as they stand in it, and
// those of other segments that it reads.
func (r *Rule) Names() []Name {
	var n names
	n.node(r.root)
	return n.all
}

// naming is the kind of what the entry's text names, in brackets or compared with;
// "": none.
func (e *entry) naming() Kind {
	switch k := Kind(e.what); k {
	case Product, Category, ProductOrCategory, Brand, Label, Tag, EventType, PointOfSale:
		return k
	}
	return e.names
}

// names collects the names of a rule.
type names struct {
	all     []Name
	segment string
}

func (c *names) nodes(all []node) {
	for _, n := range all {
		c.node(n)
	}
}

func (c *names) node(n node) {
	switch n := n.(type) {
	case allOf:
		c.nodes(n)
	case anyOf:
		c.nodes(n)
	case negation:
		c.node(n.of)
	case isTrue:
		c.call(n.call)
	case hasValue:
		c.call(n.of)
	case compare:
		c.call(n.call)
		c.operands(n.call.names, n.with)
	case contains:
		c.call(n.call)
		c.operands(n.call.names, n.what)
	case inSegment:
		inside := names{segment: n.name}
		inside.node(n.rule.root)
		c.all = append(c.all, inside.all...)
	}
}

func (c *names) call(of *call) {
	if of.entry.what != "" {
		c.operands(of.naming(), []operand{of.what})
	}
	if of.filter != nil {
		c.node(of.filter)
	}
	if of.of != nil {
		c.call(of.of)
	}
}

func (c *names) operands(kind Kind, all []operand) {
	for _, o := range all {
		switch {
		case o.call != nil:
			c.call(o.call)
		case kind != "" && o.lit.typ == Text:
			c.all = append(c.all, Name{kind, o.lit.text, c.segment, o.pos})
		}
	}
}
