package coupon_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/csv"
	"errors"
	"testing"
	"time"

	"regulars/internal/coupon"
	"regulars/internal/loyalty"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
)

// record writes the codes that were given down, as the journal does.
func record(t testing.TB, db *store.DB) *bytes.Buffer {
	t.Helper()
	var text bytes.Buffer
	update(t, db, func(tx *store.Tx) error {
		given, err := coupon.GivenSince(tx, loyalty.At(time.Unix(0, 0)))
		if err != nil {
			return err
		}
		var ids []int64
		for _, g := range given {
			ids = append(ids, g.ID)
		}
		all, err := coupon.Record(tx, ids)
		if err != nil {
			return err
		}
		text.Reset()
		w := csv.NewWriter(&text)
		for _, g := range all {
			if err := w.Write(g.Fields()); err != nil {
				return err
			}
		}
		w.Flush()
		return w.Error()
	})
	return &text
}

// restore makes the codes of which nobody was mailed any what they were in the copy.
func restore(t testing.TB, db *store.DB) {
	t.Helper()
	exec(t, db, "update codes set state = 'free', occurrence_id = null, member_id = null, reserved_at = null where member_id is not null", nil)
	update(t, db, func(tx *store.Tx) error { _, err := coupon.SetAside(tx); return err })
}

func takeBack(t testing.TB, db *store.DB, text *bytes.Buffer) (sum coupon.TakenBack) {
	t.Helper()
	err := coupon.ReadGiven(bytes.NewReader(text.Bytes()), func(piece []coupon.Given) error {
		return db.Update(context.Background(), func(tx *store.Tx) error { return coupon.TakeBack(tx, piece, &sum) })
	})
	if err != nil {
		t.Fatal(err)
	}
	return sum
}

// After a restore nobody gets a code from stock that somebody else may have, and
// whoever has one gets the same again, singly, for many and in a run.
func TestCodesFromStockAfterARestore(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		apply(t, db, summer)
		members(t, db, 40)
		stock(t, db, "summer", 30)
		var first [11]string
		for m := range int64(10) {
			first[m+1] = given(t, db, "summer", 5, m+1).Code
		}
		text := record(t, db)
		restore(t, db)

		if _, err := give(db, "summer", 5, 1); !errors.Is(err, coupon.ErrEmpty) {
			t.Fatalf("before the record is taken in: %v, want no code", err)
		}
		unsettled := func() (is bool) {
			update(t, db, func(tx *store.Tx) (err error) { is, err = coupon.Unsettled(tx, "summer"); return err })
			return is
		}
		if !unsettled() {
			t.Error("nobody asks which codes of the pool somebody has")
		}
		for range 2 {
			if got := takeBack(t, db, text); got.Read != 10 || got.Promised != 10 {
				t.Fatalf("taken in: %+v, want 10 kept", got)
			}
		}
		if got := given(t, db, "summer", 5, 3); got.Code != first[3] {
			t.Errorf("member 3 gets %s, and has %s", got.Code, first[3])
		}
		if _, err := give(db, "summer", 5, 20); !errors.Is(err, coupon.ErrEmpty) {
			t.Errorf("who had none: %v, want none until a person says what is unused", err)
		}
		update(t, db, func(tx *store.Tx) error { // the till takes what it is shown
			_, err := coupon.Redeem(tx, coupon.Use{Code: first[4], Day: today})
			return err
		})

		var to []coupon.To
		for _, m := range []int64{4, 5, 20} {
			to = append(to, coupon.To{Occurrence: 5, Member: m})
		}
		update(t, db, func(tx *store.Tx) error {
			free, kept, err := coupon.PutBack(tx, "summer")
			if err == nil && (free != 20 || kept != 8) {
				t.Errorf("%d free, %d kept; want 20 and 8", free, kept)
			}
			return err
		})
		if unsettled() {
			t.Error("the pool is asked about though a person has said what is unused")
		}
		update(t, db, func(tx *store.Tx) error {
			got, err := coupon.GiveEach(tx, "summer", to, today, rand.Reader)
			if err != nil {
				return err
			}
			codes, err := coupon.Load(tx, []int64{got[to[0]], got[to[1]], got[to[2]]})
			if err != nil {
				return err
			}
			for i, want := range []string{first[4], first[5], "A11"} {
				if c := codes[got[to[i]]]; c.Code != want {
					t.Errorf("member %d gets %q, want %q", to[i].Member, c.Code, want)
				}
			}
			return nil
		})

		run(t, db, 5, 12)
		exec(t, db, "update sends set occurrence_id = 5 where run_id = 5", nil)
		update(t, db, func(tx *store.Tx) error {
			_, err := coupon.GiveAll(tx, "summer", 5, today, rand.Reader)
			return err
		})
		for m := int64(1); m <= 10; m++ {
			got := one[string](t, db, "select c.code from sends s join codes c on c.id = s.code_id where s.run_id = 5 and s.member_id = @m", store.Args{"m": m})
			if got != first[m] {
				t.Errorf("in the run member %d gets %s, and has %s", m, got, first[m])
			}
		}
		if n := one[int64](t, db, "select count(*) from (select 1 from codes where member_id is not null group by member_id, occurrence_id having count(*) > 1) d", nil); n != 0 {
			t.Errorf("%d members have two codes", n)
		}
	})
}

// A code that the copy holds for one and that was freed and given to another since is
// the other's; and one that is skipped does not become anybody's.
func TestACodeThatChangedHandsSinceTheCopy(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		apply(t, db, summer)
		members(t, db, 9)
		stock(t, db, "summer", 5)
		ana := given(t, db, "summer", 5, 1)
		bo := given(t, db, "summer", 5, 2)
		send := mail(t, db, ana, "offer", "queued")
		keep := one[int64](t, db, "select count(*) from codes where state = 'reserved'", nil)
		later := db.At(now.Add(time.Hour))
		exec(t, later, "update sends set state = 'skipped' where id = @id", store.Args{"id": send})
		update(t, later, func(tx *store.Tx) error { return coupon.Release(tx, []int64{send}) })
		cy := given(t, later, "summer", 5, 3)
		if cy.Code != ana.Code || keep != 2 {
			t.Fatalf("%s is given, want %s again", cy.Code, ana.Code)
		}
		text := record(t, later)
		exec(t, db, "update codes set member_id = 1, reserved_at = @now where id = @id", store.Args{"id": ana.ID, "now": now})
		exec(t, db, "update sends set state = 'queued', code_id = @code where id = @id", store.Args{"id": send, "code": ana.ID})
		update(t, db, func(tx *store.Tx) error { _, err := coupon.SetAside(tx); return err })
		if got := takeBack(t, db, text); got.Promised != 1 || got.Known != 1 {
			t.Fatalf("%+v, want one that changed hands", got)
		}
		if got := given(t, db, "summer", 5, 3); got.Code != ana.Code {
			t.Errorf("who has %s gets %s", ana.Code, got.Code)
		}
		if got := given(t, db, "summer", 5, 2); got.Code != bo.Code {
			t.Errorf("who has %s gets %s", bo.Code, got.Code)
		}
		send = mail(t, db, coupon.Code{ID: ana.ID, Occurrence: 5, Member: 3}, "offer", "skipped")
		update(t, db, func(tx *store.Tx) error { return coupon.Release(tx, []int64{send}) })
		if s := one[string](t, db, "select state from codes where id = @id", store.Args{"id": ana.ID}); s != coupon.StateAside {
			t.Errorf("a skipped code that somebody has is %s", s)
		}
	})
}
