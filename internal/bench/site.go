package bench

import (
	"cmp"
	"context"
	crypto "crypto/rand"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"regulars/internal/embedded"
	"regulars/internal/store"
)

// site is a shop with its replicas, whose servers stand behind gates.
type site struct {
	Faults
	dir                     string
	db                      *store.DB // not through the gate
	cluster                 *cluster  // nil: a database on Server
	sink                    *embedded.Sink
	redis                   *embedded.Redis
	redisGate, databaseGate *gate
	env                     []string
	replicas                []*replica
	random                  *rand.Rand

	fault fault
	disk  string // of our own, which may be full; "": none

	mu    sync.Mutex
	next  time.Time   // the relay takes no mail before
	at    []time.Time // when mails came, where their rate is limited
	stage embedded.Script
}

// the shop's files. One campaign is sent by hand and gives each member a code.
var letterShop = map[string]string{
	"program.yaml": `
shop:      {name: Corner Shop, url: https://shop.example, address: "Corner Street 1, 00100 Helsinki"}
mail:      {from: "Corner Shop <hello@shop.example>"}
languages: [en]
currency:  EUR
zone:      Europe/Helsinki
`,
	"pools.yaml": "back: {kind: generated, pattern: BACK-####-####-####, percent: 15, valid_for: 14d, checkout: asks_us}\n",
	"campaigns/letter/campaign.yaml": `
live: true
start: {launch: {about: text}}
quiet: off
topic: offers
class: offer
steps:
  - mail: letter
    coupon: back
`,
	"campaigns/letter/letter.en.md": "---\nsubject: News of {{ launch.about }}\n---\nHello {{ member.first_name }}, here is the news.\n\n{{ coupon.code }}\n",
}

// newSite makes the servers, the members and the program, and has the run wait for its
// replicas.
func (f Faults) newSite(ctx context.Context, x fault) (s *site, err error) {
	s = &site{Faults: f, fault: x, random: rand.New(rand.NewPCG(f.Seed, 1))}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.end())
		}
	}()
	if s.dir, err = os.MkdirTemp(f.Dir, "faults-"); err != nil {
		return s, err
	}
	where, err := s.database(ctx)
	if err != nil {
		return s, err
	}
	if s.sink, err = embedded.NewSink(embedded.SinkOptions{Keep: 1, Script: s.answer}); err != nil {
		return s, err
	}
	if s.redis, err = embedded.StartRedis(context.WithoutCancel(ctx)); err != nil {
		return s, err
	}
	if s.redisGate, err = newGate(s.redis.Addr(), 0); err != nil {
		return s, err
	}
	limit := ""
	if x.rate > 0 {
		limit = fmt.Sprintf("&rate=%d/s", x.rate)
	}
	s.env = []string{"DATABASE_URL=" + where, "REDIS_URL=redis://" + s.redisGate.addr(), "SMTP_URL=smtp://" + s.sink.Addr() + "?tls=off" + limit,
		"BASE_URL=https://mail.shop.example", "SECRET_KEY=" + crypto.Text() + crypto.Text(), "LISTEN=127.0.0.1:0", "LOG_LEVEL=error", "WIRE_LOG=" + filepath.Join(cmp.Or(s.disk, s.dir), "wire")}
	files := map[string]string{"members.csv": madeUp(s.Mails)}
	for name, text := range letterShop {
		files["program/"+name] = text
	}
	if err := write(s.dir, files); err != nil {
		return s, err
	}
	for _, args := range [][]string{
		{"import", "members", "members.csv", "--consent", "offers", "--consent-source", "test", "--consent-at", "2026-01-01"},
		{"apply", "program"},
		{"campaign", "launch", "letter", "about=spring", "--yes"},
	} {
		if out, err := s.command(ctx, args...).CombinedOutput(); err != nil {
			return s, fmt.Errorf("regulars %s: %w\n%s", strings.Join(args, " "), err, out)
		}
	}
	return s, nil
}

// database makes an empty database and returns its address for the replicas.
func (s *site) database(ctx context.Context) (where string, err error) {
	if s.Engine == store.SQLite {
		folder := s.dir
		if s.fault.disk {
			folder = filepath.Join(s.dir, "disk")
			if err := mountDisk(folder, 32<<20+s.Mails<<12); err != nil {
				return "", err
			}
			s.disk = folder
		}
		where = "sqlite:" + filepath.Join(folder, "shop.db")
		s.db, err = store.Open(ctx, where, store.Options{Create: true})
		if err == nil {
			err = s.db.Migrate(ctx)
		}
		return where, err
	}
	server := s.Server
	if s.fault.own {
		if s.cluster, err = newCluster(ctx, s.dir); err != nil {
			return "", err
		}
		server = s.cluster.address()
	}
	if s.db, err = store.Scratch(ctx, server, store.Options{Conns: 4}); err != nil {
		return "", err
	}
	var name string
	if err := s.db.View(ctx, func(tx *store.Tx) error { return tx.One(&name, "select current_database()", nil) }); err != nil {
		return "", err
	}
	u, err := url.Parse(server)
	if err != nil {
		return "", errors.New("the address of the server should be postgres://user:password@host:5432/database")
	}
	if s.databaseGate, err = newGate(net.JoinHostPort(u.Hostname(), cmp.Or(u.Port(), "5432")), 0); err != nil {
		return "", err
	}
	u.Host, u.Path = s.databaseGate.addr(), "/"+name
	q := u.Query()
	q.Set("pool_max_conns", "4") // others use the server, too
	u.RawQuery = q.Encode()
	return u.String(), nil
}

