package coupon_test

import (
	"crypto/rand"
	"fmt"
	"testing"

	"regulars/internal/store"
	"regulars/internal/store/storetest"
)

// Fault 32: codes derive from names, not from row numbers. A database that went back
// and gives a code for the same thing to the same member again gives the same code;
// for another thing, member, pool or installation it is another one.
func TestACodeIsTheSameAfterARestore(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		other := back
		other.Name = "other"
		apply(t, db, back, other)
		exec(t, db, "insert into campaigns (id, name, live) values (1, 'win-back', true), (2, 'letter', true)", nil)
		occurrence := func(campaign int64, key string) int64 {
			return one[int64](t, db, "insert into occurrences (campaign_id, key, day, at, decision) values (@c, @key, 1, @now, 'started') returning id",
				store.Args{"c": campaign, "key": key, "now": now})
		}
		event := func(id string) string {
			n := one[int64](t, db, "insert into events (source, external_id, member_id, type, at, day, received_at) values ('shop', @id, 1, 'visit', @now, 1, @now) returning id",
				store.Args{"id": id, "now": now})
			return fmt.Sprint("event:", n)
		}
		member := func(name string) int64 {
			return one[int64](t, db, "insert into members (external_id, created_at, changed_at) values (@id, @now, @now) returning id", store.Args{"id": name, "now": now})
		}
		forget := func() { // the copy is from before, and rows are numbered anew
			for _, table := range []string{"codes", "occurrences", "events", "members"} {
				exec(t, db, "delete from "+table, nil)
			}
			member("somebody else")
			occurrence(2, "another")
			event("another")
		}
		all := func() map[string]string {
			codes := map[string]string{}
			ana, bo := member("M-ana"), member("M-bo")
			for name, occ := range map[string]int64{"orders:5": occurrence(1, "orders:5"), "event": occurrence(1, event("evt-7")), "letter": occurrence(2, "orders:5")} {
				for who, id := range map[string]int64{"ana": ana, "bo": bo} {
					for _, pool := range []string{"back", "other"} {
						codes[name+" "+who+" "+pool] = given(t, db, pool, occ, id).Code
					}
				}
			}
			return codes
		}
		first := all()
		seen := map[string]bool{}
		for what, code := range first {
			if seen[code] {
				t.Errorf("%s: code %s was given twice", what, code)
			}
			seen[code] = true
		}
		forget()
		for what, code := range all() {
			if code != first[what] {
				t.Errorf("%s: %s after the restore, %s before", what, code, first[what])
			}
		}
		forget()
		exec(t, db, "delete from settings", nil) // another installation
		for what, code := range all() {
			if seen[code] {
				t.Errorf("%s: another installation gives %s, too", what, code)
			}
		}
	})
}

// A run and a passage derive alike.
func TestARunGivesTheCodesThatItGaveBefore(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		members(t, db, 40)
		apply(t, db, back)
		run(t, db, 1, 30)
		codes := func() (all []string) {
			if n, err := giveAll(db, "back", 1, rand.Reader); n != 30 || err != nil {
				t.Fatalf("GiveAll = %d, %v", n, err)
			}
			update(t, db, func(tx *store.Tx) error {
				return tx.All(&all, "select c.code from sends s join codes c on c.id = s.code_id order by s.member_id", nil)
			})
			return all
		}
		first := codes()
		exec(t, db, "update sends set code_id = null", nil)
		exec(t, db, "delete from codes", nil)
		if again := codes(); fmt.Sprint(again) != fmt.Sprint(first) {
			t.Errorf("codes of the run: %v, before %v", again, first)
		}
		exec(t, db, "delete from codes where member_id = 7", nil)
		if c := given(t, db, "back", 1, 7); c.Code != first[6] {
			t.Errorf("a code given singly: %s, by the run %s", c.Code, first[6])
		}
	})
}
