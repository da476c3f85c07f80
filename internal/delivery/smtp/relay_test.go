package smtp_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"regulars/internal/delivery"
	"regulars/internal/delivery/smtp"
	"regulars/internal/embedded"
	"regulars/internal/patiently"
)

func TestMain(m *testing.M) { patiently.Main(m) }

// newSink starts a sink that ends with the test.
func newSink(t *testing.T, o embedded.SinkOptions) *embedded.Sink {
	t.Helper()
	s, err := embedded.NewSink(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// options are those of a relay at addr, with deadlines fit for a test.
func options(t testing.TB, addr string) smtp.Options {
	t.Helper()
	o, err := smtp.ParseURL("smtp://" + addr)
	if err != nil {
		t.Fatal(err)
	}
	const d = patiently.AtMost
	o.Deadlines = smtp.Deadlines{Dial: d, Banner: d, Hello: d, Auth: d, Mail: d, Rcpt: d, Data: d, Block: d, Dot: d, Quit: d}
	o.KeepIdle = d
	return o
}

// hangsAt leaves little time to the one stage at which the relay is to hang.
func hangsAt(stage embedded.Stage, d *smtp.Deadlines) {
	of := map[embedded.Stage]*time.Duration{embedded.AtConnect: &d.Banner, embedded.AtMail: &d.Mail, embedded.AtRcpt: &d.Rcpt, embedded.AtData: &d.Data,
		embedded.AtBody: &d.Dot, embedded.AtDot: &d.Dot, embedded.AtQuit: &d.Quit}
	*of[stage] = 100 * time.Millisecond
}

// newRelay returns a relay that is closed with the test.
func newRelay(t testing.TB, o smtp.Options) *smtp.Relay {
	t.Helper()
	r := smtp.New(o)
	t.Cleanup(func() {
		if err := r.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return r
}

// body is a small mail.
const body = "From: Anna <anna@shop.example>\r\nDate: Sun, 22 Nov 2026 10:00:00 +0000\r\nMessage-ID: <1@shop.example>\r\nSubject: Hello\r\n\r\nHello\r\n"

func message(to string) delivery.Message {
	return delivery.Message{From: "bounce@shop.example", To: to, Body: []byte(body)}
}

// at returns a script that replies so at one stage and is friendly elsewhere.
func at(stage embedded.Stage, reply embedded.Reply) embedded.Script {
	return func(s embedded.Stage, _ string) embedded.Reply {
		if s == stage {
			return reply
		}
		return embedded.Reply{}
	}
}

// once returns a script that replies so the nth time that a stage comes.
func nth(n int64, stage embedded.Stage, reply embedded.Reply) embedded.Script {
	var seen atomic.Int64
	return func(s embedded.Stage, _ string) embedded.Reply {
		if s == stage && seen.Add(1) == n {
			return reply
		}
		return embedded.Reply{}
	}
}

// summary is an outcome in one line: what it means, and where it stands.
func summary(o delivery.Outcome) string {
	s := fmt.Sprintf("%s at %s", o.Verdict().Ending, o.Stage)
	if o.Code != 0 {
		s += strings.TrimRight(fmt.Sprintf(" %d %s", o.Code, o.Enhanced), " ")
	}
	if o.Begun {
		s += ", begun"
	}
	return s
}

// TestOutcome plays every way in which a relay can answer, or not, with and
// without pipelining.
func TestOutcome(t *testing.T) {
	t.Parallel()
	drop, hang := embedded.Reply{Drop: true}, embedded.Reply{Hang: true}
	say := func(code int, text string) embedded.Reply { return embedded.Reply{Code: code, Text: text} }
	for _, tt := range []struct {
		name  string
		stage embedded.Stage
		reply embedded.Reply
		want  string
		taken int64
	}{
		{"a friendly relay", "", embedded.Reply{}, "sent at done 250 2.0.0, begun", 1},

		{"a banner of 421", embedded.AtConnect, say(421, "4.3.2 too busy"), "relay away at connect 421 4.3.2", 0},
		{"a banner of 554", embedded.AtConnect, say(554, "no service"), "relay away at connect 554", 0},
		{"a drop instead of a banner", embedded.AtConnect, drop, "relay away at connect", 0},
		{"silence instead of a banner", embedded.AtConnect, hang, "relay away at connect", 0},
		{"a refused EHLO and HELO", embedded.AtHello, say(550, "5.7.1 who are you"), "relay away at connect 550 5.7.1", 0},
		{"a drop at EHLO", embedded.AtHello, drop, "relay away at connect", 0},

		{"451 to MAIL", embedded.AtMail, say(451, "4.3.0 later"), "deferred at mail 451 4.3.0", 0},
		{"421 to MAIL", embedded.AtMail, say(421, "4.7.0 slow down"), "relay away at mail 421 4.7.0", 0},
		{"530 to MAIL", embedded.AtMail, say(530, "5.7.0 authenticate"), "relay away at mail 530 5.7.0", 0},
		{"550 to MAIL", embedded.AtMail, say(550, "5.7.1 not you"), "failed at mail 550 5.7.1", 0},
		{"a drop at MAIL", embedded.AtMail, drop, "relay away at mail", 0},
		{"silence at MAIL", embedded.AtMail, hang, "relay away at mail", 0},

		{"550 5.1.1 to RCPT", embedded.AtRcpt, say(550, "5.1.1 no such user"), "failed at rcpt 550 5.1.1", 0},
		{"450 to RCPT", embedded.AtRcpt, say(450, "4.7.1 greylisted"), "deferred at rcpt 450 4.7.1", 0},
		{"421 to RCPT", embedded.AtRcpt, say(421, "4.7.0 slow down"), "relay away at rcpt 421 4.7.0", 0},
		{"a drop at RCPT", embedded.AtRcpt, drop, "deferred at rcpt", 0},
		{"silence at RCPT", embedded.AtRcpt, hang, "deferred at rcpt", 0},

		{"451 to DATA", embedded.AtData, say(451, "4.3.0 later"), "deferred at data 451 4.3.0", 0},
		{"250 to DATA", embedded.AtData, say(250, "2.0.0 what?"), "deferred at data 250 2.0.0", 0},
		{"a drop at DATA", embedded.AtData, drop, "deferred at data", 0},
		{"silence at DATA", embedded.AtData, hang, "deferred at data", 0},

		{"silence in the body", embedded.AtBody, hang, "unknown at dot, begun", 0},
		{"a drop at the dot", embedded.AtDot, drop, "unknown at dot, begun", 0},
		{"a drop at the dot by a relay that took it", embedded.AtDot, embedded.Reply{Drop: true, Keep: true}, "unknown at dot, begun", 1},
		{"silence at the dot", embedded.AtDot, hang, "unknown at dot, begun", 0},
		{"451 to the dot", embedded.AtDot, say(451, "4.3.0 later"), "deferred at dot 451 4.3.0, begun", 0},
		{"421 to the dot", embedded.AtDot, say(421, "4.3.0 leaving"), "relay away at dot 421 4.3.0, begun", 0},
		{"554 to the dot", embedded.AtDot, say(554, "5.6.0 bad content"), "failed at dot 554 5.6.0, begun", 0},

		{"a drop at QUIT", embedded.AtQuit, drop, "sent at done 250 2.0.0, begun", 1},
		{"silence at QUIT", embedded.AtQuit, hang, "sent at done 250 2.0.0, begun", 1},
	} {
		for _, plain := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, plain %t", tt.name, plain), func(t *testing.T) {
				t.Parallel()
				sink := newSink(t, embedded.SinkOptions{Plain: plain, Script: at(tt.stage, tt.reply)})
				o := options(t, sink.Addr())
				o.PerConnection = 1
				if tt.reply.Hang {
					hangsAt(tt.stage, &o.Deadlines)
				}
				if got := summary(newRelay(t, o).Hand(t.Context(), message("a@example.test"), nil)); got != tt.want {
					t.Errorf("Hand = %s, want %s", got, tt.want)
				}
				if got := sink.Count(); got != tt.taken {
					t.Errorf("%d mails taken, want %d", got, tt.taken)
				}
			})
		}
	}
}

func TestDropInTheBodyIsUnknown(t *testing.T) {
	t.Parallel()
	sink := newSink(t, embedded.SinkOptions{Script: at(embedded.AtBody, embedded.Reply{Drop: true})})
	m := message("a@example.test")
	m.Body = append(m.Body, strings.Repeat("0123456789\r\n", 500_000)...)
	o := newRelay(t, options(t, sink.Addr())).Hand(t.Context(), m, nil)
	if o.Verdict().Ending != delivery.Unknown || !o.Begun || sink.Count() != 0 {
		t.Errorf("Hand = %s with %d taken, want unknown, begun, with 0", summary(o), sink.Count())
	}
}

func TestNobodyListens(t *testing.T) {
	t.Parallel()
	o := newRelay(t, options(t, patiently.Address(t))).Hand(t.Context(), message("a@example.test"), nil)
	if got, want := summary(o), "relay away at connect"; got != want {
		t.Errorf("Hand = %s, want %s", got, want)
	}
}

func TestMailComesByteForByte(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"dots":             ".\r\n..\r\n.leading\r\n",
		"8-bit":            "Hyvää päivää\r\n",
		"long lines":       strings.Repeat("x", 100_000) + "\r\n",
		"a big mail":       strings.Repeat("0123456789\r\n", 100_000),
		"a dot at a block": strings.Repeat("x", 32<<10-len(body)-2) + "\r\n.\r\n",
	} {
		for _, plain := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, plain %t", name, plain), func(t *testing.T) {
				t.Parallel()
				sink := newSink(t, embedded.SinkOptions{Plain: plain})
				m := message("a@example.test")
				m.Body = []byte(body + text)
				if o := newRelay(t, options(t, sink.Addr())).Hand(t.Context(), m, nil); o.Stage != delivery.StageDone {
					t.Fatalf("Hand = %s: %v", summary(o), o.Err)
				}
				if got := sink.Mails()[0]; string(got.Source) != string(m.Body) || got.To != m.To || got.From != m.From {
					t.Errorf("%d bytes came from %s to %s, want %d", len(got.Source), got.From, got.To, len(m.Body))
				}
			})
		}
	}
}