// madeUp is a file of so many members.
func madeUp(members int) string {
	var b strings.Builder
	b.WriteString("member,email,first_name,joined_at\n")
	for i := range members {
		fmt.Fprintf(&b, "M-%07d,m-%07d@example.test,Ana,2026-01-01\n", i, i)
	}
	return b.String()
}

func (s *site) command(ctx context.Context, args ...string) *exec.Cmd {
	c := exec.CommandContext(ctx, s.Program, args...)
	c.Env, c.Dir = append(os.Environ(), s.env...), s.dir
	return c
}

// begin starts the replicas.
func (s *site) begin(ctx context.Context) error {
	n := cmp.Or(s.fault.replicas, 2)
	if s.Engine == store.SQLite {
		n = 1
	}
	for range n {
		r := &replica{site: s, ctx: ctx}
		s.replicas = append(s.replicas, r)
		if err := r.start(); err != nil {
			return err
		}
	}
	return nil
}

// end stops and removes everything.
func (s *site) end() (err error) {
	for _, r := range s.replicas {
		err = errors.Join(err, r.end())
	}
	if s.db != nil {
		err = errors.Join(err, s.db.Close())
	}
	for _, g := range []*gate{s.redisGate, s.databaseGate} {
		if g != nil {
			g.end()
		}
	}
	if s.redis != nil {
		s.redis.Close()
	}
	if s.sink != nil {
		err = errors.Join(err, s.sink.Close())
	}
	if s.cluster != nil {
		err = errors.Join(err, s.cluster.crash(context.Background()))
	}
	if s.disk != "" {
		err = errors.Join(err, unmountDisk(s.disk))
	}
	if s.dir != "" {
		err = errors.Join(err, os.RemoveAll(s.dir))
	}
	return err
}

// any returns one of the replicas.
func (s *site) any() *replica { return s.replicas[s.random.IntN(len(s.replicas))] }

// came waits until the relay has taken so many mails, and reports whether it has before
// ctx ends.
func (s *site) came(ctx context.Context, mails int64) bool { return s.sink.Wait(ctx, mails) == nil }

// eachMails calls f whenever the relay has taken so many more mails.
func (s *site) eachMails(ctx context.Context, mails int64, f func() error) (times int, err error) {
	for s.came(ctx, s.sink.Count()+mails) && ctx.Err() == nil {
		if err := f(); err != nil {
			return times, err
		}
		times++
	}
	return times, nil
}

// script has the relay behave so; nil: friendly.
func (s *site) script(f embedded.Script) {
	s.mu.Lock()
	s.stage = f
	s.mu.Unlock()
}

// relaySays has the relay answer everybody so at the beginning of a connection and of a mail.
func (s *site) relaySays(r embedded.Reply) {
	s.script(func(at embedded.Stage, _ string) embedded.Reply {
		if at == embedded.AtConnect || at == embedded.AtMail {
			return r
		}
		return embedded.Reply{}
	})
}

// answer is the relay's behaviour: it takes no more mails than fill the time of the
// fault, and beyond that what the fault says.
func (s *site) answer(at embedded.Stage, to string) embedded.Reply {
	s.mu.Lock()
	f := s.stage
	var wait time.Duration
	if at == embedded.AtDot && s.fault.rate > 0 {
		s.at = append(s.at, time.Now())
	} else if at == embedded.AtDot {
		now := time.Now()
		if s.next.Before(now) {
			s.next = now
		}
		s.next = s.next.Add(s.For / time.Duration(s.Mails))
		wait = s.next.Sub(now)
	}
	s.mu.Unlock()
	time.Sleep(wait)
	if f == nil {
		return embedded.Reply{}
	}
	return f(at, to)
}

// inTenSeconds is how many mails came in those ten seconds in which most did.
func (s *site) inTenSeconds() (most int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	slices.SortFunc(s.at, time.Time.Compare)
	for first, last := 0, 0; last < len(s.at); last++ {
		for s.at[last].Sub(s.at[first]) > 10*time.Second {
			first++
		}
		most = max(most, last-first+1)
	}
	return most
}

