package delivery

import (
	"context"
	"errors"
	"time"

	"regulars/internal/store"
)

// look sees holds and keeps the lease. What it cannot ask it leaves: without an
// answer the lease runs out.
func (w *shift) look(ctx context.Context) {
	var stopped bool
	err := w.desk.c.DB.View(ctx, func(tx *store.Tx) (err error) { stopped, err = w.chunk.stopped(tx); return err })
	if err == nil && stopped {
		w.fail(errHalted)
	}
	if w.leased() < w.desk.c.Renew {
		return
	}
	from := time.Now()
	err = w.desk.c.DB.Update(ctx, func(tx *store.Tx) error { return w.chunk.renew(tx, w.desk.c.Lease) })
	switch {
	case err == nil:
		w.lease(from)
	case errors.Is(err, errLost):
		w.fail(err)
	}
}

func (w *shift) lease(from time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.renewed = from
}

func (w *shift) leased() time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	return time.Since(w.renewed)
}

// ours reports whether the claim certainly still holds.
func (w *shift) ours() bool { return w.leased() < w.desk.c.Lease }