func TestBareLineFeedsCannotEndAMail(t *testing.T) {
	t.Parallel()
	sink := newSink(t, embedded.SinkOptions{})
	m := message("a@example.test")
	m.Body = []byte(body + "one\n.\nMAIL FROM:<evil@x>\n")
	if o := newRelay(t, options(t, sink.Addr())).Hand(t.Context(), m, nil); o.Stage != delivery.StageDone {
		t.Fatal(o.Err)
	}
	if got, want := string(sink.Mails()[0].Source), body+"one\r\n.\r\nMAIL FROM:<evil@x>\r\n"; got != want {
		t.Errorf("came as %q, want %q", got, want)
	}
}

func TestEnvelope(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name     string
		plain    bool
		from, to string
		want     string
	}{
		{"the null sender", false, "", "a@example.test", "sent at done 250 2.0.0, begun"},
		{"a non-ASCII address where the relay takes it", false, "b@shop.example", "päivi@example.test", "sent at done 250 2.0.0, begun"},
		{"a non-ASCII address where it does not", true, "b@shop.example", "päivi@example.test", "failed at rcpt 553 5.6.7"},
		{"an address that would be a command", false, "b@shop.example", "a@x>\r\nRCPT TO:<b@x", "failed at rcpt 501"},
		{"a sender that would be a parameter", false, "b@x> SIZE=1 <", "a@example.test", "failed at rcpt 501"},
		{"no recipient", false, "b@shop.example", "", "failed at rcpt 501"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			sink := newSink(t, embedded.SinkOptions{Plain: tt.plain})
			m := delivery.Message{From: tt.from, To: tt.to, Body: []byte(body)}
			if got := summary(newRelay(t, options(t, sink.Addr())).Hand(t.Context(), m, nil)); got != tt.want {
				t.Errorf("Hand(%q, %q) = %s, want %s", tt.from, tt.to, got, tt.want)
			}
		})
	}
}

