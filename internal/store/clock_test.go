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
			if err := c.Measure(context.Background(), db); err != nil {
				t.Fatal(err)
			}
			if got := c.Ahead(); (got - off).Abs() > 500*time.Millisecond {
				t.Errorf("off by %s: Ahead = %s", off, got)
			}
			if got, want := c.TooFar(), off.Abs() > time.Minute; got != want {
				t.Errorf("off by %s: TooFar = %t", off, got)
			}
			if got := time.Until(c.Now()); got > 0 || off >= 0 && got < -500*time.Millisecond {
				t.Errorf("off by %s: Now is %s from the database's", off, got)
			}
		}
	})
}
