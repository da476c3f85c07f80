package smtp_test

import (
	"strings"
	"testing"
	"time"

	"regulars/internal/delivery"
	"regulars/internal/delivery/smtp"
	"regulars/internal/embedded"
	"regulars/internal/patiently"
)

// Fault 18: a relay that refuses everything is known before five mails have failed,
// by a person's words, and its end is known without a mail.
func TestARelayInTroubleIsKnownAndSoIsItsEnd(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		claim string
		ill   func(p *patient)
		want  string
	}{
		{"a greeting of 421", func(p *patient) { p.ill() }, "takes no mail: connect: 421 4.3.2 too busy"},
		{"a password that is refused", func(p *patient) {
			p.sink.Script(at(embedded.AtAuth, embedded.Reply{Code: 535, Text: "5.7.8 no"}))
		}, "takes no mail: auth: 535 5.7.8 no"},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			t.Parallel()
			sink, clock := newSink(t, embedded.SinkOptions{User: "shop", Password: "right"}), newClock()
			o := options(t, sink.Addr())
			o.Now, o.User, o.Password = clock.now, "shop", "right"
			p := &patient{newRelay(t, o), sink, clock, t}
			look := func() { clock.forward(time.Minute); p.Look(t.Context()) }
			look()
			if h := p.Health(); h != (smtp.Health{}) {
				t.Fatalf("a sound relay: %+v", h)
			}
			tt.ill(p)
			p.hand() // one may be an accident
			look()
			h := p.Health()
			if !strings.Contains(h.Words, tt.want) || h.Do == "" || strings.Contains(h.Words, "right") {
				t.Errorf("Health = %+v, want words with %q", h, tt.want)
			}
			p.well()
			look()
			if h := p.Health(); h != (smtp.Health{}) {
				t.Errorf("after its end: %+v, want nothing", h)
			}
			if v := p.hand(); v.Ending != delivery.Sent {
				t.Errorf("a mail then: %s", v.Ending)
			}
		})
	}
}

func TestARelayThatNobodyAsksIsLookedAt(t *testing.T) {
	t.Parallel()
	clock := newClock()
	o := options(t, patiently.Address(t))
	o.Now = clock.now
	r := newRelay(t, o)
	for range 2 {
		clock.forward(time.Minute)
		r.Look(t.Context())
	}
	if h := r.Health(); !strings.Contains(h.Words, "connection refused") {
		t.Errorf("nobody listens: Health = %+v", h)
	}
}

// An idle relay that goes away is named within ten seconds, without a mail, and asked no
// more often than that needs.
func TestAnIdleRelayThatGoesAwayIsNamedWithoutAMail(t *testing.T) {
	t.Parallel()
	p := newPatient(t)
	looks := func(seconds int) int64 {
		before := p.accepted()
		for range seconds {
			p.clock.forward(time.Second)
			p.Look(t.Context())
		}
		return p.accepted() - before
	}
	if got := looks(80); got != 10 {
		t.Errorf("%d looks within 80 s, want 10", got)
	}
	p.ill()
	if looks(10); p.Health() == (smtp.Health{}) {
		t.Error("it is away for ten seconds, and is said to be well")
	}
	p.well()
	if looks(20); p.Health() != (smtp.Health{}) {
		t.Errorf("after its end: %+v", p.Health())
	}
	p.ill()
	p.hand()
	if looks(2); p.Health() == (smtp.Health{}) {
		t.Error("a mail found it away, and two seconds later it is said to be well")
	}
	p.well()
	if looks(20); p.Health() != (smtp.Health{}) {
		t.Errorf("after its end: %+v", p.Health())
	}
}

func TestARelayThatAnswersNothingIsNotWell(t *testing.T) {
	t.Parallel()
	p := newPatient(t)
	p.sink.Script(func(s embedded.Stage, _ string) embedded.Reply {
		if s == embedded.AtDot {
			p.clock.forward(20 * time.Second) // the mail is on the wire for so long
			if h := p.Health(); !strings.Contains(h.Words, "says nothing") {
				t.Errorf("while a mail waits: Health = %+v", h)
			}
		}
		return embedded.Reply{}
	})
	p.hand()
	if h := p.Health(); h != (smtp.Health{}) {
		t.Errorf("after the answer: %+v", h)
	}
}

func TestARelayThatPutsOffEveryMailIsNotWell(t *testing.T) {
	t.Parallel()
	p := newPatient(t)
	p.sink.Script(at(embedded.AtRcpt, embedded.Reply{Code: 451, Text: "4.3.0 later"}))
	for range 5 {
		p.hand()
	}
	if h := p.Health(); !strings.Contains(h.Words, "refused the last 5 mails: rcpt: 451 4.3.0 later") {
		t.Errorf("Health = %+v", h)
	}
	p.well()
	p.hand()
	if h := p.Health(); h != (smtp.Health{}) {
		t.Errorf("after one that it took: %+v", h)
	}
}