func TestHELOWillDo(t *testing.T) {
	t.Parallel()
	sink := newSink(t, embedded.SinkOptions{Script: nth(1, embedded.AtHello, embedded.Reply{Code: 502, Text: "5.5.1 no EHLO here"})})
	if o := newRelay(t, options(t, sink.Addr())).Hand(t.Context(), message("a@example.test"), nil); o.Stage != delivery.StageDone {
		t.Errorf("Hand = %s: %v", summary(o), o.Err)
	}
}

func TestBeginComesBeforeTheFirstByte(t *testing.T) {
	t.Parallel()
	stages := make(chan embedded.Stage, 20)
	sink := newSink(t, embedded.SinkOptions{Script: func(s embedded.Stage, _ string) embedded.Reply {
		stages <- s
		return embedded.Reply{}
	}})
	r := newRelay(t, options(t, sink.Addr()))
	o := r.Hand(t.Context(), message("a@example.test"), func(context.Context) error {
		stages <- "begin"
		return nil
	})
	if o.Stage != delivery.StageDone {
		t.Fatal(o.Err)
	}
	var got []string
	for len(stages) > 0 {
		got = append(got, string(<-stages))
	}
	if want := "connect hello mail rcpt data begin body dot"; strings.Join(got, " ") != want {
		t.Errorf("stages were %s, want %s", strings.Join(got, " "), want)
	}
}

