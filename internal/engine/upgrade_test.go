package engine_test

import (
	"context"
	"testing"
	"time"

	"regulars/internal/engine"
	"regulars/internal/loyalty"
	"regulars/internal/report"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
)

// testdata/schema6 is the demo's shop with 60 customers as the version before
// happenings (schema 6) left it: a run of 60 has just begun, single mails are queued,
// passages wait. It migrates, and everything goes on.
func TestADatabaseOfTheFirstDrawingGoesOn(t *testing.T) {
	t.Parallel()
	storetest.EachKept(t, "testdata/schema6", func(t *testing.T, db *store.DB) {
		if err := db.Migrate(context.Background()); err != nil {
			t.Fatal(err)
		}
		s := &shop{t: t, clock: engine.NewClock(time.Date(2027, 3, 11, 6, 2, 0, 0, time.UTC))}
		s.db = db.Clock(s.clock.Now)
		s.door = s.newDoor()
		s.sender = s.newDesk()
		s.engine = engine.New(s.db, s.sender)
		queued := s.number("select count(*) from sends where state = 'queued'", nil)
		before := s.number("select count(*) from sends where state = 'sent'", nil)
		if queued != 54 || before != 130 {
			t.Fatalf("%d queued, %d sent: not the database that was kept", queued, before)
		}
		s.settle()
		if got := s.sink.Count(); got < 30 {
			t.Errorf("%d mails of the 54 that were queued went out at once", got)
		}
		s.join("new")
		s.order("new")
		s.advance("2027-03-25 12:00")
		if n := s.number("select count(*) from runs where state = 'finished' and id = 3", nil); n != 1 {
			t.Error("the run that was under way is not finished")
		}
		if n := s.number("select count(*) from sends where version_id = 2 and state not in ('sent', 'skipped') and queued_at <= @then", store.Args{"then": loyalty.At(s.clock.Now().AddDate(0, 0, -13))}); n != 0 {
			t.Errorf("%d mails that were queued before are neither sent nor skipped", n)
		}
		if n := s.number("select count(*) from sends where state = 'sent' and member_id = (select id from members where external_id = 'new')", nil); n == 0 {
			t.Error("who joins now gets no welcome")
		}
		if n := s.number("select count(*) from passages where state = 'ready' and wake_at < @then", store.Args{"then": loyalty.At(s.clock.Now().Add(-time.Hour))}); n != 0 {
			t.Errorf("%d passages are overdue", n)
		}
		if twice := s.sink.Twice(); len(twice) > 0 {
			t.Errorf("came twice: %v", twice)
		}
		for _, check := range (report.Doctor{Today: loyalty.DayOf(s.clock.Now(), time.UTC)}).Examine(context.Background(), s.db) {
			if check.Error != "" || len(check.Findings) > 0 {
				t.Errorf("the doctor: %+v", check)
			}
		}
	})
}
