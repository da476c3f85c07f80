package main

import (
	"bytes"
	"context"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"regulars/internal/embedded"
	"regulars/internal/patiently"
)

// listener listens on this machine until the test ends and does with each
// connection what serve says.
func listener(t *testing.T, serve func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go serve(c)
		}
	}()
	return l.Addr().String()
}

// silent takes what comes and never says a word.
func silent(c net.Conn) { _, _ = io.Copy(io.Discard, c) }

// TestAStopEndsWhateverHangs stops serve while the relay, or Redis, hangs at each
// point of the conversation: the process ends soon after its grace.
func TestAStopEndsWhateverHangs(t *testing.T) {
	t.Parallel()
	const grace, written = 2 * time.Second, 20 * time.Second
	hang := func(stage embedded.Stage) func(*testing.T, chan<- struct{}) string {
		return func(t *testing.T, reached chan<- struct{}) string {
			last := stage
			if stage == embedded.AtQuit { // it is said when the service stops
				last = embedded.AtDot
			}
			sink, err := embedded.NewSink(embedded.SinkOptions{User: "shop", Password: "pw", Script: func(s embedded.Stage, _ string) embedded.Reply {
				if s == last {
					select {
					case reached <- struct{}{}:
					default:
					}
				}
				return embedded.Reply{Hang: s == stage}
			}})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { sink.Close() })
			return "SMTP_URL=smtp://shop:pw@" + sink.Addr() + "?tls=off"
		}
	}
	mute := func(name, scheme string) func(*testing.T, chan<- struct{}) string {
		return func(t *testing.T, reached chan<- struct{}) string {
			return name + "=" + scheme + "://" + listener(t, func(c net.Conn) {
				select {
				case reached <- struct{}{}:
				default:
				}
				silent(c)
			})
		}
	}
	for _, tt := range []struct {
		name string
		at   func(*testing.T, chan<- struct{}) string
		send string // the state of the mail after it
	}{
		{"connect", hang(embedded.AtConnect), "queued"}, {"hello", hang(embedded.AtHello), "queued"}, {"auth", hang(embedded.AtAuth), "queued"},
		{"mail", hang(embedded.AtMail), ""}, {"rcpt", hang(embedded.AtRcpt), ""}, {"data", hang(embedded.AtData), ""},
		{"body", hang(embedded.AtBody), "unknown"}, {"dot", hang(embedded.AtDot), "unknown"}, {"quit", hang(embedded.AtQuit), "sent"},
		{"tls", mute("SMTP_URL", "smtps"), "queued"}, {"redis", mute("REDIS_URL", "redis"), ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			reached := make(chan struct{}, 1)
			s := shop{t: t, env: []string{"DATABASE_URL=sqlite:" + filepath.Join(t.TempDir(), "shop.db")}}
			file := filepath.Join(t.TempDir(), "members.csv")
			if err := os.WriteFile(file, []byte("member,email\nM-1,m@example.test\n"), 0o644); err != nil {
				t.Fatal(err)
			}
			s.must("import", "members", file, "--consent", "newsletter", "--consent-source", "x", "--consent-at", "2026-01-01")
			s.must("apply", directory(t, quietShop))
			s.must("pool", "generate", "back", "3")
			s.must("campaign", "launch", "letter", "about=spring", "--yes")
			s.env = append(s.env, "LISTEN=127.0.0.1:0", "BASE_URL=https://mail.shop.example", "LOG_LEVEL=error", tt.at(t, reached))

			ctx, stop := context.WithCancel(context.Background())
			defer stop()
			var said bytes.Buffer
			ended := make(chan int, 1)
			var serving sync.WaitGroup
			serving.Go(func() {
				ended <- run(ctx, []string{"serve"}, surroundings{in: strings.NewReader(""), out: &said, err: &said, env: s.env, grace: grace, recording: written, timing: patiently.AtMost})
			})
			defer serving.Wait()
			select {
			case <-reached:
			case <-time.After(patiently.AtMost):
				t.Fatalf("nobody came as far as %s:\n%s", tt.name, said.String())
			case <-ended:
				t.Fatalf("serve ended by itself:\n%s", said.String())
			}
			stop()
			began := time.Now()
			select {
			case <-ended:
			case <-time.After(grace + written + 3*closing + time.Minute): // what hangs would do so for two minutes and more
				t.Fatalf("serve goes on %s after it was stopped, with a grace of %s:\n%s", time.Since(began), grace, said.String())
			}
			if out := s.must("sends", "list"); tt.send != "" && !strings.Contains(out, tt.send) {
				t.Errorf("the mail is not %s after the stop:\n%s%s", tt.send, out, said.String())
			}
		})
	}
}
