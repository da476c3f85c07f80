package loyalty

import (
	"math/big"
	"slices"
)

// Rates is by what an order earns.
type Rates struct {
	Earn    []Earn // those that hold for the order
	NotOn   []Of   // what earns nothing
	Base    string // "": goods as paid | total | before discounts
	Percent int64  // of the member's tier; 0: 100
}

// Target is how many points an order has earned, what was given back of it taken off:
// all that the rates give is added up exactly and rounded down once.
func Target(o Order, refunds []Refund, r Rates) int64 {
	if o.Status == Paid && plainly(&o, refunds, r) {
		if n, fits := wholly(&o, r); fits {
			return n
		}
	}
	return floor(Exact(o, refunds, r))
}

// Carry is the target of each of a member's orders, in their sequence, where what is
// rounded off one goes on to the next.
func Carry(earned []*big.Rat) []int64 {
	all := make([]int64, len(earned))
	sum, had := new(big.Rat), int64(0)
	for i, e := range earned {
		sum.Add(sum, e)
		n := floor(sum)
		all[i], had = n-had, n
	}
	return all
}

// Exact is Target before it is rounded down.
func Exact(o Order, refunds []Refund, r Rates) *big.Rat {
	sum := new(big.Rat)
	if o.Status != Paid {
		return sum
	}
	if plainly(&o, refunds, r) {
		return exactPlainly(&o, r)
	}
	b := newBasket(o, refunds, r)
	for _, e := range r.Earn {
		sum.Add(sum, b.earns(e))
	}
	if r.Percent != 0 {
		sum.Mul(sum, big.NewRat(r.Percent, 100))
	}
	return sum
}

// basket are the goods of an order that earn, less what was given back of them.
type basket struct {
	lines []Line
	kept  []*big.Rat // of each line, by the base
	items []*big.Rat // pieces of it that are kept; a line that was free has none
	sum   *big.Rat   // of all lines
	rest  *big.Rat   // what was paid beside goods, where the base is the total
}

func newBasket(o Order, refunds []Refund, r Rates) basket {
	lines, listed := slices.Clone(o.Lines), int64(0)
	for _, l := range lines {
		listed += l.Total
	}
	goods := goodsPaid(o, listed)
	if listed <= 0 { // they do not say what was paid for each
		lines = append(lines, Line{Quantity: 1, Total: goods})
		if len(o.Lines) == 0 {
			lines[0].Quantity = o.Quantity
		}
		for i := range o.Lines {
			lines[i].Total = 0
		}
		listed = goods
	}
	whole := len(o.Lines) == 0 && o.Total == 0 && !slices.ContainsFunc(refunds, func(f Refund) bool { return f.All || len(f.Lines) > 0 })
	b := basket{lines: lines, sum: new(big.Rat), rest: new(big.Rat)}
	left, others := keptOf(o, refunds, lines, ratio(goods, listed))
	share := ratio(goods, listed)
	switch r.Base {
	case "before discounts":
		share = ratio(goods+o.Discount, listed)
	case "total":
		b.rest.Mul(big.NewRat(o.Total-goods, 1), others)
	}
	for i, l := range lines {
		kept, items := new(big.Rat), new(big.Rat)
		if !slices.ContainsFunc(r.NotOn, func(of Of) bool { return of.Is(l) }) {
			kept.Mul(big.NewRat(l.Total, 1), share).Mul(kept, left[i])
			switch {
			case l.Total > 0:
				items.Mul(big.NewRat(l.Quantity, 1), left[i])
			case whole: // what its items cost, nobody says
				items.SetInt64(l.Quantity)
			}
		}
		b.kept, b.items = append(b.kept, kept), append(b.items, items)
		b.sum.Add(b.sum, kept)
	}
	return b
}

// goodsPaid is what was paid for the goods of an order, with tax and without shipping.
// What the lines have too much is a discount that they do not show, what they have too
// little is tax, or something else than goods.
func goodsPaid(o Order, listed int64) int64 {
	beside := o.Total - o.Shipping - listed
	switch {
	case len(o.Lines) == 0, listed <= 0, beside <= 0:
		return o.Total - o.Shipping
	case beside >= o.Tax:
		return listed + o.Tax
	}
	return listed
}

