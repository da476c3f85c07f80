package jobs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/hibiken/asynq"

	"regulars/internal/engine"
)

const (
	// hintTimeout bounds how long a hint may keep its sender waiting on Redis.
	hintTimeout = 2 * time.Second
	// awayFor is for how long a Redis that did not answer is not asked again.
	awayFor = 5 * time.Second
	// gather is for how long hints of one piece of work are gathered into one task.
	gather = 5 * time.Millisecond
	// sameAtOnce is how many tasks for one piece of work there may be: all but one are
	// being run, by several replicas.
	sameAtOnce = 16
)

// Hints puts tasks into Redis, best effort: what it cannot put is found by the recovery
// pass. Of each piece of work at most one task waits in Redis, so that tasks do not pile
// up while no worker is there. It is safe for concurrent use.
type Hints struct {
	redis     Redis
	inspector *asynq.Inspector
	log       *slog.Logger

	mu      sync.Mutex
	waiting map[string]bool // keys of work of which a task is about to be put; nil once closed
	away    time.Time       // until when Redis is not asked
	puts    sync.WaitGroup
}

// NewHints returns hints over a Redis connection, which stays the caller's.
func NewHints(r Redis, log *slog.Logger) *Hints {
	return &Hints{redis: r, inspector: asynq.NewInspectorFromRedisClient(r.UniversalClient), log: log, waiting: map[string]bool{}}
}

// Put puts a task for a piece of work, named by its key ("flow.react", "run.deliver:12"),
// and returns at once. Many hints within a moment become one task.
func (h *Hints) Put(key string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.waiting == nil || h.waiting[key] {
		return
	}
	w, err := workOf(key)
	if _, known := taskOf(w.Kind); err != nil || !known {
		h.log.Error("a hint of work that this version does not know", "work", key)
		return
	}
	h.waiting[key] = true
	h.puts.Add(1)
	time.AfterFunc(gather, func() {
		defer h.puts.Done()
		h.mu.Lock()
		delete(h.waiting, key) // before the put: a later hint must have a task of its own
		h.mu.Unlock()
		h.put(context.Background(), w)
	})
}

// Job puts the task of a job that is due.
func (h *Hints) Job(id int64, kind string) { h.Put(jobWork(id, kind).String()) }

func jobWork(id int64, kind string) engine.Work { return engine.Work{Kind: jobPrefix + kind, ID: id} }

// Close waits for the hints under way. Later ones are left to the recovery pass.
func (h *Hints) Close() {
	h.mu.Lock()
	h.waiting = nil
	h.mu.Unlock()
	h.puts.Wait()
}

// answer is what became of a hint.
type answer int

const (
	refused answer = iota // Redis did not take it
	put                   // a task was put
	waits                 // one waits already
)

// put puts a task for a piece of work unless one waits.
func (h *Hints) put(ctx context.Context, w engine.Work) answer {
	if !h.answers() {
		return refused
	}
	asked, cancel := context.WithTimeout(ctx, hintTimeout)
	defer cancel()
	got, err := h.offer(asked, w)
	if ctx.Err() == nil {
		h.heard(err)
	}
	return got
}

// offer puts a task under the first free TaskID: the work's key, "key#2" while that one
// is being run, and so on. A hint must find a task that waits or put one, since a
// handler that is at work may have looked for the last time. A task that asynq has given
// up keeps nobody out.
func (h *Hints) offer(ctx context.Context, w engine.Work) (answer, error) {
	t, _ := taskOf(w.Kind)
	// Not one client for ever: it tells of its queues once, and FLUSHALL forgets them.
	client := asynq.NewClientFromRedisClient(h.redis.UniversalClient)
	for n := 1; n <= sameAtOnce; n++ {
		id := w.String()
		if n > 1 {
			id = fmt.Sprint(id, "#", n)
		}
		enqueue := func() error {
			// What fails is tried again as asynq does by itself. None would be too few:
			// a worker's death is a failure, too.
			_, err := client.EnqueueContext(ctx, asynq.NewTask(w.Kind, t.payload(w.ID)), asynq.TaskID(id), asynq.Queue(t.queue), asynq.Timeout(t.timeout))
			return err
		}
		err := enqueue()
		if !errors.Is(err, asynq.ErrTaskIDConflict) {
			return answered(err)
		}
		there, err := h.inspector.GetTaskInfo(t.queue, id)
		switch {
		case errors.Is(err, asynq.ErrTaskNotFound) || errors.Is(err, asynq.ErrQueueNotFound): // over by now
		case err != nil:
			return refused, err
		case there.State == asynq.TaskStatePending:
			return waits, nil
		case there.State == asynq.TaskStateArchived:
			if err := h.inspector.DeleteTask(t.queue, id); err == nil {
				return answered(enqueue())
			}
		}
	}
	return waits, nil
}

func answered(err error) (answer, error) {
	if err != nil {
		return refused, err
	}
	return put, nil
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
		h.log.Warn("Redis takes no tasks; the worker finds what is due", "err", err)
	case err == nil && !h.away.IsZero():
		h.log.Info("Redis takes tasks again")
	}
	h.away = time.Time{}
	if err != nil {
		h.away = time.Now().Add(awayFor)
	}
}
