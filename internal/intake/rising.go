package intake

import (
	"fmt"
	"maps"
	"slices"

	"regulars/internal/happenings"
	"regulars/internal/loyalty"
	"regulars/internal/store"
	"regulars/internal/versions"
	"regulars/segments"
)

// A member's figures rise by what they do, which an event of theirs tells. What is
// below is for what they have by something else: a birthday, a friend's order, joining
// that was confirmed.

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
