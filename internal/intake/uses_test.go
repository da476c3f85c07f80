package intake_test

import (
	"testing"

	"regulars/internal/importer"

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
			if got := d.One(uses); got != want {
				t.Errorf("%s: uses %s, want %s", name, got, want)
			}
		}
		tell := func(events ...loyalty.Event) func() { return func() { d.Stored(events...) } }
		d.older("insert into codes (pool_id, code, folded, state) values (1, 'HELLO5', 'HE110S', 'issued')")
		d.older("update codes set folded = '" + loyalty.FoldCode("HELLO5") + "'")
		step("placed", tell(with(loyalty.OrderPlaced, "1", -60, 2000)), "1 stand, 500 given")
		step("cancelled", tell(about(loyalty.OrderCancelled, "2", -50, nil)), "0 stand, 0 given")
		step("told again while cancelled", tell(with(loyalty.OrderPlaced, "3", -61, 2000)), "0 stand, 0 given")
		step("taken up again", tell(about(loyalty.OrderChanged, "4", -40, status("paid"))), "1 stand, 500 given")
		step("given back in part", tell(about(loyalty.OrderRefunded, "5", -30, given("r1", 500))), "1 stand, 500 given")
		step("given back in parts, until nothing is left", tell(about(loyalty.OrderRefunded, "6", -20, given("r2", 1500))), "0 stand, 0 given")
		step("a file says that it stands", func() {
			d.Take(importer.File{Kind: "orders", Path: file(t, "o.csv", "order,member,at,total,status\nO-1,M-1,2027-03-02,30.00,paid\n")})
		}, "1 stand, 500 given")
		step("a file says that it was cancelled", func() {
			d.Take(importer.File{Kind: "orders", Path: file(t, "p.csv", "order,member,at,total,status\nO-1,M-1,2027-03-02,30.00,cancelled\n")})
		}, "0 stand, 0 given")
	})
}

func TestACodeThatIsTakenOffItsOrderIsGivenBack(t *testing.T) {
	t.Parallel()
	const uses = "select (select state from codes where code = 'HELLO5') || ', ' || count(*) || ' rows, ' || count(*) filter (where not undone) || ' stand, ' || coalesce(sum(discount) filter (where not undone), 0) || ' given' from redemptions"
	listing := func(kind, id string, minutes int, version int64, codes ...string) loyalty.Event {
		return about(kind, id, minutes, func(e *loyalty.Event) {
			e.Order.Version, e.Order.Total, e.Order.HasTotal = version, 2000, true
			e.Order.Coupons = []loyalty.UsedCoupon{}
			for _, code := range codes {
				e.Order.Coupons = append(e.Order.Coupons, loyalty.UsedCoupon{Code: code, Discount: 500})
			}
		})
	}
	silent := func(id string, minutes int, version int64) loyalty.Event {
		return about(loyalty.OrderChanged, id, minutes, func(e *loyalty.Event) { e.Order.Version, e.Order.Shop = version, "Oulu" })
	}
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		d := newDoor(t, db)
		d.program("", map[string]string{"pools.yaml": "hello: {kind: generated, pattern: HELLO-######, amount: 5.00, checkout: asks_us, good_again: true}\n"})
		d.older("insert into codes (pool_id, code, folded, state) values (1, 'HELLO5', '" + loyalty.FoldCode("HELLO5") + "', 'issued')")
		d.older("insert into codes (pool_id, code, folded, state) values (1, 'HELLO6', '" + loyalty.FoldCode("HELLO6") + "', 'issued')")
		step := func(name string, do func(), want string) {
			t.Helper()
			do()
			if got := d.One(uses); got != want {
				t.Errorf("%s: %s, want %s", name, got, want)
			}
		}
		tell := func(events ...loyalty.Event) func() { return func() { d.Stored(events...) } }
		orders := func(name, text string) func() {
			return func() { d.Take(importer.File{Kind: "orders", Path: file(t, name, text)}) }
		}
		step("placed", tell(listing(loyalty.OrderPlaced, "1", -60, 1, "hello5")), "redeemed, 1 rows, 1 stand, 500 given")
		step("changed, and nothing said of codes", tell(silent("2", -55, 2)), "redeemed, 1 rows, 1 stand, 500 given")
		step("taken off", tell(listing(loyalty.OrderChanged, "3", -50, 3)), "issued, 1 rows, 0 stand, 0 given")
		step("an older word that lists it comes late", tell(listing(loyalty.OrderChanged, "4", -52, 2, "HELLO5")), "issued, 1 rows, 0 stand, 0 given")
		step("cancelled", tell(about(loyalty.OrderCancelled, "5", -40, nil)), "issued, 1 rows, 0 stand, 0 given")
		step("taken up again without it", tell(about(loyalty.OrderChanged, "6", -39, status("paid"))), "issued, 1 rows, 0 stand, 0 given")
		step("put on again", tell(listing(loyalty.OrderChanged, "7", -30, 8, "HELLO5")), "redeemed, 1 rows, 1 stand, 500 given")
		step("another instead", tell(listing(loyalty.OrderChanged, "8", -20, 9, "HELLO6")), "issued, 2 rows, 1 stand, 500 given")
		step("both", tell(listing(loyalty.OrderChanged, "9", -10, 10, "HELLO6", "HELLO5")), "redeemed, 2 rows, 2 stand, 1000 given")
		step("a file without the column", orders("o.csv", "order,member,at,total\nO-1,M-1,2027-03-02,20.00\n"), "redeemed, 2 rows, 2 stand, 1000 given")
		step("a file that lists one", orders("p.csv", "order,member,at,total,coupon\nO-1,M-1,2027-03-02,20.00,HELLO6\n"), "issued, 2 rows, 1 stand, 500 given")
		step("a file that lists none", orders("q.csv", "order,member,at,total,coupon\nO-1,M-1,2027-03-02,20.00,\n"), "issued, 2 rows, 0 stand, 0 given")
		step("listed and no longer, both at once", tell(listing(loyalty.OrderChanged, "8b", -3, 11, "HELLO6"), listing(loyalty.OrderChanged, "9b", -2, 12)), "issued, 2 rows, 0 stand, 0 given")
		step("a new order that lists it and no longer, both at once", func() {
			one, two := listing(loyalty.OrderPlaced, "10a", -2, 1, "HELLO6"), listing(loyalty.OrderChanged, "10b", -1, 2)
			one.Order.ID, two.Order.ID = "O-2", "O-2"
			d.Stored(one, two)
		}, "issued, 3 rows, 0 stand, 0 given")
		d.older("delete from redemptions where order_id <> (select min(id) from orders)")
		d.older("update redemptions set undone = false, listed = null, key = 'till'")
		step("what a till redeemed stands", tell(listing(loyalty.OrderChanged, "11", 0, 13)), "issued, 2 rows, 2 stand, 1000 given")
	})
}
