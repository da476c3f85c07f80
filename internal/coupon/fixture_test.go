package coupon_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"io"
	"testing"

	"regulars/internal/coupon"
	"regulars/internal/loyalty"
	"regulars/internal/program"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
)

// now is the moment at which test databases stand, today its day in UTC.
var (
	now   = loyalty.At(storetest.Start)
	today = loyalty.Date(2027, 3, 3)
)

// The pools of the tests.
var (
	back   = program.Pool{Name: "back", Kind: "generated", Pattern: "BACK-####-####", Percent: 15, ValidFor: 14, Checkout: "asks_us"}
	coffee = program.Pool{Name: "coffee", Kind: "generated", Pattern: "COFFEE-######", Item: "SKU", Worth: 240, Checkout: "file"}
	summer = program.Pool{Name: "summer", Kind: "imported", Amount: 500, ValidUntil: loyalty.Date(2027, 8, 31)}
	all    = program.Pool{Name: "all", Kind: "shared", Code: "HELLO-5", Amount: 500, ValidFor: 7, ValidUntil: loyalty.Date(2027, 12, 31)}
)

func update(t testing.TB, db *store.DB, f func(tx *store.Tx) error) {
	t.Helper()
	if err := db.Update(context.Background(), f); err != nil {
		t.Fatal(err)
	}
}

func exec(t testing.TB, db *store.DB, text string, args store.Args) {
	t.Helper()
	update(t, db, func(tx *store.Tx) error {
		_, err := tx.Exec(text, args)
		return err
	})
}

func one[T any](t testing.TB, db *store.DB, text string, args store.Args) (v T) {
	t.Helper()
	update(t, db, func(tx *store.Tx) error { return tx.One(&v, text, args) })
	return v
}

func apply(t testing.TB, db *store.DB, pools ...program.Pool) {
	t.Helper()
	update(t, db, func(tx *store.Tx) error { return coupon.Apply(tx, pools) })
}

// members makes members 1 to n of a fresh database.
func members(t testing.TB, db *store.DB, n int) {
	t.Helper()
	rows := make([][]any, n)
	for i := range rows {
		rows[i] = []any{fmt.Sprint("M-", i+1), now, now}
	}
	update(t, db, func(tx *store.Tx) error {
		_, err := tx.Bulk("members", []string{"external_id", "created_at", "changed_at"}, rows)
		return err
	})
}

// stock puts the codes A1 to An into an imported pool.
func stock(t testing.TB, db *store.DB, pool string, n int) {
	t.Helper()
	update(t, db, func(tx *store.Tx) error {
		_, err := coupon.Import(tx, pool, func(yield func(string) bool) {
			for i := range n {
				if !yield(fmt.Sprint("A", i+1)) {
					return
				}
			}
		})
		return err
	})
}

// give asks for a code as a step does: the caller has locked the passage, here the
// member, and who has none afterwards found the pool empty.
func give(db *store.DB, pool string, occurrence, member int64) (c coupon.Code, err error) {
	err = db.Update(context.Background(), func(tx *store.Tx) error {
		if _, err := tx.Exec("update members set changed_at = changed_at where id = @member", store.Args{"member": member}); err != nil {
			return err
		}
		to := coupon.To{Occurrence: occurrence, Member: member}
		given, err := coupon.GiveEach(tx, pool, []coupon.To{to}, today, rand.Reader)
		if err != nil {
			return err
		}
		if given[to] == 0 {
			return coupon.ErrEmpty
		}
		codes, err := coupon.Load(tx, []int64{given[to]})
		c = codes[given[to]]
		return err
	})
	return c, err
}

// given is give, which must work.
func given(t testing.TB, db *store.DB, pool string, occurrence, member int64) coupon.Code {
	t.Helper()
	c, err := give(db, pool, occurrence, member)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// mail makes a send of an occurrence with a code and returns its id.
func mail(t testing.TB, db *store.DB, c coupon.Code, step, state string) int64 {
	t.Helper()
	return one[int64](t, db, `
		insert into sends (day, occurrence_id, step, member_id, campaign_id, version_id, class, topic, state, queued_at, code_id)
		values (1, @occurrence, @step, @member, 1, 1, 'offer', 'offers', @state, @now, @code) returning id`,
		store.Args{"occurrence": c.Occurrence, "step": step, "member": c.Member, "state": state, "now": now, "code": c.ID})
}

// run makes a run of occurrence n with a queued send for each of the first
// members, and one that is skipped.
func run(t testing.TB, db *store.DB, n int64, audience int) {
	t.Helper()
	rows := make([][]any, audience+1)
	for i := range rows {
		state := "queued"
		if i == audience {
			state = "skipped"
		}
		rows[i] = []any{int64(1), n, "mail", int64(i + 1), int64(1), int64(1), n, "offer", "offers", state, now}
	}
	update(t, db, func(tx *store.Tx) error {
		_, err := tx.Bulk("sends", []string{"day", "occurrence_id", "step", "member_id", "campaign_id", "version_id", "run_id", "class", "topic", "state", "queued_at"}, rows)
		return err
	})
}

func giveAll(db *store.DB, pool string, run int64, random io.Reader) (n int64, err error) {
	err = db.Update(context.Background(), func(tx *store.Tx) error {
		n, err = coupon.GiveAll(tx, pool, run, today, random)
		return err
	})
	return n, err
}

// stateOf reads a code anew.
func stateOf(t testing.TB, db *store.DB, id int64) (c coupon.Code) {
	t.Helper()
	update(t, db, func(tx *store.Tx) error {
		codes, err := coupon.Load(tx, []int64{id})
		c = codes[id]
		return err
	})
	return c
}

// narrow is randomness in which every code is drawn so many times in a row: a
// crowded pool.
func narrow(letters, times int) io.Reader {
	var b bytes.Buffer
	for n := range uint64(5000) {
		code := make([]byte, 8)
		binary.BigEndian.PutUint64(code, n)
		for i := range code {
			code[i] &= 31
		}
		code[6] |= byte(n>>5) & 31
		for range times {
			b.Write(code[8-letters:])
		}
	}
	return &b
}
