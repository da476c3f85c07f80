package jobs_test

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"regulars/internal/apply"
	"regulars/internal/consent"
	"regulars/internal/delivery"
	"regulars/internal/delivery/smtp"
	"regulars/internal/embedded"
	"regulars/internal/engine"
	"regulars/internal/intake"
	"regulars/internal/loyalty"
	"regulars/internal/patiently"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
	"regulars/internal/versions"
	"regulars/jobs"
	"regulars/jobs/jobstest"
)

func TestMain(m *testing.M) {
	flag.Parse()
	if err := flag.Set("test.parallel", "12"); err != nil { // they mostly wait
		panic(err)
	}
	jobs.SilenceRedis()
	// The client's own watch over a Redis that is away ends a second after its pool.
	patiently.Main(m, goleak.IgnoreAnyFunction("github.com/redis/go-redis/v9/internal/pool.(*ConnPool).tryDial"))
}

// files is the program of the tests.
func files() map[string]string {
	mail := func(subject, body string) string { return "---\nsubject: " + subject + "\n---\n" + body + "\n" }
	return map[string]string{
		"program.yaml": `
shop: {name: Anna's Pets, url: https://shop.example, address: "Kauppakatu 1, 00100 Helsinki"}
mail: {from: "Anna <anna@shop.example>"}
languages: [en]
currency: EUR
zone: Europe/Helsinki
quiet: off
`,
		"segments.yaml": "buyers: orders >= 1\n",
		"pools.yaml":    "gift: {kind: generated, pattern: GIFT-####-####, percent: 15, valid_for: 14d, checkout: asks_us}\n",

		"campaigns/welcome/campaign.yaml": "live: true\nstart: joins\nsteps:\n  - mail: hello\n  - wait: 7d\n  - mail: later\n",
		"campaigns/welcome/hello.en.md":   mail("Welcome", "Hello."),
		"campaigns/welcome/later.en.md":   mail("Later", "Still here."),

		"campaigns/letter/campaign.yaml": "live: true\nstart: {launch: {headline: text}}\nclass: offer\nsteps:\n  - mail: letter\n",
		"campaigns/letter/letter.en.md":  mail("Letter", "{{ launch.headline }}"),

		"campaigns/drop/campaign.yaml": "live: true\nstart: {launch: {}}\nclass: offer\nsteps:\n  - mail: gift\n    coupon: gift\n",
		"campaigns/drop/gift.en.md":    mail("Gift", "{{ coupon.code }}"),
	}
}

// shop is a shop with the real rooms over a sink. Its business time goes on as
// time does.
type shop struct {
	t      *testing.T
	db     *store.DB
	door   *intake.Intake
	sink   *embedded.Sink
	rooms  jobs.Rooms
	jumped atomic.Int64 // how far business time was put forward
	events int
}

func open(t *testing.T, db *store.DB) *shop {
	t.Helper()
	s := &shop{t: t}
	began := time.Now()
	s.db = db.Clock(func() time.Time {
		return storetest.Start.Add(time.Since(began) + time.Duration(s.jumped.Load()))
	})
	s.door = intake.New(s.db)
	sink, err := embedded.NewSink(embedded.SinkOptions{Now: s.db.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { sink.Close() })
	s.sink = sink
	s.rooms = s.furnish()
	s.do(func(tx *store.Tx) error { _, err := apply.Apply(tx, files(), "anna", ""); return err })
	return s
}

// furnish builds rooms of a replica over the same database and sink.
func (s *shop) furnish() jobs.Rooms {
	s.t.Helper()
	o, err := smtp.ParseURL("smtp://" + s.sink.Addr() + "?tls=off")
	if err != nil {
		s.t.Fatal(err)
	}
	o.Connections = 16 // so that the mails of a run, single mails and a marketer's may all hang at once
	relay := smtp.New(o)
	urgent := relay.Urgent()
	s.t.Cleanup(func() { urgent.Close(context.Background()); relay.Close(context.Background()) })
	sender := delivery.New(delivery.Config{
		DB: s.db, Programs: versions.Programs{DB: s.db}, Transports: map[string]delivery.Transport{delivery.Urgent: urgent, delivery.Bulk: relay},
		Links:  consent.NewLinks("http://localhost:8080", [][]byte{bytes.Repeat([]byte{7}, 32)}),
		Secret: []byte("secret"), Log: quiet(s.t),
	})
	return jobs.Rooms{DB: s.db, Sender: sender, Intake: s.door, Engine: engine.New(s.db, sender), ImportDir: s.t.TempDir()}
}

// quiet is a log that only a failed test shows.
func quiet(t *testing.T) *slog.Logger {
	return slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelInfo}))
}

// worker is one replica at work.
type worker struct {
	t      *testing.T
	cancel func()
	done   chan error
	hints  *jobs.Hints
}