func TestRefusedBeginSendsNothing(t *testing.T) {
	t.Parallel()
	sink := newSink(t, embedded.SinkOptions{})
	r := newRelay(t, options(t, sink.Addr()))
	lost := errors.New("lease lost")
	o := r.Hand(t.Context(), message("a@example.test"), func(context.Context) error { return lost })
	if got, want := summary(o), "withheld at data"; got != want || !errors.Is(o.Err, lost) || o.Begun {
		t.Errorf("Hand = %s (%v), want %s", got, o.Err, want)
	}
	if o := r.Hand(t.Context(), message("b@example.test"), nil); o.Stage != delivery.StageDone {
		t.Errorf("the next Hand = %s: %v", summary(o), o.Err)
	}
	if got := sink.Count(); got != 1 {
		t.Errorf("%d mails taken, want only the second", got)
	}
}

func TestContextWithholdsOnlyWhatHasNotBegun(t *testing.T) {
	t.Parallel()
	sink := newSink(t, embedded.SinkOptions{})
	r := newRelay(t, options(t, sink.Addr()))
	ctx, cancel := context.WithCancel(t.Context())
	o := r.Hand(ctx, message("a@example.test"), func(inner context.Context) error {
		cancel()
		return inner.Err()
	})
	if o.Stage != delivery.StageDone {
		t.Errorf("the mail on the wire: %s: %v", summary(o), o.Err)
	}
	o = r.Hand(ctx, message("b@example.test"), nil)
	if got, want := summary(o), "withheld at connect"; got != want || !errors.Is(o.Err, context.Canceled) {
		t.Errorf("the next: %s (%v), want %s", got, o.Err, want)
	}
	if got := sink.Count(); got != 1 {
		t.Errorf("%d mails taken, want 1", got)
	}
}

func TestContextEndsADialing(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	sink := newSink(t, embedded.SinkOptions{Script: func(embedded.Stage, string) embedded.Reply {
		cancel()
		return embedded.Reply{Hang: true}
	}})
	r := newRelay(t, options(t, sink.Addr()))
	if got, want := summary(r.Hand(ctx, message("a@example.test"), nil)), "withheld at connect"; got != want {
		t.Errorf("Hand = %s, want %s", got, want)
	}
}

