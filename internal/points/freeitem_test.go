package points_test

import (
	"fmt"
	"testing"

	"regulars/internal/loyalty"
	"regulars/internal/shoptest"
)

// S10: the item that a full card, or a claim, gives earns no stamp and no points, though the
// till writes its price and takes it off the whole order.
func TestWhatWasClaimedEarnsNothing(t *testing.T) {
	p := shoptest.Program{
		Pools: "coffee: {kind: generated, pattern: COFFEE-########, item: Latte, worth: 2.40, valid_for: 60d, checkout: asks_us}\n",
		Extra: map[string]string{"loyalty.yaml": "points: {earn: [1 per 1.00, 1 per 1.00 of category \"Coffee\"], expire: never}\n" +
			"cards:\n  latte: {stamp: category \"Coffee\", of: 3, gives: coffee}\n"},
	}
	shoptest.Each(t, p, func(t *testing.T, plain *shoptest.Shop) {
		s := shop{plain}
		m := s.Join(1)[0]
		stands := func() string {
			return fmt.Sprintf("%s; %d points", s.card(m), s.Number("select points from facts where member_id = "+fmt.Sprint(m)))
		}
		cake := loyalty.Line{Product: "cake", Category: "Cake", Quantity: 1, Total: 500}
		buy := func(kind, id string, paid, discount int64, code string, lines ...loyalty.Line) {
			s.order(kind, m, id, func(e *loyalty.Event) {
				e.Order.Status, e.Order.Total, e.Order.HasTotal, e.Order.Lines = loyalty.Paid, paid, true, lines
				e.Order.Discount, e.Order.HasDiscount = discount, discount > 0
				if code != "" {
					e.Order.Coupons = []loyalty.UsedCoupon{{Code: code, Discount: discount}}
				}
			})
		}
		buy(loyalty.OrderPlaced, "a", 900, 0, "", coffees(3, 300))
		s.Want("a full card", stands(), "0 left, 0 owed, 1 codes; 18 points")
		var codes []string
		s.All(&codes, "select code from codes", nil)
		code := codes[0]
		buy(loyalty.OrderPlaced, "b", 800, 300, code, coffees(2, 300), cake)
		s.Want("one of two was the card's", stands(), "1 left, 0 owed, 0 codes; 29 points")
		buy(loyalty.OrderChanged, "b", 800, 300, code, coffees(2, 300), cake)
		s.Want("told again", stands(), "1 left, 0 owed, 0 codes; 29 points")
		buy(loyalty.OrderChanged, "b", 1100, 0, "", coffees(2, 300), cake)
		s.doctor(t)
		buy(loyalty.OrderPlaced, "c", 800, 300, "", coffees(2, 300), cake)
		s.Want("a discount of the shop's own is on all that it sells", s.card(m), "1 left, 0 owed, 1 codes")
		s.doctor(t)
	})
}

// Of an order without lines nobody says what its items cost: those of one of 0.00 earn their
// stamps (loyalty.md O20), but for what was claimed.
func TestItemsOfAnOrderOfNothing(t *testing.T) {
	p := shoptest.Program{
		Pools: "coffee: {kind: generated, pattern: COFFEE-########, item: Latte, worth: 2.40, valid_for: 60d, checkout: asks_us}\n",
		Extra: map[string]string{"loyalty.yaml": "cards:\n  latte: {stamp: item, of: 3, gives: coffee}\n"},
	}
	shoptest.Each(t, p, func(t *testing.T, plain *shoptest.Shop) {
		s := shop{plain}
		m := s.Join(1)[0]
		buy := func(id string, quantity int64, codes ...string) {
			s.order(loyalty.OrderPlaced, m, id, func(e *loyalty.Event) {
				e.Order.Status, e.Order.Total, e.Order.HasTotal, e.Order.Quantity, e.Order.Lines = loyalty.Paid, 0, true, quantity, nil
				for _, code := range codes {
					e.Order.Coupons = append(e.Order.Coupons, loyalty.UsedCoupon{Code: code})
				}
			})
		}
		buy("a", 4)
		s.Want("four items for nothing", s.card(m), "1 left, 0 owed, 1 codes")
		var codes []string
		s.All(&codes, "select code from codes", nil)
		buy("b", 1, codes...)
		s.Want("what the card gave", s.card(m), "1 left, 0 owed, 0 codes")
		buy("c", 1)
		s.Want("another", s.card(m), "2 left, 0 owed, 0 codes")
		s.doctor(t)
	})
}
