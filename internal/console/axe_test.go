package console_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"

	"regulars/internal/staff"
	"regulars/internal/store/storetest"
)

// axe is axe-core, as .ci/run fetches it. A bare machine may be without it, CI only where
// it says that it could not be fetched.
func axe(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../.ci/bin/axe.min.js")
	switch {
	case err == nil:
		return string(text)
	case os.Getenv("CI") == "true" && os.Getenv("AXE_CORE") != "away":
		t.Fatal("axe-core is not there: .ci/run fetches it: ", err)
	}
	t.Skip("no axe-core here (.ci/run fetches it): its rules are not checked")
	return ""
}

// audit has axe look at the page that is open, and returns what is serious or critical.
func (p *tab) audit(script string) []string {
	p.t.Helper()
	if p.eval("window.axe !== undefined") != true {
		p.eval(script + "; true")
	}
	p.eval(`window.found = undefined; axe.run(document, {iframes: false, resultTypes: ["violations"], rules: {"target-size": {enabled: true}}}).then(
		got => window.found = JSON.stringify(got.violations.filter(v => v.impact === "serious" || v.impact === "critical").map(v => v.id + ": " + v.help + ": " + v.nodes.slice(0, 2).map(n => n.html.slice(0, 160)).join(" and "))),
		wrong => window.found = JSON.stringify(["axe failed: " + wrong])); true`)
	p.until("window.found !== undefined")
	var found []string
	if err := json.Unmarshal([]byte(fmt.Sprint(p.eval("window.found"))), &found); err != nil {
		p.t.Fatal(err)
	}
	return found
}

// TestAxeFindsNothingSerious opens every page by day and by night.
func TestAxeFindsNothingSerious(t *testing.T) {
	t.Parallel()
	script := axe(t)
	p := openTab(t)
	h := newHouse(t, storetest.SQLite(t))
	pages := h.screens(t)
	for _, path := range h.pages() {
		if a := h.ask(staff.Admin, path, nil); a.StatusCode == http.StatusOK && strings.HasPrefix(a.Header.Get("Content-Type"), "text/html") && !strings.Contains(path, "mail-body") && !strings.Contains(path, "proposed-mail") && !strings.Contains(path, "?at=") {
			pages[path] = a.Body
		}
	}
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if name := r.URL.Query().Get("screen"); name != "" {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			_, _ = w.Write([]byte(strings.ReplaceAll(pages[name], "data-live", "data-still"))) // the browser has gone away
			return
		}
		h.handle.ServeHTTP(w, r)
	}))
	defer site.Close()
	for name := range pages {
		p.open(site.URL + "/?" + url.Values{"screen": {name}}.Encode())
		for _, scheme := range []string{"light", "dark"} {
			p.do("Emulation.setEmulatedMedia", map[string]any{"features": []map[string]string{{"name": "prefers-color-scheme", "value": scheme}}}, nil)
			for _, wrong := range p.audit(script) {
				t.Errorf("%s, %s: %s", name, scheme, wrong)
			}
		}
	}
}

// TestAxeFindsFaults holds the check above to pages with a fault each.
func TestAxeFindsFaults(t *testing.T) {
	t.Parallel()
	script := axe(t)
	p := openTab(t)
	const sound = `<!DOCTYPE html><html lang="en"><head><title>A page</title></head><body><main><h1>A page</h1>%s</main></body></html>`
	for rule, page := range map[string]string{
		"":                  fmt.Sprintf(sound, "<p>Sound.</p>"),
		"color-contrast":    fmt.Sprintf(sound, `<p style="color:#999;background:#fff">Faint.</p>`),
		"label":             fmt.Sprintf(sound, "<input name=q>"),
		"select-name":       fmt.Sprintf(sound, "<select><option>One</option></select>"),
		"button-name":       fmt.Sprintf(sound, "<button></button>"),
		"link-name":         fmt.Sprintf(sound, `<a href="/x"></a>`),
		"svg-img-alt":       fmt.Sprintf(sound, `<svg role="img" width="9" height="9"></svg>`),
		"list":              fmt.Sprintf(sound, "<ul><p>Not an item</p></ul>"),
		"aria-valid-attr":   fmt.Sprintf(sound, `<p aria-lable="x">Misspelt.</p>`),
		"aria-roles":        fmt.Sprintf(sound, `<p role="buton">Misspelt.</p>`),
		"aria-hidden-focus": fmt.Sprintf(sound, `<div aria-hidden="true"><button>Press</button></div>`),
		"html-has-lang":     "<!DOCTYPE html><title>A page</title><main><h1>A page</h1></main>",
		"document-title":    `<!DOCTYPE html><html lang="en"><body><main><h1>A page</h1></main>`,
		"frame-title":       fmt.Sprintf(sound, `<iframe srcdoc="x"></iframe>`),
		"target-size":       fmt.Sprintf(sound, `<button style="width:9px;height:9px;padding:0;border:0">x</button><button style="width:9px;height:9px;padding:0;border:0">y</button>`),
	} {
		site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			_, _ = w.Write([]byte(page)) // the browser has gone away
		}))
		p.open(site.URL + "/")
		found := strings.Join(p.audit(script), "\n")
		if rule == "" && found != "" || rule != "" && !strings.Contains(found, rule+": ") {
			t.Errorf("of a page with the fault %q it says %q", rule, found)
		}
		site.Close()
	}
}
