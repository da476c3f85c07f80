package report_test

import (
	"slices"
	"testing"

	"regulars/internal/report"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
)

// What ends is told by month: points that are left, and codes that somebody can still use.
func TestWhatEndsIsToldByMonth(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		people(t, db)
		ending := func() []report.EndingMonth {
			return see(t, db, func(tx *store.Tx) ([]report.EndingMonth, error) { return report.Ending(tx, today) })
		}
		if got := ending(); len(got) != 0 {
			t.Errorf("of a shop in which nothing ends: %+v", got)
		}
		do(t, db, `insert into lots (credit_id, member_id, wallet, opens_day, last_day, remains) values
			(1, 1, 'points', 1, {today}, 30), (2, 2, 'points', 1, {today+31}, 500), (3, 2, 'points', {today+9}, {today+32}, 7), (4, 1, 'points', 1, {today+900}, 1000),
			(5, 1, 'points', 1, null, 11), (6, 1, 'points', 1, {today+3}, 0), (7, 1, 'points', 1, {today-1}, 13), (8, 1, 'tea', 1, {today+3}, 2)`,
			`insert into pools (id, name, kind, spec) values (1, 'gift', 'generated', '{}'), (2, 'all', 'shared', '{}')`,
			`insert into codes (id, pool_id, code, folded, state, member_id, occurrence_id, valid_until) values
			 (1, 1, 'A', 'A', 'issued', 1, 1, {today+31}), (2, 1, 'B', 'B', 'reserved', 2, 1, {today+31}), (3, 1, 'C', 'C', 'redeemed', 3, 1, {today+31}),
			 (4, 1, 'D', 'D', 'issued', 1, 2, null), (5, 1, 'E', 'E', 'issued', 1, 3, {today-1}), (6, 2, 'F', 'F', 'issued', null, null, {today+31})`)
		got := ending()
		if len(got) != 14 || got[0].Month != "2027-03" || got[12].Month != "2028-03" {
			t.Fatalf("months: %+v", got)
		}
		want := []report.EndingMonth{{Month: "2027-03", Points: 30}, {Month: "2027-04", Points: 507, Codes: 2}, {Month: "later", Points: 1000}}
		got = slices.DeleteFunc(got, func(m report.EndingMonth) bool { return m.Points == 0 && m.Codes == 0 })
		if !slices.Equal(got, want) {
			t.Errorf("it ends\n%+v, want\n%+v", got, want)
		}
	})
}
