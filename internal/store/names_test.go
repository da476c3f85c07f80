package store_test

import (
	"context"
	"fmt"
	"testing"

	"regulars/internal/patiently"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
)

// Whoever locks each of a few names shuts out those who lock one of them, and whoever
// locks many, but nobody with other names; and many shut out everybody.
func TestNamesAreLockedEachForItself(t *testing.T) {
	t.Parallel()
	db := storetest.Postgres(t)
	some := func(prefix string, n int) map[string]bool {
		names := map[string]bool{}
		for i := range n {
			names[fmt.Sprint(prefix, i)] = true
		}
		return names
	}
	// In which transaction each waits for the one before, whose locks are held meanwhile.
	for _, tt := range []struct {
		name      string
		held, too map[string]bool
		waits     bool
	}{
		{"others", some("a", 100), some("b", 100), false},
		{"one of them", some("a", 100), map[string]bool{"a99": true}, true},
		{"many", some("a", 1), some("b", 5000), true},
		{"few beside many", some("a", 5000), some("b", 1), true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			held, end, first, second := make(chan int), make(chan struct{}), make(chan error, 1), make(chan error, 1)
			lock := func(names map[string]bool, then func(tx *store.Tx) error) error {
				return db.Update(context.Background(), func(tx *store.Tx) error {
					if err := tx.LockEach("people", names); err != nil {
						return err
					}
					return then(tx)
				})
			}
			go func() {
				first <- lock(tt.held, func(tx *store.Tx) error {
					var pid int
					err := tx.One(&pid, "select pg_backend_pid()", nil)
					held <- pid
					<-end
					return err
				})
			}()
			pid := <-held
			go func() { second <- lock(tt.too, func(*store.Tx) error { return nil }) }()
			var err error
			if tt.waits {
				patiently.Until(t, "nobody waits for the lock", func() bool {
					var waits bool
					err := db.View(context.Background(), func(tx *store.Tx) error {
						return tx.One(&waits, "select exists (select 1 from pg_stat_activity where @pid = any(pg_blocking_pids(pid)))", store.Args{"pid": pid})
					})
					return err == nil && waits
				})
				close(end)
				err = <-second
			} else {
				err = <-second // while the first is held
				close(end)
			}
			if more := <-first; err != nil || more != nil {
				t.Fatal(err, more)
			}
		})
	}
}
