package bench

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"regulars/internal/apply"
	"regulars/internal/flows"
	"regulars/internal/intake"
	"regulars/internal/membership"
	"regulars/internal/public"
	"regulars/internal/store"
)

// Ingest measures how fast orders come in: as signed webhooks of one order each, as
// bodies of many, and as a file. Its peers write the same number of rows into a bare
// table: one transaction a row, or one COPY.
type Ingest struct {
	Postgres *store.DB // empty, to be thrown away; nil: it is left out
	SQLite   *store.DB // the same

	Connections int // that post at once
	Deliveries  int // so many webhooks on Postgres, and half as many on SQLite
	Members     int // who order
	Orders      int // of the file
	Dir         string
	Watch       func(stage string, total int64) (tick func(n int64)) // as of Segments
}

// FullIngest is the size of the file for which the targets are meant, and
// FullDeliveries how many webhooks.
const (
	FullIngest     = 1_000_000
	FullDeliveries = 20_000
)

// Rate is one way in, measured.
type Rate struct {
	Engine    string        `json:"engine"`
	Work      string        `json:"work"`
	N         int           `json:"n"`
	PerSecond float64       `json:"per_second"`
	Median    time.Duration `json:"median_ns,omitempty"`
	P99       time.Duration `json:"p99_ns,omitempty"`
	Ours      time.Duration `json:"cpu_ours_ns"`               // of this process for each, with what makes the load
	Database  time.Duration `json:"cpu_database_ns,omitempty"` // of the server's processes for each, where they can be seen
	Peer      float64       `json:"peer_per_second,omitempty"` // of bare rows, or of the same without points
	Growth    float64       `json:"growth,omitempty"`          // the processor's time of the last tenth through that of the second
	Memory    int64         `json:"memory,omitempty"`          // of this process at its highest until now
	Again     int64         `json:"again,omitempty"`           // deliveries that were told 503 and came again
	Target    string        `json:"target,omitempty"`
	Met       bool          `json:"met"`
}

// IngestOutcome is what was measured.
type IngestOutcome struct {
	Connections int    `json:"connections"`
	Deliveries  int    `json:"deliveries"`
	Orders      int    `json:"orders"`
	Rates       []Rate `json:"rates"`
}

// Full reports whether the sizes are those for which the targets are meant.
func (o IngestOutcome) Full() bool {
	return o.Orders >= FullIngest && o.Deliveries >= FullDeliveries && o.Connections >= 32
}

// Missed returns what did not meet its target.
func (o IngestOutcome) Missed() (works []string) {
	for _, r := range o.Rates {
		if r.Target != "" && !r.Met {
			works = append(works, r.Engine+": "+r.Work)
		}
	}
	return works
}

// goals are the targets of an engine: deliveries and orders of a file a second, and what
// points leave of the rate of deliveries; 0: none.
var goals = map[string]struct{ webhooks, orders, points float64 }{
	store.Postgres: {2000, 25_000, 0.85},
	"sqlite":       {1000, 0, 0},
}

// The names of what is measured.
const (
	single  = "webhooks of one order, signed"
	many    = "orders in webhooks of 100"
	reacted = "reactions to them"
	plainly = "webhooks of one order, once more"
	pointed = "webhooks with points, tiers and a card, against without"
	filed   = "orders of a file"
)

const (
	slowest    = 100 * time.Millisecond // of 99 in 100 webhooks
	straight   = 1.1                    // the growth of a linear import, at most
	inABody    = 100
	benchQuiet = 2 * time.Second // how long the site waits for locks, as serve has it
	benchShare = 8               // its transactions, as serve has them
)

// Run measures one engine after the other. With an error it returns what was measured
// before.
func (in Ingest) Run(ctx context.Context) (IngestOutcome, error) {
	out := IngestOutcome{in.Connections, in.Deliveries, in.Orders, nil}
	for _, db := range []*store.DB{in.Postgres, in.SQLite} {
		if db == nil {
			continue
		}
		m := &ingesting{Ingest: in, db: db}
		if db.Engine() != store.Postgres {
			m.Deliveries /= 2
		}
		err := m.run(ctx)
		out.Rates = append(out.Rates, m.rates...)
		if err != nil {
			return out, fmt.Errorf("%s: %w", db.Engine(), err)
		}
	}
	return out, nil
}

// ingesting is the measuring of one engine.
type ingesting struct {
	Ingest
	db    *store.DB
	rates []Rate
}

