package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"regulars/internal/store"
)

// askFor is how long a question that a person typed may take, unless they say.
const askFor = time.Minute

// asking runs f on the database for a question that a person typed: it can write
// nothing and ends after the time-out, or at once when the person interrupts. On
// a terminal it shows meanwhile that it is still at it.
func (a *app) asking(c *cobra.Command, timeout time.Duration, before func(*store.DB) error, f func(*store.Tx, *store.DB) error) error {
	return a.opened(c.Context(), false, func(db *store.DB) error {
		if a.terminal() {
			ticks := time.NewTicker(time.Second)
			defer ticks.Stop()
			a.waited = spin(a.err, ticks.C, a.known.Load)
		}
		if before != nil {
			if err := before(db); err != nil {
				a.waited()
				return err
			}
		}
		err := db.Ask(c.Context(), timeout, func(tx *store.Tx) error { return f(tx, db) })
		a.waited()
		if errors.Is(err, store.ErrTooLong) {
			return fmt.Errorf("no answer within %v. Allow more with --timeout %v, or ask for less: a rule over figures of the whole life (orders, spent) "+
				"is quicker than one over a time span or what was bought", timeout, 5*timeout)
		}
		return err
	})
}

// estimate has the sign say, once a question has taken a second, between which
// numbers its answer lies. Call stop before the answer is printed.
func (a *app) estimate(ctx context.Context, db *store.DB, q asked) (stop func()) {
	if !a.terminal() {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	var guessing sync.WaitGroup
	guessing.Go(func() {
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
			return
		}
		_ = db.Ask(ctx, 0, func(tx *store.Tx) error { // the answer itself is on its way
			low, high, ok, err := q.Estimate(tx)
			if err == nil && ok {
				s := fmt.Sprintf("; a sample says %d to %d", low, high)
				a.known.Store(&s)
			}
			return err
		})
	})
	return func() { cancel(); guessing.Wait() }
}

// spin writes at each tick how long something has taken so far and what is known
// until now, and returns what ends that and clears the line. It may be called more
// than once.
func spin(w io.Writer, ticks <-chan time.Time, known func() *string) (stop func()) {
	done, over := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(over)
		for seconds := 1; ; seconds++ {
			select {
			case <-ticks:
				so := ""
				if s := known(); s != nil {
					so = *s
				}
				fmt.Fprintf(w, "\rasking the database … %d s%s (Ctrl-C stops)", seconds, so)
			case <-done:
				if seconds > 1 {
					fmt.Fprint(w, "\r\x1b[K")
				}
				return
			}
		}
	}()
	return sync.OnceFunc(func() { close(done); <-over })
}
