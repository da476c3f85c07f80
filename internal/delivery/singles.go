package delivery

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"regulars/internal/store"
)

// Singles claims at most limit sends that are due in the lane, hands them over,
// and returns how many it finished or moved: 0 says that nothing is due now.
// The error is a *Rest when the lane should pause. When ctx ends, what is on the
// wire is brought to its end and the rest goes back.
func (d *Desk) Singles(ctx context.Context, lane string, limit int) (int, error) {
	b := d.bundle(lane)
	if err := b.claim(ctx, limit); err != nil {
		return 0, fmt.Errorf("claiming in lane %s: %w", lane, err)
	}
	if len(b.sends) > 0 {
		b.ration(ctx)
		stop := b.keep(ctx)
		b.handAll(ctx)
		stop()
	}
	return int(b.moved.Load()), b.outcome()
}

// bundle is what one call of Singles has claimed.
type bundle struct {
	desk  *Desk
	lane  string
	sends []*send
	stuff material
	moved atomic.Int64 // sends finished or moved

	// pen is held for writing while the leases are renewed, so that a send that
	// is deferred in that moment keeps its own date.
	pen   sync.RWMutex
	marks *together[*mark]

	relay watch
	mu    sync.Mutex
	errs  []error
}

func (d *Desk) bundle(lane string) *bundle {
	b := &bundle{desk: d, lane: lane}
	b.marks = newTogether(b.markAll)
	return b
}

// claim takes sends that are due, in one transaction with the first gate. What
// the gate lets pass stays claimed; the rest is skipped, or due later.
func (b *bundle) claim(ctx context.Context, limit int) error {
	var ended []ending
	err := b.desk.withPlans(ctx, func(p *planner) error {
		return b.desk.claim(ctx, func(tx *store.Tx) error {
			b.sends, ended = nil, nil
			ids, err := claimDue(tx, b.lane, limit, b.desk.c.Lease)
			if err != nil || len(ids) == 0 {
				return err
			}
			sends, err := open(tx, ids, p)
			if err != nil {
				return err
			}
			ended, err = b.sift(tx, sends)
			return err
		})
	})
	if err == nil {
		b.count(ended)
	}
	return err
}

// open loads sends with their plans and what started them.
func open(tx *store.Tx, ids []int64, p *planner) ([]*send, error) {
	sends, err := load(tx, ids)
	if err != nil {
		return nil, err
	}
	if err := p.give(sends); err != nil {
		return nil, err
	}
	return sends, startedBy(tx, sends)
}

// sift keeps the sends that pass the gate, loads what their letters need, and
// records the others.
func (b *bundle) sift(tx *store.Tx, sends []*send) ([]ending, error) {
	rulings, err := gate(tx, sends)
	if err != nil {
		return nil, err
	}
	var ended []ending
	for i, s := range sends {
		if e, closed := ruled(s, rulings[i]); closed {
			ended = append(ended, e)
		} else {
			b.sends = append(b.sends, s)
		}
	}
	if _, err := record(tx, b.lane, ofClaim, ended); err != nil {
		return nil, err
	}
	b.stuff, err = gather(tx, b.sends)
	return ended, err
}

// ration asks the limiter for leave; what gets none goes back, and the lane rests.
func (b *bundle) ration(ctx context.Context) {
	granted, wait, err := b.desk.leave(ctx, b.lane, len(b.sends))
	if err != nil {
		b.trouble(err)
	}
	if granted == len(b.sends) {
		return
	}
	late := b.sends[granted:]
	b.sends = b.sends[:granted]
	b.giveBack(late, wait)
	b.relay.ration(wait)
}

// handAll hands the claimed sends over, some at a time, and records what comes of
// them while the next are on the wire.
func (b *bundle) handAll(ctx context.Context) {
	next, landed := make(chan *send), make(chan ending, b.desk.c.Connections)
	var hands, recorder sync.WaitGroup
	for range min(b.desk.c.Connections, len(b.sends)) {
		hands.Go(func() {
			for s := range next {
				b.hand(ctx, s, landed)
			}
		})
	}
	recorder.Go(func() {
		for e := range landed {
			b.write(append(ready(landed), e))
		}
	})
	for i, s := range b.sends {
		if b.over(ctx) {
			b.giveBack(b.sends[i:], 0)
			break
		}
		next <- s
	}
	close(next)
	hands.Wait()
	close(landed)
	recorder.Wait()
}

// ready returns what stands in a channel at this moment.
func ready(landed <-chan ending) (all []ending) {
	for range len(landed) {
		e, ok := <-landed
		if !ok {
			break
		}
		all = append(all, e)
	}
	return all
}

// over reports whether there is no use in handing over any more.
func (b *bundle) over(ctx context.Context) bool { return ctx.Err() != nil || b.relay.away() }

// hand brings one send to its outcome, or gives it back when there is no use in
// trying.
func (b *bundle) hand(ctx context.Context, s *send, landed chan<- ending) {
	if b.over(ctx) {
		landed <- ending{s: s, state: queued, due: true}.keep()
		return
	}
	if err := b.desk.write(s, b.stuff); err != nil {
		b.desk.c.Log.Warn("a mail cannot be made", "send", s.Send, "campaign", s.campaign, "mail", s.mail(), "err", err)
		landed <- spoilt(s, err)
		return
	}
	m := &mark{bundle: b, send: s}
	o := b.desk.c.Transports[b.lane].Hand(ctx, s.letter.message, m.begin)
	b.relay.heard(o)
	if !m.ended {
		landed <- b.desk.ended(s, o, b.desk.now())
	}
}

// write records endings, whatever has become of the caller's context. What goes
// wrong is kept for the outcome of the call.
func (b *bundle) write(endings []ending) {
	b.pen.RLock()
	defer b.pen.RUnlock()
	var effective []ending
	err := b.desk.persist(func(tx *store.Tx) (err error) {
		if effective, err = b.desk.spare(tx, endings); err != nil {
			return err
		}
		if effective, err = record(tx, b.lane, ofClaim, effective); err != nil {
			return err
		}
		return b.desk.brake(tx, effective)
	})
	if err != nil {
		b.trouble(err)
		effective = nil
	}
	b.count(effective)
}

func (b *bundle) count(endings []ending) {
	for _, e := range endings {
		if e.moves() {
			b.moved.Add(1)
		}
	}
}

// giveBack returns claims, to be due again after so much machine time.
func (b *bundle) giveBack(sends []*send, wait time.Duration) {
	if len(sends) == 0 {
		return
	}
	endings := make([]ending, len(sends))
	for i, s := range sends {
		endings[i] = ending{s: s, state: queued, due: true, wait: wait}.keep()
	}
	b.write(endings)
}

// keep renews the claims until the function that it returns is called.
func (b *bundle) keep(ctx context.Context) (stop func()) {
	return every(context.WithoutCancel(ctx), b.desk.c.Renew, func(ctx context.Context) {
		b.pen.Lock()
		defer b.pen.Unlock()
		err := b.desk.c.DB.Update(ctx, func(tx *store.Tx) error { return renew(tx, b.sends, b.desk.c.Lease) })
		if err != nil {
			b.desk.c.Log.Warn("claims are not renewed", "lane", b.lane, "err", err)
		}
	})
}

func (b *bundle) trouble(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.errs = append(b.errs, err)
}

// outcome is the error of the call: what went wrong, or else why the lane rests.
func (b *bundle) outcome() error {
	if err := errors.Join(b.errs...); err != nil {
		return err
	}
	return b.relay.over(b.lane)
}
