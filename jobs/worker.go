package jobs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"regulars/internal/delivery"
	"regulars/internal/engine"
)

// Worker does what is due, woken by Redis and by its own look at the database. It
// is run once.
type Worker struct {
	Rooms
	Redis Redis
	Hints *Hints       // over the same Redis; stays the caller's
	Log   *slog.Logger // nil: the default

	// Idle, if not nil, reports that no work is to be begun just now: the clock of this
	// machine cannot be trusted.
	Idle func() bool

	// Grace is how long a stop waits for mails on the wire. 0: 45 s.
	Grace time.Duration

	// Count, if not nil, hears of each task that was run: its kind, and done, nothing
	// (was due any more), later (its relay rests), failed or stopped (with the worker).
	Count func(kind, outcome string)

	limiter limiter
}

// Run works until ctx ends, then finishes what is on the wire and returns. It
// needs no Redis to start or to go on. An error says that something was still at
// work when the grace was over; its leases run out by themselves.
func (w *Worker) Run(ctx context.Context) error {
	if w.Grace == 0 {
		w.Grace = 45 * time.Second
	}
	if w.Log == nil {
		w.Log = slog.Default()
	}
	w.limiter.barred = w.Idle
	handler := asynq.HandlerFunc(func(asked context.Context, t *asynq.Task) error { return w.handle(ctx, asked, t) })
	r := w.Redis.another()
	servers := []*asynq.Server{
		w.server(r, 100*time.Millisecond, map[string]int{Urgent: 1}),
		w.server(r, 100*time.Millisecond, map[string]int{Bulk: 6, Clock: 3, Nightly: 1}),
		w.server(r, 200*time.Millisecond, map[string]int{Chores: 1}),
	}
	for i, s := range servers {
		if err := s.Start(handler); err != nil {
			return errors.Join(fmt.Errorf("starting the worker: %w", err), w.stop(r, servers[:i]))
		}
	}
	w.recovery(ctx)
	return w.stop(r, servers)
}

func (w *Worker) server(r redis.UniversalClient, ask time.Duration, queues map[string]int) *asynq.Server {
	n := 0
	for queue := range queues {
		n += slots(queue)
	}
	return asynq.NewServerFromRedisClient(r, asynq.Config{
		Concurrency:              n,
		Queues:                   queues,
		TaskCheckInterval:        ask,
		DelayedTaskCheckInterval: time.Second,
		ShutdownTimeout:          w.Grace,
		RetryDelayFunc:           retryDelay,
		IsFailure:                func(err error) bool { var rest *delivery.Rest; return !errors.As(err, &rest) },
		Logger:                   asynqLog{w.Log},
		LogLevel:                 asynq.WarnLevel,
	})
}

// later is an error with how long the task is to wait before it is tried again.
type later struct {
	error
	after time.Duration
}

func (l later) Unwrap() error { return l.error }

func retryDelay(_ int, err error, _ *asynq.Task) time.Duration {
	var l later
	if errors.As(err, &l) {
		return l.after
	}
	return firstRest // its worker is gone
}

// handle runs one task. It runs until ctx ends or its own time is over, and not under
// asynq's context, which also ends when Redis is away for half a minute. Kinds are
// matched exactly (asynq's own mux goes by prefix); one from a newer version is left to
// that version.
func (w *Worker) handle(ctx, asked context.Context, t *asynq.Task) error {
	k, known := taskOf(t.Type())
	id, ok := k.id(t.Payload())
	if !known || !ok {
		w.Log.DebugContext(ctx, "a task that this version does not know", "kind", t.Type())
		return nil
	}
	if !w.limiter.begin(k) {
		return nil // found again where it is still due
	}
	if end, ok := asked.Deadline(); ok {
		k.timeout = time.Until(end)
	}
	return w.run(ctx, k, id)
}

