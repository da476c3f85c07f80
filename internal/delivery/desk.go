// Package delivery takes mails from the ledger to a relay: one send, or one
// chunk of a run, from queued to its outcome.
//
// It promises that a mail is marked in the database before its first byte goes
// out and never handed over twice, except where the policy of its class says so
// (earned and service, once, 15 minutes after an outcome nobody knows); that
// whoever is not mailed has a reason; that consent, holds, rules, caps, quiet
// hours and lateness are asked twice, the second time within the 4 seconds
// before the first byte; and that an orderly stop leaves nothing unknown.
//
// It leaves to others: which sends there are (campaign), how a mail looks
// (templates, compose), how a relay is talked to (delivery/smtp), when to call
// it (engine, jobs).
package delivery

import (
	"context"
	"fmt"
	"log/slog"
	"regexp"
	"sync"
	"sync/atomic"
	"time"

	"regulars/internal/program"
	"regulars/internal/store"
)

// The lanes of due sends. Welcome, milestone and double opt-in never wait
// behind a newsletter.
const (
	Urgent = "urgent"
	Bulk   = "bulk"
)

// Programs gives the program of a version, parsed, and its mails. A version
// never changes, so it may be kept for ever.
type Programs interface {
	Version(ctx context.Context, id int64) (*program.Program, program.Texts, error)
}

// Links makes the signed links of a mail: *consent.Links. A send of 0 is a mail
// outside the ledger.
type Links interface {
	// These carry to which address they went: emailKey, nil outside the ledger.
	Unsubscribe(member, send int64, emailKey []byte) string // the preferences too
	Confirm(member, send int64, emailKey []byte) string
	Page(member, send int64, emailKey []byte) string
	Click(member, send int64, to string) string // notes the click and leads on
	Open(member, send int64) string             // a picture; notes the opening
}

// Limiter shares a rate between all replicas.
type Limiter interface {
	// Take asks for leave to hand n mails over now. It grants between 0 and n;
	// wait is when to ask for the rest.
	Take(ctx context.Context, lane string, n int) (granted int, wait time.Duration, err error)
}

// Config is what a Desk works with. DB, Programs, Transports, Links and Secret
// must be set.
type Config struct {
	DB         *store.DB
	Programs   Programs
	Transports map[string]Transport // by lane
	Links      Links
	Limiter    Limiter // nil: no limit

	Secret        []byte // keys Message-IDs and return addresses
	MessageDomain string // right side of Message-IDs; "": that of the sender
	ReturnDomain  string // right side of return addresses (VERP); "": bounces go to the sender

	MailOnlyTo *regexp.Regexp // nil: everybody; others are skipped as blocked
	Sink       bool           // the transports end in the built-in sink: sent mails say "inbox"

	Batch       int // sends per mark of a chunk; 0: 200
	Connections int // mails on the wire at once, per call; 0: 4

	Lease   time.Duration // how long a claim outlives its worker; 0: 60 s
	Renew   time.Duration // how often it is renewed; 0: 20 s
	MarkFor time.Duration // how long a mark is good for; 0: 4 s
	Recheck time.Duration // wait before an unknown mail of class earned or service goes again; 0: 15 min

	Log *slog.Logger // nil: the default
}

// Desk hands mails over. It is safe for concurrent use by many goroutines and,
// through the database, by many replicas.
type Desk struct {
	c     Config
	known sync.Map     // planKey → *plan
	zoned sync.Map     // the shop's zone → *consent.Zones
	pace  atomic.Int64 // sends per mark that the wire takes in about a second
}

// New returns a Desk.
func New(c Config) *Desk {
	fill(&c.Batch, 200)
	fill(&c.Connections, 4)
	fill(&c.Lease, time.Minute)
	fill(&c.Renew, c.Lease/3)
	fill(&c.MarkFor, 4*time.Second)
	fill(&c.Recheck, 15*time.Minute)
	if c.Log == nil {
		c.Log = slog.Default()
	}
	d := &Desk{c: c}
	d.pace.Store(int64(min(c.Batch, 4*c.Connections))) // how fast the wire is will show
	return d
}

// leave asks the limiter, if there is one.
func (d *Desk) leave(ctx context.Context, lane string, n int) (int, time.Duration, error) {
	if d.c.Limiter == nil || n == 0 {
		return n, 0, nil
	}
	granted, wait, err := d.c.Limiter.Take(ctx, lane, n)
	if err != nil {
		return 0, 0, fmt.Errorf("the rate of lane %s: %w", lane, err)
	}
	return min(granted, n), wait, nil
}

func fill[T int | time.Duration](v *T, value T) {
	if *v == 0 {
		*v = value
	}
}
