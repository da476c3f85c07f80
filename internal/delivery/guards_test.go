package delivery_test

import (
	"context"
	"testing"
	"time"

	"regulars/internal/delivery"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
)

// A worker that stood still comes back to a chunk whose lease is over by the database's
// clock, though not by its own: it marks nothing more, whether another worker has the
// chunk by now or may take it at any moment.
func TestAWorkerThatStoodStillMarksNothingMore(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		for _, tt := range []struct {
			name string
			lost func(*store.Tx) (set string)
		}{
			{"another has the chunk", func(*store.Tx) string { return "fence = fence + 1" }}, // under a lease, which is not this worker's
			{"its lease is over", func(tx *store.Tx) string { return "lease_until = " + tx.MachineIn(-time.Second) }},
		} {
			t.Run(tt.name, func(t *testing.T) {
				s := newShop(t, empty(t, db))
				s.run("letter", s.members(200), 500)
				s.midway(50, func() {
					s.update(func(tx *store.Tx) error { _, err := tx.Exec("update chunks set "+tt.lost(tx), nil); return err })
				})
				if _, err := s.sender(small).Work(context.Background(), 0); err == nil {
					t.Error("the worker noticed nothing")
				}
				if all, twice := s.wire.total(); all < 50 || all > 50+4*10 || twice != 0 {
					t.Errorf("%d mails went out, %d of them twice, though the chunk was lost at the 50th", all, twice)
				}
				s.exec("update chunks set lease_until = null", nil)
				d := s.sender(small)
				for n := 1; n > 0; {
					var err error
					if n, err = d.Reap(context.Background()); err != nil {
						t.Fatal(err)
					}
				}
				s.work(d)
				s.singles(d, delivery.Bulk)
				if all, twice := s.wire.total(); all != 200 || twice != 0 {
					t.Errorf("%d mails, %d of them twice, want 200", all, twice)
				}
				if states := s.states(); states["sent"]+states["unknown"] != 200 {
					t.Errorf("sends are %v", states)
				}
			})
		}
	})
}
