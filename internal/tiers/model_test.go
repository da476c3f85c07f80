package tiers_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"regulars/internal/loyalty"
	"regulars/internal/shoptest"
)

// Over seventy days of made-up orders, with nights that come late or while members
// order, everybody stands where the pure rules say, day by day.
func TestTiersFollowThePureRules(t *testing.T) {
	const file = `
tiers:
  silver:   {when: spent("12d") >= 30.00, keep: 15d, grace: 4d}
  gold:     {when: spent("20d") >= 70.00, keep: 10d}
  platinum: {when: spent("5d") >= 90.00}
`
	days := func(n int) loyalty.Period { return loyalty.Period{Days: n} }
	ladder := loyalty.Ladder{Tiers: []loyalty.Tenure{{Keep: days(15), Grace: days(4)}, {Keep: days(10)}, {}}}
	rules := []struct{ days, at int64 }{{12, 3000}, {20, 7000}, {5, 9000}}
	names := []string{"", "silver", "gold", "platinum"}
	each(t, plain(file), func(t *testing.T, s *shop) {
		m := s.Join(12)
		s.At("2027-03-10 00:30")
		first := loyalty.Date(2027, 3, 10)
		random := rand.New(rand.NewPCG(3, 5))
		spent := make([]map[loyalty.Day]int64, len(m))
		stays := make([]loyalty.Stay, len(m))
		for i := range m {
			spent[i] = map[loyalty.Day]int64{}
		}
		holds := func(i int, day loyalty.Day) (tier int) {
			for n, r := range rules {
				var sum int64
				for d := day - loyalty.Day(r.days) + 1; d <= day; d++ {
					sum += spent[i][d]
				}
				if sum >= r.at {
					tier = n + 1
				}
			}
			return tier
		}
		ups, downs, kept := 0, 0, 0
		count := func(what string) {
			switch what {
			case loyalty.Up:
				ups++
			case loyalty.Down:
				downs++
			case loyalty.Kept:
				kept++
			}
		}
		for day := first; day < first+70; day++ {
			s.Now = shoptest.Helsinki(t, day.String()+" 01:00")
			if random.IntN(3) > 0 {
				s.Work()
			}
			for i := range m {
				if random.IntN(6) > 0 {
					continue
				}
				amount := int64(500 + random.IntN(6000))
				s.Now = s.Now.Add(60_000_000_000)
				s.Order(m[i], amount)
				spent[i][day] += amount
				var what string
				stays[i], what = loyalty.TierUp(ladder, stays[i], holds(i, day), day)
				count(what)
			}
			for i := range m {
				var what string
				stays[i], what = loyalty.TierAfter(ladder, stays[i], holds(i, day), day)
				count(what)
			}
		}
		s.Now = shoptest.Helsinki(t, (first+70).String()+" 01:00")
		s.Work()
		for i := range m {
			var want, got string
			if stay := stays[i]; stay.Tier > 0 {
				want = fmt.Sprint(names[stay.Tier], " ", stay.Since, " ", max(0, stay.Last))
			}
			var rows []struct {
				Tier              string
				SinceDay, LastDay int64
			}
			s.All(&rows, "select tier, since_day, coalesce(last_day, 0) as last_day from member_tiers where left_day is null and member_id = @member", map[string]any{"member": m[i]})
			for _, r := range rows {
				got += fmt.Sprint(r.Tier, " ", loyalty.Day(r.SinceDay), " ", loyalty.Day(r.LastDay))
			}
			s.Want(fmt.Sprint("member ", i), got, want)
		}
		if ups < 20 || downs < 20 || kept < 3 {
			t.Errorf("%d ups, %d downs, %d kept: the test shows little", ups, downs, kept)
		}
	})
}
