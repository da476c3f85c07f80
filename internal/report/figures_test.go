package report_test

import (
	"reflect"
	"testing"

	"regulars/internal/report"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
)

// In a large shop what a campaign came to is counted now and then, says when, and is what
// the ledger says.
func TestFiguresOfCampaignsAreCountedNowAndThen(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		people(t, db)
		ledger(t, db)
		count := func() (n int) {
			t.Helper()
			for {
				did, err := report.CountFigures(t.Context(), db)
				if err != nil {
					t.Fatal(err)
				}
				if did == 0 {
					return n
				}
				n += did
			}
		}
		due := func() bool {
			return len(see(t, db, func(tx *store.Tx) (rows []int, err error) { return rows, tx.All(&rows, report.FiguresDue(tx), nil) })) > 0
		}
		type kept struct {
			report.CampaignFigures
			Kept bool
		}
		read := func(campaign string) (k kept) {
			return see(t, db, func(tx *store.Tx) (k kept, err error) {
				k.CampaignFigures, k.Kept, err = report.KeptFigures(tx, campaign)
				return k, err
			})
		}
		if n := count(); n != 0 || due() || read("win-back").Kept {
			t.Errorf("a small shop counts %d, due %t, and keeps %+v", n, due(), read("win-back"))
		}
		// The ledger of a large shop, of which nothing but two mails is left.
		do(t, db, "update sends set id = id + 60000 where id = (select max(id) from sends where campaign_id <> 2)")
		if k := read("win-back"); !k.Kept || !k.AsOf.IsZero() || k.Whole.Sent != 2 || k.Whole.Ordered != 0 {
			t.Errorf("before the first count: %+v", k)
		}
		if n := count(); !due() && n < 2 || due() {
			t.Errorf("%d campaigns were counted, more to do: %t", n, due())
		}
		live := see(t, db, func(tx *store.Tx) (report.CampaignFigures, error) { return report.FiguresOf(tx, "win-back", 30) })
		k := read("win-back")
		if k.AsOf.IsZero() {
			t.Error("it does not say when it was counted")
		}
		k.AsOf = live.AsOf
		if !reflect.DeepEqual(k.CampaignFigures, live) || live.Whole.Ordered == 0 {
			t.Errorf("kept\n%+v\nthe ledger\n%+v", k.CampaignFigures, live)
		}
		// What is counted as it happens is of now, the rest of then.
		do(t, db, "update sends set state = 'failed' where id = (select min(id) from sends where campaign_id = 2)")
		if k := read("win-back"); k.Whole.Sent != 1 || k.Whole.Failed != 1 || k.Whole.Mailed != live.Whole.Mailed {
			t.Errorf("after a mail failed: %+v", k.Whole)
		}
		recent := see(t, db, func(tx *store.Tx) (list []report.Result, err error) {
			list, _, _, err = report.KeptRecent(tx)
			return list, err
		})
		all := see(t, db, func(tx *store.Tx) ([]report.Result, error) { return report.Results(tx, "", today-report.RecentDays+1) })
		if len(recent) != len(all) || len(all) == 0 {
			t.Errorf("of late %+v, want %+v", recent, all)
		}
	})
}
