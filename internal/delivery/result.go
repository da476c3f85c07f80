package delivery

import (
	"errors"
	"time"
	"unicode/utf8"

	"regulars/internal/consent"
	"regulars/internal/delivery/compose"
	"regulars/internal/loyalty"
)

// result is what became of one send: the state it goes to, and what that brings
// with it.
type result struct {
	s      *send
	state  string
	reason string
	code   int    // the relay's
	words  string // the relay's, or what is wrong with the mail

	tried    bool            // counts as an attempt, if the mark did not count it already
	due      bool            // it goes again …
	until    loyalty.Instant // … not before this business moment
	wait     time.Duration   // … and not before so much machine time has passed
	domain   string          // for whose rate it waits; "": for none
	expires  loyalty.Instant // none: as before
	suppress bool            // the address is dead
	policy   bool            // the relay refuses us
	told     bool            // it is recorded already
}

// Reasons of the states that an outcome leads to.
const (
	inbox      = "inbox"           // sent, but to the built-in sink
	notFound   = "no_such_address" // failed: no such mailbox
	mailboxOut = "mailbox_full"    // failed
	policy     = "policy"          // failed: the relay refuses us, not the member
	refused    = "refused"         // failed, and the relay gave no better reason
	gaveUp     = "gave_up"         // failed: refused for now until it was too late
	notNow     = "not_now"         // deferred by the relay
	noAnswer   = "no_answer"       // unknown: the line broke
	leaseOver  = "lease_over"      // unknown: the worker went away
	unreadable = "render_error"    // skipped: the mail cannot be made
	noIssue    = "no_issue"        // skipped: a recurring campaign without a file for the date
	confirmed  = "delivered"       // sent: nobody knew, until somebody told
	cameBack   = "came_back"       // bounced, and nobody gave a better reason
	asSpam     = "spam"            // complained
)

// longestTry is how long a mail without an expiry is tried.
const longestTry = 5 * 24 * time.Hour

// final reports whether the send has come to its end; passages wait for that.
func (e result) final() bool { return !e.due }

// moves reports whether the send got further, rather than back to where it was.
func (e result) moves() bool { return e.state != queued }

// outcomes says what the outcome of a hand-over means for its send.
type outcomes struct {
	sink    bool          // the relay is the built-in sink
	recheck time.Duration // wait before an unknown mail of class earned or service goes again
}

// of reads the outcome of a hand-over.
func (m outcomes) of(s *send, o Outcome, now loyalty.Instant) result {
	v := o.Verdict()
	e := result{s: s, code: o.Code, words: o.Text, tried: true, suppress: v.Suppress, policy: v.Policy}
	switch v.Ending {
	case Sent:
		e.state = sent
		if m.sink {
			e.reason = inbox
		}
	case Failed:
		e.state, e.reason = failed, whyFailed(v)
	case Deferred:
		return e.later(v.Retry(s.attempts+1), now)
	case Unknown:
		return m.unknown(e, noAnswer)
	case RelayAway, Withheld:
		return back(s, o, v)
	}
	return e
}

func whyFailed(v Verdict) string {
	switch {
	case v.Policy:
		return policy
	case v.Suppress:
		return notFound
	case v.Soft:
		return mailboxOut
	default:
		return refused
	}
}

// later defers a mail by machine time, unless it would be too late by then.
func (e result) later(wait time.Duration, now loyalty.Instant) result {
	end := e.s.ExpiresAt
	if end.IsZero() {
		end = e.s.QueuedAt.Plus(longestTry)
	}
	if now.Add(wait).After(end.Time) {
		e.state, e.reason = failed, gaveUp
		return e
	}
	e.state, e.reason, e.due, e.wait = deferred, notNow, true, wait
	return e.keep()
}

// keep lets the reason of a mail stand that has been unknown before.
func (e result) keep() result {
	if e.s.again() {
		e.reason = e.s.reason
	}
	return e
}

// unknown ends a mail about which nobody knows whether it was taken. Offers stay
// so; others go again, once.
func (m outcomes) unknown(e result, why string) result {
	e.state, e.reason = unknown, why
	if goesAgain(e.s.Class) && !e.s.again() {
		e.due, e.wait = true, m.recheck
	}
	return e
}

// goesAgain reports whether a second copy of a class is better than none.
func goesAgain(class string) bool { return class == loyalty.Earned || class == loyalty.Service }

// back returns a mail that was not handed over, as it was. One whose body had
// begun when the relay said 421 waits a while, so that a single mail which makes
// the relay hang up cannot keep the others waiting for ever.
func back(s *send, o Outcome, v Verdict) result {
	e := result{s: s, state: queued, due: true}
	if o.Begun {
		e.state, e.reason, e.tried, e.wait, e.code, e.words = deferred, notNow, true, v.RetryAfter, o.Code, o.Text
	}
	return e.keep()
}

// ruled ends a send as the gate decided; ok is false for one that goes, or that
// somebody else has ended.
func ruled(s *send, r ruling) (e result, ok bool) {
	switch {
	case r.over || r.goes():
		return result{}, false
	case r.stays:
		return result{s: s, state: queued, due: true, wait: r.wait}.keep(), true
	case r.Defer():
		e = result{s: s, state: deferred, reason: r.Reason, due: true, until: r.Until, expires: r.Expires}
		return e.keep(), true
	default:
		return result{s: s, state: skipped, reason: r.Reason}, true
	}
}

// spoilt ends a send whose mail cannot be made.
func spoilt(s *send, err error) result {
	reason := unreadable
	switch {
	case isNoIssue(s, err):
		reason = noIssue
	case errors.Is(err, compose.ErrRecipient): // theirs, not the text's: no brake counts it
		reason = consent.NoAddress
	}
	return result{s: s, state: skipped, reason: reason, words: cut(err.Error(), 500)}
}

// counts for caps: a mail that was provably not sent gives its place back.
func (e result) unsent() bool {
	return e.state != sent && e.state != unknown && e.state != bounced && e.state != complained
}

// cools reports whether a place in the warm-up is given back.
func (e result) cools() bool { return e.s.warmed != 0 && e.unsent() && !e.told }

// hard reports a mail that came back for good because of its address.
func (e result) hard() bool { return e.suppress && (e.state == failed || e.state == bounced) }

// isNoIssue reports a recurring campaign without a file for the date.
func isNoIssue(s *send, err error) bool { return s.Step == issues && errors.Is(err, errNoText) }

// cut shortens a text to n bytes without breaking a character.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// ends says how a send goes on that does not go out: because of the gate, or
// because its letter was written on another day and would show the wrong end of
// its code.
func (s *send) ends(r ruling, now loyalty.Instant) (result, bool) {
	if e, closed := ruled(s, r); closed {
		return e, true
	}
	stale := s.letter.day != s.plan.today(now)
	return result{s: s, state: queued, due: true}.keep(), stale
}
