package segments

import (
	"slices"

	"regulars/internal/loyalty"
)

// rhythmFields hold a member's silence against how often they usually order.
func rhythmFields() []*entry {
	return []*entry{
		{name: "usual_gap", typ: Number, from: fromOrders,
			noun: "usual gap between orders: the median number of days from one day with an order to the next",
			says: "who usually order again after {n}", unit: "day",
			also: []string{"gap", "median_gap", "order_interval", "days_between_orders", "average_gap"},
			in:   column{expr: "f.usual_gap", guard: "f.usual_gap is not null", double: true, of: func(k *Known, _ *call) value { return k.usualGap() }}},
		{name: "overdue", typ: Number, from: fromOrders, timed: true, norm: ofGap,
			noun: "days since the last order over the member's usual gap",
			says: "whose days since the last order are {n}", unit: "times their usual gap",
			also: []string{"late", "lateness", "is_late"},
			in:   formula{expr: overdueSQL, double: true, of: func(k *Known, _ *call) value { return k.overdue() }}},
	}
}

// surest is the number of gaps from which a member's own usual gap stands alone.
const surest = 2

// What overdue divides by: a member's own usual gap, drawn towards that of the
// program while the member has made few gaps. With n gaps, n = order days - 1,
//
//	expected = (n * usual_gap + (2 - n) * program) / 2   for n < 2
//	expected = usual_gap                                  from n = 2 on
//
// where program is the median of all members' usual gaps (Norms.Gap). So after one
// order the program's gap stands alone, after two each counts half, and from three
// on the member's own does. As long as nobody has ordered twice there is no
// program's gap, and overdue is nothing for those who need it. overdue > 1.5 means:
// half again later than usual.
func (k *Known) overdue() value {
	last := lastOrder(k.paid(nil))
	if last == nil {
		return value{}
	}
	n, own, program := distinctDays(k.paid(nil))-1, k.usualGap().num, k.programGap()
	switch {
	case n >= surest:
	case program == 0:
		return value{}
	case n == 1:
		own = (own + program) / 2
	default:
		own = program
	}
	return value{typ: Number, num: float64(k.Day-*last) / own}
}

// overdueSQL is overdue over the row of facts.
func overdueSQL(b *builder, _ *call) string {
	silent := "cast(" + b.today() + " - f.last_day as double precision)"
	program := b.known.programGap()
	if program == 0 {
		return "(" + silent + " / (case when f.order_days >= 3 then f.usual_gap end))"
	}
	gap := "cast(" + b.bind(program) + " as double precision)"
	return "(" + silent + " / (case when f.order_days >= 3 then f.usual_gap when f.order_days = 2 then (f.usual_gap + " + gap + ") / 2 else " + gap + " end))"
}

// programGap is the median of the members' usual gaps; 0: there is none.
func (k *Known) programGap() float64 {
	if k.Norms == nil {
		return 0
	}
	return k.Norms.Gap
}

// usualGap is the median of the days between successive days with an order. Of an
// even number of gaps it is the middle between the two in the middle, so it is
// exact to half a day.
func (k *Known) usualGap() value {
	ordered := orderDays(k.paid(nil))
	if len(ordered) < 2 {
		return value{}
	}
	gaps := make([]float64, len(ordered)-1)
	for i := range gaps {
		gaps[i] = float64(ordered[i+1] - ordered[i])
	}
	slices.Sort(gaps)
	n := len(gaps)
	return value{typ: Number, num: (gaps[(n-1)/2] + gaps[n/2]) / 2}
}

// orderDays returns the days of orders, each once, in the order of time.
func orderDays(orders []Order) []loyalty.Day {
	days := make([]loyalty.Day, len(orders))
	for i, o := range orders {
		days[i] = o.Day
	}
	slices.Sort(days)
	return slices.Compact(days)
}
