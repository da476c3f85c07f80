package jobs_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"regulars/internal/loyalty"
	"regulars/internal/marketing"
	"regulars/internal/rehearsal"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
	"regulars/jobs"
)

// change begins a change of the program that adds a campaign.
func (s *shop) change() (id int64) {
	s.t.Helper()
	m := marketing.New(s.db).As("console: anna")
	id, err := m.Begin(context.Background(), "spring")
	for name, text := range map[string]string{
		"campaigns/spring/campaign.yaml": "live: false\nstart: {at: " + (loyalty.DayOf(storetest.Start, storetest.Start.Location()) + 3).String() + " 10:00}\ntopic: offers\nsteps:\n  - mail: gift\n    coupon: gift\n",
		"campaigns/spring/gift.en.md":    "---\nsubject: Gift\n---\n{{ coupon.code }}\n",
	} {
		if err == nil {
			err = m.WriteFile(context.Background(), id, name, &text)
		}
	}
	if err != nil {
		s.t.Fatal(err)
	}
	return id
}

// rehearse has a change rehearsed and returns the job.
func (s *shop) rehearse(change int64, against bool) (row jobs.Row) {
	s.t.Helper()
	s.do(func(tx *store.Tx) error {
		day := loyalty.DayOf(storetest.Start, storetest.Start.Location())
		if err := jobs.Rehearse(tx, change, day-2, day+8, false, against, "anna"); err != nil {
			return err
		}
		var err error
		row, err = jobs.Rehearsing(tx, change)
		return err
	})
	return row
}

// kept is what was kept of the rehearsal of a change.
func (s *shop) kept(change int64) (k rehearsal.Kept, err error) {
	err = s.db.View(context.Background(), func(tx *store.Tx) (err error) { k, err = rehearsal.LastOf(tx, change); return err })
	return k, err
}

func TestAChangeIsRehearsedByAWorker(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := open(t, db)
		s.join(3)
		change := s.change()
		row := s.rehearse(change, true)
		if again := s.rehearse(change, true); again.ID != row.ID {
			t.Errorf("a second job %d rehearses what job %d does", again.ID, row.ID)
		}
		s.work(nowhere)
		s.mails(3) // the welcomes: what is live goes on
		if row = s.ended(row.ID, "done"); !strings.HasPrefix(row.Outcome, "9 mails from ") {
			t.Errorf("outcome %q, want 9 mails", row.Outcome)
		}
		s.allSent(3)
		kept, err := s.kept(change)
		if err != nil {
			t.Fatal(err)
		}
		o := kept.Outcome
		if w := o.Campaigns["welcome"]; w.ByMail["hello"] != 3 || w.ByMail["later"] != 3 {
			t.Errorf("welcome: %+v", w)
		}
		if c := o.Campaigns["spring"]; c.Mails != 3 || c.Codes != 3 || o.Pools["gift"].Codes != 3 || o.Against == nil || o.Against.Mails() != 6 || o.Members != 3 || o.Played != 0 {
			t.Errorf("spring: %+v of %+v", c, o)
		}
		if codes := s.counted("select 'codes' as what, count(*) as n from codes"); codes != "0 codes" {
			t.Errorf("the shop has %s by now", codes)
		}
		if progress, told := row.Progress(); !told || progress.Total < 2 {
			t.Errorf("it told of %+v", progress)
		}
	})
}

func TestARehearsalIsCancelledAndMayBeRefused(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := open(t, db)
		s.join(2)
		change := s.change()
		row := s.rehearse(change, false)
		s.do(func(tx *store.Tx) error { // it is cancelled while a worker has it
			if _, err := tx.Exec("update jobs set state = 'running', lease_until = "+tx.MachineIn(-1)+" where id = @id", store.Args{"id": row.ID}); err != nil {
				return err
			}
			return jobs.Cancel(tx, row.ID)
		})
		s.work(nowhere)
		s.ended(row.ID, "cancelled")
		if _, err := s.kept(change); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("what was cancelled is kept: %v", err)
		}
		bad := "live: maybe\n"
		if err := marketing.New(s.db).As("console: anna").WriteFile(context.Background(), change, "campaigns/spring/campaign.yaml", &bad); err != nil {
			t.Fatal(err)
		}
		row = s.ended(s.rehearse(change, false).ID, "failed")
		if !strings.Contains(row.Outcome, "campaigns/spring/campaign.yaml") || row.Attempts != 1 {
			t.Errorf("a program that cannot be read: %q after %d tries", row.Outcome, row.Attempts)
		}
		for _, v := range []values{
			{"change": "1", "from": "2027-03-01", "to": "2027-02-01"},
			{"change": "1", "from": "2026-03-01", "to": "2027-02-01"},
			{"change": "one", "from": "2027-03-01", "to": "2027-03-31"},
			{"change": "1", "from": "march", "to": "2027-03-31"},
		} {
			if err := s.refused(jobs.Order{Kind: "rehearse", Values: v}); err == nil {
				t.Errorf("%v was enqueued", v)
			}
		}
	})
}
