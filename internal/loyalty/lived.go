package loyalty

import "sort"

// Turn is what became of a stay on a day: one that was reached in the course of it, or that
// ended or was kept with it.
type Turn struct {
	Day     Day
	What    string // Up, Kept or Down
	Was, Is Stay
}

// Life is a member's standing as it would have become, had the tiers been there all the time.
// Days come in order, and holds is the highest tier whose rule holds as of the end of a day,
// which by itself never rises from one of them to the next.
type Life struct {
	Ladder Ladder
	Stay   Stay
	Turns  []Turn

	next Day // the first day whose end is not decided about
}

// Act has something of a day count: holds is as of then, all that came before it included.
func (l *Life) Act(day Day, holds func(Day) int) {
	l.Through(day-1, holds)
	is, what := TierUp(l.Ladder, l.Stay, holds(day), day)
	l.turn(day, is, what)
}

// Through decides about the ends of the days up to one, on which nothing comes to count.
func (l *Life) Through(until Day, holds func(Day) int) {
	for day := l.due(l.next, until, holds); day <= until; day = l.due(day+1, until, holds) {
		is, what := TierAfter(l.Ladder, l.Stay, holds(day), day)
		l.turn(day, is, what)
	}
	l.next = max(l.next, until+1)
}

func (l *Life) turn(day Day, is Stay, what string) {
	if what != "" {
		l.Turns = append(l.Turns, Turn{day, what, l.Stay, is})
	}
	l.Stay = is
}

// due is the first day from one on with whose end something can become of the stay; one behind
// until: there is none.
func (l *Life) due(from, until Day, holds func(Day) int) Day {
	switch s := l.Stay; {
	case s.Tier == 0 || from > until:
		return until + 1
	case s.Last != 0:
		return max(from, s.Last)
	default:
		from = max(from, s.Since)
		return from + Day(sort.Search(int(until-from+1), func(i int) bool { return holds(from+Day(i)) < s.Tier }))
	}
}
