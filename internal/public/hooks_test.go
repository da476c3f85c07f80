package public_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"regulars/internal/store"
	"regulars/internal/store/storetest"
)

// placed is an order as a shop posts it.
func placed(event, order, member, total string) string {
	return fmt.Sprintf(`{"type": "order.placed", "id": %q, "at": "2027-03-03T10:00:00Z", "member": {"id": %q}, "order": {"id": %q, "total": %q, "status": "paid"}}`,
		event, member, order, total)
}

func TestWhoIsBelievedAtTheHook(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		h := newHouse(t, db)
		body := placed("e-1", "O-1", "M-1", "59.90")
		old, stranger, mine := oldSecret, "whsec_"+strings.Repeat("QUJD", 11), h.signer
		for _, tt := range []struct {
			claim   string
			signer  string
			at      time.Duration
			signed  string
			headers []string // instead of a signature
			status  int
			words   string
		}{
			{"unsigned", "", 0, "", nil, 401, "is missing or cannot be read"},
			{"half signed", "", 0, "", []string{"Webhook-Id: d", "Webhook-Timestamp: " + fmt.Sprint(h.Clock().Unix())}, 401, "is missing"},
			{"signed with a secret that is not ours", stranger, 0, body, nil, 401, "no signature matches"},
			{"signed, but another body", mine, 0, body + " ", nil, 401, "no signature matches"},
			{"signed six minutes ago", mine, -6 * time.Minute, body, nil, 401, "more than 5 minutes ago"},
			{"signed six minutes ahead", mine, 6 * time.Minute, body, nil, 401, "more than 5 minutes ago or ahead"},
			{"signed with the secret before", old, 0, body, nil, 202, ""},
			{"signed four minutes ago", mine, -4 * time.Minute, body, nil, 202, ""},
		} {
			headers := tt.headers
			if tt.signer != "" {
				h.signer = tt.signer
				headers = h.signed("d", tt.signed, h.Clock().Add(tt.at))
			}
			before := h.one("select count(*) from events")
			a := h.ask("POST", "/hooks/standard", body, headers...)
			if a.Status != tt.status || !strings.Contains(a.JSON("error"), tt.words) {
				t.Errorf("%s: %d %s, want %d and %q", tt.claim, a.Status, a.Body, tt.status, tt.words)
			}
			if after := h.one("select count(*) from events"); a.Status == 401 && after != before {
				t.Errorf("%s: %s events were stored, want %s", tt.claim, after, before)
			}
		}
		h.Secrets = nil
		h.open()
		if a := h.ask("POST", "/hooks/standard", body); a.Status != 503 || a.Header.Get("Retry-After") == "" {
			t.Errorf("without a secret: %d %s, want 503", a.Status, a.Body)
		}
	})
}

func TestWhatTheHookAnswers(t *testing.T) {
	t.Parallel()
	good := placed("e-1", "O-1", "M-1", "59.90")
	bad := placed("e-2", "O-2", "M-2", "a lot")
	unknown := `{"type": "visit", "id": "e-3", "at": "2027-03-03T09:00:00Z", "member": {}}`
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		h := newHouse(t, db)
		for _, tt := range []struct {
			claim, body string
			status      int
			want        map[string]string
		}{
			{"one event is stored", good, 202, map[string]string{"results.0.id": "e-1", "results.0.result": "stored"}},
			{"the same again is a duplicate", good, 202, map[string]string{"results.0.result": "duplicate"}},
			{"a bad one among good ones stops nothing", "[" + bad + "," + placed("e-4", "O-4", "M-4", "5.00") + "," + unknown + "]", 202, map[string]string{
				"results.0.id": "e-2", "results.0.result": "refused", "results.0.field": "order.total",
				"results.1.id": "e-4", "results.1.result": "stored", "results.2.id": "e-3", "results.2.result": "refused", "results.2.field": "member"}},
			{"all refused, by reading and by intake", "[" + bad + "," + unknown + "]", 422, map[string]string{"results.0.result": "refused", "results.1.result": "refused"}},
			{"one refused", bad, 422, map[string]string{"results.0.field": "order.total"}},
			{"one without an id is known by the delivery's", `{"type": "visit", "at": "2027-03-03T09:00:00Z", "member": {"id": "M-1"}}`, 202, map[string]string{"results.0.id": "delivery", "results.0.result": "stored"}},
			{"that delivery again", `{"type": "visit", "at": "2027-03-03T09:00:00Z", "member": {"id": "M-1"}}`, 202, map[string]string{"results.0.result": "duplicate"}},
			{"no events", "[]", 202, map[string]string{"results": "[]"}},
			{"not JSON", "hello", 400, map[string]string{"error": "the body is not JSON: invalid character 'h' looking for beginning of value"}},
			{"nothing", "", 400, nil},
			{"neither event nor array", "3", 400, map[string]string{"error": "the body is neither an event nor an array of events"}},
			{"more than a thousand", "[" + strings.Repeat("{},", 1000) + "{}]", 400, map[string]string{"error": "the body has 1001 events: at most 1000 at once"}},
			{"too large", `{"a": "` + strings.Repeat("x", 8<<20) + `"}`, 413, map[string]string{"error": "the body is larger than 8388608 bytes"}},
		} {
			a := h.deliver("delivery", tt.body)
			if a.Status != tt.status {
				t.Errorf("%s: %d %.300s, want %d", tt.claim, a.Status, a.Body, tt.status)
			}
			for field, want := range tt.want {
				if got := a.JSON(field); got != want {
					t.Errorf("%s: %s = %q, want %q", tt.claim, field, got, want)
				}
			}
		}
		if got := h.one("select count(*) from events"); got != "3" {
			t.Errorf("%s events are stored, want 3", got)
		}
	})
}

