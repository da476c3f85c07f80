package points_test

import (
	"fmt"
	"strings"
	"testing"

	"regulars/internal/intake"
	"regulars/internal/loyalty"
	"regulars/internal/points"
	"regulars/internal/shoptest"
	"regulars/internal/store"
)

// punching is a program with cards and without points.
func punching(cards, pool string) shoptest.Program {
	return shoptest.Program{
		Pools:     "coffee: {kind: generated, pattern: COFFEE-########, item: SKU, worth: 2.40, valid_for: 60d, checkout: asks_us" + pool + "}\n",
		Extra:     map[string]string{"loyalty.yaml": "cards:\n" + cards},
		Campaigns: map[string]string{"full": "live: true\nclass: earned\nagain: each\nstart: {event: card.filled}\nsteps:\n  - mail: full\n"},
	}
}

// card is a member's card: what is left of its stamps, what is owed, and the codes that
// it gave.
func (s shop) card(member int64) string {
	s.T.Helper()
	return fmt.Sprintf("%d left, %d owed, %d codes",
		s.Number(fmt.Sprintf("select coalesce(sum(remains), 0) from lots where wallet <> 'points' and member_id = %d", member)),
		s.Number(fmt.Sprintf(`select coalesce(sum(rest), 0) from (
			select -e.amount - coalesce((select sum(d.amount) from draws d where d.debit_id = e.id), 0) as rest
			from entries e where e.member_id = %d and e.amount < 0 and e.wallet <> 'points') x`, member)),
		s.Number(fmt.Sprintf("select count(*) from codes c join claims k on k.code_id = c.id and k.state = 'done' where c.state = 'issued' and c.valid_until is not null and c.member_id = %d", member)))
}

func coffees(n, each int64) loyalty.Line {
	return loyalty.Line{Product: "latte", Category: "Coffee", Quantity: n, Total: n * each}
}

func TestACardThatIsFullGivesACode(t *testing.T) {
	p := punching("  latte: {stamp: category \"Coffee\", of: 5, gives: coffee, at_most: 4 per order}\n", "")
	shoptest.Each(t, p, func(t *testing.T, plain *shoptest.Shop) {
		s := shop{plain}
		m := s.Join(2)
		buy := func(member int64, id string, lines ...loyalty.Line) {
			var sum int64
			for _, l := range lines {
				sum += l.Total
			}
			s.order(loyalty.OrderPlaced, member, id, func(e *loyalty.Event) {
				e.Order.Status, e.Order.Total, e.Order.HasTotal, e.Order.Lines = loyalty.Paid, sum, true, lines
			})
		}
		buy(m[0], "a", coffees(3, 300), loyalty.Line{Category: "Cake", Quantity: 2, Total: 900})
		s.Want("three coffees", s.card(m[0]), "3 left, 0 owed, 0 codes")
		buy(m[0], "b", coffees(9, 300))
		s.Want("at most four, the surplus stays", s.card(m[0]), "2 left, 0 owed, 1 codes")
		buy(m[0], "c", coffees(1, 0), coffees(1, 300))
		s.Want("a free one earns none", s.card(m[0]), "3 left, 0 owed, 1 codes")
		s.order(loyalty.OrderRefunded, m[0], "b", func(e *loyalty.Event) { e.Refund = &loyalty.Refund{ID: "r", All: true} })
		s.Want("a refund takes stamps back, the code stays", s.card(m[0]), "0 left, 1 owed, 1 codes")
		buy(m[0], "d", coffees(2, 300))
		s.Want("the debt is paid first", s.card(m[0]), "1 left, 0 owed, 1 codes")
		s.Work()
		var told []string
		s.All(&told, "select cast(e.properties ->> 'card' as text) || ' ' || substr(e.properties ->> 'code', 1, 7) || ' ' || (e.properties ->> 'until') from events e where type = 'card.filled'", nil)
		s.Want("told", strings.Join(told, "; "), "latte COFFEE- 2027-05-02")
		s.Want("mailed", fmt.Sprint(s.Number("select count(*) from sends")), "1")
		for _, id := range []string{"e", "f", "g"} {
			buy(m[1], id, coffees(4, 300))
		}
		s.Want("twelve coffees", s.card(m[1]), "2 left, 0 owed, 2 codes")
		s.doctor(t)
	})
}

