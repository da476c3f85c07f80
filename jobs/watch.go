package jobs

import (
	"context"
	"time"

	"regulars/internal/engine"
	"regulars/internal/store"
)

// watchEvery is how often a worker looks at the database.
const watchEvery = time.Second

// How long a worker leaves what is due to Redis before it does it by itself. What
// is known to be due waits a moment: longer than a hint takes, and no longer,
// since then there is more of it than the hands that were woken can do. Passes of
// the clock cannot say since when something is due: for them it counts when they
// were last run here.
const (
	patience      = 2 * time.Second
	clockPatience = 10 * time.Second
)

// watch looks at the database until ctx ends.
func (w *Worker) watch(ctx context.Context) {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	blind := false
	for {
		err := w.look(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil && !blind:
			w.Log.Error("the database can't be asked what is due", "err", err)
		case err == nil && blind:
			w.Log.Info("the database answers again")
		}
		blind = err != nil
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// look puts hints for everything that is due, and does itself what has been due
// for too long or what Redis does not take.
func (w *Worker) look(ctx context.Context) error {
	due, err := w.due(ctx)
	for _, d := range due {
		if w.crew.resting(d.Name) {
			continue
		}
		if w.overdue(d) || !w.Hints.put(ctx, d.Name, LaneOf(d.Name)) {
			w.alone(ctx, d.Name)
		}
	}
	return err
}

// due returns the posts that have something to do.
func (w *Worker) due(ctx context.Context) ([]engine.Work, error) {
	due, err := w.Engine.Due(ctx)
	if err != nil {
		return nil, err
	}
	err = w.DB.View(ctx, func(tx *store.Tx) error {
		waiting, err := dueLanes(tx)
		due = append(due, waiting...)
		return err
	})
	return due, err
}

// overdue reports whether Redis has had its chance.
func (w *Worker) overdue(d engine.Work) bool {
	if d.Since > 0 {
		return d.Since > patience
	}
	return w.crew.idle(d.Name) > clockPatience
}

// alone does in this process, without Redis, what is due at a post.
func (w *Worker) alone(ctx context.Context, post string) {
	if w.crew.begin(post) {
		go w.work(ctx, post)
	}
}