func TestAFirstOrderAtTheHookStartsTheMilestone(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		h := newHouse(t, db)
		h.join("M-1", "en")
		h.deliver("d-1", placed("e-1", "O-1", "M-1", "59.90"))
		if got, want := h.rows("select step || ' ' || state from sends"), "[thanks queued]"; fmt.Sprint(got) != want {
			t.Errorf("sends = %v, want %s", got, want)
		}
	})
}

func TestFiftyDeliveriesOfOneWebhookAreStoredOnce(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		h := newHouse(t, db)
		second := *h
		second.Site = h.another()
		second.open()
		replicas := []*house{h, &second}
		h.join("M-1", "en")
		body := placed("e-1", "O-1", "M-1", "59.90")
		answers := make([]answer, 50)
		var all sync.WaitGroup
		for i := range answers {
			headers := h.signed("d-1", body, h.Clock())
			all.Go(func() {
				answers[i] = replicas[i%2].again(func(h *house) answer { return h.ask("POST", "/hooks/standard", body, headers...) })
			})
		}
		all.Wait()
		count := map[string]int{}
		for _, a := range answers {
			count[fmt.Sprint(a.Status, " ", a.JSON("results.0.result"))]++
		}
		if count["202 stored"] != 1 || count["202 duplicate"] != 49 {
			t.Errorf("answers: %v, want 1 stored and 49 duplicates", count)
		}
		if got := h.one("select count(*) from orders") + h.one("select count(*) from events where type = 'order.placed'") + h.one("select count(*) from sends"); got != "111" {
			t.Errorf("orders, events and sends: %s, want one of each", got)
		}
	})
}

func TestNothingIsAcknowledgedWithoutTheDatabase(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		h := newHouse(t, db)
		member := h.join("M-1", "en")
		body := placed("e-1", "O-1", "M-1", "59.90")
		db.Close()
		for claim, a := range map[string]answer{
			"hook":        h.deliver("d-1", body),
			"events":      h.as("write", "POST", "/v1/events", body),
			"jobs":        h.as("launch", "POST", "/v1/jobs", `{"kind": "refresh"}`),
			"unsubscribe": h.ask("POST", h.token("u", member, 0), "List-Unsubscribe=One-Click", "Content-Type: application/x-www-form-urlencoded"),
			"ready":       h.ask("GET", "/readyz", ""),
		} {
			if a.Status < 500 {
				t.Errorf("%s without the database: %d %s, want 5xx", claim, a.Status, a.Body)
			}
		}
		if a := h.deliver("d-1", body); a.Status != 500 || a.Header.Get("Retry-After") != "5" || strings.Contains(a.Body, "sql") {
			t.Errorf("the hook: %d %s %v, want 500 with Retry-After and without the database's words", a.Status, a.Body, a.Header)
		}
		if a := h.ask("GET", "/healthz", ""); a.Status != 200 {
			t.Errorf("healthz: %d, want 200: the process is alive", a.Status)
		}
		if !strings.Contains(h.said.String(), `"route":"POST /hooks/standard"`) {
			t.Errorf("the log does not name the route: %s", h.said)
		}
	})
}

func TestStrangersCannotFillTheMemory(t *testing.T) {
	t.Parallel()
	h := newHouse(t, storetest.SQLite(t))
	stop := make(chan struct{})
	var all sync.WaitGroup
	defer all.Wait()
	defer close(stop)
	sent := make(chan struct{})
	const slow = 16 // of 8 MB each: all that may be held
	for range slow {
		all.Go(func() {
			r, err := http.NewRequest("POST", "/hooks/standard", &dripping{left: 8 << 20, sent: sent, stop: stop})
			if err != nil {
				t.Error(err)
				return
			}
			for _, header := range h.signed("d", "another body", h.Clock()) { // forged, which only the whole body tells
				name, value, _ := strings.Cut(header, ": ")
				r.Header.Set(name, value)
			}
			h.handle.ServeHTTP(&nowhere{header: http.Header{}}, r)
		})
	}
	for range slow {
		<-sent
	}
	if a := h.deliver("d", placed("e-1", "O-1", "M-1", "5.00")); a.Status != 503 || a.Header.Get("Retry-After") == "" {
		t.Errorf("with %d bodies of 8 MB on their way: %d %s, want 503", slow, a.Status, a.Body)
	}
}

