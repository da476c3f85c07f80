package jobs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"
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

	crew crew
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
	w.crew.barred = w.Idle
	// What is at work runs under ctx and not under asynq's own context, which ends
	// when Redis is away for half a minute.
	handler := asynq.HandlerFunc(func(_ context.Context, t *asynq.Task) error { return w.handle(ctx, t) })
	r := w.Redis.another()
	servers := []*asynq.Server{
		w.server(r, map[string]int{Urgent: 1}, slots(Urgent)),
		w.server(r, map[string]int{Bulk: 6, Chores: 3, Nightly: 1}, slots(Bulk, Chores, Nightly)),
	}
	for i, s := range servers {
		if err := s.Start(handler); err != nil {
			return errors.Join(fmt.Errorf("starting the worker: %w", err), w.stop(r, servers[:i]))
		}
	}
	w.watch(ctx)
	return w.stop(r, servers)
}

func (w *Worker) server(r redis.UniversalClient, queues map[string]int, slots int) *asynq.Server {
	return asynq.NewServerFromRedisClient(r, asynq.Config{
		Concurrency:              slots,
		Queues:                   queues,
		TaskCheckInterval:        100 * time.Millisecond,
		DelayedTaskCheckInterval: time.Second,
		ShutdownTimeout:          w.Grace,
		RetryDelayFunc:           func(int, error, *asynq.Task) time.Duration { return time.Second },
		Logger:                   asynqLog{w.Log},
		LogLevel:                 asynq.WarnLevel,
	})
}

// farewell is how long asynq may take to put its papers in order. Where Redis is
// away it takes long, and what it has to say is worth no more.
const farewell = 3 * time.Second

// stop lets everybody finish what cannot be broken off, for as long as the grace
// lasts.
func (w *Worker) stop(r redis.UniversalClient, servers []*asynq.Server) error {
	w.crew.close()
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
		w.crew.wait()
	}()
	if !within(w.Grace, done) {
		return fmt.Errorf("the worker did not come to rest within %s", w.Grace)
	}
	if !within(farewell, asleep) {
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

// handle does one task. What it is about is in the database, so a task never
// fails: what went wrong is found again by the watch. Kinds and names are matched
// exactly; one from a newer version is left to that version's own watch.
func (w *Worker) handle(ctx context.Context, t *asynq.Task) error {
	var wake wakeTask
	if t.Type() != kindWake || json.Unmarshal(t.Payload(), &wake) != nil || !slices.Contains(posts, wake.Name) {
		w.Log.DebugContext(ctx, "a task that this version does not know", "kind", t.Type())
		return nil
	}
	w.Hints.taken(ctx, wake.Name)
	if w.crew.begin(wake.Name) {
		w.work(ctx, wake.Name)
	}
	return nil
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
