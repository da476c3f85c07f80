package engine_test

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"regulars/internal/apply"
	"regulars/internal/consent"
	"regulars/internal/delivery"
	"regulars/internal/delivery/smtp"
	"regulars/internal/embedded"
	"regulars/internal/engine"
	"regulars/internal/intake"
	"regulars/internal/loyalty"
	"regulars/internal/runs"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
	"regulars/internal/versions"
)

// campaigns of the tests: one for each way in which something becomes due.
var campaigns = map[string]string{
	"welcome":  "live: true\nstart: joins\nsteps:\n  - mail: 1-hello\n  - wait: 7d\n  - mail: 2-later\n",
	"fifth":    "live: true\nstart: {milestone: orders, at: [1]}\nsteps:\n  - mail: 1-thanks\n",
	"quiet":    "live: true\nstart: {enters: lapsed, time: 10:00, existing: none}\nclass: offer\nsteps:\n  - mail: 1-miss\n",
	"weekly":   "live: true\nstart: {every: monday 09:00}\nsteps:\n  - mail: 1-news\n",
	"birthday": "live: true\nstart: {yearly: birthday, time: 09:00}\nsteps:\n  - mail: 1-cake\n",
	"drop":     "live: true\nstart: {launch: {}}\nclass: offer\nsteps:\n  - mail: 1-gift\n    coupon: gift\n",
	"once":     "live: true\nstart: {launch: {}}\nagain: never\nclass: offer\nsteps:\n  - mail: 1-only\n",
	"twice":    "live: true\nstart: {launch: {}}\nagain: 180d\nclass: offer\nsteps:\n  - mail: 1-half-year\n",
	"patient":  "live: true\nstart: joins\nsteps:\n  - mail: 1-now\n  - wait: 900d\n  - mail: 2-at-last\n",
	"waves":    "live: true\nstart: {launch: {}}\nclass: offer\npilot: {size: 2}\nwaves: {size: 50%, every: 2h}\nsteps:\n  - mail: 1-gift\n    coupon: gift\n",
}

// files is the program of the tests, with only the campaigns that a test names.
func files(names ...string) map[string]string {
	all := map[string]string{
		"program.yaml": `
shop: {name: Anna's Pets, url: https://shop.example, address: "Kauppakatu 1, 00100 Helsinki"}
mail: {from: "Anna <anna@shop.example>"}
languages: [en]
currency: EUR
zone: Europe/Helsinki
quiet: off
`,
		"segments.yaml": "lapsed: orders >= 1 and days_since_last_order > 3\n",
		"pools.yaml":    "gift: {kind: generated, pattern: GIFT-####-####, percent: 15, valid_for: 2d, checkout: asks_us}\n",
	}
	for _, name := range names {
		text := campaigns[name]
		all["campaigns/"+name+"/campaign.yaml"] = text
		for line := range strings.Lines(text) {
			if _, mail, ok := strings.Cut(strings.TrimSpace(line), "mail: "); ok {
				all["campaigns/"+name+"/"+mail+".en.md"] = "---\nsubject: " + mail + "\n---\nHello.\n"
			}
		}
	}
	return all
}

// shop is a shop with the real rooms over a sink, at a clock of its own.
type shop struct {
	t      *testing.T
	db     *store.DB
	clock  *engine.Clock
	door   *intake.Intake
	sender *delivery.Sender
	engine *engine.Engine
	sink   *embedded.Sink
	sinks  []*embedded.Sink // of former processes
	events int
}

// each runs a test on both engines in a shop with those campaigns in force.
func each(t *testing.T, f func(t *testing.T, s *shop), names ...string) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) { f(t, open(t, db, names...)) })
}

func open(t *testing.T, db *store.DB, names ...string) *shop {
	t.Helper()
	return openFiles(t, db, files(names...))
}

func (s *shop) newDoor() *intake.Intake { return intake.New(s.db) }

func openFiles(t *testing.T, db *store.DB, files map[string]string) *shop {
	t.Helper()
	s := &shop{t: t, clock: engine.NewClock(storetest.Start)}
	s.db = db.Clock(s.clock.Now)
	s.door = s.newDoor()
	s.sender = s.newDesk()
	s.engine = engine.New(s.db, s.sender)
	s.do(func(tx *store.Tx) error { _, err := apply.Apply(tx, files, "anna", ""); return err })
	return s
}