// keptOf is which part of each line, and of what is beside them, was not given back.
// Refunds with lines take from these, share of whose total was paid, the others from
// everything in proportion.
func keptOf(o Order, refunds []Refund, lines []Line, share *big.Rat) (left []*big.Rat, others *big.Rat) {
	left = make([]*big.Rat, len(lines))
	paid := make([]*big.Rat, len(lines)) // of each, and not given back yet
	for i, l := range lines {
		paid[i] = new(big.Rat).Mul(big.NewRat(l.Total, 1), share)
		left[i] = big.NewRat(1, 1)
	}
	base, plain := big.NewRat(o.Total, 1), new(big.Rat)
	for _, f := range refunds {
		if f.All {
			f.Total = o.Total
		}
		back := big.NewRat(f.Total, 1)
		var named int64
		for _, l := range f.Lines {
			named += l.Total
		}
		if named <= 0 {
			plain.Add(plain, back)
			continue
		}
		scale := big.NewRat(1, 1)
		if named > f.Total {
			scale = ratio(f.Total, named)
		}
		for _, l := range f.Lines {
			open := new(big.Rat).Mul(big.NewRat(l.Total, 1), scale)
			for i := range lines {
				if !sameGoods(lines[i], l) || paid[i].Sign() <= 0 || open.Sign() <= 0 {
					continue
				}
				part := open
				if part.Cmp(paid[i]) > 0 {
					part = paid[i]
				}
				part = new(big.Rat).Set(part)
				open.Sub(open, part)
				back.Sub(back, part)
				paid[i].Sub(paid[i], part)
				base.Sub(base, part)
				left[i].Quo(paid[i], new(big.Rat).Mul(big.NewRat(lines[i].Total, 1), share))
			}
			plain.Add(plain, open) // nobody bought that: it is of the whole
			back.Sub(back, open)
		}
		base.Sub(base, back) // of what is beside goods
	}
	others = new(big.Rat)
	if base.Sign() > 0 && plain.Cmp(base) < 0 {
		others.Sub(base, plain)
		others.Quo(others, base)
	}
	for i := range left {
		left[i].Mul(left[i], others)
	}
	return left, others
}

// sameGoods reports whether a line of a refund is of what a line of the order is.
func sameGoods(l, back Line) bool {
	if back.Product != "" || l.Product != "" {
		return l.Product == back.Product
	}
	return l.Name == back.Name
}

// Is reports whether a line is something of that.
func (of Of) Is(l Line) bool {
	switch of.Kind {
	case "":
		return true
	case "product":
		return l.Product == of.Name || l.Name == of.Name
	case "category":
		return l.Category == of.Name
	case "brand":
		return l.Brand == of.Name
	}
	return slices.Contains(l.Labels, of.Name)
}

// earns is what one way to earn gives for the basket.
func (b basket) earns(e Earn) *big.Rat {
	none := new(big.Rat)
	if e.For != "" && e.For != "order" && e.For != "item" || b.sum.Cmp(big.NewRat(e.Minimum, 1)) < 0 {
		return none
	}
	amount, items := new(big.Rat), new(big.Rat)
	for i, l := range b.lines {
		if e.Of.Is(l) {
			amount.Add(amount, b.kept[i])
			items.Add(items, b.items[i])
		}
	}
	times := new(big.Rat) // N of them
	switch {
	case e.For == "order":
		if amount.Sign() > 0 {
			times.SetInt64(1)
		}
	case e.Per > 0:
		if e.Of.Kind == "" {
			amount.Add(amount, b.rest)
		}
		times.Quo(amount, big.NewRat(e.Per, 1))
	default: // an item
		times.SetInt64(floor(items))
	}
	if most := big.NewRat(e.AtMost.N, 1); e.AtMost.In == "order" && times.Cmp(most) > 0 {
		times = most
	}
	if times.Sign() < 0 {
		return none
	}
	return times.Mul(times, big.NewRat(e.N, 1))
}

func ratio(a, b int64) *big.Rat {
	if b == 0 {
		return new(big.Rat)
	}
	return big.NewRat(a, b)
}

// floor is the whole number below, at least 0 and at most what may come in.
func floor(r *big.Rat) int64 {
	n := new(big.Int).Div(r.Num(), r.Denom()) // Euclidean: the denominator is positive
	switch {
	case n.Sign() < 0:
		return 0
	case n.Cmp(big.NewInt(Most)) > 0:
		return Most
	}
	return n.Int64()
}
