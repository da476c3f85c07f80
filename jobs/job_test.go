package jobs_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"regulars/internal/patiently"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
	"regulars/jobs"
)

func TestEachKindOfJob(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := open(t, db)
		s.join(3)
		file := filepath.Join(s.rooms.ImportDir, "people.csv")
		if err := os.WriteFile(file, []byte("member,email\nx-1,x1@example.test\nx-2,x2@example.test\n,not an address\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		for name, content := range map[string]string{"header.csv": "member,email\n", "refused.csv": "member,email\n,nobody\n"} {
			if err := os.WriteFile(filepath.Join(s.rooms.ImportDir, name), []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		outside := filepath.Join(t.TempDir(), "secret.csv")
		err := errors.Join(os.WriteFile(outside, []byte("member\nx-9\n"), 0o600), os.Symlink(outside, filepath.Join(s.rooms.ImportDir, "link.csv")), os.Mkdir(filepath.Join(s.rooms.ImportDir, "folder.csv"), 0o700))
		if err != nil {
			t.Fatal(err)
		}
		hints := s.work(inProcess(t)).hints
		s.mails(3) // the welcomes
		for _, tt := range []struct {
			name    string
			order   jobs.Order
			state   string
			outcome string
		}{
			{"a launch", jobs.Order{Kind: "launch", Values: values{"campaign": "letter", "headline": "Hi"}}, "done", "run 1: 3 to be mailed"},
			{"the same launch on the same day", jobs.Order{Kind: "launch", Values: values{"campaign": "letter", "headline": "Hi"}}, "done", "nothing more to do: it was launched with the same values today already"},
			{"the same launch with a key", jobs.Order{Kind: "launch", Values: values{"campaign": "letter", "headline": "Hi"}, Key: "once more"}, "done", "run 2: 3 to be mailed"},
			{"a launch of few mails", jobs.Order{Kind: "launch", Values: values{"campaign": "letter", "headline": "Few", "limit": "2"}}, "done", "run 3: 2 to be mailed"},
			{"a launch without its value", jobs.Order{Kind: "launch", Values: values{"campaign": "letter"}}, "refused", "letter needs a value for headline"},
			{"a launch of nothing", jobs.Order{Kind: "launch", Values: values{"campaign": "lettre"}}, "refused", `there is no campaign "lettre"; did you mean "letter"?`},
			{"a launch of what starts by itself", jobs.Order{Kind: "launch", Values: values{"campaign": "welcome"}}, "refused", "welcome starts by itself"},
			{"a drop", jobs.Order{Kind: "drop", Values: values{"campaign": "drop"}}, "done", "run 4: 3 to be mailed"},
			{"a drop without codes", jobs.Order{Kind: "drop", Values: values{"campaign": "letter", "headline": "Hi"}}, "refused", "letter hands out no codes: it is no drop"},
			{"a segment", jobs.Order{Kind: "refresh", Values: values{"segment": "buyers"}}, "done", "0 entered, 0 left"},
			{"all segments", jobs.Order{Kind: "refresh"}, "done", "0 entered, 0 left"},
			{"a segment that is not there", jobs.Order{Kind: "refresh", Values: values{"segment": "sellers"}}, "refused", `there is no segment "sellers"; there are buyers`},
			{"codes", jobs.Order{Kind: "generate", Values: values{"pool": "gift", "count": "50"}}, "done", "50 codes made"},
			{"the same codes", jobs.Order{Kind: "generate", Values: values{"pool": "gift", "count": "60"}}, "done", "10 codes made"},
			{"codes for no pool", jobs.Order{Kind: "generate", Values: values{"pool": "gifts", "count": "50"}}, "refused", "gifts"},
			{"a test mail", jobs.Order{Kind: "test", Values: values{"campaign": "letter", "to": "anna@shop.example", "as": "m-1@example.test"}}, "done", "sent"},
			{"a report", jobs.Order{Kind: "count", Values: values{"report": "orders"}}, "done", "counted"},
			{"a month", jobs.Order{Kind: "count", Values: values{"report": "month", "at": "2027-02-14"}}, "done", "counted"},
			{"a report that names members", jobs.Order{Kind: "count", Values: values{"report": "top"}}, "refused", "the name of a report that names no members"},
			{"a file", jobs.Order{Kind: "import", Values: values{"what": "members", "file": "people.csv"}}, "done", "3 read, 2 new, 0 updated, 0 unchanged, 1 refused"},
			{"the same file", jobs.Order{Kind: "import", Values: values{"what": "members", "file": "people.csv"}}, "done", "3 read, 0 new, 0 updated, 2 unchanged, 1 refused"},
			{"a file that is not there", jobs.Order{Kind: "import", Values: values{"what": "members", "file": "others.csv"}}, "failed", "others.csv is not in the import folder"},
			{"a file out of the folder", jobs.Order{Kind: "import", Values: values{"what": "members", "file": "link.csv"}}, "failed", "link.csv is not in the import folder"},
			{"a folder", jobs.Order{Kind: "import", Values: values{"what": "members", "file": "folder.csv"}}, "failed", "folder.csv is not a file"},
			{"a header", jobs.Order{Kind: "import", Values: values{"what": "members", "file": "header.csv"}}, "failed", "there is no row in it under the header"},
			{"a file that is refused", jobs.Order{Kind: "import", Values: values{"what": "members", "file": "refused.csv"}}, "failed", "every one of its 1 rows was refused"},
			{"consent without its proof", jobs.Order{Kind: "import", Values: values{"what": "members", "file": "people.csv", "consent": "offers"}}, "failed", "consent needs consent-source and consent-at"},
		} {
			if tt.state == "refused" {
				if err := s.refused(tt.order); err == nil || !strings.Contains(err.Error(), tt.outcome) {
					t.Errorf("%s: enqueued with %v, want %q", tt.name, err, tt.outcome)
				}
				continue
			}
			id := s.enqueue(tt.order)
			hints.Job(id, tt.order.Kind)
			patiently.Until(t, tt.name, func() bool { return !s.show(id).FinishedAt.IsZero() })
			row := s.show(id)
			if row.State != tt.state || !strings.Contains(row.Outcome, tt.outcome) || row.Attempts != 1 || strings.Contains(row.Payload, "m-1@") {
				t.Errorf("%s: %s after %d tries, %q, want %s after 1, %q", tt.name, row.State, row.Attempts, row.Outcome, tt.state, tt.outcome)
			}
		}
		if tests := s.sink.ByRecipient("anna@shop.example"); len(tests) != 1 || tests[0].Subject != "[Test] Letter" {
			t.Errorf("test mails: %+v, want one [Test] Letter", tests)
		}
		s.mails(3 + 3 + 3 + 2 + 3 + 1)
	})
}

// refused enqueues what is to be refused right away, and returns the refusal.
func (s *shop) refused(o jobs.Order) error {
	err := s.db.Update(context.Background(), func(tx *store.Tx) error { _, _, err := jobs.Enqueue(tx, o); return err })
	var wrong *jobs.OrderError
	if err != nil && !errors.As(err, &wrong) {
		s.t.Errorf("Enqueue(%+v) = %v, want an *OrderError", o, err)
	}
	return err
}

// A worker that dies after a launch and before its record leaves the job to the
// next one, which may come the next day.
func TestALaunchJobStartsNothingTwice(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := open(t, db)
		s.join(2)
		s.work(nowhere)
		s.mails(2)
		for _, order := range []jobs.Order{
			{Kind: "launch", Values: values{"campaign": "letter", "headline": "Hi"}},
			{Kind: "launch", Values: values{"campaign": "letter", "headline": "Hi"}, Key: "keyed"},
		} {
			id := s.enqueue(order)
			s.ended(id, "done")
			runs := s.counted("select 'runs' as what, count(*) as n from runs")
			s.jumped.Add(int64(24 * time.Hour))
			s.do(func(tx *store.Tx) error {
				_, err := tx.Exec("update jobs set state = 'running', finished_at = null, lease_until = "+tx.MachineIn(-time.Second)+" where id = @id", store.Args{"id": id})
				return err
			})
			row := s.ended(id, "done")
			if now := s.counted("select 'runs' as what, count(*) as n from runs"); now != runs || row.Fence != 2 {
				t.Errorf("a launch (key %q) that was taken up again: %s, %q, want %s as before", order.Key, now, row.Outcome, runs)
			}
		}
	})
}

