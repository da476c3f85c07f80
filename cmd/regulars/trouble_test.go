package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"regulars/internal/embedded"
	"regulars/internal/patiently"
	"regulars/internal/store"
)

// door stands before a server and can be shut, or let everybody in and say nothing.
type door struct {
	t    *testing.T
	to   string
	addr string

	mu      sync.Mutex
	l       net.Listener
	open    map[net.Conn]bool
	greets  string // said instead of what the server says; "": nothing
	through bool
}

func newDoor(t *testing.T, to string) *door {
	t.Helper()
	d := &door{t: t, to: to, through: true, open: map[net.Conn]bool{}}
	d.addr = patiently.Address(t)
	d.listen(d.addr)
	t.Cleanup(d.shut)
	return d
}

// listen opens the door at an address that was just let go. A program that another test
// is starting may hold it for a moment more: until then it has what we have.
func (d *door) listen(at string) {
	d.t.Helper()
	var l net.Listener
	patiently.UntilRight(d.t, func() string {
		var err error
		if l, err = net.Listen("tcp", at); err != nil {
			return err.Error()
		}
		return ""
	})
	d.mu.Lock()
	d.l = l
	d.mu.Unlock()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go d.serve(c)
		}
	}()
}

func (d *door) serve(c net.Conn) {
	d.mu.Lock()
	d.open[c] = true
	through, greets := d.through, d.greets
	d.mu.Unlock()
	if !through {
		io.WriteString(c, greets)
		if greets != "" {
			c.Close()
		}
		return
	}
	s, err := net.Dial("tcp", d.to)
	if err != nil {
		c.Close()
		return
	}
	go func() { io.Copy(s, c); s.Close() }()
	io.Copy(c, s)
	c.Close()
}

// shut refuses connections and ends those that there are.
func (d *door) shut() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.l.Close()
	for c := range d.open {
		c.Close()
	}
	d.open = map[net.Conn]bool{}
}

// instead lets nobody through any more, and says this to who comes.
func (d *door) instead(greets string) {
	d.shut()
	d.mu.Lock()
	d.through, d.greets = false, greets
	d.mu.Unlock()
	d.listen(d.addr)
}

// again opens the door.
func (d *door) again() {
	d.shut()
	d.mu.Lock()
	d.through = true
	d.mu.Unlock()
	d.listen(d.addr)
}

// watched is a shop whose relay and Redis stand behind doors.
type watched struct {
	shop
	sink         *embedded.Sink
	relay, redis *door
	address      string // of its replica
	stop         func()
}

// begin starts the shop's replica.
func (w *watched) begin() {
	w.t.Helper()
	w.address = patiently.Address(w.t)
	var errs bytes.Buffer
	p := exec.Command(built(w.t), "serve", "--listen", w.address)
	p.Env, p.Dir, p.Stderr = w.env, w.t.TempDir(), &errs
	if err := p.Start(); err != nil {
		w.t.Fatal(err)
	}
	w.stop = sync.OnceFunc(func() {
		_ = p.Process.Signal(syscall.SIGTERM)
		if err := p.Wait(); err != nil {
			w.t.Errorf("serve ended with %v: %s", err, errs.String())
		}
	})
	w.t.Cleanup(func() { w.stop() })
}

// letter has mails wait for the relay.
func (w *watched) letter() { w.must("campaign", "launch", "letter", "about=spring", "--yes") }

// says returns what one of the four says of what is amiss: status, the doctor, or what
// the replica answers at a path.
func (w *watched) says(who string) string {
	if who == "status" || who == "doctor" {
		got := w.run(who)
		return fmt.Sprintf("exit %d\n%s%s", got.code, got.out, got.err)
	}
	answer, err := (&http.Client{Timeout: 20 * time.Second}).Get("http://" + w.address + "/" + who) // TestReadiness holds readiness to its second
	if err != nil {
		return err.Error()
	}
	defer answer.Body.Close()
	body, _ := io.ReadAll(answer.Body)
	return string(body)
}

