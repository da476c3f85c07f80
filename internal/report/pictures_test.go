package report_test

import (
	"fmt"
	"strings"
	"testing"

	"regulars/internal/report"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
	"regulars/segments"
)

// Every report with a picture is drawn from what it says, also where that is nothing.
func TestReportsAreDrawn(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		draw := func() map[string]string {
			drawn := map[string]string{}
			for _, r := range report.Reports() {
				ask := report.Ask{Day: today, Currency: "EUR"}
				table := see(t, db, func(tx *store.Tx) (report.Table, error) { return r.Make(tx, ask) })
				drawn[r.Name] = r.Picture(ask, table).Wide
				if !strings.HasPrefix(drawn[r.Name], "<svg ") || !strings.Contains(drawn[r.Name], "</desc>") {
					t.Errorf("the picture of %s: %.80q", r.Name, drawn[r.Name])
				}
			}
			return drawn
		}
		before := draw()
		people(t, db)
		after := draw()
		for name, want := range map[string]string{
			"orders":  "2027-03: 2 orders",
			"cohorts": "2027-01 +2: 1 of 1, 100.0 %",
			"shops":   "97.00", "repeat": "3, 100.0 %",
			"summary": "ordered again: 1, 33.3 %", "top": "the top tenth, 1 of 3",
			"returning": "2027-03: 1 had ordered before", "lifecycle": "from no order yet to recent: 1", "rfm-grid": "from recency 3, frequency 1 to 3, 3: 1 members",
		} {
			if strings.Contains(before[name], want) || !strings.Contains(after[name], want) {
				t.Errorf("the picture of %s does not say %q: %s", name, want, after[name])
			}
		}
	})
}

// Those who move, and what points are worth over months, are drawn as they were looked at.
func TestPicturesAreAsTheyWere(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		people(t, db)
		do(t, db, `insert into entries (member_id, wallet, kind, amount, day, at, cause, version_id) values
			(1, 'points', 'earn', 4000, {today-70}, {now}, 'a', 1), (1, 'points', 'redeem', -900, {today-40}, {now}, 'b', 1), (1, 'points', 'expire', -300, {today-35}, {now}, 'c', 1), (1, 'points', 'earn', 1500, {today}, {now}, 'd', 1)`)
		ask := report.Ask{Day: today, Currency: "EUR", PointWorth: 1000, Tiers: []report.Tier{{Name: "silver"}}}
		for _, name := range []string{"rfm-grid", "lifecycle", "tiers", "liability", "returning"} {
			r, _ := report.ByName(name)
			table := see(t, db, func(tx *store.Tx) (report.Table, error) { return r.Make(tx, ask) })
			golden(t, name, r.Picture(ask, table).Wide)
			for _, row := range table.Rows {
				if len(row) != len(table.Head) {
					t.Errorf("%s has %d cells under %d heads: %q", name, len(row), len(table.Head), row)
				}
			}
		}
	})
}

// Each place of the grid has those whom the rule keeps.
func TestTheGridHasWhomTheRuleKeeps(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		people(t, db)
		g := see(t, db, func(tx *store.Tx) (report.RFMGrid, error) {
			return report.Grid(tx, report.Ask{Day: today, Past: true}, today-10)
		})
		all, before := int64(0), int64(0)
		for _, p := range g.Places {
			var now int64
			for m := 1; m <= 3; m++ {
				rule, err := segments.Parse(fmt.Sprintf("rfm == \"%d%d%d\"", p.Recency, p.Frequency, m), segments.Scope{})
				if err != nil {
					t.Fatal(err)
				}
				now += see(t, db, report.Audience{Rule: rule, Day: today, Past: true}.Count)
			}
			if p.Members != now {
				t.Errorf("%+v: the rule keeps %d", p, now)
			}
			all, before = all+p.Members, before+p.Before
		}
		if all != 3 || before != 2 {
			t.Errorf("%d members, %d before, want 3 and 2", all, before)
		}
	})
}
