package marketing

import (
	"fmt"

	"regulars/internal/loyalty"
	"regulars/internal/program"
	"regulars/internal/store"
)

// planPoints says what another loyalty.yaml means for the points that members have:
// how many get another last day, what all of them are worth to the books before and
// after, and what is used of the budget.
func planPoints(tx *store.Tx, old, next *program.Program, today loyalty.Day) (changes []PlannedChange, err error) {
	if next.Loyalty == nil {
		return nil, nil
	}
	add := func(thing, format string, args ...any) *PlannedChange {
		changes = append(changes, PlannedChange{Thing: thing, Words: fmt.Sprintf(format, args...)})
		return &changes[len(changes)-1]
	}
	var was program.Loyalty
	if old != nil && old.Loyalty != nil {
		was = *old.Loyalty
	}
	if b := next.Loyalty.Budget; b.Rewards > 0 && b != was.Budget {
		n, cost, err := store.RewardsOf(tx, today)
		if err != nil {
			return nil, err
		}
		c := add("budget", "budget: %d rewards of this month are claimed, which cost %s %s", n, loyalty.FormatMoney(cost, next.Currency), next.Currency)
		used := n
		if b.Money {
			used = cost
		}
		if _, all := b.Near(used, b.Rewards); all && b.Stop {
			c.Counts = append(c.Counts, "that is all of it: no reward can be claimed until the next month")
		}
	}
	if was.Points == nil || next.Loyalty.Points == nil {
		return changes, nil
	}
	before, after := was.Points, next.Loyalty.Points
	if before.Expire == after.Expire && before.Worth == after.Worth {
		return changes, nil
	}
	var ended int64
	if before.Expire != after.Expire {
		m, err := movedEnds(tx, before.Expire, after.Expire, today)
		if err != nil {
			return nil, err
		}
		ended = m.ended
		switch {
		case m.points == 0:
			add("points", "points that members have keep their last day")
		default:
			c := add("points", "points: %d of %d members get another last day", m.points, m.members)
			if ended > 0 {
				c.Counts = append(c.Counts, fmt.Sprintf("about %d of them end in the next night", ended))
			}
		}
	}
	if before.Worth == 0 && after.Worth == 0 {
		return changes, nil
	}
	points, err := store.PointsOut(tx)
	if err != nil {
		return nil, err
	}
	money := func(points, worth int64) string {
		return loyalty.FormatMoney(loyalty.PointsWorth(points, worth), next.Currency) + " " + next.Currency
	}
	add("points", "points: the %d that members have would be worth %s to the books, now they are worth %s", points-ended, money(points-ended, after.Worth), money(points, before.Worth))
	return changes, nil
}

// moved are points that get another last day, whose they are, and how many have ended by it.
type moved struct{ points, members, ended int64 }

// movedEnds finds them. Only points without a last day of their own get another one:
// those that ended by inactivity or never. When a member was last active is told by the
// day on which their points end now: where months are of different lengths, that is a day
// or two off.
func movedEnds(tx *store.Tx, was, is loyalty.Expiry, today loyalty.Day) (m moved, err error) {
	var lots []struct {
		MemberID, Points int64
		OpensDay         loyalty.Day
		LastDay          loyalty.Day // 0: none
	}
	err = tx.All(&lots, `
		select l.member_id, l.opens_day, coalesce(l.last_day, 0) as last_day, cast(sum(l.remains) as bigint) as points
		from   lots l
		join   entries e on e.id = l.credit_id
		where  l.wallet = 'points' and e.last_day is null
		group  by l.member_id, l.opens_day, coalesce(l.last_day, 0)`, nil)
	members := map[int64]bool{}
	for _, l := range lots {
		active := l.OpensDay
		if l.LastDay != 0 && was.Unused != (loyalty.Period{}) {
			active = was.Unused.Before(l.LastDay)
		}
		last := is.LastDay(l.OpensDay, active)
		if last == l.LastDay {
			continue
		}
		m.points += l.Points
		if last != 0 && last < today {
			m.ended += l.Points
		}
		members[l.MemberID] = true
	}
	m.members = int64(len(members))
	return m, err
}
