package public_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"

	"regulars/internal/embedded"
	"regulars/internal/public"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
)

func TestReadiness(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		h := newHouse(t, db)
		redis := []store.Trouble{{Kind: "redis", What: "Redis does not answer", Do: "see whether it runs"}}
		const says = `,"troubles":[{"kind":"redis","what":"Redis does not answer","do":"see whether it runs"}]}`
		for _, tt := range []struct {
			claim  string
			sees   []store.Trouble
			relays map[string]bool
			status int
			body   string
		}{
			{"all is there", nil, map[string]bool{"bulk": false}, 200, `{"status":"ready","degraded":[]}`},
			{"without Redis and relays of its own", nil, nil, 200, `{"status":"ready","degraded":[]}`},
			{"Redis is away", redis, nil, 200, `{"status":"degraded","degraded":["redis"]` + says},
			{"Redis and a relay are away", redis, map[string]bool{"urgent": true, "bulk": true, "c": false}, 200, `{"status":"degraded","degraded":["redis","relay bulk","relay urgent"]` + says},
		} {
			h.Sees, h.Relays = func() []store.Trouble { return tt.sees }, func() map[string]bool { return tt.relays }
			h.open()
			if a := h.ask("GET", "/readyz", ""); a.Status != tt.status || strings.TrimSpace(a.Body) != tt.body {
				t.Errorf("%s: %d %s, want %d %s", tt.claim, a.Status, a.Body, tt.status, tt.body)
			}
		}
		h.exec("delete from goose_db_version where version_id > 0")
		if a := h.ask("GET", "/readyz", ""); a.Status != 503 || !strings.Contains(a.Body, "the schema is older than this binary") {
			t.Errorf("an older schema: %d %s, want 503", a.Status, a.Body)
		}
		db.Close()
		if a := h.ask("GET", "/readyz", ""); a.Status != 503 || !strings.Contains(a.Body, "the database does not answer") {
			t.Errorf("without the database: %d %s, want 503", a.Status, a.Body)
		}
		if a := h.ask("GET", "/healthz", ""); a.Status != 200 {
			t.Errorf("healthz without the database: %d, want 200", a.Status)
		}
	})
}

func TestMetricsKeepTheirNames(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		h := newHouse(t, db)
		member := h.join("M-1", "en")
		h.mailed(member, "offers")
		h.exec("update sends set state = 'bounced' where id = 1")
		h.mailed(member, "offers")
		h.exec("insert into holds (scope, because, by_whom, at) values ('offers', 'x', 'anna', @now)")
		h.exec("insert into hooks (source, external_id, received_at, state) values ('shopify', '1', @now, 'parked')")
		h.exec("insert into passes (name, day, started_at, finished_at) values ('facts', 20880, @now, @now)")
		a := h.ask("GET", "/metrics", "")
		var series []string
		for _, line := range strings.Split(a.Body, "\n") {
			if strings.HasPrefix(line, "regulars_") {
				series = append(series, line)
			}
		}
		want := []string{
			`regulars_breaker_open{relay="bulk"} 0`, `regulars_breaker_open{relay="urgent"} 1`,
			`regulars_doctor_findings 0`, `regulars_held 1`, `regulars_hooks_parked 1`, `regulars_nightly_age_seconds 0`,
			`regulars_oldest_due_seconds{queue="bulk"} 0`, `regulars_oldest_due_seconds{queue="jobs"} 0`, `regulars_oldest_due_seconds{queue="passages"} 0`,
			`regulars_oldest_due_seconds{queue="runs"} 0`, `regulars_oldest_due_seconds{queue="urgent"} 0`,
			`regulars_pool_left{pool="coffee"} 0`, `regulars_pool_left{pool="gift"} +Inf`, `regulars_pool_left{pool="summer"} +Inf`,
			`regulars_sends_total{class="offer",state="bounced"} 1`, `regulars_sends_total{class="offer",state="sent"} 2`, `regulars_unknown 0`,
		}
		if !slices.Equal(series, want) {
			t.Errorf("metrics:\n%s\nwant\n%s", strings.Join(series, "\n"), strings.Join(want, "\n"))
		}
		db.Close()
		if a := h.ask("GET", "/metrics", ""); a.Status != 200 || !strings.Contains(a.Body, "regulars_unknown 0") {
			t.Errorf("a moment later, without the database: %d, want what was just counted", a.Status)
		}
	})
}

func TestMetricsWithoutTheDatabaseShowTheRest(t *testing.T) {
	t.Parallel()
	h := newHouse(t, storetest.SQLite(t))
	h.db.Close()
	a := h.ask("GET", "/metrics", "")
	if !strings.Contains(a.Body, `regulars_breaker_open{relay="urgent"} 1`) || strings.Contains(a.Body, "regulars_unknown") {
		t.Errorf("metrics: %d %s, want the breaker and nothing that was not counted", a.Status, a.Body)
	}
}

// play lets the shop have something to show.
func (h *house) play() {
	h.t.Helper()
	for i, id := range []string{"M-1", "M-2", "M-3"} {
		member := h.join(id, "en")
		for range i + 1 {
			h.mailed(member, "offers")
		}
	}
	h.exec("insert into campaigns (id, name, live) values (99, 'win-<b>back</b>', true)")
	h.exec("update sends set campaign_id = 99 where id <= 4")
	h.exec("update sends set campaign_id = (select id from campaigns where name = 'thanks') where id > 4")
	h.exec(`insert into runs (id, occurrence_id, campaign_id, version_id, step, class, state, because, audience, expires_at, started_at)
		values (1, 77, 99, 1, 'a', 'offer', 'paused', '<script>alert(1)</script>', 4, @now, @now)`)
	h.exec("update sends set run_id = 1 where id <= 3")
}

