package report_test

import (
	"fmt"
	"testing"

	"regulars/internal/report"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
)

// The worked examples of a points program's books, in points of 0.01 (10 per thousandth
// of a cent): L8 and L9 are of BigLedger's documentation.
func TestPointsAreReportedByMonthAndAtTheirWorth(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		people(t, db)
		book := func(kind string, n int, day string) string {
			return fmt.Sprintf(`insert into entries (member_id, wallet, at, day, kind, amount, cause, version_id)
				values (1, 'points', {now}, %s, '%s', %d, '%s %s %d', 1)`, day, kind, n, kind, day, n)
		}
		do(t, db, book("earn", 1_000_000, "{today-40}"), book("redeem", -600_000, "{today-35}"), book("expire", -300_000, "{today-1}"),
			"update facts set points = 100000, points_pending = 0 where member_id = 1")
		today := see(t, db, (*store.Tx).Today)
		got := see(t, db, func(tx *store.Tx) (report.Liability, error) {
			return report.PointsLiability(tx, report.Ask{Day: today, PointWorth: 1000})
		})
		want := report.Liability{Day: today.String(), Members: 1, Points: 100_000, Redeemed: 600_000, Expired: 300_000, Breakage: 1. / 3, Nominal: 100_000, Expected: 66_666}
		if got != want {
			t.Errorf("liability %+v\nwant %+v", got, want)
		}
		months := see(t, db, func(tx *store.Tx) ([]report.PointsMonth, error) { return report.Points(tx, today) })
		var earned, redeemed, expired int64
		for _, m := range months {
			earned, redeemed, expired = earned+m.Earned, redeemed+m.Redeemed, expired+m.Expired
		}
		if last := months[len(months)-1]; earned != 1_000_000 || redeemed != 600_000 || expired != 300_000 || last.Left != 100_000 {
			t.Errorf("by month: %+v", months)
		}
	})
}
