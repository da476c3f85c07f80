package smtp

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strconv"
	"time"

	"regulars/internal/delivery"
)

// Options describe a relay. Host and Port are needed, the rest has defaults.
type Options struct {
	Host           string
	Port           int
	User, Password string
	Security       Security // "": Offered
	AnyCertificate bool
	Hello          string // our name in EHLO; "": this machine's

	Connections   int           // kept at most; 0: 8
	PerConnection int           // mails before a connection is renewed; 0: 100
	KeepIdle      time.Duration // an unused connection is closed after it; 0: 30 s
	Deadlines     Deadlines

	Now func() time.Time // machine time for the breaker; nil: time.Now
	Log *slog.Logger     // hears of the relay going away and coming back; nil: nobody
	TLS *tls.Config      // nil: the system's authorities
}

// Deadlines are how long each stage may take; zero fields have the value of RFC
// 5321, section 4.5.3.2, where it names one.
type Deadlines struct {
	Dial   time.Duration // TCP; 30 s
	Banner time.Duration // TLS and the first 220; 5 min
	Hello  time.Duration // EHLO and STARTTLS; 5 min
	Auth   time.Duration // 5 min
	Mail   time.Duration // and RSET; 5 min
	Rcpt   time.Duration // 5 min
	Data   time.Duration // up to the 354; 2 min
	Block  time.Duration // each 32 KB of the body; 3 min
	Dot    time.Duration // the answer to the final dot; 10 min
	Quit   time.Duration // 5 s
}

// Relay hands mails to one SMTP server. It is safe for concurrent use; as many
// calls of Hand are on the wire at once as it may have connections.
type Relay struct {
	o       Options
	breaker *breaker
	pool    *pool
}

var _ delivery.Transport = (*Relay)(nil)

// errClosed and errResting are why a mail was not even tried.
var (
	errClosed  = errors.New("the transport is closed")
	errResting = errors.New("the relay was away and is left alone for a while")
)

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

func (o *Options) name() string { return net.JoinHostPort(o.Host, strconv.Itoa(o.Port)) }

func (o *Options) defaults() {
	o.Security = cmp.Or(o.Security, Offered)
	o.Hello = cmp.Or(o.Hello, machineName())
	o.Connections = cmp.Or(o.Connections, 8)
	o.PerConnection = cmp.Or(o.PerConnection, 100)
	o.KeepIdle = cmp.Or(o.KeepIdle, 30*time.Second)
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	d := &o.Deadlines
	d.Dial = cmp.Or(d.Dial, 30*time.Second)
	d.Banner = cmp.Or(d.Banner, 5*time.Minute)
	d.Hello = cmp.Or(d.Hello, 5*time.Minute)
	d.Auth = cmp.Or(d.Auth, 5*time.Minute)
	d.Mail = cmp.Or(d.Mail, 5*time.Minute)
	d.Rcpt = cmp.Or(d.Rcpt, 5*time.Minute)
	d.Data = cmp.Or(d.Data, 2*time.Minute)
	d.Block = cmp.Or(d.Block, 3*time.Minute)
	d.Dot = cmp.Or(d.Dot, 10*time.Minute)
	d.Quit = cmp.Or(d.Quit, 5*time.Second)
}

// machineName is what we call ourselves when nobody says otherwise.
func machineName() string {
	if name, err := os.Hostname(); err == nil && helloName(name) {
		return name
	}
	return "[127.0.0.1]"
}

func resting(wait time.Duration) delivery.Outcome {
	return delivery.Outcome{Stage: delivery.StageConnect, Wait: wait, Err: errResting}
}

func withheld(s delivery.Stage, err error) delivery.Outcome {
	return delivery.Outcome{Stage: s, Err: fmt.Errorf("%w: %w", delivery.ErrWithheld, err)}
}
