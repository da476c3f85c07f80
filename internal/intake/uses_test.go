package intake_test

import (
	"regulars/internal/importer"
	"testing"

	"regulars/internal/loyalty"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
)

func TestTheUseOfACodeFollowsItsOrder(t *testing.T) {
	t.Parallel()
	const uses = "select count(*) filter (where not undone) || ' stand, ' || coalesce(sum(discount) filter (where not undone), 0) || ' given' from redemptions"
	with := func(kind, id string, minutes int, total int64) loyalty.Event {
		return about(kind, id, minutes, func(e *loyalty.Event) {
			e.Order.Total, e.Order.HasTotal = total, true
			e.Order.Coupons = []loyalty.UsedCoupon{{Code: "HELLO5", Discount: 500}}
		})
	}
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		d := newDoor(t, db)
		d.program("", map[string]string{"pools.yaml": "hello: {kind: generated, pattern: HELLO-######, amount: 5.00, checkout: asks_us}\n"})
		step := func(name string, do func(), want string) {
			do()
			if got := d.one(uses); got != want {
				t.Errorf("%s: uses %s, want %s", name, got, want)
			}
		}
		tell := func(events ...loyalty.Event) func() { return func() { d.stored(events...) } }
		d.older("insert into codes (pool_id, code, folded, state) values (1, 'HELLO5', 'HE110S', 'issued')")
		d.older("update codes set folded = '" + loyalty.FoldCode("HELLO5") + "'")
		step("placed", tell(with(loyalty.OrderPlaced, "1", -60, 2000)), "1 stand, 500 given")
		step("cancelled", tell(about(loyalty.OrderCancelled, "2", -50, nil)), "0 stand, 0 given")
		step("told again while cancelled", tell(with(loyalty.OrderPlaced, "3", -61, 2000)), "0 stand, 0 given")
		step("taken up again", tell(about(loyalty.OrderChanged, "4", -40, status("paid"))), "1 stand, 500 given")
		step("given back in part", tell(about(loyalty.OrderRefunded, "5", -30, given("r1", 500))), "1 stand, 500 given")
		step("given back in parts, until nothing is left", tell(about(loyalty.OrderRefunded, "6", -20, given("r2", 1500))), "0 stand, 0 given")
		step("a file says that it stands", func() {
			d.take(importer.File{Kind: "orders", Path: file(t, "o.csv", "order,member,at,total,status\nO-1,M-1,2027-03-02,30.00,paid\n")})
		}, "1 stand, 500 given")
		step("a file says that it was cancelled", func() {
			d.take(importer.File{Kind: "orders", Path: file(t, "p.csv", "order,member,at,total,status\nO-1,M-1,2027-03-02,30.00,cancelled\n")})
		}, "0 stand, 0 given")
	})
}
