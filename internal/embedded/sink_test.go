package embedded_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/smtp"
	"net/textproto"
	"strings"
	"sync"
	"testing"
	"time"

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

// letter is a small mail with a Message-ID.
func letter(id, subject string) string {
	return "From: Anna <anna@shop.example>\r\nDate: Sat, 22 Nov 2026 10:00:00 +0000\r\nMessage-ID: <" + id + ">\r\nSubject: " + subject + "\r\n\r\nHello\r\n"
}

func send(t *testing.T, s *embedded.Sink, to, source string) error {
	t.Helper()
	return smtp.SendMail(s.Addr(), nil, "bounce@shop.example", []string{to}, []byte(source))
}

func TestSinkKeepsTheNewestAndCountsAll(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	s := newSink(t, embedded.SinkOptions{Keep: 3, Now: func() time.Time { return at }})
	for i := range 5 {
		if err := send(t, s, fmt.Sprintf("m%d@example.test", i), letter(fmt.Sprintf("%d@x", i%4), "=?utf-8?q?P=C3=A4iv=C3=A4?=")); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), patiently.AtMost)
	defer cancel()
	if err := s.Wait(ctx, 5); err != nil {
		t.Fatal(err)
	}
	mails := s.Mails()
	if len(mails) != 3 || mails[0].Seq != 3 || s.Count() != 5 {
		t.Fatalf("Mails() = %d from %d of %d, want 3 from 3 of 5", len(mails), mails[0].Seq, s.Count())
	}
	m := s.ByRecipient("m4@example.test")
	if len(m) != 1 || m[0].Subject != "Päivä" || m[0].MessageID != "0@x" || !m[0].At.Equal(at) || m[0].From != "bounce@shop.example" {
		t.Errorf("ByRecipient = %+v", m)
	}
	if got := fmt.Sprint(s.Twice()); got != "[0@x]" {
		t.Errorf("Twice = %s, want [0@x]", got)
	}
	if _, ok := s.Find(2); ok {
		t.Error("Find(2) found a mail that is no longer kept")
	}
	if m, ok := s.Find(5); !ok || m.To != "m4@example.test" {
		t.Errorf("Find(5) = %v, %v", m.To, ok)
	}
}

func TestSinkKeepsNoMoreBytesThanAllowed(t *testing.T) {
	t.Parallel()
	s := newSink(t, embedded.SinkOptions{KeepBytes: 3 * len(letter("0@x", "x"))})
	for i := range 9 {
		if err := send(t, s, "a@example.test", letter(fmt.Sprintf("%d@x", i), "x")); err != nil {
			t.Fatal(err)
		}
	}
	if got := len(s.Mails()); got != 3 || s.Count() != 9 {
		t.Errorf("%d mails kept of %d, want 3 of 9", got, s.Count())
	}
}