func (m *ingesting) watch(stage string, total int) func(int64) {
	if m.Watch == nil {
		return func(int64) {}
	}
	return m.Watch(m.db.Engine()+", "+stage, int64(total))
}

func (m *ingesting) run(ctx context.Context) error {
	files := program()
	files["campaigns/fifth/campaign.yaml"] = "live: true\nstart: {milestone: orders, at: [5]}\nclass: service\nsteps:\n  - mail: a\n"
	files["campaigns/fifth/a.en.md"] = "---\nsubject: Hello\n---\nHello.\n"
	if err := m.apply(ctx, files); err != nil {
		return err
	}
	for _, pass := range []func(context.Context, *store.DB) (int, error){membership.Segments, flows.Settle} {
		if err := untilDone(ctx, m.db, pass); err != nil {
			return err
		}
	}
	if err := m.peerTable(ctx); err != nil {
		return err
	}
	to, stop, err := m.serve(ctx)
	if err != nil {
		return err
	}
	defer stop()
	if err := m.webhooks(ctx, to); err != nil {
		return err
	}
	if err := m.file(ctx); err != nil {
		return err
	}
	return m.points(ctx, to, files)
}

func (m *ingesting) apply(ctx context.Context, files map[string]string) error {
	return m.db.Update(ctx, func(tx *store.Tx) error {
		_, err := apply.Apply(tx, files, "bench", "")
		return err
	})
}

func untilDone(ctx context.Context, db *store.DB, pass func(context.Context, *store.DB) (int, error)) error {
	for {
		if n, err := pass(ctx, db); n == 0 || err != nil {
			return err
		}
	}
}

// measured runs f, which does n of something, and notes what each cost.
func (m *ingesting) measured(ctx context.Context, r Rate, f func() error) (Rate, error) {
	ours, server, err := cpuOurs(), time.Duration(0), error(nil)
	if server, err = m.cpuServer(ctx); err != nil {
		return r, err
	}
	began := time.Now()
	if err := f(); err != nil {
		return r, fmt.Errorf("%s: %w", r.Work, err)
	}
	took := time.Since(began)
	after, err := m.cpuServer(ctx)
	r.Engine, r.PerSecond = m.db.Engine(), float64(r.N)/took.Seconds()
	r.Ours, r.Database = (cpuOurs()-ours)/time.Duration(r.N), max(0, after-server)/time.Duration(r.N)
	return r, err
}

// cpuServer is the time that the processes of our connections to Postgres have
// taken, where they are on this machine; otherwise 0.
func (m *ingesting) cpuServer(ctx context.Context) (all time.Duration, err error) {
	if m.db.Engine() != store.Postgres {
		return 0, nil
	}
	var pids []int
	err = m.db.View(ctx, func(tx *store.Tx) error {
		return tx.All(&pids, "select pid from pg_stat_activity where datname = current_database()", nil)
	})
	for _, pid := range pids {
		all += cpuOf(pid)
	}
	return all, err
}

// hookKey is what the bench's shop signs with, hookSecret how it is set.
var (
	hookKey    = []byte("0123456789abcdef0123456789abcdef")
	hookSecret = "whsec_" + base64.StdEncoding.EncodeToString(hookKey)
)

// serve starts a real server of webhooks on loopback.
func (m *ingesting) serve(ctx context.Context) (to string, stop func(), err error) {
	quick, err := m.db.Beside(ctx, 4)
	if err != nil {
		return "", nil, err
	}
	web := m.db.Share(benchShare).Hasty(benchQuiet)
	site := &public.Site{DB: web, Quick: quick.Hasty(benchQuiet), Intake: intake.New(web), Log: slog.New(slog.DiscardHandler),
		Secrets: map[string][]string{"standard": {hookSecret}}}
	door, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, errors.Join(err, quick.Close())
	}
	server := &http.Server{Handler: site.Handler()}
	served := make(chan error, 1)
	go func() { served <- server.Serve(door) }()
	stop = func() { server.Close(); <-served; quick.Close() }
	return "http://" + door.Addr().String() + "/hooks/standard", stop, nil
}