func TestACardOfOrdersWaitsForAPoolThatIsEmpty(t *testing.T) {
	p := punching("  visits: {stamp: order, minimum: 15.00, of: 2, gives: coffee, at_most: 1 per 1d}\n", ", stock: 1")
	shoptest.Each(t, p, func(t *testing.T, plain *shoptest.Shop) {
		s := shop{plain}
		m := s.Join(1)[0]
		for i, cents := range []int64{1500, 1500, 1499, 2000} {
			if i != 1 { // the second on the same day is one too many
				s.to(1)
			}
			s.order(loyalty.OrderPlaced, m, fmt.Sprint("o", i), total(cents))
		}
		s.Want("two of four", s.card(m), "0 left, 0 owed, 1 codes")
		for i := range 2 {
			s.to(1)
			s.order(loyalty.OrderPlaced, m, fmt.Sprint("p", i), total(2000))
		}
		s.Want("the pool is empty", s.card(m), "2 left, 0 owed, 1 codes")
		s.Apply(punching("  visits: {stamp: order, minimum: 15.00, of: 2, gives: coffee, at_most: 1 per 1d}\n", ", stock: 9"))
		s.to(1)
		s.Want("it has codes again", s.card(m), "0 left, 0 owed, 2 codes")
		s.order(loyalty.OrderPlaced, m, "q", total(2000))
		s.Want("the next card", s.card(m), "1 left, 0 owed, 2 codes")
		s.Want("mailed", fmt.Sprint(s.Number("select count(*) from sends")), "2")
		s.doctor(t)
	})
}

// What a till stamps by hand is booked beside what orders give: doctor holds, the last
// days of all stamps move with it, and who had their card filled is told.
func TestStampsByHand(t *testing.T) {
	p := punching("  latte: {stamp: category \"Coffee\", of: 5, gives: coffee, expire: {unused: 3m}}\n", ", stock: 1")
	shoptest.Each(t, p, func(t *testing.T, plain *shoptest.Shop) {
		s := shop{plain}
		m := s.Join(1)[0]
		stamp := func(n int64, key string) (said points.Stamped) {
			t.Helper()
			s.Do(func(tx *store.Tx) error {
				return intake.WithPoints(tx, func(r *points.Rules) (_ []int64, err error) {
					said, err = r.Stamp(tx, "latte", points.Hand{Member: m, N: n, Key: key, By: "till"})
					return []int64{m}, err
				})
			})
			return said
		}
		lasts := func() string {
			var days []loyalty.Day
			s.All(&days, "select distinct last_day from lots where wallet = 'latte'", nil)
			return fmt.Sprint(days)
		}
		s.order(loyalty.OrderPlaced, m, "a", func(e *loyalty.Event) {
			e.Order.Status, e.Order.Total, e.Order.HasTotal, e.Order.Lines = loyalty.Paid, 300, true, []loyalty.Line{coffees(1, 300)}
		})
		s.At("2027-04-12 09:00")
		stamp(2, "k1")
		s.Want("all end by the last visit", lasts(), "[2027-07-12]")
		s.Want("seven more", stamp(7, "k2").Words()[:30], "7 stamps given; the card was f")
		s.Want("five are left, and no code is", stamp(-1, "k3").Words(), "1 stamp taken back; 4 of 5 now")
		stamp(2, "k4")
		s.Want("it waits for a code", stamp(2, "k4").Words(), "it was booked before; 2 stamps given; the card is full, and there is no code left of coffee: it comes as soon as there is one")
		s.Want("asked again, the code of then", fmt.Sprint(len(stamp(7, "k2").Codes)), "1")
		stamp(-9, "k5")
		s.Want("what is not there is no debt", s.card(m), "0 left, 0 owed, 1 codes")
		s.order(loyalty.OrderRefunded, m, "a", func(e *loyalty.Event) { e.Refund = &loyalty.Refund{ID: "r", All: true} })
		s.Want("what an order takes back is one", s.card(m), "0 left, 1 owed, 1 codes")
		stamp(-1, "k6")
		s.Want("and stays one", s.card(m), "0 left, 1 owed, 1 codes")
		s.Want("stamps pay it", stamp(2, "k7").Words(), "2 stamps given; 1 of 5 now")
		s.Want("told", fmt.Sprint(s.Number("select count(*) from events where type = 'card.filled'")), "1")
		s.doctor(t)
	})
}
