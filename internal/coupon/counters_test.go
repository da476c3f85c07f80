package coupon_test

import (
	"crypto/rand"
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"regulars/internal/coupon"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
)

// recounted compares the counters of all pools with the codes and their uses.
func recounted(t *testing.T, db *store.DB, after string) {
	t.Helper()
	type counts struct {
		Name                         string
		Made, Given, Open, Spent     int64
		Free, Reserved, Issued, Void int64
	}
	list := func(text string) (all []counts) {
		update(t, db, func(tx *store.Tx) error { return tx.All(&all, text, nil) })
		return all
	}
	kept := list(`
		select p.name, p.made + (select coalesce(sum(made), 0) from pool_moves m where m.pool_id = p.id) as made,
		       p.given + (select coalesce(sum(given), 0) from pool_moves m where m.pool_id = p.id) as given,
		       p.open + (select coalesce(sum(open), 0) from pool_moves m where m.pool_id = p.id) as open,
		       p.spent + (select coalesce(sum(spent), 0) from pool_moves m where m.pool_id = p.id) as spent,
		       p.free + (select coalesce(sum(free), 0) from pool_moves m where m.pool_id = p.id) as free,
		       p.reserved + (select coalesce(sum(reserved), 0) from pool_moves m where m.pool_id = p.id) as reserved,
		       p.issued + (select coalesce(sum(issued), 0) from pool_moves m where m.pool_id = p.id) as issued,
		       p.void + (select coalesce(sum(void), 0) from pool_moves m where m.pool_id = p.id) as void
		from   pools p order by p.name`)
	there := list(`
		select p.name, (select count(*) from codes c where c.pool_id = p.id and c.state <> 'void') as made,
		       (select count(*) from codes c where c.pool_id = p.id and c.state not in ('void', 'free', 'aside')) as given,
		       (select count(*) from codes c where c.pool_id = p.id and c.state in ('reserved', 'issued', 'redeemed')) as open,
		       (select coalesce(sum(discount), 0) from redemptions r where r.pool_id = p.id and not r.undone) as spent,
		       (select count(*) from codes c where c.pool_id = p.id and c.state = 'free') as free,
		       (select count(*) from codes c where c.pool_id = p.id and c.state = 'reserved') as reserved,
		       (select count(*) from codes c where c.pool_id = p.id and c.state = 'issued') as issued,
		       (select count(*) from codes c where c.pool_id = p.id and c.state = 'void') as void
		from   pools p order by p.name`)
	for i := range there {
		if kept[i] != there[i] {
			t.Errorf("after %s the counters are %+v, there are %+v", after, kept[i], there[i])
		}
	}
}

// Whatever becomes of codes, the counters of their pools follow.
func TestCountersFollowTheCodes(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		members(t, db, 40)
		scarce, dear := back, summer
		scarce.Stock, scarce.GoodAgain = 30, true
		dear.Budget = 100_000
		apply(t, db, scarce, dear, coffee, all)
		stock(t, db, "summer", 12)
		do := func(what string, f func(tx *store.Tx) error) {
			t.Helper()
			update(t, db, f)
			recounted(t, db, what)
		}
		run(t, db, 1, 10)
		if _, err := giveAll(db, "back", 1, rand.Reader); err != nil {
			t.Fatal(err)
		}
		recounted(t, db, "a run")
		single := given(t, db, "summer", 2, 1)
		other := given(t, db, "summer", 2, 2)
		first := mail(t, db, single, "1", "queued")
		do("a skipped mail", func(tx *store.Tx) error { return coupon.Release(tx, []int64{first}) })
		second := mail(t, db, other, "1", "queued")
		do("a failed mail", func(tx *store.Tx) error { return coupon.Void(tx, []int64{second}) })
		do("giving it anew", func(tx *store.Tx) error { _, err := coupon.Again(tx, other.ID); return err })
		used := given(t, db, "back", 3, 3)
		do("a use", func(tx *store.Tx) error {
			_, err := coupon.Redeem(tx, coupon.Use{Code: used.Code, Member: 3, Day: today, At: now, Key: "till", Discount: 250})
			return err
		})
		do("a use that is undone", func(tx *store.Tx) error {
			_, err := tx.Exec("update redemptions set undone = true", nil)
			return err
		})
		do("codes for a file", func(tx *store.Tx) error { _, err := coupon.Generate(tx, "coffee", 7, rand.Reader); return err })
		do("codes that are set aside", func(tx *store.Tx) error { _, err := coupon.SetAside(tx); return err })
		do("the day's sum", coupon.FoldAll)
		do("the end of a pool", func(tx *store.Tx) error { _, err := coupon.Expire(tx, summer.ValidUntil+1); return err })
		do("a recall", func(tx *store.Tx) error { _, err := coupon.Recall(tx, "back"); return err })
		do("codes that go", func(tx *store.Tx) error { _, err := tx.Exec("delete from codes where state = 'void'", nil); return err })
	})
}

// Givers, voids and the day's sum at once: never more than the stock, and the counters
// stand in the end.
func TestCountersUnderManyWriters(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		members(t, db, 60)
		p := back
		p.Stock = 25
		apply(t, db, p)
		var given, void atomic.Int64
		var wait sync.WaitGroup
		for member := range int64(60) {
			wait.Go(func() {
				c, err := give(db, "back", 1, member+1)
				switch {
				case errors.Is(err, coupon.ErrEmpty):
					return
				case err != nil:
					t.Error(err)
					return
				}
				given.Add(1)
				if member%4 == 0 {
					err := db.Update(t.Context(), func(tx *store.Tx) error { _, err := coupon.Cancel(tx, c.Code); return err })
					if err != nil {
						t.Error(err)
					}
					void.Add(1)
				}
				if member%10 == 0 {
					if err := db.Update(t.Context(), coupon.FoldAll); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wait.Wait()
		if n := given.Load() - void.Load(); n > 25 || given.Load() < 25 {
			t.Errorf("%d codes were given and %d made void, of a stock of 25", given.Load(), void.Load())
		}
		recounted(t, db, "many writers")
	})
}

// TestGivingReadsNothingOfWhatWasGiven counts what Postgres reads for a code of a
// limited pool that has given many.
func TestGivingReadsNothingOfWhatWasGiven(t *testing.T) {
	t.Parallel()
	db := storetest.Postgres(t)
	members(t, db, 8)
	p := back
	p.Stock = 1_000_000
	apply(t, db, p)
	update(t, db, func(tx *store.Tx) error {
		_, err := tx.Exec(`
			insert into codes (pool_id, code, folded, state, occurrence_id, member_id)
			select (select min(id) from pools), 'B' || n, 'B' || n, 'issued', n + 100, n from generate_series(1, 5000) n`, nil)
		return err
	})
	update(t, db, func(tx *store.Tx) error {
		if err := tx.ByIndex(); err != nil { // as a step does
			return err
		}
		for member := range int64(8) {
			if _, err := coupon.GiveEach(tx, "back", []coupon.To{{Occurrence: 1, Member: member + 1}}, today, rand.Reader); err != nil {
				return err
			}
		}
		var read int64
		err := tx.One(&read, "select seq_tup_read + idx_tup_fetch from pg_stat_xact_user_tables where relid = cast('codes' as regclass)", nil)
		if read > 8*20 {
			t.Errorf("for 8 codes of a pool with 5000, %d rows were read", read)
		}
		return err
	})
}
