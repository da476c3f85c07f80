package points_test

import (
	"fmt"
	"testing"

	"regulars/internal/intake"
	"regulars/internal/loyalty"
	"regulars/internal/shoptest"
	"regulars/internal/store"
)

// What happened before there were points here is told on its own day, in whatever order it
// comes: it is earned on the day of its order, is moved by what was done until it ended, and
// ends on its day. What comes from then on is booked on the day on which it comes.
func TestHistoryIsToldOnItsOwnDays(t *testing.T) {
	t.Parallel()
	keeps := shoptest.Program{Zone: "UTC", Extra: map[string]string{"loyalty.yaml": "points: {since: 2026-01-01, earn: [1 per 1.00], expire: {unused: 2m}}\n"}}
	booked := func(s shop, member int64) string {
		s.T.Helper()
		var rows []struct {
			Kind   string
			Day    loyalty.Day
			Amount int64
		}
		s.All(&rows, "select kind, day, amount from entries where member_id = @member order by day, id", store.Args{"member": member})
		text := ""
		for _, r := range rows {
			text += r.Kind + " " + r.Day.String() + " " + fmt.Sprintf("%+d", r.Amount) + "; "
		}
		return text
	}
	const want = "earn 2026-01-10 +100; earn 2026-03-05 +50; expire 2026-05-06 -100; expire 2026-05-06 -50; earn 2026-06-01 +70; expire 2026-08-02 -70; "
	bought := map[string]int64{"2026-01-10": 10000, "2026-03-05": 5000, "2026-06-01": 7000}
	buy := func(s shop, member int64, days ...string) {
		for _, day := range days {
			s.order(loyalty.OrderPlaced, member, day+s.T.Name(), func(e *loyalty.Event) {
				on, err := loyalty.ParseDay(day)
				if err != nil {
					s.T.Fatal(err)
				}
				e.At = loyalty.At(on.UTC())
				total(bought[day])(e)
			})
		}
	}
	t.Run("after the program", func(t *testing.T) {
		shoptest.Each(t, keeps, func(t *testing.T, plain *shoptest.Shop) {
			s := shop{plain}
			m := s.Join(1)
			buy(s, m[0], "2026-06-01", "2026-01-10", "2026-03-05")
			if err := intake.EndAll(t.Context(), s.DB); err != nil {
				t.Fatal(err)
			}
			s.Want("what was booked", booked(s, m[0]), want)
			s.order(loyalty.OrderRefunded, m[0], "2026-06-01"+t.Name(), given(1000))
			s.order(loyalty.OrderPlaced, m[0], "today", total(900))
			today := loyalty.DayOf(s.Now, s.Now.Location()).String()
			s.Want("what came today", booked(s, m[0])[len(want):], "takeback "+today+" -10; adjust "+today+" +10; earn "+today+" +9; ")
			s.doctor(t)
		})
	})
	t.Run("before it", func(t *testing.T) {
		shoptest.Each(t, shoptest.Program{Zone: "UTC"}, func(t *testing.T, plain *shoptest.Shop) {
			s := shop{plain}
			m := s.Join(1)
			buy(s, m[0], "2026-06-01", "2026-01-10", "2026-03-05")
			s.Work()
			s.Apply(keeps)
			s.Do(func(tx *store.Tx) error {
				some, since, err := intake.Unbooked(tx)
				if !some || since != loyalty.Date(2026, 1, 1) {
					t.Errorf("Unbooked = %v since %s, want some since 2026-01-01", some, since)
				}
				return err
			})
			if err := shoptest.Until(s.DB, intake.BookPast); err != nil { // on the same day, whose night is over
				t.Fatal(err)
			}
			s.Want("what was booked", booked(s, m[0]), want)
			s.doctor(t)
		})
	})
}
