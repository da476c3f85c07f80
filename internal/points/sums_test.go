package points_test

import (
	"testing"

	"regulars/internal/loyalty"
	"regulars/internal/shoptest"
	"regulars/internal/store"
)

// What an order adds to the sums of points is written with its entries; what comes after it
// in the same transaction is summed as well, and what changes later is.
func TestSumsAreWrittenWithTheirEntries(t *testing.T) {
	p := shoptest.Program{Pools: rewarding.Pools, Extra: map[string]string{"loyalty.yaml": `
points:
  earn:
    - 1 per 1.00
    - 5 for event "order.placed"
cards:
  tea: {stamp: order, of: 3, gives: free-coffee}
`}}
	shoptest.Each(t, p, func(t *testing.T, plain *shoptest.Shop) {
		s := shop{plain}
		m := s.Join(2)
		sums := func(about string) {
			t.Helper()
			s.Do(func(tx *store.Tx) error {
				wrong, err := store.Missums(tx, 10)
				if len(wrong) > 0 {
					t.Errorf("%s: %+v", about, wrong)
				}
				return err
			})
		}
		s.order(loyalty.OrderPlaced, m[0], "a", total(10000))
		sums("after an order")
		s.want(t, m[0], "an order and its event", "105, 0 pending, 2 rows")
		s.order(loyalty.OrderPlaced, m[0], "b", total(2000))
		s.order(loyalty.OrderPlaced, m[1], "c", total(500))
		s.order(loyalty.OrderPlaced, m[1], "d", total(0))
		s.order(loyalty.OrderPlaced, m[0], "e", total(90))
		sums("after a full card")
		s.order(loyalty.OrderChanged, m[0], "a", total(12000))
		sums("after one has changed")
		s.order(loyalty.OrderCancelled, m[0], "b", func(*loyalty.Event) {})
		sums("after one was cancelled")
		s.doctor(t)
	})
}
