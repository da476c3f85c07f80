package smtp

import (
	"context"
	"errors"
	"fmt"
	"time"

	"regulars/internal/delivery"
)

// Health is what is wrong with a relay: in words, without personal data or a
// password, and what to do about it. The zero value is a relay that works.
type Health struct{ Words, Do string }

// When a relay is in trouble, beside an open breaker.
const (
	awayTwice  = 2                // hand-overs or looks in a row that found it away: one may be an accident
	refusals   = 5                // mails in a row that it puts off, or refuses by policy
	refusedFor = 15 * time.Minute // how long such refusals are news
	silentFor  = 8 * time.Second  // with a mail on the wire and no answer to any
	lookFor    = 4 * time.Second  // how long one look may take
	firstIdle  = 5 * time.Second  // after which a relay that nobody used is looked at; twice as long after each look that found it well …
	longIdle   = 4 * time.Minute  // … up to this: a relay of others is not to be asked for nothing all day
)

// health is what the hand-overs of late say together. The breaker's lock guards it.
type health struct {
	flights map[int]time.Time // mails on the wire, since when
	last    int               // the number of the last one
	heard   time.Time         // when a mail or a look last came to an end
	idle    time.Duration     // the pause before the next look; 0 before the first

	stage   delivery.Stage // at which it was away last
	because string         // and why
	refused int            // mails in a row
	words   string         // with which
	at      time.Time      // the last of them
	signed  bool           // a look has got past AUTH
}

func (h *health) begin(now time.Time) int {
	if h.flights == nil {
		h.flights = map[int]time.Time{}
	}
	h.last++
	h.flights[h.last] = now
	return h.last
}

func (h *health) end(flight int, o delivery.Outcome, now time.Time) {
	delete(h.flights, flight)
	v := o.Verdict()
	if v.Ending == delivery.Withheld {
		return
	}
	h.heard = now
	switch {
	case v.Ending == delivery.Deferred || v.Policy:
		h.refused, h.words, h.at = h.refused+1, reason(o), now
	case v.Ending == delivery.Sent:
		h.refused, h.signed = 0, true
	}
}

func (h *health) away(o delivery.Outcome) {
	h.stage, h.because, h.idle = o.Stage, reason(o), firstIdle
}

// silent returns for how long mails have been on the wire without an answer to any.
func (h *health) silent(now time.Time) time.Duration {
	longest := time.Duration(0)
	for _, since := range h.flights {
		longest = max(longest, min(now.Sub(since), now.Sub(h.heard)))
	}
	return longest
}

// Health returns what is wrong with the relay now.
func (r *Relay) Health() Health {
	b := r.breaker
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.now()
	switch h := &b.health; {
	case b.state.Open || b.row >= awayTwice:
		return Health{fmt.Sprintf("the relay %s takes no mail: %s", r.Name(), h.because), cure(h.stage)}
	case h.silent(now) > silentFor:
		return Health{fmt.Sprintf("the relay %s says nothing: mails have waited on the wire for %s", r.Name(), h.silent(now).Round(time.Second)),
			"look at the relay's own log and load; mails go on by themselves when it answers"}
	case h.refused >= refusals && now.Sub(h.at) < refusedFor:
		return Health{fmt.Sprintf("the relay %s refused the last %d mails: %s", r.Name(), h.refused, h.words),
			"ask the relay's operator what these words mean; what it only puts off goes on by itself"}
	}
	return Health{}
}

// cure says what to do about a relay that is away, by the stage at which it is.
func cure(s delivery.Stage) string {
	switch s {
	case delivery.StageConnect:
		return "see whether the relay runs and whether SMTP_URL names its host, port and TLS; mails wait and go on by themselves"
	case delivery.StageAuth:
		return "give SMTP_URL the user and password that the relay knows, and restart serve; mails wait meanwhile"
	}
	return "look at what the relay says, and at its own log; mails wait and go on by themselves"
}

// Look asks a relay that is in trouble whether it takes connections, so that the end
// is known without a mail; and one that is well at the start, and then more and more
// seldom while nobody uses it. A mail that finds it away is trouble, so that it is
// looked at at once. It is to be called every few seconds.
func (r *Relay) Look(ctx context.Context) {
	t, full, due := r.breaker.look()
	if !due {
		return
	}
	asked, cancel := context.WithTimeout(ctx, lookFor)
	defer cancel()
	o := r.look(asked, full)
	if ctx.Err() != nil {
		o = withheld(delivery.StageConnect, ctx.Err())
	}
	r.breaker.looked(t, full, o)
}

// look connects, with the password or without it, and says good-bye.
func (r *Relay) look(ctx context.Context, full bool) delivery.Outcome {
	o := r.o
	if !full {
		o.User = ""
	}
	c := &conn{d: r.o.Deadlines, secret: r.o.Password}
	one := Relay{o: o, breaker: r.breaker, pool: r.pool}
	stage, err := one.greet(ctx, c)
	if c.raw != nil {
		defer c.raw.Close()
	}
	switch {
	case err != nil && errors.Is(ctx.Err(), context.DeadlineExceeded):
		return delivery.Outcome{Stage: stage, Err: fmt.Errorf("it says nothing: no answer within %s", lookFor)}
	case err != nil:
		return c.refusal(stage, err)
	}
	c.quit(time.Second)
	return delivery.Outcome{Stage: delivery.StageDone}
}

// look gives a ticket for a look when one is due, and says whether it is to try the
// password too: always when there is trouble, else only as long as nobody knows. A
// relay that counts log-ins is not asked for one every few seconds.
func (b *breaker) look() (t ticket, full, due bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	h, now := &b.health, b.now()
	trouble := b.state.Open || b.row > 0
	switch {
	case b.resting() > 0, !trouble && (len(h.flights) > 0 || now.Sub(h.heard) < h.idle):
		return ticket{}, false, false
	}
	b.probing = b.state.Open
	return ticket{epoch: b.epoch}, trouble || !h.signed, true
}

// looked takes note of a look. One that succeeds ends a trouble with connecting or
// the password; one with mails can only be ended by a mail, which may try at once.
func (b *breaker) looked(t ticket, full bool, o delivery.Outcome) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if t.epoch != b.epoch {
		return
	}
	wasProbe := b.probing
	b.probing = false
	if o.Verdict().Ending == delivery.Withheld {
		return
	}
	h := &b.health
	h.heard = b.now()
	if o.Stage != delivery.StageDone {
		if b.failed(wasProbe, o); o.Code == 0 && b.row > 0 {
			b.row = max(b.row, awayTwice) // it had its time to answer
		}
		return
	}
	h.idle = min(max(2*h.idle, firstIdle), longIdle)
	h.signed = h.signed || full
	switch early := h.stage <= delivery.StageAuth; {
	case b.state.Open && early:
		b.close()
	case b.state.Open:
		b.state.Until = h.heard
	case early:
		b.row = 0
	}
}
