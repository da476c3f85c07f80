package intake_test

import (
	"fmt"
	"testing"

	"regulars/internal/intake"
	"regulars/internal/loyalty"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
)

func TestWhatCannotBeAddedUpIsRefused(t *testing.T) {
	t.Parallel()
	large, most := int64(loyalty.Most+1), int64(loyalty.Most)
	order := func(n int64) loyalty.Event { return placed("", "O", "M-1", -5, n) }
	many := order(1)
	many.Order.Quantity = large
	lines := order(1)
	lines.Order.HasTotal, lines.Order.Lines = false, []loyalty.Line{{Total: most, Quantity: 1}, {Total: most, Quantity: 1}}
	discount := order(1)
	discount.Order.Discount, discount.Order.HasDiscount = large, true
	used := order(1)
	used.Order.Coupons = []loyalty.UsedCoupon{{Code: "A", Discount: large}}
	points := func(p loyalty.Points) loyalty.Event {
		e := event(loyalty.PointsChanged, "", -5, loyalty.Member{ID: "M-1"})
		e.Points = &p
		return e
	}
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		d := newDoor(t, db)
		for i, tt := range []struct {
			field string
			e     loyalty.Event
		}{
			{"order.total", order(large)}, {"order.total", order(-large)}, {"order.quantity", many}, {"order.lines", lines}, {"order.discount", discount},
			{"order.coupons[0].discount", used}, {"points.delta", points(loyalty.Points{Delta: &large})}, {"points.balance", points(loyalty.Points{Balance: &large})},
			{"refund.total", about(loyalty.OrderRefunded, "", -5, given("r", large))},
		} {
			tt.e.ID = fmt.Sprint("e", i)
			if r := d.Answers(tt.e)[0]; r.State != intake.Refused || r.Field != tt.field || r.Reason == "" {
				t.Errorf("%s that is too large: %+v, want it refused for that", tt.field, r)
			}
		}
		var all []loyalty.Event
		for n := range 1000 { // more than would add up if each were as large as a number can be
			e := placed(fmt.Sprint("o", n), fmt.Sprint("O-", n), "M-1", -5, most)
			e.Order.Version = 1 << 60 // a sender's microseconds
			all = append(all, e)
		}
		d.Stored(all...)
		if got, want := d.One(factsOf+"'M-1'"), fmt.Sprintf("1000 orders, %d spent, 0 points", 1000*most); got != want {
			t.Errorf("facts %s, want %s", got, want)
		}
	})
}
