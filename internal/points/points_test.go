package points_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"regulars/internal/intake"
	"regulars/internal/loyalty"
	"regulars/internal/points"
	"regulars/internal/program"
	"regulars/internal/report"
	"regulars/internal/shoptest"
	"regulars/internal/store"
	"regulars/internal/versions"
)

// shop is a shop whose program keeps points.
type shop struct{ *shoptest.Shop }

func each(t *testing.T, p program.Points, f func(t *testing.T, s shop)) {
	shoptest.Each(t, shoptest.Program{}, func(t *testing.T, s *shoptest.Shop) {
		with(s, p)
		f(t, shop{s})
		shop{s}.doctor(t)
	})
}

// with has the program in force keep points.
func with(s *shoptest.Shop, p program.Points) {
	s.Do(func(tx *store.Tx) error {
		v, err := versions.Active(tx)
		if err != nil {
			return err
		}
		v.Program.Loyalty = &program.Loyalty{Points: &p}
		today, err := tx.Today()
		if err != nil {
			return err
		}
		if err := tx.SetSetting(store.SettingPointsSince, store.JSON(versions.FirstPoints{Version: v.ID, Day: today - 1000})); err != nil {
			return err
		}
		return tx.SetSetting(store.SettingPoints, "entries")
	})
}

// doctor has the checks of the ledger and of facts find nothing.
func (s shop) doctor(t *testing.T) {
	t.Helper()
	var today loyalty.Day
	s.Do(func(tx *store.Tx) (err error) { today, err = tx.Today(); return err })
	for _, c := range examined(today).Examine(context.Background(), s.DB) {
		if c.Error != "" || len(c.Findings) > 0 {
			t.Errorf("doctor: %s: %v %s", c.Name, c.Findings, c.Error)
		}
	}
}

// examined is a doctor who reckons the points and stamps of all orders.
func examined(today loyalty.Day) report.Doctor {
	rules := func(tx *store.Tx) (*points.Rules, error) {
		v, err := versions.Active(tx)
		if err != nil {
			return nil, err
		}
		return points.Read(tx, v)
	}
	return report.Doctor{Today: today, PointWorth: 1000,
		Points: func(tx *store.Tx) (found []report.Finding, err error) {
			r, err := rules(tx)
			if err != nil {
				return nil, err
			}
			doubts, err := r.Doubts(tx, true)
			for _, d := range doubts {
				found = append(found, report.Finding{Place: fmt.Sprint("order ", d.Order), What: d.Words()})
			}
			return found, err
		},
		Cards: func(tx *store.Tx) (found []report.Finding, err error) {
			r, err := rules(tx)
			if err != nil {
				return nil, err
			}
			cards, err := r.Ungiven(tx)
			for _, c := range cards {
				found = append(found, report.Finding{Place: fmt.Sprintf("card %s of member %d", c.Card, c.Member), What: fmt.Sprintf("%d of %d", c.Stamps, c.Of)})
			}
			return found, err
		}}
}

// to moves the clock to noon of so many days later, and does what the nights do.
func (s shop) to(days int) {
	s.Now = s.Now.AddDate(0, 0, days)
	s.Work()
}

// has is what a member has: balance, pending, and the lots by their last day.
func (s shop) has(t *testing.T, member int64) string {
	t.Helper()
	var got points.Statement
	var fact struct {
		Points, PointsPending int64
	}
	s.Do(func(tx *store.Tx) (err error) {
		if got, err = points.StatementOf(tx, member, points.All); err != nil {
			return err
		}
		return tx.One(&fact, "select points, points_pending from facts where member_id = @id", store.Args{"id": member})
	})
	if fact.Points != got.Balance || fact.PointsPending != got.Pending {
		t.Errorf("facts of member %d: %d and %d pending; the statement says %d and %d", member, fact.Points, fact.PointsPending, got.Balance, got.Pending)
	}
	return fmt.Sprintf("%d, %d pending, %d rows", got.Balance, got.Pending, len(got.Entries))
}

func (s shop) want(t *testing.T, member int64, what, want string) {
	t.Helper()
	is(t, what, s.has(t, member), want)
}

// is names what is compared as a test of its own, so that each example of loyalty.md
// can be found and run by its id.
func is(t *testing.T, what, got, want string) {
	t.Helper()
	t.Run(what, func(t *testing.T) {
		t.Helper()
		if got != want {
			t.Errorf("%s, want %s", got, want)
		}
	})
}

func (s shop) order(kind string, member int64, number string, change func(e *loyalty.Event)) {
	s.Event(kind, member, func(e *loyalty.Event) {
		e.Order = &loyalty.Order{ID: number}
		change(e)
	})
}

