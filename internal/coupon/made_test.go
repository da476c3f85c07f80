package coupon_test

import (
	"crypto/rand"
	"fmt"
	"maps"
	"slices"
	"testing"

	"regulars/internal/coupon"
	"regulars/internal/loyalty"
	"regulars/internal/outbox"
	"regulars/internal/program"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
)

// makeNow makes codes for the first full cards of members 1 to n, whose claims have ids from a
// number on.
func makeNow(t testing.TB, db *store.DB, pool string, from int64, n int) (made map[int64]coupon.Made) {
	t.Helper()
	claims := make([]coupon.Claimed, n)
	for i := range claims {
		claims[i] = coupon.Claimed{ID: from + int64(i), Member: int64(i + 1), Source: "card", Name: "tea 1"}
	}
	members := make([]int64, n)
	for i := range members {
		members[i] = claims[i].Member
	}
	update(t, db, func(tx *store.Tx) error {
		m, err := coupon.ToMake(tx, pool, members)
		if err == nil {
			err = tx.Await()
		}
		if err == nil {
			made, err = m.Make(tx, claims, today, rand.Reader)
		}
		return err
	})
	return made
}

// A code that is made with its claim is the one that the claim would have been given, and is
// its member's as that one would be.
func TestACodeMadeAtOnceIsTheOneThatIsGiven(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		apply(t, db, back)
		members(t, db, 3)
		update(t, db, func(tx *store.Tx) error {
			return outbox.Sync(tx, []outbox.Destination{{Name: "till", URL: "https://till.example", Events: []string{loyalty.ToldIssued}}})
		})
		told := func() (all []string) {
			update(t, db, func(tx *store.Tx) error {
				return tx.All(&all, "select cast(detail as text) from hook_deliveries order by id", nil)
			})
			exec(t, db, "delete from hook_deliveries", nil)
			return all
		}
		var to []coupon.To
		for i := range int64(3) {
			id := one[int64](t, db, "insert into claims (member_id, reward, price, state, source, key, body, at, day) values (@member, 'tea', 10, 'done', 'card', @key, '', @now, 1) returning id",
				store.Args{"member": i + 1, "key": fmt.Sprint(i), "now": now})
			to = append(to, coupon.To{Occurrence: -id, Member: i + 1})
		}
		state := func(codes map[int64]int64) (all []string) { // by member
			for _, member := range slices.Sorted(maps.Keys(codes)) {
				c := stateOf(t, db, codes[member])
				all = append(all, fmt.Sprint(c.Pool, c.Code, c.State, c.Occurrence, c.Member, c.ValidUntil, c.ReservedAt, c.IssuedAt))
			}
			return all
		}
		codes := map[int64]int64{}
		update(t, db, func(tx *store.Tx) error {
			given, err := coupon.GiveNow(tx, "back", to, today, rand.Reader)
			for who, id := range given {
				codes[who.Member] = id
			}
			return err
		})
		want, wantTold := state(codes), told()
		exec(t, db, "delete from codes", nil)
		made := makeNow(t, db, "back", -to[0].Occurrence, 3)
		for claim, m := range made {
			codes[claim+to[0].Occurrence+1] = m.ID
			if c := stateOf(t, db, m.ID); c.Code != m.Code || c.ValidUntil != m.Ends || m.Ends != today+14 {
				t.Errorf("made %+v, stored %+v", m, c)
			}
		}
		if got := state(codes); len(got) != 3 || !slices.Equal(got, want) {
			t.Errorf("made at once: %v, given: %v", got, want)
		}
		if got := told(); len(got) != 3 || !slices.Equal(got, wantTold) {
			t.Errorf("told of codes made at once: %v, of given ones: %v", got, wantTold)
		}
		var s coupon.Status
		update(t, db, func(tx *store.Tx) (err error) { s, err = coupon.StatusOf(tx, "back", today); return err })
		if s.Issued != 3 || s.Reserved != 0 || s.Free != 0 {
			t.Errorf("the pool has issued %d, reserved %d, and %d are free; want 3, 0, 0", s.Issued, s.Reserved, s.Free)
		}
	})
}

// A code that is somebody's already is passed over, and the next one is as certain.
func TestACodeMadeAtOnceIsNobodyElses(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		other := back
		other.Name = "other"
		apply(t, db, back, other)
		members(t, db, 2)
		first := makeNow(t, db, "back", 1, 2)
		exec(t, db, "update codes set pool_id = (select id from pools where name = 'other'), occurrence_id = occurrence_id - 100 where member_id = 2", nil)
		exec(t, db, "delete from codes where member_id = 1", nil)
		second := makeNow(t, db, "back", 11, 2)
		if first[1].Code != second[11].Code || first[2].Code == second[12].Code || second[12].Code == "" {
			t.Errorf("first %v, then %v", first, second)
		}
	})
}

// What a pool may give is as much as ever, and codes that are not made for their members are
// left to who gives them.
func TestMakingCodesAtOnceKeepsToWhatThePoolHas(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		few, dear, ended, stocked := back, back, back, back
		few.Name, few.Stock = "few", 3
		dear.Name, dear.Percent, dear.Worth, dear.Budget = "dear", 0, 240, 500
		ended.Name, ended.ValidUntil = "ended", today-1
		stocked.Name = "stocked"
		apply(t, db, few, dear, ended, stocked, coffee, summer, all)
		members(t, db, 5)
		update(t, db, func(tx *store.Tx) error { _, err := coupon.Generate(tx, "stocked", 1, rand.Reader); return err })
		got := map[string]string{}
		for _, p := range []program.Pool{few, dear, ended, stocked, coffee, summer, all} {
			if made := makeNow(t, db, p.Name, 1, 5); made == nil {
				got[p.Name] = "not made"
			} else {
				got[p.Name] = fmt.Sprint(slices.Sorted(maps.Keys(made)))
			}
		}
		want := map[string]string{"few": "[1 2 3]", "dear": "[1 2]", "ended": "[]", "stocked": "not made", "coffee": "not made", "summer": "not made", "all": "not made"}
		if !maps.Equal(got, want) {
			t.Errorf("made for claims %v, want %v", got, want)
		}
		if again := makeNow(t, db, "few", 11, 5); again == nil || len(again) != 0 {
			t.Errorf("once more: %v, want none", again)
		}
	})
}
