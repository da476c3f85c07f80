package store_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"

	"regulars/internal/store"
	"regulars/internal/store/storetest"
)

// Whoever comes into a segment, leaves it, comes back on the same day, is erased or made
// one with somebody else: its days follow. What is counted wrongly is found and set right.
func TestTheDaysOfSegmentsFollowTheirStays(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		c := counting{t, db}
		random := rand.New(rand.NewPCG(7, 7))
		mismoves := func() (found []store.Mismove) {
			t.Helper()
			err := db.View(context.Background(), func(tx *store.Tx) (err error) {
				found, err = store.Mismoves(tx, 10)
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			return found
		}
		agree := func(after string) {
			t.Helper()
			if found := mismoves(); len(found) > 0 {
				t.Fatalf("after %q: %+v", after, found)
			}
		}
		update := func(f func(*store.Tx) error) {
			t.Helper()
			if err := db.Update(context.Background(), f); err != nil {
				t.Fatal(err)
			}
		}
		instant := func(n int) string { // each step has a moment of its own
			if db.Engine() == store.Postgres {
				return fmt.Sprintf("cast(@now as timestamptz) + interval '%d hours'", n)
			}
			return fmt.Sprintf("@now + %d", int64(n)*3_600_000_000)
		}
		for n := range 120 {
			day, segment, member := 20000+n/6, 1+random.IntN(2), 1+random.IntN(9)
			var do string
			switch what := random.IntN(10); {
			case what < 4: // whoever is not inside comes in, many at once
				do = fmt.Sprintf(`insert into segment_members (segment_id, member_id, entered_at, entered_day, handled)
					select %d, m.id, %s, %d, false from (select 1 as id union all select 2 union all select 3 union all select 4 union all select %d) m
					where not exists (select 1 from segment_members x where x.segment_id = %[1]d and x.member_id = m.id and x.left_at is null) group by m.id`, segment, instant(n), day, 4+random.IntN(6))
			case what < 7:
				do = fmt.Sprintf("update segment_members set left_at = %s, left_day = %d, handled = true where segment_id = %d and left_at is null and member_id %% 3 = %d", instant(n), day, segment, random.IntN(3))
			case what == 7: // out and in again within one moment
				do = `insert into segment_members (segment_id, member_id, entered_at, entered_day, handled)
					select segment_id, member_id, entered_at, entered_day, true from segment_members x
					where  x.left_at is not null and not exists (select 1 from segment_members i where i.segment_id = x.segment_id and i.member_id = x.member_id and (i.entered_at > x.entered_at or i.left_at is null))
					on conflict (segment_id, member_id, entered_at) do update set left_at = null, left_day = null`
			case what == 8: // erased
				do = fmt.Sprintf("update segment_members set left_at = %s, left_day = %d, handled = true where member_id = %d and left_at is null", instant(n), day, member)
			default: // one with another
				do = fmt.Sprintf(`update segment_members set member_id = 90, handled = true where member_id = %d and not exists
					(select 1 from segment_members i where i.segment_id = segment_members.segment_id and i.member_id = 90
					 and (i.entered_at = segment_members.entered_at or i.left_at is null and segment_members.left_at is null))`, member)
			}
			c.exec(do)
			agree(do)
			if random.IntN(5) == 0 {
				update(func(tx *store.Tx) error { return store.FoldSegment(tx, int64(segment)) })
				agree("adding up")
			}
		}
		c.exec("update segment_members set entered_day = entered_day - 1, segment_id = segment_id + 5 where entered_day % 2 = 0")
		agree("a past that was changed by hand")

		c.exec("update segment_days set came = came + 3 where segment_id = 1 and day = (select min(day) from segment_days where segment_id = 1)")
		if found := mismoves(); len(found) != 1 || found[0].Came != found[0].CameHeld+3 {
			t.Fatalf("three who never came: %+v", found)
		}
		update(func(tx *store.Tx) error {
			n, err := store.RecountSegments(tx)
			if n != 1 {
				t.Errorf("RecountSegments() = %d, want the one day that was wrong", n)
			}
			return err
		})
		agree("setting right")
	})
}