func TestWaitEndsWithItsContext(t *testing.T) {
	t.Parallel()
	s := newSink(t, embedded.SinkOptions{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Wait(ctx, 1); err == nil || !strings.Contains(err.Error(), "wait for 1 mails, 0 came") {
		t.Errorf("Wait = %v", err)
	}
}

func TestSinkTakesManyAtOnce(t *testing.T) {
	t.Parallel()
	s := newSink(t, embedded.SinkOptions{})
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			if err := send(t, s, "a@example.test", letter(fmt.Sprint(i), "x")); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if s.Count() != 50 || len(s.Twice()) != 0 {
		t.Errorf("Count() = %d with %d doubles, want 50 and 0", s.Count(), len(s.Twice()))
	}
}

func TestScript(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		stage embedded.Stage
		reply embedded.Reply
		want  string // of the error
		kept  int64
	}{
		{"a banner of 421", embedded.AtConnect, embedded.Reply{Code: 421, Text: "4.3.2 too busy"}, "421 4.3.2 too busy", 0},
		{"a refused hello", embedded.AtHello, embedded.Reply{Code: 550, Text: "5.7.1 no"}, "550 5.7.1 no", 0},
		{"a refused sender", embedded.AtMail, embedded.Reply{Code: 451, Text: "4.3.0 later"}, "451 4.3.0 later", 0},
		{"a refused recipient", embedded.AtRcpt, embedded.Reply{Code: 550, Text: "5.1.1 no such user"}, "550 5.1.1 no such user", 0},
		{"DATA refused before its 354", embedded.AtData, embedded.Reply{Code: 451, Text: "4.3.0 later"}, "451 4.3.0 later", 0},
		{"a drop in the body", embedded.AtBody, embedded.Reply{Drop: true}, "EOF", 0},
		{"a drop at the dot", embedded.AtDot, embedded.Reply{Drop: true}, "EOF", 0},
		{"a drop at the dot that keeps the mail", embedded.AtDot, embedded.Reply{Drop: true, Keep: true}, "EOF", 1},
		{"a refusal at the dot", embedded.AtDot, embedded.Reply{Code: 554, Text: "5.6.0 no"}, "554 5.6.0 no", 0},
		{"a drop at QUIT", embedded.AtQuit, embedded.Reply{Drop: true}, "EOF", 1},
		{"many lines", embedded.AtMail, embedded.Reply{Code: 550, Text: "5.7.1 one\n5.7.1 two"}, "550 5.7.1 one\n5.7.1 two", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newSink(t, embedded.SinkOptions{Script: func(stage embedded.Stage, rcpt string) embedded.Reply {
				if stage == tt.stage {
					return tt.reply
				}
				return embedded.Reply{}
			}})
			err := send(t, s, "a@example.test", letter("1@x", "x"))
			if got := words(err); got != tt.want {
				t.Errorf("SendMail was told %q, want %q", got, tt.want)
			}
			if s.Count() != tt.kept {
				t.Errorf("%d mails kept, want %d", s.Count(), tt.kept)
			}
		})
	}
}

// words returns a reply as it was on the wire, or the error's text.
func words(err error) string {
	var reply *textproto.Error
	if errors.As(err, &reply) {
		return fmt.Sprint(reply.Code, " ", reply.Msg)
	}
	return fmt.Sprint(err)
}

func TestScriptKnowsTheRecipient(t *testing.T) {
	t.Parallel()
	s := newSink(t, embedded.SinkOptions{})
	s.Script(func(stage embedded.Stage, rcpt string) embedded.Reply {
		if rcpt == "dead@example.test" {
			return embedded.Reply{Code: 550, Text: "5.1.1 gone"}
		}
		return embedded.Reply{}
	})
	if err := send(t, s, "dead@example.test", letter("1@x", "x")); err == nil {
		t.Error("a mail to the scripted recipient was taken")
	}
	if err := send(t, s, "live@example.test", letter("2@x", "x")); err != nil {
		t.Error(err)
	}
}