// Faults 18 and 21: each trouble, staged for real, is named by status, the
// doctor, readiness and the metrics, with what to do, and is gone when it is over.
func TestEachTroubleIsNamedAndGoesAgain(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("waits for heartbeats")
	}
	for _, tt := range []struct {
		kind, words string
		stage       func(w *watched) (undo func())
		alone       bool // no replica answers meanwhile
	}{
		{"relay", "connection refused", func(w *watched) func() { w.relay.shut(); w.letter(); return w.relay.again }, false},
		{"relay", "421 4.3.2 too many", func(w *watched) func() {
			w.relay.instead("421 4.3.2 too many connections\r\n")
			w.letter()
			return w.relay.again
		}, false},
		{"relay", "says nothing", func(w *watched) func() { w.relay.instead(""); w.letter(); return w.relay.again }, false},
		{"relay", "no answer within", func(w *watched) func() { // from the start, before any mail
			w.stop()
			w.relay.instead("")
			w.begin()
			return w.relay.again
		}, false},
		{"relay", "535 5.7.8 no", func(w *watched) func() {
			w.sink.Script(func(s embedded.Stage, _ string) embedded.Reply {
				if s == embedded.AtAuth {
					return embedded.Reply{Code: 535, Text: "5.7.8 no"}
				}
				return embedded.Reply{}
			})
			w.relay.again() // the connections that are in have said their password
			w.letter()
			return func() { w.sink.Script(nil) }
		}, false},
		{"redis", "Redis does not answer", func(w *watched) func() { w.redis.shut(); return w.redis.again }, false},
		{"redis", "Redis does not answer", func(w *watched) func() { w.redis.instead(""); return w.redis.again }, false}, // it takes connections and says nothing
		{"wire", "what is on the wire cannot be written down", func(w *watched) func() {
			env := w.env
			w.stop()
			w.env = append(env[:len(env):len(env)], "WIRE_LOG=/dev/null/wire")
			w.begin()
			return func() { w.stop(); w.env = env; w.begin() }
		}, false},
		{"worker", "no worker has been seen", func(w *watched) func() {
			w.stop()
			w.letter()
			return w.begin
		}, true},
		{"night", "the nightly pass keeps failing", func(w *watched) func() {
			made, undone := "create trigger staged before update on passes begin select raise(abort, 'staged for the test'); end", "drop trigger staged"
			if strings.HasPrefix(w.env[0], "DATABASE_URL=postgres") {
				w.sql("create function staged() returns trigger language plpgsql as $$ begin raise exception 'staged for the test'; end $$")
				made, undone = "create trigger staged before update on passes for each row execute function staged()", "drop function staged() cascade"
			}
			w.sql(made, "update segments set as_of_day = as_of_day - 1")
			w.sql("delete from passes")
			return func() { w.sql(undone) }
		}, false},
		{"pool", "pool cups has no code left", func(w *watched) func() {
			w.sql("update codes set state = 'issued' where pool_id = (select id from pools where name = 'cups')")
			return func() {
				w.sql("update codes set state = 'free' where pool_id = (select id from pools where name = 'cups')")
			}
		}, false},
		{"schema", "run `regulars migrate`", func(w *watched) func() {
			w.sql("update goose_db_version set version_id = -version_id where version_id = (select max(version_id) from goose_db_version)")
			return func() { w.sql("update goose_db_version set version_id = -version_id where version_id < 0") }
		}, false},
		{"secret", "HOOK_SECRET_STANDARD is not set", func(w *watched) func() {
			if answer, err := http.Post("http://"+w.address+"/hooks/standard", "application/json", strings.NewReader("{}")); err == nil {
				answer.Body.Close()
			}
			return func() { w.stop(); w.begin() }
		}, false},
		{"queue", "queue jobs has been waiting", func(w *watched) func() {
			w.sql(`insert into jobs (kind, payload, lane, state, run_at, retry_at, enqueued_by, enqueued_at)
				select 'launch', '{}', 'chores', 'queued', r.started_at, n.started_at, 'anna', r.started_at from replicas r, replicas n where r.id = 'old' and n.id = 'to come'`)
			return func() { w.sql("delete from jobs") }
		}, false},
	} {
		t.Run(tt.kind+" "+tt.words, func(t *testing.T) {
			t.Parallel()
			each := func(t *testing.T, address string) {
				w := newWatched(t, address)
				w.begin()
				well := func() string {
					if got := w.says("readyz"); !strings.Contains(got, `"ready"`) {
						return got
					}
					if got := w.run("status"); got.code != 0 {
						return got.out + got.err
					}
					if got := w.states(); got["sent"] < 3 {
						return fmt.Sprint(got)
					}
					return ""
				}
				patiently.UntilRight(w.t, well)
				undo := tt.stage(w)
				patiently.UntilRight(w.t, func() string {
					for _, name := range []string{"readyz", "metrics", "status", "doctor"} { // those that cost least first
						said, want := w.says(name), tt.words
						switch {
						case tt.alone && (name == "readyz" || name == "metrics"):
							continue
						case name == "metrics":
							want = fmt.Sprintf("regulars_trouble{kind=%q} 1", tt.kind)
						case name == "readyz" && !strings.Contains(said, fmt.Sprintf(`"kind":%q`, tt.kind)):
							return name + ": " + said
						case (name == "status" || name == "doctor") && !strings.HasPrefix(said, "exit 1"):
							return name + ": " + said
						}
						if !strings.Contains(said, want) {
							return name + ": " + said
						}
					}
					return ""
				})
				undo()
				patiently.UntilRight(w.t, well)
			}
			t.Run("sqlite", func(t *testing.T) { t.Parallel(); each(t, "sqlite:"+t.TempDir()+"/shop.db") })
			t.Run("postgres", func(t *testing.T) { t.Parallel(); each(t, fewConnections(t)) })
		})
	}
}

