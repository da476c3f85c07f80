package norms

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"regulars/internal/loyalty"
	"regulars/internal/store"
	"regulars/segments"
)

// Today returns the norms of the shop's present day, or, while the night's are
// not computed yet, those computed last. Before the first they are computed on
// the spot.
func Today(tx *store.Tx, today loyalty.Day) (*segments.Norms, error) {
	n, err := Kept(tx, today)
	if errors.Is(err, store.ErrNotFound) {
		return compute(tx, today, "facts", segments.AllNorms)
	}
	return n, err
}

// Past returns parts of the norms at the end of an earlier day, from the orders and
// events up to then.
func Past(tx *store.Tx, day loyalty.Day, parts segments.NormParts) (*segments.Norms, error) {
	return compute(tx, day, "("+segments.FactsSelect(tx.Engine(), "")+")", parts)
}

// For returns the norms for some rules as of a day, nil if none of them reads any.
// The error may be a *segments.Unready. past: the day is not the shop's present.
func For(tx *store.Tx, day loyalty.Day, past bool, rules ...*segments.Rule) (n *segments.Norms, err error) {
	var parts segments.NormParts
	for _, r := range rules {
		parts |= r.Norms()
	}
	switch {
	case parts == 0:
		return nil, nil
	case past:
		n, err = Past(tx, day, parts)
	default:
		n, err = Today(tx, day)
	}
	for _, r := range rules {
		if err == nil {
			err = r.Ready(n)
		}
	}
	if err != nil {
		return nil, err
	}
	return n, nil
}

// Settled returns nil if a rule reads no norms or those of that very day are
// computed, else an *segments.Unready: the night asks each rule once, and must not
// ask it with the norms of yesterday.
func Settled(tx *store.Tx, day loyalty.Day, r *segments.Rule) error {
	if r.Norms() == 0 {
		return nil
	}
	n, err := Kept(tx, day)
	if err == nil && n.Day == day {
		return nil
	}
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	return r.Ready(nil)
}

// Keep computes and stores norms if there are none yet, so that whoever asks many
// rules, as an import does, has them computed once.
func Keep(tx *store.Tx) error {
	today, err := tx.Today()
	if err != nil {
		return err
	}
	if _, err = Kept(tx, today); errors.Is(err, store.ErrNotFound) {
		return Renew(tx)
	}
	return err
}

// Kept returns what was computed last up to a day, as if it were of that day, and
// store.ErrNotFound before the first night.
func Kept(tx *store.Tx, today loyalty.Day) (*segments.Norms, error) {
	var spec string
	err := tx.One(&spec, "select spec from norms where day <= @today order by day desc limit 1", store.Args{"today": int64(today)})
	if err != nil {
		return nil, err
	}
	n := &segments.Norms{}
	if err := json.Unmarshal([]byte(spec), n); err != nil {
		return nil, fmt.Errorf("reading the norms: %w", err)
	}
	return n, nil
}

// Refresh computes the norms of the shop's present day once its facts are, unless
// they were computed since, and returns 1 if it did so and 0 when nothing is to
// be done.
func Refresh(ctx context.Context, db *store.DB) (n int, err error) {
	due := false
	err = db.View(ctx, func(tx *store.Tx) error {
		today, err := tx.Today()
		if err != nil {
			return err
		}
		return tx.One(&due, `
			select count(*) > 0 from passes p
			where  p.name = 'facts' and p.day = @today and p.finished_at is not null
			and    not exists (select 1 from norms n where n.day = @today and n.computed_at >= p.finished_at)`, store.Args{"today": int64(today)})
	})
	if err != nil || !due {
		return 0, err
	}
	err = db.Update(ctx, Renew)
	if err != nil {
		return 0, fmt.Errorf("computing the norms of the day: %w", err)
	}
	return 1, nil
}

// Renew computes the norms of the shop's present day from the facts as they are:
// in the night, and after whatever changed many members at once, as an import
// does. A segment that had to wait for norms is asked again.
func Renew(tx *store.Tx) error {
	today, err := tx.Today()
	if err != nil {
		return err
	}
	n, err := compute(tx, today, "facts", segments.AllNorms)
	if err != nil {
		return err
	}
	_, err = tx.Exec(`
		insert into norms (day, computed_at, spec) values (@day, @now, `+tx.JSONParam("@spec")+`)
		on conflict (day) do update set computed_at = excluded.computed_at, spec = excluded.spec`,
		store.Args{"day": int64(today), "now": tx.At, "spec": store.JSON(n)})
	if err != nil {
		return err
	}
	_, err = tx.Exec("update segments set failed_day = null where failed_day is not null", nil)
	return err
}

// compute reads parts of the norms at the end of a day from facts of that day: the
// table, or a SELECT in brackets.
func compute(tx *store.Tx, day loyalty.Day, facts string, parts segments.NormParts) (*segments.Norms, error) {
	n := &segments.Norms{Day: day}
	for _, p := range []struct {
		part segments.NormParts
		read func(*store.Tx, string, *segments.Norms) error
	}{{segments.NormGap, computeGap}, {segments.NormScores, computeScores}, {segments.NormForecast, fit}} {
		if parts&p.part == 0 {
			continue
		}
		if err := p.read(tx, facts, n); err != nil {
			return nil, err
		}
	}
	return n, nil
}

// gap is the median of the members' usual gaps: of an even number the middle
// between the two in the middle. Who ordered on one day only has none.
const gap = `
	with counted as (
	       select f.usual_gap as gap, count(*) as members from $facts f where f.usual_gap is not null group by f.usual_gap),
	     placed as (
	       select gap, sum(members) over (order by gap) as upto, sum(members) over () as everybody from counted)
	select coalesce((min(case when 2 * upto >= everybody then gap end) + min(case when 2 * upto > everybody then gap end)) / 2, 0) from placed`

// computeGap fills in how long members usually wait between orders.
func computeGap(tx *store.Tx, facts string, n *segments.Norms) error {
	if err := tx.One(&n.Gap, strings.Replace(gap, "$facts", facts, 1), store.Args{"day": int64(n.Day)}); err != nil {
		return fmt.Errorf("how long members wait between orders: %w", err)
	}
	return nil
}
