package delivery

import (
	"errors"
	"fmt"

	"regulars/internal/consent"
	"regulars/internal/delivery/wirelog"
	"regulars/internal/loyalty"
	"regulars/internal/store"
)

// The states of a send.
//
//	queued → claimed → handing → sent, and later bounced or complained
//
// A claim whose lease is over is queued again; a hand-over whose lease is over
// is unknown. What was refused for now is deferred, for good failed, and what
// the gate stops is skipped. In bulk the first two steps are a chunk and a batch:
// a send with a row in an open batch is handing though its own row says queued.
const (
	queued   = "queued"
	claimed  = "claimed"
	handing  = "handing"
	sent     = "sent"
	deferred = "deferred"
	failed   = "failed"
	skipped  = "skipped"
	unknown  = "unknown"

	bounced    = "bounced"
	complained = "complained"
)

// send is a send at hand: what the gate knows of it, and its place in the ledger.
type send struct {
	consent.Candidate

	state    string
	reason   string // see again
	fence    int64
	attempts int

	campaign string // its present name
	day      loyalty.Day
	run      runState
	key      string         // of the occurrence
	launch   map[string]any // launch.… values
	event    int64          // events.id that started the passage; 0: none
	order    int64          // orders.id; 0: none
	started  started
	exited   string // why its passage has ended early; "": it has not
	coupon   string // how its code stands; "": it has none

	plan   *plan   // nil: its version or campaign is gone
	blind  bool    // its program cannot be read now, or its rules not be answered
	failed error   // why, where that is the campaign's fault
	letter *letter // once written

	handedAt loyalty.Instant // business time of the mark
	begun    bool            // the mark stands in its row, which has counted the attempt
	counted  bool            // the mark took its place under the caps
	tried    *tried          // its place in the wire log, from its first byte until it is recorded; nil: none
	warmed   loyalty.Day     // of which its mark took a place of the warm-up; 0: of none
}

// tried is the place of a mail in a wire log.
type tried struct {
	log   *wirelog.Log
	place int
}

// runState is how the run of a send stands.
type runState struct {
	state   string // "": the send has no run
	expires loyalty.Instant
}

// The reasons of a send that goes once more and, should its outcome be unknown
// again, then stays so.
const (
	retried = "retried" // by the policy of its class
	resent  = "again"   // by a person: its passage has long gone on
)

// again reports whether s has been unknown before.
func (s *send) again() bool { return s.reason == retried || s.reason == resent }

// load returns the sends with those ids, in their order, without their plans: what the
// gate and their letters need to know of them, read once. An old one whose occurrence was
// tidied away is there, too.
func load(tx *store.Tx, ids []int64) ([]*send, error) {
	room := make([]send, len(ids)) // in one piece, for they come and go together
	sends := make([]*send, 0, len(ids))
	vars := make([]string, len(ids))
	_, err := consent.Load(tx, ids, consent.Ledger{
		Next: func() *consent.Candidate {
			sends = append(sends, &room[len(sends)])
			return &sends[len(sends)-1].Candidate
		},
		Columns: situation + `, s.reason, s.fence, s.attempts, s.day, coalesce(c.name, ''), coalesce(o.key, ''), coalesce(cast(o.vars as text), '{}'), coalesce(p.event_id, 0), coalesce(p.order_id, 0)`,
		Joins: joined + `
		left join campaigns c   on c.id = s.campaign_id
		left join occurrences o on o.id = s.occurrence_id`,
		Into: func(to []any) []any {
			s := sends[len(sends)-1]
			return append(s.situation(to), &s.reason, &s.fence, &s.attempts, &s.day, &s.campaign, &s.key, &vars[len(sends)-1], &s.event, &s.order)
		},
	})
	if err != nil {
		return nil, err
	}
	var launch map[string]any // of the last send: those of a run have the same
	for i, s := range sends {
		if launch == nil || vars[i] != vars[i-1] {
			if launch, err = values(vars[i]); err != nil {
				s.blind, s.failed = true, fmt.Errorf("values of the launch: %w", err)
			}
		}
		s.launch = launch
		s.expire()
	}
	return sends, nil
}

// reload returns copies of sends, which are in the order of their ids, as they stand by
// now: of what cannot have changed nothing is read a second time.
func reload(tx *store.Tx, sends []*send) ([]*send, error) {
	room := make([]send, len(sends)) // in one piece, as in load
	fresh, candidates := make([]*send, len(sends)), make([]*consent.Candidate, len(sends))
	for i, s := range sends {
		room[i] = *s
		fresh[i], candidates[i] = &room[i], &room[i].Candidate
	}
	n := 0
	err := consent.Reload(tx, candidates, consent.Ledger{Columns: situation, Joins: joined, Into: func(to []any) []any { n++; return fresh[n-1].situation(to) }})
	for _, s := range fresh {
		s.expire()
	}
	return fresh, err
}

// How a send stands besides its member: itself, its run, its passage and its code.
const (
	situation = "s.state, coalesce(u.state, ''), u.expires_at, case when p.state = 'exited' then p.reason else '' end, coalesce(k.state, '')"
	joined    = `
		left join codes k  on k.id = s.code_id
		left join runs u   on u.id = s.run_id`
)

// situation appends where the columns of that name go.
func (s *send) situation(to []any) []any {
	return append(to, &s.state, &s.run.state, &s.run.expires, &s.exited, &s.coupon)
}

// expire gives a send of a run that has no end of its own that of its run.
func (s *send) expire() {
	if s.ExpiresAt.IsZero() && s.Class == loyalty.Offer {
		s.ExpiresAt = s.run.expires
	}
}

// idsOf returns the ids of sends.
func idsOf(sends []*send) []int64 {
	ids := make([]int64, len(sends))
	for i, s := range sends {
		ids[i] = s.Send
	}
	return ids
}

// letter is a send's mail as it stands, ready for the wire.
type letter struct {
	message Message
	day     loyalty.Day // the shop's day it was written on: its code may end so many days later
	ends    loyalty.Day // the last day of its code, by that; 0: it has none
}

// mail is the name of the send's mail in its campaign's folder.
func (s *send) mail() string {
	if s.Step != issues {
		return s.Step
	}
	return issues + "/" + issueDate(s.key)
}

// some returns the values that are there, each once.
func some(sends []*send, of func(*send) int64) (ids []int64) {
	seen := map[int64]bool{0: true}
	for _, s := range sends {
		if id := of(s); !seen[id] {
			seen[id] = true
			ids = append(ids, id)
		}
	}
	return ids
}

// errNoText says that the mail has no file in the version of the send.
var errNoText = errors.New("the mail has no text")

// errPanic says that making a mail ended in a panic.
var errPanic = errors.New("making the mail panics")