func TestConnectionsAreKeptAndRenewed(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ connections, per, mails, most int }{
		{1, 1000, 50, 1}, {4, 1000, 200, 4}, {1, 10, 50, 5},
	} {
		t.Run(fmt.Sprintf("%d mails over %d, renewed after %d", tt.mails, tt.connections, tt.per), func(t *testing.T) {
			t.Parallel()
			var busy, busiest atomic.Int64
			sink := newSink(t, embedded.SinkOptions{Script: func(s embedded.Stage, _ string) embedded.Reply {
				switch s {
				case embedded.AtBody:
					busiest.Store(max(busiest.Load(), busy.Add(1)))
				case embedded.AtDot:
					busy.Add(-1)
				}
				return embedded.Reply{}
			}})
			o := options(t, sink.Addr())
			o.Connections, o.PerConnection = tt.connections, tt.per
			r := newRelay(t, o)
			var wg sync.WaitGroup
			for i := range tt.mails {
				wg.Go(func() {
					o := r.Hand(t.Context(), message(fmt.Sprintf("m%d@example.test", i)), nil)
					if o.Stage != delivery.StageDone {
						t.Error(o.Err)
					}
				})
			}
			wg.Wait()
			if _, accepted := sink.Connections(); accepted > int64(tt.most) || sink.Count() != int64(tt.mails) {
				t.Errorf("%d mails over %d connections, want %d over at most %d", sink.Count(), accepted, tt.mails, tt.most)
			}
			if busiest.Load() > int64(tt.connections) {
				t.Errorf("%d mails on the wire at once, want at most %d", busiest.Load(), tt.connections)
			}
		})
	}
}

func TestKeptConnectionThatEndedIsReplaced(t *testing.T) {
	t.Parallel()
	for name, reply := range map[string]embedded.Reply{
		"dropped":              {Drop: true},
		"421, too many mails":  {Code: 421, Text: "4.7.0 too many mails on this connection"},
		"421, too long unused": {Code: 421, Text: "4.4.2 timeout"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sink := newSink(t, embedded.SinkOptions{Script: nth(2, embedded.AtMail, reply)})
			r := newRelay(t, options(t, sink.Addr()))
			for range 2 {
				if o := r.Hand(t.Context(), message("a@example.test"), nil); o.Stage != delivery.StageDone {
					t.Errorf("Hand = %s: %v", summary(o), o.Err)
				}
			}
			if _, accepted := sink.Connections(); accepted != 2 || sink.Count() != 2 {
				t.Errorf("%d mails over %d connections, want 2 over 2", sink.Count(), accepted)
			}
		})
	}
}

func TestUnusedConnectionIsLeft(t *testing.T) {
	t.Parallel()
	quit := make(chan bool, 1)
	sink := newSink(t, embedded.SinkOptions{Script: func(s embedded.Stage, _ string) embedded.Reply {
		if s == embedded.AtQuit {
			quit <- true
		}
		return embedded.Reply{}
	}})
	o := options(t, sink.Addr())
	o.KeepIdle = time.Millisecond
	newRelay(t, o).Hand(t.Context(), message("a@example.test"), nil)
	select {
	case <-quit:
	case <-time.After(patiently.AtMost):
		t.Error("no QUIT long after the last mail")
	}
}

func TestRefusedRecipientKeepsTheConnection(t *testing.T) {
	t.Parallel()
	for name, script := range map[string]embedded.Script{
		"RSET answered": nil,
		"RSET dropped":  at(embedded.AtReset, embedded.Reply{Drop: true}),
		"RSET refused":  at(embedded.AtReset, embedded.Reply{Code: 500, Text: "5.5.1 what?"}),
	} {
		for _, plain := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, plain %t", name, plain), func(t *testing.T) {
				t.Parallel()
				sink := newSink(t, embedded.SinkOptions{Plain: plain, Script: func(s embedded.Stage, rcpt string) embedded.Reply {
					if s == embedded.AtRcpt && rcpt == "gone@example.test" {
						return embedded.Reply{Code: 550, Text: "5.1.1 gone"}
					}
					if script != nil {
						return script(s, rcpt)
					}
					return embedded.Reply{}
				}})
				r := newRelay(t, options(t, sink.Addr()))
				for _, to := range []string{"gone@example.test", "a@example.test", "gone@example.test", "b@example.test"} {
					o := r.Hand(t.Context(), message(to), nil)
					if want := to != "gone@example.test"; (o.Stage == delivery.StageDone) != want {
						t.Errorf("Hand(%s) = %s", to, summary(o))
					}
				}
				if _, accepted := sink.Connections(); script == nil && accepted != 1 {
					t.Errorf("%d connections, want 1", accepted)
				}
			})
		}
	}
}

