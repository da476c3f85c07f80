// Package engine is the list of the kinds of work that may be due, and the order in
// which they are done: the shop's new day, dates of the timetable, passages, single
// mails, runs. Jobs has a task for each kind; demo, tests and rehearsal settle them
// under a clock of their own. There is one engine and no second way of doing
// anything.
//
// It promises that running a kind twice, or in two processes at once, does no
// more than running it once: every room below claims what it works on. It holds
// no rules but one, for how long things are kept (retention.go, and of mails forget.go); the others are
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
	"regulars/internal/tiers"
)

// Engine does what is due. It is safe for concurrent use.
type Engine struct {
	db     *store.DB
	sender Sender
	poster Poster // nil: nobody is told anything
}

// Sender hands mails over (delivery.Sender).
type Sender interface {
	Singles(ctx context.Context, lane string, limit int) (int, error)
	Work(ctx context.Context, run int64) (int, error)
	Reap(ctx context.Context) (int, error)
}

// Poster sends webhooks to other systems (outbox/post.Poster).
type Poster interface {
	Names() []string // keys (loyalty.HookKey) of the destinations that it can sign for
	Post(ctx context.Context, destination int64) (int, error)
}

// Tells has the engine send webhooks, too. Without it what others are to be told waits,
// as in demo and rehearsal, which send nothing outside.
func (e *Engine) Tells(p Poster) { e.poster = p }

// New returns an engine over a database whose clock is the business time.
func New(db *store.DB, sender Sender) *Engine { return &Engine{db: db, sender: sender} }

// Kinds of work, by the name that tasks, hints and logs carry. Names never change
// once released.
const (
	SegmentPass  = "segment.pass"  // a new day of the shop: facts, norms, forecasts, tiers, who is in which segment
	FlowDates    = "flow.dates"    // yearly and other dates of members that have come
	CodeExpire   = "code.expire"   // codes whose last day is over, once a day
	ClaimRelease = "claim.release" // rewards that a till has held for too long
	RunFreeze    = "run.freeze"    // dates of timetables that have come: an audience is frozen
	FlowSettle   = "flow.settle"   // campaigns that went live
	FlowEnter    = "flow.enter"    // who entered a segment from which a campaign starts
	RunFinish    = "run.finish"    // runs that come to their end
	FlowReact    = "flow.react"    // what campaigns do about what happened
	FlowAdvance  = "flow.advance"  // members' next steps
	MailUrgent   = "mail.urgent"   // single mails that do not wait behind a newsletter
	MailBulk     = "mail.bulk"     // other single mails
	RunDeliver   = "run.deliver"   // the mails of one run
	HookPost     = "hook.post"     // what another system is told
	SendReap     = "send.reap"     // leases that outlived their workers
	CountsFold   = "counts.fold"   // what was counted of mails since, once it is much
	DataRetain   = "data.retain"   // what was kept long enough is thrown away, once a day
)

// Kinds are all of them, in the order in which one brings work to the next.
var Kinds = []string{SegmentPass, FlowDates, CodeExpire, ClaimRelease, RunFreeze, FlowSettle, FlowEnter, RunFinish,
	FlowReact, FlowAdvance, MailUrgent, MailBulk, RunDeliver, HookPost, SendReap, CountsFold, DataRetain}

// How many single mails one call takes.
const (
	urgentAtOnce = 40
	bulkAtOnce   = 400
)

// Run does a bounded piece of a kind of work and returns how much it did: 0 says
// that nothing of it is due now. An id says about which run, or which destination of
// webhooks; 0: all. The error may
// be a *delivery.Rest.
func (e *Engine) Run(ctx context.Context, kind string, id int64) (int, error) {
	switch kind {
	case SegmentPass:
		return e.each(ctx, isolation.Forget, intake.NewDay, norms.Refresh, membership.Forecasts, tiers.Night, membership.Segments)
	case FlowDates:
		return e.each(ctx, runs.NewZones, flows.Dates)
	case CodeExpire:
		return expireCodes(ctx, e.db)
	case ClaimRelease:
		return intake.ReleaseClaims(ctx, e.db)
	case RunFreeze:
		return runs.Timetable(ctx, e.db)
	case FlowSettle:
		return flows.Settle(ctx, e.db)
	case FlowEnter:
		return membership.Entries(ctx, e.db)
	case RunFinish:
		return runs.FinishRuns(ctx, e.db)
	case FlowReact:
		return flows.React(ctx, e.db)
	case FlowAdvance:
		return flows.Advance(ctx, e.db)
	case MailUrgent:
		return e.sender.Singles(ctx, "urgent", urgentAtOnce)
	case MailBulk:
		return e.sender.Singles(ctx, "bulk", bulkAtOnce)
	case RunDeliver:
		return e.sender.Work(ctx, id)
	case HookPost:
		if e.poster == nil {
			return 0, nil
		}
		return e.poster.Post(ctx, id)
	case SendReap:
		return e.sender.Reap(ctx)
	case CountsFold:
		return foldCounts(ctx, e.db)
	case DataRetain:
		return retain(ctx, e.db)
	}
	return 0, fmt.Errorf("there is no work %q", kind)
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
