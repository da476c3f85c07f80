package store

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// How far a machine's clock may be from the database's.
const (
	ClockApart   = 2 * time.Second  // further: a person is told
	ClockTooFar  = 30 * time.Second // further: that machine does no work
	MeasureEvery = 10 * time.Second
)

// Clock is the business time of a process that lives by the wall clock: the
// machine's own, but never ahead of the database's. So a replica whose clock is
// ahead sends nothing of tomorrow and closes no night that has not come. Between
// two measurements it goes on by the machine's steady clock, which nobody sets.
// It is safe for concurrent use.
type Clock struct {
	local func() time.Time

	mu    sync.Mutex
	there time.Time     // the database's moment at the last measurement; zero: none yet
	here  time.Time     // ours at that moment
	ahead time.Duration // ours minus the database's
}

// NewClock returns a clock over a machine's own; nil: time.Now. Until it is
// measured it is the machine's.
func NewClock(local func() time.Time) *Clock {
	if local == nil {
		local = time.Now
	}
	return &Clock{local: local}
}

// Now returns the present business moment.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.local()
	if c.there.IsZero() {
		return now
	}
	if latest := c.there.Add(now.Sub(c.here)); now.Round(0).After(latest) {
		return latest
	}
	return now
}

// Ahead returns how far the machine's clock is ahead of the database's, by the
// last measurement; behind: negative.
func (c *Clock) Ahead() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ahead
}

// TooFar reports whether the clocks are so far apart that nothing should be done
// by this one.
func (c *Clock) TooFar() bool { return c.Ahead().Abs() > ClockTooFar }

// Measure holds the clock against the database's. What the question itself took
// is not counted as a difference.
func (c *Clock) Measure(ctx context.Context, db *DB) error {
	var micros int64
	var asked, told time.Time
	err := db.View(ctx, func(tx *Tx) error {
		asked = c.local()
		err := tx.One(&micros, "select "+tx.Micros(tx.Machine()), nil)
		told = c.local()
		return err
	})
	if err != nil {
		return fmt.Errorf("asking the database for the time: %w", err)
	}
	there := time.UnixMicro(micros).UTC()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.there, c.here = there, told // not ahead of it, whichever part of the question took long
	switch first, last := asked.Round(0).Sub(there), told.Round(0).Sub(there); {
	case first > 0:
		c.ahead = first
	case last < 0:
		c.ahead = last
	default: // it was within the question
		c.ahead = 0
	}
	return nil
}
