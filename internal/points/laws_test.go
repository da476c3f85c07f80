package points_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"regulars/internal/intake"
	"regulars/internal/loyalty"
	"regulars/internal/person"
	"regulars/internal/points"
	"regulars/internal/report"
	"regulars/internal/shoptest"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
)

// P5: of two members who buy the same, the one who spends all points at once has the
// same tier on each day.
func TestP5SpendingNeverLowersATier(t *testing.T) {
	p := shoptest.Program{Pools: rewarding.Pools, Extra: map[string]string{"loyalty.yaml": `
points: {earn: [1 per 1.00], expire: {after: 40d}}
tiers:
  silver: {when: points_earned("2m") >= 60, keep: 1m}
  gold:   {when: spent("2m") >= 150.00, keep: 1m, earn: 2x}
rewards: {euro: {price: 1, amount: 0.01, steps: 1000000}}
`}}
	shoptest.Each(t, p, func(t *testing.T, sh *shoptest.Shop) {
		r, s, m := rand.New(rand.NewPCG(5, 5)), till{sh}, sh.Join(2)
		reached := map[string]bool{}
		for step := range 14 {
			if n := int64(500 + r.IntN(7000)); r.IntN(4) > 0 {
				s.Order(m[0], n)
				s.Order(m[1], n)
			}
			if _, err := s.claim(points.Ask{Member: m[1], Reward: "euro", Key: fmt.Sprint(step)}); err != nil && refusedFor(err) != points.NotEnough {
				t.Fatal(err)
			}
			var tiers []string
			s.All(&tiers, "select tier from facts order by member_id", nil)
			if reached[tiers[0]] = true; tiers[0] != tiers[1] {
				t.Errorf("step %d: who saves has tier %q, who spends %q", step, tiers[0], tiers[1])
			}
			shop{sh}.to(1 + r.IntN(25))
		}
		if len(reached) != 3 {
			t.Errorf("only the tiers %v were reached: the history is too tame", reached)
		}
	})
}

// P7: a new rate changes nothing of what was before, though all of it comes again.
func TestP7ANewRateLeavesThePastAlone(t *testing.T) {
	at := func(rate string) shoptest.Program {
		return shoptest.Program{Extra: map[string]string{"loyalty.yaml": "points: {earn: [" + rate + "], expire: never}\n"}}
	}
	shoptest.Each(t, at("1 per 1.00"), func(t *testing.T, sh *shoptest.Shop) {
		s, m := shop{sh}, sh.Join(3)
		var events []loyalty.Event
		for i, id := range append(m, m...) {
			e := loyalty.Event{Source: "test", Type: loyalty.OrderPlaced, ID: fmt.Sprint("past", i), At: loyalty.At(s.Now)}
			e.Member.ID = fmt.Sprintf("M-%d", id)
			e.Order = &loyalty.Order{ID: fmt.Sprint("O", i), Status: loyalty.Paid, Total: int64(1000 * (i + 1)), HasTotal: true}
			events = append(events, e)
		}
		back := loyalty.Event{Source: "test", Type: loyalty.OrderRefunded, ID: "back", At: loyalty.At(s.Now), Order: &loyalty.Order{ID: "O0"}, Refund: &loyalty.Refund{ID: "R", Total: 300}}
		back.Member = events[0].Member
		events = append(events, back)
		tell := func(about string) {
			for i := range events {
				events[i].ID += about // the second time it is other news of the same
			}
			if _, err := intake.New(s.DB).Apply(context.Background(), events, intake.Live); err != nil {
				t.Fatal(err)
			}
		}
		ledger := func() (rows []string) {
			s.All(&rows, "select member_id || ' ' || cause || ' ' || amount || ' ' || version_id from entries order by id", nil)
			return rows
		}
		tell("")
		before := ledger()
		if len(before) != 7 {
			t.Fatalf("%d rows, want 7", len(before))
		}
		sh.Apply(at("3 per 0.50"))
		for _, again := range []string{"", " again"} {
			if tell(again); !slices.Equal(ledger(), before) {
				t.Errorf("after the same%s at another rate:\n%s\nwere\n%s", again, strings.Join(ledger(), "\n"), strings.Join(before, "\n"))
			}
		}
		s.order(loyalty.OrderRefunded, m[1], "O1", given(1000)) // half of 20 points, not of 120
		s.want(t, m[1], "R3 what is given back goes at the old rate", "60, 0 pending, 3 rows")
		sh.Apply(at("100 for birthday"))
		s.order(loyalty.OrderRefunded, m[2], "O2", given(3000))
		s.want(t, m[2], "R2 and so it does when the rule is gone", "60, 0 pending, 3 rows")
		s.doctor(t)
	})
}

