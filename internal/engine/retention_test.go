package engine_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"regulars/internal/engine"
	"regulars/internal/loyalty"
	"regulars/internal/store"
)

const day = 24 * time.Hour

func (s *shop) hook(id, state string, age time.Duration) {
	s.t.Helper()
	s.do(func(tx *store.Tx) error {
		_, err := tx.Exec("insert into hooks (source, external_id, received_at, state, body) values ('shop', @id, @at, @state, @body)",
			store.Args{"id": id, "state": state, "body": []byte("{}"), "at": loyalty.At(tx.At.Add(-age))})
		return err
	})
}

func (s *shop) job(kind, state string, age time.Duration) {
	s.t.Helper()
	s.do(func(tx *store.Tx) error {
		var finished any
		if state != "queued" {
			finished = loyalty.At(tx.At.Add(-age))
		}
		_, err := tx.Exec(`
			insert into jobs (kind, payload, lane, state, run_at, enqueued_by, enqueued_at, finished_at)
			values (@kind, `+tx.JSONParam("@payload")+`, 'chores', @state, @at, 'anna', @at, @finished)`,
			store.Args{"kind": kind, "payload": "{}", "state": state, "at": loyalty.At(tx.At.Add(-age)), "finished": finished})
		return err
	})
}

// retain runs the pass to its end and returns how much each call did.
func (s *shop) retain() (did []int) {
	s.t.Helper()
	for {
		n, err := s.engine.Run(context.Background(), engine.DataRetain, 0)
		if err != nil {
			s.t.Fatal(err)
		}
		if n == 0 {
			return did
		}
		did = append(did, n)
	}
}

func (s *shop) left() string {
	s.t.Helper()
	var names []string
	s.do(func(tx *store.Tx) error {
		return tx.All(&names, "select external_id as name from hooks union all select kind from jobs order by 1", nil)
	})
	return strings.Join(names, ", ")
}

func TestRetentionThrowsAwayWhatIsOldEnough(t *testing.T) {
	each(t, func(t *testing.T, s *shop) {
		s.hook("hook of 31 days", "stored", 31*day)
		s.hook("hook of 29 days", "stored", 29*day)
		s.hook("parked hook of 31 days", "parked", 31*day)
		s.job("job done 91 days ago", "done", 91*day)
		s.job("job cancelled 91 days ago", "cancelled", 91*day)
		s.job("job failed 89 days ago", "failed", 89*day)
		s.job("job queued 91 days ago", "queued", 91*day)
		s.retain()
		const want = "hook of 29 days, job failed 89 days ago, job queued 91 days ago"
		if got := s.left(); got != want {
			t.Errorf("left: %s\nwant: %s", got, want)
		}
	})
}

func TestUploadsAreForgotten(t *testing.T) {
	each(t, func(t *testing.T, s *shop) {
		s.do(func(tx *store.Tx) error {
			for n, u := range []struct {
				age time.Duration
				job any
			}{{2 * day, nil}, {day / 2, nil}, {8 * day, 1}, {6 * day, 1}, {8 * day, 2}} {
				args := store.Args{"n": n + 1, "job": u.job, "at": loyalty.At(tx.At.Add(-u.age))}
				if _, err := tx.Exec("insert into uploads (id, kind, name, size, by_whom, at, job_id) values (@n, 'members', 'a.csv', 1, 'anna', @at, @job)", args); err != nil {
					return err
				}
				if _, err := tx.Exec("insert into upload_parts (upload_id, what, n, bytes) values (@n, 'file', 0, 'x')", args); err != nil {
					return err
				}
			}
			_, err := tx.Exec("insert into jobs (id, kind, payload, lane, state, run_at, enqueued_by, enqueued_at) values (2, 'import', '{}', 'chores', 'running', @now, 'anna', @now)", store.Args{"now": tx.At})
			return err
		})
		s.retain()
		var left, parts []int64
		s.do(func(tx *store.Tx) error {
			return errors.Join(tx.All(&left, "select id from uploads order by id", nil), tx.All(&parts, "select upload_id from upload_parts order by 1", nil))
		})
		if want := []int64{2, 4, 5}; !slices.Equal(left, want) || !slices.Equal(parts, want) {
			t.Errorf("left are %v with the bytes of %v, want %v", left, parts, want)
		}
	})
}

