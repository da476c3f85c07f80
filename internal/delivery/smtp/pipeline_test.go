package smtp_test

import (
	"bufio"
	"context"
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
)

// listen serves one connection after the other with f, which reads a line and says
// one, until the test ends. It returns where, and how many came.
func listen(t *testing.T, f func(read func() string, say func(string))) (addr string, came *atomic.Int64) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	came = &atomic.Int64{}
	var serving sync.WaitGroup
	t.Cleanup(serving.Wait)
	t.Cleanup(func() { l.Close() })
	serving.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			came.Add(1)
			r := bufio.NewReader(c)
			f(func() string {
				line, err := r.ReadString('\n')
				if err != nil {
					return "gone"
				}
				return strings.TrimRight(line, "\r\n")
			}, func(line string) { fmt.Fprint(c, line, "\r\n") })
			c.Close()
		}
	})
	return l.Addr().String(), came
}

// hello greets, and offers PIPELINING.
func hello(read func() string, say func(string)) {
	say("220 here")
	read()
	say("250-here\r\n250 PIPELINING")
}

// TestAMailCostsOneRoundTrip has a relay that answers no final dot before it knows of
// the next mail: whoever waits for that answer first waits in vain.
func TestAMailCostsOneRoundTrip(t *testing.T) {
	t.Parallel()
	const mails = 20
	waiting := make(chan bool)
	addr, came := listen(t, func(read func() string, say func(string)) {
		hello(read, say)
		read() // MAIL, RCPT and DATA of the first
		read()
		read()
		<-waiting
		for n := 1; n <= mails; n++ {
			say("250 2.1.0 ok\r\n250 2.1.5 ok\r\n354 go ahead")
			for line := ""; line != "."; line = read() {
				if line == "gone" {
					return
				}
			}
			for i := 0; i < 3 && n < mails; i++ {
				read()
			}
			say("250 2.0.0 taken")
		}
		read()
		say("221 bye")
	})
	o := options(t, addr)
	o.Connections, o.PerConnection = 1, mails
	r := newRelay(t, o)
	var all sync.WaitGroup
	for i := range mails {
		all.Go(func() {
			if o := r.Hand(t.Context(), message(fmt.Sprintf("m%d@example.test", i)), nil); o.Stage != delivery.StageDone {
				t.Errorf("Hand = %s: %v", summary(o), o.Err)
			}
		})
	}
	for smtp.Waiting(r) < mails-1 {
	}
	close(waiting)
	all.Wait()
	if came.Load() != 1 {
		t.Errorf("%d connections, want 1", came.Load())
	}
}

// TestABodyThatNobodyAskedFor has a relay that refuses a recipient and then answers
// 354 all the same: it gets a dot alone, and the connection goes on.
func TestABodyThatNobodyAskedFor(t *testing.T) {
	t.Parallel()
	var bodies sync.Map
	addr, came := listen(t, func(read func() string, say func(string)) {
		hello(read, say)
		for {
			if mail := read(); mail == "QUIT" || mail == "gone" {
				return
			}
			rcpt := read()
			read()
			say("250 2.1.0 ok")
			if gone := strings.Contains(rcpt, "gone@"); gone {
				say("550 5.1.1 no such user")
			} else {
				say("250 2.1.5 ok")
			}
			say("354 go ahead")
			text := ""
			for line := read(); line != "." && line != "gone"; line = read() {
				text += line
			}
			bodies.Store(rcpt, text)
			if text == "" {
				say("554 5.5.1 nobody to give it to")
			} else {
				say("250 2.0.0 taken")
			}
		}
	})
	r := newRelay(t, options(t, addr))
	for _, to := range []string{"gone@example.test", "a@example.test", "gone@example.test", "b@example.test"} {
		want := "sent at done 250 2.0.0, begun"
		if strings.HasPrefix(to, "gone") {
			want = "failed at rcpt 550 5.1.1"
		}
		begun := false
		o := r.Hand(t.Context(), message(to), func(context.Context) error { begun = true; return nil })
		if got := summary(o); got != want || begun != o.Begun {
			t.Errorf("Hand(%s) = %s, begin called %t, want %s", to, got, begun, want)
		}
	}
	if text, _ := bodies.Load("RCPT TO:<gone@example.test>"); text != "" {
		t.Errorf("the relay got %q for a recipient that it refused", text)
	}
	if came.Load() != 1 {
		t.Errorf("%d connections, want 1", came.Load())
	}
}

