package flows

import (
	"context"
	"slices"

	"regulars/internal/isolation"
	"regulars/internal/loyalty"
	"regulars/internal/membership"
	"regulars/internal/occurrence"
	"regulars/internal/rules"
	"regulars/internal/store"
	"regulars/internal/versions"
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
			err := t.Tx.One(&id, "select id from campaigns where id = @id and live and not settled "+t.Tx.SkipLocked(), store.Args{"id": t.Id})
			if err != nil || t.C == nil {
				return 0, store.IgnoreNotFound(err)
			}
			n, err := settle(t.Tx, t.V, t.C)
			if rules.Unready(err) {
				return 0, nil // later, when its segment can be filled
			}
			return n, err
		},
	})
}

func settle(tx *store.Tx, v *versions.Version, c *versions.Campaign) (int, error) {
	switch c.Start.Kind {
	case "enters":
		return settleInside(tx, v, c)
	case "milestone":
		return settleReached(tx, v, c)
	}
	return 1, settled(tx, c)
}

func settled(tx *store.Tx, c *versions.Campaign) error {
	_, err := tx.Exec("update campaigns set settled = true where id = @id", store.Args{"id": c.ID})
	return err
}

// valuesAtOnce is how many milestones one statement records.
const valuesAtOnce = 5000

// settleReached records the milestones that members had reached: of up to 5,000
// milestones in two statements. What members did since is no part of that: while the
// campaign has still to react to somebody, it waits, and leaves those out to whom it
// cannot react.
func settleReached(tx *store.Tx, v *versions.Version, c *versions.Campaign) (int, error) {
	args := store.Args{"campaign": c.ID}
	var waiting int
	if err := tx.One(&waiting, "select count(*) from (select 1 from reactions where campaign_id = @campaign and retry_at is null limit 1) w", args); err != nil || waiting > 0 {
		return 0, err
	}
	reached := "select f.member_id, f." + c.Start.Figure.Kind + " as reached from facts f"
	if f := c.Start.Figure; f.Kind == "items" {
		args["of"] = f.Of
		reached = `
			select l.member_id, cast(sum(l.quantity) as bigint) as reached
			from   order_lines l
			where  l.counts and (l.product = @of or l.name = @of or l.category = @of)
			group  by l.member_id`
	}
	var most int64
	if err := tx.One(&most, "select coalesce(max(r.reached), 0) from ("+reached+") r", args); err != nil {
		return 0, err
	}
	for values := range slices.Chunk(loyalty.Milestones{At: c.Start.At, Every: c.Start.Every}.Crossed(0, most), valuesAtOnce) {
		args["least"] = values[0]
		err := record(tx, v, c, values, `
			select a.* from (`+reached+`) a
			where  a.reached >= @least
			and    not exists (select 1 from reactions w where w.campaign_id = @campaign and w.member_id = a.member_id)`, args)
		if err != nil {
			return 0, err
		}
	}
	return 1, settled(tx, c)
}

// settleInside starts a campaign for those who were inside its segment.
func settleInside(tx *store.Tx, v *versions.Version, c *versions.Campaign) (int, error) {
	s, ok := v.Segment(c.Start.Segment)
	if !ok {
		return 1, settled(tx, c)
	}
	if filled, err := membership.FillFirst(tx, v, s); err != nil || filled {
		return 1, err
	}
	e := c.Start.Existing
	if !e.All && e.PerDay == 0 {
		return 1, settled(tx, c)
	}
	key := "existing:" + c.Day.String()
	most, until, err := share(tx, v, c, key)
	if err != nil || most == 0 {
		return 0, err
	}
	st := Start{C: c, Key: key, Wake: firstAt(c, tx.At, v), rule: s.Rule,
		Where: "exists (select 1 from segment_members x where x.segment_id = @segment and x.member_id = f.member_id and x.left_at is null and x.entered_day <= @until)" +
			" and not exists (select 1 from passages p where p.member_id = f.member_id and p.occurrence_id = @existing)",
		Args: store.Args{"segment": s.ID, "until": int64(until.day), "existing": until.occurrence}}
	members, more, err := st.lock(tx, v.Day(tx.At), most)
	if err != nil {
		return 0, err
	}
	if len(members) == 0 && !more {
		return 1, settled(tx, c)
	}
	st.members = members
	begun, err := Begin(tx, v, st)
	return len(begun), err
}

// settling is the occurrence under which those start who were there, and its day.
type settling struct {
	occurrence int64
	day        loyalty.Day
}

// mostSettled is how many members one transaction starts.
const mostSettled = 5000

// share returns how many may start now, and the occurrence that they share: who
// entered after its day was not there when the campaign went live.
func share(tx *store.Tx, v *versions.Version, c *versions.Campaign, key string) (int, settling, error) {
	id, _, err := occurrence.Open(tx, occurrence.Occurrence{Campaign: c.ID, Key: key, Day: v.Day(tx.At)})
	if err != nil {
		return 0, settling{}, err
	}
	s := settling{occurrence: id}
	var day int64
	if err := tx.One(&day, "select day from occurrences where id = @id", store.Args{"id": id}); err != nil {
		return 0, s, err
	}
	s.day = loyalty.Day(day)
	if c.Start.Existing.All {
		return mostSettled, s, nil
	}
	var today int
	err = tx.One(&today, "select count(*) from passages where occurrence_id = @id and day = @today",
		store.Args{"id": id, "today": int64(v.Day(tx.At))})
	return min(mostSettled, max(0, c.Start.Existing.PerDay-today)), s, err
}