// dripping is a body whose last byte never comes.
type dripping struct {
	left int
	sent chan struct{}
	stop chan struct{}
}

func (d *dripping) Read(p []byte) (int, error) {
	if d.left == 0 {
		d.sent <- struct{}{}
		d.left = -1
	}
	if d.left < 0 {
		<-d.stop
		return 0, http.ErrBodyReadAfterClose
	}
	n := min(len(p), d.left)
	d.left -= n
	return n, nil
}

// nowhere is a client that reads no answer.
type nowhere struct{ header http.Header }

func (n *nowhere) Header() http.Header         { return n.header }
func (n *nowhere) Write(p []byte) (int, error) { return len(p), nil }
func (n *nowhere) WriteHeader(int)             {}

// unread is a body that nobody is to read.
type unread struct{ t *testing.T }

func (u unread) Read([]byte) (int, error) {
	u.t.Error("the body is read")
	return 0, io.EOF
}

func TestTheBodyOfAStrangerIsNotRead(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		h := newHouse(t, db)
		now := strconv.FormatInt(h.Clock().Unix(), 10)
		for name, headers := range map[string]map[string]string{
			"no headers":          {},
			"no signature":        {"webhook-id": "a", "webhook-timestamp": now},
			"no id":               {"webhook-timestamp": now, "webhook-signature": "v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4="},
			"a signature of once": {"webhook-id": "a", "webhook-timestamp": "1", "webhook-signature": "v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4="},
			"no signature of any": {"webhook-id": "a", "webhook-timestamp": now, "webhook-signature": "v1,abc v2,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4="},
		} {
			r := httptest.NewRequest("POST", "/hooks/standard", unread{t})
			for k, v := range headers {
				r.Header.Set(k, v)
			}
			w := httptest.NewRecorder()
			h.handle.ServeHTTP(w, r)
			if w.Code != http.StatusUnauthorized {
				t.Errorf("%s: %d %s, want 401", name, w.Code, w.Body)
			}
		}
	})
}

func TestWhatIsRefusedLeavesATrace(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		h := newHouse(t, db)
		h.ask("POST", "/hooks/standard", `{"secret": "mrs-smith"}`)
		h.deliver("d1", `{"type": "order.placed", "id": "e1", "at": "2027-03-03T10:00:00Z", "member": {"id": "M-1"}, "order": {"id": "O-1", "total": "mrs smith"}}`)
		h.deliver("d2", `{"type": "order.placed", "id": "e2", "at": "2027-03-03T10:00:00Z", "member": {"id": "M-1", "ids": {"mrs-smith": ""}}, "order": {"id": "O-1", "total": "1"}}`)
		h.deliver("d3", `not JSON of mrs-smith`)
		log, metrics := h.said.String(), h.ask("GET", "/metrics", "").Body
		for _, reason := range []string{"unsigned", "order.total", "not JSON"} {
			if !strings.Contains(log, `"reason":"`+reason+`"`) {
				t.Errorf("the log says nothing of %s: %s", reason, log)
			}
			if !strings.Contains(metrics, `reason="`+reason+`"`) {
				t.Errorf("the metrics say nothing of %s", reason)
			}
		}
		if strings.Contains(log+metrics, "smith") {
			t.Errorf("a value of the sender is in the log or the metrics: %s", log)
		}
	})
}

func TestUnknownFieldsAreSaid(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		h := newHouse(t, db)
		a := h.deliver("d1", `{"type": "order.placed", "id": "e1", "at": "2027-03-03T10:00:00Z", "member": {"id": "M-1", "fist_name": "Ida", "shoe": 43},
			"order": {"id": "O-1", "status": "paid", "total": "1", "gift": true, "lines": [{"product": "A", "qty": 2, "total": "1"}], "coupons": [{"kode": "X", "code": "Y"}]}}`)
		for _, want := range []string{
			"order.lines[0].qty is no field of ours: it is left out; order.lines[0].quantity is one",
			"member.fist_name is no field of ours: it is kept as an attribute; member.first_name is one",
			"order.gift is no field of ours: it is kept as a property",
			"order.coupons[0].kode is no field of ours: it is left out; order.coupons[0].code is one",
		} {
			if !strings.Contains(a.Body, want) {
				t.Errorf("the answer lacks %q: %s", want, a.Body)
			}
		}
		if strings.Contains(a.Body, "shoe") {
			t.Errorf("an attribute of the shop's own is taken for a mistake: %s", a.Body)
		}
	})
}
