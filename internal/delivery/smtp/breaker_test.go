package smtp_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"regulars/internal/delivery"
	"regulars/internal/delivery/smtp"
	"regulars/internal/embedded"
)

// clock is machine time that the test moves.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func newClock() *clock { return &clock{t: time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) forward(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

// patient is a relay, the sink behind it and the clock of its breaker.
type patient struct {
	*smtp.Relay
	sink  *embedded.Sink
	clock *clock
	t     *testing.T
}

func newPatient(t *testing.T) *patient {
	sink, clock := newSink(t, embedded.SinkOptions{}), newClock()
	o := options(t, sink.Addr())
	o.Now, o.Connections, o.PerConnection = clock.now, 1, 1
	return &patient{newRelay(t, o), sink, clock, t}
}

// ill makes the relay answer 421, well makes it friendly.
func (p *patient) ill() {
	p.sink.Script(at(embedded.AtConnect, embedded.Reply{Code: 421, Text: "4.3.2 too busy"}))
}
func (p *patient) well() { p.sink.Script(nil) }

// hand gives one mail and returns how it ended.
func (p *patient) hand() delivery.Verdict {
	return p.Hand(p.t.Context(), message("a@example.test"), nil).Verdict()
}

// accepted returns how many connections the sink has seen.
func (p *patient) accepted() int64 {
	_, n := p.sink.Connections()
	return n
}

func TestBreakerOpensAtFiveInARow(t *testing.T) {
	t.Parallel()
	p := newPatient(t)
	p.ill()
	for i := range 5 {
		if p.State().Open {
			t.Fatalf("open after %d failures", i)
		}
		p.hand()
	}
	s := p.State()
	if !s.Open || s.Until.Sub(p.clock.now()) != 5*time.Second || s.Because != "connect: 421 4.3.2 too busy" {
		t.Errorf("State = %+v, want open for 5 s", s)
	}
	p.clock.forward(2 * time.Second)
	v := p.hand()
	if v.Ending != delivery.RelayAway || v.RetryAfter != 5*time.Second || p.accepted() != 5 {
		t.Errorf("while open: %s after %s, %d connections; want relay away, 5 s, still 5", v.Ending, v.RetryAfter, p.accepted())
	}
}

func TestBreakerIsCalmedByOneSuccess(t *testing.T) {
	t.Parallel()
	p := newPatient(t)
	for range 4 {
		p.ill()
		for range 4 {
			p.hand()
		}
		p.well()
		p.hand()
		p.clock.forward(time.Minute)
	}
	if p.State().Open {
		t.Error("open, though never five failed in a row, nor more than half of twenty in 30 s")
	}
}

func TestBreakerOpensWhenMostOfTwentyFail(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		pattern string // x fails, . is taken
		pause   time.Duration
		want    bool
	}{
		{"eleven of twenty", "xxx.x.x.x.x.x.x.x..x", 0, true},
		{"ten of twenty", "xx..x.x.x.x.x.x.x.x.", 0, false},
		{"eleven of twenty in more than 30 s", "xxx.x.x.x.x.x.x.x..x", 2 * time.Second, false},
		{"four of four are too few", "xxxx", 0, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := newPatient(t)
			for _, c := range tt.pattern {
				if p.well(); c == 'x' {
					p.ill()
				}
				p.hand()
				p.clock.forward(tt.pause)
			}
			if got := p.State().Open; got != tt.want {
				t.Errorf("after %s open = %t, want %t", tt.pattern, got, tt.want)
			}
		})
	}
}

func TestBreakerProbesEverMoreSeldom(t *testing.T) {
	t.Parallel()
	p := newPatient(t)
	p.ill()
	for range 5 {
		p.hand()
	}
	for i, rest := range []time.Duration{5 * time.Second, 10 * time.Second, 15 * time.Second, 15 * time.Second} {
		if got := p.State().Until.Sub(p.clock.now()); got != rest {
			t.Fatalf("rest %d is %s, want %s", i, got, rest)
		}
		p.clock.forward(rest - time.Second)
		p.hand()
		p.clock.forward(time.Second)
		p.hand()
		if got, want := p.accepted(), int64(6+i); got != want {
			t.Fatalf("%d connections after probe %d, want %d", got, i, want)
		}
	}
	p.well()
	p.clock.forward(15 * time.Second)
	if v := p.hand(); v.Ending != delivery.Sent || p.State() != (smtp.State{}) {
		t.Errorf("a probe that succeeds: %s, %+v; want sent, closed", v.Ending, p.State())
	}
	p.ill()
	for range 5 {
		p.hand()
	}
	if got := p.State().Until.Sub(p.clock.now()); got != 5*time.Second {
		t.Errorf("the next rest is %s, want 5 s again", got)
	}
}