func newWatched(t *testing.T, address string) *watched {
	t.Helper()
	unraced(t)
	sink, err := embedded.NewSink(embedded.SinkOptions{User: "shop", Password: "right"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { sink.Close() })
	inside, err := embedded.StartRedis(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(inside.Close)
	w := &watched{sink: sink, relay: newDoor(t, sink.Addr()), redis: newDoor(t, inside.Addr()), stop: func() {}}
	w.shop = shop{t: t, env: []string{"DATABASE_URL=" + address, "REDIS_URL=redis://" + w.redis.addr, "SMTP_URL=smtp://shop:right@" + w.relay.addr + "?tls=off",
		"BASE_URL=https://mail.shop.example", "SECRET_KEY=" + rand.Text() + rand.Text(), "LOG_LEVEL=error"}}
	w.must("import", "members", manyMembers(t, 3), "--consent", "offers,newsletter", "--consent-source", "test", "--consent-at", "2026-01-01")
	files := map[string]string{}
	for name, text := range quietShop {
		files[name] = text
	}
	files["pools.yaml"] += "\ncups: {kind: imported, amount: 5.00}\n"
	w.must("apply", directory(t, files))
	w.sql(`insert into codes (pool_id, code, folded, state) select id, 'CUP1', 'CUP1', 'free' from pools where name = 'cups'`,
		`insert into replicas (id, version, roles, started_at, seen_at) values ('old', '1', 'web', `+w.hours(-1)+", "+w.hours(-1)+"), ('to come', '1', '', "+w.hours(1)+", "+w.hours(-2)+")")
	return w
}

// hours is a moment of the database's clock, as SQL.
func (s shop) hours(n int) (expr string) {
	err := s.tx(func(tx *store.Tx) error { expr = tx.MachineIn(time.Duration(n) * time.Hour); return nil })
	if err != nil {
		s.t.Fatal(err)
	}
	return expr
}

// Fault 18: serve that is not allowed to start says so in status too.
func TestAServeThatIsRefusedIsKnown(t *testing.T) {
	t.Parallel()
	w := newWatched(t, fewConnections(t))
	var without []string
	for _, v := range w.env {
		if !strings.HasPrefix(v, "SECRET_KEY=") {
			without = append(without, v)
		}
	}
	refused := shop{t: t, env: without}
	if got := refused.run("serve", "--listen", "127.0.0.1:0"); got.code != 1 || !strings.Contains(got.err, "SECRET_KEY") {
		t.Fatalf("serve without SECRET_KEY: exit %d\n%s", got.code, got.err)
	}
	if got := w.run("status"); got.code != 1 || !strings.Contains(got.out, "serve does not start on") || !strings.Contains(got.out, "SECRET_KEY") {
		t.Errorf("status: exit %d\n%s", got.code, got.out)
	}
	w.begin()
	patiently.UntilRight(w.t, func() string {
		if got := w.run("status"); got.code != 0 {
			return got.out
		}
		return ""
	})
}
