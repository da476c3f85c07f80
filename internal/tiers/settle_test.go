package tiers_test

import (
	"errors"
	"testing"

	"regulars/internal/store"
	"regulars/internal/tiers"
)

// Who has reached a tier is asked about everybody and all orders, so it is asked once,
// however many reach one: 5,000 are moved at a time.
func TestTheFirstTiersReadAllOrdersOnce(t *testing.T) {
	each(t, plain(silverAndGold), func(t *testing.T, s *shop) {
		s.Bought(s.Join(5_001), 1, 0)
		s.Do(func(tx *store.Tx) error {
			if _, err := tx.Exec("update orders set total = 10000 + 20000 * (member_id % 2)", nil); err != nil {
				return err
			}
			return tx.Analyze("orders")
		})
		s.Do(func(tx *store.Tx) error {
			scans := func() (n int, err error) {
				if tx.Postgres() { // of this connection, since the server last heard of them
					err = tx.One(&n, "select seq_scan from pg_stat_xact_user_tables where relname = 'orders'", nil)
				}
				return n, err
			}
			before, err := scans()
			if err := errors.Join(err, tiers.Settle(tx)); err != nil {
				return err
			}
			after, err := scans()
			if n := after - before; n > 2 {
				t.Errorf("orders were read %d times from beginning to end, want once for each tier", n)
			}
			return err
		})
		s.Want("stays", s.Counted("select tier as what, count(*) as n from member_tiers group by tier"), "2501 gold, 2500 silver")
	})
}
