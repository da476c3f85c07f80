package campaign

import (
	"context"
	"errors"
	"fmt"

	"regulars/internal/loyalty"
	"regulars/internal/store"
)

// Settle deals with who was there already when a campaign went live: inside its
// segment (existing: none, all, N per day), or past its milestones, which are
// recorded. It does a bounded piece for one campaign and returns how much; 0 when
// nothing is left, or nothing more today.
func (b *Book) Settle(ctx context.Context, db *store.DB) (n int, err error) {
	if idle, err := nothing(ctx, db, "select 1 from campaigns where live and not settled"); idle || err != nil {
		return 0, err
	}
	err = db.Update(ctx, func(tx *store.Tx) error {
		n = 0
		v, err := b.Active(tx)
		if err != nil {
			return ignoreNoProgram(err)
		}
		var open []int64
		if err := tx.All(&open, "select id from campaigns where live and not settled order by id "+tx.SkipLocked(), nil); err != nil {
			return err
		}
		for _, id := range open {
			c := v.byID(id)
			if c == nil {
				continue
			}
			if n, err = b.settle(tx, v, c); unready(err) {
				n, err = 0, nil // later, when its segment can be filled
			}
			if n > 0 || err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("who was there when a campaign went live: %w", err)
	}
	return n, nil
}

func (b *Book) settle(tx *store.Tx, v *Version, c *Campaign) (int, error) {
	switch c.Start.Kind {
	case "enters":
		return b.settleInside(tx, v, c)
	case "milestone":
		return 1, settleReached(tx, v, c)
	}
	return 1, settled(tx, c)
}

func settled(tx *store.Tx, c *Campaign) error {
	_, err := tx.Exec("update campaigns set settled = true where id = @id", store.Args{"id": c.ID})
	return err
}

// settleReached records the milestones that members had reached: a statement for
// each milestone.
func settleReached(tx *store.Tx, v *Version, c *Campaign) error {
	f := c.Start.Figure
	reached := figureSQL(f)
	args := store.Args{}
	if f.Kind == "items" {
		args["of"] = f.Of
	}
	var most int64
	if err := tx.One(&most, "select coalesce(max("+reached+"), 0) from facts f", args); err != nil {
		return err
	}
	for _, value := range (loyalty.Milestones{At: c.Start.At, Every: c.Start.Every}).Crossed(0, most) {
		args["value"] = value
		if err := record(tx, v, c, milestoneKey(f, value), reached+" >= @value", args); err != nil {
			return err
		}
	}
	return settled(tx, c)
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
	_, err = b.refresh(tx, v, row, true)
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