// TestEachMailIsTakenOnceWhateverTheLineDoes plays answers of all kinds in the middle
// of pipelined mails: each mail's outcome says what became of it.
func TestEachMailIsTakenOnceWhateverTheLineDoes(t *testing.T) {
	t.Parallel()
	answers := map[string]struct {
		stage embedded.Stage
		reply embedded.Reply
		want  string
		taken int
	}{
		"gone":    {embedded.AtRcpt, embedded.Reply{Code: 550, Text: "5.1.1 gone"}, "failed at rcpt 550 5.1.1", 0},
		"later":   {embedded.AtRcpt, embedded.Reply{Code: 450, Text: "4.2.0 later"}, "deferred at rcpt 450 4.2.0", 0},
		"nodata":  {embedded.AtData, embedded.Reply{Code: 451, Text: "4.3.0 no"}, "deferred at data 451 4.3.0", 0},
		"spam":    {embedded.AtDot, embedded.Reply{Code: 554, Text: "5.7.1 spam"}, "failed at dot 554 5.7.1, begun", 0},
		"cut":     {embedded.AtDot, embedded.Reply{Drop: true}, "unknown at dot, begun", 0},
		"cutkept": {embedded.AtDot, embedded.Reply{Drop: true, Keep: true}, "unknown at dot, begun", 1},
		"leaving": {embedded.AtDot, embedded.Reply{Code: 421, Text: "4.3.2 leaving"}, "relay away at dot 421 4.3.2, begun", 0},
	}
	kind := func(to string) string { name, _, _ := strings.Cut(to, "-"); return name }
	for _, connections := range []int{1, 3} {
		t.Run(fmt.Sprint(connections, " connections"), func(t *testing.T) {
			t.Parallel()
			sink := newSink(t, embedded.SinkOptions{Script: func(s embedded.Stage, rcpt string) embedded.Reply {
				if a := answers[kind(rcpt)]; a.stage == s {
					return a.reply
				}
				return embedded.Reply{}
			}})
			o := options(t, sink.Addr())
			clock := newClock()
			o.Connections, o.PerConnection, o.Now = connections, 40, clock.now
			r := newRelay(t, o)
			names := []string{"gone", "ok", "ok", "later", "ok", "nodata", "ok", "spam", "ok", "cut", "ok", "ok", "cutkept", "ok", "ok", "leaving", "ok", "ok"}
			var all sync.WaitGroup
			for i := range 20 * len(names) {
				to := fmt.Sprintf("%s-%d@example.test", names[i%len(names)], i)
				all.Go(func() {
					begun := 0
					hand := func() delivery.Outcome {
						return r.Hand(t.Context(), message(to), func(context.Context) error { begun++; return nil })
					}
					o := hand()
					for ; o.Wait > 0; o = hand() { // five in a row failed, by the order in which they came: it comes again
						clock.forward(o.Wait)
						time.Sleep(time.Millisecond)
					}
					want, taken := "sent at done 250 2.0.0, begun", 1
					if a, ok := answers[kind(to)]; ok {
						want, taken = a.want, a.taken
					}
					if got := summary(o); got != want || o.Begun != (begun == 1) {
						t.Errorf("Hand(%s) = %s with begin called %d times, want %s", to, got, begun, want)
					}
					if n := len(sink.ByRecipient(to)); n != taken {
						t.Errorf("%s was taken %d times, want %d", to, n, taken)
					}
				})
			}
			all.Wait()
		})
	}
}

