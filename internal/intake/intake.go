// Package intake is the one way in: whatever webhooks, the API and imports say
// about members and orders comes through Apply or Import. It finds or makes the
// person, keeps orders, points, consent and what is known of the member, brings the
// facts up to date (adding.go), and writes down for campaigns what happened: what that
// sets off is theirs, in transactions after this one.
//
// It promises that an event has its effect once however often it comes, that the
// events of an order may come in any sequence and end in the same order and
// facts, that each crossing of a figure is seen exactly once however many
// transactions touch a member, and that history mails nobody. Reading foreign
// formats is left to webhook, what a campaign does to campaign.
package intake

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"regulars/internal/consent"
	"regulars/internal/loyalty"
	"regulars/internal/store"
)

// Mode says whether what comes in just happened.
type Mode int

// Live events set campaigns off as long as they are not older than the
// program's news_within. History changes figures and starts nothing. A Replay is
// live events of a past in which whoever joined had confirmed it.
const (
	Live Mode = iota
	History
	Replay
)

// State is what became of an event.
type State string

// The states of a Result.
const (
	Stored    State = "stored"
	Updated   State = "updated"   // of a row of a file: what it is about was known, and is different now
	Duplicate State = "duplicate" // it was stored before; nothing has changed
	Refused   State = "refused"   // Field and Reason say why; nothing has changed
)

// Result is the answer to one event.
type Result struct {
	State  State
	Field  string // what is wrong, as the sender names it: member.email
	Reason string // in words
	Member int64  // whose it is; 0 unless stored
	Past   bool   // an order of a file, of the time before the program: see TellPast

	Notes []loyalty.Note // what of a stored event was left out, or taken in another way than it is written
}

// Intake takes events and rows of files in. It is safe for concurrent use.
type Intake struct {
	db *store.DB

	mu     sync.Mutex
	pepper []byte // of the suppression hash; nil: not read yet

	few, many gathering              // deliveries of a few events, and of more
	alone     chan struct{}          // of those that wait for locks by themselves
	currency  atomic.Pointer[string] // the shop's, as of the last group; nil: none yet

	groupWait, groupTime, lockedWait time.Duration // as the constants say, but in tests
}

// New returns the intake of a database.
func New(db *store.DB) *Intake {
	groups := 1 // SQLite has one writer
	if db.Engine() == store.Postgres {
		groups = groupsOfFew
	}
	return &Intake{
		db:        db,
		few:       gathering{most: mostOfFew, abreast: groups, enough: enoughOfFew, taken: map[subject]bool{}},
		many:      gathering{most: mostOfMany},
		alone:     make(chan struct{}, aloneAtOnce),
		groupWait: groupWait, groupTime: groupTime, lockedWait: lockedWait,
	}
}

// Apply takes events in, all in one transaction, and answers each of them in the
// order given. A refused event does not stop the others. The error is one of the
// database; then nothing was stored and the whole may be tried again.
func (in *Intake) Apply(ctx context.Context, events []loyalty.Event, mode Mode) ([]Result, error) {
	var results []Result
	err := in.update(ctx, func(tx *store.Tx, pepper []byte) error {
		b, err := in.newBatch(tx, mode, pepper)
		if err != nil {
			return err
		}
		items := b.addAll(events)
		if err := b.take(); err != nil {
			return err
		}
		results = resultsOf(items)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("taking in %d events: %w", len(events), err)
	}
	return results, nil
}

// errAgain says that another transaction changed a person, an order or the shop's
// zone between our reading and our locking.
var errAgain = errors.New("the person, the order or the shop's zone was changed meanwhile")

// update runs f in a transaction, and again when another one made the same
// person or order, or stored the same event, at the same time: the second try
// finds what the other has made.
func (in *Intake) update(ctx context.Context, f func(*store.Tx, []byte) error) error {
	return in.updateOn(ctx, in.db, f)
}

func (in *Intake) updateOn(ctx context.Context, db *store.DB, f func(*store.Tx, []byte) error) error {
	pepper, err := in.readPepper(ctx)
	if err != nil {
		return err
	}
	for try := 1; ; try++ {
		err := db.Update(ctx, func(tx *store.Tx) error { return f(tx, pepper) })
		lost := errors.Is(err, store.ErrDuplicate) || errors.Is(err, errAgain)
		if !lost || try == 20 || ctx.Err() != nil {
			return err
		}
		time.Sleep(time.Duration(rand.IntN(try*2000)) * time.Microsecond) // so that two do not meet again and again
	}
}

// readPepper reads the pepper once, in a transaction of its own: one that is kept
// here must have lasted.
func (in *Intake) readPepper(ctx context.Context) ([]byte, error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.pepper != nil {
		return in.pepper, nil
	}
	err := in.db.Update(ctx, func(tx *store.Tx) (err error) {
		in.pepper, err = consent.Pepper(tx)
		return err
	})
	return in.pepper, err
}