func TestTheRelaysWordsNameNobody(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, says, enhanced, text string }{
		{"the recipient", "5.1.1 <ana@example.test>: user ana@example.test unknown", "5.1.1", "(address): user (address) unknown"},
		{"the password", "5.7.8 secret123 is wrong", "5.7.8", "(password) is wrong"},
		{"several lines", "5.7.1 one\n5.7.1 two", "5.7.1", "one two"},
		{"no enhanced code", "5 mails too many", "", "5 mails too many"},
		{"bytes that are no text", "5.0.0 a\x00b\xff", "5.0.0", "a b\uFFFD"},
		{"too many words", "5.0.0 " + strings.Repeat("ä", 400), "5.0.0", strings.Repeat("ä", 250)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			sink := newSink(t, embedded.SinkOptions{User: "ana", Password: "secret123", Script: at(embedded.AtRcpt, embedded.Reply{Code: 550, Text: tt.says})})
			o := options(t, sink.Addr())
			o.User, o.Password = "ana", "secret123"
			got := newRelay(t, o).Hand(t.Context(), message("ana@example.test"), nil)
			if got.Enhanced != tt.enhanced || got.Text != tt.text {
				t.Errorf("%q was kept as %q %q, want %q %q", tt.says, got.Enhanced, got.Text, tt.enhanced, tt.text)
			}
			if all := fmt.Sprint(got.Text, got.Err); strings.Contains(all, "@") || strings.Contains(all, "secret") {
				t.Errorf("%s names somebody", all)
			}
		})
	}
}

func TestCloseWaitsForTheWire(t *testing.T) {
	t.Parallel()
	sink := newSink(t, embedded.SinkOptions{})
	r := smtp.New(options(t, sink.Addr()))
	begun, closing, done := make(chan bool), make(chan error, 1), make(chan delivery.Outcome, 1)
	go func() {
		done <- r.Hand(context.Background(), message("a@example.test"), func(context.Context) error {
			begun <- true
			<-begun
			return nil
		})
	}()
	<-begun
	go func() { closing <- r.Close(context.Background()) }()
	for r.Hand(t.Context(), message("b@example.test"), nil).Verdict().Ending != delivery.Withheld {
	}
	select {
	case err := <-closing:
		t.Errorf("Close returned %v with a mail on the wire", err)
	default:
	}
	begun <- true
	if o := <-done; o.Stage != delivery.StageDone {
		t.Errorf("the mail on the wire: %s: %v", summary(o), o.Err)
	}
	if err := <-closing; err != nil {
		t.Error(err)
	}
	if err := r.Close(t.Context()); err != nil {
		t.Errorf("a second Close: %v", err)
	}
}

func TestCloseCutsWhenItsTimeIsOver(t *testing.T) {
	t.Parallel()
	hanging := make(chan bool, 1)
	sink := newSink(t, embedded.SinkOptions{Script: func(s embedded.Stage, _ string) embedded.Reply {
		if s == embedded.AtDot {
			hanging <- true
			return embedded.Reply{Hang: true}
		}
		return embedded.Reply{}
	}})
	r := smtp.New(options(t, sink.Addr()))
	done := make(chan delivery.Outcome, 1)
	go func() { done <- r.Hand(context.Background(), message("a@example.test"), nil) }()
	<-hanging
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := r.Close(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Close = %v, want %v", err, context.Canceled)
	}
	if got, want := summary(<-done), "unknown at dot, begun"; got != want {
		t.Errorf("the mail on the wire: %s, want %s", got, want)
	}
}

func TestCloseEndsADialing(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0") // accepts by the kernel, and says nothing
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	r := smtp.New(options(t, l.Addr().String()))
	done := make(chan delivery.Outcome, 1)
	go func() { done <- r.Hand(context.Background(), message("a@example.test"), nil) }()
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := r.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if got, want := summary(<-done), "withheld at connect"; got != want {
		t.Errorf("Hand = %s, want %s", got, want)
	}
}
