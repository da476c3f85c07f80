package loyalty

import "time"

// Tenure is how long a tier is kept. Without Keep and Year it is kept for as long as
// its rule holds.
type Tenure struct {
	Keep  Period
	Year  bool   // through the next calendar year instead
	Grace Period // after that
}

// Ladder is the tiers of a program, from the lowest: the first of Tiers is tier 1, and
// 0 is none.
type Ladder struct {
	Tiers   []Tenure
	DownOne bool // tiers are left one step at a time
}

// Stay is a member's standing.
type Stay struct {
	Tier  int
	Since Day
	Last  Day  // it is kept through this day, grace not included; 0: for as long as the rule holds
	Exact bool // Last was said by a person: no grace follows it
	Then  int  // for which the member qualified at the end of Last, when not for this one
}

// What becomes of a stay.
const (
	Up   = "up"
	Kept = "kept"
	Down = "down"
)

func (t Tenure) last(day Day) Day {
	switch y, _, _ := day.Civil(); {
	case t.Year:
		return Date(y+1, time.December, 31)
	case t.Keep != Period{}:
		return t.Keep.After(day)
	}
	return 0
}

// Begin is a stay that begins on a day, kept from then on.
func (l Ladder) Begin(tier int, day Day) Stay { return l.begin(tier, day, day) }

func (l Ladder) begin(tier int, since, from Day) Stay {
	s := Stay{Tier: tier, Since: since}
	if tier > 0 {
		s.Last = l.Tiers[tier-1].last(from)
	}
	return s
}

// TierUp is the standing of a member for whom a tier holds in the course of a day: who
// reaches a higher one has it at once.
func TierUp(l Ladder, s Stay, holds int, day Day) (Stay, string) {
	if holds <= s.Tier {
		return s, ""
	}
	return l.Begin(holds, day), Up
}

// Ends is the last day of a stay, its grace included.
func (l Ladder) Ends(s Stay) Day {
	if s.Tier == 0 || s.Last == 0 || s.Exact {
		return s.Last
	}
	return l.Tiers[s.Tier-1].Grace.After(s.Last)
}

// TierAfter is the standing of a member after the end of a day, at which holds is the
// highest tier whose rule holds. It is asked on each day, or on each of those on which
// something can end: Last, those of the grace, and all of a stay without Last.
func TierAfter(l Ladder, s Stay, holds int, day Day) (Stay, string) {
	switch {
	case holds > s.Tier:
		return TierUp(l, s, holds, day)
	case s.Tier == 0 || day < s.Last:
		return s, ""
	case holds == s.Tier && s.Last == 0:
		return s, ""
	case holds == s.Tier:
		kept := l.Begin(s.Tier, day)
		kept.Since = s.Since
		return kept, Kept
	}
	if day == s.Last {
		s.Then = holds
	}
	if s.Last != 0 && day < l.Ends(s) {
		return s, ""
	}
	// Who qualified for a lower tier when the time was up has had it since then.
	to, from := holds, day
	if s.Last != 0 && s.Then > holds {
		to, from = s.Then, s.Last
	}
	if one := s.Tier - 1; l.DownOne && to < one {
		to, from = one, day
	}
	return l.begin(to, day+1, from), Down
}
