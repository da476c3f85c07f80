// Package delivery takes mails from the ledger to a relay, from queued to their
// outcome.
//
// It promises that a mail is marked in the database before its first byte goes
// out and never handed over twice, except where the policy of its class says so
// (earned and service, once, 15 minutes after an outcome nobody knows); that
// whoever is not mailed has a reason; that consent, holds, rules, caps, quiet
// hours and lateness are asked twice, the second time within the 4 seconds
// before the first byte; and that an orderly stop leaves nothing unknown.
//
// One worker sends, whatever it has claimed: single mails that are due, or a chunk
// of a run. Both are some sends with a fence. Who waits for whom:
//
//	worker.feed ──batches──▶ worker.pump ──mails──▶ connections ──results──▶ worker.settle
//	    │                                              │                         │
//	claim.next: load, ask the gate    some letters     │ relay: DATA … 354       claim.record:
//	claim.mark: may be on its way     are written      │ claim.begin             the row, codes, caps,
//	            from this commit      ahead            │ (singles: marked here)  passages, brakes
//	            (chunks: a row of batches)             ▼ body … 250
//
//	claim      rows              taken up                    marked           over when
//	singles    due (lease)       40 at once, oldest first    at 354           its row is recorded
//	chunk      chunks (lease)    as the wire takes them      before the wire  next_id is past its end
//
// A batch is what the wire takes in a quarter of a second. Before the first byte of a
// mail, and when its answer has come, a connection notes that in the wire log, which
// outlives the process. The rows of a claim bear the log's name as their owner:
//
//	in the log      of a worker of this machine that is gone
//	answered        what the answer says is recorded
//	begun           unknown: at most one mail per connection
//	nothing         never left: queued again
//
// Another worker of the machine sees within a second that the log's lock is free. Where
// there is no log to be trusted, a claim whose worker is gone is seen by Reap when its
// lease is over, and all that was marked is unknown: about half a second of mails, and
// what was not yet recorded.
//
// It leaves to others: which sends there are (flows, runs), how a mail looks
// (templates, compose), how a relay is talked to (delivery/smtp), when to call
// it (engine, jobs).
package delivery

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"runtime/debug"
	"sync/atomic"
	"time"

	"regulars/internal/loyalty"
	"regulars/internal/store"
)

// The lanes of due sends. Welcome, milestone and double opt-in never wait
// behind a newsletter.
const (
	Urgent = "urgent"
	Bulk   = "bulk"
)

// Limiter shares a rate between all replicas.
type Limiter interface {
	// Take asks for leave to hand n mails over now. It grants between 0 and n;
	// wait is when to ask for the rest.
	Take(ctx context.Context, lane string, n int) (granted int, wait time.Duration, err error)
	// Return gives leave back of which no use was made.
	Return(ctx context.Context, lane string, n int)
}

// DomainLimiter shares the rates of recipients' domains between all replicas.
type DomainLimiter interface {
	// TakeFor asks for leave to hand n mails over to a domain now. It grants between 0
	// and n, and says for each of the others when to ask again. Those that come for the
	// first time go behind all that wait.
	TakeFor(ctx context.Context, lane, domain string, limit loyalty.Rate, n int, behind bool) (granted int, waits []time.Duration)
}

// Config is what a Sender works with. DB, Programs, Transports, Links and Secret
// must be set.
type Config struct {
	DB         *store.DB
	Programs   Programs
	Transports map[string]Transport // by lane
	Links      Links
	Limiter    Limiter       // nil: no limit
	Domains    DomainLimiter // nil: the program's rates are not kept

	Secret        []byte   // keys Message-IDs and return addresses
	OldSecrets    [][]byte // such as were made before a change of key
	MessageDomain string   // right side of Message-IDs; "": that of the sender
	ReturnDomain  string   // right side of return addresses (VERP); "": bounces go to the sender

	MailOnlyTo *regexp.Regexp // nil: everybody; others are skipped as blocked
	Sink       bool           // the transports end in the built-in sink: sent mails say "inbox"

	Batch    int // sends per mark of a chunk; 0: 200
	InFlight int // mails at the transport at once, per call; 0: 4

	Lease   time.Duration // how long a claim outlives its worker; 0: 60 s
	Renew   time.Duration // how often it is renewed; 0: 20 s
	MarkFor time.Duration // how long a mark is good for; 0: 4 s
	Recheck time.Duration // wait before an unknown mail of class earned or service goes again; 0: 15 min

	WireLog string // a folder for the wire log, which OpenWireLog begins; "": there is none

	Log *slog.Logger // nil: the default
}

// Sender hands mails over. It is safe for concurrent use by many goroutines and,
// through the database, by many replicas.
type Sender struct {
	c        Config
	plans    *plans
	writer   *writer
	outcomes outcomes
	brakes   brakes
	secrets  [][]byte // by which marks in what comes back are known
	onWire   onWire
	pace     atomic.Int64  // sends per mark: what the wire takes in a quarter of a second
	feeders  chan struct{} // a place for each chunk that is being taken up
}

// manyFeed is how many chunks are taken up at once: while one waits for the database, the
// other does not. Those whose last mails are on the wire no longer count.
const manyFeed = 2

