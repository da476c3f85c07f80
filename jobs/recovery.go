package jobs

import (
	"context"
	"slices"
	"time"

	"regulars/internal/engine"
	"regulars/internal/store"
)

const (
	// recoverEvery is how often a worker looks at the database.
	recoverEvery = time.Second
	// patience is for how long a task that waits in Redis is left there before its work
	// is done without it: as when somebody paused its queue.
	patience = 2 * time.Second
)

// recovery looks at the database until ctx ends, and puts a task for whatever is due and
// has none.
func (w *Worker) recovery(ctx context.Context) {
	tick := time.NewTicker(recoverEvery)
	defer tick.Stop()
	waiting := map[engine.Work]time.Time{} // since when we see a task wait
	for blind := false; ; {
		due, err := w.due(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil && !blind:
			w.Log.Error("the database can't be asked what is due", "err", err)
		case err == nil && blind:
			w.Log.Info("the database answers again")
		}
		blind = err != nil
		waiting = w.putAll(ctx, due, waiting)
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// putAll puts tasks for what is due, as far as this worker has room for it; jobs wait in
// their queue. What Redis does not take or does not hand out the worker does itself. It
// returns since when tasks wait.
func (w *Worker) putAll(ctx context.Context, due []engine.Work, before map[engine.Work]time.Time) map[engine.Work]time.Time {
	after := map[engine.Work]time.Time{}
	for _, d := range due {
		t, ok := taskOf(d.Kind)
		if !ok || t.of != "job" && !w.limiter.room(t) {
			continue
		}
		got := w.Hints.put(ctx, d)
		if got == waits {
			if after[d] = before[d]; after[d].IsZero() {
				after[d] = time.Now()
			}
		}
		if got == refused || got == waits && time.Since(after[d]) > patience {
			if w.limiter.room(t) && w.limiter.begin(t) {
				go w.run(ctx, t, d.ID)
			}
		}
	}
	return after
}

// due returns what there is to do.
func (w *Worker) due(ctx context.Context) ([]engine.Work, error) {
	due, err := w.Engine.Due(ctx)
	if err != nil {
		return nil, err
	}
	err = w.DB.View(ctx, func(tx *store.Tx) error {
		waiting, err := dueJobs(tx)
		if err != nil {
			return err
		}
		upkeep, err := dueUpkeep(tx)
		due = slices.Concat(due, waiting, upkeep)
		return err
	})
	return due, err
}
