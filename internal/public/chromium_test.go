package public_test

import (
	"context"
	"encoding/json"
	"fmt"
	"html"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"regulars/internal/embedded"
	"regulars/internal/store/storetest"
)

// TestPagesFitPhones opens the pages in headless Chromium at 320 and 1000 px, by
// day and by night: nothing may stand out to the right of the screen, and what is
// written keeps its contrast.
func TestPagesFitPhones(t *testing.T) {
	t.Parallel()
	browser := chromium(t)
	for _, got := range measure(t, browser, somePages(t)) {
		if got.Scroll > got.Width || got.Out > 0 {
			t.Errorf("%s at %d px is %d px wide, with %d parts outside", got.Page, got.Width, got.Scroll, got.Out)
		}
		if got.Faint > 0 || got.Font < 12 {
			t.Errorf("%s at %d px, %s: %d texts have a contrast below 4.5, the smallest letters %d px", got.Page, got.Width, got.Scheme, got.Faint, got.Font)
		}
		if !got.Styled || got.Dark != (got.Scheme == "dark") {
			t.Errorf("%s at %d px, %s: the style sheet is not in force", got.Page, got.Width, got.Scheme)
		}
	}
}

// somePages are pages of a shop with long names, as text. PAGES_DIR keeps them,
// to be looked at.
func somePages(t *testing.T) map[string]string {
	t.Helper()
	h := newHouse(t, storetest.SQLite(t))
	sink, err := embedded.NewSink(embedded.SinkOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { sink.Close() })
	h.Inbox = embedded.NewInbox(sink, embedded.InboxOptions{Base: "/inbox"})
	h.open()
	h.play()
	h.busy()
	ana := h.join("M-10", "el")
	send := h.mailed(ana, "newsletter")
	h.give("gift", "GIFT-7K2M-9QXT", ana, "20890")
	h.give("coffee", "AVERYLONGCODEWITHOUTANYENDANDWITHOUTHYPHENS", ana, "null")
	h.deliver("p", `{"type": "points.changed", "id": "p", "at": "2027-03-03T09:00:00Z", "member": {"id": "M-10"}, "balance": 12345}`)
	get := func(path string) string { return h.ask("GET", path, "", "Accept: text/html").Body }
	pages := map[string]string{
		"preferences": get(h.token("u", ana, send)), "saved": h.post(h.token("u", ana, send), map[string][]string{"do": {"save"}, "topic": {"offers"}}).Body,
		"member": get(h.token("m", ana, send)), "confirm": get(h.token("confirm", ana, send)), "confirmed": h.post(h.token("confirm", ana, send), nil).Body,
		"bad link": get("/u/x"), "front": get("/"), "status": get("/status"),
	}
	beans, bea := beanHouse(t, storetest.SQLite(t))
	beans.give("gift", "GIFT-7K2M-9QXT", bea, "20890")
	beans.deliver("d", placed("e-1", "O-1", "M-1", "780.00"))
	beans.deliver("b", `{"type": "order.placed", "id": "e-2", "at": "2027-03-03T09:30:00Z", "member": {"id": "M-1"}, "order": {"id": "O-2", "lines": [{"product": "bun", "category": "Buns", "quantity": 2, "total": "0.90"}]}}`)
	pages["rewards"] = beans.ask("GET", beans.token("m", bea, 0), "", "Accept: text/html").Body
	pages["taken"] = beans.post(beans.token("m", bea, 0), map[string][]string{"reward": {"cup"}, "key": {"k"}}).Body
	if dir := os.Getenv("PAGES_DIR"); dir != "" {
		for name, page := range pages {
			if err := os.WriteFile(filepath.Join(dir, strings.ReplaceAll(name, " ", "-")+".html"), []byte(page), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	return pages
}

// busy fills two months with mails, and codes that are used.
func (h *house) busy() {
	h.t.Helper()
	h.exec("insert into campaigns (id, name, live) values (97, 'a-very-long-name-of-a-campaign-without-end-for-everybody', true), (98, 'newsletter', true)")
	member := h.join("M-9", "en")
	for day := range 60 {
		for range (day*day)%7 + day/9 {
			h.mailed(member, "offers")
		}
		h.exec(fmt.Sprintf("update sends set handed_at = handed_at - %d, done_at = done_at - %[1]d, campaign_id = 97 + id %% 3 where day = 1", int64(60-day)*86400*1_000_000))
		h.exec("update sends set day = 2 where day = 1")
	}
	h.exec("insert into replicas (id, version, roles, started_at, seen_at) values ('shop-worker-7d9f8b6c5d-x2x7q-a1b2c3d4', '1', 'web,worker', cast(unixepoch('subsec') * 1000000 as integer), cast(unixepoch('subsec') * 1000000 as integer))")
	h.exec("insert into timetable (campaign_id, zone, spec, next_at, next_key) values (98, 'Europe/Helsinki', '', @now + 100000000000, 'x')")
	h.exec("update sends set code_id = (select max(id) from codes) where id % 4 = 0")
}

func chromium(t *testing.T) string {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Skip("no Chromium here: how pages look is not checked")
	return ""
}

// look is one page at one width by day or by night, and what was measured.
type look struct {
	Page, Scheme                    string
	Width, Scroll, Out, Faint, Font int
	Styled, Dark                    bool
}

// gauge opens each page in a frame of its width and measures it.
const gauge = `
const rgb = s => s.match(/[\d.]+/g).map(Number);
const light = c => c.slice(0, 3).map(v => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4).reduce((a, v, i) => a + v * [0.2126, 0.7152, 0.0722][i], 0);
const measure = (look, w) => {
  const root = w.document.documentElement, body = w.document.body;
  const under = e => { for (; e; e = e.parentElement) { const c = rgb(w.getComputedStyle(e).backgroundColor); if (c.length < 4 || c[3] > 0) return c; } return [255, 255, 255]; };
  const m = {...look, Scroll: root.scrollWidth, Out: 0, Font: 99, Faint: 0, Styled: w.getComputedStyle(body).marginTop === '0px', Dark: w.matchMedia('(prefers-color-scheme: dark)').matches};
  for (const e of body.querySelectorAll('*')) {
    const style = w.getComputedStyle(e), box = e.getBoundingClientRect();
    if (style.display === 'none' || !box.width || e.closest('svg')) continue;
    if (box.right > root.clientWidth + 1 || box.left < -1) m.Out++;
    if (![...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim())) continue;
    m.Font = Math.min(m.Font, Math.floor(parseFloat(style.fontSize)));
    const a = light(rgb(style.color)) + 0.05, b = light(under(e)) + 0.05;
    if (Math.max(a, b) / Math.min(a, b) < 4.5) m.Faint++;
  }
  return m;
};
const done = [];
for (const page of Object.keys(pages)) for (const Width of [320, 1000]) for (const Scheme of ['light', 'dark']) {
  const frame = document.createElement('iframe');
  frame.width = Width; frame.height = 2000; frame.style.colorScheme = Scheme; frame.srcdoc = pages[page];
  done.push(new Promise(f => frame.onload = () => f(measure({Page: page, Width, Scheme}, frame.contentWindow))));
  document.body.append(frame);
}
Promise.all(done).then(all => { document.body.textContent = ''; document.title = JSON.stringify(all); });
`

var measured = regexp.MustCompile(`<title>([^<]*)</title>`)

// measure opens all pages in one browser.
func measure(t *testing.T, browser string, pages map[string]string) (looks []look) {
	t.Helper()
	list, err := json.Marshal(pages) // with < escaped: it stands in a script
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "page.html")
	if err := os.WriteFile(file, fmt.Appendf(nil, "<!DOCTYPE html><title>-</title><body><script>const pages = %s;%s</script>", list, gauge), 0o644); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars",
		"--user-data-dir="+filepath.Join(dir, "profile"), "--window-size=1100,2000", "--virtual-time-budget=60000", "--dump-dom", "file://"+file).Output()
	if err != nil {
		t.Fatalf("%s: %v", browser, err)
	}
	found := measured.FindSubmatch(out)
	if found == nil {
		t.Fatalf("the pages did not measure themselves: %.300s", out)
	}
	if err := json.Unmarshal([]byte(html.UnescapeString(string(found[1]))), &looks); err != nil || len(looks) != 4*len(pages) {
		t.Fatalf("the pages measured %.300s: %v", found[1], err)
	}
	return looks
}
