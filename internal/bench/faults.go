package bench

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"time"

	"regulars/internal/embedded"
	"regulars/internal/store"
)

// Faults does to workers what goes wrong in production while a run of personal mails
// with codes is under way, and then holds the ledger to what the relay took. Each
// fault has a database, a Redis and a relay of its own, all on loopback.
type Faults struct {
	Program string        // the program's binary, whose replicas are killed
	Engine  string        // store.Postgres with two replicas, or store.SQLite with one
	Server  string        // the Postgres server on which databases of our own are made
	Dir     string        // a folder of our own
	Mails   int           // of the run
	For     time.Duration // so long a fault goes on, and the relay takes for all mails; the run then has peace to end
	Only    []string      // names of faults; none: all
	Seed    uint64

	Watch func(stage string, total int64) (tick func(n int64))
}

// Trial is what came of a run under one fault.
type Trial struct {
	Fault   string        `json:"fault"`
	Times   int           `json:"times"`
	Took    time.Duration `json:"took_ns"` // of the run, its peaceful end included
	Mails   int64         `json:"mails"`
	Came    int64         `json:"came"` // to the relay
	Sent    int64         `json:"sent"`
	Unknown int64         `json:"unknown"`
	Other   int64         `json:"other"` // ended otherwise: skipped, failed
	Lost    int64         `json:"lost"`  // neither ended nor to be found at the relay
	Twice   int64         `json:"twice"`
	Most    int           `json:"most,omitempty"`     // mails in any ten seconds, where the rate is limited
	LeftOut string        `json:"left_out,omitempty"` // why it was not tried
	Wrong   []string      `json:"wrong"`              // what does not hold; empty: all does
}

// fault is one thing that goes wrong again and again until ctx ends.
type fault struct {
	name, what string
	unknown    int64 // at most so many mails without an answer per time
	server     bool  // needs Postgres
	own        bool  // needs a Postgres server of our own
	disk       bool  // needs SQLite, on a disk of our own
	rate       int   // mails a second that SMTP_URL allows, and the relay would take more; 0: as fast as the relay
	replicas   int   // on Postgres; 0: 2
	do         func(ctx context.Context, s *site) (times int, err error)
}

// FaultNames are the names that Only takes, in the order in which they are tried.
func FaultNames() (names []string) {
	for _, f := range faults {
		names = append(names, f.name)
	}
	return names
}

var faults = []fault{
	{name: "kill", what: "kill -9 of a replica after each hundred mails", unknown: 10, do: func(ctx context.Context, s *site) (int, error) {
		return s.eachMails(ctx, 100, func() error { return s.any().kill() })
	}},
	{name: "kill-often", what: "kill -9 of a replica every 1.5 s", unknown: 10, do: func(ctx context.Context, s *site) (int, error) {
		return every(ctx, 1500*time.Millisecond, func() error { return s.any().kill() })
	}},
	{name: "term", what: "SIGTERM to a replica after each hundred mails", do: func(ctx context.Context, s *site) (int, error) {
		return s.eachMails(ctx, 100, func() error { return s.any().term() })
	}},
	{name: "stop", what: "a replica that stands still for longer than its leases", unknown: 500, do: func(ctx context.Context, s *site) (int, error) {
		if !s.came(ctx, int64(s.Mails/10)) {
			return 0, nil
		}
		return 1, s.replicas[0].standStill(lease + 5*time.Second)
	}},
	{name: "flush", what: "FLUSHALL every 2 s", do: func(ctx context.Context, s *site) (int, error) {
		return every(ctx, 2*time.Second, s.redis.Flush)
	}},
	{name: "redis", what: "no Redis for 3 s in every 6", do: func(ctx context.Context, s *site) (int, error) {
		defer s.redisGate.reopen()
		return every(ctx, 3*time.Second, func() error {
			s.redisGate.close()
			pass(ctx, 3*time.Second)
			s.redisGate.reopen()
			return nil
		})
	}},
	{name: "postgres", what: "an immediate stop of Postgres every 10 s", unknown: 500, server: true, own: true, do: func(ctx context.Context, s *site) (int, error) {
		return every(ctx, 10*time.Second, func() error {
			peace := context.WithoutCancel(ctx) // a server that was stopped is started
			return errors.Join(s.cluster.crash(peace), s.cluster.start(peace))
		})
	}},
	{name: "cut", what: "the database's connections cut as mails are taken", unknown: 500, server: true, do: func(ctx context.Context, s *site) (int, error) {
		return s.eachMails(ctx, int64(min(200, s.Mails/10)), func() error { s.databaseGate.cut(); return nil })
	}},
	{name: "storm", what: "421 to everybody for 1 s in every 3", do: func(ctx context.Context, s *site) (int, error) {
		defer s.relaySays(embedded.Reply{})
		return every(ctx, 2*time.Second, func() error {
			s.relaySays(embedded.Reply{Code: 421, Text: "4.3.2 come again"})
			pass(ctx, time.Second)
			s.relaySays(embedded.Reply{})
			return nil
		})
	}},
	{name: "rate", what: "a rate of 100/s, and no Redis from half-way on", rate: 100, replicas: 4, do: func(ctx context.Context, s *site) (int, error) {
		if !s.came(ctx, int64(s.Mails/2)) {
			return 0, nil
		}
		s.redisGate.close()
		defer s.redisGate.reopen()
		<-ctx.Done()
		return 1, nil
	}},
	{name: "disk", what: "a full disk for 2 s in every 5", unknown: 500, disk: true, do: func(ctx context.Context, s *site) (int, error) {
		return every(ctx, 3*time.Second, func() error {
			full, err := s.fill()
			if err != nil {
				return err
			}
			pass(ctx, 2*time.Second)
			return os.Remove(full)
		})
	}},
	{name: "slow", what: "a relay that takes a second for a mail, and hangs up on one in fifty", unknown: 1, do: func(ctx context.Context, s *site) (int, error) {
		times := 0
		var mu sync.Mutex
		random := rand.New(rand.NewPCG(s.Seed, 3))
		s.script(func(at embedded.Stage, _ string) embedded.Reply {
			if at != embedded.AtDot {
				return embedded.Reply{}
			}
			pass(ctx, time.Second)
			mu.Lock()
			defer mu.Unlock()
			if ctx.Err() != nil || random.IntN(50) > 0 {
				return embedded.Reply{}
			}
			times++
			return embedded.Reply{Drop: true, Keep: random.IntN(2) == 0}
		})
		<-ctx.Done()
		s.script(nil)
		mu.Lock()
		defer mu.Unlock()
		return times, nil
	}},
}

