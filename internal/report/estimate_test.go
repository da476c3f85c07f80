package report_test

import (
	"context"
	"fmt"
	"testing"

	"regulars/internal/loyalty"
	"regulars/internal/report"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
	"regulars/segments"
)

// The numbers of an estimate hold the answer, and lie near enough to be of use.
func TestAnEstimateHoldsTheAnswer(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		const members = 20_000
		err := db.Update(context.Background(), func(tx *store.Tx) error {
			today := loyalty.DayOf(tx.At.Time, storetest.Start.Location())
			var people, orders [][]any
			for i := range int64(members) {
				people = append(people, []any{i + 1, fmt.Sprint("M-", i), tx.At, int64(today) - 400, tx.At, tx.At})
				for n := range i * 7919 % 10 / 3 { // none, one, two or three
					orders = append(orders, []any{"test", fmt.Sprint(i, "-", n), i + 1, tx.At, int64(today) - n*20, "paid", true, 1000 * (n + 1), tx.At})
				}
			}
			if _, err := tx.Bulk("members", []string{"id", "external_id", "joined_at", "joined_day", "created_at", "changed_at"}, people); err != nil {
				return err
			}
			if _, err := tx.Bulk("orders", []string{"source", "external_id", "member_id", "at", "day", "status", "counts", "total", "changed_at"}, orders); err != nil {
				return err
			}
			for _, table := range []string{"members", "orders"} {
				if err := tx.Analyze(table); err != nil {
					return err
				}
			}
			_, err := tx.Exec("insert into facts "+segments.FactsSelect(tx.Engine(), ""), store.Args{"day": int64(today)})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		err = db.View(context.Background(), func(tx *store.Tx) error {
			today := loyalty.DayOf(tx.At.Time, storetest.Start.Location())
			for _, tt := range []struct {
				rule string
				past bool
			}{{"orders >= 2", false}, {`orders("10d") >= 1`, false}, {"orders >= 2", true}, {"spent > 1000000", false}, {"orders >= 0", false}} {
				rule, err := segments.Parse(tt.rule, segments.Scope{Currency: "EUR"})
				if err != nil {
					return err
				}
				a := report.Audience{Rule: rule, Day: today, Past: tt.past}
				want, err := a.Count(tx)
				if err != nil {
					return err
				}
				low, high, ok, err := a.Estimate(tx)
				if err != nil || !ok || want < low || want > high || high-low > members/25 {
					t.Errorf("%s (past %v): %d to %d, %v, %v; in fact %d", tt.rule, tt.past, low, high, ok, err, want)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}

// A small shop is counted as fast as estimated.
func TestASmallShopIsNotEstimated(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		people(t, db)
		err := db.View(context.Background(), func(tx *store.Tx) error {
			_, _, ok, err := report.Audience{Rule: parsed(t, "orders >= 1"), Day: loyalty.DayOf(tx.At.Time, storetest.Start.Location())}.Estimate(tx)
			if ok {
				t.Error("a shop of a handful was estimated")
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}
