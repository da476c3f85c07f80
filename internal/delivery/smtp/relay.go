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
}

var _ delivery.Transport = (*Relay)(nil)

// New returns a relay; the first connection is made with the first mail.
func New(o Options) *Relay {
	o.defaults()
	b := &breaker{now: o.Now, log: o.Log.With("relay", o.name())}
	return &Relay{o: o, breaker: b, pool: newPool(o)}
}

// Share returns a second transport to the same relay with connections of its
// own, so that one lane cannot take another's. Both obey one breaker; each is to
// be closed.
func (r *Relay) Share(connections int) *Relay {
	o := r.o
	o.Connections = connections
	return &Relay{o: o, breaker: r.breaker, pool: newPool(o)}
}

// Name returns the relay's host:port, for metrics and status.
func (r *Relay) Name() string { return r.o.name() }

// State returns what the breaker has decided.
func (r *Relay) State() State { return r.breaker.get() }

// Hand implements delivery.Transport. It waits for a free connection. While the
// breaker is open it returns at once.
func (r *Relay) Hand(ctx context.Context, m delivery.Message, begin func(context.Context) error) delivery.Outcome {
	if o, ok := unsendable(m); ok {
		return o
	}
	if wait := r.breaker.wait(); wait > 0 {
		return resting(wait)
	}
	if err := r.pool.acquire(ctx); err != nil {
		return withheld(delivery.StageConnect, err)
	}
	t, wait := r.breaker.enter()
	if wait > 0 {
		r.pool.release()
		return resting(wait)
	}
	o := r.hand(ctx, m, begin)
	r.breaker.leave(t, o)
	return o
}

// hand carries one mail over a connection, whose place in the pool it gives back.
// A kept connection that turns out to be over, before anything was said about
// this mail, is replaced by a fresh one.
func (r *Relay) hand(ctx context.Context, m delivery.Message, begin func(context.Context) error) delivery.Outcome {
	if c := r.pool.take(); c != nil {
		o := c.carry(ctx, m, begin)
		if !c.over(o) {
			r.pool.put(c)
			return o
		}
		r.pool.cut(c)
		r.pool.forget() // the others are hardly better
	}
	c, o := r.dial(ctx)
	if c == nil {
		r.pool.release()
		return o
	}
	o = c.carry(ctx, m, begin)
	r.pool.put(c)
	return o
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
	stage, err := c.greet(ctx, r.o)
	if err == nil {
		r.pool.add(c)
		return c, delivery.Outcome{}
	}
	if c.raw != nil {
		c.raw.Close()
	}
	if ctx.Err() != nil {
		return nil, withheld(stage, ctx.Err())
	}
	return nil, c.refusal(stage, err)
}