func TestTheStatusPageStandsBesideTheInboxOnly(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		h := newHouse(t, db)
		for _, path := range []string{"/status", "/inbox", "/inbox/"} {
			if a := h.ask("GET", path, "", "Accept: text/html"); a.Status != 404 {
				t.Errorf("GET %s without the built-in sink: %d, want 404", path, a.Status)
			}
		}
		if a := h.ask("GET", "/", ""); a.Status != 200 || strings.Contains(a.Body, "/inbox/") || strings.Contains(a.Body, "/status") {
			t.Errorf("the front page without the built-in sink: %d %s", a.Status, a.Body)
		}
		sink, err := embedded.NewSink(embedded.SinkOptions{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { sink.Close() })
		h.Inbox = embedded.NewInbox(sink, embedded.InboxOptions{Base: "/inbox"})
		h.open()
		if a := h.ask("GET", "/", ""); !strings.Contains(a.Body, `href="/inbox/"`) || !strings.Contains(a.Body, `href="/status"`) {
			t.Errorf("the front page: %s", a.Body)
		}
		if a := h.ask("GET", "/status", ""); a.Status != 200 || !strings.Contains(a.Body, "No mail yet.") || strings.Contains(a.Body, "All is well") || !strings.Contains(a.Body, "<code>regulars import orders orders.csv</code>") {
			t.Errorf("the status of a shop that begins: %d %s", a.Status, a.Body)
		}
		h.play()
		a := h.ask("GET", "/status", "", "Accept: text/html")
		for _, want := range []string{
			"Anna&#39;s &lt;b&gt;Pets&lt;/b&gt; &amp; Co", "win-&lt;b&gt;back&lt;/b&gt;", "is paused: &lt;script&gt;alert(1)&lt;/script&gt;",
			"3 Mar 2027, 12:00", "mails sent", `<title>3 Mar: 6</title>`, "3 of 4", "75 %", "program version 1", "<span>6</span><span>3</span><span>0</span>",
		} {
			if !strings.Contains(a.Body, want) {
				t.Errorf("the status page lacks %q:\n%s", want, a.Body)
			}
		}
		if strings.Contains(a.Body, "<script") || strings.Contains(a.Body, "style=") || strings.Contains(a.Body, "example.test") || strings.Contains(a.Body, "http-equiv") {
			t.Errorf("the status page has a script, an inline style, an address or reloads itself:\n%s", a.Body)
		}
		if a := h.ask("GET", "/status?live=1", ""); !strings.Contains(a.Body, `http-equiv="refresh" content="5"`) {
			t.Error("?live=1 does not reload itself")
		}
	})
}

// The inbox brings a policy of its own, with which its pages can be seen.
func TestTheInboxIsMounted(t *testing.T) {
	t.Parallel()
	h := newHouse(t, storetest.SQLite(t))
	sink, err := embedded.NewSink(embedded.SinkOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { sink.Close() })
	h.Inbox = embedded.NewInbox(sink, embedded.InboxOptions{Base: "/inbox"})
	handle := h.Site.Handler()
	for _, path := range []string{"/inbox", "/inbox/"} {
		w := ask(t, handle, "GET", path)
		if w.Status != 200 || !strings.Contains(w.Body, "No mail yet") || !strings.Contains(w.Header.Get("Content-Security-Policy"), "style-src 'unsafe-inline'") {
			t.Errorf("GET %s: %d, policy %q: %.200s", path, w.Status, w.Header.Get("Content-Security-Policy"), w.Body)
		}
	}
}

func TestServeLetsRequestsUnderWayFinish(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	under, proceed := make(chan struct{}), make(chan struct{})
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(under)
		<-proceed
		w.WriteHeader(http.StatusTeapot)
	})}
	ctx, stop := context.WithCancel(context.Background())
	served, answered := make(chan error, 1), make(chan int, 1)
	go func() { served <- public.Serve(ctx, server, func() error { return server.Serve(listener) }) }()
	go func() {
		a, err := http.Get("http://" + listener.Addr().String())
		if err != nil {
			answered <- 0
			return
		}
		a.Body.Close()
		answered <- a.StatusCode
	}()
	<-under
	stop()
	close(proceed)
	if got := <-answered; got != http.StatusTeapot {
		t.Errorf("the request under way was answered %d, want 418", got)
	}
	if err := <-served; err != nil {
		t.Errorf("Serve = %v, want nil", err)
	}
	if err := public.Serve(context.Background(), &http.Server{}, func() error { return errors.New("port taken") }); err == nil || err.Error() != "port taken" {
		t.Errorf("Serve = %v, want the listener's error", err)
	}
}

func ask(t *testing.T, handle http.Handler, method, path string) answer {
	t.Helper()
	w := httptest.NewRecorder()
	handle.ServeHTTP(w, httptest.NewRequest(method, path, nil))
	return answer{w.Code, w.Result().Header, w.Body.String()}
}

func sum(text string) string {
	s := sha256.Sum256([]byte(text))
	return base64.StdEncoding.EncodeToString(s[:])
}

var styleTag = regexp.MustCompile(`(?s)<style>(.*?)</style>`)

// A browser takes the style sheet only if its hash is the policy's.
func TestThePolicyNamesTheStyleSheet(t *testing.T) {
	t.Parallel()
	h := newHouse(t, storetest.SQLite(t))
	a := h.ask("GET", "/", "")
	style := styleTag.FindStringSubmatch(a.Body)
	if style == nil {
		t.Fatal("the page has no style sheet")
	}
	if want := "style-src 'sha256-" + sum(style[1]) + "'"; !strings.Contains(a.Header.Get("Content-Security-Policy"), want) {
		t.Errorf("policy %q, want %q in it", a.Header.Get("Content-Security-Policy"), want)
	}
}
