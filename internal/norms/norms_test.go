package norms_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"regulars/internal/loyalty"
	"regulars/internal/norms"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
	"regulars/segments"
)

var theDay = loyalty.DayOf(storetest.Start, time.UTC)

// order is a paid order of a member: so many days ago, for so many euros.
type order struct{ member, ago, euros int }

// fill writes members with their orders, and the facts of today.
func fill(t *testing.T, db *store.DB, members int, orders []order) {
	t.Helper()
	var people, rows [][]any
	for i := 1; i <= members; i++ {
		people = append(people, []any{i, fmt.Sprint("M-", i), storetest.Start, storetest.Start})
	}
	for i, o := range orders {
		day := theDay - loyalty.Day(o.ago)
		rows = append(rows, []any{i + 1, "test", fmt.Sprint(i), o.member, loyalty.At(day.UTC()), day, "paid", true, o.euros * 100, storetest.Start})
	}
	change(t, db, func(tx *store.Tx) error {
		if _, err := tx.Bulk("members", []string{"id", "external_id", "created_at", "changed_at"}, people); err != nil {
			return err
		}
		_, err := tx.Bulk("orders", []string{"id", "source", "external_id", "member_id", "at", "day", "status", "counts", "total", "changed_at"}, rows)
		return err
	})
	refill(t, db)
}

// refill makes the table facts that of today.
func refill(t *testing.T, db *store.DB) {
	t.Helper()
	change(t, db, func(tx *store.Tx) error {
		if _, err := tx.Exec("delete from facts", nil); err != nil {
			return err
		}
		_, err := tx.Exec("insert into facts "+segments.FactsSelect(tx.Engine(), ""), store.Args{"day": int64(theDay)})
		return err
	})
}

func change(t *testing.T, db *store.DB, f func(*store.Tx) error) {
	t.Helper()
	if err := db.Update(context.Background(), f); err != nil {
		t.Fatal(err)
	}
}

// now returns the norms of today.
func now(t *testing.T, db *store.DB) (n segments.Norms) {
	t.Helper()
	err := db.View(context.Background(), func(tx *store.Tx) error {
		got, err := norms.Today(tx, theDay)
		if err == nil {
			n = *got
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// scoresOf are the norms that scores and gaps read, and no others.
func scoresOf(n segments.Norms) segments.Norms {
	return segments.Norms{Day: n.Day, Gap: n.Gap, Buyers: n.Buyers, Recency: n.Recency, Frequency: n.Frequency, Monetary: n.Monetary}
}

func TestNormsOfFewMembers(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		claim   string
		members int
		orders  []order
		scoring segments.Scoring
		want    segments.Norms
	}{
		{"nobody", 0, nil, segments.DefaultScoring(), segments.Norms{}},
		{"nobody has ordered", 3, nil, segments.DefaultScoring(), segments.Norms{}},
		{"one member with one order is recent and seldom", 2, []order{{1, 5, 10}}, segments.DefaultScoring(),
			segments.Norms{Buyers: 1, Recency: segments.Cuts{Low: 5, High: 5}, Frequency: segments.Cuts{Low: 1, High: 1}, Monetary: segments.Cuts{Low: 1000, High: 1000}}},
		{"all are equal", 3, []order{{1, 5, 10}, {2, 5, 10}, {3, 5, 10}}, segments.DefaultScoring(),
			segments.Norms{Buyers: 3, Recency: segments.Cuts{Low: 5, High: 5}, Frequency: segments.Cuts{Low: 1, High: 1}, Monetary: segments.Cuts{Low: 1000, High: 1000}}},
		{"three members", 3, []order{{1, 1, 30}, {2, 2, 20}, {3, 3, 10}}, segments.DefaultScoring(),
			segments.Norms{Buyers: 3, Recency: segments.Cuts{Low: 2, High: 3}, Frequency: segments.Cuts{Low: 1, High: 1}, Monetary: segments.Cuts{Low: 1000, High: 2000}}},
		{"recency by days", 3, []order{{1, 1, 30}, {2, 2, 20}, {3, 3, 10}}, segments.Scoring{Recency: segments.Percent{33, 66}, Frequency: segments.Percent{33, 66}, Monetary: segments.Percent{50, 90}, Within: segments.Within{180, 365}},
			segments.Norms{Buyers: 3, Recency: segments.Cuts{Low: 180, High: 365}, Frequency: segments.Cuts{Low: 1, High: 1}, Monetary: segments.Cuts{Low: 2000, High: 3000}}},
		{"the usual gap of one member", 1, []order{{1, 1, 1}, {1, 3, 1}, {1, 9, 1}, {1, 9, 1}}, segments.DefaultScoring(),
			segments.Norms{Gap: 4, Buyers: 1, Recency: segments.Cuts{Low: 1, High: 1}, Frequency: segments.Cuts{Low: 4, High: 4}, Monetary: segments.Cuts{Low: 400, High: 400}}},
		{"the middle between two gaps", 3, []order{{1, 1, 1}, {1, 2, 1}, {2, 1, 1}, {2, 11, 1}, {3, 1, 1}}, segments.DefaultScoring(),
			segments.Norms{Gap: 5.5, Buyers: 3, Recency: segments.Cuts{Low: 1, High: 1}, Frequency: segments.Cuts{Low: 1, High: 2}, Monetary: segments.Cuts{Low: 100, High: 200}}},
		{"orders to come do not count", 2, []order{{1, 1, 1}, {2, -1, 1}}, segments.DefaultScoring(),
			segments.Norms{Buyers: 1, Recency: segments.Cuts{Low: 1, High: 1}, Frequency: segments.Cuts{Low: 1, High: 1}, Monetary: segments.Cuts{Low: 100, High: 100}}},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			t.Parallel()
			storetest.Each(t, func(t *testing.T, db *store.DB) {
				fill(t, db, tt.members, tt.orders)
				change(t, db, func(tx *store.Tx) error { return norms.SetScoring(tx, tt.scoring) })
				want := scoresOf(tt.want)
				want.Day = theDay
				if got := now(t, db); scoresOf(got) != want {
					t.Errorf("%s: norms\n got %+v\nwant %+v", tt.claim, got, want)
				}
			})
		})
	}
}
