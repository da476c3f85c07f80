// Package engine is the list of what may be due and the order in which it is
// done: dates of the timetable, the shop's midnight, passages, single mails, runs.
// Jobs runs its passes as Redis and the poll wake it; demo, tests and rehearsal
// settle them under a clock of their own. There is one engine and no second way
// of doing anything.
//
// It promises that running a pass twice, or in two processes at once, does no
// more than running it once: every room below claims what it works on. It holds
// no rules but one, for how long things are kept (retention.go); the others are
// campaign's, delivery's and coupon's.
package engine

import (
	"context"
	"errors"
	"fmt"

	"regulars/internal/flows"
	"regulars/internal/intake"
	"regulars/internal/isolation"
	"regulars/internal/membership"
	"regulars/internal/norms"
	"regulars/internal/runs"
	"regulars/internal/store"
)

// Engine does what is due. It is safe for concurrent use.
type Engine struct {
	db   *store.DB
	desk Desk
}

// Desk hands mails over (delivery.Sender).
type Desk interface {
	Singles(ctx context.Context, lane string, limit int) (int, error)
	Work(ctx context.Context) (int, error)
	Reap(ctx context.Context) (int, error)
}

// New returns an engine over a database whose clock is the business time.
func New(db *store.DB, desk Desk) *Engine { return &Engine{db, desk} }

// The passes, by the name that hints carry. Names never change once released.
const (
	PassClock    = "clock"     // dates of timetables, campaigns gone live, runs come to their end
	PassMidnight = "midnight"  // what a new day of the shop brings: segments, yearly and other dates, codes that end
	PassReact    = "reactions" // what campaigns do about what happened
	PassAdvance  = "passages"  // members' next steps
	PassUrgent   = "singles.urgent"
	PassBulk     = "singles.bulk"
	PassRuns     = "runs"
	PassReap     = "reap"      // leases that outlived their workers
	PassRetain   = "retention" // what was kept long enough is thrown away, once a day
)

// Passes are all passes in the order in which one brings work to the next.
var Passes = []string{PassMidnight, PassClock, PassReact, PassAdvance, PassUrgent, PassBulk, PassRuns, PassReap, PassRetain}

// How many single mails one call takes.
const (
	urgentAtOnce = 40
	bulkAtOnce   = 400
)

// Run does a bounded piece of a pass and returns how much it did: 0 says that
// nothing of it is due now. The error may be a *delivery.Rest.
func (e *Engine) Run(ctx context.Context, pass string) (int, error) {
	switch pass {
	case PassClock:
		return e.each(ctx, isolation.Forget, runs.Timetable, flows.Settle, membership.Entries, runs.FinishRuns)
	case PassMidnight:
		return e.each(ctx, intake.NewDay, norms.Refresh, membership.Forecasts, membership.Segments, runs.NewZones, flows.Dates, expireCodes)
	case PassReact:
		return flows.React(ctx, e.db)
	case PassAdvance:
		return flows.Advance(ctx, e.db)
	case PassUrgent:
		return e.desk.Singles(ctx, "urgent", urgentAtOnce)
	case PassBulk:
		return e.desk.Singles(ctx, "bulk", bulkAtOnce)
	case PassRuns:
		return e.desk.Work(ctx)
	case PassReap:
		return e.desk.Reap(ctx)
	case PassRetain:
		return retain(ctx, e.db)
	}
	return 0, fmt.Errorf("there is no pass %q", pass)
}

// each does a piece of several kinds of work, all of them even if one fails: a
// broken rule must not keep the timetable from going on.
func (e *Engine) each(ctx context.Context, parts ...func(context.Context, *store.DB) (int, error)) (did int, err error) {
	for _, part := range parts {
		n, broken := part(ctx, e.db)
		did += n
		err = errors.Join(err, broken)
	}
	return did, err
}
