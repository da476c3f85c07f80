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

// What an entry is for is said in words, whatever the ledger calls it.
func TestAnEntrySaysWhatItIsFor(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		of   points.Origin
		want string
	}{
		{points.Origin{Kind: "earn", Cause: "order:7:1", Order: "O-7"}, "order O-7"},
		{points.Origin{Kind: "takeback", Cause: "order:7:2", Order: "O-7"}, "order O-7 has earned less: it was changed or given back"},
		{points.Origin{Kind: "bonus", Cause: "referral:3", Friend: "M-9"}, "brought M-9"},
		{points.Origin{Kind: "takeback", Cause: "referral:3:back", Friend: "M-9"}, "what M-9 ordered first was given back"},
		{points.Origin{Kind: "bonus", Cause: "joined"}, "joined"},
		{points.Origin{Kind: "bonus", Cause: "joined:1"}, "joined"},
		{points.Origin{Kind: "bonus", Cause: "birthday:2026"}, "birthday"},
		{points.Origin{Kind: "bonus", Cause: "event:4", Event: "review.written"}, "event review.written"},
		{points.Origin{Kind: "adjust", Cause: "key:till:9", Reason: "a gift"}, "a gift"},
	} {
		if got := tt.of.Why(); got != tt.want {
			t.Errorf("%+v is for %q, want %q", tt.of, got, tt.want)
		}
	}
}
