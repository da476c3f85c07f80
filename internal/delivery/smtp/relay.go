package smtp

import (
	"context"
	"fmt"
	"time"

	"regulars/internal/delivery"
)

// Relay hands mails to one SMTP server. It is safe for concurrent use; as many
// calls of Hand are on the wire at once as it may have connections.
type Relay struct {
	o       Options
	breaker *breaker
	pool    *pool
	lane    int
}

var _ delivery.Transport = (*Relay)(nil)

// New returns a relay; the first connection is made with the first mail.
func New(o Options) *Relay {
	o.defaults()
	b := &breaker{now: o.Now, log: o.Log.With("relay", o.name())}
	return &Relay{o: o, breaker: b, pool: newPool(o), lane: second}
}

// Urgent returns a second transport over the same connections, whose mails are
// served before those of the first; and some connections it alone may use, where
// there are at least four. Closing one closes both.
func (r *Relay) Urgent() *Relay {
	return &Relay{o: r.o, breaker: r.breaker, pool: r.pool, lane: first}
}

// Name returns the relay's host:port, for metrics and status.
func (r *Relay) Name() string { return r.o.name() }

// Connections returns how many there may be, of all lanes together.
func (r *Relay) Connections() int { return r.o.Connections }

// State returns what the breaker has decided.
func (r *Relay) State() State { return r.breaker.get() }

// Hand implements delivery.Transport. It waits for a free connection. While the
// breaker is open it returns at once.
func (r *Relay) Hand(ctx context.Context, m delivery.Message, begin func(context.Context) error) delivery.Outcome {
	if o, ok := unsendable(m); ok {
		return o
	}
	for {
		if wait := r.breaker.wait(); wait > 0 {
			return resting(wait)
		}
		c, err := r.pool.acquire(ctx, m, r.lane)
		if err != nil {
			return withheld(delivery.StageConnect, err)
		}
		t, wait := r.breaker.enter()
		if wait > 0 {
			r.pool.refuse(c, r.lane)
			return resting(wait)
		}
		o, again := r.hand(ctx, c, m, begin)
		r.breaker.leave(t, o)
		if !again {
			return o
		}
	}
}

// hand carries one mail over the connection that came with its place in the pool,
// and gives both back. A kept connection that turns out to be over, before anything
// was said about this mail, is replaced by a fresh one. again says that the relay has
// no further connection for us and the mail is to wait for one that works.
func (r *Relay) hand(ctx context.Context, c *conn, m delivery.Message, begin func(context.Context) error) (o delivery.Outcome, again bool) {
	if c != nil {
		o, tied := c.carry(ctx, m, begin, r.tie)
		if !c.over(o) {
			r.goOn(c, tied)
			return o, false
		}
		r.pool.cut(c)
		r.pool.forget() // the others are hardly better
	}
	if c, o = r.dial(ctx); c == nil {
		again = o.Code == 421 && r.pool.limited(false)
		r.pool.release(r.lane)
	} else {
		var tied *waiter
		o, tied = c.carry(ctx, m, begin, r.tie)
		if again = c.over(o) && o.Code == 421; again {
			r.pool.cut(c)
			again = r.pool.limited(true)
		}
		r.goOn(c, tied)
	}
	if again {
		return withheld(delivery.StageConnect, errLimited), true
	}
	return o, false
}

// tie takes out the mail that is to have our place after us.
func (r *Relay) tie() *waiter { return r.pool.tie(r.lane) }

// goOn gives a connection back, with its place: to the mail that was tied to it.
func (r *Relay) goOn(c *conn, tied *waiter) {
	if tied != nil {
		r.pool.give(c, r.lane, tied)
	} else {
		r.pool.put(c, r.lane)
	}
}

// Close lets nothing new begin, waits for the mails on the wire and says good-bye.
// When ctx ends first, connections are cut: a mail on the wire may then have
// become unknown, and the error says so.
func (r *Relay) Close(ctx context.Context) error {
	if err := r.pool.close(ctx); err != nil {
		return fmt.Errorf("relay %s: mails cut on the wire: %w", r.Name(), err)
	}
	return nil
}

// Cut ends all connections at once: a mail on the wire may have become unknown.
// It is for a stop whose time is over; Close is still to be called.
func (r *Relay) Cut() { r.pool.cutAll() }

func resting(wait time.Duration) delivery.Outcome {
	return delivery.Outcome{Stage: delivery.StageConnect, Wait: wait, Err: errResting}
}

// dial makes a connection ready for mails, or says at which stage it could not.
// The end of ctx, or of the pool, ends the attempt.
func (r *Relay) dial(ctx context.Context) (*conn, delivery.Outcome) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(r.pool.base, cancel)()
	c := newConn(r.o)
	r.pool.dial()
	stage, err := c.greet(ctx, r.o)
	if err == nil {
		r.pool.dialed(c)
		return c, delivery.Outcome{}
	}
	r.pool.dialed(nil)
	if c.raw != nil {
		c.raw.Close()
	}
	if ctx.Err() != nil {
		return nil, withheld(stage, ctx.Err())
	}
	return nil, c.refusal(stage, err)
}