func (s *shop) newDesk() *delivery.Sender {
	s.t.Helper()
	sink, err := embedded.NewSink(embedded.SinkOptions{Now: s.clock.Now})
	if err != nil {
		s.t.Fatal(err)
	}
	o, err := smtp.ParseURL("smtp://" + sink.Addr() + "?tls=off")
	if err != nil {
		s.t.Fatal(err)
	}
	relay := smtp.New(o)
	s.t.Cleanup(func() { relay.Close(context.Background()); sink.Close() })
	s.sink = sink
	return delivery.New(delivery.Config{
		DB: s.db, Programs: versions.Programs{DB: s.db}, Transports: map[string]delivery.Transport{"urgent": relay, "bulk": relay},
		Links: consent.NewLinks("http://localhost:8080", [][]byte{bytes.Repeat([]byte{7}, 32)}), Secret: []byte("secret"),
	})
}

func (s *shop) do(f func(tx *store.Tx) error) {
	s.t.Helper()
	if err := s.db.Update(context.Background(), f); err != nil {
		s.t.Fatal(err)
	}
}

// tell has something happen to a member now.
func (s *shop) tell(kind, member string, change func(*loyalty.Event)) {
	s.t.Helper()
	s.events++
	e := loyalty.Event{Source: "test", Type: kind, ID: fmt.Sprintf("e-%d", s.events), At: loyalty.At(s.clock.Now())}
	e.Member.ID = member
	if change != nil {
		change(&e)
	}
	results, err := s.door.Apply(context.Background(), []loyalty.Event{e}, intake.Live)
	if err != nil || results[0].State != intake.Stored {
		s.t.Fatalf("Apply(%s of %s) = %+v, %v, want it stored", kind, member, results, err)
	}
}

// join has somebody join who agrees to everything.
func (s *shop) join(member string) {
	s.t.Helper()
	s.tell(loyalty.MemberJoined, member, func(e *loyalty.Event) {
		yes := true
		e.Member.Joined, e.Member.Email = &yes, member+"@example.test"
		e.Member.Consent = map[string]bool{"offers": true, "newsletter": true, "program": true}
	})
}

func (s *shop) order(member string) {
	s.t.Helper()
	s.tell(loyalty.OrderPlaced, member, func(e *loyalty.Event) {
		e.Order = &loyalty.Order{ID: fmt.Sprintf("o-%d", s.events), Status: loyalty.Paid, Total: 1000, HasTotal: true}
	})
}

func (s *shop) launch(name string) {
	s.t.Helper()
	s.do(func(tx *store.Tx) error {
		_, err := runs.Launch(tx, runs.LaunchRequest{Campaign: name, By: "anna"})
		return err
	})
}

func (s *shop) settle() {
	s.t.Helper()
	if err := s.engine.Settle(context.Background()); err != nil {
		s.t.Fatal(err)
	}
}

// advance plays on to a wall time of the shop.
func (s *shop) advance(to string) {
	s.t.Helper()
	if err := s.engine.Advance(context.Background(), s.clock, s.wall(to)); err != nil {
		s.t.Fatal(err)
	}
}

func (s *shop) wall(at string) time.Time {
	s.t.Helper()
	zone, err := time.LoadLocation("Europe/Helsinki")
	if err != nil {
		s.t.Fatal(err)
	}
	moment, err := time.ParseInLocation("2006-01-02 15:04", at, zone)
	if err != nil {
		s.t.Fatal(err)
	}
	return moment
}

// sent lists the mails that went out, oldest first: "1-hello 03-03 12:00".
func (s *shop) sent() (list []string) {
	s.t.Helper()
	zone, err := time.LoadLocation("Europe/Helsinki")
	if err != nil {
		s.t.Fatal(err)
	}
	var rows []struct {
		Step     string
		HandedAt loyalty.Instant
	}
	s.do(func(tx *store.Tx) error {
		return tx.All(&rows, "select step, handed_at from sends where state = 'sent' order by handed_at, id", nil)
	})
	for _, r := range rows {
		list = append(list, r.Step+" "+r.HandedAt.In(zone).Format("01-02 15:04"))
	}
	return list
}

func (s *shop) wantSent(want ...string) {
	s.t.Helper()
	if got := s.sent(); strings.Join(got, "\n") != strings.Join(want, "\n") {
		s.t.Errorf("sent:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if n := s.sink.Count(); n != int64(len(want)) {
		s.t.Errorf("the sink has %d mails, want %d", n, len(want))
	}
}

// number asks for one figure.
func (s *shop) number(query string, args store.Args) (n int64) {
	s.t.Helper()
	s.do(func(tx *store.Tx) error { return tx.One(&n, query, args) })
	return n
}
