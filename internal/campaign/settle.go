package campaign

import (
	"context"
	"errors"
	"slices"

	"regulars/internal/loyalty"
	"regulars/internal/store"
)

// Settle deals with who was there already when a campaign went live: inside its
// segment (existing: none, all, N per day), or past its milestones, which are
// recorded. It does a bounded piece for one campaign and returns how much; 0 when
// nothing is left, or nothing more today.
func (b *Book) Settle(ctx context.Context, db *store.DB) (int, error) {
	return b.apart(ctx, db, work{
		name: "settling", limit: long,
		due: func(tx *store.Tx) (ids []int64, err error) {
			err = tx.All(&ids, "select id from campaigns where live and not settled order by id", nil)
			return ids, err
		},
		do: func(t turn, _ []int64) (int, error) {
			var id int64
			err := t.tx.One(&id, "select id from campaigns where id = @id and live and not settled "+t.tx.SkipLocked(), store.Args{"id": t.id})
			if err != nil || t.c == nil {
				return 0, ignoreNotFound(err)
			}
			n, err := b.settle(t.tx, t.v, t.c)
			if unready(err) {
				return 0, nil // later, when its segment can be filled
			}
			return n, err
		},
	})
}

func (b *Book) settle(tx *store.Tx, v *Version, c *Campaign) (int, error) {
	switch c.Start.Kind {
	case "enters":
		return b.settleInside(tx, v, c)
	case "milestone":
		return settleReached(tx, v, c)
	}
	return 1, settled(tx, c)
}

func settled(tx *store.Tx, c *Campaign) error {
	_, err := tx.Exec("update campaigns set settled = true where id = @id", store.Args{"id": c.ID})
	return err
}

// valuesAtOnce is how many milestones one statement records.
const valuesAtOnce = 5000

// settleReached records the milestones that members had reached: of up to 5,000
// milestones in two statements. What members did since is no part of that: while the
// campaign has still to react to somebody, it waits, and leaves those out to whom it
// cannot react.
func settleReached(tx *store.Tx, v *Version, c *Campaign) (int, error) {
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

// figureSQL is a figure of the member of a row of facts f, as SQL.
func figureSQL(f loyalty.Figure) string {
	if f.Kind == "items" {
		return `(select coalesce(sum(l.quantity), 0) from order_lines l
		         where l.member_id = f.member_id and l.counts and (l.product = @of or l.name = @of or l.category = @of))`
	}
	return "f." + f.Kind
}

// settleInside starts a campaign for those who were inside its segment.
func (b *Book) settleInside(tx *store.Tx, v *Version, c *Campaign) (int, error) {
	s, ok := v.segment(c.Start.Segment)
	if !ok {
		return 1, settled(tx, c)
	}
	if filled, err := b.fillFirst(tx, v, s); err != nil || filled {
		return 1, err
	}
	e := c.Start.Existing
	if !e.All && e.PerDay == 0 {
		return 1, settled(tx, c)
	}
	key := "existing:" + c.Day.String()
	most, until, err := b.share(tx, v, c, key)
	if err != nil || most == 0 {
		return 0, err
	}
	st := begin{c: c, key: key, wake: c.at(tx.At, v), rule: s.Rule,
		where: "exists (select 1 from segment_members x where x.segment_id = @segment and x.member_id = f.member_id and x.left_at is null and x.entered_day <= @until)" +
			" and not exists (select 1 from passages p where p.member_id = f.member_id and p.occurrence_id = @existing)",
		args: store.Args{"segment": s.id, "until": int64(until.day), "existing": until.occurrence}}
	members, more, err := st.lock(tx, v.Day(tx.At), most)
	if err != nil {
		return 0, err
	}
	if len(members) == 0 && !more {
		return 1, settled(tx, c)
	}
	st.members = members
	begun, err := b.start(tx, v, st)
	return len(begun), err
}

// fillFirst fills a segment that nobody has filled yet, and reports whether it did.
func (b *Book) fillFirst(tx *store.Tx, v *Version, s segment) (bool, error) {
	var row segmentRow
	err := tx.One(&row, "select id, name, as_of_day from segments where id = @id and as_of_day is null "+tx.ForUpdate(), store.Args{"id": s.id})
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	_, err = b.refreshAll(tx, v, row, true)
	return true, err
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
func (b *Book) share(tx *store.Tx, v *Version, c *Campaign, key string) (int, settling, error) {
	id, _, err := open(tx, occurrence{Campaign: c.ID, Key: key, Day: v.Day(tx.At)})
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