func TestJobsAreDoneOnceByManyWorkers(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := open(t, db)
		const n = 40
		for i := range n {
			s.enqueue(jobs.Order{Kind: "generate", Values: values{"pool": "gift", "count": fmt.Sprint(i + 1)}})
		}
		for range 4 {
			s.work(nowhere)
		}
		patiently.Until(t, "all jobs", func() bool {
			return s.counted("select state as what, count(*) as n from jobs group by state") == "40 done"
		})
		if got := s.counted("select 'with fence ' || fence as what, count(*) as n from jobs group by fence"); got != "40 with fence 1" {
			t.Errorf("jobs: %s, want each claimed once", got)
		}
	})
}

func TestJobsOfWorkersThatFellSilent(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := open(t, db)
		over, held, tried := s.enqueue(jobs.Order{Kind: "refresh"}), s.enqueue(jobs.Order{Kind: "refresh"}), s.enqueue(jobs.Order{Kind: "refresh"})
		s.do(func(tx *store.Tx) error {
			for id, set := range map[int64]string{
				over:  "attempts = 1, lease_until = " + tx.MachineIn(-time.Second),
				held:  "attempts = 1, lease_until = " + tx.MachineIn(time.Hour),
				tried: "attempts = 2, fell_silent = 1, lease_until = " + tx.MachineIn(-time.Second),
			} {
				if _, err := tx.Exec("update jobs set state = 'running', fence = 7, "+set+" where id = @id", store.Args{"id": id}); err != nil {
					return err
				}
			}
			return nil
		})
		s.work(nowhere)
		if row := s.ended(over, "done"); row.Attempts != 2 || row.Fence != 8 {
			t.Errorf("a job whose lease is over: %+v, want it taken again", row)
		}
		if row := s.ended(tried, "failed"); !strings.Contains(row.Outcome, "it is set aside: 2 workers that had it fell silent") {
			t.Errorf("a job that killed two workers: %+v, want it set aside", row)
		}
		s.do(func(tx *store.Tx) error { return jobs.Retry(tx, tried) })
		if row := s.ended(tried, "done"); row.FellSilent != 0 {
			t.Errorf("queued again by a person: %+v, want its count begun anew", row)
		}
		if row := s.show(held); row.State != "running" || row.Fence != 7 {
			t.Errorf("a job that somebody has: %+v, want it left alone", row)
		}
	})
}