// webhooks posts orders, between two halves of the peer: single ones, then bodies of
// many, then what they set off is done.
func (m *ingesting) webhooks(ctx context.Context, to string) error {
	before := max(m.Deliveries/20, m.Connections)
	if err := m.warmUp(ctx, to, before, 1); err != nil {
		return err
	}
	peer, err := m.peerRows(ctx, m.Deliveries/2)
	if err != nil {
		return err
	}
	p := &poster{to: to, members: m.Members, name: "one", client: m.client()}
	one, err := m.measured(ctx, Rate{Work: single, N: m.Deliveries}, func() error {
		return p.post(ctx, m.Connections, m.Deliveries, 1, m.watch(single, m.Deliveries))
	})
	if err != nil {
		return err
	}
	again, err := m.peerRows(ctx, m.Deliveries/2)
	if err != nil {
		return err
	}
	one.Peer, one.Median, one.P99, one.Again = (peer+again)/2, p.quantile(0.5), p.quantile(0.99), p.again.Load()
	if goal := goals[one.Engine].webhooks; goal > 0 {
		one.Target = fmt.Sprintf(">= %.0f/s, p99 < %s", goal, slowest)
		one.Met = one.PerSecond >= goal && one.P99 < slowest
	}
	m.rates = append(m.rates, one)
	bodies := m.Deliveries / inABody
	if err := m.warmUp(ctx, to, bodies, inABody); err != nil {
		return err
	}
	p = &poster{to: to, members: m.Members, name: "many", client: m.client()}
	batches, err := m.measured(ctx, Rate{Work: many, N: bodies * inABody}, func() error {
		return p.post(ctx, m.Connections, bodies, inABody, m.watch(many, bodies))
	})
	if err != nil {
		return err
	}
	batches.Median, batches.P99, batches.Again = p.quantile(0.5), p.quantile(0.99), p.again.Load()
	if goal := goals[batches.Engine].orders; goal > 0 {
		batches.Target, batches.Met = fmt.Sprintf(">= %.0f/s", goal), batches.PerSecond >= goal
	}
	m.rates = append(m.rates, batches)
	done, posted := 0, before+m.Deliveries+2*bodies*inABody
	reactions, err := m.measured(ctx, Rate{Work: reacted, N: posted}, func() error {
		return untilDone(ctx, m.db, func(ctx context.Context, db *store.DB) (int, error) {
			n, err := flows.React(ctx, db)
			done += n
			return n, err
		})
	})
	if err == nil && done == 0 {
		err = errors.New("nothing reacted to what came in")
	}
	if err != nil {
		return err
	}
	m.rates = append(m.rates, reactions)
	return m.allThere(ctx, posted)
}

// warmUp posts orders that are not measured: connections prepare their statements and the
// database its pages by the first of a kind, which a shop that goes on has long behind it.
func (m *ingesting) warmUp(ctx context.Context, to string, bodies, orders int) error {
	p := &poster{to: to, members: m.Members, name: fmt.Sprint("warm-", orders), client: m.client()}
	return p.post(ctx, m.Connections, bodies, orders, func(int64) {})
}

// points posts single orders by a loyalty.yaml after most members have ordered by it, between
// two halves of as many without one.
func (m *ingesting) points(ctx context.Context, to string, files map[string]string) error {
	plain := &poster{to: to, members: m.Members, client: m.client()}
	without, err := m.plain(ctx, plain, "before")
	if err != nil {
		return err
	}
	more := maps.Clone(files)
	more["loyalty.yaml"], more["pools.yaml"] = beans, cup
	if err := m.apply(ctx, more); err != nil {
		return err
	}
	if err := newDay(ctx, m.db); err != nil { // the tiers of the time before are told
		return err
	}
	first := &poster{to: to, members: m.Members, name: "first", client: m.client()} // most members have points then, as in a shop that goes on
	bodies := 1 + 2*m.Members/inABody
	if err := first.post(ctx, m.Connections, bodies, inABody, m.watch("first orders with points", bodies)); err != nil {
		return err
	}
	p := &poster{to: to, members: m.Members, name: "points", client: m.client()}
	with, err := m.measured(ctx, Rate{Work: pointed, N: m.Deliveries}, func() error {
		return p.post(ctx, m.Connections, m.Deliveries, 1, m.watch(pointed, m.Deliveries))
	})
	if err != nil {
		return err
	}
	if err := m.apply(ctx, files); err != nil {
		return err
	}
	after, err := m.plain(ctx, plain, "after")
	if err != nil {
		return err
	}
	without.PerSecond, without.Ours, without.Database = (without.PerSecond+after.PerSecond)/2, (without.Ours+after.Ours)/2, (without.Database+after.Database)/2
	without.N += after.N
	without.Median, without.P99, without.Again = plain.quantile(0.5), plain.quantile(0.99), plain.again.Load()
	with.Median, with.P99, with.Again, with.Peer = p.quantile(0.5), p.quantile(0.99), p.again.Load(), without.PerSecond
	if goal := goals[with.Engine].points; goal > 0 {
		with.Target = fmt.Sprintf(">= %.2f × without", goal)
		with.Met = with.PerSecond >= goal*with.Peer
	}
	m.rates = append(m.rates, without, with)
	var earned bool
	if err := m.db.View(ctx, func(tx *store.Tx) error {
		return tx.One(&earned, "select exists (select 1 from entries where kind = 'earn')", nil)
	}); err != nil {
		return err
	}
	if !earned {
		return errors.New("no order has earned points")
	}
	return nil
}

