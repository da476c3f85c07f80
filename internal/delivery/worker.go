package delivery

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"regulars/internal/address"
	"regulars/internal/consent"
	"regulars/internal/loyalty"
	"regulars/internal/store"
)

// claim is some sends that one worker has taken up, under a fence and a lease.
type claim interface {
	// next takes up some more of the sends, at most so many: loaded, asked of the gate,
	// and with what their letters are made of. nil: none is left.
	next(ctx context.Context, most int) (*batch, error)

	// mark records what of the batch does not go, and returns the batch as it goes to
	// the wire. What is marked only when its first byte is due goes as it is.
	mark(ctx context.Context, b *batch) (*batch, error)

	// begin is asked when the relay waits for the body of a mail of the batch. It
	// returns an error to keep the mail back.
	begin(ctx context.Context, b *batch, s *send) error

	// recording is to be called before a transaction that records, and what it returns
	// after it.
	recording() (done func())
	// record writes down what became of sends of the batch, and returns those of which
	// that was not known yet.
	record(tx *store.Tx, b *batch, results []result) ([]result, error)

	// keep renews the lease and sees what should stop the worker: an error. It is
	// called as often as it says.
	keep(ctx context.Context) error
	keepEvery() time.Duration
}

// batch is some sends of a claim: prepared, then marked, then on the wire.
type batch struct {
	sends []*send         // those that go
	ended []result        // those that do not
	last  int64           // the highest id of both
	until loyalty.Instant // none of them can go before: the claim waits
	stuff material        // of their letters

	single bool      // its sends are marked one by one, when their first byte is due
	id     int64     // of the row that marks it, else
	age    time.Time // when the gate was asked at the mark, by our clock
	landed map[int64]bool
	wait   []result // of those that landed and are not recorded yet
}

// waitsUntil returns when the quiet hours end, or the warm-up has its next day, if every
// send waits for that: then the claim waits, and not each send by itself.
func (b *batch) waitsUntil() (until loyalty.Instant) {
	if len(b.sends) > 0 || !b.until.IsZero() {
		return b.until
	}
	for _, e := range b.ended {
		if e.reason != consent.QuietHour || e.until.IsZero() {
			return loyalty.Instant{}
		}
		if until.IsZero() || e.until.Before(until.Time) {
			until = e.until
		}
	}
	return until
}

// only keeps the first n sends that go. The others of a chunk are not taken up yet, nor
// what stands behind them; single ones are given back.
func (b *batch) only(n int, wait time.Duration) {
	late := b.sends[n:]
	b.sends = b.sends[:n]
	if b.single {
		for _, s := range late {
			b.ended = append(b.ended, result{s: s, state: queued, due: true, wait: wait, domain: rated(s)}.keep())
		}
		return
	}
	next := late[0].Send
	b.ended = slices.DeleteFunc(b.ended, func(e result) bool { return e.s.Send >= next })
	b.last = next - 1
}

// rated is the domain by whose rate a mail goes.
func rated(s *send) string { return loyalty.RateDomain(address.Domain(s.Email)) }

// worker hands the mails of one claim over. Three things go on at once: the next
// batch is prepared and marked while the present one is on the wire and the one
// before is recorded. So at most two batches are marked and not yet handed over.
type worker struct {
	d     *Sender
	lane  string
	claim claim
	relay watch
	moved atomic.Int64 // sends finished or moved

	until loyalty.Instant // every send of the next batch waits for that
	done  bool            // every send of the claim was taken up
	doubt bool            // a mark was refused, and may have lasted all the same
	lost  []int64         // batches that could not be recorded

	mu     sync.Mutex
	halted bool
	errs   []error
}

// landing is one hand-over that has come to its end.
type landing struct {
	batch *batch
	result
	recorded bool // by begin
	unmade   bool // there is no letter
}

// errHalted says that a person or a brake stopped the run.
var errHalted = errors.New("the run is stopped")

// ruledOut is the error of begin for a send that the gate has stopped: it is recorded
// how that goes on.
type ruledOut struct{ result }

func (e *ruledOut) Error() string { return "the gate closed: " + e.reason }

