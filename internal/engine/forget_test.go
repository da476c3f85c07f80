package engine_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"regulars/internal/apply"
	"regulars/internal/loyalty"
	"regulars/internal/report"
	"regulars/internal/store"
)

// ledger lists the mails by step and state.
func (s *shop) ledger() string {
	s.t.Helper()
	return s.list("select step || ' ' || state || ' ' || count(*) from sends group by step, state order by step, state")
}

// list joins the rows of a question for one text.
func (s *shop) list(query string) string {
	s.t.Helper()
	var rows []string
	s.do(func(tx *store.Tx) error { return tx.All(&rows, query, nil) })
	return strings.Join(rows, ", ")
}

func (s *shop) results() string {
	s.t.Helper()
	var text []string
	s.do(func(tx *store.Tx) error {
		list, err := report.Results(tx, "", 0)
		for _, r := range list {
			text = append(text, fmt.Sprintf("%s %d sent %d skipped", r.Campaign, r.Sent, r.Skipped))
		}
		return err
	})
	return strings.Join(text, ", ")
}

func (s *shop) healthy() {
	s.t.Helper()
	zone := s.wall("2027-01-01 00:00").Location()
	for _, check := range (report.Doctor{Today: loyalty.DayOf(s.clock.Now(), zone)}).Examine(context.Background(), s.db) {
		if check.Error != "" || len(check.Findings) > 0 {
			s.t.Errorf("the doctor: %+v", check)
		}
	}
}

// What is older than 25 months is deleted, and everything that was promised holds on: a
// milestone is reached once for life, a campaign of again: never comes once, a flow goes
// on, what nobody knows waits for a person. What was counted stays.
func TestSendsAreForgottenAndPromisesAreNot(t *testing.T) {
	each(t, func(t *testing.T, s *shop) {
		s.join("ana")
		s.join("ben")
		s.order("ana")
		s.settle()
		for _, name := range []string{"drop", "once", "twice"} {
			s.launch(name)
		}
		s.settle()
		s.do(func(tx *store.Tx) error {
			_, err := tx.Exec("insert into touches (send_id, member_id, campaign_id, kind, at, day, person) select id, member_id, campaign_id, 'click', @now, day, true from sends", store.Args{"now": tx.At})
			if err == nil {
				_, err = tx.Exec("update codes set state = case when member_id = (select id from members where external_id = 'ana') then 'void' else state end, valid_until = null", nil)
			}
			if err == nil {
				_, err = tx.Exec("update sends set state = 'unknown' where step = '1-half-year' and member_id = (select id from members where external_id = 'ben')", nil)
			}
			return err
		})
		const all = "1-gift sent 2, 1-half-year sent 1, 1-half-year unknown 1, 1-now sent 2, 1-only sent 2, 1-thanks sent 1"
		s.clock.Set(s.wall("2029-04-03 12:00")) // 25 months and no day
		s.settle()
		if got := s.ledger(); got != all {
			t.Fatalf("after 25 months to the day the ledger holds %s, want all: %s", got, all)
		}
		before := s.results()
		s.clock.Set(s.wall("2029-04-04 12:00"))
		s.settle()
		// Ben's gift is still good, Ana's is void; both go on after 1-now.
		if got, want := s.ledger(), "1-gift sent 1, 1-half-year unknown 1, 1-now sent 2, 1-only sent 2"; got != want {
			t.Errorf("a day later the ledger holds %s, want %s", got, want)
		}
		if got, want := s.list("select s.step || ' ' || count(*) from touches t left join sends s on s.id = t.send_id group by s.step order by s.step"), "1-gift 1, 1-half-year 1, 1-now 2, 1-only 2"; got != want {
			t.Errorf("clicks of %s, want %s", got, want)
		}
		if got, want := s.list("select step || ' ' || count(*) from touched group by step order by step"), "1-gift 1, 1-half-year 1, 1-now 2, 1-only 2"; got != want {
			t.Errorf("noted as clicked: %s, want %s", got, want)
		}
		if got := s.results(); got != before || !strings.Contains(got, "fifth 1 sent") {
			t.Errorf("counted: %s, want as before: %s", got, before)
		}
		s.healthy()

		sent := s.sink.Count()
		s.tell(loyalty.OrderCancelled, "ana", func(e *loyalty.Event) { e.Order = &loyalty.Order{ID: "o-3", Status: loyalty.Cancelled} })
		s.order("ana")
		s.settle()
		s.launch("once")
		s.settle()
		if n := s.sink.Count() - sent; n != 0 {
			t.Errorf("%d mails went to those who have had them: a milestone is reached once, again: never is once", n)
		}
		s.launch("twice") // Ben's is unknown, which counts as had for half a year only
		s.settle()
		if n := s.sink.Count() - sent; n != 2 {
			t.Errorf("%d mails of a campaign of again: 180d went out, want 2", n)
		}
		s.clock.Set(s.wall("2029-10-01 12:00"))
		s.settle()
		if got := s.list("select step || ' ' || count(*) from sends where step = '2-at-last' and state = 'sent' group by step"); got != "2-at-last 2" {
			t.Errorf("after 900 days: %q, want the flow's second mail to both", got)
		}
		s.clock.Set(s.wall("2029-11-01 12:00"))
		s.settle()
		if got := s.ledger(); strings.Contains(got, "1-now") {
			t.Errorf("the flow is over and its first mails are still there: %s", got)
		}
		s.healthy()
	}, "fifth", "drop", "once", "twice", "patient")
}

func TestSendsAreKeptForAsLongAsTheProgramSays(t *testing.T) {
	each(t, func(t *testing.T, s *shop) {
		put := func(keep string) {
			all := files("welcome")
			all["program.yaml"] += keep
			s.do(func(tx *store.Tx) error { _, err := apply.Apply(tx, all, "anna", ""); return err })
		}
		put("keep: {sends: always}\n")
		s.do(func(tx *store.Tx) error {
			var rows [][]any
			for i := range 1200 {
				rows = append(rows, []any{int64(10_000), int64(900 + i), "old", int64(1), int64(1), int64(1), "offer", "offers", "sent", tx.At.Add(-4000 * day), tx.At.Add(-4000 * day)})
			}
			_, err := tx.Bulk("sends", []string{"day", "occurrence_id", "step", "member_id", "campaign_id", "version_id", "class", "topic", "state", "queued_at", "done_at"}, rows)
			return err
		})
		s.settle()
		if got := s.ledger(); got != "old sent 1200" {
			t.Errorf("kept always: %s, want all", got)
		}
		put("keep: {sends: 3m}\n")
		s.clock.Set(s.clock.Now().Add(day))
		s.settle()
		if got := s.ledger(); got != "" {
			t.Errorf("kept 3 months: %s, want none", got)
		}
		if n := s.number("select sum(n) from counted where step = 'old' and state = 'sent'", nil); n != 1200 {
			t.Errorf("%d are counted, want 1200 for ever", n)
		}
	})
}
