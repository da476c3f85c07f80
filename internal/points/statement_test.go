package points_test

import (
	"testing"
	"time"

	"regulars/internal/loyalty"
	"regulars/internal/points"
	"regulars/internal/program"
	"regulars/internal/store"
)

// However much a member has, as much is read as is asked for, and the sums are of all.
func TestAStatementIsAsLongAsAskedFor(t *testing.T) {
	each(t, program.Points{Earn: onePer(100), Pending: 1}, func(t *testing.T, s shop) {
		m := s.Join(2)
		today := loyalty.DayOf(s.Now, time.UTC)
		for i := range 6 {
			s.hand(t, points.Hand{Member: m[0], N: 10, Because: "a gift", LastDay: today + loyalty.Day(60-i)})
		}
		s.hand(t, points.Hand{Member: m[1], N: 7, Because: "somebody else's, and newer"})
		s.order(loyalty.OrderPlaced, m[0], "a", total(500))
		s.hand(t, points.Hand{Member: m[0], N: -15, Because: "taken"})
		var got points.Statement
		s.Do(func(tx *store.Tx) (err error) { got, err = points.StatementOf(tx, m[0], 2); return err })
		if got.Balance != 45 || got.Pending != 5 || got.OfEntries != 8 || got.OfLots != 6 || len(got.Entries) != 2 || len(got.Lots) != 2 {
			t.Errorf("%+v, want a balance of 45, 5 pending, 2 of 8 entries and 2 of 6 lots", got)
		}
		if got.Entries[0].Amount != -15 || got.Entries[1].Amount != 5 || *got.Lots[0].Last != today+56 || got.Lots[0].Remains != 5 {
			t.Errorf("the newest entries and the lots that end soonest are %+v, %+v", got.Entries, got.Lots)
		}
	})
}
