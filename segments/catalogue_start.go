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
		ofOrder("total", Money, "total", func(o *Order) value { return money(o.Total) }),
		ofOrder("discount", Money, "discount", func(o *Order) value { return money(o.Discount) }),
		ofOrder("quantity", Number, "number of items", func(o *Order) value { return number(o.Quantity) }),
		ofOrder("shop", Text, "point of sale", func(o *Order) value { return text(o.Shop) }),
		inOrder("product", func(l loyalty.Line, s string) bool { return l.Product == s }),
		inOrder("category", func(l loyalty.Line, s string) bool { return l.Category == s }),
		inOrder("label", func(l loyalty.Line, s string) bool { return slices.Contains(l.Labels, s) }),
		inOrder("brand", func(l loyalty.Line, s string) bool { return l.Brand == s }),
		{name: "order.items", typ: Number, what: "product or category", given: true,
			noun: "number of items of a product or category in the order", says: "whose order has {n}", unit: "{x} item",
			in: given(func(k *Known, c *call) value {
				want, n := c.whatValue(k), int64(0)
				for _, l := range k.orderLines() {
					if text(l.Product).is("==", want) || text(l.Category).is("==", want) {
						n += l.Quantity
					}
				}
				return number(n)
			})},
	}
}

// ofOrder is order.NAME.
func ofOrder(name string, typ Type, noun string, of func(*Order) value) *entry {
	e := &entry{name: "order." + name, typ: typ, given: true, noun: "order's " + noun,
		in: given(func(k *Known, _ *call) value {
			if k.Order == nil {
				return value{}
			}
			return of(k.Order)
		})}
	if name == "shop" {
		e.names = PointOfSale
	}
	if typ == Number {
		e.says, e.unit = "whose order has {n}", "item"
	}
	return e
}

// inOrder is order.WHAT("…"): the order has such a line.
func inOrder(what string, is func(loyalty.Line, string) bool) *entry {
	return &entry{name: "order." + what, typ: Bool, what: what, given: true,
		noun: "the order holds something of the " + what, says: "whose order holds the " + what + " {x}",
		in: given(func(k *Known, c *call) value {
			want := c.whatValue(k)
			for _, l := range k.orderLines() {
				if !want.nothing() && is(l, want.text) {
					return truth(true)
				}
			}
			return truth(false)
		})}
}

// launchValue is launch.NAME, as the campaign's start declares it.
func launchValue(name string, typ Type) *entry {
	return &entry{name: "launch." + name, typ: typ, given: true,
		noun: "launch's " + name,
		in:   given(func(k *Known, c *call) value { return read(k.Launch[name], c.typ, c.currency) })}
}

// eventProperty is event.NAME; what it is compared with decides its type.
func eventProperty(name string) *entry {
	return &entry{name: "event." + name, typ: Any, given: true,
		noun: "event's " + name,
		in:   given(func(k *Known, c *call) value { return read(k.Event[name], c.typ, c.currency) })}
}

// given reads what is known before the statement runs; the builder asks it for
// its value and never for SQL.
type given func(k *Known, c *call) value

func (g given) value(k *Known, c *call) value              { return g(k, c) }
func (g given) is(*builder, *call, string, []value) string { return "" }
func (g given) scalar(*builder, *call) string              { return "" }
