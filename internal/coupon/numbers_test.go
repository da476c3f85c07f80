package coupon_test

import (
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"testing"

	"regulars/internal/coupon"
	"regulars/internal/program"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
)

// aPiece is how many members of an audience freeze has at hand at once.
const aPiece = 40

// freeze inserts the sends of a run as runs does, piece by piece, with the codes that are
// made meanwhile, and gives the others. One of ten members is left out.
func freeze(db *store.DB, pool string, run int64) (n int64, err error) {
	err = db.Update(context.Background(), func(tx *store.Tx) error {
		mint, err := coupon.Mint(tx, pool, today, rand.Reader)
		if err != nil {
			return err
		}
		var all []int64
		if err := tx.All(&all, "select id from members order by id", nil); err != nil {
			return err
		}
		for piece := range slices.Chunk(all, aPiece) {
			write := func(codes []int64) error { return writeSends(tx, run, piece, codes) }
			if mint != nil {
				err = mint.For(run, slices.DeleteFunc(slices.Clone(piece), leftOut), write)
			} else {
				err = write(nil)
			}
			if err != nil {
				return err
			}
		}
		if mint != nil {
			n, err = mint.Made()
		} else {
			n, err = coupon.GiveAll(tx, pool, run, today, rand.Reader)
		}
		return err
	})
	return n, err
}

func leftOut(member int64) bool { return member%10 == 0 }

// writeSends inserts the sends of some members, with the codes of those who are mailed.
func writeSends(tx *store.Tx, run int64, members, codes []int64) error {
	rows, k := make([][]any, len(members)), 0
	for i, id := range members {
		rows[i] = []any{int64(1), run, "mail", id, int64(1), int64(1), run, "offer", "offers", "skipped", nil, now}
		if !leftOut(id) {
			if rows[i][9] = "queued"; codes != nil {
				rows[i][10] = codes[k]
			}
			k++
		}
	}
	_, err := tx.Bulk("sends", []string{"day", "occurrence_id", "step", "member_id", "campaign_id", "version_id", "run_id", "class", "topic", "state", "code_id", "queued_at"}, rows)
	return err
}

// Who is mailed has a code of their own, and it is the one whose number the send had
// before the code was there, also where the first code that was drawn is taken.
func TestNumberedCodes(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		members(t, db, 100)
		crowded := program.Pool{Name: "crowded", Kind: "generated", Pattern: "C-##"} // 1024 codes
		limited := program.Pool{Name: "limited", Kind: "generated", Pattern: "L-########", Stock: 150}
		apply(t, db, back, crowded, limited, summer, all)
		stock(t, db, "summer", 90)
		for run, pool := range map[int64]string{1: "back", 2: "crowded", 3: "crowded", 4: "crowded", 5: "crowded", 6: "summer", 7: "all", 8: "limited"} {
			n, err := freeze(db, pool, run)
			if n != 90 || err != nil {
				t.Fatalf("GiveAll from %s = %d, %v, want 90", pool, n, err)
			}
			theirs := one[int64](t, db, `
				select count(*) from sends s join codes c on c.id = s.code_id join pools p on p.id = c.pool_id
				where  s.run_id = @run and s.state = 'queued' and p.name = @pool and (c.state = 'reserved' and c.member_id = s.member_id and c.occurrence_id = s.occurrence_id or p.kind = 'shared')`,
				store.Args{"run": run, "pool": pool})
			others := one[int64](t, db, "select count(*) from sends where run_id = @run and state = 'skipped' and code_id is not null", store.Args{"run": run})
			if theirs != 90 || others != 0 {
				t.Errorf("pool %s: %d of 90 mails have codes of their own, and %d that do not go", pool, theirs, others)
			}
		}
		var short *coupon.Short
		if _, err := freeze(db, "limited", 9); !errors.As(err, &short) || short.Have != 60 || short.Need != 90 {
			t.Errorf("a second run from a pool of 150, which ends in its second piece: %v, want Short of 60 for 90", err)
		}
		if n := one[int64](t, db, "select count(*) from sends where run_id = 9", nil) + one[int64](t, db, "select count(*) from codes where occurrence_id = 9", nil); n != 0 {
			t.Errorf("it left %d sends and codes, want none", n)
		}
		if c := given(t, db, "back", 99, 1); c.Member != 1 {
			t.Errorf("a code given singly afterwards: %+v", c)
		}
	})
}

// The ids of a piece's codes rise as the codes do, in whose order they are written: Postgres
// then adds each at the end of its index of ids.
func TestIDsRiseWithCodes(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		members(t, db, aPiece)
		apply(t, db, back)
		if _, err := freeze(db, "back", 1); err != nil {
			t.Fatal(err)
		}
		var codes []string
		update(t, db, func(tx *store.Tx) error { return tx.All(&codes, "select folded from codes order by id", nil) })
		if len(codes) != aPiece*9/10 || !slices.IsSorted(codes) {
			t.Errorf("%d codes by their ids: %v, want %d, sorted", len(codes), codes, aPiece*9/10)
		}
	})
}

// A code that is issued changes where it lies: each of its indexes would else get an entry
// more for every mail.
func TestIssuedCodesStayInPlace(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		members(t, db, 200)
		apply(t, db, back)
		if _, err := freeze(db, "back", 1); err != nil {
			t.Fatal(err)
		}
		update(t, db, func(tx *store.Tx) error {
			if !tx.Postgres() {
				return nil
			}
			var codes []int64
			if err := tx.All(&codes, "select id from codes order by id", nil); err != nil {
				return err
			}
			if err := coupon.Issued(tx, codes, today+14); err != nil {
				return err
			}
			var n struct{ Changed, Moved int64 }
			err := tx.One(&n, `
				select pg_stat_get_xact_tuples_updated(c.oid) as changed, pg_stat_get_xact_tuples_updated(c.oid) - pg_stat_get_xact_tuples_hot_updated(c.oid) as moved
				from   pg_class c where c.oid = cast('codes' as regclass)`, nil)
			if n.Changed != int64(len(codes)) || n.Moved != 0 {
				t.Errorf("issuing %d codes changed %d rows, %d of which had to move", len(codes), n.Changed, n.Moved)
			}
			return err
		})
	})
}