func TestCloseEndsAHangingConversation(t *testing.T) {
	t.Parallel()
	s := newSink(t, embedded.SinkOptions{Script: func(embedded.Stage, string) embedded.Reply {
		return embedded.Reply{Hang: true}
	}})
	c, err := net.Dial("tcp", s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprint(c, "EHLO x\r\n")
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// TestConversation plays lines against the sink: ours, then what it answers.
func TestConversation(t *testing.T) {
	t.Parallel()
	plain, secret := embedded.SinkOptions{Plain: true}, embedded.SinkOptions{User: "ana", Password: "pw"}
	for _, tt := range []struct {
		name string
		opts embedded.SinkOptions
		say  string
		want string
	}{
		{"a mail before hello", plain, "MAIL FROM:<a@x>", "503"},
		{"a plain server takes no parameter", plain, "EHLO x|MAIL FROM:<a@x> BODY=8BITMIME", "250 555"},
		{"HELO will do", plain, "HELO x|MAIL FROM:<>|RCPT TO:<b@x>|NOOP|RSET|DATA|QUIT", "250 250 250 250 250 503 221"},
		{"an unknown command", plain, "EXPN x", "500"},
		{"an address without brackets", plain, "EHLO x|MAIL FROM:a@x", "250 501"},
		{"no mail without AUTH", secret, "HELO x|MAIL FROM:<a@x>", "250 530"},
		{"AUTH PLAIN", secret, "HELO x|AUTH PLAIN AGFuYQBwdw==|MAIL FROM:<a@x>", "250 235 250"},
		{"AUTH PLAIN in two steps", secret, "HELO x|AUTH PLAIN|AGFuYQBwdw==", "250 334 235"},
		{"AUTH LOGIN", secret, "HELO x|AUTH LOGIN|YW5h|cHc=", "250 334 334 235"},
		{"a wrong password", secret, "HELO x|AUTH LOGIN|YW5h|YW5h", "250 334 334 535"},
		{"no such mechanism", secret, "HELO x|AUTH CRAM-MD5", "250 504"},
		{"no TLS without a certificate", plain, "HELO x|STARTTLS", "250 502"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := converse(t, newSink(t, tt.opts), tt.say); got != tt.want {
				t.Errorf("%q was answered %s, want %s", tt.say, got, tt.want)
			}
		})
	}
}

// converse says lines, parted by |, and returns the codes of the answers.
func converse(t *testing.T, s *embedded.Sink, say string) string {
	t.Helper()
	c, err := net.Dial("tcp", s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(patiently.AtMost))
	in := bufio.NewScanner(c)
	in.Scan() // the banner
	var codes []string
	for line := range strings.SplitSeq(say, "|") {
		fmt.Fprintf(c, "%s\r\n", line)
		for in.Scan() && in.Text()[3] == '-' {
		}
		codes = append(codes, in.Text()[:3])
	}
	return strings.Join(codes, " ")
}

func TestBodyComesAsItWasSent(t *testing.T) {
	t.Parallel()
	s := newSink(t, embedded.SinkOptions{})
	c, err := net.Dial("tcp", s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	body := "A: b\r\n\r\n.one\r\n..\r\n\n.\r\nlone\rreturn\r\n" + strings.Repeat("x", 70_000) + "\r\n"
	stuffed := "A: b\r\n\r\n..one\r\n...\r\n\n.\r\nlone\rreturn\r\n" + strings.Repeat("x", 70_000) + "\r\n.\r\n"
	fmt.Fprint(c, "EHLO x\r\nMAIL FROM:<a@x>\r\nRCPT TO:<b@x>\r\nDATA\r\n"+stuffed+"QUIT\r\n")
	ctx, cancel := context.WithTimeout(t.Context(), patiently.AtMost)
	defer cancel()
	if err := s.Wait(ctx, 1); err != nil {
		t.Fatal(err)
	}
	m := s.Mails()[0]
	if string(m.Source) != body {
		t.Errorf("a body of %d bytes came as %d bytes", len(body), len(m.Source))
	}
	want := "[a line feed without a carriage return a carriage return without a line feed a line of 70000 bytes, 998 are allowed 0 header fields From, one is wanted 0 header fields Date, one is wanted 0 header fields Message-ID, one is wanted]"
	if got := fmt.Sprint(m.Faults); got != want {
		t.Errorf("Faults = %s\nwant %s", got, want)
	}
}

// FuzzConversation lets anybody say anything: the sink must neither fall over
// nor hang once the other side has left.
func FuzzConversation(f *testing.F) {
	f.Add([]byte("EHLO x\r\nMAIL FROM:<a@x>\r\nRCPT TO:<b@x>\r\nDATA\r\n.\r\nQUIT\r\n"))
	f.Add([]byte("EHLO x\r\nAUTH LOGIN\r\n\xff\r\nAUTH PLAIN =\r\nSTARTTLS\r\n"))
	f.Add([]byte("HELO x\r\nMAIL FROM:<\r\nRCPT TO:\r\nMAIL\r\n\n\n"))
	f.Fuzz(func(t *testing.T, said []byte) {
		s := newSink(t, embedded.SinkOptions{User: "ana", Password: "pw"})
		c, err := net.Dial("tcp", s.Addr())
		if err != nil {
			t.Fatal(err)
		}
		c.Write(said)
		c.Close()
	})
}