// New returns a Sender.
func New(c Config) *Sender {
	fill(&c.Batch, 200)
	fill(&c.InFlight, 4)
	fill(&c.Lease, time.Minute)
	fill(&c.Renew, c.Lease/3)
	fill(&c.MarkFor, 4*time.Second)
	fill(&c.Recheck, 15*time.Minute)
	if c.Log == nil {
		c.Log = slog.Default()
	}
	d := &Sender{
		c:        c,
		plans:    &plans{db: c.DB, programs: c.Programs, onlyTo: c.MailOnlyTo, log: c.Log, known: store.NewRecent[planKey, *plan](keptPlans)},
		writer:   &writer{links: c.Links, secret: c.Secret, messageDomain: c.MessageDomain, returnDomain: c.ReturnDomain, log: c.Log, compiled: newCompiledMails()},
		outcomes: outcomes{sink: c.Sink, recheck: c.Recheck},
		brakes:   brakes{c.Log},
		onWire:   onWire{db: c.DB, folder: c.WireLog, say: c.Log},
		secrets:  append([][]byte{c.Secret}, c.OldSecrets...),
		feeders:  make(chan struct{}, manyFeed),
	}
	d.pace.Store(int64(max(1, min(c.Batch, c.InFlight/4)))) // how fast the wire is will show
	return d
}

func fill[T int | time.Duration](v *T, value T) {
	if *v == 0 {
		*v = value
	}
}

// Letters returns how many letters this process has filled into compiled mails, and
// how many it made by all the steps since that could not be done.
func (d *Sender) Letters() (filled, full int64) {
	return d.writer.compiled.filled.Load(), d.writer.compiled.full.Load()
}

// leave asks the limiter, if there is one.
func (d *Sender) leave(ctx context.Context, lane string, n int) (int, time.Duration, error) {
	if d.c.Limiter == nil || n == 0 {
		return n, 0, nil
	}
	granted, wait, err := d.c.Limiter.Take(ctx, lane, n)
	if err != nil {
		return 0, 0, fmt.Errorf("the rate of lane %s: %w", lane, err)
	}
	return min(granted, n), wait, nil
}

func (d *Sender) now() loyalty.Instant { return loyalty.At(d.c.DB.Now()) }

// errLost says why a mail that is ready is kept back before its first byte.
var errLost = errors.New("somebody else has it by now")

// update runs a transaction about a few sends of a ledger that may be large: whatever
// Postgres knows of it, they are found by index, by plans that a connection keeps.
func (d *Sender) update(ctx context.Context, f func(*store.Tx) error) error {
	return d.c.DB.Update(ctx, byKeptPlans(f))
}

// view is update for what only reads.
func (d *Sender) view(ctx context.Context, f func(*store.Tx) error) error {
	return d.c.DB.View(ctx, byKeptPlans(f))
}

func byKeptPlans(f func(*store.Tx) error) func(*store.Tx) error {
	return func(tx *store.Tx) error {
		if err := tx.ByKeptPlans(); err != nil {
			return err
		}
		return f(tx)
	}
}

// claim runs a transaction that takes something up. It is not cut off in its
// middle by the end of ctx: nobody would know whether it has lasted.
func (d *Sender) claim(ctx context.Context, f func(*store.Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), claimWithin)
	defer cancel()
	return d.update(ctx, f)
}

// claimWithin is well within the time that a stop is given.
const claimWithin = 15 * time.Second

// persist records what has happened on the wire, whatever has become of the
// caller: the database may be away for a moment, and what is not written down in
// time becomes unknown. f must be harmless when its first run has lasted after all.
func (d *Sender) persist(f func(*store.Tx) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), d.c.Lease)
	defer cancel()
	for wait := 20 * time.Millisecond; ; wait = min(2*wait, time.Second) {
		err := d.update(ctx, f)
		if err == nil || errors.Is(err, errLost) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(wait):
		}
	}
}

// handOver gives a mail to the relay of a lane. A panic on the way is the relay's
// failure: before the first byte nothing went out, after it nobody knows.
func (d *Sender) handOver(ctx context.Context, lane string, s *send, begin func(context.Context) error) (o Outcome) {
	begun := false
	defer func() {
		if p := recover(); p != nil {
			d.c.Log.Error("a hand-over panics", "send", s.Send, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			o = Outcome{Stage: StageRcpt, Err: fmt.Errorf("the hand-over panics: %v", p), Begun: begun}
			if begun {
				o.Stage = StageData
			}
		}
	}()
	return d.c.Transports[lane].Hand(ctx, s.letter.message, func(ctx context.Context) error {
		err := begin(ctx)
		begun = err == nil
		return err
	})
}

// textRetry is how long mails wait whose campaign keeps them from being made or
// claimed.
const textRetry = time.Minute

// setBack tells of a campaign whose mails wait because of it; the row goes when none
// of them waits any more.
func (d *Sender) setBack(campaign int64, why error) error {
	return d.persist(func(tx *store.Tx) error { return tx.SetBack(store.ScopeCampaign(campaign), mailsWork, why) })
}