func total(n int64) func(e *loyalty.Event) {
	return func(e *loyalty.Event) { e.Order.Total, e.Order.HasTotal = n, true }
}

func given(n int64, lines ...loyalty.Line) func(e *loyalty.Event) {
	return func(e *loyalty.Event) { e.Refund = &loyalty.Refund{ID: e.ID, Total: n, Lines: lines} }
}

func onePer(n int64) []program.Earn {
	return []program.Earn{{Earn: loyalty.Earn{N: 1, Per: n}}}
}

// The cases R are of loyalty.md: what is given back, edited or comes out of order.
func TestOrdersAreBookedByDifference(t *testing.T) {
	each(t, program.Points{Earn: onePer(100)}, func(t *testing.T, s shop) {
		m := s.Join(6)
		s.order(loyalty.OrderPlaced, m[0], "R1", total(5000))
		s.want(t, m[0], "R1 earned", "50, 0 pending, 1 rows")
		s.order(loyalty.OrderRefunded, m[0], "R1", given(5000))
		s.want(t, m[0], "R1 returned", "0, 0 pending, 2 rows")

		s.order(loyalty.OrderPlaced, m[1], "R4", total(10000))
		s.order(loyalty.OrderRefunded, m[1], "R4", given(7500))
		s.want(t, m[1], "R4", "25, 0 pending, 2 rows")

		s.order(loyalty.OrderPlaced, m[2], "R7", func(e *loyalty.Event) {
			e.Order.Lines = []loyalty.Line{{Product: "X", Quantity: 1, Total: 4000}, {Product: "Y", Quantity: 1, Total: 6000}, {Product: "Z", Quantity: 1, Total: 2000}}
		})
		s.order(loyalty.OrderRefunded, m[2], "R7", given(6000, loyalty.Line{Product: "Y", Quantity: 1, Total: 6000}))
		s.want(t, m[2], "R7 one line", "60, 0 pending, 2 rows")
		s.order(loyalty.OrderRefunded, m[2], "R7", given(2000, loyalty.Line{Product: "Z", Quantity: 1, Total: 2000}))
		s.want(t, m[2], "R7 and another", "40, 0 pending, 3 rows")

		s.order(loyalty.OrderPlaced, m[3], "R11", total(15000))
		s.order(loyalty.OrderCancelled, m[3], "R11", func(*loyalty.Event) {})
		s.order(loyalty.OrderCancelled, m[3], "R11", func(*loyalty.Event) {})
		s.want(t, m[3], "R11 cancelled twice", "0, 0 pending, 2 rows")
		s.order(loyalty.OrderPlaced, m[3], "R14", total(50000))
		s.order(loyalty.OrderChanged, m[3], "R14", total(50000))
		s.order(loyalty.OrderFulfilled, m[3], "R14", func(*loyalty.Event) {})
		s.want(t, m[3], "R14 several events of one order", "500, 0 pending, 3 rows")

		s.order(loyalty.OrderRefunded, m[4], "early", given(1000)) // before the order
		s.order(loyalty.OrderPlaced, m[4], "early", total(3000))
		s.want(t, m[4], "a refund before its order", "20, 0 pending, 1 rows")
		s.order(loyalty.OrderChanged, m[5], "early", total(4000))
		s.want(t, m[4], "somebody else's after all", "0, 0 pending, 2 rows")
		s.want(t, m[5], "theirs after all", "30, 0 pending, 1 rows")
	})
}

// A refund finds the points spent: a debt, which the next order pays.
func TestDebts(t *testing.T) {
	t.Parallel()
	for _, noDebt := range []bool{false, true} {
		t.Run(fmt.Sprint("let go ", noDebt), func(t *testing.T) {
			each(t, program.Points{Earn: onePer(100), NoDebt: noDebt}, func(t *testing.T, s shop) {
				m := s.Join(1)[0]
				s.order(loyalty.OrderPlaced, m, "R12", total(15000))
				s.hand(t, points.Hand{Member: m, N: -100, Because: "a gift"})
				s.order(loyalty.OrderCancelled, m, "R12", func(*loyalty.Event) {})
				if noDebt {
					s.want(t, m, "R12 let go", "0, 0 pending, 4 rows")
					return
				}
				s.want(t, m, "R12 a debt", "-100, 0 pending, 3 rows")
				s.order(loyalty.OrderPlaced, m, "next", total(13000))
				s.want(t, m, "the next order pays it", "30, 0 pending, 4 rows")
			})
		})
	}
}

