package console_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/html"

	"regulars/internal/consent"
	"regulars/internal/console"
	"regulars/internal/delivery"
	"regulars/internal/help"
	"regulars/internal/marketing"
	"regulars/internal/report"
	"regulars/internal/runs"
	"regulars/internal/shoptest"
	"regulars/internal/staff"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
	"regulars/internal/versions"
)

const base = "https://shop.example"

// house is a console over a shop: members with hostile names, a flow, a run that sends.
type house struct {
	*shoptest.Shop
	*console.Console
	handle  http.Handler
	log     *said
	relay   *relay
	members []int64
	run     int64
	change  int64                 // of the program, that a marketer is writing
	as      map[staff.Role]string // role → session
}

// said keeps what was logged.
type said struct {
	mu sync.Mutex
	bytes.Buffer
}

func (s *said) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.Buffer.Write(b)
}

// relay takes every mail.
type relay struct{ taken []delivery.Message }

func (r *relay) Hand(_ context.Context, m delivery.Message, _ func(context.Context) error) delivery.Outcome {
	r.taken = append(r.taken, m)
	return delivery.Outcome{Stage: delivery.StageDone, Code: 250, Begun: true}
}

// program has a flow, a launch, points and a segment.
var program = shoptest.Program{
	Segments: "regulars: orders >= 2\nnew-ones: orders == 0\n",
	Pools:    "gift: {kind: generated, pattern: \"GIFT-####-####\", percent: 10, valid_for: 30d, checkout: asks_us}\n",
	Campaigns: map[string]string{
		"welcome": "live: true\nstart: joins\nuntil: [order]\nsteps:\n  - mail: hello\n    coupon: gift\n  - wait: 3d at 10:00\n  - if: orders >= 1\n    mail: thanks\n  - choose:\n      - {if: regulars, mail: one}\n      - {mail: two}\n",
		"spring":  "live: true\nstart: {launch: {headline: text}}\ntopic: offers\nsteps:\n  - mail: offer\n",
		"monday":  "live: true\nstart: {every: monday 08:00}\nfor: regulars\nsteps:\n  - mail: news\n",
		"later":   "live: false\nstart: {every: day 09:00}\nsteps:\n  - mail: soon\n",
	},
	Extra: map[string]string{
		"loyalty.yaml":                  "points:\n  since: 2027-01-01\n  earn:\n    - 1 per 1.00\n  expire: {unused: 6m}\n",
		"campaigns/welcome/hello.en.md": "---\nsubject: Hello {{ member.first_name }}\n---\nHello {{ member.first_name }}, welcome. {{ coupon.code }}\n",
		"campaigns/spring/offer.en.md":  "---\nsubject: offer\n---\n{{ launch.headline }} is here.\n",
	},
}

// What members are called, and what of them nobody may see who may not.
const (
	hostile = `<script>alert(1)</script><img src=x onerror=alert(2)>`
	quoted  = `"'></title>{{.}}&amp;`
	secret  = "Geheimnis"
)

func newHouse(t *testing.T, db *store.DB) *house {
	t.Helper()
	h := &house{Shop: shoptest.Open(t, db, program), log: &said{}, relay: &relay{}, as: map[staff.Role]string{}}
	h.Work()
	h.members = h.Join(4)
	h.Bought(h.members[:1], 120, 1)
	h.Bought(h.members[1:3], 2, 5)
	h.Do(func(tx *store.Tx) error {
		for i, m := range h.members {
			_, err := tx.Exec("update members set first_name = @first, last_name = @last, email = @email, phone = @phone, card = @card, attributes = "+tx.JSONParam("@more")+" where id = @id",
				store.Args{"first": hostile, "last": quoted + secret, "email": fmt.Sprintf("<b>%s</b>%d@example.test", secret, i), "phone": "+35840" + secret, "card": secret + "-card",
					"more": store.JSON(map[string]any{"<i>note</i>": secret + hostile}), "id": m})
			if err != nil {
				return err
			}
		}
		l, err := runs.Launch(tx, runs.LaunchRequest{Campaign: "spring", By: "anna", Values: map[string]string{"headline": "Spring"}})
		h.run = l.Run
		return err
	})
	h.Order(h.members[3], 4200)
	h.Work()
	sender := delivery.New(delivery.Config{
		DB: h.Shop.DB, Programs: versions.Programs{DB: h.Shop.DB}, Transports: map[string]delivery.Transport{delivery.Bulk: h.relay, delivery.Urgent: h.relay},
		Links: consent.NewLinks(base, [][]byte{[]byte("a key of this test's own")}), Secret: []byte("secret"), InFlight: 1,
	})
	h.Console = &console.Console{DB: h.Shop.DB, Marketer: marketing.Marketer{DB: h.Shop.DB, Sender: sender}, Base: base, Live: time.Minute, Log: slog.New(slog.NewTextHandler(h.log, nil))}
	h.handle = h.Handler()
	marketer := h.Marketer.As("console: marketer@shop.example")
	var err error
	if h.change, err = marketer.Begin(context.Background(), hostile); err == nil {
		text := "---\nsubject: Hello {{ member.first_name }}\n---\n" + hostile + "\n"
		err = marketer.WriteFile(context.Background(), h.change, "campaigns/welcome/hello.en.md", &text)
	}
	if err != nil {
		t.Fatal(err)
	}
	h.Do(func(tx *store.Tx) error { return signIn(tx, "shop.example", h.as) })
	t.Cleanup(h.checkLog)
	return h
}