func TestJobsAreTriedAgainAndThenGivenUp(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := open(t, db)
		id := s.enqueue(jobs.Order{Kind: "generate", Values: values{"pool": "gift", "count": "5"}})
		rename := func(from, to string) {
			s.do(func(tx *store.Tx) error { _, err := tx.Exec("alter table "+from+" rename to "+to, nil); return err })
		}
		rename("codes", "gone") // what the database reports may pass
		var begun int64
		s.read(func(tx *store.Tx) error { return tx.One(&begun, "select "+tx.Micros(tx.Machine()), nil) })
		s.work(nowhere)
		var tried struct {
			State, Outcome string
			Attempts       int64 // one, unless we come late
			Again, Now     int64 // microseconds
		}
		patiently.Until(t, "the first try", func() bool {
			s.read(func(tx *store.Tx) error {
				return tx.One(&tried, "select state, outcome, attempts, coalesce("+tx.Micros("retry_at")+", 0) as again, "+tx.Micros(tx.Machine())+" as now from jobs", nil)
			})
			return tried.State == "queued" && tried.Outcome != ""
		})
		pause := tried.Attempts * tried.Attempts * 10_000_000
		if !strings.Contains(tried.Outcome, "codes") || tried.Again < begun+pause || tried.Again > tried.Now+pause {
			t.Errorf("after a failure that may pass: %+v, begun at %d, want it queued for 10 s after its first try, for more after a second", tried, begun)
		}
		s.do(func(tx *store.Tx) error {
			_, err := tx.Exec("update jobs set attempts = 4, retry_at = null", nil)
			return err
		})
		if row := s.ended(id, "failed"); row.Attempts != 5 || !strings.Contains(row.Outcome, "codes") {
			t.Errorf("after the fifth try: %+v, want it failed, with the reason", row)
		}
		rename("gone", "codes")
		s.do(func(tx *store.Tx) error { return jobs.Retry(tx, id) })
		if row := s.ended(id, "done"); row.Attempts != 1 || row.Outcome != "5 codes made" {
			t.Errorf("after a person's retry: %+v, want it done at the first try", row)
		}
	})
}

// On Postgres alone a job can be made to wait in its middle.
func TestAStopPutsAJobBack(t *testing.T) {
	t.Parallel()
	s := open(t, storetest.Postgres(t))
	locked, release := make(chan struct{}), make(chan struct{})
	var holder sync.WaitGroup
	holder.Go(func() {
		_ = s.db.Update(context.Background(), func(tx *store.Tx) error {
			_, err := tx.Exec("lock table codes", nil)
			close(locked)
			<-release
			return err
		})
	})
	<-locked
	id := s.enqueue(jobs.Order{Kind: "generate", Values: values{"pool": "gift", "count": "5"}})
	w := s.work(nowhere)
	s.ended(id, "running")
	w.stop()
	was := s.show(id)
	if was.State != "queued" || was.Outcome != "interrupted" || was.Attempts != 0 {
		t.Errorf("a job in whose middle the worker stopped: %+v, want it queued, and that it counts as no try", was)
	}
	close(release)
	holder.Wait()
	s.work(nowhere)
	if row := s.ended(id, "done"); row.Attempts != 1 || row.Fence != was.Fence+1 {
		t.Errorf("then: %+v, want it done by the next worker", row)
	}
}

func TestJobsOfANewerVersionAreLeftToIt(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := open(t, db)
		id := s.enqueue(jobs.Order{Kind: "refresh"})
		s.do(func(tx *store.Tx) error { _, err := tx.Exec("update jobs set kind = 'refresh_v2'", nil); return err })
		s.work(nowhere)
		s.ended(s.enqueue(jobs.Order{Kind: "refresh"}), "done")
		if row := s.show(id); row.State != "queued" || row.Fence != 0 {
			t.Errorf("a job of a kind that this version does not know: %+v, want it left alone", row)
		}
		s.jumped.Add(int64(25 * time.Hour))
		if row := s.ended(id, "failed"); row.Outcome != `this version knows no job "refresh_v2"` {
			t.Errorf("a day later: %+v, want it failed, with the reason", row)
		}
	})
}
