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
func (r *Rule) Names() (all []Name) {
	for _, u := range r.uses {
		add := func(kind Kind, operands ...operand) {
			for _, o := range operands {
				if kind != "" && o.call == nil && o.lit.typ == Text {
					all = append(all, Name{kind, o.lit.text, u.segment, o.pos})
				}
			}
		}
		add(u.naming(), u.what)
		add(u.names, u.with...)
	}
	return all
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
