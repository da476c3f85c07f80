package delivery

import (
	"context"
	"fmt"
	"time"

	"regulars/internal/loyalty"
	"regulars/internal/store"
)

// landing is one hand-over that has come to its end.
type landing struct {
	batch *batch
	ending
}

// hand gives one mail to the relay, unless there is no use in it any more.
func (w *shift) hand(ctx context.Context, f landing) Outcome {
	if w.over(ctx) {
		return Outcome{Err: fmt.Errorf("%w: %w", ErrWithheld, errHalted)}
	}
	o := w.desk.handOver(ctx, Bulk, f.s, func(ctx context.Context) error { return w.begin(ctx, f) })
	w.relay.heard(o)
	return o
}

// begin lets a mail's first byte out if its mark still is good. Where the relay
// was so slow that it is not, the gate is asked again on the spot.
func (w *shift) begin(ctx context.Context, f landing) error {
	switch {
	case w.over(ctx):
		return errHalted
	case !w.ours():
		return errLost
	case time.Since(f.batch.age) <= w.desk.c.MarkFor:
		return nil
	}
	return w.desk.c.DB.View(ctx, func(tx *store.Tx) error { return regate(tx, f.s) })
}

// regate asks the gate about a mail that is marked already.
func regate(tx *store.Tx, s *send) error {
	fresh, err := load(tx, []int64{s.Send})
	if err != nil {
		return err
	}
	for _, f := range fresh {
		f.plan, f.started = s.plan, s.started
		f.Recent = [loyalty.MostCapped]loyalty.Instant{} // its own place under the caps must not stop it
	}
	rulings, err := gate(tx, fresh)
	if err == nil && (len(rulings) != 1 || !rulings[0].goes() || fresh[0].state != s.state) {
		err = errRuled
	}
	return err
}

// settle records what lands: a batch at once when all of it has, the others every
// now and then.
func (w *shift) settle(landings <-chan landing) {
	open := map[*batch]bool{}
	tick := time.NewTicker(flushEvery)
	defer tick.Stop()
	for {
		select {
		case l, more := <-landings:
			if !more {
				w.flush(open)
				return
			}
			b := l.batch
			open[b] = true
			b.landed[l.s.Send] = true
			if b.waiting = append(b.waiting, l.ending); len(b.landed) == len(b.sends) {
				w.flush(map[*batch]bool{b: true})
				delete(open, b)
			}
		case <-tick.C:
			w.flush(open)
		}
	}
}

// flush records what has landed of some batches.
func (w *shift) flush(batches map[*batch]bool) {
	for b := range batches {
		if len(b.waiting) == 0 {
			continue
		}
		var effective []ending
		err := w.desk.persist(func(tx *store.Tx) (err error) {
			if effective, err = b.settle(tx, b.waiting); err != nil {
				return err
			}
			if err := recovered(tx, effective); err != nil {
				return err
			}
			return w.desk.brake(tx, effective)
		})
		if err != nil {
			w.fail(fmt.Errorf("recording batch %d: %w", b.id, err))
			w.open = append(w.open, b.id)
			continue
		}
		b.waiting = nil
		w.count(effective)
	}
}
