package loyalty_test

import (
	"testing"
	"time"

	"regulars/internal/loyalty"
)

// P12: over two years of days, summer time and the ends of months move no last day, no
// day on which points open and no day through which a tier is kept to a wrong one, and
// none before that of the day before.
func TestP12DaysSlideOverSummerTimeAndMonthEnds(t *testing.T) {
	t.Parallel()
	months := func(n int) loyalty.Period { return loyalty.Period{Months: n} }
	first, last := loyalty.Date(2027, 1, 1), loyalty.Date(2028, 12, 31) // one of them a leap year
	for _, name := range []string{"Europe/Helsinki", "America/New_York", "Australia/Lord_Howe", "America/Santiago", "UTC"} {
		zone, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		for d := first; d <= last; d++ {
			start, next := d.Start(zone), (d + 1).Start(zone)
			if long := next.Sub(start); long < 23*time.Hour || long > 25*time.Hour {
				t.Fatalf("%s: %s is %s long", name, d, long)
			}
			for _, at := range []time.Time{start, start.Add(next.Sub(start) / 2), next.Add(-time.Microsecond)} {
				if got := loyalty.DayOf(at, zone); got != d {
					t.Fatalf("%s: %s is of %s, want %s", name, at, got, d)
				}
			}
		}
	}
	for what, e := range map[string]loyalty.Expiry{
		"after a month": {After: months(1)}, "after a year": {After: months(12)}, "to the end of the month": {After: months(12), Round: "month"}, "after 365 days": {After: loyalty.Period{Days: 365}},
		"unused for half a year": {Unused: months(6)}, "each year": {Month: 12, Date: 31}, "each February": {Month: 2, Date: 28, Grace: loyalty.Period{Days: 90}},
	} {
		before := loyalty.Day(0)
		for opens := first; opens <= last; opens++ {
			got := e.LastDay(opens, opens)
			if got < before || got < opens {
				t.Fatalf("%s: what opens on %s ends on %s, and what opened a day before on %s", what, opens, got, before)
			}
			before = got
			p := e.After
			p.Months += e.Unused.Months
			if p.Months == 0 || e.Round != "" {
				continue
			}
			y, m, date := opens.Civil()
			if end := loyalty.Date(y, m+time.Month(p.Months)+1, 0); got != min(loyalty.Date(y, m+time.Month(p.Months), 1)+loyalty.Day(date-1), end) {
				t.Fatalf("%s: what opens on %s ends on %s", what, opens, got)
			}
		}
	}
	keeps := loyalty.Ladder{Tiers: []loyalty.Tenure{{Keep: months(1), Grace: loyalty.Period{Days: 30}}, {Year: true}}}
	for day := first; day <= last; day++ {
		s, change := loyalty.TierAfter(keeps, loyalty.Stay{}, 1, day)
		if change != loyalty.Up || s.Last != months(1).After(day) {
			t.Fatalf("reached on %s it is kept through %s", day, s.Last)
		}
		end := keeps.Ends(s)
		for d := day; d <= end; d++ { // each night asks once, and it goes in that of the last day of the grace
			if s, change = loyalty.TierAfter(keeps, s, 0, d); (change == loyalty.Down) != (d == end) {
				t.Fatalf("reached on %s: after %s it is %q, and its grace ends on %s", day, d, change, end)
			}
		}
		if y, _, _ := day.Civil(); keeps.Begin(2, day).Last != loyalty.Date(y+1, 12, 31) {
			t.Fatalf("reached on %s it is kept through %s", day, keeps.Begin(2, day).Last)
		}
	}
}
