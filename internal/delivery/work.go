package delivery

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"regulars/internal/loyalty"
	"regulars/internal/store"
)

// Work takes an open chunk of a run, or of some run for 0, and works it to its end, or until ctx
// ends, its run is held or the relay is away (a *Rest). It returns how many
// sends it finished or moved, and one more for a chunk that it finished: 0 says
// that there was nothing to do.
func (d *Desk) Work(ctx context.Context, run int64) (int, error) {
	w := &shift{desk: d, renewed: time.Now()}
	err := d.claim(ctx, func(tx *store.Tx) (err error) { w.chunk, err = takeChunk(tx, run, d.c.Lease); return err })
	if errors.Is(err, store.ErrNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("taking a chunk: %w", err)
	}
	w.next = w.chunk.NextID
	stop := every(context.WithoutCancel(ctx), min(lookEvery, d.c.Renew), w.look)
	w.run(ctx)
	stop()
	w.putOff(ctx)
	w.leave()
	return int(w.moved.Load()), w.outcome()
}

// putOff lets a chunk wait that cannot be worked on for a reason of its own, so that
// those of other runs go on, and tells of its campaign as set back.
func (w *shift) putOff(ctx context.Context) {
	why := errors.Join(w.errs...)
	if why == nil || ctx.Err() != nil || store.Away(why) || errors.Is(why, errLost) || len(w.open) > 0 {
		return
	}
	err := w.desk.persist(func(tx *store.Tx) error {
		var campaign int64
		if err := tx.One(&campaign, "select campaign_id from runs where id = @run", store.Args{"run": w.chunk.RunID}); err != nil {
			return err
		}
		return tx.SetBack(store.ScopeCampaign(campaign), mailsWork, why)
	})
	if err != nil {
		w.errs = append(w.errs, err)
		return
	}
	w.desk.c.Log.Error("a part of a run waits", "run", w.chunk.RunID, "chunk", w.chunk.N, "err", why)
	w.errs, w.until = nil, w.desk.now().Plus(textRetry)
	w.done = false
}

// A shift is one worker's work on one chunk. Three things go on at once: the next
// batch is prepared and marked while the present one is on the wire and the one
// before is recorded. So at most two batches are marked and not yet handed over.
type shift struct {
	desk   *Desk
	chunk  chunk
	next   int64   // the first send not yet taken up
	marked *batch  // by the last mark
	open   []int64 // batches that could not be recorded
	doubt  bool    // a mark was refused, and may have lasted all the same
	relay  watch
	moved  atomic.Int64
	until  loyalty.Instant // the chunk waits for the end of the quiet hours
	done   bool            // every send of the chunk was taken up

	mu      sync.Mutex
	renewed time.Time // when the lease was last known to begin, by our clock
	halted  bool
	errs    []error
}

// errHalted says that a person or a brake stopped the run.
var errHalted = errors.New("the run is stopped")

// How the shift paces itself.
const (
	lookEvery  = 250 * time.Millisecond // how soon a hold is seen
	flushEvery = 2 * time.Second        // how long what landed waits for the rest of its batch
	tooFast    = 500 * time.Millisecond // a batch that takes less on the wire is too small …
	tooSlow    = time.Second            // … and one that takes more outlives its mark
)

// run works until the chunk or the wish to go on is at its end.
func (w *shift) run(ctx context.Context) {
	batches, wire, landings := make(chan *batch), make(chan landing), make(chan landing)
	var pump, hands, desk sync.WaitGroup
	pump.Go(func() { w.pump(batches, wire) })
	for range w.desk.c.Connections {
		hands.Go(func() {
			for f := range wire {
				o := w.hand(ctx, f)
				f.ending = w.desk.ended(f.s, o, w.desk.now())
				landings <- f
			}
		})
	}
	desk.Go(func() { w.settle(landings) })
	w.feed(ctx, batches)
	close(batches)
	pump.Wait()
	close(wire)
	hands.Wait()
	close(landings)
	desk.Wait()
}