// signIn adds a user of each role, with a session of theirs in as: a password costs more
// than all the rest.
func signIn(tx *store.Tx, domain string, as map[staff.Role]string) error {
	for _, role := range staff.Roles {
		if _, err := staff.Add(tx, string(role)+"@"+domain, role, "test"); err != nil {
			return err
		}
		as[role] = "session of a " + string(role)
		hash := sha256.Sum256([]byte(as[role]))
		_, err := tx.Exec("insert into sessions (user_id, hash, began_at, seen_at) select id, @hash, "+tx.Machine()+", "+tx.Machine()+" from users where role = @role",
			store.Args{"hash": hash[:], "role": string(role)})
		if err != nil {
			return err
		}
	}
	return nil
}

// each runs a test on both engines.
func each(t *testing.T, f func(t *testing.T, h *house)) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) { f(t, newHouse(t, db)) })
}

// checkLog fails when the log names a member, or tells a secret.
func (h *house) checkLog() {
	for _, word := range append([]string{secret, "alert(1)", "@example.test", "@shop.example", "three old birds"}, h.as[staff.Admin], h.as[staff.Viewer]) {
		if strings.Contains(h.log.String(), word) {
			h.T.Errorf("the log says %q: %.500s", word, h.log.String())
		}
	}
}

// answer is what the console answered.
type answer struct {
	*http.Response
	Body string
}

// ask sends a request as somebody; form nil is a GET. Headers are "Name: value".
func (h *house) ask(as staff.Role, path string, form url.Values, headers ...string) answer {
	h.T.Helper()
	method, body := http.MethodGet, ""
	if form != nil {
		method, body = http.MethodPost, form.Encode()
	}
	r := httptest.NewRequest(method, base+path, strings.NewReader(body))
	r.RemoteAddr = "203.0.113.7:4711"
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if as != staff.Nobody {
		r.AddCookie(&http.Cookie{Name: "__Host-regulars", Value: h.as[as]})
	}
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		if r.Header.Set(name, value); name == "Host" {
			r.Host = value
		}
		if name == "Remote" {
			r.RemoteAddr = value
		}
	}
	w := httptest.NewRecorder()
	h.handle.ServeHTTP(w, r)
	return answer{w.Result(), w.Body.String()}
}

// path fills a pattern with what there is in the house.
func (h *house) path(pattern string) string {
	_, path, _ := strings.Cut(pattern, " ")
	return strings.NewReplacer("{$}", "", "mails/{figure}/{mail...}", "mails/sent/offer", "{figure}", "orders", "{member}", fmt.Sprint(h.members[3]), "{run}", fmt.Sprint(h.run), "{version}", "1", "{referral}", "1", "{job}", "1", "{hook}", "1", "{proposal}", fmt.Sprint(h.change), "{file...}", "campaigns/welcome/hello.en.md", "{segment}", "regulars", "{pool}", "gift", "{topic}", "rules",
		"{link}", "nobodys", "mail/{name}/{mail...}", "mail/welcome/hello", "mail-body/{name}/{mail...}", "mail-body/welcome/hello",
		"send-test/{name}/{mail...}", "send-test/welcome/hello", "look/{name}", "look/nothing.css", "reports/{name}", "reports/orders", "{name}", "welcome").Replace(path)
}

// pages are the paths of everything that is looked at, with some more of the same kind.
func (h *house) pages() (paths []string) {
	for pattern := range h.Needs() {
		if strings.HasPrefix(pattern, "GET ") && !strings.Contains(pattern, "{link}") && !strings.Contains(pattern, "look/") && !strings.HasSuffix(pattern, "/file") && !strings.HasSuffix(pattern, "/zip") {
			paths = append(paths, h.path(pattern))
		}
	}
	more := []string{"figures/members", "figures/mails", "figures/redeemed", "campaigns/spring", "campaigns/monday", "campaigns/later", "campaigns/none", "segments/new-ones", "none",
		fmt.Sprintf("mail/welcome/hello?as=%d", h.members[0]), fmt.Sprintf("mail/welcome/hello?as=%d&view=text&lang=en", h.members[0]), fmt.Sprintf("members/%d", h.members[0])}
	for _, r := range report.Reports() {
		more = append(more, "reports/"+r.Name, "reports/"+r.Name+"?at=2027-01-31")
	}
	for _, topic := range help.Names() {
		more = append(more, "help/"+topic)
	}
	for _, path := range more {
		paths = append(paths, "/console/"+path)
	}
	return paths
}

// tree reads a page.
func tree(t *testing.T, page string) *html.Node {
	t.Helper()
	root, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	return root
}

// all returns the elements of a name below a node, in order; "" is all.
func all(root *html.Node, name string) (found []*html.Node) {
	for n := range root.Descendants() {
		if n.Type == html.ElementNode && (name == "" || n.Data == name) {
			found = append(found, n)
		}
	}
	return found
}

// attr is the value of an attribute.
func attr(n *html.Node, name string) (value string, is bool) {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val, true
		}
	}
	return "", false
}

// words is the text of a node.
func words(n *html.Node) string {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			b.WriteString(d.Data + " ")
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}
