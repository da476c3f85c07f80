package embedded_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"regulars/internal/embedded"
)

// page is what a GET answered, as a tree.
type page struct {
	*http.Response
	root *html.Node
}

func get(t *testing.T, h http.Handler, url string) page {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", url, nil))
	root, err := html.Parse(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	return page{w.Result(), root}
}

// all returns the elements of a name, with a class if one is given.
func (p page) all(name, class string) []*html.Node {
	var out []*html.Node
	for n := range p.root.Descendants() {
		if n.Type == html.ElementNode && n.Data == name && (class == "" || strings.Contains(" "+attr(n, "class")+" ", " "+class+" ")) {
			out = append(out, n)
		}
	}
	return out
}

// texts returns what the elements say.
func (p page) texts(name, class string) []string {
	var out []string
	for _, n := range p.all(name, class) {
		out = append(out, text(n))
	}
	return out
}

func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func text(n *html.Node) string {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			b.WriteString(d.Data)
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

// full is a sink with n mails, and its pages under /inbox.
func full(t *testing.T, n int) http.Handler {
	t.Helper()
	at := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	s := newSink(t, embedded.SinkOptions{Now: func() time.Time { return at }})
	for i := 1; i <= n; i++ {
		if err := send(t, s, fmt.Sprintf("m%d@example.test", i), letter(fmt.Sprintf("%d@x", i), fmt.Sprintf("Letter %d <script>", i))); err != nil {
			t.Fatal(err)
		}
	}
	return embedded.NewInbox(s, embedded.InboxOptions{Base: "/inbox", Status: "/status",
		Zone: func(context.Context) *time.Location { return time.FixedZone("", 2*3600) }})
}

func TestTheInboxShowsTheShopsTimeAndTheWayToItsNeighbours(t *testing.T) {
	t.Parallel()
	h := full(t, 1)
	for path, want := range map[string]string{"/inbox/": "22 Nov, 12:00", "/inbox/1": "22 Nov 2026, 12:00"} {
		p := get(t, h, path)
		if got := p.texts("time", ""); len(got) != 1 || got[0] != want {
			t.Errorf("%s shows the times %q, want %q", path, got, want)
		}
		if got := p.texts("a", "beside"); len(got) != 1 || got[0] != "Status" {
			t.Errorf("%s links to %q beside itself, want Status", path, got)
		}
	}
}

func TestListPagesThroughAll(t *testing.T) {
	t.Parallel()
	h := full(t, 120)
	var seen []string
	pages := 0
	for url := "/inbox"; url != ""; pages++ {
		p := get(t, h, url)
		seen = append(seen, p.texts("span", "who")...)
		url = ""
		for _, a := range p.all("a", "button") {
			if strings.HasPrefix(text(a), "Older") {
				url = attr(a, "href")
			}
		}
	}
	if len(seen) != 120 || seen[0] != "m120@example.test" || seen[119] != "m1@example.test" || pages != 3 {
		t.Errorf("%d mails on %d pages from %s to %s, want 120 on 3, newest first", len(seen), pages, seen[0], seen[len(seen)-1])
	}
}

func TestListShowsAMail(t *testing.T) {
	t.Parallel()
	p := get(t, full(t, 1), "/inbox/")
	if got, want := fmt.Sprint(p.texts("span", "who"), p.texts("span", "what"), p.texts("time", "")), "[m1@example.test] [Letter 1 <script> Hello] [22 Nov, 12:00]"; got != want {
		t.Errorf("the list shows %s, want %s", got, want)
	}
	if links := p.all("a", ""); attr(links[len(links)-1], "href") != "/inbox/1" {
		t.Errorf("it links to %s, want /inbox/1", attr(links[len(links)-1], "href"))
	}
}

func TestSearch(t *testing.T) {
	t.Parallel()
	h := full(t, 30)
	for _, tt := range []struct {
		query string
		found int
		title string
	}{
		{"M12@EXAMPLE", 1, "1 mail for “M12@EXAMPLE”"},
		{"letter 7 m7", 1, "1 mail for “letter 7 m7”"},
		{"letter", 30, "30 mails for “letter”"},
		{"nobody", 0, "0 mails for “nobody”"},
		{"<script>alert(1)</script>", 0, "0 mails for “<script>alert(1)</script>”"},
	} {
		p := get(t, h, "/inbox/?q="+strings.NewReplacer(" ", "+", "<", "%3C", ">", "%3E").Replace(tt.query))
		if got := len(p.texts("span", "who")); got != tt.found || p.texts("h1", "")[0] != tt.title || len(p.all("script", "")) > 0 {
			t.Errorf("?q=%s: %d mails under %s, want %d under %s", tt.query, got, p.texts("h1", "")[0], tt.found, tt.title)
		}
	}
}

func TestEmptyInbox(t *testing.T) {
	t.Parallel()
	p := get(t, full(t, 0), "/inbox")
	if got := p.texts("p", "empty"); len(got) != 1 || !strings.HasPrefix(got[0], "No mail yet.") {
		t.Errorf("it says %q", got)
	}
}

// two is a mail with both parts; its HTML would like to load and to run things.
var two = strings.Join([]string{"From: Anna <anna@shop.example>", "Date: Sun, 22 Nov 2026 10:00:00 +0000", "Message-ID: <1@x>", "Subject: Hello",
	"Content-Type: multipart/alternative; boundary=b", "",
	"--b", "Content-Type: text/plain", "", "The text",
	"--b", "Content-Type: text/html", "", `<p class="x">"Hi" <script>alert(1)</script></p><img src="https://shop.example/o/1.gif"></iframe>`, "--b--", ""}, "\r\n")

func inboxWith(t *testing.T, source string) http.Handler {
	t.Helper()
	s := newSink(t, embedded.SinkOptions{})
	if err := send(t, s, "a@example.test", source); err != nil {
		t.Fatal(err)
	}
	return embedded.NewInbox(s, embedded.InboxOptions{})
}

func TestMailIsShownInASandbox(t *testing.T) {
	t.Parallel()
	p := get(t, inboxWith(t, two), "/1?width=320")
	frames := p.all("iframe", "w320")
	if len(frames) != 1 {
		t.Fatalf("%d frames of 320 px, want 1", len(frames))
	}
	if got := attr(frames[0], "sandbox"); strings.Contains(got, "allow-scripts") || strings.Contains(got, "allow-same-origin") {
		t.Errorf("sandbox = %q", got)
	}
	want := `<base target="_blank"><p class="x">"Hi" <script>alert(1)</script></p><img src="https://shop.example/o/1.gif"></iframe>`
	if got := attr(frames[0], "srcdoc"); got != want {
		t.Errorf("srcdoc = %s\nwant %s", got, want)
	}
	if len(p.all("script", "")) > 0 || len(p.all("img", "")) > 0 {
		t.Error("the mail has broken out of its frame")
	}
}

func TestPicturesWaitToBeAskedFor(t *testing.T) {
	t.Parallel()
	h := inboxWith(t, two)
	for _, tt := range []struct {
		url, csp string
		link     bool
	}{
		{"/1", "img-src data:;", true},
		{"/1?pictures=1", "img-src data: http: https:;", false},
		{"/1?view=text", "img-src data:;", false},
	} {
		p := get(t, h, tt.url)
		if csp := p.Header.Get("Content-Security-Policy"); !strings.Contains(csp, tt.csp) || !strings.HasPrefix(csp, "default-src 'none'; ") {
			t.Errorf("%s: policy %s, want %s", tt.url, csp, tt.csp)
		}
		if got := strings.Contains(text(p.root), "Load them"); got != tt.link {
			t.Errorf("%s: offers to load pictures: %t, want %t", tt.url, got, tt.link)
		}
	}
}

func TestViews(t *testing.T) {
	t.Parallel()
	h := inboxWith(t, two)
	for url, want := range map[string]string{
		"/1?view=text":    "The text",
		"/1?view=headers": "Anna <anna@shop.example>",
		"/1?view=source":  "From: Anna <anna@shop.example> Date:",
		"/1?view=nothing": "Load them",
	} {
		if got := text(get(t, h, url).root); !strings.Contains(got, want) {
			t.Errorf("%s shows %q, want … %s …", url, got, want)
		}
	}
	if p := get(t, inboxWith(t, letter("1@x", "x")), "/1"); len(p.all("iframe", "")) > 0 || !strings.Contains(text(p.root), "Hello") {
		t.Error("a mail without HTML is not shown as text")
	}
}

func TestFaultsAreShown(t *testing.T) {
	t.Parallel()
	h := inboxWith(t, "Subject: no more than this\r\n\r\nHello\r\n")
	if got := get(t, h, "/1").texts("li", ""); len(got) != 3 {
		t.Errorf("the mail's page shows the faults %q, want three", got)
	}
	if got := get(t, h, "/").texts("em", "fault"); len(got) != 1 {
		t.Errorf("the list marks %d mails, want 1", len(got))
	}
}

func TestDownload(t *testing.T) {
	t.Parallel()
	w := httptest.NewRecorder()
	inboxWith(t, two).ServeHTTP(w, httptest.NewRequest("GET", "/1/source", nil))
	if w.Body.String() != two || w.Header().Get("Content-Type") != "message/rfc822" || w.Header().Get("Content-Disposition") != `attachment; filename="mail-1.eml"` {
		t.Errorf("%d bytes as %v", w.Body.Len(), w.Header())
	}
}

func TestWhatIsNotThere(t *testing.T) {
	t.Parallel()
	h := full(t, 1)
	for url, want := range map[string]int{"/inbox/2": 404, "/inbox/x": 404, "/inbox/-1": 404, "/inbox/2/source": 404, "/other": 404, "/inbox/1": 200} {
		if got := get(t, h, url).StatusCode; got != want {
			t.Errorf("GET %s = %d, want %d", url, got, want)
		}
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("POST", "/inbox/1", nil))
	if w.Code != http.StatusMethodNotAllowed {
		t.Errorf("POST = %d, want %d", w.Code, http.StatusMethodNotAllowed)
	}
}
