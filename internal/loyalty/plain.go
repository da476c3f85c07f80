package loyalty

import (
	"math/big"
	"math/bits"
	"slices"
)

// plainly reports whether an order is as most are: nothing of it was given back, its
// lines say what was paid for each, and the rates are of goods as paid.
func plainly(o *Order, refunds []Refund, r Rates) bool {
	if len(refunds) > 0 || r.Base != "" || len(o.Lines) == 0 {
		return false
	}
	var listed int64
	for i := range o.Lines {
		if o.Lines[i].Total < 0 {
			return false
		}
		listed += o.Lines[i].Total
	}
	return listed > 0 && listed == o.Total-o.Shipping && o.Total > 0
}

// given is how often a way to earn gives its points for a plain order: times ÷ per, and
// nothing where times is not above 0.
type given struct {
	n          int64 // points
	times, per int64
	most       int64 // times; below 0: no limit
}

// givenPlainly is what the rates give for a plain order, whose amounts are whole.
func givenPlainly(o *Order, r Rates, take func(given)) {
	earning := func(l *Line) bool { return !slices.ContainsFunc(r.NotOn, func(of Of) bool { return of.Is(*l) }) }
	var all int64
	for i := range o.Lines {
		if earning(&o.Lines[i]) {
			all += o.Lines[i].Total
		}
	}
	for _, e := range r.Earn {
		if e.For != "" && e.For != "order" && e.For != "item" || all < e.Minimum {
			continue
		}
		var amount, items int64
		for i := range o.Lines {
			if l := &o.Lines[i]; l.Total > 0 && e.Of.Is(*l) && earning(l) {
				amount, items = amount+l.Total, items+l.Quantity
			}
		}
		g := given{n: e.N, times: min(items, Most), per: 1, most: -1}
		switch {
		case e.For == "order":
			if g.times = 0; amount > 0 {
				g.times = 1
			}
		case e.Per > 0:
			g.times, g.per = amount, e.Per
		}
		if e.AtMost.In == "order" {
			g.most = max(0, e.AtMost.N)
		}
		if g.times > 0 {
			take(g)
		}
	}
}

// exactPlainly is Exact of a plain order.
func exactPlainly(o *Order, r Rates) *big.Rat {
	sum := new(big.Rat)
	givenPlainly(o, r, func(g given) {
		n := ratio(g.times, g.per)
		if most := big.NewRat(g.most, 1); g.most >= 0 && n.Cmp(most) > 0 {
			n = most
		}
		sum.Add(sum, n.Mul(n, big.NewRat(g.n, 1)))
	})
	if r.Percent != 0 {
		sum.Mul(sum, big.NewRat(r.Percent, 100))
	}
	return sum
}

// wholly is Target of a plain order in whole numbers, unless they grow too large on the way:
// most fit, and fractions of large numbers take longer than all else about an order.
func wholly(o *Order, r Rates) (n int64, fits bool) {
	sum := whole{num: 0, den: 1, fits: r.Percent >= 0}
	givenPlainly(o, r, func(g given) {
		if g.n < 0 {
			sum.fits = false
			return
		}
		times, per := uint64(g.times), uint64(g.per)
		if g.most >= 0 {
			if most := sum.times(uint64(g.most), per); times > most {
				times, per = uint64(g.most), 1
			}
		}
		sum.add(sum.times(times, uint64(g.n)), per)
	})
	percent, hundred := uint64(1), uint64(1)
	if r.Percent != 0 {
		percent, hundred = uint64(r.Percent), 100
	}
	den := sum.times(sum.den, hundred)
	high, low := bits.Mul64(sum.num, percent)
	if !sum.fits || high >= den {
		return 0, false
	}
	below, _ := bits.Div64(high, low, den)
	return int64(min(below, uint64(Most))), true
}

// whole is a fraction of whole numbers not below 0, that fits as long as none of them has
// become larger than a word.
type whole struct {
	num, den uint64
	fits     bool
}

func (w *whole) times(a, b uint64) uint64 {
	high, low := bits.Mul64(a, b)
	w.fits = w.fits && high == 0
	return low
}

// add adds num ÷ den.
func (w *whole) add(num, den uint64) {
	if den != w.den {
		num, w.num, w.den = w.times(num, w.den), w.times(w.num, den), w.times(w.den, den)
	}
	sum, over := bits.Add64(w.num, num, 0)
	w.num, w.fits = sum, w.fits && over == 0
}
