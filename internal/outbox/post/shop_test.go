package post_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"regulars/internal/apply"
	"regulars/internal/consent"
	"regulars/internal/delivery"
	"regulars/internal/delivery/smtp"
	"regulars/internal/embedded"
	"regulars/internal/engine"
	"regulars/internal/intake"
	"regulars/internal/loyalty"
	"regulars/internal/outbox"
	"regulars/internal/outbox/post"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
	"regulars/internal/versions"
)

var (
	secret = "whsec_" + base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{1}, 32))
	older  = "whsec_" + base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{2}, 32))
)

// loopback is what the tests open: their receivers are on this machine.
var loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}

// receiver is another system that keeps what it is told, and answers as told.
type receiver struct {
	*httptest.Server
	mu     sync.Mutex
	got    []delivered
	answer http.HandlerFunc // nil: 204
}

// delivered is one request that it got.
type delivered struct {
	header http.Header
	body   []byte
	at     time.Time
}

func (d delivered) id() string { return d.header.Get("webhook-id") }

func newReceiver(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		body, err := io.ReadAll(request.Body)
		if err != nil {
			t.Error(err)
		}
		r.mu.Lock()
		r.got = append(r.got, delivered{request.Header, body, time.Now()})
		answer := r.answer
		r.mu.Unlock()
		if answer == nil {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		answer(w, request)
	}))
	t.Cleanup(r.Close)
	return r
}

// says has it answer with a status from now on.
func (r *receiver) says(status int, header ...string) {
	r.answers(func(w http.ResponseWriter, _ *http.Request) {
		if len(header) == 2 {
			w.Header().Set(header[0], header[1])
		}
		w.WriteHeader(status)
	})
}

func (r *receiver) answers(f http.HandlerFunc) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answer = f
}

func (r *receiver) all() []delivered {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]delivered{}, r.got...)
}

// told is what it got: each "type data", in the order in which that came. It fails
// the test where a signature does not hold.
func (r *receiver) told(t *testing.T, secret string) (lines []string) {
	t.Helper()
	key, err := standardwebhooks.NewWebhook(strings.TrimPrefix(secret, "whsec_"))
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range r.all() {
		if err := key.Verify(d.body, d.header); err != nil {
			t.Errorf("the signature of %s: %v", d.body, err)
		}
		var got struct {
			Type string          `json:"type"`
			Data json.RawMessage `json:"data"`
		}
		if err := json.Unmarshal(d.body, &got); err != nil {
			t.Fatal(err)
		}
		lines = append(lines, got.Type+" "+string(got.Data))
	}
	return lines
}

// shop is a shop with the real rooms, whose program tells somebody what happens.
type shop struct {
	t      *testing.T
	db     *store.DB
	clock  *engine.Clock
	engine *engine.Engine
	poster *post.Poster
	sink   *embedded.Sink
	events int
}

// files is a program that tells what hooks says.
func files(hooks string) map[string]string {
	return map[string]string{
		"program.yaml": `
shop: {name: Anna's Pets, url: https://shop.example, address: "Kauppakatu 1, 00100 Helsinki"}
mail: {from: "Anna <anna@shop.example>"}
languages: [en]
currency: EUR
zone: Europe/Helsinki
quiet: off
webhooks:
` + hooks,
		"segments.yaml":                  "buyers: orders >= 1\nnew: orders == 0\n",
		"pools.yaml":                     "gift: {kind: generated, pattern: GIFT-########, percent: 15, valid_for: 14d, checkout: asks_us}\n",
		"campaigns/first/campaign.yaml":  "live: true\nstart: {milestone: orders, at: [1]}\nsteps:\n  - mail: 1-thanks\n    coupon: gift\n",
		"campaigns/first/1-thanks.en.md": "---\nsubject: Thanks\n---\n{{ coupon.code }}\n",
	}
}

// to is one destination that wants some events, with what else its lines say.
func to(name string, r *receiver, events string, more ...string) string {
	return fmt.Sprintf("  %s: {url: %q, events: [%s]%s}\n", name, r.URL, events, strings.Join(more, ""))
}