func (s shop) hand(t *testing.T, h points.Hand) (booked bool) {
	t.Helper()
	s.Do(func(tx *store.Tx) error {
		v, err := versions.Active(tx)
		if err != nil {
			return err
		}
		r, err := points.Read(tx, v)
		if err != nil {
			return err
		}
		if booked, err = r.ByHand(tx, h); err != nil {
			return err
		}
		return intake.RefreshFacts(tx, []int64{h.Member})
	})
	return booked
}

func TestPendingAndExpiry(t *testing.T) {
	p := program.Points{Earn: onePer(100), Pending: 14, Expire: loyalty.Expiry{After: loyalty.Period{Days: 30}}}
	each(t, p, func(t *testing.T, s shop) {
		m := s.Join(2)
		s.order(loyalty.OrderPlaced, m[0], "a", total(5000))
		s.order(loyalty.OrderPlaced, m[1], "b", total(5000))
		s.want(t, m[0], "on the day", "0, 50 pending, 1 rows")
		s.to(13)
		s.want(t, m[0], "the day before it opens", "0, 50 pending, 1 rows")
		s.order(loyalty.OrderRefunded, m[1], "b", given(2000))
		s.want(t, m[1], "taken back while pending", "0, 30 pending, 2 rows")
		s.to(1)
		s.want(t, m[0], "open", "50, 0 pending, 1 rows")
		s.to(30)
		s.want(t, m[0], "the last day", "50, 0 pending, 1 rows")
		s.to(1)
		s.want(t, m[0], "ended", "0, 0 pending, 2 rows")
		s.want(t, m[1], "ended", "0, 0 pending, 3 rows")
		s.to(40)
		s.want(t, m[0], "ended once", "0, 0 pending, 2 rows")
		s.order(loyalty.OrderRefunded, m[0], "a", given(5000))
		s.want(t, m[0], "what has ended is not taken once more", "0, 0 pending, 4 rows")
	})
}

// What nobody earns by any more ends for all lots together, and a refund moves the day back.
func TestUnused(t *testing.T) {
	p := program.Points{Earn: onePer(100), Expire: loyalty.Expiry{Unused: loyalty.Period{Days: 20}}}
	each(t, p, func(t *testing.T, s shop) {
		m := s.Join(2)
		for _, id := range m {
			s.order(loyalty.OrderPlaced, id, fmt.Sprint("a", id), total(5000))
		}
		s.to(10)
		for _, id := range m {
			s.order(loyalty.OrderPlaced, id, fmt.Sprint("b", id), total(3000))
		}
		s.order(loyalty.OrderRefunded, m[1], fmt.Sprint("b", m[1]), given(3000))
		s.to(11)
		s.want(t, m[0], "still in use", "80, 0 pending, 2 rows")
		s.want(t, m[1], "unused since the first", "0, 0 pending, 4 rows")
		s.to(10)
		s.want(t, m[0], "unused", "0, 0 pending, 4 rows")
	})
}

func TestBonuses(t *testing.T) {
	p := program.Points{Earn: []program.Earn{
		{Earn: loyalty.Earn{N: 50, For: "joined"}},
		{Earn: loyalty.Earn{N: 100, For: "birthday"}},
		{Earn: loyalty.Earn{N: 20, For: "event", Event: "review.written", AtMost: loyalty.Limit{N: 1, Per: loyalty.Period{Days: 30}}}},
		{Earn: loyalty.Earn{N: 5, For: "order", AtMost: loyalty.Limit{N: 1, Per: loyalty.Period{Days: 1}}}},
	}}
	each(t, p, func(t *testing.T, s shop) {
		s.Event(loyalty.MemberJoined, 1, func(e *loyalty.Event) {
			shoptest.Joining(1)(e)
			e.Member.Birthday = "1980-" + s.Now.AddDate(0, 0, 3).Format("01-02")
		})
		s.want(t, 1, "joined", "50, 0 pending, 1 rows")
		s.Event("review.written", 1, nil)
		s.Event("review.written", 1, nil)
		s.want(t, 1, "one review in 30 days", "70, 0 pending, 2 rows")
		s.order(loyalty.OrderPlaced, 1, "a", total(100))
		s.order(loyalty.OrderPlaced, 1, "b", total(100))
		s.want(t, 1, "one order a day", "75, 0 pending, 3 rows")
		s.to(5)
		s.want(t, 1, "a birthday", "175, 0 pending, 4 rows")
		s.Event(loyalty.MemberChanged, 1, func(e *loyalty.Event) { e.Member.Birthday = "1980-" + s.Now.AddDate(0, 0, 1).Format("01-02") })
		s.to(2)
		s.want(t, 1, "one birthday a year", "175, 0 pending, 4 rows")
		s.to(40)
		s.Event("review.written", 1, nil)
		s.want(t, 1, "another month", "195, 0 pending, 5 rows")
	})
}

