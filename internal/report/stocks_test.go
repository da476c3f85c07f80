package report_test

import (
	"slices"
	"strings"
	"testing"

	"regulars/internal/report"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
)

// The course of stocks is told and drawn day by day, also where a night was missed.
func TestStocksAreToldDayByDay(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		do(t, db, `insert into pools (id, name, kind, spec) values (1, 'gift', 'generated', '{}'), (2, 'spring-2027-shops', 'imported', '{}')`,
			"insert into pools (id, name, kind, spec, removed_at) values (3, 'gone', 'shared', '{}', {now})",
			`insert into pool_days (pool_id, day, remains, given, used, ended, spent) values
			 (1, {today-6}, null, 10, 2, 0, 900), (1, {today-5}, null, 14, 3, 1, 1200), (1, {today-2}, null, 20, 3, 1, 1200), (1, {today-1}, null, 50, 5, 2, 2000),
			 (2, {today-3}, 500, 0, 0, 0, 0), (2, {today-2}, 120, 380, 0, 0, 0), (2, {today-1}, 119, 381, 40, 0, 4000),
			 (2, {today-200}, 600, 0, 0, 0, 0), (3, {today-1}, null, 1, 0, 0, 0)`)
		named, _ := report.ByName("stocks")
		ask := report.Ask{Day: today, Currency: "EUR"}
		table := see(t, db, func(tx *store.Tx) (report.Table, error) { return named.Make(tx, ask) })
		var got []string
		for _, row := range table.Rows {
			got = append(got, strings.Join(row, " "))
		}
		last := "gift " + (today - 6).String() + " no limit 10 2 0 9.00"
		if len(got) != 7 || got[6] != last || got[1] != "spring-2027-shops "+(today-1).String()+" 119 381 40 0 40.00" {
			t.Errorf("the rows are\n%s", strings.Join(got, "\n"))
		}
		golden(t, "stocks", named.Picture(ask, table).Wide)

		gift := see(t, db, func(tx *store.Tx) ([]report.StockDay, error) { return report.Stocks(tx, "gift", today, 90) })
		slices.Reverse(gift)
		left, given := report.DrawStock("gift", "EUR", false, gift)
		golden(t, "stock", given.Wide)
		if left.Wide != "" {
			t.Errorf("what is left of a pool without a limit is drawn: %s", left)
		}
		_, cost := report.DrawStock("gift", "EUR", true, gift)
		if !strings.Contains(cost.Wide, "8 discounts") { // what the uses of yesterday cost
			t.Errorf("a code for all: %s", cost)
		}
		if _, cost := report.DrawStock("gift", "JPY", true, gift); !strings.Contains(cost.Wide, "800 discounts") {
			t.Errorf("a code for all, in a currency without decimals: %s", cost)
		}
		spring := see(t, db, func(tx *store.Tx) ([]report.StockDay, error) {
			return report.Stocks(tx, "spring-2027-shops", today, 90)
		})
		slices.Reverse(spring)
		left, _ = report.DrawStock("spring", "EUR", false, spring)
		golden(t, "stock_left", left.Wide)
		if left, given := report.DrawStock("spring", "EUR", false, spring[:1]); left.Wide+given.Wide != "" {
			t.Error("one day is drawn as a course")
		}
	})
}