func open(t *testing.T, db *store.DB, hooks string) *shop {
	t.Helper()
	s := &shop{t: t, clock: engine.NewClock(storetest.Start)}
	s.db = db.Clock(s.clock.Now)
	sink, err := embedded.NewSink(embedded.SinkOptions{Now: s.clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	o, err := smtp.ParseURL("smtp://" + sink.Addr() + "?tls=off")
	if err != nil {
		t.Fatal(err)
	}
	relay := smtp.New(o)
	t.Cleanup(func() { relay.Close(context.Background()); sink.Close() })
	s.sink = sink
	s.engine = engine.New(s.db, delivery.New(delivery.Config{
		DB: s.db, Programs: versions.Programs{DB: s.db}, Transports: map[string]delivery.Transport{"urgent": relay, "bulk": relay},
		Links: consent.NewLinks("http://localhost:8080", [][]byte{bytes.Repeat([]byte{7}, 32)}), Secret: []byte("secret"),
	}))
	s.use(post.Config{Secrets: map[string][]string{"SHOP": {secret}, "OTHER": {older}}, Allow: loopback})
	s.apply(hooks)
	return s
}

// use has what is told be sent as c says from now on.
func (s *shop) use(c post.Config) *post.Poster {
	s.t.Helper()
	c.DB = s.db
	p, err := post.New(c)
	if err != nil {
		s.t.Fatal(err)
	}
	s.poster = p
	s.engine.Tells(p)
	return p
}

func (s *shop) apply(hooks string) {
	s.t.Helper()
	s.do(func(tx *store.Tx) error { _, err := apply.Apply(tx, files(hooks), "anna", ""); return err })
}

func (s *shop) do(f func(tx *store.Tx) error) {
	s.t.Helper()
	if err := s.db.Update(context.Background(), f); err != nil {
		s.t.Fatal(err)
	}
}

// hear takes an event in, as news or as history.
func (s *shop) hear(mode intake.Mode, kind, member string, change func(*loyalty.Event)) {
	s.t.Helper()
	s.events++
	e := loyalty.Event{Source: "test", Type: kind, ID: fmt.Sprintf("e-%d", s.events), At: loyalty.At(s.clock.Now())}
	e.Member.ID = member
	if change != nil {
		change(&e)
	}
	results, err := intake.New(s.db).Apply(context.Background(), []loyalty.Event{e}, mode)
	if err != nil || results[0].State != intake.Stored {
		s.t.Fatalf("Apply(%s of %s) = %+v, %v, want it stored", kind, member, results, err)
	}
}

func joining(e *loyalty.Event) {
	yes := true
	e.Member.Joined, e.Member.Email = &yes, strings.ToLower(e.Member.ID)+"@example.test"
	e.Member.Consent = map[string]bool{"offers": true, "newsletter": true, "program": true}
}

func (s *shop) join(member string) {
	s.t.Helper()
	s.hear(intake.Live, loyalty.MemberJoined, member, joining)
}

func (s *shop) order(member string, codes ...string) {
	s.t.Helper()
	s.hear(intake.Live, loyalty.OrderPlaced, member, ordering(fmt.Sprintf("O-%d", s.events+1), codes...))
}

func ordering(id string, codes ...string) func(*loyalty.Event) {
	return func(e *loyalty.Event) {
		e.Order = &loyalty.Order{ID: id, Status: loyalty.Paid, Total: 1000, HasTotal: true}
		for _, code := range codes {
			e.Order.Coupons = append(e.Order.Coupons, loyalty.UsedCoupon{Code: code})
		}
	}
}

func (s *shop) settle() {
	s.t.Helper()
	if err := s.engine.Settle(context.Background()); err != nil {
		s.t.Fatal(err)
	}
}

// later lets the pauses of deliveries and of their destinations pass.
func (s *shop) later() {
	s.t.Helper()
	s.do(func(tx *store.Tx) error {
		if _, err := tx.Exec("update hook_destinations set rest_until = null", nil); err != nil {
			return err
		}
		_, err := tx.Exec("update hook_deliveries set next_at = "+tx.Machine()+" where state = 'waiting'", nil)
		return err
	})
	s.settle()
}

// stands is how deliveries stand: "delivered 2, waiting 1".
func (s *shop) stands() string {
	s.t.Helper()
	var rows []struct {
		State string
		N     int
	}
	s.do(func(tx *store.Tx) error {
		return tx.All(&rows, "select state, count(*) as n from hook_deliveries group by state order by state", nil)
	})
	var words []string
	for _, r := range rows {
		words = append(words, fmt.Sprintf("%s %d", r.State, r.N))
	}
	return strings.Join(words, ", ")
}

func (s *shop) standing(name string) (found outbox.Standing) {
	s.t.Helper()
	s.do(func(tx *store.Tx) error {
		all, err := outbox.Standings(tx)
		for _, one := range all {
			if one.Name == name {
				found = one
			}
		}
		return err
	})
	return found
}

func (s *shop) want(about, got, want string) {
	s.t.Helper()
	if got != want {
		s.t.Errorf("%s: %s\nwant: %s", about, got, want)
	}
}

// each runs a test on both engines.
func each(t *testing.T, f func(t *testing.T, db *store.DB)) {
	t.Helper()
	t.Parallel()
	storetest.Each(t, f)
}
