package points_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"regulars/internal/loyalty"
	"regulars/internal/points"
	"regulars/internal/shoptest"
	"regulars/internal/store"
	"regulars/segments"
)

// What a booking adds to facts is what the ledger says when all of it is read: points and
// stamps that come at once and later, end by themselves or by inactivity, are given back or
// spent, whoever comes meanwhile.
func TestWhatABookingAddsToFactsIsWhatTheLedgerSays(t *testing.T) {
	t.Parallel()
	for name, ends := range map[string]string{"by inactivity": "{unused: 1m}", "by age": "{after: 20d}", "never": "never"} {
		t.Run(name, func(t *testing.T) {
			p := shoptest.Program{Pools: rewarding.Pools, Extra: map[string]string{"loyalty.yaml": `
points: {earn: [1 per 1.00, 5 for event "review"], pending: 4d, expire: ` + ends + `}
tiers:  {silver: {when: spent("1m") >= 150.00, keep: 1m, earn: 2x}}
cards:  {tea: {stamp: category "tea", of: 3, gives: free-coffee, expire: ` + ends + `}}
`}}
			shoptest.Each(t, p, func(t *testing.T, sh *shoptest.Shop) {
				s, m, added, kept := shop{sh}, sh.Join(4), int64(0), int64(0)
				type sold struct {
					to     int64
					number string
				}
				var all []sold
				r := rand.New(rand.NewPCG(1, 1))
				for step := range 90 {
					who := m[r.IntN(len(m))]
					switch what := r.IntN(10); what {
					case 0:
						if len(all) > 0 {
							o := all[r.IntN(len(all))]
							s.order(loyalty.OrderRefunded, o.to, o.number, given(1+r.Int64N(2000)))
						}
					case 1:
						s.hand(t, points.Hand{Member: who, N: r.Int64N(60) - 30, Because: "a gift"})
					case 2:
						s.Event("review", who, func(*loyalty.Event) {})
					case 3:
						s.to(1 + r.IntN(9))
					default:
						s.order(loyalty.OrderPlaced, who, fmt.Sprint("O", step), func(e *loyalty.Event) {
							e.Order.Lines = []loyalty.Line{{Category: []string{"tea", "cups"}[r.IntN(2)], Quantity: 1, Total: r.Int64N(9000)}}
							if what == 4 {
								e.Member = loyalty.Member{ID: fmt.Sprint("new", step)}
							} else {
								all = append(all, sold{who, e.Order.ID})
							}
						})
						kept += s.Number("select count(*) from facts where wallets is not null and member_id in (select member_id from events where type = 'card.filled' and order_id = (select max(id) from orders))")
						added += s.Number("select count(*) from facts where days is not null and points + points_pending > 0")
					}
					if s.agree(fmt.Sprint("step ", step)); step%15 == 0 {
						s.doctor(t)
					}
				}
				if added == 0 {
					t.Error("no order's points were added to facts")
				}
				if moves := name == "by inactivity"; moves != (kept == 0) {
					t.Errorf("after an order that filled its card facts knew what stands in wallets %d times", kept)
				}
				s.doctor(t)
			})
		})
	}
}

// agree has facts say of points and orders what the ledgers do.
func (s shop) agree(when string) {
	s.T.Helper()
	const columns = "member_id, points, points_pending, points_last_day, orders, spent, tier"
	const words = "member_id || ': ' || points || ' and ' || points_pending || ' pending until ' || coalesce(points_last_day, 0) || ', ' || orders || ' orders for ' || spent || ' ' || tier"
	var facts, said []string
	s.Do(func(tx *store.Tx) error {
		today, err := tx.Today()
		if err != nil {
			return err
		}
		defined, args := "("+segments.FactsSelect(tx.Engine(), "")+") d", store.Args{"day": int64(today)}
		if err := tx.All(&facts, "select "+words+" from (select "+columns+" from facts except select "+columns+" from "+defined+") f", args); err != nil {
			return err
		}
		return tx.All(&said, "select "+words+" from (select "+columns+" from "+defined+" except select "+columns+" from facts) f", args)
	})
	if len(facts)+len(said) > 0 {
		s.T.Fatalf("%s: facts have %q; the ledgers say %q", when, facts, said)
	}
}
