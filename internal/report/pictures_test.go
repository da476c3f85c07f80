package report_test

import (
	"strings"
	"testing"

	"regulars/internal/report"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
)

// Every report with a picture is drawn from what it says, also where that is nothing.
func TestReportsAreDrawn(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		draw := func() map[string]string {
			drawn := map[string]string{}
			for _, name := range report.WithPictures() {
				r, ok := report.ByName(name)
				if !ok {
					t.Fatalf("a picture of a report %s that there is not", name)
				}
				ask := report.Ask{Day: today, Currency: "EUR"}
				table := see(t, db, func(tx *store.Tx) (report.Table, error) { return r.Make(tx, ask) })
				drawn[name], ok = r.Picture(ask, table)
				if !ok || !strings.HasPrefix(drawn[name], "<svg ") || !strings.Contains(drawn[name], "</desc>") {
					t.Errorf("the picture of %s: %.80q, %v", name, drawn[name], ok)
				}
			}
			return drawn
		}
		before := draw()
		people(t, db)
		after := draw()
		for name, want := range map[string]string{
			"orders":  "2027-03: 2 orders",
			"cohorts": "of 1 who began in 2027-01, 1 (100.0 %) ordered in the month +2",
			"shops":   "97.00", "repeat": "3, 100.0 %",
		} {
			if strings.Contains(before[name], want) || !strings.Contains(after[name], want) {
				t.Errorf("the picture of %s does not say %q: %s", name, want, after[name])
			}
		}
	})
}