// How a worker paces itself: what a kill leaves unknown is what was marked and not yet
// recorded.
const (
	flushEvery = 250 * time.Millisecond // how long what landed waits for the rest of its batch
	aBatch     = 250 * time.Millisecond // what a batch may take on the wire: two are marked at once
)

// prepare takes up the next batch and begins its letters. nil: none is left, or now is
// no time for it.
func (w *worker) prepare(ctx context.Context) *batch {
	b, err := w.claim.next(ctx, w.pace())
	if err == nil && b != nil && !b.waitsUntil().IsZero() { // a few tell nothing of the others
		if b, err = w.claim.next(ctx, w.d.c.Batch); err == nil && len(b.sends) > w.pace() {
			b.only(w.pace(), 0)
		}
	}
	if err != nil {
		w.fail(err)
		return nil
	}
	if b == nil {
		w.done = true
		return nil
	}
	if w.until = b.waitsUntil(); !w.until.IsZero() {
		return nil
	}
	w.address(b)
	return b
}

// address begins the letters. Their bodies are written when a connection is about to take
// them.
func (w *worker) address(b *batch) {
	going := b.sends[:0]
	for _, s := range b.sends {
		if err := w.d.writer.address(s, b.stuff); err != nil {
			b.ended = append(b.ended, w.cannotMake(s, b.single, err))
			continue
		}
		going = append(going, s)
	}
	b.sends = going
}

// cannotMake ends a mail that cannot be made. A single mail waits where the text is
// at fault, until that is mended, and its campaign is told of as set back. In a run
// that is the brake's to decide.
func (w *worker) cannotMake(s *send, single bool, err error) result {
	w.d.c.Log.Warn("a mail cannot be made", "send", s.Send, "campaign", s.campaign, "mail", s.mail()) // why is with the send: it may name the member
	s.letter = nil
	if !single || !ofTheText(err) || isNoIssue(s, err) {
		return spoilt(s, err)
	}
	if err := w.d.setBack(s.Campaign, fmt.Errorf("the mail %s cannot be made: %w", s.mail(), err)); err != nil {
		w.trouble(err)
	}
	return result{s: s, state: queued, due: true, wait: textRetry}.keep()
}

// lettersAhead is how many letters are written at once, while the connections still have
// some: few are in memory, and no connection waits for one.
const lettersAhead = 16

// pump puts batches on the wire, mail by mail, and learns how fast that goes.
func (w *worker) pump(batches <-chan *batch, wire chan<- landing) {
	for b := range batches {
		start := time.Now()
		for some := range slices.Chunk(b.sends, lettersAhead) {
			for _, l := range w.written(b, some) {
				wire <- l
			}
		}
		if !b.single {
			w.learn(len(b.sends), time.Since(start))
		}
	}
}

// written writes the letters of some sends of a batch. One that cannot be made has landed.
func (w *worker) written(b *batch, sends []*send) []landing {
	all := make([]landing, len(sends))
	for i, s := range sends {
		all[i] = landing{batch: b, result: result{s: s}}
		if err := w.d.writer.write(s, b.stuff); err != nil {
			all[i].result, all[i].unmade = w.cannotMake(s, b.single, err), true
		}
	}
	return all
}

// learn makes the next batch larger or smaller, also of the claims to come.
func (w *worker) learn(n int, took time.Duration) {
	w.d.pace.Store(int64(paced(w.pace(), n, w.d.c.Batch, took)))
}

// paced is how many mails the next batch is to have, where so many took so long: what
// the wire takes in a quarter of a second, by steps of two and within bounds. A batch
// that was smaller than allowed tells nothing when it was fast.
func paced(size, n, most int, took time.Duration) int {
	fits := most
	if took > 0 {
		fits = int(min(int64(most), int64(n)*int64(aBatch)/int64(took)))
	}
	if n < size && fits > size {
		return size
	}
	return max(1, min(max(fits, size/2), 2*size, most))
}

// pace is how many mails to mark at once.
func (w *worker) pace() int { return int(w.d.pace.Load()) }

