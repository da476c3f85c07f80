package jobs_test

import (
	"context"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hibiken/asynq"

	"regulars/internal/embedded"
	"regulars/internal/patiently"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
	"regulars/jobs"
)

// onEach runs a test on SQLite with the Redis in this process and on Postgres
// with a real one.
func onEach(t *testing.T, f func(t *testing.T, s *shop, redis string)) {
	t.Parallel()
	t.Run("embedded", func(t *testing.T) {
		t.Parallel()
		f(t, open(t, storetest.SQLite(t)), inProcess(t))
	})
	t.Run("production", func(t *testing.T) {
		t.Parallel()
		f(t, open(t, storetest.Postgres(t)), given(t))
	})
}

// processed is how many tasks of a queue asynq has done.
func processed(t *testing.T, r jobs.Redis, queue string) int {
	t.Helper()
	n, err := r.Get(context.Background(), "asynq:{"+queue+"}:processed").Int()
	if err != nil {
		return 0 // none yet
	}
	return n
}

// A replica of role web hears of things, one of role worker does them.
func TestDueWorkIsWokenThroughRedis(t *testing.T) {
	onEach(t, func(t *testing.T, s *shop, redis string) {
		s.hinting(redis)
		s.work(redis)
		r := asking(t, redis)
		patiently.Until(t, "the midnight's hint", func() bool { return processed(t, r, jobs.Nightly) > 0 })
		s.join(3)
		s.mails(3)
		patiently.Until(t, "the urgent hints", func() bool { return processed(t, r, jobs.Urgent) > 0 })
		id := s.enqueue(jobs.Order{Kind: "drop", Values: values{"campaign": "drop"}})
		s.ended(id, "done")
		s.allSent(6)
		patiently.Until(t, "the hints for chores and runs", func() bool {
			return processed(t, r, jobs.Chores) > 0 && processed(t, r, jobs.Bulk) > 0
		})
		keys, err := r.Keys(context.Background(), "asynq:*:archived").Result()
		if err != nil || len(keys) != 0 {
			t.Errorf("archived tasks: %v, %v, want none", keys, err)
		}
	})
}

func TestFlushingRedisLosesAndRepeatsNothing(t *testing.T) {
	t.Parallel()
	s := open(t, storetest.Postgres(t))
	redis := newServer(t)
	s.hinting(redis.url())
	s.work(redis.url())
	s.work(redis.url())
	var flushing sync.WaitGroup
	flushed, stop := context.WithCancel(t.Context())
	defer flushing.Wait()
	defer stop()
	r := asking(t, redis.url())
	flushing.Go(func() {
		for flushed.Err() == nil {
			r.FlushAll(flushed)
			pause(flushed, 20*time.Millisecond)
		}
	})
	for range 10 {
		s.join(5)
	}
	id := s.enqueue(jobs.Order{Kind: "drop", Values: values{"campaign": "drop"}})
	if row := s.ended(id, "done"); row.Fence != 1 {
		t.Errorf("the drop's job: %+v, want it done once", row)
	}
	s.allSent(100)
	if codes := s.counted("select state as what, count(*) as n from codes group by state"); codes != "50 issued" {
		t.Errorf("codes: %s, want 50 issued", codes)
	}
}

// pause is a pace, not a wait for anything.
func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

func TestWithoutRedisThePollDoesTheWork(t *testing.T) {
	t.Parallel()
	s := open(t, storetest.SQLite(t))
	s.hinting(nowhere)
	s.work(nowhere)
	s.join(3)
	s.allSent(3)
	s.ended(s.enqueue(jobs.Order{Kind: "drop", Values: values{"campaign": "drop"}}), "done")
	s.allSent(6)
}

func TestRedisGoesAwayAndComesBack(t *testing.T) {
	t.Parallel()
	s := open(t, storetest.SQLite(t))
	redis := newServer(t)
	s.hinting(redis.url())
	s.work(redis.url())
	s.join(1)
	s.mails(1)
	redis.kill()
	s.join(1)
	s.mails(2)
	redis.start() // empty, as after the loss of a machine
	r := asking(t, redis.url())
	patiently.Until(t, "hints to go through Redis again", func() bool { return processed(t, r, jobs.Clock) > 0 })
	s.join(1)
	s.allSent(3)
}

// A Redis that takes connections and never answers is worse than none.
func TestARedisThatHangs(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0") // nobody accepts
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	s := open(t, storetest.SQLite(t))
	redis := "redis://" + l.Addr().String()
	s.hinting(redis)
	w := s.work(redis, func(w *jobs.Worker) { w.Grace = 0 })
	s.join(1)
	s.allSent(1)
	w.stop() // within the grace that serve has, or Run says so
}

