package store_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"regulars/internal/store"
	"regulars/internal/store/storetest"
)

// What is kept compiled must not be seen from outside.
func TestStatementsThatRunAgainAreNew(t *testing.T) {
	t.Parallel()
	const members = "select external_id from members where external_id >= @from order by 1"
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		update(t, db, func(tx *store.Tx) error {
			for i := range 3 {
				if _, err := tx.Exec(`insert into members (external_id, created_at, changed_at) values (@id, @now, @now)`, store.Args{"id": fmt.Sprint("M-", i), "now": tx.At}); err != nil {
					return err
				}
			}
			return nil
		})
		ids := func(tx *store.Tx, from string) string {
			var ids []string
			if err := tx.All(&ids, members, store.Args{"from": from}); err != nil {
				t.Fatal(err)
			}
			return fmt.Sprint(ids)
		}
		for range 2 {
			update(t, db, func(tx *store.Tx) error {
				if got, want := ids(tx, "M-1"), "[M-1 M-2]"; got != want {
					t.Errorf("from M-1: %s, want %s", got, want)
				}
				if got, want := ids(tx, "M-9"), "[]"; got != want {
					t.Errorf("from M-9: %s, want %s", got, want)
				}
				return nil
			})
		}

		// Broken off in the middle of its rows, and then asked again.
		update(t, db, func(tx *store.Tx) error {
			rows, err := tx.Query(members, store.Args{"from": ""})
			if err != nil || !rows.Next() {
				t.Fatalf("no first row: %v", err)
			}
			if db.Engine() == store.SQLite { // Postgres answers one question at a time
				if got, want := ids(tx, "M-2"), "[M-2]"; got != want {
					t.Errorf("while its rows are read: %s, want %s", got, want)
				}
			}
			if err := rows.Close(); err != nil {
				return err
			}
			if got, want := ids(tx, ""), "[M-0 M-1 M-2]"; got != want {
				t.Errorf("after it was broken off: %s, want %s", got, want)
			}
			return nil
		})

		// A statement that fails, or is stopped, can run again.
		const insert = `insert into members (id, external_id, created_at, changed_at) values (@id, @ext, @now, @now)`
		for i, want := range []error{nil, store.ErrDuplicate, nil} {
			err := db.Update(context.Background(), func(tx *store.Tx) error {
				_, err := tx.Exec(insert, store.Args{"id": 1000 + i, "ext": []string{"X", "X", "Y"}[i], "now": tx.At})
				return err
			})
			if !errors.Is(err, want) {
				t.Errorf("insert %d: %v, want %v", i, err, want)
			}
		}
		long := `with recursive n(i) as (select 1 union all select i + 1 from n where i < @most) select count(*) from n`
		for i, most := range []int{1_000_000_000, 10} {
			ctx, stop := context.WithTimeout(context.Background(), []time.Duration{50 * time.Millisecond, time.Minute}[i])
			var n int
			err := db.View(ctx, func(tx *store.Tx) error { return tx.One(&n, long, store.Args{"most": most}) })
			stop()
			if stopped := err != nil; stopped != (i == 0) || !stopped && n != most {
				t.Errorf("counting to %d: %d, %v", most, n, err)
			}
		}

		// A table that is made anew has other columns.
		for _, made := range []string{"1 as a", "'x' as b, 2 as c"} {
			if db.Engine() == store.Postgres {
				break // its driver would have the transaction fail once
			}
			update(t, db, func(tx *store.Tx) error {
				if _, err := tx.Exec("create table fresh as select "+made, nil); err != nil {
					return err
				}
				rows, err := tx.Query("select * from fresh", nil)
				if err != nil {
					return err
				}
				columns, err := rows.Columns()
				if want := strings.Count(made, "as"); err != nil || len(columns) != want {
					t.Errorf("a table made with %s has the columns %v, %v", made, columns, err)
				}
				if err := rows.Close(); err != nil {
					return err
				}
				_, err = tx.Exec("drop table fresh", nil)
				return err
			})
		}

		// More texts than are kept.
		update(t, db, func(tx *store.Tx) error {
			for round := range 2 {
				for i := range 600 {
					var n int
					if err := tx.One(&n, fmt.Sprintf("select %d + @round", i), store.Args{"round": round}); err != nil || n != i+round {
						t.Fatalf("%d + %d = %d, %v", i, round, n, err)
					}
				}
			}
			return nil
		})
	})
}

// What a transaction has read once stays as it was, until something says otherwise.
func TestATransactionReadsOnce(t *testing.T) {
	t.Parallel()
	type key struct{}
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		reads := 0
		read := func(tx *store.Tx) {
			if _, err := store.Read(tx, key{}, func() (int, error) { reads++; return reads, nil }); err != nil {
				t.Fatal(err)
			}
		}
		for _, step := range []struct {
			after string
			do    func(tx *store.Tx) error
			want  int
		}{
			{"nothing", func(*store.Tx) error { return nil }, 1},
			{"setting something", func(tx *store.Tx) error { return tx.SetSetting("a", "b") }, 2},
			{"a Try that fails", func(tx *store.Tx) error { _ = tx.Try(func() error { return errors.New("no") }); return nil }, 2},
			{"Reread", func(tx *store.Tx) error { tx.Reread(); return nil }, 2},
		} {
			reads = 0
			update(t, db, func(tx *store.Tx) error {
				read(tx)
				if err := step.do(tx); err != nil {
					return err
				}
				read(tx)
				read(tx)
				return nil
			})
			if reads != step.want {
				t.Errorf("after %s: read %d times, want %d", step.after, reads, step.want)
			}
		}
	})
}
