package templates_test

import (
	"context"
	"fmt"
	"html"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"regulars/internal/patiently"
	"regulars/templates"
)

// view is a mail as one reader sees it.
type view struct {
	name   string
	page   string
	width  int
	scheme string // light or dark
}

// TestMailsLookRight opens mails in headless Chromium on a phone (320 px) and in a
// mail program (600 px), by day and by night: nothing may stand out of the screen,
// no letter be too small or too faint. The page measures itself, since a browser
// can be asked for its DOM only; all mails share one page, since starting a
// browser takes seconds.
func TestMailsLookRight(t *testing.T) {
	t.Parallel()
	browser := chromium(t)
	views := append(everything(t), library(t)...)
	views = append(views, colours(t)...)
	for i, got := range measure(t, browser, views) {
		v := views[i]
		name := fmt.Sprintf("%s at %d px, %s", v.name, v.width, v.scheme)
		if got["scroll"] > v.width || got["out"] > 0 {
			t.Errorf("%s: %d px wide, %d elements stand out of the screen", name, got["scroll"], got["out"])
		}
		if got["font"] < 13 {
			t.Errorf("%s: the smallest letters have %d px, want 13", name, got["font"])
		}
		if got["faint"] > 0 {
			t.Errorf("%s: %d texts have a contrast below 4.5", name, got["faint"])
		}
		if (got["dark"] == 1) != (v.scheme == "dark") {
			t.Errorf("%s: dark = %d", name, got["dark"])
		}
	}
}

// everything is the mail that has everything, also with words that do not end.
func everything(t *testing.T) (views []view) {
	src, err := os.ReadFile("testdata/mails/everything.en.md")
	if err != nil {
		t.Fatal(err)
	}
	long := strings.Repeat("Donaudampfschifffahrtsgesellschaftskapitän", 3)
	for name, changes := range map[string][]any{
		"everything": nil,
		"long words": {"member.first_name", long, "coupon.code", "VERYLONGCODE-WITHOUT-ANY-END-7K2M9QXT-7K2M9QXT",
			"order.lines", []map[string]any{{"name": long, "quantity": 12, "total": int64(123456789)}}},
	} {
		page := render(t, parse(t, "everything.en.md", string(src), all), with(all, changes...), shop).HTML
		views = append(views, view{name, page, 320, "light"}, view{name, page, 600, "light"}, view{name, page, 320, "dark"})
	}
	return views
}

func library(t *testing.T) (views []view) {
	for _, e := range templates.Library() {
		for _, file := range sorted(e.Files) {
			if strings.HasSuffix(file, ".md") {
				page := render(t, parse(t, filepath.Base(file), e.Files[file], all), all.Sample(), shop).HTML
				views = append(views, view{e.Name + "/" + file, page, 320, "light"})
			}
		}
	}
	return views
}

// colours are brands that would be hard to read if taken as they are.
func colours(t *testing.T) (views []view) {
	m := parse(t, "x.en.md", written("# Hello\n\n{{ coupon.code }}\n\n[Go](https://shop.example)\n\nOr [look](https://shop.example) around.\n"), all)
	for _, color := range []string{"#000000", "#ffffff", "#ffcc00", "#ff0000", "#3b82f6", "not a colour"} {
		brand := shop
		brand.Color = color
		page := render(t, m, all.Sample(), brand).HTML
		views = append(views, view{"the brand " + color, page, 320, "light"}, view{"the brand " + color, page, 320, "dark"})
	}
	return views
}

func chromium(t *testing.T) string {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	if os.Getenv("CI") == "true" {
		t.Fatal("no Chromium here, and CI must not skip how mails look")
	}
	t.Skip("no Chromium here: how mails look is not checked")
	return ""
}

// gauge measures the mail in each frame when all are loaded.
const gauge = `
const rgb = s => s.match(/[\d.]+/g).map(Number);
const light = c => c.slice(0, 3).map(v => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4).reduce((a, v, i) => a + v * [0.2126, 0.7152, 0.0722][i], 0) + 0.05;
const gauge = w => {
  const d = w.document, root = d.documentElement;
  const under = e => { for (; e; e = e.parentElement) { const c = rgb(w.getComputedStyle(e).backgroundColor); if (c.length < 4 || c[3] > 0) return c; } return [255, 255, 255]; };
  const m = {scroll: root.scrollWidth, out: 0, font: 99, faint: 0, dark: w.matchMedia('(prefers-color-scheme: dark)').matches ? 1 : 0};
  for (const e of d.body.querySelectorAll('*')) {
    const style = w.getComputedStyle(e), box = e.getBoundingClientRect();
    if (style.display === 'none' || e.closest('div[style*="display:none"]')) continue;
    if (box.right > root.clientWidth + 1 || box.left < -1) m.out++;
    if (![...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim())) continue;
    m.font = Math.min(m.font, Math.floor(parseFloat(style.fontSize)));
    const a = light(rgb(style.color)), b = light(under(e));
    if (Math.max(a, b) / Math.min(a, b) < 4.5) m.faint++;
  }
  return Object.entries(m).map(e => e.join('=')).join(' ');
};
window.onload = () => {
  const found = [...document.querySelectorAll('iframe')].map(f => '<pre class=m>' + gauge(f.contentWindow) + '</pre>');
  document.body.innerHTML = found.join('');
};
`

var measured = regexp.MustCompile(`<pre class="m">([^<]*)</pre>`)

// measure opens all views at once and returns what the gauge finds in each.
func measure(t *testing.T, browser string, views []view) (found []map[string]int) {
	t.Helper()
	var outside strings.Builder
	outside.WriteString("<!DOCTYPE html><meta charset=utf-8><script>" + gauge + "</script><body>")
	for _, v := range views {
		fmt.Fprintf(&outside, `<iframe width="%d" height="900" style="border:0;color-scheme:%s" srcdoc="%s"></iframe>`, v.width, v.scheme, html.EscapeString(v.page))
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "page.html")
	if err := os.WriteFile(file, []byte(outside.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, m := range measured.FindAllSubmatch(dom(t, browser, dir, file), -1) {
		got := map[string]int{}
		for pair := range strings.FieldsSeq(string(m[1])) {
			name, value, _ := strings.Cut(pair, "=")
			got[name], _ = strconv.Atoi(value)
		}
		found = append(found, got)
	}
	if len(found) != len(views) {
		t.Fatalf("the browser measured %d mails of %d", len(found), len(views))
	}
	return found
}

func dom(t *testing.T, browser, dir, file string) []byte {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patiently.AtMost)
	defer cancel()
	out, err := exec.CommandContext(ctx, browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars",
		"--user-data-dir="+filepath.Join(dir, "profile"), "--dump-dom", "file://"+file).Output()
	if err != nil {
		t.Fatalf("%s: %v", browser, err)
	}
	return out
}