// plain measures half of the single orders of a program without points, when that is.
func (m *ingesting) plain(ctx context.Context, p *poster, when string) (Rate, error) {
	p.name = "plain-" + when
	return m.measured(ctx, Rate{Work: plainly, N: m.Deliveries / 2}, func() error {
		return p.post(ctx, m.Connections, m.Deliveries/2, 1, m.watch(plainly+", "+when, m.Deliveries/2))
	})
}

// beans and cup are the loyalty.yaml and the pool of the webhooks with points.
const (
	beans = `
points:
  earn:
    - 1 per 1.00
    - 1 per 1.00 of category "tea"
  worth:   0.01
  pending: 14d
  expire:  {unused: 12m}
tiers:
  silver: {when: spent("12m") >= 250.00, keep: 12m, earn: 1.25x}
  gold:   {when: spent("12m") >= 600.00, keep: 12m, earn: 1.5x}
cards:
  tea: {stamp: category "tea", of: 10, gives: cup}
rewards:
  cup: {price: 300, gives: cup}
`
	cup = `cup: {kind: generated, pattern: "CUP-####-####-####", item: Tea, worth: 2.40, valid_for: 60d, checkout: asks_us}` + "\n"
)

// allThere makes sure that what was answered is there, and the facts with it.
func (m *ingesting) allThere(ctx context.Context, want int) error {
	var n struct{ Orders, Lines, Facts int }
	err := m.db.View(ctx, func(tx *store.Tx) error {
		return tx.One(&n, `
			select (select count(*) from orders) as orders, (select count(*) from order_lines) as lines,
			       (select cast(sum(orders) as bigint) from facts) as facts`, nil)
	})
	if err == nil && (n.Orders != want || n.Lines != want || n.Facts != want) {
		err = fmt.Errorf("%d orders were taken in; there are %d with %d lines, and the facts count %d", want, n.Orders, n.Lines, n.Facts)
	}
	return err
}

func (m *ingesting) client() *http.Client {
	return &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: m.Connections}, Timeout: time.Minute}
}

// peerTable makes a bare table of orders for the peers.
func (m *ingesting) peerTable(ctx context.Context) error {
	return m.db.Update(ctx, func(tx *store.Tx) error {
		_, err := tx.Exec("create table bench_peer (id text primary key, member text not null, at bigint not null, total bigint not null, product text not null)", nil)
		return err
	})
}

// peerRows returns how many rows a second as many connections write into the bare
// table, each in a transaction of its own.
func (m *ingesting) peerRows(ctx context.Context, n int) (float64, error) {
	db := m.db.Share(benchShare)
	var next atomic.Int64
	began := time.Now()
	g, ctx := errgroup.WithContext(ctx)
	for range m.Connections {
		g.Go(func() error {
			for i := next.Add(1); i <= int64(n); i = next.Add(1) {
				err := db.Update(ctx, func(tx *store.Tx) error {
					_, err := tx.Exec("insert into bench_peer values (@id, @member, @at, @total, @product)", store.Args{
						"id": fmt.Sprintf("%d-%d", began.UnixNano(), i), "member": "M-1", "at": began.UnixMicro(), "total": 990, "product": "P-1"})
					return err
				})
				if err != nil {
					return err
				}
			}
			return nil
		})
	}
	err := g.Wait()
	return float64(n) / time.Since(began).Seconds(), err
}

// cpuOf is the time on a processor that a process has taken so far; 0 where that
// cannot be seen.
func cpuOf(pid int) time.Duration {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(text), ") ")
	fields := strings.Fields(rest)
	if len(fields) < 13 {
		return 0
	}
	user, _ := strconv.ParseInt(fields[11], 10, 64)
	system, _ := strconv.ParseInt(fields[12], 10, 64)
	return time.Duration(user+system) * 10 * time.Millisecond // a hundredth of a second, on every Linux
}

func cpuOurs() time.Duration { return cpuOf(os.Getpid()) }
