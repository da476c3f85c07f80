package report_test

import (
	"fmt"
	"testing"

	"regulars/internal/loyalty"
	"regulars/internal/report"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
)

// books writes a ledger of member 1: points that orders earned, and what drew on them.
// Of points that no order earned, which say how many are spent, there are no draws.
type books struct {
	ids        int
	statements []string
}

func (b *books) entry(kind string, amount int64, order string, day loyalty.Day) int {
	b.ids++
	b.statements = append(b.statements, fmt.Sprintf(`insert into entries (id, member_id, wallet, at, day, kind, amount, cause, order_id, version_id)
		values (%d, 1, 'points', {now}, %d, '%s', %d, 'c%d', %s, 1)`, b.ids, int64(day), kind, amount, b.ids, order))
	return b.ids
}

func (b *books) draw(kind string, amount int64, credit int, day loyalty.Day) {
	debit := b.entry(kind, -amount, "null", day)
	b.statements = append(b.statements, fmt.Sprintf("insert into draws (debit_id, credit_id, amount) values (%d, %d, %d)", debit, credit, amount))
}

// The examples of accounting handbooks, year by year. What is deferred is of the first
// year's estimate and stays; what is released follows the newest. Other points bring the
// share that is spent to what the example says: 97 of 100, then 52 of 55 that are left,
// then 14 of 15 or 7 of 15.
func TestDeferredRevenueIsReleasedYearByYear(t *testing.T) {
	t.Parallel()
	first, second, third := loyalty.Date(2024, 12, 31), loyalty.Date(2025, 12, 31), loyalty.Date(2026, 12, 31)
	type year struct {
		on            loyalty.Day
		spent         int64 // of the example's points
		others, ended int64 // others that were spent and have ended
		total, ofIt   int64 // released, and of it in this year
		stillDeferred int64
	}
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		people(t, db)
		for _, tt := range []struct {
			id                   string
			sales, points, worth int64
			deferred             int64
			years                []year
		}{
			{"L1 10,000 points of 1.00", 10_000_000, 10_000, 100_000, 884_230, []year{{first, 0, 388, 12, 0, 0, 884_230}}},
			{"L2 and L3 the estimate goes up to 9,900", 12_471_429, 10_000, 100_000, 900_000, []year{
				{first, 0, 388, 12, 0, 0, 900_000},
				{second, 4_500, 0, 270, 417_526, 417_526, 482_474},
				{third, 4_000, 2, 353, 772_727, 355_201, 127_273}}},
			{"L2 and L4 the estimate goes down to 9,200", 12_471_429, 10_000, 100_000, 900_000, []year{
				{first, 0, 388, 12, 0, 0, 900_000},
				{second, 4_500, 0, 270, 417_526, 417_526, 482_474},
				{third, 4_000, 2, 9_878, 831_522, 413_996, 68_478}}},
			{"L6 and L7 half is spent", 200_000, 2_000, 10_000, 15_668, []year{
				{first, 0, 85, 15, 0, 0, 15_668},
				{second, 850, 0, 315, 7_834, 7_834, 7_834}}},
		} {
			t.Run(tt.id, func(t *testing.T) {
				var b books
				earned := b.entry("earn", tt.points, "1", first-200)
				for _, y := range tt.years {
					b.entry("redeem", -y.others, "null", y.on-200)
					b.entry("expire", -y.ended, "null", y.on-200)
					if y.spent > 0 {
						b.draw("redeem", y.spent, earned, y.on)
					}
				}
				do(t, db, append([]string{"delete from entries", "delete from draws", "delete from point_sums", "delete from point_moves", fmt.Sprintf("update orders set total = %d, refunded = 0 where id = 1", tt.sales)}, b.statements...)...)
				for _, y := range tt.years {
					got := see(t, db, func(tx *store.Tx) (report.Revenue, error) {
						return report.PointsRevenue(tx, report.Ask{Day: y.on, Past: true, PointWorth: tt.worth})
					})
					want := report.Revenue{Sales: tt.sales, Deferred: tt.deferred, Released: y.total, ThisYear: y.ofIt, Open: y.stillDeferred}
					if got != want {
						t.Errorf("at the end of %s:\n%+v, want\n%+v", y.on, got, want)
					}
				}
			})
		}
	})
}

// An order that is given back leaves the sales with its points; what ends unused makes
// the rest revenue, and what comes back from a reward is no longer.
func TestDeferredRevenueFollowsRefundsReturnsAndEnds(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		people(t, db)
		var b books
		whole, part := b.entry("earn", 1_000, "1", today-60), b.entry("earn", 500, "2", today-60)
		b.draw("takeback", 1_000, whole, today-50)
		b.draw("redeem", 200, part, today-10)
		b.draw("return", -100, part, today-9)
		do(t, db, append(b.statements, "update orders set total = 100000, refunded = 100000, counts = false where id = 1",
			"update orders set total = 50000, refunded = 0 where id = 2")...)
		const deferred = 4_545 // of 500.00 and 500 points of 0.10: 50 of 550
		for _, step := range []struct {
			name     string
			do       func(*books)
			released int64
		}{
			{"100 of 500 are spent", func(*books) {}, 909},
			{"300 have ended, of those gone 1 of 4 was spent", func(b *books) { b.draw("expire", 300, part, today-5) }, 3_636}, // 100 of 125
			{"the rest has ended", func(b *books) { b.draw("expire", 100, part, today-4) }, deferred},
		} {
			n := len(b.statements)
			step.do(&b)
			do(t, db, b.statements[n:]...)
			got := see(t, db, func(tx *store.Tx) (report.Revenue, error) {
				return report.PointsRevenue(tx, report.Ask{Day: today, PointWorth: 10_000})
			})
			if got.Sales != 50_000 || got.Deferred != deferred || got.Released != step.released || got.Open != deferred-step.released {
				t.Errorf("%s: %+v, want %d of %d released", step.name, got, step.released, deferred)
			}
		}
	})
}
