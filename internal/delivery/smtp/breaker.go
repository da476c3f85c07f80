package smtp

import (
	"log/slog"
	"sync"
	"time"

	"regulars/internal/delivery"
)

// When the breaker opens, and for how long.
const (
	inRow     = 5                // failures in a row
	outOf     = 20               // or more than half of so many
	within    = 30 * time.Second // made in so long a time
	firstRest = 5 * time.Second  // a short outage costs little …
	longRest  = 15 * time.Second // … and the end of a long one is seen soon: one connection in so long a time is no burden
)

// State is what the breaker has decided.
type State struct {
	Open    bool      // nothing is handed over, but for one probe after Until
	Until   time.Time // by Options.Now
	Because string    // the failure that opened it, for a person
}

// breaker spares a relay that is away: connect, TLS, AUTH, 421, or a connection
// that breaks. While it is open no attempt is burnt.
type breaker struct {
	now func() time.Time
	log *slog.Logger

	mu      sync.Mutex
	state   State
	rest    time.Duration // how long it rested last; 0 when closed
	probing bool
	epoch   int // rises with each opening and closing: older results no longer count
	row     int
	recent  []result // at most outOf, oldest first
	health  health
}

type result struct {
	at time.Time
	ok bool
}

// ticket is the right to make one attempt.
type ticket struct {
	epoch  int
	flight int // of health; 0: a look, not a mail
}

func (b *breaker) get() State {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.state
}

// wait returns how long nothing may be tried; 0: try.
func (b *breaker) wait() time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.resting()
}

func (b *breaker) resting() time.Duration {
	switch {
	case !b.state.Open:
		return 0
	case b.probing:
		return b.rest
	default:
		return max(0, b.state.Until.Sub(b.now()))
	}
}

// enter gives a ticket, or says how long to wait. While open and rested, one
// ticket at a time is given: the probe's.
func (b *breaker) enter() (ticket, time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if wait := b.resting(); wait > 0 {
		return ticket{}, wait
	}
	b.probing = b.state.Open
	return ticket{b.epoch, b.health.begin(b.now())}, 0
}

// leave hands the ticket back with what came of it.
func (b *breaker) leave(t ticket, o delivery.Outcome) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.health.end(t.flight, o, b.now())
	if t.epoch != b.epoch {
		return
	}
	wasProbe := b.probing
	b.probing = false
	switch v := o.Verdict(); {
	case v.Ending == delivery.Withheld && o.Stage < delivery.StageData:
		// Says nothing about the relay.
	case v.Ending == delivery.RelayAway || o.Code == 0 && v.Ending != delivery.Withheld:
		b.failed(wasProbe, o)
	case wasProbe:
		b.close()
	default:
		b.row = 0
		b.remember(true)
	}
}

func (b *breaker) failed(wasProbe bool, o delivery.Outcome) {
	b.row++
	b.health.away(o)
	b.remember(false)
	if wasProbe || b.row >= inRow || b.mostFailed() {
		b.open(reason(o))
	}
}

func (b *breaker) remember(ok bool) {
	b.recent = append(b.recent, result{b.now(), ok})
	if len(b.recent) > outOf {
		b.recent = append(b.recent[:0], b.recent[1:]...)
	}
}

func (b *breaker) mostFailed() bool {
	if len(b.recent) < outOf || b.now().Sub(b.recent[0].at) > within {
		return false
	}
	failures := 0
	for _, r := range b.recent {
		if !r.ok {
			failures++
		}
	}
	return failures > outOf/2
}

func (b *breaker) open(because string) {
	b.rest = min(max(2*b.rest, firstRest), longRest)
	b.state = State{Open: true, Until: b.now().Add(b.rest), Because: because}
	b.forget()
	b.log.Warn("relay away", "because", because, "rest", b.rest)
}

func (b *breaker) close() {
	b.rest, b.state = 0, State{}
	b.forget()
	b.log.Info("relay back")
}

func (b *breaker) forget() {
	b.epoch++
	b.row, b.recent = 0, b.recent[:0]
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
	case b.resting() > 0, !trouble && (len(h.flights) > 0 || now.Sub(h.heard) < idleFor):
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
