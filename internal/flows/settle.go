package flows

import (
	"context"
	"maps"

	"regulars/internal/isolation"
	"regulars/internal/membership"
	"regulars/internal/occurrence"
	"regulars/internal/rules"
	"regulars/internal/store"
)

// Settle deals with who was there already when a campaign went live: inside its
// segment (existing: none, all, N per day), or past its milestones, which are
// recorded. It does a bounded piece for one campaign and returns how much; 0 when
// nothing is left, or nothing more today.
func Settle(ctx context.Context, db *store.DB) (int, error) {
	return isolation.Each(ctx, db, isolation.Work{
		Name: "settling", Limit: isolation.Long,
		Due: func(tx *store.Tx) (ids []int64, err error) {
			err = tx.All(&ids, "select id from campaigns where live and not settled order by id", nil)
			return ids, err
		},
		Do: func(t isolation.Turn, _ []int64) (int, error) {
			var id int64
			err := t.Tx.One(&id, "select id from campaigns where id = @id and live and not settled "+t.Tx.SkipLocked(), store.Args{"id": t.ID})
			if err != nil || t.C == nil {
				return 0, store.IgnoreNotFound(err)
			}
			n, done := 0, true
			switch t.C.Start.Kind {
			case "enters":
				n, done, err = startInside(t)
			case "milestone":
				done, err = recordAll(t)
			}
			if rules.Unready(err) {
				return 0, nil // later, when its segment can be filled
			}
			if err != nil || !done {
				return n, err
			}
			_, err = t.Tx.Change(&store.CampaignRow{ID: t.ID}, store.Args{"settled": true})
			return 1, err
		},
	})
}

// mostSettled is how many members one transaction starts.
const mostSettled = 5000

// startInside starts the campaign for some of those who were inside its segment, and
// reports whether nobody is left. They share one occurrence: who entered after its day
// was not there when the campaign went live.
func startInside(t isolation.Turn) (n int, done bool, err error) {
	segment, ok := t.V.Segment(t.C.Start.Segment)
	if !ok {
		return 0, true, nil
	}
	if filled, err := membership.FillFirst(t.Tx, t.V, segment); err != nil || filled {
		return 1, false, err
	}
	existing := t.C.Start.Existing
	if !existing.All && existing.PerDay == 0 {
		return 0, true, nil
	}
	today := int64(t.V.Day(t.Tx.At))
	key := "existing:" + t.C.Day.String()
	id, _, err := occurrence.Open(t.Tx, occurrence.Occurrence{Campaign: t.ID, Key: key, Day: t.V.Day(t.Tx.At)})
	if err != nil {
		return 0, false, err
	}
	var o struct{ Day, Begun int64 }
	err = t.Tx.One(&o, "select day, (select count(*) from passages p where p.occurrence_id = o.id and p.day = @today) as begun from occurrences o where id = @id",
		store.Args{"id": id, "today": today})
	most := mostSettled
	if !existing.All {
		most = min(mostSettled, max(0, existing.PerDay-int(o.Begun)))
	}
	if err != nil || most == 0 {
		return 0, false, err
	}
	s := Start{Key: key, Wake: firstAt(t), rule: segment.Rule,
		Where: "exists (select 1 from segment_members x where x.segment_id = @segment and x.member_id = f.member_id and x.left_at is null and x.entered_day <= @until)" +
			" and not exists (select 1 from passages p where p.member_id = f.member_id and p.occurrence_id = @existing)",
		Args: store.Args{"segment": segment.ID, "until": o.Day, "existing": id}}
	// They are locked first, so that what happens to them meanwhile is seen or waits.
	q := rules.Ask(t.Tx, t.V.Day(t.Tx.At), store.Args{"campaign": t.ID, "day": today, "most": most})
	maps.Copy(q.Args, s.Args)
	var found []int64
	err = q.All(&found, `
		select f.member_id
		from   facts f join members m on m.id = f.member_id
		where  `+s.conditions(t, q)+`
		order  by f.member_id
		limit  @most`)
	if err != nil || len(found) == 0 {
		return 0, err == nil, err
	}
	if s.members, err = t.Tx.LockMembers(found); err != nil || len(s.members) == 0 {
		return 0, false, err // somebody else has locked them just now
	}
	begun, err := Begin(t, s)
	return len(begun), false, err
}
