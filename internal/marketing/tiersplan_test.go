package marketing_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"regulars/internal/loyalty"
	"regulars/internal/marketing"
	"regulars/internal/program"
	"regulars/internal/shoptest"
)

// Who would stand in a tier by what they did before there were any is counted by plan, and is
// in it once the program is applied, though what they hold today would not bring them there.
func TestPlanSaysWhoComesToTheFirstTiers(t *testing.T) {
	next := shoptest.Program{Extra: map[string]string{"loyalty.yaml": `
tiers:
  silver: {when: spent("12m") >= 100.00, keep: 12m}
  gold:   {when: spent("12m") >= 250.00, keep: 12m, grace: 30d}
`}}
	shoptest.Each(t, shoptest.Program{}, func(t *testing.T, s *shoptest.Shop) {
		m := s.Join(4)
		buy := func(member int64, ago int, total int64) {
			s.Event(loyalty.OrderPlaced, member, func(e *loyalty.Event) {
				e.At = loyalty.At(s.Now.Add(-time.Duration(ago) * 24 * time.Hour))
				e.Order = &loyalty.Order{ID: fmt.Sprint(member, ago), Status: loyalty.Paid, Total: total, HasTotal: true}
			})
		}
		buy(m[0], 500, 30000) // gold once
		buy(m[1], 380, 30000) // gold, and in its grace
		buy(m[2], 600, 30000) // gold for a year, and silver for another
		buy(m[2], 300, 12000)
		buy(m[3], 400, 12000) // gold through a day to come, though silver is all that holds today
		buy(m[3], 330, 14000)
		read, _, problems := program.Load(next.Files())
		if program.Blocked(problems) {
			t.Fatal(problems)
		}
		plan, err := marketing.New(s.DB).Plan(t.Context(), program.Version{Program: read, Files: next.Files()}, 0)
		if err != nil {
			t.Fatal(err)
		}
		var says []string
		for _, c := range plan.Changes {
			if c.Thing == "tier" {
				says = append(says, c.Name+": "+strings.Join(c.Counts, ", "))
			}
		}
		s.Want("plan", strings.Join(says, "; "), "silver: 1 members reach it; gold: 2 members reach it")
		s.Apply(next)
		s.Work()
		const stays = "select tier as what, count(*) as n from member_tiers where left_day is null group by tier"
		s.Want("what then happens", s.Counted(stays), "2 gold, 1 silver")
		s.Want("by the facts", s.Counted("select tier as what, count(*) as n from facts where tier <> '' group by tier"), "2 gold, 1 silver")
	})
}
