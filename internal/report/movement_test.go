package report_test

import (
	"reflect"
	"testing"

	"regulars/internal/loyalty"
	"regulars/internal/report"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
	"regulars/segments"
)

// shopScope is a program in which the stages follow each other quickly.
var shopScope = segments.Scope{Lifecycle: segments.Lifecycle{Recent: 5, AtRisk: 15, Lost: 25}}

func movement(t *testing.T, db *store.DB, of func(segments.Scope) (report.MovementOf, error), day loyalty.Day, past bool, from *loyalty.Day) report.Movement {
	t.Helper()
	m, err := of(shopScope)
	if err != nil {
		t.Fatal(err)
	}
	m.Day, m.Past, m.From = day, past, from
	return see(t, db, m.Report)
}

func TestMovementBetweenStages(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		people(t, db) // orders of Ana 40 and 2 days ago, Ben's 20 days ago, Cleo's yesterday
		from := today - 10
		want := report.Movement{Field: "lifecycle", Day: "2027-03-03", From: "2027-02-21", Groups: []report.Group{
			{Name: "recent", Members: 2, Share: 2.0 / 3, Orders: 3, Revenue: 7700, Average: 2567, Came: 2},
			{Name: "needs nurturing", Before: 1, Left: 1},
			{Name: "at risk", Members: 1, Share: 1.0 / 3, Orders: 1, Revenue: 2000, Average: 2000, Came: 1},
			{Name: "about to lose", Before: 1, Left: 1},
			{Name: "no order yet", Before: 1, Left: 1}, // nobody knew Cleo
		}, Moves: []report.Moved{{"no order yet", "recent", 1}, {"needs nurturing", "at risk", 1}, {"about to lose", "recent", 1}}}
		for _, past := range []bool{false, true} { // from the facts, and from the orders
			if got := movement(t, db, report.Lifecycle, today, past, &from); !reflect.DeepEqual(got, want) {
				t.Errorf("past %v:\n got %+v\nwant %+v", past, got, want)
			}
		}
		alone := movement(t, db, report.Lifecycle, today, false, nil)
		if alone.From != "" || alone.Moves != nil || alone.Groups[0].Came != 0 || alone.Groups[0].Members != 2 {
			t.Errorf("without a day to compare with: %+v", alone)
		}
		if got := want.Between("about to lose", "recent"); got != 1 {
			t.Errorf("Between = %d, want 1", got)
		}
	})
}

// TestGroupsAreWhoTheRuleKeeps compares the report with the rule, on both days.
func TestGroupsAreWhoTheRuleKeeps(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		people(t, db)
		from := today - 10
		m := movement(t, db, report.RFM, today, true, &from)
		members := int64(0)
		for _, g := range m.Groups[:6] {
			rule, err := segments.Parse(`rfm_group == "`+g.Name+`"`, shopScope)
			if err != nil {
				t.Fatal(err)
			}
			now := see(t, db, report.Audience{Rule: rule, Day: today, Past: true}.Count)
			before := see(t, db, report.Audience{Rule: rule, Day: from, Past: true}.Count)
			if g.Members != now || g.Before != before || g.Stayed+g.Left != before || g.Stayed+g.Came != now {
				t.Errorf("%+v: the rule keeps %d, and %d before", g, now, before)
			}
			members += g.Members
		}
		if members != 3 {
			t.Errorf("%d members have a group, want the 3 who ordered: %+v", members, m.Groups)
		}
	})
}

func TestMovementOfAnEmptyShop(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		from := today - 10
		m := movement(t, db, report.RFM, today, false, &from)
		if len(m.Groups) != 7 || len(m.Moves) != 0 || m.Groups[0] != (report.Group{Name: "Champions"}) {
			t.Errorf("an empty shop: %+v", m)
		}
	})
}
