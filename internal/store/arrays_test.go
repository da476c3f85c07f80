package store_test

import (
	"testing"

	"regulars/internal/store"
	"regulars/internal/store/storetest"
)

// What is booked for later is what it was when it was booked, whatever becomes of it.
func TestAnArrayHasWhatItsPointersPointedAt(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		if db.Engine() != store.Postgres {
			t.Skip("SQLite has no arrays")
		}
		update(t, db, func(tx *store.Tx) error {
			if _, err := tx.Exec("create temporary table kept (n bigint)", nil); err != nil {
				return err
			}
			n, list := int64(1), []int64{1}
			args := store.Args{"pointed": store.Array([]*int64{&n, nil}), "listed": store.Array(list)}
			if err := tx.Later("keeping", "insert into kept select unnest(cast(@pointed as bigint[])) union all select unnest(cast(@listed as bigint[]))", args); err != nil {
				return err
			}
			n, list[0] = 2, 2
			var sum int64
			if err := tx.One(&sum, "select sum(n) from kept", nil); err != nil {
				return err
			}
			if sum != 2 {
				t.Errorf("kept %d, want 1 and 1", sum)
			}
			return nil
		})
	})
}
