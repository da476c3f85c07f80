package jobs

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/hibiken/asynq"
)

// kindWake is the one kind of task in Redis: do what is due at a post. It is
// matched exactly: asynq's own mux goes by prefix.
const kindWake = "wake"

// wakeTask is its payload. Names never change once released.
type wakeTask struct {
	Name string `json:"name"`
}

const (
	// hintTimeout bounds how long a hint may keep its sender waiting on Redis.
	hintTimeout = 2 * time.Second
	// awayFor is for how long a Redis that did not answer is not asked again.
	awayFor = 5 * time.Second
	// gather is for how long wishes for one pass are gathered into one task.
	gather = 5 * time.Millisecond
	// waitsAtMost is for how long a task that nobody took keeps a second one out.
	waitsAtMost = 30 * time.Second
	// taskTimeout is when asynq takes a task for dead. What it woke goes on.
	taskTimeout = 24 * time.Hour
)

// Hints puts tasks into Redis, best effort: what it cannot put is found by the
// watch over the database. Of each post at most one task waits in Redis, so that
// hints do not pile up while no worker is there. It is safe for concurrent use.
type Hints struct {
	redis  Redis
	client *asynq.Client
	log    *slog.Logger

	mu      sync.Mutex
	waiting map[string]bool // posts for which a task is about to be put; nil once closed
	away    time.Time       // until when Redis is not asked
	puts    sync.WaitGroup
}

// NewHints returns hints over a Redis connection, which stays the caller's.
func NewHints(r Redis, log *slog.Logger) *Hints {
	return &Hints{redis: r, client: asynq.NewClientFromRedisClient(r.UniversalClient), log: log, waiting: map[string]bool{}}
}

// Pass wakes somebody to run a pass of the engine, and returns at once. Many
// wishes for one pass within a moment become one task.
func (h *Hints) Pass(name, lane string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.waiting == nil || h.waiting[name] {
		return
	}
	h.waiting[name] = true
	h.puts.Add(1)
	time.AfterFunc(gather, func() {
		defer h.puts.Done()
		h.mu.Lock()
		delete(h.waiting, name) // before the put: a later wish must have a task of its own
		h.mu.Unlock()
		h.put(context.Background(), name, lane)
	})
}

// Jobs wakes somebody to do the jobs of a lane, and reports whether Redis took
// the hint.
func (h *Hints) Jobs(ctx context.Context, lane string) bool { return h.put(ctx, jobsOf(lane), lane) }

// Close waits for the hints under way. Passes that are wished for later are left
// to the watch.
func (h *Hints) Close() {
	h.mu.Lock()
	h.waiting = nil
	h.mu.Unlock()
	h.puts.Wait()
}

// put reports whether a task for the post waits in Redis now.
func (h *Hints) put(ctx context.Context, name, lane string) bool {
	if !h.answers() {
		return false
	}
	asked, cancel := context.WithTimeout(ctx, hintTimeout)
	defer cancel()
	err := h.wake(asked, name, lane)
	if ctx.Err() == nil {
		h.heard(err)
	}
	return err == nil
}

// waits is the key that says that a task for the post waits in Redis. Whoever
// takes the task deletes it before looking at the database: a wish that finds the
// key is therefore seen by whoever takes that task, and one that does not puts a
// task of its own. (asynq's Unique would keep a second task out until the first
// is done, which is too long.)
func waits(name string) string { return "regulars:waits:" + name }

func (h *Hints) wake(ctx context.Context, name, lane string) error {
	first, err := h.redis.SetNX(ctx, waits(name), 1, waitsAtMost).Result()
	if err != nil || !first {
		return err
	}
	body, err := json.Marshal(wakeTask{name})
	if err != nil {
		return err
	}
	// A hint is not worth much: one retry (asynq archives a task with none when
	// its worker dies), and nothing is kept of it.
	_, err = h.client.EnqueueContext(ctx, asynq.NewTask(kindWake, body), asynq.Queue(lane), asynq.MaxRetry(1), asynq.Timeout(taskTimeout))
	if err != nil && !errors.Is(err, asynq.ErrTaskIDConflict) { // a retry over the network: it is there
		h.taken(ctx, name)
		return err
	}
	return nil
}

// taken says that the task for a post waits no longer. If Redis does not hear it,
// the key is gone by itself soon.
func (h *Hints) taken(ctx context.Context, name string) {
	ctx, cancel := context.WithTimeout(ctx, hintTimeout)
	defer cancel()
	if err := h.redis.Del(ctx, waits(name)).Err(); err != nil {
		h.log.DebugContext(ctx, "a hint that was taken still counts as waiting", "name", name, "err", err)
	}
}

// answers reports whether there is use in asking Redis.
func (h *Hints) answers() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return time.Now().After(h.away)
}

// heard takes note of an answer of Redis, and says when that changes.
func (h *Hints) heard(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case err != nil && h.away.IsZero():
		h.log.Warn("Redis takes no hints; the poll finds what is due", "err", err)
	case err == nil && !h.away.IsZero():
		h.log.Info("Redis takes hints again")
	}
	h.away = time.Time{}
	if err != nil {
		h.away = time.Now().Add(awayFor)
	}
}