// lease is how long a replica's claim outlives it.
const lease = time.Minute

// Run tries the faults, one after the other.
func (f Faults) Run(ctx context.Context) (trials []Trial, err error) {
	for _, x := range faults {
		if len(f.Only) > 0 && !slices.Contains(f.Only, x.name) || x.server && f.Engine == store.SQLite || x.disk && f.Engine != store.SQLite {
			continue
		}
		t, err := f.try(ctx, x)
		if errors.Is(err, ErrNoServer) || errors.Is(err, errNoDisk) {
			t, err = Trial{Fault: x.what, Wrong: []string{}, LeftOut: err.Error()}, nil
		}
		if err != nil {
			return trials, fmt.Errorf("%s: %w", x.what, err)
		}
		trials = append(trials, t)
	}
	return trials, nil
}

// try has the run go on under a fault until all its mails have ended, or the fault has
// gone on for long enough; then it leaves the replicas in peace and counts.
func (f Faults) try(ctx context.Context, x fault) (t Trial, err error) {
	if x.rate > 0 { // what goes in that time: half before Redis is gone, half after
		f.Mails = max(100, int(f.For.Seconds()*float64(x.rate)))
	}
	s, err := f.newSite(ctx, x)
	if err != nil {
		return t, err
	}
	defer func() { err = errors.Join(err, s.end()) }()
	began := time.Now()
	if err := s.begin(ctx); err != nil {
		return t, err
	}
	starting, started := context.WithTimeout(ctx, peace)
	s.came(starting, 1) // until then there is nothing to go wrong; settled says if none ever comes
	started()
	tick := f.watch(x.what, int64(f.Mails))
	harm := f.For
	if x.rate > 0 {
		harm = 2 * f.For // a rate is kept from below
	}
	harmed, over := context.WithTimeout(ctx, harm)
	defer over()
	go func() { // the fault ends with the run
		for came := int64(0); harmed.Err() == nil; pass(harmed, 200*time.Millisecond) {
			now := s.sink.Count()
			tick(now - came)
			if came = now; came >= int64(s.Mails) {
				over()
			}
		}
	}()
	times, err := x.do(harmed, s)
	if err != nil {
		return t, err
	}
	t, err = s.settled(ctx)
	if err != nil {
		return t, err
	}
	t.Fault, t.Times, t.Took = x.what, times, time.Since(began)
	if most := x.unknown * int64(times); t.Unknown > most {
		t.Wrong = append(t.Wrong, fmt.Sprintf("%d without an answer, at most %d a time were to be", t.Unknown, x.unknown))
	}
	if x.rate > 0 {
		t.Most = s.inTenSeconds()
		if most := x.rate * 105 / 10; t.Most > most {
			t.Wrong = append(t.Wrong, fmt.Sprintf("%d mails in ten seconds, at most %d were to be", t.Most, most))
		}
	}
	if times == 0 {
		t.Wrong = append(t.Wrong, "the run was over before the fault")
	}
	return t, nil
}

func (f Faults) watch(stage string, total int64) func(int64) {
	if f.Watch == nil {
		return func(int64) {}
	}
	return f.Watch(stage, total)
}

// every calls f with a pause before each time, until ctx ends.
func every(ctx context.Context, period time.Duration, f func() error) (times int, err error) {
	for pass(ctx, period); ctx.Err() == nil; pass(ctx, period) {
		if err := f(); err != nil {
			return times, err
		}
		times++
	}
	return times, nil
}

// pass lets some time pass, or ctx end.
func pass(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
