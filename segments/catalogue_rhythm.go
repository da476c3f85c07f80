package segments

// rhythmFields hold a member's silence against how often they usually order.
func rhythmFields() []*entry {
	return []*entry{
		{name: "usual_gap", typ: Number, from: fromOrders,
			noun: "usual gap between orders: the median number of days from one day with an order to the next",
			says: "who usually order again after {n}", unit: "day",
			also: []string{"gap", "median_gap", "order_interval", "days_between_orders", "average_gap"},
			in:   column{expr: "f.usual_gap", guard: "f.usual_gap is not null", double: true}},
		{name: "overdue", typ: Number, from: fromOrders, norm: ofGap,
			noun: "days since the last order over the member's usual gap",
			says: "whose days since the last order are {n}", unit: "times their usual gap",
			also: []string{"late", "lateness", "is_late"},
			in:   formula{expr: overdueSQL, double: true}},
	}
}

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
func overdueSQL(b *builder, _ *call) string {
	silent := "cast(" + b.today() + " - f.last_day as double precision)"
	program := b.q.Norms.gap()
	if program == 0 {
		return "(" + silent + " / (case when f.order_days >= 3 then f.usual_gap end))"
	}
	gap := "cast(" + b.bind(program) + " as double precision)"
	return "(" + silent + " / (case when f.order_days >= 3 then f.usual_gap when f.order_days = 2 then (f.usual_gap + " + gap + ") / 2 else " + gap + " end))"
}

// gap is the median of the members' usual gaps; 0: there is none.
func (n *Norms) gap() float64 {
	if n == nil {
		return 0
	}
	return n.Gap
}