// hand gives one mail to the relay, unless there is no use in it any more.
func (w *worker) hand(ctx context.Context, l landing) landing {
	if l.unmade {
		return l
	}
	if w.over(ctx) {
		l.result = w.d.outcomes.of(l.s, Outcome{Err: fmt.Errorf("%w: %w", ErrWithheld, errHalted)}, w.d.now())
		return l
	}
	o := w.d.handOver(ctx, w.lane, l.s, func(ctx context.Context) error {
		if w.over(ctx) {
			return errHalted
		}
		if err := w.claim.begin(ctx, l.batch, l.s); err != nil {
			return err
		}
		return w.d.onWire.begun(l.s)
	})
	w.d.onWire.answered(l.s, o)
	if o.Stage == StageDone { // the relay has all of it
		w.d.writer.sheets.put(l.s.letter.message.Body)
		l.s.letter.message.Body = nil
	}
	w.relay.heard(o)
	out := (*ruledOut)(nil)
	if l.recorded = errors.As(o.Err, &out); l.recorded {
		l.result = out.result
	} else {
		l.result = w.d.outcomes.of(l.s, o, w.d.now())
	}
	return l
}

// settle records what lands: what is marked together when all of it has landed, or
// every now and then; the others at once, with what landed in the same moment.
func (w *worker) settle(landed <-chan landing) {
	open := map[*batch]bool{}
	tick := time.NewTicker(flushEvery)
	defer tick.Stop()
	for {
		select {
		case l, more := <-landed:
			if !more {
				w.flush(open)
				return
			}
			b := l.batch
			open[b] = true
			b.landed[l.s.Send] = true
			if l.recorded {
				w.count([]result{l.result})
			} else {
				if b.wait == nil && !b.single {
					b.wait = make([]result, 0, len(b.sends))
				}
				b.wait = append(b.wait, l.result)
			}
			if len(b.landed) == len(b.sends) || b.single && len(landed) == 0 {
				w.flush(map[*batch]bool{b: true})
				delete(open, b)
			}
		case <-tick.C:
			w.flush(open)
		}
	}
}

// flush records what has landed of some batches.
func (w *worker) flush(batches map[*batch]bool) {
	for b := range batches {
		if len(b.wait) == 0 {
			continue
		}
		if err := w.record(b, b.wait); err != nil {
			w.fail(fmt.Errorf("recording batch %d: %w", b.id, err))
			w.lost = append(w.lost, b.id)
			continue
		}
		b.wait = nil
	}
}

// record writes results down, with all that they bring.
func (w *worker) record(b *batch, results []result) error {
	defer w.claim.recording()()
	var effective []result
	err := w.d.persist(func(tx *store.Tx) (err error) {
		if effective, err = w.claim.record(tx, b, results); err != nil {
			return err
		}
		if err := recovered(tx, effective); err != nil {
			return err
		}
		return w.d.brakes.apply(tx, effective)
	})
	if err == nil {
		w.d.onWire.noted(results)
		w.count(effective)
	}
	return err
}

// over reports whether to begin nothing more.
func (w *worker) over(ctx context.Context) bool {
	w.mu.Lock()
	halted := w.halted
	w.mu.Unlock()
	return halted || ctx.Err() != nil || w.relay.away()
}

// fail ends the work. A stop by a person is no error, and neither is the end of
// the caller's context.
func (w *worker) fail(err error) {
	w.mu.Lock()
	w.halted = true
	w.mu.Unlock()
	if !errors.Is(err, errHalted) && !errors.Is(err, context.Canceled) {
		w.trouble(err)
	}
}

// trouble keeps an error for the end of the call.
func (w *worker) trouble(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.errs = append(w.errs, err)
}

func (w *worker) count(results []result) {
	for _, e := range results {
		if e.moves() {
			w.moved.Add(1)
		}
	}
}

// outcome is the error of the call: what went wrong, or else why the lane rests.
func (w *worker) outcome() error {
	if err := errors.Join(w.errs...); err != nil {
		return err
	}
	return w.relay.over(w.lane)
}

// every calls f again and again until the function that it returns is called,
// which waits for the call under way.
func every(ctx context.Context, d time.Duration, f func(context.Context)) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(d)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				f(ctx)
			}
		}
	}()
	return func() { cancel(); <-done }
}