// run does what is due of a kind until nothing is. The handler must have begun; it has
// ended when run returns. The error is for asynq, which shows it and tries again; it
// holds no addresses.
func (w *Worker) run(ctx context.Context, t task, id int64) error {
	timed, cancel := context.WithTimeout(ctx, t.timeout)
	defer cancel()
	outcome := "nothing"
	for {
		did, err := w.exhaust(timed, t, id)
		if did > 0 {
			outcome = "done"
		}
		var rest *delivery.Rest
		var own later
		switch {
		case ctx.Err() != nil:
			w.limiter.end(t, nil)
			w.count(t, "stopped")
			return nil
		case timed.Err() != nil: // what is left of it is found again
			w.limiter.end(t, nil)
			w.count(t, outcome)
			return nil
		case errors.As(err, &own): // a job's own failure, which its row keeps
			for w.limiter.more(t) { // another job that found no room is found again
			}
			w.count(t, "failed")
			return own
		case errors.As(err, &rest): // its relay is away, or its rate is used up
			w.Log.InfoContext(ctx, rest.Error())
			w.count(t, "later")
			return later{rest, w.limiter.end(t, err)}
		case err != nil:
			w.Log.ErrorContext(ctx, "work failed", "what", t.name, "err", err)
			w.count(t, "failed")
			return later{errors.New(withoutAddresses(err)), w.limiter.end(t, err)}
		case !w.limiter.more(t):
			w.count(t, outcome)
			return nil
		}
	}
}

func (w *Worker) count(t task, outcome string) {
	if w.Count != nil {
		w.Count(t.name, outcome)
	}
}

// spell is after how long a task puts another in its place and ends: so that others of
// its queue have their turn, and asynq shows again what it forgot by a FLUSHALL.
const spell = 15 * time.Second

// exhaust takes bounded steps until there is nothing more to do, and returns how much
// that was. A step that panics has failed: one broken rule or mail must not take the
// other kinds down.
func (w *Worker) exhaust(ctx context.Context, t task, id int64) (did int, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	for began := time.Now(); ctx.Err() == nil; {
		if time.Since(began) > spell {
			w.Hints.Put(engine.Work{Kind: t.name, ID: id}.String())
			return did, nil
		}
		n := 0
		if upkeep := upkeepOf(t.name); upkeep != nil {
			n, err = upkeep(ctx, w.DB)
		} else if t.of == "job" {
			n, err = w.job(ctx, id)
		} else {
			n, err = w.Engine.Run(ctx, t.name, id)
		}
		if did += n; n == 0 || err != nil {
			return did, err
		}
	}
	return did, nil
}

// asynqShutdown is how long asynq may take to put its papers in order. Where Redis is
// away it takes long, and what it has to say is worth no more.
const asynqShutdown = 3 * time.Second

// stop lets everybody finish what cannot be broken off, for as long as the grace
// lasts.
func (w *Worker) stop(r redis.UniversalClient, servers []*asynq.Server) error {
	w.limiter.close()
	asleep, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(asleep)
		var stops sync.WaitGroup
		for _, s := range servers {
			stops.Go(s.Shutdown)
		}
		stops.Wait()
		r.Close() // not sooner: asynq panics when its subscription ends
	}()
	go func() {
		defer close(done)
		w.limiter.wait()
	}()
	if !within(w.Grace, done) {
		return fmt.Errorf("the worker did not come to rest within %s", w.Grace)
	}
	if !within(asynqShutdown, asleep) {
		w.Log.Info("asynq is left behind: Redis does not answer it")
	}
	return nil
}

// within reports whether something is done after at most so much time.
func within(d time.Duration, done <-chan struct{}) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-done:
		return true
	case <-t.C:
		return false
	}
}

// asynqLog keeps asynq's own lines for those who look for them: it reports each
// failure of Redis many times a second, and Hints says once what it means.
type asynqLog struct{ log *slog.Logger }

func (l asynqLog) line(args []any)   { l.log.Debug(fmt.Sprint(args...), "from", "asynq") }
func (l asynqLog) Debug(args ...any) { l.line(args) }
func (l asynqLog) Info(args ...any)  { l.line(args) }
func (l asynqLog) Warn(args ...any)  { l.line(args) }
func (l asynqLog) Error(args ...any) { l.line(args) }
func (l asynqLog) Fatal(args ...any) { l.log.Error(fmt.Sprint(args...), "from", "asynq") }