// work starts a worker over a Redis. It is stopped with the test, and must then
// come to rest by itself.
func (s *shop) work(redis string, change ...func(*jobs.Worker)) *worker {
	s.t.Helper()
	r := jobstest.Connect(s.t, redis)
	w := &worker{t: s.t, done: make(chan error, 1), hints: jobs.NewHints(r, quiet(s.t))}
	job := &jobs.Worker{Rooms: s.rooms, Redis: r, Hints: w.hints, Log: quiet(s.t), Grace: patiently.AtMost}
	for _, f := range change {
		f(job)
	}
	ctx, cancel := context.WithCancel(context.Background())
	w.cancel = cancel
	go func() { w.done <- job.Run(ctx) }()
	s.t.Cleanup(w.stop)
	return w
}

// stop lets the worker come to rest. It may be called twice.
func (w *worker) stop() {
	w.t.Helper()
	w.cancel()
	if err, running := <-w.done; running && err != nil {
		w.t.Errorf("Run() = %v, want nil", err)
	}
	select {
	case <-w.done:
	default:
		close(w.done)
	}
	w.hints.Close()
}

// inProcess starts a Redis in this process and returns its address.
func inProcess(t *testing.T) string {
	t.Helper()
	r, err := embedded.StartRedis(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return "redis://" + r.Addr()
}

// asking is jobstest.Connect for the test's own questions: none is put twice because a machine
// stalls.
func asking(t *testing.T, address string) jobs.Redis {
	t.Helper()
	r, err := jobs.ConnectPatiently(address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

// nowhere is the address of a Redis that is not there.
const nowhere = "redis://127.0.0.1:1"

// hinting has commits wake the workers of a Redis, as in a replica of role web.
func (s *shop) hinting(redis string) *jobs.Hints {
	s.t.Helper()
	h := jobs.NewHints(jobstest.Connect(s.t, redis), quiet(s.t))
	s.t.Cleanup(h.Close)
	s.db.OnWake(h.Put)
	return h
}

func (s *shop) do(f func(tx *store.Tx) error) {
	s.t.Helper()
	if err := s.db.Update(context.Background(), f); err != nil {
		s.t.Fatal(err)
	}
}

func (s *shop) read(f func(tx *store.Tx) error) {
	s.t.Helper()
	if err := s.db.View(context.Background(), f); err != nil {
		s.t.Fatal(err)
	}
}

// join has people join who agree to everything, m-1@example.test and so on.
func (s *shop) join(n int) {
	s.t.Helper()
	yes := true
	var events []loyalty.Event
	for range n {
		s.events++
		e := loyalty.Event{Source: "test", Type: loyalty.MemberJoined, ID: fmt.Sprintf("e-%d", s.events), At: loyalty.At(s.db.Now())}
		e.Member = loyalty.Member{ID: fmt.Sprintf("m-%d", s.events), Email: fmt.Sprintf("m-%d@example.test", s.events), Joined: &yes,
			Consent: map[string]bool{"offers": true, "newsletter": true, "program": true}}
		events = append(events, e)
	}
	results, err := s.door.Apply(context.Background(), events, intake.Live)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, r := range results {
		if r.State != intake.Stored {
			s.t.Fatalf("joining = %+v, want it stored", r)
		}
	}
}

// enqueue puts a job in and returns its number.
func (s *shop) enqueue(o jobs.Order) (id int64) {
	s.t.Helper()
	if o.By == "" {
		o.By = "anna"
	}
	s.do(func(tx *store.Tx) (err error) { id, _, err = jobs.Enqueue(tx, o); return err })
	return id
}

func (s *shop) show(id int64) (row jobs.Row) {
	s.t.Helper()
	s.read(func(tx *store.Tx) (err error) { row, err = jobs.Show(tx, id); return err })
	return row
}

// ended waits until a job is in a state.
func (s *shop) ended(id int64, state string) jobs.Row {
	s.t.Helper()
	patiently.Until(s.t, fmt.Sprintf("job %d to be %s", id, state), func() bool { return s.show(id).State == state })
	return s.show(id)
}

// mails waits until the sink has so many mails.
func (s *shop) mails(n int64) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), patiently.AtMost)
	defer cancel()
	if err := s.sink.Wait(ctx, n); err != nil {
		s.t.Fatalf("waiting for %d mails: %v; there are %d, and the ledger says %s", n, err, s.sink.Count(), s.ledger())
	}
}

// ledger says how sends stand: "30 sent, 2 queued".
func (s *shop) ledger() string {
	s.t.Helper()
	return s.counted("select state as what, count(*) as n from sends group by state order by state")
}

func (s *shop) counted(query string) string {
	s.t.Helper()
	var rows []struct {
		What string
		N    int64
	}
	s.read(func(tx *store.Tx) error { return tx.All(&rows, query, nil) })
	var words []string
	for _, r := range rows {
		words = append(words, fmt.Sprintf("%d %s", r.N, r.What))
	}
	return strings.Join(words, ", ")
}

// allSent waits until so many mails are recorded as sent and nothing is pending,
// and checks that the sink had each of them once.
func (s *shop) allSent(n int64) {
	s.t.Helper()
	want := fmt.Sprintf("%d sent", n)
	patiently.Until(s.t, want, func() bool { return s.ledger() == want })
	if got := s.sink.Count(); got != n {
		s.t.Errorf("the sink had %d mails, want %d", got, n)
	}
	if twice := s.sink.Twice(); len(twice) > 0 {
		s.t.Errorf("came twice: %v", twice)
	}
}
