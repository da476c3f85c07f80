package jobs

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"

	"regulars/internal/delivery"
)

// work does what is due at a post until nothing is. The hand must have begun
// there; it is gone from the post when work returns.
func (w *Worker) work(ctx context.Context, post string) {
	for {
		err := w.exhaust(ctx, post)
		var rest *delivery.Rest
		switch {
		case ctx.Err() != nil:
			w.crew.quit(post, 0)
			return
		case errors.As(err, &rest): // its relay is away, or its rate is used up
			w.Log.InfoContext(ctx, rest.Error())
			w.crew.quit(post, rest.Wait)
			return
		case err != nil:
			w.Log.ErrorContext(ctx, "work failed", "what", post, "err", err)
			w.crew.fail(post, err)
			return
		case w.crew.leave(post):
			return
		}
	}
}

// exhaust takes steps until there is nothing more to do. A step that panics has
// failed: one broken rule or mail must not take the other posts down.
func (w *Worker) exhaust(ctx context.Context, post string) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	for ctx.Err() == nil {
		did, err := w.step(ctx, post)
		if did == 0 || err != nil {
			return err
		}
	}
	return nil
}

// step does a bounded piece of what is due at a post and returns how much.
func (w *Worker) step(ctx context.Context, post string) (int, error) {
	if lane, ok := strings.CutPrefix(post, jobsPrefix); ok {
		return w.nextJob(ctx, lane)
	}
	return w.Engine.Run(ctx, post)
}
