package points_test

import (
	"fmt"
	"testing"
	"time"

	"regulars/internal/loyalty"
	"regulars/internal/person"
	"regulars/internal/rules"
	"regulars/internal/shoptest"
	"regulars/internal/store"
	"regulars/segments"
)

// Of 100 points to one day and 200 to a later one, rules and mails count what has ended
// by then, that day included.
func TestWhatEndsByADay(t *testing.T) {
	eachTill(t, func(t *testing.T, s till) {
		m := s.Join(1)[0]
		today := loyalty.DayOf(s.Now, time.UTC)
		s.give(m, 100, today+28)
		s.give(m, 200, today+150)
		for days, want := range map[int]int{27: 0, 28: 100, 149: 100, 150: 300} {
			rule, err := segments.Parse(fmt.Sprintf("points_expiring(\"%dd\") == %d", days, want), segments.Scope{})
			if err != nil {
				t.Fatal(err)
			}
			s.Do(func(tx *store.Tx) error {
				found, err := rules.Whose(rules.Ask(tx, today, store.Args{}), []int64{m}, rule)
				is(t, fmt.Sprintf("X8 within %d days", days), fmt.Sprint(found[m]), "true")
				return err
			})
		}
	})
}

// Elsewhere what is transferred counts from that day anew.
func TestAMergeKeepsLastDays(t *testing.T) {
	eachTill(t, func(t *testing.T, s till) {
		m := s.Join(2)
		today := loyalty.DayOf(s.Now, time.UTC)
		s.give(m[0], 100, today+25)
		s.Now = s.Now.AddDate(0, 0, 20)
		s.Do(func(tx *store.Tx) error { _, err := person.Merge(tx, m[0], m[1], "anna"); return err })
		is(t, "X15 the lot ends when it did", s.has(m[1]), fmt.Sprintf("100 100/%s", today+25))
	})
}

// An order that lifts its own member earns at the rate of before.
func TestAnOrderDoesNotChooseItsOwnRate(t *testing.T) {
	p := shoptest.Program{Extra: map[string]string{"loyalty.yaml": `
points:
  earn:
    - 1 per 1000.00 if tier == "bronze"
    - 1 per 900.00 if tier == "silver"
  expire: never
tiers:
  bronze: {when: spent("12m") >= 100000.00, keep: 12m}
  silver: {when: spent("12m") >= 300000.00, keep: 12m}
`}}
	shoptest.Each(t, p, func(t *testing.T, sh *shoptest.Shop) {
		s, m := shop{sh}, sh.Join(1)[0]
		s.Order(m, 110_000_00)
		s.want(t, m, "the order that brings the first tier", "0, 0 pending, 0 rows")
		s.Order(m, 196_000_00)
		s.want(t, m, "T1b that which brings the second", "196, 0 pending, 1 rows")
		s.Order(m, 9_000_00)
		s.want(t, m, "the next", "206, 0 pending, 2 rows")
	})
}
