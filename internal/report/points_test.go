package report_test

import (
	"fmt"
	"slices"
	"testing"

	"regulars/internal/loyalty"
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
		t.Run("L9 what is left of them, and how many are never spent", func(t *testing.T) {
			if got != want {
				t.Errorf("liability %+v\nwant %+v", got, want)
			}
		})
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

func TestCardsAreReportedByMonth(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		people(t, db)
		if none := see(t, db, func(tx *store.Tx) ([]report.CardMonth, error) { return report.Cards(tx, 30000) }); none == nil || len(none) != 0 {
			t.Errorf("without cards: %#v, want an empty list", none)
		}
		const january, march = 19740, 19790 // 2024-01-18, 2024-03-08
		n := 0
		book := func(wallet, kind string, amount, day int) string {
			n++
			return fmt.Sprintf(`insert into entries (member_id, wallet, at, day, kind, amount, cause, version_id)
				values (1, '%s', {now}, %d, '%s', %d, '%d', 1)`, wallet, day, kind, amount, n)
		}
		claim := func(source, state string, code, day int) string {
			n++
			return fmt.Sprintf(`insert into claims (member_id, reward, price, state, source, key, body, at, day, code_id)
				values (1, 'tea', 5, '%s', '%s', '%d', '', {now}, %d, %d)`, state, source, n, day, code)
		}
		do(t, db, book("points", "earn", 100, january), book("tea", "earn", 7, january), book("tea", "takeback", -1, january), book("tea", "redeem", -5, january), book("buns", "adjust", 2, january),
			book("tea", "expire", -1, march), book("tea", "adjust", 10, march), book("tea", "redeem", -5, march), book("tea", "redeem", -5, march), book("tea", "return", 5, march),
			claim("card", "done", 901, january), claim("card", "done", 902, march), claim("card", "reversed", 903, march), claim("till", "done", 904, march),
			fmt.Sprintf("insert into redemptions (code_id, pool_id, at, day) values (901, 1, {now}, %d)", march))
		for _, tt := range []struct {
			day  loyalty.Day
			want []report.CardMonth
		}{
			{march, []report.CardMonth{
				{Month: "2024-01", Card: "buns", Stamps: 2},
				{Month: "2024-01", Card: "tea", Stamps: 6, Filled: 1, Codes: 1, Used: 1},
				{Month: "2024-03", Card: "tea", Stamps: 10, Ended: 1, Filled: 2, Codes: 1}}},
			{march - 1, []report.CardMonth{
				{Month: "2024-01", Card: "buns", Stamps: 2},
				{Month: "2024-01", Card: "tea", Stamps: 6, Filled: 1, Codes: 1}}},
		} {
			if got := see(t, db, func(tx *store.Tx) ([]report.CardMonth, error) { return report.Cards(tx, tt.day) }); !slices.Equal(got, tt.want) {
				t.Errorf("cards on %s\n%+v\nwant\n%+v", tt.day, got, tt.want)
			}
		}
	})
}

// L1, L5, L6, L8: the examples of accounting handbooks, whose share of points that are
// never spent is ours where as many have expired before.
func TestWhatPointsAreWorthToTheBooks(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		people(t, db)
		today := see(t, db, (*store.Tx).Today)
		for _, tt := range []struct {
			id                               string
			points, worth, redeemed, expired int64
			nominal, expected                int64
		}{
			{"L1 10,000 points of 1.00, of which 97 % are spent", 10_000, 100_000, 97, 3, 1_000_000, 970_000},
			{"L5 8,000 points of 100.00", 8_000, 10_000_000, 0, 0, 80_000_000, 80_000_000},
			{"L6 2,000 points of 0.10, of which 85 % are spent", 2_000, 10_000, 85, 15, 20_000, 17_000},
			{"L8 1,000,000 points of 0.01", 1_000_000, 1_000, 0, 0, 1_000_000, 1_000_000},
			{"L8 and 1,500,000 more", 2_500_000, 1_000, 0, 0, 2_500_000, 2_500_000},
			{"L8 and 2,000,000 more", 4_500_000, 1_000, 0, 0, 4_500_000, 4_500_000},
		} {
			t.Run(tt.id, func(t *testing.T) {
				do(t, db, "delete from entries", "delete from point_sums", "delete from point_moves", fmt.Sprintf("update facts set points = case when member_id = 1 then %d else 0 end, points_pending = 0", tt.points),
					fmt.Sprintf(`insert into entries (member_id, wallet, at, day, kind, amount, cause, version_id) values
						(1, 'points', {now}, {today}, 'redeem', %d, 'a', 1), (1, 'points', {now}, {today}, 'expire', %d, 'b', 1)`, -tt.redeemed, -tt.expired))
				l := see(t, db, func(tx *store.Tx) (report.Liability, error) {
					return report.PointsLiability(tx, report.Ask{Day: today, PointWorth: tt.worth})
				})
				if l.Nominal != tt.nominal || l.Expected != tt.expected {
					t.Errorf("%d, expected %d; want %d, %d", l.Nominal, l.Expected, tt.nominal, tt.expected)
				}
			})
		}
	})
}