func TestCarriedRemainders(t *testing.T) {
	each(t, program.Points{Earn: onePer(5000), Carry: true}, func(t *testing.T, s shop) {
		m := s.Join(1)[0]
		s.order(loyalty.OrderPlaced, m, "a", total(3000))
		s.want(t, m, "too little", "0, 0 pending, 0 rows")
		s.order(loyalty.OrderPlaced, m, "b", total(2000))
		s.want(t, m, "E18 the two together", "1, 0 pending, 1 rows")
		s.order(loyalty.OrderRefunded, m, "a", given(3000))
		s.want(t, m, "without the first", "0, 0 pending, 2 rows")
	})
}

func TestByHand(t *testing.T) {
	each(t, program.Points{Earn: onePer(100)}, func(t *testing.T, s shop) {
		m := s.Join(2)
		first := s.hand(t, points.Hand{Member: m[0], N: 40, Because: "sorry", Key: "k1", By: "anna"})
		again := s.hand(t, points.Hand{Member: m[0], N: 40, Because: "sorry", Key: "k1", By: "anna"})
		if !first || again {
			t.Errorf("with one key booked %v, then %v; want once", first, again)
		}
		s.want(t, m[0], "given once", "40, 0 pending, 1 rows")
		s.Do(func(tx *store.Tx) error {
			v, err := versions.Active(tx)
			if err != nil {
				return err
			}
			r, err := points.Read(tx, v)
			if err != nil {
				return err
			}
			for _, c := range []struct {
				hand points.Hand
				want string
			}{
				{points.Hand{Member: m[1], N: 40, Because: "sorry", Key: "k1"}, points.ErrKey.Error()},
				{points.Hand{Member: m[1], N: 40}, "say why"},
				{points.Hand{Member: m[1], Because: "sorry"}, "is no number of points"},
				{points.Hand{Member: m[1], N: 1, Because: "sorry", LastDay: 1}, "is over"},
			} {
				if _, err := r.ByHand(tx, c.hand); err == nil || !strings.Contains(err.Error(), c.want) {
					t.Errorf("ByHand(%+v) = %v, want %q", c.hand, err, c.want)
				}
			}
			return nil
		})
	})
}

// The program keeps the points itself: what others say of them is refused.
func TestOthersPointsAreRefused(t *testing.T) {
	each(t, program.Points{Earn: onePer(100)}, func(t *testing.T, s shop) {
		m := s.Join(1)[0]
		n := int64(5)
		results, err := intake.New(s.DB).Apply(context.Background(), []loyalty.Event{{Source: "test", ID: "p", Type: loyalty.PointsChanged, At: loyalty.At(s.Now),
			Member: loyalty.Member{ID: fmt.Sprintf("M-%d", m)}, Points: &loyalty.Points{Balance: &n}}}, intake.Live)
		if err != nil || results[0].State != intake.Refused || !strings.Contains(results[0].Reason, "keeps the points itself") {
			t.Errorf("points.changed: %+v, %v", results, err)
		}
	})
}

// Orders that came before the program are booked by the first night, once.
func TestThePast(t *testing.T) {
	shoptest.Each(t, shoptest.Program{}, func(t *testing.T, s *shoptest.Shop) {
		m := s.Join(3)
		s.Bought(m, 4, 10)
		with(s, program.Points{Earn: onePer(100)})
		shop{s}.to(0)
		shop{s}.want(t, m[1], "of the past", "40, 0 pending, 4 rows")
		shop{s}.to(1)
		shop{s}.want(t, m[1], "once", "40, 0 pending, 4 rows")
		shop{s}.doctor(t)
	})
}

// X17: an order that comes in when the last day of its points is over opens and ends in
// one night, with a row for each.
func TestPointsOfALateOrderOpenAndEnd(t *testing.T) {
	each(t, program.Points{Earn: onePer(100), Expire: loyalty.Expiry{Month: 12, Date: 31}}, func(t *testing.T, s shop) {
		m := s.Join(1)
		s.order(loyalty.OrderPlaced, m[0], "late", func(e *loyalty.Event) {
			total(10000)(e)
			e.At = loyalty.At(time.Date(2026, 12, 20, 12, 0, 0, 0, time.UTC))
		})
		s.to(1)
		s.want(t, m[0], "X17", "0, 0 pending, 2 rows")
	})
}
