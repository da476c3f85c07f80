package store_test

import (
	"context"
	"testing"
	"time"

	"regulars/internal/store"
	"regulars/internal/store/storetest"
)

func TestAClockIsNeverAheadOfTheDatabases(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		for _, off := range []time.Duration{0, time.Second, 26 * time.Hour, -26 * time.Hour} {
			c := store.NewClock(func() time.Time { return time.Now().Add(off) })
			began := time.Now()
			if err := c.Measure(context.Background(), db); err != nil {
				t.Fatal(err)
			}
			sure := time.Since(began) + 10*time.Millisecond // an answer cannot be surer than it took; clocks tell it in steps
			if got := c.Ahead(); (got - off).Abs() > sure {
				t.Errorf("off by %s: Ahead = %s after %s", off, got, sure)
			}
			if got, want := c.TooFar(), off.Abs() > time.Minute; got != want {
				t.Errorf("off by %s: TooFar = %t", off, got)
			}
			began = time.Now()
			now := c.Now()
			if now.After(time.Now()) || off >= 0 && now.Before(began.Add(-sure)) {
				t.Errorf("off by %s: Now is %s before the database's", off, began.Sub(now))
			}
		}
	})
}
