package points_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"regulars/internal/intake"
	"regulars/internal/loyalty"
	"regulars/internal/points"
	"regulars/internal/program"
	"regulars/internal/shoptest"
	"regulars/internal/store"
	"regulars/internal/versions"
)

// Each check of the ledger is seen to find what breaks it; what can be built anew is. D1
// and so on are the doctor's checks in loyalty.md; D7, D11, D13 and D14 are seen to find
// in report, D10 in report and tiers, D5 of stamps and D14 of full cards below.
func TestDoctorSeesWhatBreaksTheLedger(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		broken []string
		n      int
		check  string
		heals  bool
	}{
		{[]string{"update lots set remains = remains - 1"},
			1, "a wallet is what is left of its credits, less its debts", true},
		{[]string{"update draws set amount = 900"},
			2, "nothing draws more from a credit than it has", false},
		{[]string{"update lots set remains = remains + 1"},
			3, "a lot is what is left of its credit", true},
		{[]string{"delete from lots"},
			3, "a lot is what is left of its credit", true},
		{[]string{"delete from draws", "update lots set remains = 100, opens_day = opens_day - 9"},
			4, "no debt stands beside points that could pay it", false},
		{[]string{"update entries set kind = 'redeem', day = (select c.opens_day - 1 from entries c where c.kind = 'earn') where kind = 'adjust'"},
			6, "points are spent between their first and their last day", false},
		{[]string{"delete from lots"},
			8, "what was given out is there still, or something drew it", true},
		{[]string{"update members set merged_into = 2 where id = 1"},
			12, "members who are one with another have no points left", false},
		{[]string{"update entries set amount = amount + 1 where kind = 'earn'"},
			5, "an order has the points that it earns", false},
		{[]string{"delete from entries where kind = 'earn'"},
			5, "an order has the points that it earns", false},
		{[]string{"update orders set total = total + 100"},
			5, "an order has the points that it earns", false},
		{[]string{"update facts set points = points + 5"},
			9, "the points that the liability report counts are there", true},
	} {
		t.Run(fmt.Sprintf("D%d %s", c.n, c.check), func(t *testing.T) {
			shoptest.Each(t, shoptest.Program{}, func(t *testing.T, plain *shoptest.Shop) {
				s := shop{plain}
				with(plain, program.Points{Earn: onePer(100), Expire: loyalty.Expiry{Unused: loyalty.Period{Months: 6}}})
				m := s.Join(2)
				s.order(loyalty.OrderPlaced, m[0], "a", total(10000))
				s.hand(t, points.Hand{Member: m[0], N: -30, Because: "a gift"})
				s.doctor(t)
				s.Do(func(tx *store.Tx) error {
					for _, text := range c.broken {
						if _, err := tx.Exec(text, nil); err != nil {
							return err
						}
					}
					return nil
				})
				if found := s.found(t); !slices.Contains(found, c.check) {
					t.Errorf("after %q found %q, want %q among them", c.broken, found, c.check)
				}
				if !c.heals {
					return
				}
				s.Do(func(tx *store.Tx) error {
					v, err := versions.Active(tx)
					if err != nil {
						return err
					}
					r, err := points.Read(tx, v)
					if err != nil {
						return err
					}
					if err := r.Rebuild(tx, m); err != nil {
						return err
					}
					return intake.RefreshFacts(tx, m)
				})
				s.doctor(t)
			})
		})
	}
}

// What facts keep of wallets, by which the next order is booked, is held against what is there.
func TestDoctorSeesFactsThatMisrememberWallets(t *testing.T) {
	shoptest.Each(t, shoptest.Program{}, func(t *testing.T, plain *shoptest.Shop) {
		s := shop{plain}
		with(plain, program.Points{Earn: onePer(100), Expire: loyalty.Expiry{Unused: loyalty.Period{Months: 6}}})
		m := s.Join(2)
		s.order(loyalty.OrderPlaced, m[0], "a", total(10000))
		s.doctor(t)
		s.Do(func(tx *store.Tx) error {
			_, err := tx.Exec("update facts set wallets = (select f.wallets from facts f where f.member_id = @of) where member_id = @who", store.Args{"of": m[0], "who": m[1]})
			return err
		})
		if found := s.found(t); !slices.Contains(found, "an order has the points that it earns") {
			t.Errorf("found %q", found)
		}
	})
}

// Stamps are held against what orders give, too, and a full card against its code.
func TestDoctorSeesStampsThatAreWrong(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ broken, check string }{
		{"update entries set amount = amount + 1 where kind = 'earn'", "an order has the points that it earns"},
		{"delete from entries where order_id is not null", "an order has the points that it earns"},
		{"update order_lines set quantity = quantity - 1 where category = 'Coffee'", "an order has the points that it earns"},
		{"update lots set remains = remains + 5 where wallet = 'latte'", "a card that is full gave its code"},
	} {
		t.Run(c.broken, func(t *testing.T) {
			shoptest.Each(t, punching("  latte: {stamp: category \"Coffee\", of: 5, gives: coffee}\n", ""), func(t *testing.T, plain *shoptest.Shop) {
				s := shop{plain}
				m := s.Join(1)
				s.order(loyalty.OrderPlaced, m[0], "a", func(e *loyalty.Event) {
					e.Order.Status, e.Order.Total, e.Order.HasTotal, e.Order.Lines = loyalty.Paid, 900, true, []loyalty.Line{coffees(3, 300)}
				})
				s.to(2)
				s.doctor(t)
				s.Do(func(tx *store.Tx) error { _, err := tx.Exec(c.broken, nil); return err })
				if found := s.found(t); !slices.Contains(found, c.check) {
					t.Errorf("found %q, want %q among them", found, c.check)
				}
			})
		})
	}
}

// found are the names of the checks that find something.
func (s shop) found(t *testing.T) (names []string) {
	t.Helper()
	var today loyalty.Day
	s.Do(func(tx *store.Tx) (err error) { today, err = tx.Today(); return err })
	for _, c := range examined(today).Examine(context.Background(), s.DB) {
		if c.Error != "" {
			t.Errorf("%s: %s", c.Name, c.Error)
		}
		if len(c.Findings) > 0 {
			names = append(names, c.Name)
		}
	}
	return names
}
