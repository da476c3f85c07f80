package tiers

import (
	"errors"
	"fmt"
	"slices"
	"sort"

	"regulars/internal/loyalty"
	"regulars/internal/program"
	"regulars/internal/store"
	"regulars/segments"
)

// act is an order of a member, or what was booked of points, with what it and all of theirs
// before it come to.
type act struct {
	Member                          int64
	Day                             loyalty.Day
	At                              loyalty.Instant
	Order                           int64 // 0: none
	Orders, Spent, Quantity, Points int64
}

// of is how much of what a field reads there is by then.
func (a act) of(field string) int64 {
	switch field {
	case "orders":
		return a.Orders
	case "spent":
		return a.Spent
	case "quantity":
		return a.Quantity
	}
	return a.Points
}

// figures reports whether all rules ask for nothing but figures over all that a member
// ordered or earned.
func (t *Tiers) figures() bool {
	for _, tier := range t.list {
		if !tier.When.OnlyGoals() || slices.ContainsFunc(tier.When.Goals(), func(g segments.Goal) bool { return !g.Whole() }) {
			return false
		}
	}
	return true
}

// readPoints reports whether a rule reads what was earned.
func (t *Tiers) readPoints() bool {
	return slices.ContainsFunc(t.list, func(tier program.Tier) bool { return slices.Contains(tier.When.Reads(), "points_earned") })
}

// actsOf are those of members to the end of a day, of each in their order; with what was booked
// of points, if it is asked for.
func actsOf(tx *store.Tx, members []int64, until loyalty.Day, booked bool) (map[int64][]act, error) {
	points := ""
	if booked {
		points = `
		union  all
		select member_id, day, at, 0, 0, 0, 0, amount from entries
		where  member_id in ` + tx.In("@members") + ` and wallet = 'points' and kind in ('earn', 'bonus', 'takeback') and day <= @until`
	}
	var rows []act
	err := tx.All(&rows, `
		select member_id as member, day, at, id as "order", 1 as orders, total - refunded as spent, quantity, 0 as points from orders
		where  member_id in `+tx.In("@members")+` and counts and day <= @until`+points+`
		order  by 1, 2, 3, 4`, store.Args{"members": store.IDs(members), "until": int64(until)})
	if err != nil {
		return nil, fmt.Errorf("what %d members bought: %w", len(members), err)
	}
	all := map[int64][]act{}
	for i, from := 0, 0; i < len(rows); i++ {
		if a, was := &rows[i], rows[max(i-1, 0)]; was.Member == a.Member && i > 0 {
			a.Orders, a.Spent, a.Quantity, a.Points = a.Orders+was.Orders, a.Spent+was.Spent, a.Quantity+was.Quantity, a.Points+was.Points
		} else {
			from = i
		}
		all[rows[i].Member] = rows[from : i+1 : i+1]
	}
	return all, nil
}

// heldOf is the highest tier whose rule holds as of the end of a day for who did all that.
func (t *Tiers) heldOf(acts []act, day loyalty.Day) int {
	upTo := func(day loyalty.Day, field string) int64 {
		n := sort.Search(len(acts), func(i int) bool { return acts[i].Day > day })
		if n == 0 {
			return 0
		}
		return acts[n-1].of(field)
	}
	short := func(g segments.Goal) bool {
		first, last := g.Span(day)
		return upTo(last, g.Name)-upTo(first-1, g.Name) < g.At
	}
	for i := len(t.list) - 1; i >= 0; i-- {
		if !slices.ContainsFunc(t.list[i].When.Goals(), short) {
			return i + 1
		}
	}
	return 0
}

// life is what became of a member's standing, act by act.
type life struct {
	loyalty.Life
	by     map[int]act      // turn → by which it was reached
	before map[int64]string // order → the tier before it
	n      int              // so many of the acts have counted
}

// live goes on with a life to the end of a day, by the acts of the days up to another.
func (t *Tiers) live(l *life, acts []act, last, end loyalty.Day) {
	l.Ladder = t.ladder
	for ; l.n < len(acts) && acts[l.n].Day <= last; l.n++ {
		a := acts[l.n]
		l.Through(a.Day-1, func(day loyalty.Day) int { return t.heldOf(acts[:l.n], day) })
		if a.Order != 0 && l.before != nil {
			l.before[a.Order] = t.name(l.Stay.Tier)
		}
		turns := len(l.Turns)
		if l.Act(a.Day, func(day loyalty.Day) int { return t.heldOf(acts[:l.n+1], day) }); len(l.Turns) > turns && l.by != nil {
			l.by[turns] = a
		}
	}
	l.Through(end, func(day loyalty.Day) int { return t.heldOf(acts[:l.n], day) })
}

// LivesOf are the tiers that members would have had to the end of a day, of each order before
// the next, by a program that need not be in force: the one that each had before each of their
// orders, and who has which at the end.
func (t *Tiers) LivesOf(tx *store.Tx, members []int64, until loyalty.Day) (before map[int64]string, at map[int64]string, err error) {
	if !t.figures() || t.readPoints() {
		return nil, nil, errors.New("the tiers of the past can be told before its points only where their rules ask for orders, spent or quantity alone")
	}
	all, err := actsOf(tx, members, until, false)
	if err != nil {
		return nil, nil, err
	}
	before, at = map[int64]string{}, map[int64]string{}
	for member, acts := range all {
		l := life{before: before}
		t.live(&l, acts, until, until)
		at[member] = t.name(l.Stay.Tier)
	}
	return before, at, nil
}