// TestARelayThatLimitsConnectionsIsUsedAtItsLimit has a relay that answers 421 to the
// fourth connection, and later to the seventh.
func TestARelayThatLimitsConnectionsIsUsedAtItsLimit(t *testing.T) {
	t.Parallel()
	var limit atomic.Int64
	limit.Store(3)
	sink := newSink(t, embedded.SinkOptions{})
	sink.Script(func(s embedded.Stage, _ string) embedded.Reply {
		if open, _ := sink.Connections(); s == embedded.AtConnect && int64(open) > limit.Load() {
			return embedded.Reply{Code: 421, Text: "4.7.0 too many connections from you"}
		}
		return embedded.Reply{}
	})
	o := options(t, sink.Addr())
	o.Connections, o.PerConnection = 12, 25
	r := newRelay(t, o)
	for _, n := range []int{3, 6} {
		limit.Store(int64(n))
		var all sync.WaitGroup
		for range 300 {
			all.Go(func() {
				if o := r.Hand(t.Context(), message("a@example.test"), nil); o.Stage != delivery.StageDone {
					t.Errorf("Hand = %s: %v", summary(o), o.Err)
				}
			})
		}
		all.Wait()
		if r.State().Open {
			t.Error("a relay that works is taken for away")
		}
		// So many mails at once: each waits for the others before its body goes out.
		var together sync.WaitGroup
		together.Add(n)
		for range n {
			all.Go(func() {
				o := r.Hand(t.Context(), message("a@example.test"), func(context.Context) error {
					together.Done()
					together.Wait()
					return nil
				})
				if o.Stage != delivery.StageDone {
					t.Errorf("Hand = %s: %v", summary(o), o.Err)
				}
			})
		}
		all.Wait()
	}
}

// TestUrgentMailsGoFirst: where all connections are taken, the next free one is an
// urgent mail's; and where there are four or more, bulk mails leave one.
func TestUrgentMailsGoFirst(t *testing.T) {
	t.Parallel()
	for connections, bulks := range map[int]int{1: 1, 4: 3, 12: 11} {
		t.Run(fmt.Sprint(connections, " connections"), func(t *testing.T) {
			t.Parallel()
			sink := newSink(t, embedded.SinkOptions{})
			o := options(t, sink.Addr())
			o.Connections = connections
			bulk := newRelay(t, o)
			urgent := bulk.Urgent()
			hold, begun := make(chan bool), make(chan string, 9)
			var all sync.WaitGroup
			hand := func(r *smtp.Relay, to string) {
				all.Go(func() {
					o := r.Hand(t.Context(), message(to), func(context.Context) error {
						begun <- to
						<-hold
						return nil
					})
					if o.Stage != delivery.StageDone {
						t.Errorf("Hand = %s: %v", summary(o), o.Err)
					}
				})
			}
			for range bulks {
				hand(bulk, "bulk@example.test")
				<-begun
			}
			hand(bulk, "late@example.test")
			for smtp.Waiting(bulk) < 1 {
			}
			hand(urgent, "urgent@example.test")
			if connections == 1 {
				for smtp.Waiting(bulk) < 2 {
				}
				hold <- true
			}
			if to := <-begun; to != "urgent@example.test" {
				t.Errorf("the next mail goes to %s, want the urgent one", to)
			}
			close(hold)
			all.Wait()
		})
	}
}

// TestTheLastMailBringsTheGoodBye has a relay that answers the last body of a connection
// when it has heard the QUIT behind it: its renewal costs no round trip of its own.
func TestTheLastMailBringsTheGoodBye(t *testing.T) {
	t.Parallel()
	addr, came := listen(t, func(read func() string, say func(string)) {
		hello(read, say)
		read() // MAIL, RCPT and DATA
		read()
		read()
		say("250 2.1.0 ok\r\n250 2.1.5 ok\r\n354 go ahead")
		for line := read(); line != "."; line = read() {
			if line == "gone" {
				return
			}
		}
		if read() == "QUIT" {
			say("250 2.0.0 taken\r\n221 2.0.0 bye")
		}
	})
	o := options(t, addr)
	o.Connections, o.PerConnection = 1, 1
	r := newRelay(t, o)
	for i := range 3 {
		if o := r.Hand(t.Context(), message(fmt.Sprintf("m%d@example.test", i)), nil); o.Stage != delivery.StageDone {
			t.Errorf("Hand = %s: %v", summary(o), o.Err)
		}
	}
	if came.Load() != 3 {
		t.Errorf("%d connections, want 3", came.Load())
	}
}