// P8: a night that comes days late leaves the balances of each day as nights in time do.
func TestP8ALateNightIsAsOneInTime(t *testing.T) {
	t.Parallel()
	for engine, open := range map[string]func(testing.TB) *store.DB{"sqlite": storetest.SQLite, "postgres": storetest.Postgres} {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			lived := func(every int) (days []string) {
				r := rand.New(rand.NewPCG(8, 8))
				s := till{shoptest.Open(t, open(t), mixed)}
				m := s.Join(2)
				for day := range 84 {
					who := m[r.IntN(2)]
					switch what, n := r.IntN(16), r.IntN(6000); what {
					case 0, 1, 3:
						s.EventLater(loyalty.OrderPlaced, who, func(e *loyalty.Event) {
							e.Order = &loyalty.Order{ID: fmt.Sprint("O", day), Status: loyalty.Paid, Total: int64(n), HasTotal: true}
						})
					case 2:
						_, err := s.claim(points.Ask{Member: who, Reward: "latte", Key: fmt.Sprint(day)})
						if err != nil && refusedFor(err) == fmt.Sprint(err) {
							t.Fatal(err)
						}
					}
					if day%every == every-1 {
						s.Work()
					}
					var has [2]int64
					err := s.rules(func(tx *store.Tx, r *points.Rules) (err error) {
						for i, id := range m {
							if has[i], err = r.Balance(tx, id); err != nil {
								return err
							}
						}
						return nil
					})
					if err != nil {
						t.Fatal(err)
					}
					days = append(days, fmt.Sprintf("day %d: %v", day, has))
					s.Now = s.Now.AddDate(0, 0, 1)
				}
				s.Work()
				shop(s).doctor(t)
				if s.Number("select count(*) from entries where kind = 'expire'") == 0 {
					t.Error("nothing has ended: the history is too short")
				}
				return append(days, s.Counted("select kind as what, -cast(sum(amount) as bigint) as n from entries group by kind"))
			}
			if inTime, late := lived(1), lived(9); !slices.Equal(inTime, late) {
				for i := range inTime {
					if inTime[i] != late[i] {
						t.Errorf("in time %s; late %s", inTime[i], late[i])
					}
				}
			}
		})
	}
}

// P11: an erasure leaves what was booked until then, and what the books reckoned on the
// days before; what the member still had is taken out once, on its day.
func TestP11AnErasureKeepsSumsAndLiability(t *testing.T) {
	shoptest.Each(t, mixed, func(t *testing.T, sh *shoptest.Shop) {
		s, m := till{sh}, sh.Join(3)
		for i, id := range m {
			s.give(id, int64(100*(i+1)), 0)
			s.Order(id, 5000)
		}
		if _, err := s.claim(points.Ask{Member: m[1], Reward: "latte", Key: "a"}); err != nil {
			t.Fatal(err)
		}
		shop{sh}.to(1)
		var today loyalty.Day
		books := func(on loyalty.Day) (l report.Liability) {
			s.Do(func(tx *store.Tx) (err error) {
				l, err = report.PointsLiability(tx, report.Ask{Day: on, Past: on < today, PointWorth: 1000})
				return err
			})
			return l
		}
		s.Do(func(tx *store.Tx) (err error) { today, err = tx.Today(); return err })
		sums := func() string {
			return s.Counted(fmt.Sprintf("select kind as what, cast(sum(abs(amount)) as bigint) as n from entries where day < %d group by kind", today))
		}
		yesterday, now, booked := books(today-1), books(today), sums()
		s.Do(func(tx *store.Tx) error { _, err := person.Erase(tx, m[1], "anna"); return err })
		if got := books(today - 1); got != yesterday {
			t.Errorf("the liability of yesterday is %+v, was %+v", got, yesterday)
		}
		if got := sums(); got != booked {
			t.Errorf("booked until yesterday are %s, were %s", got, booked)
		}
		if got := books(today); got.Points+got.Pending != now.Points+now.Pending-200-50+40 || got.Redeemed != now.Redeemed {
			t.Errorf("today's liability is %+v, was %+v with the member's 160 and 50 pending", got, now)
		}
		shop{sh}.doctor(t)
	})
}

// S6d, S6e, S6f: a reward's line earns nothing, points are earned on what is paid, and
// those of an order cannot pay for it.
func TestAnOrdersOwnPointsDoNotPayForIt(t *testing.T) {
	shoptest.Each(t, mixed, func(t *testing.T, sh *shoptest.Shop) {
		s, m := till{sh}, sh.Join(3)
		order := shop{sh}.order
		order(loyalty.OrderPlaced, m[0], "S6d", func(e *loyalty.Event) {
			e.Order.Lines = []loyalty.Line{{Product: "beans", Quantity: 40, Total: 4000}, {Product: "latte", Quantity: 1, Total: 0}}
			e.Order.Total, e.Order.HasTotal = 4000, true
		})
		_, err := s.claim(points.Ask{Member: m[0], Reward: "latte", Key: "early"})
		is(t, "S6d while they are pending", refusedFor(err), points.NotEnough)
		s.give(m[1], 100, 0)
		c, err := s.claim(points.Ask{Member: m[1], Reward: "euros", Key: "S6e", Steps: 5, Due: 10000})
		if err != nil || c.Worth != 500 {
			t.Fatalf("paying half: %+v, %v", c, err)
		}
		order(loyalty.OrderPlaced, m[1], "S6e", total(10000-c.Worth))
		shop{sh}.want(t, m[1], "S6e earns on what is paid", "0, 95 pending, 3 rows")
		s.give(m[2], 100, 0)
		order(loyalty.OrderPlaced, m[2], "S6f", total(26500))
		c, err = s.claim(points.Ask{Member: m[2], Reward: "euros", Key: "S6f", Due: 26500})
		is(t, "S6f pays with those from before", fmt.Sprint(c.Price, err), "100 <nil>")
		shop{sh}.to(3)
		_, err = s.claim(points.Ask{Member: m[0], Reward: "latte", Key: "in time"})
		is(t, "S6d when they are open", fmt.Sprint(err), "<nil>")
		shop{sh}.want(t, m[0], "S6d at last", "0, 0 pending, 2 rows")
	})
}
