package smtp_test

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	gosmtp "github.com/emersion/go-smtp"

	"regulars/internal/delivery"
	"regulars/internal/patiently"
)

// library is a server that others wrote, as a second opinion on our manners.
type library struct {
	mu    sync.Mutex
	mails []string
}

func (l *library) NewSession(*gosmtp.Conn) (gosmtp.Session, error) { return &visit{l: l}, nil }

type visit struct {
	l    *library
	from string
	body gosmtp.BodyType
}

func (v *visit) Mail(from string, o *gosmtp.MailOptions) error {
	v.from, v.body = from, o.Body
	return nil
}
func (v *visit) Rcpt(to string, _ *gosmtp.RcptOptions) error {
	if strings.HasPrefix(to, "gone") {
		return &gosmtp.SMTPError{Code: 550, EnhancedCode: gosmtp.EnhancedCode{5, 1, 1}, Message: "gone"}
	}
	return nil
}
func (v *visit) Data(r io.Reader) error {
	b, err := io.ReadAll(r)
	v.l.mu.Lock()
	defer v.l.mu.Unlock()
	v.l.mails = append(v.l.mails, fmt.Sprintf("%s %s %s", v.from, v.body, b))
	return err
}
func (v *visit) Reset()        {}
func (v *visit) Logout() error { return nil }

func TestAServerThatOthersWrote(t *testing.T) {
	t.Parallel()
	server, client := certificate(t)
	got := &library{}
	s := gosmtp.NewServer(got)
	s.Domain, s.TLSConfig = "foreign.test", server
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	serving.Go(func() { s.Serve(l) })
	defer serving.Wait()
	defer s.Close()

	o := options(t, l.Addr().String())
	o.TLS = client
	r := newRelay(t, o)
	for to, want := range map[string]string{
		"a@example.test":    "sent at done 250 2.0.0, begun",
		"gone@example.test": "failed at rcpt 550 5.1.1",
		"b@example.test":    "sent at done 250 2.0.0, begun",
	} {
		m := message(to)
		m.Body = []byte(body + ".Hyvää\r\n")
		if got := summary(r.Hand(t.Context(), m, nil)); got != want {
			t.Errorf("Hand(%s) = %s, want %s", to, got, want)
		}
	}
	want := "bounce@shop.example 8BITMIME " + body + ".Hyvää\r\n"
	if len(got.mails) != 2 || got.mails[0] != want || got.mails[1] != want {
		t.Errorf("it took %q, want twice %q", got.mails, want)
	}
}

// startPostfixSink starts Postfix's smtp-sink, which appends each mail to the
// returned file, or skips the test where it is not installed, but for CI.
func startPostfixSink(t *testing.T, flags ...string) (addr, dump string) {
	t.Helper()
	const sink = "/usr/sbin/smtp-sink"
	if _, err := os.Stat(sink); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("smtp-sink of Postfix is not installed, and CI must not skip this")
		}
		t.Skip("smtp-sink of Postfix is not installed")
	}
	addr = patiently.Address(t)
	dump = filepath.Join(t.TempDir(), "mails")
	if os.Getuid() == 0 {
		flags = append(flags, "-u", "root")
	}
	cmd := exec.Command(sink, append(flags, "-D", dump, addr, "100")...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	patiently.Until(t, "somebody to listen at "+addr, func() bool {
		c, err := net.Dial("tcp", addr)
		if err == nil {
			c.Close()
		}
		return err == nil
	})
	return addr, dump
}

func TestPostfixSinkTakesAll(t *testing.T) {
	t.Parallel()
	for name, flags := range map[string][]string{
		"pipelining":    nil,
		"no pipelining": {"-p"},
		"no 8BITMIME":   {"-8"},
		"no ESMTP":      {"-e"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			addr, dump := startPostfixSink(t, flags...)
			o := options(t, addr)
			o.Connections = 4
			r := newRelay(t, o)
			var wg sync.WaitGroup
			for i := range 500 {
				wg.Go(func() {
					m := message(fmt.Sprintf("m%d@example.test", i))
					m.Body = fmt.Appendf(nil, "X-Number: (%d)\r\n%s.ä\r\n", i, body)
					if o := r.Hand(t.Context(), m, nil); o.Stage != delivery.StageDone {
						t.Errorf("Hand = %s: %v", summary(o), o.Err)
					}
				})
			}
			wg.Wait()
			mails, err := os.ReadFile(dump)
			if err != nil {
				t.Fatal(err)
			}
			for i := range 500 {
				if n := bytes.Count(mails, fmt.Appendf(nil, "X-Number: (%d)\n", i)); n != 1 {
					t.Errorf("mail %d came %d times, want once", i, n)
				}
			}
		})
	}
}
