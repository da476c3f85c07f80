// Package looktest opens pages in headless Chromium, for the tests of rooms that have some.
package looktest

import (
	"context"
	"encoding/json"
	"fmt"
	"html"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"regulars/internal/patiently"
)

// Chromium is where the browser is; without one the test is skipped.
func Chromium(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Skip("no Chromium here: how pages look and work in a browser is not checked")
	return ""
}

// Browse opens an address and reads what the page wrote into its title, as JSON.
func Browse(t *testing.T, browser, address string, into any) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patiently.AtMost)
	defer cancel()
	flags := append(Flags(filepath.Join(t.TempDir(), "profile")), "--virtual-time-budget=60000", "--dump-dom", address)
	out, err := exec.CommandContext(ctx, browser, flags...).Output()
	if err != nil {
		t.Fatalf("%s: %v", browser, err)
	}
	found := title.FindSubmatch(out)
	if found == nil || json.Unmarshal([]byte(html.UnescapeString(string(found[1]))), into) != nil {
		t.Fatalf("the page says %.500s", out)
	}
}

var title = regexp.MustCompile(`<title>([^<]*)</title>`)

// Flags are those of a browser that nobody sees.
func Flags(profile string) []string {
	return []string{"--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
		"--disable-component-update", "--disable-sync", "--hide-scrollbars", "--window-size=1300,2000", "--user-data-dir=" + profile}
}

// Look is one page at one width by day or by night, and what was measured.
type Look struct {
	Page, Scheme  string
	Width, Scroll int  // px; of the screen and of the page
	Out           int  // parts that stand out to the side
	Faint         int  // texts whose contrast is below 4.5 (WCAG 2.2, 1.4.3)
	Font          int  // px of the smallest letters
	Narrow        int  // things to press or fill in that are too low to hit
	Styled, Dark  bool // the style sheet is in force, and that of the night
	Worst         string
}

// Measure opens pages, whole and with their style in them, at each width by day and by
// night. What a selector names, and all of a picture, is not measured.
func Measure(t *testing.T, pages map[string]string, except string, widths ...int) (looks []Look) {
	t.Helper()
	browser := Chromium(t)
	list, err := json.Marshal(pages) // with < escaped: it stands in a script
	if err != nil {
		t.Fatal(err)
	}
	sizes, err := json.Marshal(widths)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "page.html")
	script := fmt.Sprintf("const pages = %s, widths = %s, except = %q;%s", list, sizes, except, gauge)
	if err := os.WriteFile(file, []byte("<!DOCTYPE html><title>-</title><body><script>"+script+"</script>"), 0o644); err != nil {
		t.Fatal(err)
	}
	Browse(t, browser, "file://"+file, &looks)
	if len(looks) != 2*len(widths)*len(pages) {
		t.Fatalf("%d looks at %d pages", len(looks), len(pages))
	}
	return looks
}

// gauge opens each page in a frame of its width and measures it.
const gauge = `
const rgb = s => s.match(/[\d.]+/g).map(Number);
const light = c => c.slice(0, 3).map(v => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4).reduce((a, v, i) => a + v * [0.2126, 0.7152, 0.0722][i], 0);
const measure = (look, w) => {
  const root = w.document.documentElement, body = w.document.body;
  const under = e => { for (; e; e = e.parentElement) { const c = rgb(w.getComputedStyle(e).backgroundColor); if (c.length < 4 || c[3] > 0) return c; } return [255, 255, 255]; };
  const m = {...look, Scroll: root.scrollWidth, Out: 0, Font: 99, Faint: 0, Narrow: 0, Worst: '', Styled: w.getComputedStyle(body).marginTop === '0px', Dark: w.matchMedia('(prefers-color-scheme: dark)').matches};
  for (const e of body.querySelectorAll('*')) {
    const style = w.getComputedStyle(e), box = e.getBoundingClientRect();
    if (style.display === 'none' || !box.width || e.closest(except)) continue;
    if (box.right > root.clientWidth + 1 || box.left < -1) { m.Out++; m.Worst = e.outerHTML.slice(0, 100); }
    if (['BUTTON', 'INPUT', 'SUMMARY', 'TEXTAREA'].includes(e.tagName) && box.height < 16) m.Narrow++;
    if (![...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim())) continue;
    m.Font = Math.min(m.Font, Math.floor(parseFloat(style.fontSize)));
    const a = light(rgb(style.color)) + 0.05, b = light(under(e)) + 0.05;
    if (Math.max(a, b) / Math.min(a, b) < 4.5) { m.Faint++; m.Worst = e.outerHTML.slice(0, 100); }
  }
  return m;
};
const done = [];
for (const page of Object.keys(pages)) for (const Width of widths) for (const Scheme of ['light', 'dark']) {
  const frame = document.createElement('iframe');
  frame.width = Width; frame.height = 2000; frame.style.colorScheme = Scheme; frame.srcdoc = pages[page];
  done.push(new Promise(f => frame.onload = () => f(measure({Page: page, Width, Scheme}, frame.contentWindow))));
  document.body.append(frame);
}
Promise.all(done).then(all => { document.body.textContent = ''; document.title = JSON.stringify(all); });
`
