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

// Health returns what is wrong with the relay now.
func (r *Relay) Health() Health {
	b := r.breaker
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.now()
	switch h := &b.health; {
	case b.state.Open || b.row >= awayTwice:
		return Health{fmt.Sprintf("the relay %s takes no mail: %s", r.Name(), h.because), r.cure(h.stage)}
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
func (r *Relay) cure(s delivery.Stage) string {
	switch s {
	case delivery.StageConnect:
		return "see whether the relay runs and whether " + r.o.Setting + " names its host, port and TLS; mails wait and go on by themselves"
	case delivery.StageAuth:
		return "give " + r.o.Setting + " the user and password that the relay knows, and restart serve; mails wait meanwhile"
	}
	return "look at what the relay says, and at its own log; mails wait and go on by themselves"
}

// Look asks a relay that is in trouble whether it takes connections, so that the end
// is known without a mail; and one that is well at the start, and every few seconds while
// nobody uses it. A mail that finds it away is trouble, so that it is looked at at once.
// It is to be called every second.
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
	c := newConn(r.o)
	stage, err := c.greet(ctx, o)
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
