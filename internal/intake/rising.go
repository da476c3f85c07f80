package intake

import (
	"fmt"
	"maps"
	"slices"

	"regulars/internal/happenings"
	"regulars/internal/loyalty"
	"regulars/internal/points"
	"regulars/internal/store"
	"regulars/internal/versions"
	"regulars/segments"
)

// A member's figures rise by what they do, which an event of theirs tells. What is
// below is for what they have by something else: a birthday, a friend's order, joining
// that was confirmed, points whose first day it is.

// rising are members with their figures before something is booked for them; nil where
// no live campaign starts by a milestone.
type rising map[int64]happenings.Measured

// measure notes the figures of members, those that it has left alone. They are
// locked, and their facts are of now.
func (was *rising) measure(tx *store.Tx, members []int64) error {
	fresh := slices.DeleteFunc(slices.Clone(members), func(id int64) bool { _, there := (*was)[id]; return there })
	now, err := measured(tx, fresh)
	if err != nil || now == nil {
		return err
	}
	if *was == nil {
		*was = rising{}
	}
	maps.Copy(*was, now)
	return nil
}

// tell has campaigns hear which milestones some of them have reached since. Their facts
// are up to date again. What is no news is recorded only.
func (was rising) tell(tx *store.Tx, members []int64, news bool) error {
	var some []int64
	for _, id := range members {
		if _, there := was[id]; there {
			some = append(some, id)
		}
	}
	now, err := measured(tx, some)
	if err != nil {
		return err
	}
	var all []happenings.Happened
	for _, id := range slices.Sorted(maps.Keys(now)) {
		all = append(all, happenings.Happened{Member: id, At: tx.At, Before: was[id], After: now[id]})
	}
	if news {
		return happenings.Hear(tx, all)
	}
	return happenings.HearHistory(tx, all)
}

// renew brings the facts of members to today, and has campaigns hear of what the days
// after since have raised by themselves: points that are pending no more, of which
// points.opened tells, too, and orders that were dated ahead. The members are locked.
func renew(tx *store.Tx, since, today loyalty.Day, members []int64) error {
	var were rising
	if err := were.measure(tx, members); err != nil {
		return err
	}
	if _, err := refreshFacts(tx, today, members); err != nil {
		return err
	}
	own, late, err := opened(tx, since, today, members)
	if err != nil {
		return err
	}
	news := slices.DeleteFunc(slices.Clone(members), func(id int64) bool { return late[id] })
	if err := were.tell(tx, news, true); err != nil {
		return err
	}
	if err := were.tell(tx, slices.Sorted(maps.Keys(late)), false); err != nil {
		return err
	}
	return happenings.Tell(tx, today, own)
}

// opened is what left pending of members' points on the days after since, as events of
// our own. Late are the members of whom that is no news any more.
func opened(tx *store.Tx, since, today loyalty.Day, members []int64) (own []happenings.Own, late map[int64]bool, err error) {
	v, err := versions.Active(tx)
	if err != nil || len(members) == 0 {
		return nil, nil, versions.IgnoreNoProgram(err)
	}
	var rows []struct {
		MemberID, Points int64
		Day              loyalty.Day
	}
	err = tx.All(&rows, `
		select l.member_id, l.opens_day as day, cast(sum(l.remains) as bigint) as points
		from   lots l join entries e on e.id = l.credit_id and e.day < l.opens_day
		where  l.member_id in `+tx.In("@members")+` and l.wallet = '`+points.Wallet+`' and l.opens_day > @since and l.opens_day <= @today
		group  by l.member_id, l.opens_day
		order  by l.member_id, l.opens_day`, store.Args{"members": store.IDs(members), "since": int64(since), "today": int64(today)})
	if err != nil {
		return nil, nil, fmt.Errorf("points of %d members that have opened: %w", len(members), err)
	}
	late = map[int64]bool{}
	for _, r := range rows {
		news := tx.At.Sub(r.Day.Start(v.Program.Zone)) <= v.Program.NewsWithin
		late[r.MemberID] = !news
		own = append(own, happenings.Own{Member: r.MemberID, Type: "points.opened", Key: fmt.Sprintf("points.opened:%d:%s", r.MemberID, r.Day),
			Properties: map[string]any{"points": r.Points}, News: news})
	}
	maps.DeleteFunc(late, func(_ int64, is bool) bool { return !is })
	return own, late, nil
}

// measured are the figures of members by which live campaigns start, as of their facts;
// nil where none does.
func measured(tx *store.Tx, members []int64) (map[int64]happenings.Measured, error) {
	v, err := versions.Active(tx)
	if err != nil || len(members) == 0 || len(v.Live("milestone")) == 0 {
		return nil, versions.IgnoreNoProgram(err)
	}
	figures, err := happenings.Figures(tx)
	if err != nil {
		return nil, err
	}
	var rows []struct{ MemberID, Orders, Spent, Points, Referrals int64 }
	err = tx.All(&rows, `
		select f.member_id, f.orders, f.spent, f.points,
		       (select count(*) from referrals r where r.referrer_id = f.member_id and r.state = 'rewarded') as referrals
		from   facts f
		where  f.member_id in (select value from `+tx.JSONEach("@members")+`)`, store.Args{"members": store.IDs(members)})
	if err != nil {
		return nil, fmt.Errorf("figures of %d members: %w", len(members), err)
	}
	all := map[int64]happenings.Measured{}
	for _, r := range rows {
		all[r.MemberID] = happenings.Measured{Orders: r.Orders, Spent: r.Spent, Points: r.Points, Referrals: r.Referrals, Items: map[string]int64{}}
	}
	for _, f := range figures {
		count, err := counted(tx, f, members)
		if err != nil {
			return nil, err
		}
		for id, m := range all {
			m.Items[f.Of] = count[id]
		}
	}
	return all, nil
}

// counted is a figure of members that is counted from order lines, or from the ledger of
// points.
func counted(tx *store.Tx, f loyalty.Figure, members []int64) (map[int64]int64, error) {
	var rows []struct{ MemberID, N int64 }
	text := `
		select member_id, cast(sum(quantity) as bigint) as n
		from   order_lines
		where  member_id in (select value from ` + tx.JSONEach("@members") + `)
		and    counts and (product = @of or name = @of or category = @of)
		group  by member_id`
	if f.Kind == loyalty.PointsEarned {
		text = segments.PointsEarned + " and member_id in (select value from " + tx.JSONEach("@members") + ") group by member_id"
	}
	if err := tx.All(&rows, text, store.Args{"members": store.IDs(members), "of": f.Of}); err != nil {
		return nil, fmt.Errorf("counting %s: %w", f, err)
	}
	count := map[int64]int64{}
	for _, row := range rows {
		count[row.MemberID] = row.N
	}
	return count, nil
}
