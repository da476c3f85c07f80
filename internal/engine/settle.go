package engine

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"regulars/internal/loyalty"
	"regulars/internal/store"
)

// Clock is business time that is stepped by hand. Give its Now to store.DB.Clock
// before rooms are built over the database. It is safe for concurrent use.
type Clock struct{ at atomic.Int64 }

// NewClock returns a clock that stands at t.
func NewClock(t time.Time) *Clock {
	c := &Clock{}
	c.Set(t)
	return c
}

// Now returns where the clock stands.
func (c *Clock) Now() time.Time { return time.UnixMicro(c.at.Load()).UTC() }

// Set puts the clock to t.
func (c *Clock) Set(t time.Time) { c.at.Store(t.UnixMicro()) }

// turns bounds how often Settle runs a kind of work: more means that two kinds make
// work for each other for ever.
const turns = 100_000

// Settle does everything that is due now, until no kind of work has anything left.
func (e *Engine) Settle(ctx context.Context) error {
	idle := 0 // kinds in a row that had nothing to do
	for turn := range turns {
		kind := Kinds[turn%len(Kinds)]
		n, err := e.Run(ctx, kind, 0)
		if err != nil {
			return fmt.Errorf("%s: %w", kind, err)
		}
		if idle++; n > 0 {
			idle = 0
		}
		if idle == len(Kinds) {
			return nil
		}
	}
	return fmt.Errorf("settling at %s does not come to an end", e.db.Now().Format(time.RFC3339))
}

// NextDue returns the first moment after now at which something will be due; the
// shop's next midnight at the latest.
func (e *Engine) NextDue(ctx context.Context) (next time.Time, err error) {
	err = e.db.View(ctx, func(tx *store.Tx) error {
		zone, err := tx.Zone()
		if err != nil {
			return err
		}
		next = (loyalty.DayOf(tx.At.Time, zone) + 1).Start(zone)
		var first loyalty.Instant
		err = tx.One(&first, `
			select min(t) from (
				select min(next_at) as t from timetable where next_at > @now
				union all
				select min((select min(p.wake_at) from passages p where p.campaign_id = c.id and p.wake_at > @now)) from campaigns c
				union all
				select min(expires_at) from runs where state = 'sending' and expires_at > @now
				union all
				select min(not_before) from due where not_before > @now
				union all
				select min(not_before) from chunks where not done and not_before > @now
			) x`, store.Args{"now": tx.At})
		if err == nil && !first.IsZero() && first.Before(next) {
			next = first.Time
		}
		return err
	})
	return next, err
}

// Advance steps the clock to each moment at which something is due, and at last
// to the end, settling at each.
func (e *Engine) Advance(ctx context.Context, clock *Clock, to time.Time) error {
	to = loyalty.At(to).Time // the clock knows no less
	for {
		if err := e.Settle(ctx); err != nil {
			return err
		}
		if !clock.Now().Before(to) {
			return nil
		}
		next, err := e.NextDue(ctx)
		if err != nil {
			return err
		}
		if next.After(to) {
			next = to
		}
		clock.Set(next)
	}
}
