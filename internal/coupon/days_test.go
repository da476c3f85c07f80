package coupon_test

import (
	"testing"

	"regulars/internal/coupon"
	"regulars/internal/loyalty"
	"regulars/internal/program"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
)

// How pools stood when a day ended is noted once, and what comes later does not change it.
func TestHowPoolsStoodIsNoted(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		members(t, db, 4)
		apply(t, db, back, summer, program.Pool{Name: "over", Kind: "imported", Percent: 5, ValidUntil: today})
		stock(t, db, "summer", 5)
		stock(t, db, "over", 3)
		given(t, db, "back", 1, 1)
		c := given(t, db, "summer", 1, 1)
		given(t, db, "summer", 1, 2)
		if _, err := redeem(db, coupon.Use{Code: c.Code, Order: 1, Day: today, Discount: 450}); err != nil {
			t.Fatal(err)
		}
		note := func(day loyalty.Day) {
			t.Helper()
			update(t, db, func(tx *store.Tx) error { return coupon.NoteDay(tx, day) })
		}
		note(today)
		given(t, db, "summer", 2, 3)
		note(today) // once more
		note(today + 1)
		type line struct {
			Pool                      string
			Day                       loyalty.Day
			Remains                   *int64
			Given, Used, Ended, Spent int64
		}
		var got []line
		update(t, db, func(tx *store.Tx) error {
			return tx.All(&got, "select p.name as pool, d.day, d.remains, d.given, d.used, d.ended, d.spent from pool_days d join pools p on p.id = d.pool_id order by d.day, p.name", nil)
		})
		n := func(n int64) *int64 { return &n }
		want := []line{{"back", today, nil, 1, 0, 0, 0}, {"over", today, n(0), 0, 0, 0, 0}, {"summer", today, n(3), 2, 1, 0, 450},
			{"back", today + 1, nil, 1, 0, 0, 0}, {"over", today + 1, n(0), 0, 0, 0, 0}, {"summer", today + 1, n(2), 3, 1, 0, 450}}
		if len(got) != len(want) {
			t.Fatalf("%d rows, want %d: %+v", len(got), len(want), got)
		}
		for i, w := range want {
			g := got[i]
			if same := g.Remains == w.Remains || g.Remains != nil && w.Remains != nil && *g.Remains == *w.Remains; !same {
				t.Errorf("%s on %s: %v remain, want %v", w.Pool, w.Day, g.Remains, w.Remains)
			}
			if g.Remains = w.Remains; g != w {
				t.Errorf("%+v, want %+v", g, w)
			}
		}
	})
}
