package segments

import (
	"slices"

	"regulars/internal/loyalty"
)

// startFields read the order that started a campaign. Like the values of a launch
// and the properties of an event they are known before any statement runs, so
// they reach SQL as parameters, or not at all.
func startFields() []*entry {
	return []*entry{
		{name: "order.total", typ: Money, given: true, noun: "order's total",
			in: ofOrder(func(o *Order) value { return money(o.Total) })},
		{name: "order.discount", typ: Money, given: true, noun: "order's discount",
			in: ofOrder(func(o *Order) value { return money(o.Discount) })},
		{name: "order.quantity", typ: Number, given: true, noun: "order's number of items", says: "whose order has {n}", unit: "item",
			in: ofOrder(func(o *Order) value { return number(o.Quantity) })},
		{name: "order.shop", typ: Text, given: true, noun: "order's point of sale", names: PointOfSale,
			in: ofOrder(func(o *Order) value { return text(o.Shop) })},
		inOrder("product", func(l loyalty.Line, s string) bool { return l.Product == s }),
		inOrder("category", func(l loyalty.Line, s string) bool { return l.Category == s }),
		inOrder("label", func(l loyalty.Line, s string) bool { return slices.Contains(l.Labels, s) }),
		inOrder("brand", func(l loyalty.Line, s string) bool { return l.Brand == s }),
		{name: "order.items", typ: Number, what: "product or category", given: true,
			noun: "number of items of a product or category in the order", says: "whose order has {n}", unit: "{x} item",
			in: given(func(q *Query, c *call) value {
				want, n := c.whatValue(q.look), int64(0)
				for _, l := range q.lines() {
					if text(l.Product).is("==", want) || text(l.Category).is("==", want) {
						n += l.Quantity
					}
				}
				return number(n)
			})},
	}
}

// ofOrder reads the order that started the campaign.
func ofOrder(read func(*Order) value) given {
	return func(q *Query, _ *call) value {
		if q.Order == nil {
			return value{}
		}
		return read(q.Order)
	}
}

// inOrder is order.WHAT("…"): the order has such a line.
func inOrder(what string, is func(loyalty.Line, string) bool) *entry {
	return &entry{name: "order." + what, typ: Bool, what: what, given: true,
		noun: "the order holds something of the " + what, says: "whose order holds the " + what + " {x}",
		in: given(func(q *Query, c *call) value {
			want := c.whatValue(q.look)
			return truth(!want.nothing() && slices.ContainsFunc(q.lines(), func(l loyalty.Line) bool { return is(l, want.text) }))
		})}
}

func launchValue(name string, typ Type) *entry {
	return &entry{name: "launch." + name, typ: typ, given: true,
		noun: "launch's " + name,
		in:   given(func(q *Query, c *call) value { return read(q.Launch[name], c.typ, c.currency) })}
}

// eventProperty is event.NAME; what it is compared with decides its type.
func eventProperty(name string) *entry {
	return &entry{name: "event." + name, typ: Any, given: true,
		noun: "event's " + name,
		in:   given(func(q *Query, c *call) value { return read(q.Event[name], c.typ, c.currency) })}
}

// given reads what is known before the statement runs; it never reaches SQL but as
// a parameter.
type given func(q *Query, c *call) value

func (given) is(*builder, *call, string, []value) string { return "" }
func (given) scalar(*builder, *call) string              { return "" }

// look returns the value of a field that is known before the statement runs.
func (q *Query) look(c *call) value {
	switch in := c.in.(type) {
	case given:
		return in(q, c)
	case fromDate:
		return in.count(q.look(c.of), q.Day)
	}
	return value{}
}

// lines are those of the order that started the campaign.
func (q *Query) lines() []loyalty.Line {
	if q.Order == nil {
		return nil
	}
	return q.Order.Lines
}