// Redis takes hints but hands none out: as when somebody paused its queues.
func TestOverdueWorkIsDoneWithoutRedis(t *testing.T) {
	t.Parallel()
	s := open(t, storetest.SQLite(t))
	redis := inProcess(t)
	inspector := asynq.NewInspectorFromRedisClient(asking(t, redis))
	hints := s.hinting(redis)
	for _, work := range []string{"flow.react", "mail.bulk", "run.finish", "segment.pass"} {
		hints.Put(work) // so that the queue is there
	}
	for _, queue := range []string{jobs.Urgent, jobs.Bulk, jobs.Clock, jobs.Nightly} {
		patiently.Until(t, "the queue "+queue, func() bool { return inspector.PauseQueue(queue) == nil })
	}
	s.work(redis)
	s.join(1)
	patiently.Until(t, "the wait for the second mail, which no event brings", func() bool {
		return s.counted("select state as what, count(*) as n from passages where step = 2 and wake_at is not null group by state") == "1 ready"
	})
	s.jumped.Add(int64(7 * 24 * time.Hour))
	s.allSent(2)
}

func TestForeignTasksDoNoHarm(t *testing.T) {
	t.Parallel()
	s := open(t, storetest.SQLite(t))
	redis := inProcess(t)
	r := asking(t, redis)
	client := asynq.NewClientFromRedisClient(r)
	for _, task := range []*asynq.Task{
		asynq.NewTask("flow.react_v2", nil),
		asynq.NewTask("flow", nil),
		asynq.NewTask("run.deliver", []byte(`{"run":`)),
		asynq.NewTask("run.deliver", []byte(`{"run":99}`)),
		asynq.NewTask("job.launch", nil),
		asynq.NewTask("job.launch_v2", []byte(`{"job":99}`)),
	} {
		if _, err := client.Enqueue(task, asynq.Queue(jobs.Urgent)); err != nil {
			t.Fatal(err)
		}
	}
	s.hinting(redis)
	s.work(redis)
	patiently.Until(t, "the tasks to be taken", func() bool { return processed(t, r, jobs.Urgent) >= 6 })
	s.join(1)
	s.allSent(1)
	info, err := asynq.NewInspectorFromRedisClient(r).GetQueueInfo(jobs.Urgent)
	if err != nil || info.Archived+info.Retry+info.Failed != 0 {
		t.Errorf("the queue: %+v, %v, want nothing archived, retried or failed", info, err)
	}
}

func TestHintsDoNotPileUp(t *testing.T) {
	t.Parallel()
	for _, where := range []string{"embedded", "real"} {
		t.Run(where, func(t *testing.T) {
			t.Parallel()
			redis := ""
			if where == "real" {
				redis = given(t)
			} else {
				redis = inProcess(t)
			}
			r := asking(t, redis)
			hints := jobs.NewHints(r, quiet(t))
			inspector := asynq.NewInspectorFromRedisClient(r)
			tasks := func() int {
				info, err := inspector.GetQueueInfo(jobs.Urgent)
				if err != nil {
					return 0 // no hint yet
				}
				return info.Size
			}
			hint := func() {
				hints.Put("flow.advance")
				hints.Job(7, "test")
			}
			patiently.Until(t, "a task for each of two pieces of work", func() bool { hint(); return tasks() == 2 })
			for range 100 { // nobody takes them
				hint()
			}
			hints.Close()
			if n := tasks(); n != 2 {
				t.Fatalf("after a hundred hints more there are %d tasks, want 2", n)
			}

			// A task that asynq gave up does not keep later ones out.
			if n, err := inspector.ArchiveAllPendingTasks(jobs.Urgent); n != 2 || err != nil {
				t.Fatalf("archiving: %d, %v", n, err)
			}
			s := open(t, storetest.SQLite(t))
			s.hinting(redis)
			s.work(redis)
			s.join(1)
			s.allSent(1)
		})
	}
}

func TestManyWorkersDoEverythingOnce(t *testing.T) {
	t.Parallel()
	s := open(t, storetest.Postgres(t))
	redis := given(t)
	s.hinting(redis)
	for range 3 {
		s.rooms = s.furnish()
		s.work(redis)
	}
	for range 10 {
		s.join(6)
	}
	for i := range 6 {
		s.enqueue(jobs.Order{Kind: "launch", Values: values{"campaign": "letter", "headline": fmt.Sprint("Hi ", i%2)}, Key: fmt.Sprint("key ", i%2)})
	}
	s.enqueue(jobs.Order{Kind: "drop", Values: values{"campaign": "drop"}})
	s.allSent(60 + 2*60 + 60)
	if got := s.counted("select 'with fence ' || fence as what, count(*) as n from jobs group by fence"); got != "3 with fence 1" {
		t.Errorf("jobs: %s, want 3, each done once", got)
	}
}

// gate is a script of a sink that answers some mails' final dot only when it is
// opened.
type gate struct {
	open   chan struct{}
	closed func(rcpt string) bool
}

func (g *gate) script(stage embedded.Stage, rcpt string) embedded.Reply {
	if stage == embedded.AtDot && g.closed(rcpt) {
		<-g.open
	}
	return embedded.Reply{}
}

