package public_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"regulars/internal/apply"
	"regulars/internal/consent"
	"regulars/internal/flows"
	"regulars/internal/intake"
	"regulars/internal/loyalty"
	"regulars/internal/patiently"
	"regulars/internal/public"
	"regulars/internal/staff"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
)

// house is a site over a database, with the rooms that it has in earnest.
type house struct {
	*public.Site
	t      testing.TB
	db     *store.DB
	links  *consent.Links
	signer string            // the secret that deliveries are signed with
	tokens map[string]string // scope → bearer token
	handle http.Handler
	said   *said // the log
}

// Secrets that must never be seen in a log line.
const hookSecret, oldSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"

// newHouse opens a site for a shop whose program is in force.
func newHouse(t testing.TB, db *store.DB) *house {
	t.Helper()
	h := &house{t: t, db: db, tokens: map[string]string{}, said: &said{}}
	h.links = consent.NewLinks("https://mail.shop.example", [][]byte{[]byte("a key of this test's own"), []byte("the key before it")})
	h.signer = hookSecret
	registry := prometheus.NewRegistry()
	registry.MustRegister(public.NewMetrics(db, func() map[string]bool { return map[string]bool{"bulk": false, "urgent": true} }, nil))
	h.Site = &public.Site{DB: db, Clock: func() time.Time { return storetest.Start }, Intake: intake.New(db), Links: h.links, Secrets: map[string][]string{"standard": {hookSecret, oldSecret}}, Registry: registry,
		Log: slog.New(slog.NewJSONHandler(h.said, nil))}
	h.open()
	h.update(func(tx *store.Tx) error {
		if _, err := apply.Apply(tx, shopFiles(t), "test", ""); err != nil {
			return err
		}
		var err error
		for _, scope := range staff.Scopes {
			if h.tokens[scope], err = staff.CreateToken(tx, scope+"-only", "", []string{scope}, "test"); err != nil {
				return err
			}
		}
		return nil
	})
	for n, err := 1, error(nil); n > 0; { // campaigns start for nobody before they are settled
		if n, err = flows.Settle(context.Background(), db); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(h.checkLog)
	return h
}

// another is the site of a second replica: rooms of its own over the same database.
func (h *house) another() *public.Site {
	one := h.Site
	return &public.Site{DB: one.DB, Clock: one.Clock, Quick: one.Quick, Intake: intake.New(h.db), Links: one.Links, Sources: one.Sources, Secrets: one.Secrets,
		Registry: one.Registry, Log: one.Log}
}

// open makes the handler anew after the site was changed.
func (h *house) open() { h.handle = h.Site.Handler() }

// checkLog holds the log to the promise that it shows no secret.
func (h *house) checkLog() {
	for _, secret := range []string{"rgl_", "whsec_", "/u/A", "/m/A", "/confirm/A", "example.test"} {
		if strings.Contains(h.said.String(), secret) {
			h.t.Errorf("the log shows %q: %s", secret, h.said)
		}
	}
}

// said keeps log lines.
type said struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *said) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *said) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// shopFiles is the program of testdata.
func shopFiles(t testing.TB) map[string]string {
	t.Helper()
	files := map[string]string{}
	root := os.DirFS("testdata/program")
	for _, pattern := range []string{"*.yaml", "campaigns/*/*"} {
		names, err := filepath.Glob("testdata/program/" + pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			short, _ := strings.CutPrefix(filepath.ToSlash(name), "testdata/program/")
			f, err := root.Open(short)
			if err != nil {
				t.Fatal(err)
			}
			text, err := io.ReadAll(f)
			f.Close()
			if err != nil {
				t.Fatal(err)
			}
			files[short] = string(text)
		}
	}
	return files
}

func (h *house) update(f func(*store.Tx) error) {
	h.t.Helper()
	if err := h.db.Update(context.Background(), f); err != nil {
		h.t.Fatal(err)
	}
}

// exec runs a statement with @now.
func (h *house) exec(statement string) {
	h.t.Helper()
	h.update(func(tx *store.Tx) error {
		_, err := tx.Exec(statement, store.Args{"now": tx.At})
		return err
	})
}

// rows returns the rows of a query of one text column, once campaigns have reacted
// to what there was.
func (h *house) rows(query string) []string {
	h.t.Helper()
	for n := 1; n > 0; {
		var err error
		if n, err = flows.React(context.Background(), h.db); err != nil {
			h.t.Fatal(err)
		}
	}
	all := []string{}
	err := h.db.View(context.Background(), func(tx *store.Tx) error { return tx.All(&all, query, nil) })
	if err != nil {
		h.t.Fatal(err)
	}
	return all
}

// one returns the first row of a query, "" when there is none.
func (h *house) one(query string) string {
	h.t.Helper()
	return strings.Join(append(h.rows(query), "")[:1], "")
}

