package store_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"

	"regulars/internal/store"
	"regulars/internal/store/storetest"
)

// Whatever is booked, drawn, given back or made one, the sums follow; what was summed
// wrongly is found and set right. The days of entries rise, as those of a ledger do.
func TestSumsOfPointsFollowWhatIsBooked(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		c := counting{t, db}
		random := rand.New(rand.NewPCG(3, 3))
		missums := func() (found []store.Missum) {
			t.Helper()
			err := db.View(context.Background(), func(tx *store.Tx) (err error) {
				found, err = store.Missums(tx, 10)
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			return found
		}
		agree := func(after string) {
			t.Helper()
			if found := missums(); len(found) > 0 {
				t.Fatalf("after %q: %+v", after, found)
			}
		}
		for id := range 9 {
			c.exec(fmt.Sprintf(`insert into orders (id, source, external_id, member_id, at, day, status, counts, total, changed_at)
				values (%d, 'shop', '%d', 1, @now, 20000, 'paid', true, %d, @now)`, id+1, id+1, 1000*(id+1)))
		}
		const columns = "insert into entries (id, member_id, wallet, at, day, kind, amount, cause, order_id, version_id) values "
		for id := 1; id <= 90; id++ {
			kind, wallet := []string{"earn", "earn", "takeback", "redeem", "return", "expire", "adjust"}[random.IntN(7)], []string{"points", "points", "tea"}[random.IntN(3)]
			entry := fmt.Sprintf(columns+"(%d, 1, '%s', @now, %d, '%s', %d, 'c%d', %d, 1)", id, wallet, 20000+id, kind, random.IntN(200), id, 1+random.IntN(9))
			c.exec(entry)
			agree(entry)
		}
		for debit := 1; debit <= 60; debit++ {
			credit := 1 + random.IntN(90)
			c.exec(fmt.Sprintf("insert into draws (debit_id, credit_id, amount) values (%d, %d, %d)", debit, credit, random.IntN(90)-30))
		}
		agree("draws")
		for _, change := range []string{
			"update draws set amount = amount + 7 where debit_id < 20",
			"insert into draws (debit_id, credit_id, amount) select debit_id, credit_id, 5 from draws where debit_id < 9 on conflict (debit_id, credit_id) do update set amount = draws.amount + excluded.amount",
			"update orders set refunded = 300 where id < 5",
			"update orders set status = 'cancelled', counts = false where id in (2, 7)",
			"update orders set counts = true, total = total + 1 where id = 2",
			"update entries set member_id = 2",
			"update entries set order_id = 5 where order_id = 3",
			"update entries set order_id = 6 where order_id in (8, 4)",
			"delete from orders where id in (3, 4, 8)",
		} {
			c.exec(change)
			agree(change)
		}
		fold := func() error { return db.Update(context.Background(), store.FoldPoints) }
		if err := fold(); err != nil {
			t.Fatal(err)
		}
		agree("adding up")
		c.exec("insert into point_sums (what, month, day, n) values ('earn', '', 1, 4)")
		if found := missums(); len(found) != 1 || found[0].Summed != 4 {
			t.Fatalf("what is summed and was never booked: %+v", found)
		}
		err := db.Update(context.Background(), func(tx *store.Tx) error { _, err := store.Resum(tx); return err })
		if err != nil {
			t.Fatal(err)
		}
		agree("setting right")
	})
}

// An entry's sum costs the same for the thousandth of a young shop as for its first: the
// plans of triggers are made when the tables are empty, and are kept.
func TestASumLooksUpWhatIsBookedByIndex(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		if db.Engine() != store.Postgres {
			t.Skip("SQLite has no statistics of what was read")
		}
		const many = 400
		err := db.Update(context.Background(), func(tx *store.Tx) error {
			for id := int64(1); id <= many; id++ {
				args := store.Args{"id": id, "name": fmt.Sprint(id), "now": tx.At}
				if _, err := tx.Exec(`insert into orders (id, source, external_id, member_id, at, day, status, counts, total, changed_at)
					overriding system value values (@id, 'shop', @name, 1, @now, 20000, 'paid', true, 1000, @now)`, args); err != nil {
					return err
				}
				if _, err := tx.Exec(`insert into entries (id, member_id, wallet, at, day, kind, amount, cause, order_id, version_id)
					overriding system value values (@id, 1, 'points', @now, 20000, 'earn', 10, @name, @id, 1)`, args); err != nil {
					return err
				}
			}
			var read int64
			err := tx.One(&read, `select pg_stat_get_xact_tuples_returned(cast('entries' as regclass))
				+ (select sum(pg_stat_get_xact_tuples_returned(indexrelid)) from pg_index where indrelid = cast('entries' as regclass))`, nil)
			if read > 5*many {
				t.Errorf("%d entries were read to sum %d", read, many)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}
