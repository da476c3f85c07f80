package report_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"regulars/internal/loyalty"
	"regulars/internal/report"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
)

// Between two days each member has moved once at most, whatever came between them.
func TestTiersOfTwoDays(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		people(t, db)
		do(t, db, `insert into member_tiers (member_id, tier, since_day, since_at, left_day, version_id) values
			(1, 'silver', {today-40}, {now-960h}, {today-20}, 1), (1, 'gold', {today-20}, {now-480h}, {today-5}, 1), (1, 'silver', {today-5}, {now-120h}, null, 1),
			(2, 'gold', {today-5}, {now-120h}, null, 1)`)
		q := report.TiersOf{Tiers: []report.Tier{{Name: "silver"}, {Name: "gold"}}, Day: today, From: today - 30}
		r := see(t, db, q.Report)
		if want := []report.Moved{{From: "none", To: "none", Members: 1}, {From: "none", To: "gold", Members: 1}, {From: "silver", To: "silver", Members: 1}}; !slices.Equal(sorted(r.Moves), sorted(want)) {
			t.Errorf("moves %+v, want %+v", r.Moves, want)
		}
		for i, want := range []report.TierLine{{Tier: "none", Members: 1, Before: 2}, {Tier: "silver", Members: 1, Before: 1, Down: 1}, {Tier: "gold", Members: 1, Up: 2}} {
			if r.Tiers[i] != want {
				t.Errorf("%+v, want %+v", r.Tiers[i], want)
			}
		}
		if svg := r.SVG(); !strings.Contains(svg, "from none to gold: 1") || !strings.Contains(svg, "none 2") {
			t.Errorf("the picture: %s", svg)
		}
	})
}

// Who comes up while the grace of a tier runs came up from it, and who reaches a tier on the
// day after it ended has been without one.
func TestTiersThatAreReachedAsOthersEnd(t *testing.T) {
	t.Parallel()
	silver, gold := report.Tier{Name: "silver", Grace: loyalty.Period{Days: 30}}, report.Tier{Name: "gold"}
	for _, tt := range []struct {
		name, stays string
		none, s, g  report.TierLine
		jumps       int64
	}{
		{"in the grace", "(1, 'silver', {today-400}, {today-20}, {today-5}, null), (1, 'gold', {today-5}, {today+300}, null, 7)",
			report.TierLine{}, report.TierLine{}, report.TierLine{Up: 1}, 0},
		{"on the last day of the grace", "(1, 'silver', {today-400}, {today-20}, {today+10}, null), (1, 'gold', {today+10}, {today+300}, null, 7)",
			report.TierLine{}, report.TierLine{}, report.TierLine{Up: 1}, 0},
		{"after the grace", "(1, 'silver', {today-400}, {today-20}, {today+11}, null), (1, 'gold', {today+11}, {today+300}, null, 7)",
			report.TierLine{Down: 1}, report.TierLine{}, report.TierLine{Up: 1}, 1},
		{"the same one after the grace", "(1, 'silver', {today-400}, {today-20}, {today+11}, null), (1, 'silver', {today+11}, {today+300}, null, 7)",
			report.TierLine{Down: 1}, report.TierLine{Up: 1}, report.TierLine{}, 0},
		{"the same one, that is kept while its rule holds", "(1, 'gold', {today-400}, cast(null as bigint), {today-5}, null), (1, 'gold', {today-5}, null, null, 7)",
			report.TierLine{Down: 1}, report.TierLine{}, report.TierLine{Up: 1}, 1},
		{"a higher one, from one that is kept while its rule holds", "(1, 'silver', {today-400}, cast(null as bigint), {today-5}, null), (1, 'gold', {today-5}, null, null, 7)",
			report.TierLine{}, report.TierLine{}, report.TierLine{Up: 1}, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			storetest.Each(t, func(t *testing.T, db *store.DB) {
				people(t, db)
				do(t, db, "insert into member_tiers (member_id, tier, since_day, last_day, left_day, order_id, since_at, version_id) select s.*, {now}, 1 from (values "+tt.stays+") s")
				r := see(t, db, report.TiersOf{Tiers: []report.Tier{silver, gold}, Day: today + 20, From: today - 30}.Report)
				for i, want := range []report.TierLine{tt.none, tt.s, tt.g} {
					if got := r.Tiers[i]; got.Up != want.Up || got.Down != want.Down {
						t.Errorf("%s: %d up and %d down, want %d and %d", got.Tier, got.Up, got.Down, want.Up, want.Down)
					}
				}
				if r.Jumps != tt.jumps {
					t.Errorf("%d jumps, want %d", r.Jumps, tt.jumps)
				}
			})
		})
	}
}

// Who left a tier and came to no other is named beside those who came to one; who was
// erased is not.
func TestWhoMovedBetweenTiersLast(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		people(t, db)
		do(t, db, `insert into member_tiers (member_id, tier, since_day, since_at, left_day, by_whom, version_id) values
			(1, 'silver', {today-40}, {now-960h}, {today-20}, '', 1), (1, 'gold', {today-20}, {now-480h}, {today-5}, '', 1), (1, 'silver', {today-5}, {now-120h}, null, 'anna', 1),
			(2, 'gold', {today-9}, {now-216h}, {today-2}, '', 1), (3, 'gold', {today-1}, {now-24h}, {today-1}, '', 1)`)
		var got []string
		for _, m := range see(t, db, func(tx *store.Tx) ([]report.TierMove, error) { return report.NewestTiers(tx, 4) }) {
			got = append(got, fmt.Sprintf("%d: %s>%s %d %v", m.Number, m.Was, m.Tier, m.Day-today, m.ByHand))
		}
		if want := []string{"3: >gold -1 false", "2: gold> -2 false", "1: gold>silver -5 true", "2: >gold -9 false"}; !slices.Equal(got, want) {
			t.Errorf("%q, want %q", got, want)
		}
		do(t, db, "update members set erased_at = {now} where id = 2")
		if got := see(t, db, func(tx *store.Tx) ([]report.TierMove, error) { return report.NewestTiers(tx, 9) }); len(got) != 4 {
			t.Errorf("an erased member is named: %+v", got)
		}
	})
}

func sorted(moves []report.Moved) []report.Moved {
	return slices.SortedFunc(slices.Values(moves), func(a, b report.Moved) int { return strings.Compare(a.From+" "+a.To, b.From+" "+b.To) })
}