// A relay that hangs in the middle of a newsletter keeps nobody else waiting: not
// a welcome, not a marketer's job, not the timetable.
func TestALongRunStarvesNobody(t *testing.T) {
	onEach(t, func(t *testing.T, s *shop, redis string) {
		s.hinting(redis)
		w := s.work(redis)
		s.join(30)
		s.mails(30)
		bulk := &gate{open: make(chan struct{}), closed: func(string) bool { return true }}
		letGo := sync.OnceFunc(func() { close(bulk.open) })
		t.Cleanup(letGo)
		s.sink.Script(bulk.script)
		for i := range 4 {
			s.enqueue(jobs.Order{Kind: "launch", Values: values{"campaign": "letter", "headline": fmt.Sprint(i)}})
		}
		patiently.Until(t, "the runs to be on the wire", func() bool {
			return s.counted("select 'chunks' as what, count(*) as n from chunks where lease_until is not null") == "2 chunks"
		})
		s.sink.Script(nil) // what hangs, hangs; the gate is for no later mail

		s.join(1)
		s.mails(31) // a welcome
		s.ended(s.enqueue(jobs.Order{Kind: "refresh"}), "done")
		s.jumped.Add(int64(24 * time.Hour))
		patiently.Until(t, "the next midnight", func() bool {
			return strings.HasPrefix(s.counted("select 'days' as what, count(*) as n from passes where name = 'facts' and finished_at is not null"), "2")
		})
		letGo()
		w.stop()
	})
}

func TestAStopLeavesNothingClaimed(t *testing.T) {
	onEach(t, func(t *testing.T, s *shop, redis string) {
		s.hinting(redis)
		w := s.work(redis)
		s.join(40)
		s.mails(40)
		slow := &gate{open: make(chan struct{}), closed: func(string) bool { return true }}
		letGo := sync.OnceFunc(func() { close(slow.open) })
		t.Cleanup(letGo)
		s.sink.Script(slow.script)
		s.ended(s.enqueue(jobs.Order{Kind: "drop", Values: values{"campaign": "drop"}}), "done")
		s.join(10)
		s.enqueue(jobs.Order{Kind: "test", Values: values{"campaign": "letter", "to": "anna@shop.example", "as": "m-1"}})
		patiently.Until(t, "both lanes and a job to be on the wire", func() bool {
			return s.counted("select 'open' as what, count(*) as n from batches") != "0 open" &&
				s.counted("select 'handing' as what, count(*) as n from sends where state = 'handing'") != "0 handing" &&
				s.counted("select state as what, count(*) as n from jobs where state = 'running' group by state") == "1 running"
		})
		w.cancel()
		letGo() // the relay answers within the grace
		w.stop()
		for what, query := range map[string]string{
			"claimed, handing or unknown": "select state as what, count(*) as n from sends where state in ('claimed', 'handing', 'unknown') group by state",
			"leases of chunks":            "select 'leases' as what, count(*) as n from chunks where lease_until is not null having count(*) > 0",
			"open batches":                "select 'open' as what, count(*) as n from batches having count(*) > 0",
			"running jobs":                "select kind as what, count(*) as n from jobs where state = 'running' group by kind",
		} {
			if got := s.counted(query); got != "" {
				t.Errorf("%s after a stop: %s, want none", what, got)
			}
		}
		s.sink.Script(nil)
		s.work(redis)
		patiently.Until(t, "the rest to go out", func() bool { return s.ledger() == "90 sent" })
		if n := len(s.sink.ByRecipient("anna@shop.example")); n == 0 {
			t.Error("the test mail never came")
		}
		if twice := s.sink.Twice(); len(twice) > 0 {
			t.Errorf("came twice: %v", twice)
		}
	})
}

func TestAStopThatTakesTooLongSaysSo(t *testing.T) {
	t.Parallel()
	s := open(t, storetest.SQLite(t))
	r := asking(t, inProcess(t))
	stuck := &gate{open: make(chan struct{}), closed: func(string) bool { return true }}
	s.sink.Script(stuck.script)
	hints := jobs.NewHints(r, quiet(t))
	defer hints.Close()
	w := &jobs.Worker{Rooms: s.rooms, Redis: r, Hints: hints, Log: quiet(t), Grace: time.Second}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- w.Run(ctx) }()
	s.join(1)
	patiently.Until(t, "the mail to be on the wire", func() bool { return s.ledger() == "1 handing" })
	cancel()
	if err := <-done; err == nil || !strings.Contains(err.Error(), "did not come to rest within 1s") {
		t.Errorf("Run() with a relay that hangs = %v, want it to say that the grace is over", err)
	}
	close(stuck.open)
	patiently.Until(t, "the mail's record", func() bool { return s.ledger() == "1 sent" })
}

func TestABrokenPassStopsNoOther(t *testing.T) {
	t.Parallel()
	s := open(t, storetest.SQLite(t))
	s.hinting(nowhere)
	s.do(func(tx *store.Tx) error { _, err := tx.Exec("alter table hooks rename to gone", nil); return err }) // retention fails
	s.work(nowhere)
	s.join(2)
	s.allSent(2)
}
