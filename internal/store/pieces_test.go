package store_test

import (
	"context"
	"slices"
	"testing"

	"regulars/internal/store"
	"regulars/internal/store/storetest"
)

// What a SELECT finds comes in its order, in pieces, with nothing of what is written
// meanwhile; a second SELECT of the same transaction may have other columns.
func TestPieces(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		err := db.Update(context.Background(), func(tx *store.Tx) error {
			for key, value := range map[string]string{"a": "1", "b": "2", "c": "3", "d": "4"} {
				if _, err := tx.Exec("insert into settings (key, value) values (@key, @value)", store.Args{"key": "piece " + key, "value": value}); err != nil {
					return err
				}
			}
			for n, want := range map[int][]int{3: {3, 1}, 4: {4}, 100: {4}} {
				var keys []string
				var pieces []int
				read := 0
				err := tx.Pieces("select key from settings where key like @like order by key desc", store.Args{"like": "piece _"}, n, func(scan func(into ...any) error) error {
					var key string
					read++
					keys = append(keys, key)
					return scan(&keys[len(keys)-1])
				}, func() error {
					pieces = append(pieces, read)
					read = 0
					_, err := tx.Exec("insert into settings (key, value) select 'piece ' || cast(max(cast(value as bigint)) + 1 as text), cast(max(cast(value as bigint)) + 1 as text) from settings where key like 'piece%'", nil)
					return err
				})
				if err != nil {
					return err
				}
				if !slices.Equal(keys, []string{"piece d", "piece c", "piece b", "piece a"}) || !slices.Equal(pieces, want) {
					t.Errorf("pieces of %d: %v in %v, want four from d to a in %v", n, keys, pieces, want)
				}
				if _, err := tx.Exec("delete from settings where key like 'piece%' and cast(value as bigint) > 4", nil); err != nil {
					return err
				}
			}
			var sum int64
			err := tx.Pieces("select cast(value as bigint) as n, key from settings where key like 'piece%'", nil, 2, func(scan func(into ...any) error) error {
				var n int64
				var key string
				err := scan(&n, &key)
				sum += n
				return err
			}, func() error { return nil })
			if sum != 10 {
				t.Errorf("the values come to %d, want 10", sum)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}

// Ids that were taken are nobody else's, also before their rows are written, and rows that
// the database numbers go on behind them.
func TestTakenIDs(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		err := db.Update(context.Background(), func(tx *store.Tx) error {
			var taken []int64
			for range 3 {
				ids, err := tx.TakeIDs("codes", 2)
				if err != nil {
					return err
				}
				taken = append(taken, ids...)
			}
			var next int64
			err := tx.One(&next, "insert into codes (pool_id, code, folded, state) values (1, 'A', 'a', 'free') returning id", nil)
			if want := []int64{1, 2, 3, 4, 5, 6}; !slices.Equal(taken, want) || next != 7 {
				t.Errorf("TakeIDs gave %v and the row behind them got %d, want %v and 7", taken, next, want)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}