// feed prepares and marks batches for the wire.
func (w *shift) feed(ctx context.Context, batches chan<- *batch) {
	for !w.over(ctx) && !w.relay.rationed() {
		b, err := w.prepare(ctx, w.pace())
		if err != nil {
			w.fail(err)
			return
		}
		if b == nil {
			w.done = true
			return
		}
		if w.until = b.quietUntil(); !w.until.IsZero() {
			return
		}
		if w.ration(ctx, b); len(b.sends)+len(b.ended) == 0 {
			return
		}
		if err := w.mark(ctx, b); err != nil {
			w.fail(err)
			return
		}
		if w.marked.id != 0 {
			batches <- w.marked
		}
	}
}

// ration asks the limiter for leave and cuts the batch to it.
func (w *shift) ration(ctx context.Context, b *batch) {
	granted, wait, err := w.desk.leave(ctx, Bulk, len(b.sends))
	if err != nil {
		w.fail(err)
	}
	if granted < len(b.sends) {
		b.only(granted)
		w.relay.ration(wait)
	}
}

func (w *shift) mark(ctx context.Context, b *batch) error {
	age := time.Now()
	var ended []ending
	err := w.desk.claim(ctx, func(tx *store.Tx) (err error) { ended, err = b.mark(tx, w); return err })
	if err != nil {
		w.doubt = true
		return err
	}
	w.marked.age = age
	w.next = b.last + 1
	w.lease(age)
	w.count(ended)
	return nil
}

// pump puts batches on the wire, mail by mail, and learns how fast that goes.
func (w *shift) pump(batches <-chan *batch, wire chan<- landing) {
	for b := range batches {
		start := time.Now()
		for _, s := range b.sends {
			wire <- landing{b, ending{s: s}}
		}
		w.learn(len(b.sends), time.Since(start))
	}
}

// learn makes the next batch larger or smaller, also of the chunks to come. One
// that was smaller than allowed tells nothing when it was fast.
func (w *shift) learn(n int, took time.Duration) {
	size := w.pace()
	switch {
	case took < tooFast && n >= size:
		w.desk.pace.Store(int64(min(2*size, w.desk.c.Batch)))
	case took > tooSlow:
		w.desk.pace.Store(int64(max(1, min(size, n)/2)))
	}
}

// pace is how many mails to mark at once.
func (w *shift) pace() int { return int(w.desk.pace.Load()) }

// over reports whether to begin nothing more.
func (w *shift) over(ctx context.Context) bool {
	w.mu.Lock()
	halted := w.halted
	w.mu.Unlock()
	return halted || ctx.Err() != nil || w.relay.away()
}

// fail ends the shift. A stop by a person is no error, and neither is the end of
// the caller's context.
func (w *shift) fail(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.halted = true
	if !errors.Is(err, errHalted) && !errors.Is(err, context.Canceled) {
		w.errs = append(w.errs, err)
	}
}

func (w *shift) count(endings []ending) {
	for _, e := range endings {
		if e.moves() {
			w.moved.Add(1)
		}
	}
}

// leave closes the chunk, or lets the next worker go on with it.
func (w *shift) leave() {
	w.done = w.done && len(w.errs) == 0
	err := w.desk.persist(func(tx *store.Tx) error {
		if w.doubt {
			if err := w.chunk.withdraw(tx, w.open); err != nil {
				return err
			}
		}
		if w.done {
			return w.chunk.close(tx)
		}
		return w.chunk.leave(tx, w.until)
	})
	if err == nil && w.done {
		w.moved.Add(1)
	}
	if err != nil && !errors.Is(err, errLost) {
		w.fail(err)
	}
}

// outcome is the error of the call: what went wrong, or else why the lane rests.
func (w *shift) outcome() error {
	if err := errors.Join(w.errs...); err != nil {
		return fmt.Errorf("chunk %d of run %d: %w", w.chunk.N, w.chunk.RunID, err)
	}
	return w.relay.over(Bulk)
}
