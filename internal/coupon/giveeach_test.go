package coupon_test

import (
	"crypto/rand"
	"testing"

	"regulars/internal/coupon"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
)

// Many passages at once get what each would get alone.
func TestGiveEach(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		members(t, db, 30)
		limited := back
		limited.Name, limited.Stock = "limited", 4
		apply(t, db, back, limited, summer, all)
		stock(t, db, "summer", 6)
		for _, tt := range []struct {
			pool  string
			first int // the first so many have a code already, the second of them a void one
			n     int
			want  int
		}{
			{"back", 2, 10, 10}, {"summer", 2, 5, 5}, {"summer", 0, 9, 1}, {"limited", 2, 10, 4}, {"all", 0, 3, 3}, {"back", 0, 0, 0},
		} {
			occurrence := one[int64](t, db, "select count(*) + 1 from occurrences", nil)
			exec(t, db, "insert into occurrences (campaign_id, key, day, at, decision) values (1, cast(@key as text), 1, @now, 'started')",
				store.Args{"key": tt.pool + string(rune('a'+occurrence)), "now": now})
			var before []coupon.Code
			for i := range tt.first {
				before = append(before, given(t, db, tt.pool, occurrence, int64(i+1)))
			}
			if tt.first > 1 && tt.pool != "summer" {
				send := mail(t, db, before[1], "mail", "failed")
				update(t, db, func(tx *store.Tx) error { return coupon.Void(tx, []int64{send}) })
			}
			var to []coupon.To
			for i := range tt.n {
				to = append(to, coupon.To{Occurrence: occurrence, Member: int64(i + 1)})
			}
			var got map[coupon.To]int64
			update(t, db, func(tx *store.Tx) (err error) {
				got, err = coupon.GiveEach(tx, tt.pool, to, today, rand.Reader)
				return err
			})
			if len(got) != tt.want {
				t.Errorf("GiveEach(%s) to %d = %d codes, want %d", tt.pool, tt.n, len(got), tt.want)
			}
			for i, c := range before {
				if got[to[i]] != c.ID {
					t.Errorf("GiveEach(%s): member %d had code %d and now %d", tt.pool, i+1, c.ID, got[to[i]])
				}
			}
			for who, id := range got {
				if c := stateOf(t, db, id); tt.pool != "all" && (c.Member != who.Member || c.State != "reserved") {
					t.Errorf("GiveEach(%s): member %d got %+v", tt.pool, who.Member, c)
				}
			}
		}
	})
}
