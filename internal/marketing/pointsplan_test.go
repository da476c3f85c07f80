package marketing_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"regulars/internal/intake"
	"regulars/internal/loyalty"
	"regulars/internal/marketing"
	"regulars/internal/program"
	"regulars/internal/shoptest"
)

// What plan says of points that get another last day comes true in the next night.
func TestPlanSaysWhatBecomesOfPoints(t *testing.T) {
	keeps := func(points string) shoptest.Program {
		return shoptest.Program{Zone: "UTC",
			Pools: "coffee: {kind: generated, pattern: \"C-####-####-####\", item: Coffee, worth: 2.40, valid_for: 14d, checkout: asks_us}\n",
			Extra: map[string]string{"loyalty.yaml": "points: {earn: [1 per 1.00], " + points + "\nrewards: {latte: {price: 300, gives: coffee}}\n"}}
	}
	shoptest.Each(t, keeps("worth: 0.01, expire: {unused: 12m}}"), func(t *testing.T, s *shoptest.Shop) {
		m := s.Join(2)
		s.Order(m[0], 10000)
		s.Now = s.Now.AddDate(0, 3, 0)
		s.Work()
		s.Order(m[1], 5000)
		plan := func(p shoptest.Program) (words []string) {
			t.Helper()
			read, _, problems := program.Load(p.Files())
			if program.Blocked(problems) {
				t.Fatal(problems)
			}
			plan, err := marketing.New(s.DB).Plan(context.Background(), program.Version{Program: read, Files: p.Files()}, 0)
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range plan.Changes {
				if strings.Contains(c.Words, "members") || c.Thing == "budget" {
					words = append(words, strings.Join(append([]string{c.Words}, c.Counts...), "; "))
				}
			}
			return words
		}
		shorter := keeps("worth: 0.02, expire: {unused: 2m}}\nbudget: {rewards: 5 a month}")
		got := plan(shorter)
		want := []string{"the budget is new: rewards may be 5 a month; people are warned from 80% on, and more are given all the same",
			"budget: 0 rewards of this month are claimed, which cost 0.00 EUR",
			"points: 150 of 2 members get another last day; about 100 of them end in the next night",
			"points: the 50 that members have would be worth 1.00 EUR to the books, now they are worth 1.50 EUR"}
		if !slices.Equal(got, want) {
			t.Errorf("plan says\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
		if got := plan(keeps("worth: 0.01, expire: never}")); !slices.Contains(got, "points: 150 of 2 members get another last day") {
			t.Errorf("without an end from now on: %q", got)
		}
		s.Apply(shorter)
		s.Now = s.Now.AddDate(0, 0, 1)
		s.Work()
		s.Want("what is left then", s.Counted("select remains || ' for days ' || (last_day - opens_day) as what, count(*) as n from lots group by 1"), "1 50 for days 61")
	})
}

// A reward of a pool that is as new as itself can be claimed by whom its codes suffice for,
// though nothing is known of the pool yet.
func TestPlanCountsWhoCouldClaimFromANewPool(t *testing.T) {
	keeps := func(pools, rewards string) shoptest.Program {
		return shoptest.Program{Zone: "UTC", Pools: pools, Segments: map[bool]string{true: "rich: can_claim(\"latte\")\n"}[rewards != ""],
			Extra: map[string]string{"loyalty.yaml": "points: {earn: [1 per 1.00]}\n" + rewards}}
	}
	const made = "kind: generated, pattern: \"C-####-####-####\", item: Coffee, worth: 2.40, valid_for: 14d"
	for pool, want := range map[string]string{
		"{" + made + ", stock: 2, checkout: asks_us}":             "1 members",
		"{" + made + ", budget: 50.00, checkout: asks_us}":        "1 members",
		"{" + made + ", stock: 2, checkout: file}":                "0 members",
		"{kind: imported, item: Coffee, worth: 2.40}":             "0 members",
		"{kind: shared, code: COFFEE, item: Coffee, worth: 2.40}": "1 members",
	} {
		t.Run(pool, func(t *testing.T) {
			shoptest.Each(t, keeps("", ""), func(t *testing.T, s *shoptest.Shop) {
				s.Order(s.Join(2)[0], 10000)
				next := keeps("coffee: "+pool+"\n", "rewards: {latte: {price: 100, gives: coffee}}\n")
				read, _, problems := program.Load(next.Files())
				if program.Blocked(problems) {
					t.Fatal(problems)
				}
				plan, err := marketing.New(s.DB).Plan(context.Background(), program.Version{Program: read, Files: next.Files()}, 0)
				if err != nil {
					t.Fatal(err)
				}
				i := slices.IndexFunc(plan.Changes, func(c marketing.PlannedChange) bool { return c.Thing == "segment" && c.Name == "rich" })
				if i < 0 || len(plan.Changes[i].Counts) != 1 || !strings.HasPrefix(plan.Changes[i].Counts[0], want) {
					t.Errorf("plan says %+v, want %s in rich", plan.Changes, want)
				}
			})
		})
	}
}

// What ends by inactivity has no day of its own: it ends as the program in force says,
// whatever that is, from the next night on, and so it does when lots are made anew.
func TestPointsThatEndedByInactivityEndAsTheProgramInForceSays(t *testing.T) {
	keeps := func(expire string) shoptest.Program {
		return shoptest.Program{Zone: "UTC", Extra: map[string]string{"loyalty.yaml": "points: {earn: [1 per 1.00], expire: " + expire + "}\n"}}
	}
	shoptest.Each(t, keeps("{unused: 6m}"), func(t *testing.T, s *shoptest.Shop) {
		m := s.Join(2)
		s.Order(m[0], 10000)
		s.Now = s.Now.AddDate(0, 1, 0)
		s.Order(m[0], 5000)
		last := func() string {
			return s.Counted("select remains || ' for days ' || coalesce(cast(last_day - opens_day as text), 'without end') as what, count(*) as n from lots group by 1")
		}
		s.Want("by inactivity", last(), "1 100 for days 214, 1 50 for days 183")
		for _, step := range []struct{ expire, want string }{
			{"{after: 90d}", "1 100 for days 90, 1 50 for days 90"},
			{"never", "1 100 for days without end, 1 50 for days without end"},
			{"{unused: 3m}", "1 100 for days 122, 1 50 for days 91"},
			{"{each: 12-31}", "1 100 for days 303, 1 50 for days 272"},
		} {
			s.Apply(keeps(step.expire))
			s.Now = s.Now.AddDate(0, 0, 1)
			s.Work()
			s.Want(step.expire+", after the night", last(), step.want)
			if _, err := intake.RebuildPoints(context.Background(), s.DB); err != nil {
				t.Fatal(err)
			}
			s.Want(step.expire+", when lots are made anew", last(), step.want)
		}
		s.Order(m[1], 2000)
		s.Apply(keeps("{after: 90d}"))
		s.Now = s.Now.AddDate(0, 0, 1)
		s.Work()
		s.Want("what was booked with its own day keeps it", s.Counted("select remains || ' until ' || last_day as what, count(*) as n from lots where remains = 20 group by 1"),
			fmt.Sprintf("1 20 until %d", loyalty.Date(s.Now.Year(), 12, 31)))
	})
}