func TestOnlyOneProbeAtATime(t *testing.T) {
	t.Parallel()
	p := newPatient(t)
	p.ill()
	for range 5 {
		p.hand()
	}
	p.clock.forward(time.Minute)
	other := p.Urgent()
	defer other.Close(t.Context())
	p.sink.Script(func(s embedded.Stage, _ string) embedded.Reply {
		if s == embedded.AtMail { // while the probe is on the wire
			if v := other.Hand(t.Context(), message("b@example.test"), nil).Verdict(); v.Ending != delivery.RelayAway {
				t.Errorf("a second mail beside the probe: %s, want relay away", v.Ending)
			}
		}
		return embedded.Reply{}
	})
	if v := p.hand(); v.Ending != delivery.Sent {
		t.Errorf("the probe: %s, want sent", v.Ending)
	}
	if got := p.accepted(); got != 6 {
		t.Errorf("%d connections, want 6", got)
	}
}

func TestLanesShareTheBreaker(t *testing.T) {
	t.Parallel()
	p := newPatient(t)
	lane := p.Urgent()
	o := p.Hand(t.Context(), message("a@example.test"), nil)
	inner := lane.Hand(t.Context(), message("b@example.test"), nil)
	if o.Stage != delivery.StageDone || inner.Stage != delivery.StageDone {
		t.Errorf("%s, %s; want both sent", summary(o), summary(inner))
	}
	p.ill()
	for range 5 {
		p.hand()
	}
	if !lane.State().Open {
		t.Error("the second lane goes on while the relay is away")
	}
}

func TestRefusedMailsDoNotOpenTheBreaker(t *testing.T) {
	t.Parallel()
	for _, reply := range []embedded.Reply{{Code: 550, Text: "5.1.1 gone"}, {Code: 451, Text: "4.3.0 later"}, {Code: 550, Text: "5.7.1 spam"}} {
		p := newPatient(t)
		p.sink.Script(at(embedded.AtRcpt, reply))
		for range 25 {
			p.hand()
		}
		if p.State().Open {
			t.Errorf("open after 25 times %d %s", reply.Code, reply.Text)
		}
	}
}

func TestBrokenConnectionsOpenTheBreaker(t *testing.T) {
	t.Parallel()
	p := newPatient(t)
	p.sink.Script(at(embedded.AtDot, embedded.Reply{Drop: true}))
	for range 5 {
		p.hand()
	}
	if s := p.State(); !s.Open || !strings.HasPrefix(s.Because, "dot: ") {
		t.Errorf("State after five drops at the dot = %+v, want open", s)
	}
}

func TestWithheldProbeLeavesRoomForTheNext(t *testing.T) {
	t.Parallel()
	p := newPatient(t)
	p.ill()
	for range 5 {
		p.hand()
	}
	p.clock.forward(time.Minute)
	ctx, cancel := contextThatEndsAt(p, embedded.AtConnect)
	defer cancel()
	if v := p.Hand(ctx, message("a@example.test"), nil).Verdict(); v.Ending != delivery.Withheld {
		t.Fatalf("the probe: %s, want withheld", v.Ending)
	}
	p.well()
	if v := p.hand(); v.Ending != delivery.Sent {
		t.Errorf("the next probe: %s, want sent", v.Ending)
	}
}

func TestNothingSecretInTheReason(t *testing.T) {
	t.Parallel()
	sink := newSink(t, embedded.SinkOptions{User: "ana@shop.example", Password: "other", Script: at(embedded.AtAuth, embedded.Reply{Code: 535, Text: "5.7.8 ana@shop.example may not use secret123"})})
	o := options(t, sink.Addr())
	o.User, o.Password = "ana@shop.example", "secret123"
	r := newRelay(t, o)
	for range 5 {
		got := r.Hand(t.Context(), message("a@example.test"), nil)
		if all := fmt.Sprint(got); strings.Contains(all, "secret") || strings.Contains(all, "ana") {
			t.Errorf("outcome %s", all)
		}
	}
	if got, want := r.State().Because, "auth: 535 5.7.8 (address) may not use (password)"; got != want {
		t.Errorf("Because = %q, want %q", got, want)
	}
}
