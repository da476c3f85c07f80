package tiers_test

import (
	"fmt"
	"testing"

	"regulars/internal/loyalty"
	"regulars/internal/report"
	"regulars/internal/shoptest"
	"regulars/internal/store"
	"regulars/internal/tiers"
)

// Of the days before there were tiers it is told who would have had which, and who still would
// has it; nobody hears of it. Orders of those days that come later tell them anew, and what
// somebody was told meanwhile they keep.
func TestTheTimeBeforeTiersIsTold(t *testing.T) {
	each(t, shoptest.Program{}, func(t *testing.T, s *shop) {
		m := s.Join(2)
		buy := func(member int64, day string, total int64) {
			on, err := loyalty.ParseDay(day)
			if err != nil {
				t.Fatal(err)
			}
			s.Event(loyalty.OrderPlaced, member, func(e *loyalty.Event) {
				e.At = loyalty.At(on.UTC())
				e.Order = &loyalty.Order{ID: fmt.Sprint(member, day), Status: loyalty.Paid, Total: total, HasTotal: true}
			})
		}
		buy(m[0], "2024-05-10", 12000) // silver, kept by the next
		buy(m[0], "2025-05-01", 11000)
		buy(m[0], "2025-08-01", 15000) // gold through 2026-08-01, and 30 days more
		buy(m[1], "2026-12-01", 30000) // gold, as it is today
		s.Apply(climbing(silverAndGold))
		began := loyalty.DayOf(s.Now, s.Now.Location())
		now := "gold " + began.String() + " – " + (loyalty.Period{Months: 12}).After(began).String()
		s.Want("at once", s.stays(m[0])+"|"+s.stays(m[1]), "|"+now)
		if err := shoptest.Until(s.DB, tiers.Past); err != nil {
			t.Fatal(err)
		}
		s.Want("the first", s.stays(m[0]), "silver 2024-05-10 – 2026-05-10 → 2025-08-01; gold 2025-08-01 – 2026-08-01 → 2026-09-01")
		s.Want("the second, as they would stand", s.stays(m[1]), "gold 2026-12-01 – 2027-12-01")
		s.Want("their tiers", s.tier(m[0])+"|"+s.tier(m[1]), "|gold")
		s.Work()
		s.Want("mails", s.mails(m[0])+s.mails(m[1]), "")
		s.Do(func(tx *store.Tx) error {
			r, err := report.TiersOf{Tiers: []report.Tier{{Name: "silver"}, {Name: "gold"}}, From: loyalty.Date(2024, 1, 1), Day: loyalty.Date(2026, 12, 31), Past: true}.Report(tx)
			s.Want("the report", fmt.Sprint(r.Tiers), "[{none 1 2 0 1 0 0} {silver 0 0 1 0 1 0} {gold 1 0 2 0 0 0}]")
			return err
		})
		buy(m[0], "2026-08-30", 26000) // within the grace
		s.Do(func(tx *store.Tx) error { return tiers.TellPast(tx) })
		if err := shoptest.Until(s.DB, tiers.Past); err != nil {
			t.Fatal(err)
		}
		s.Want("told anew", s.stays(m[0]), "gold 2027-03-03 – 2028-03-03; silver 2024-05-10 – 2026-05-10 → 2025-08-01; gold 2025-08-01 – 2027-08-30 → "+began.String())
		all, err := doubts(s)
		if err != nil || len(all) > 0 {
			t.Errorf("doubted: %v, %v", all, err)
		}
	})
}

func doubts(s *shop) (all []tiers.Doubt, err error) {
	s.Do(func(tx *store.Tx) error { all, err = tiers.Doubts(tx); return err })
	return all, err
}
