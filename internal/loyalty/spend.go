package loyalty

import (
	"cmp"
	"slices"
)

// Lot is what is left of a credit.
type Lot struct {
	ID      int64 // of the credit
	Order   int64 // by which it was earned; 0: by none
	Opens   Day   // the first day on which it can be spent
	Last    Day   // the last one; 0: no end
	Remains int64
}

// Open reports whether the lot can be spent on a day.
func (l Lot) Open(d Day) bool { return l.Opens <= d && !l.Ended(d) }

// Ended reports whether the lot's last day is before a day.
func (l Lot) Ended(d Day) bool { return l.Last != 0 && l.Last < d }

// Draw is what a debit takes from a credit.
type Draw struct{ Debit, Credit, N int64 }

// Spend takes n points from lots: those of the order own first, whether they are open
// or not, then those that are open today: the one that ends soonest first, what never
// ends last, then the oldest. The lots are made smaller; short is what they lack.
func Spend(lots []*Lot, debit, n int64, today Day, own int64) (draws []Draw, short int64) {
	var from []*Lot
	for _, l := range lots {
		if l.Open(today) || own != 0 && l.Order == own {
			from = append(from, l)
		}
	}
	slices.SortStableFunc(from, func(x, y *Lot) int {
		if a, b := own != 0 && x.Order == own, own != 0 && y.Order == own; a != b {
			return map[bool]int{true: -1, false: 1}[a]
		}
		return x.before(y)
	})
	return take(from, debit, n)
}

func (l *Lot) before(m *Lot) int {
	if (l.Last == 0) != (m.Last == 0) {
		return cmp.Compare(m.Last, l.Last) // what never ends is last
	}
	return cmp.Or(cmp.Compare(l.Last, m.Last), cmp.Compare(l.Opens, m.Opens), cmp.Compare(l.ID, m.ID))
}

func take(from []*Lot, debit, n int64) (draws []Draw, short int64) {
	for _, l := range from {
		if part := min(n, l.Remains); part > 0 {
			draws = append(draws, Draw{debit, l.ID, part})
			l.Remains -= part
			n -= part
		}
	}
	return draws, n
}

// Debt is what a debit found too little for.
type Debt struct {
	ID   int64 // of the debit
	Day  Day
	Rest int64
}

// Settle pays debts, the oldest first, from lots that have opened by today: from each
// as of the day on which it could first, so that a lot that has ended since paid
// before it ended.
func Settle(debts []*Debt, lots []*Lot, today Day) (draws []Draw) {
	slices.SortFunc(debts, func(x, y *Debt) int { return cmp.Or(cmp.Compare(x.Day, y.Day), cmp.Compare(x.ID, y.ID)) })
	for _, d := range debts {
		var from []*Lot
		for _, l := range lots {
			if l.Opens <= today && !l.Ended(max(d.Day, l.Opens)) {
				from = append(from, l)
			}
		}
		slices.SortFunc(from, func(x, y *Lot) int {
			return cmp.Or(cmp.Compare(max(d.Day, x.Opens), max(d.Day, y.Opens)), x.before(y))
		})
		paid, rest := take(from, d.ID, d.Rest)
		d.Rest = rest
		draws = append(draws, paid...)
	}
	return draws
}