// fill leaves no room on the disk of our own, and returns the file that does.
func (s *site) fill() (name string, err error) {
	f, err := os.Create(filepath.Join(s.disk, "ballast"))
	if err != nil {
		return "", err
	}
	defer f.Close()
	for err == nil {
		_, err = f.Write(make([]byte, 1<<16))
	}
	if !errors.Is(err, syscall.ENOSPC) {
		return "", err
	}
	return f.Name(), nil
}

// settled waits until every mail has ended, or nothing moves any more, and holds the
// ledger to the relay.
func (s *site) settled(ctx context.Context) (t Trial, err error) {
	t = Trial{Mails: int64(s.Mails), Wrong: []string{}}
	moved, before := time.Now(), int64(0)
	for ; ; pass(ctx, 500*time.Millisecond) {
		var states []struct {
			State string
			N     int64
		}
		err := s.db.View(context.WithoutCancel(ctx), func(tx *store.Tx) error {
			return tx.All(&states, "select state, count(*) as n from sends where state not in ('queued', 'claimed', 'handing', 'deferred') group by state", nil)
		})
		if err != nil {
			return t, err
		}
		t.Sent, t.Unknown, t.Other = 0, 0, 0
		for _, x := range states {
			switch x.State {
			case "sent":
				t.Sent = x.N
			case "unknown":
				t.Unknown = x.N
			default:
				t.Other += x.N
			}
		}
		ended := t.Sent + t.Unknown + t.Other
		if ended > before {
			moved, before = time.Now(), ended
		}
		if ended >= t.Mails || time.Since(moved) > peace || ctx.Err() != nil {
			break
		}
	}
	t.Came, t.Twice = s.sink.Count(), int64(len(s.sink.Twice()))
	t.Lost = max(0, t.Mails-t.Sent-t.Unknown-t.Other, t.Sent-t.Came)
	if t.Lost > 0 {
		t.Wrong = append(t.Wrong, fmt.Sprintf("%d lost", t.Lost))
	}
	if t.Twice > 0 {
		t.Wrong = append(t.Wrong, fmt.Sprintf("%d came twice", t.Twice))
	}
	if t.Came > t.Sent+t.Unknown+t.Twice {
		t.Wrong = append(t.Wrong, fmt.Sprintf("%d came that the ledger does not know", t.Came-t.Sent-t.Unknown-t.Twice))
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), peace)
	defer cancel()
	for { // what a fault left in the log of troubles goes by itself
		said, err := s.command(context.WithoutCancel(ctx), "doctor").CombinedOutput()
		if err == nil {
			break
		}
		if ctx.Err() != nil {
			t.Wrong = append(t.Wrong, "doctor: "+strings.TrimSpace(string(said)))
			break
		}
		pass(ctx, time.Second)
	}
	for _, r := range s.replicas {
		if err := r.end(); err != nil {
			t.Wrong = append(t.Wrong, err.Error())
		}
	}
	return t, nil
}

// peace is for how long nothing may move once nothing fails any more, and how long what a
// fault left may take to go by itself.
const peace = 5 * time.Minute

// replica is a process of the program, started again whenever it ends.
type replica struct {
	*site
	ctx context.Context

	mu      sync.Mutex
	process *exec.Cmd
	ended   chan struct{} // by the present process
	over    bool
}

func (r *replica) start() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.over {
		return nil
	}
	p := r.command(context.WithoutCancel(r.ctx), "serve")
	p.Stdout, p.Stderr = io.Discard, nil
	if err := p.Start(); err != nil {
		return err
	}
	ended := make(chan struct{})
	r.process, r.ended = p, ended
	go func() {
		_ = p.Wait() // killed, as a rule
		close(ended)
		pass(r.ctx, 50*time.Millisecond)
		_ = r.start() // a binary that was started once
	}()
	return nil
}

// now returns the present process and what tells its end.
func (r *replica) now() (*os.Process, chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.process.Process, r.ended
}

func (r *replica) pid() int {
	p, _ := r.now()
	return p.Pid
}

func (r *replica) kill() error {
	p, ended := r.now()
	if err := p.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	<-ended
	return nil
}

// term has the process stop in order.
func (r *replica) term() error {
	p, ended := r.now()
	if err := p.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case <-ended:
		return nil
	case <-time.After(peace):
		return fmt.Errorf("a replica did not stop within %s of SIGTERM", peace)
	}
}

// standStill stops the process without its knowing, for so long.
func (r *replica) standStill(d time.Duration) error {
	p, _ := r.now()
	if err := pause(p); err != nil {
		return err
	}
	pass(r.ctx, d)
	return unpause(p)
}

// end stops the process for good.
func (r *replica) end() error {
	r.mu.Lock()
	over := r.over
	r.over = true
	r.mu.Unlock()
	if over || r.process == nil {
		return nil
	}
	err := r.term()
	if err != nil {
		err = errors.Join(err, r.kill())
	}
	return err
}