func TestRetentionIsBoundedAndOnceADay(t *testing.T) {
	each(t, func(t *testing.T, s *shop) {
		s.do(func(tx *store.Tx) error {
			var rows [][]any
			for i := range 1500 {
				rows = append(rows, []any{"shop", fmt.Sprint("x", i), tx.At.Add(-40 * day), "stored"})
			}
			_, err := tx.Bulk("hooks", []string{"source", "external_id", "received_at", "state"}, rows)
			return err
		})
		if did := s.retain(); len(did) != 2 || did[0] != 1000 || did[1] != 500 {
			t.Errorf("1500 old hooks went in pieces of %v, want 1000 and 500", did)
		}
		s.hook("one more", "stored", 31*day)
		if did := s.retain(); len(did) != 0 {
			t.Errorf("a second time on one day it deleted %v, want nothing", did)
		}
		s.clock.Set(s.clock.Now().Add(day))
		if did := s.retain(); len(did) != 1 || did[0] != 1 {
			t.Errorf("the next day it deleted %v, want 1", did)
		}
	})
}

func TestRetentionIsDoneByOneOfMany(t *testing.T) {
	each(t, func(t *testing.T, s *shop) {
		for i := range 20 {
			s.hook(fmt.Sprint("old ", i), "stored", 31*day)
		}
		var mu sync.Mutex
		did := 0
		var replicas sync.WaitGroup
		for range 8 {
			replicas.Go(func() {
				n, err := s.engine.Run(context.Background(), engine.DataRetain, 0)
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				defer mu.Unlock()
				did += n
			})
		}
		replicas.Wait()
		if did != 20 || s.left() != "" {
			t.Errorf("eight at once deleted %d rows and left %q, want 20 and none", did, s.left())
		}
	})
}

func TestWhatNamesPeopleIsNotKeptForEver(t *testing.T) {
	each(t, func(t *testing.T, s *shop) {
		s.do(func(tx *store.Tx) error {
			for i, age := range []time.Duration{4 * 365 * day, 31 * day, day} {
				args := store.Args{"n": i + 1, "at": loyalty.At(tx.At.Add(-age))}
				if _, err := tx.Exec(`insert into consents (member_id, topic, granted, at, source, ip, recorded_at) values (@n, 'offers', true, @at, 'page', '192.0.2.1', @at)`, args); err != nil {
					return err
				}
				if _, err := tx.Exec(`
					insert into sends (day, occurrence_id, step, member_id, campaign_id, version_id, class, topic, state, queued_at, smtp_text)
					values (1, @n, 'a', @n, 1, 1, 'offer', 'offers', 'failed', @at, '<ana@example.test> is nobody')`, args); err != nil {
					return err
				}
			}
			return nil
		})
		s.retain()
		var left []string
		s.do(func(tx *store.Tx) error {
			return tx.All(&left, "select 'ip ' || member_id as v from consents where ip <> '' union all select 'text ' || member_id from sends where smtp_text <> '' order by 1", nil)
		})
		if got, want := strings.Join(left, ", "), "ip 2, ip 3, text 3"; got != want {
			t.Errorf("kept: %s, want %s", got, want)
		}
	})
}

func TestRetentionThrowsAwayWhatWaitsForAnOrderThatNeverComes(t *testing.T) {
	each(t, func(t *testing.T, s *shop) {
		s.do(func(tx *store.Tx) error {
			for id, age := range map[string]time.Duration{"e91": 91 * day, "e89": 89 * day} {
				_, err := tx.Exec("insert into early_events (source, external_id, order_id, at, received_at, event) values ('shop', @id, 'O-1', @at, @at, "+tx.JSONParam("@event")+")",
					store.Args{"id": id, "at": loyalty.At(tx.At.Add(-age)), "event": "{}"})
				if err != nil {
					return err
				}
			}
			return nil
		})
		s.retain()
		var left []string
		s.do(func(tx *store.Tx) error { return tx.All(&left, "select external_id from early_events", nil) })
		if got := strings.Join(left, ", "); got != "e89" {
			t.Errorf("left: %s, want e89", got)
		}
	})
}