// join lets somebody join and returns the id of their row.
func (h *house) join(id, language string) int64 {
	h.t.Helper()
	yes := true
	e := loyalty.Event{Source: "standard", Type: loyalty.MemberJoined, ID: "join-" + id, At: loyalty.At(storetest.Start),
		Member: loyalty.Member{ID: id, Email: strings.ToLower(id) + "@example.test", Language: language, Joined: &yes,
			Consent: map[string]bool{loyalty.Offers: true, loyalty.Newsletter: true}, ConsentSource: "checkout"}}
	results, err := h.Intake.Apply(context.Background(), []loyalty.Event{e}, intake.Live)
	if err != nil || results[0].State != intake.Stored {
		h.t.Fatalf("joining: %+v, %v", results, err)
	}
	return results[0].Member
}

// mailed writes a mail of a topic into the ledger and returns its id.
func (h *house) mailed(member int64, topic string) (id int64) {
	h.t.Helper()
	h.update(func(tx *store.Tx) error {
		return tx.One(&id, `
			insert into sends (day, occurrence_id, step, member_id, campaign_id, version_id, class, topic, state, queued_at, handed_at, done_at, sent_day)
			values (1, (select coalesce(max(occurrence_id), 1000) + 1 from sends), 'a', @member, 1, 1, 'offer', @topic, 'sent', @now, @now, @now, @today)
			returning id`, store.Args{"member": member, "topic": topic, "now": tx.At, "today": int64(loyalty.DayOf(tx.At.Time, time.UTC))})
	})
	return id
}

// answer is what the site said.
type answer struct {
	Status int
	Header http.Header
	Body   string
}

// JSON returns a field of a JSON answer, as text: "results.0.result".
func (a answer) JSON(path string) string {
	var v any
	if err := json.Unmarshal([]byte(a.Body), &v); err != nil {
		return "not JSON: " + a.Body
	}
	for part := range strings.SplitSeq(path, ".") {
		switch at := v.(type) {
		case map[string]any:
			v = at[part]
		case []any:
			var i int
			if _, err := fmt.Sscan(part, &i); err != nil || i >= len(at) {
				return ""
			}
			v = at[i]
		default:
			return ""
		}
	}
	if v == nil {
		return ""
	}
	return fmt.Sprint(v)
}

// ask sends a request to the site. Headers are "Name: value".
func (h *house) ask(method, path, body string, headers ...string) answer {
	h.t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	h.handle.ServeHTTP(w, r)
	a := answer{w.Code, w.Result().Header, w.Body.String()}
	h.promised(method, path, a)
	return a
}

// again delivers, once more where the answer is to do so, as senders of webhooks do.
func (h *house) again(deliver func(*house) answer) (a answer) {
	for end := time.Now().Add(patiently.AtMost); ; time.Sleep(10 * time.Millisecond) {
		if a = deliver(h); a.Status != http.StatusServiceUnavailable || time.Now().After(end) {
			return a
		}
	}
}

// promised checks what holds for every answer.
func (h *house) promised(method, path string, a answer) {
	h.t.Helper()
	kept := "no-store"
	if strings.HasPrefix(path, "/pictures/") && a.Status == http.StatusOK {
		kept = "public, max-age=31536000, immutable" // another picture has another name
	}
	for name, want := range map[string]string{"X-Content-Type-Options": "nosniff", "Cache-Control": kept, "Referrer-Policy": "same-origin"} {
		if got := a.Header.Get(name); got != want {
			h.t.Errorf("%s %s: %s = %q, want %q", method, path, name, got, want)
		}
	}
	if policy := a.Header.Get("Content-Security-Policy"); !strings.Contains(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") {
		h.t.Errorf("%s %s: Content-Security-Policy = %q", method, path, policy)
	}
	if a.Header.Get("Set-Cookie") != "" {
		h.t.Errorf("%s %s sets a cookie", method, path)
	}
	if strings.HasPrefix(path, "/v1/") {
		checkAgainstOpenAPI(h.t, method, path, a)
	}
}

// as is ask with the bearer token of a scope.
func (h *house) as(scope, method, path, body string) answer {
	h.t.Helper()
	return h.ask(method, path, body, "Authorization: Bearer "+h.tokens[scope], "Content-Type: application/json")
}

// deliver posts a signed webhook.
func (h *house) deliver(id, body string) answer {
	h.t.Helper()
	return h.ask("POST", "/hooks/standard", body, h.signed(id, body, h.Clock())...)
}

func (h *house) signed(id, body string, at time.Time) (headers []string) {
	h.t.Helper()
	key, err := standardwebhooks.NewWebhook(strings.TrimPrefix(h.signer, "whsec_"))
	if err != nil {
		h.t.Fatal(err)
	}
	signature, err := key.Sign(id, at, []byte(body))
	if err != nil {
		h.t.Fatal(err)
	}
	return []string{"Webhook-Id: " + id, fmt.Sprintf("Webhook-Timestamp: %d", at.Unix()), "Webhook-Signature: " + signature}
}

// post sends a form as a browser does from our own page.
func (h *house) post(path string, form url.Values) answer {
	h.t.Helper()
	return h.ask("POST", path, form.Encode(), "Content-Type: application/x-www-form-urlencoded",
		"Origin: http://example.com", "Sec-Fetch-Site: same-origin", "Accept: text/html,*/*")
}

func (h *house) token(kind consent.Kind, member, send int64) string {
	return "/" + string(kind) + "/" + h.links.Token(kind, consent.Claims{Member: member, Send: send})
}
