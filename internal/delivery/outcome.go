package delivery

import (
	"context"
	"errors"
	"strings"
	"time"
)

// Transport hands mails to a relay. delivery/smtp implements it.
type Transport interface {
	// Hand gives one message to the relay and says how far it came. begin, if not
	// nil, is called after the relay answered 354 and before the first byte of
	// the body; if it fails, the connection is dropped, nothing was sent and the
	// outcome is withheld (its Err wraps both ErrWithheld and begin's error).
	//
	// The end of ctx withholds a mail that has not begun; one on the wire is
	// brought to its end under the transport's own deadlines.
	Hand(ctx context.Context, m Message, begin func(context.Context) error) Outcome
}

// Message is one mail for one recipient.
type Message struct {
	From string // envelope sender, a bare address; empty for the null sender
	To   string // envelope recipient, a bare address, its domain in ASCII
	Body []byte // the complete mail, lines end in CRLF, not dot-stuffed
}

// ErrWithheld is wrapped by the Err of a mail that we ourselves kept back
// before its first byte: begin refused, the context ended, the relay is closed.
var ErrWithheld = errors.New("withheld before the first byte")

// Stage is how far the conversation with the relay came.
type Stage int

// The stages in their order. An outcome names the one that did not succeed.
const (
	StageConnect Stage = iota // dial, TLS, banner, EHLO
	StageAuth
	StageMail
	StageRcpt
	StageData // DATA, up to its 354 and begin
	StageBody // writing the body
	StageDot  // waiting for the answer to the final dot
	StageDone // the final dot was answered 2xx
)

// String returns the stage's name as logs and sends show it.
func (s Stage) String() string {
	names := [...]string{"connect", "auth", "mail", "rcpt", "data", "body", "dot", "done"}
	if s < 0 || int(s) >= len(names) {
		return "?"
	}
	return names[s]
}

// Outcome is what happened to one hand-over. It never holds an address or a
// credential, except inside an error of begin.
type Outcome struct {
	Stage    Stage
	Code     int           // the relay's reply code; 0: none came (dropped, timed out, never asked)
	Enhanced string        // RFC 3463, "5.1.1"; empty: the relay gave none
	Text     string        // the relay's words, at most 500 bytes of valid UTF-8, without addresses
	Begun    bool          // at least one byte of the body may have been written
	Wait     time.Duration // how long the relay is not to be asked again; 0: nobody knows
	Err      error         // nil only when sent
}

// Ending is what an outcome means for the send.
type Ending int

const (
	// Sent: the relay has taken the mail, whatever happened afterwards.
	Sent Ending = iota
	// Deferred: not taken now; try again later, and count the attempt.
	Deferred
	// Failed: refused for good.
	Failed
	// Unknown: perhaps taken; nobody answered.
	Unknown
	// RelayAway: the relay is at fault, not the mail or its member. The send goes
	// back as it was and no attempt is counted.
	RelayAway
	// Withheld: we kept it back ourselves. The send goes back as it was.
	Withheld
)

// String returns the result's name.
func (e Ending) String() string {
	names := [...]string{"sent", "deferred", "failed", "unknown", "relay away", "withheld"}
	if e < 0 || int(e) >= len(names) {
		return "?"
	}
	return names[e]
}

// Verdict is an outcome, read.
type Verdict struct {
	Ending
	Suppress   bool          // the address does not exist: nothing more goes there
	Soft       bool          // the mailbox is full: suppress after 5 of these over at least 14 days
	Policy     bool          // the relay refuses us, not the member: counts towards the run's brake
	RetryAfter time.Duration // machine time to wait at least; see Retry
}

// How long a mail waits for its next attempt.
const (
	firstRetry = 5 * time.Minute
	lastRetry  = 4000 * time.Second
	relayRetry = 5 * time.Second
)

// Retry returns the machine time to wait before the next attempt, when so many
// have been made, this one included: five minutes, doubling, at most 4000 s.
// When the relay was away it does not depend on attempts, for none is counted.
func (v Verdict) Retry(attempts int) time.Duration {
	if v.Ending != Deferred {
		return v.RetryAfter
	}
	wait := firstRetry
	for i := 1; i < attempts && wait < lastRetry; i++ {
		wait *= 2
	}
	return max(v.RetryAfter, min(wait, lastRetry))
}

// Verdict reads the outcome by its stage. The code's first digit says whether
// it is final; the enhanced code only says why.
func (o Outcome) Verdict() Verdict {
	switch {
	case o.Stage == StageDone:
		return Verdict{Ending: Sent}
	case errors.Is(o.Err, ErrWithheld) && !o.Begun:
		return Verdict{Ending: Withheld}
	case o.Code >= 400 && o.Code < 600:
		return o.refused()
	default:
		return o.silent()
	}
}

// silent reads an outcome without a usable reply: the connection broke, a
// deadline passed, or the relay talked nonsense. It is never final, since a
// dropped connection says nothing about the mail.
func (o Outcome) silent() Verdict {
	switch {
	case o.Begun:
		return Verdict{Ending: Unknown}
	case o.Stage <= StageMail:
		return o.away()
	default:
		// Counted, so that one mail that makes the relay hang up each time
		// cannot keep the others waiting for ever.
		return Verdict{Ending: Deferred, RetryAfter: firstRetry}
	}
}

// refused reads a 4xx or 5xx reply. Also after the dot it is a clear answer: the
// relay has not taken the mail.
func (o Outcome) refused() Verdict {
	switch {
	case o.Stage <= StageAuth, o.Code == 421, o.wantsAuth():
		return o.away()
	case o.Code < 500:
		return Verdict{Ending: Deferred, Soft: o.about(".2.2"), RetryAfter: firstRetry}
	case o.Stage == StageMail || o.about(".7."):
		// At MAIL only the sender is known: the member is not to blame.
		return Verdict{Ending: Failed, Policy: true}
	default:
		return Verdict{Ending: Failed, Suppress: o.noSuchAddress(), Soft: o.about(".2.2")}
	}
}

// away is the verdict when the relay is at fault.
func (o Outcome) away() Verdict {
	return Verdict{Ending: RelayAway, RetryAfter: max(o.Wait, relayRetry)}
}

// wantsAuth reports replies that speak of our credentials (RFC 4954, section 6).
func (o Outcome) wantsAuth() bool {
	return o.Code == 530 || o.Code == 534 || o.Code == 535 || o.Code == 538
}

// noSuchAddress reports the enhanced codes after which an address is dead:
// no such mailbox, no such system, bad syntax, null MX.
func (o Outcome) noSuchAddress() bool {
	switch o.Enhanced {
	case "5.1.1", "5.1.2", "5.1.3", "5.1.10":
		return true
	}
	return false
}

// about reports whether the enhanced code, its class digit aside, is subject,
// or begins with it when it ends in a dot.
func (o Outcome) about(subject string) bool {
	if len(o.Enhanced) < 2 {
		return false
	}
	rest := o.Enhanced[1:]
	return rest == subject || strings.HasSuffix(subject, ".") && strings.HasPrefix(rest, subject)
}
