package console_test

import (
	"fmt"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"regulars/internal/console"
	"regulars/internal/staff"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
)

// TestPagesAreWellMade reads every page as a tree: what members are called makes no
// element and no attribute, no script runs but ours, and who hears a page or goes through
// it by keyboard finds headings, labels and names.
func TestPagesAreWellMade(t *testing.T) {
	t.Parallel()
	h := newHouse(t, storetest.SQLite(t))
	for _, as := range []staff.Role{staff.Admin, staff.Viewer, staff.Nobody} {
		paths := append(h.pages(), "/console/sign-in")
		if as == staff.Nobody {
			paths = []string{"/console/sign-in", "/console/none"}
		}
		for _, path := range paths {
			a := h.ask(as, path, nil)
			if strings.Contains(path, "mail-body") || strings.Contains(path, "proposed-mail") || strings.HasSuffix(path, ".csv") || a.StatusCode == http.StatusSeeOther {
				continue
			}
			page := a.Body
			h.wellMade(t, fmt.Sprintf("%s as %q", path, as), page)
			if policy := a.Header.Get("Content-Security-Policy"); !strings.Contains(policy, "script-src 'self'; style-src 'self';") || strings.Contains(policy, "unsafe") {
				t.Errorf("%s: the policy is %s", path, policy)
			}
		}
	}
	for what, form := range map[string]url.Values{"/console/members": {"q": {hostile}}, "/console/segments": {"rule": {`orders >= 2 and "` + hostile}}} {
		h.wellMade(t, what+" of what was typed", h.ask(staff.Admin, what, form).Body)
	}
	h.added(t, staff.Viewer)
	h.aWhileAgo(staff.Viewer)
	h.wellMade(t, "one's own page with a passkey", h.ask(staff.Viewer, "/console/me", nil).Body)
	h.wellMade(t, "members that were found", h.ask(staff.Admin, "/console/members", url.Values{"q": {hostile}}).Body)
	h.wellMade(t, "a rule and its members", h.ask(staff.Admin, "/console/segments", url.Values{"rule": {"regulars or orders == 0"}}).Body)
}

// wellMade checks one page.
func (h *house) wellMade(t *testing.T, path, page string) {
	t.Helper()
	bad := func(format string, args ...any) { t.Helper(); t.Errorf(path+": "+format, args...) }
	root := tree(t, page)
	ids := map[string]int{}
	for _, n := range all(root, "") {
		for _, a := range n.Attr {
			if strings.HasPrefix(a.Key, "on") || a.Key == "style" || strings.HasPrefix(strings.ToLower(strings.TrimSpace(a.Val)), "javascript:") {
				bad("<%s %s=%q>", n.Data, a.Key, a.Val)
			}
			if (a.Key == "href" || a.Key == "action" || a.Key == "src") && (strings.Contains(a.Val, "@") || strings.Contains(a.Val, "Geheimnis")) {
				bad("an address of ours tells of a member: %s", a.Val)
			}
		}
		if id, is := attr(n, "id"); is {
			ids[id]++
		}
		if n.Data == "style" || n.Data == "script" && words(n) != "" {
			bad("<%s> stands in the page", n.Data)
		}
		if n.Data == "img" || n.Data == "i" || n.Data == "b" && strings.Contains(words(n), "<b>") {
			bad("<%s> is not ours", n.Data)
		}
	}
	for id, n := range ids {
		if n > 1 {
			bad("id %s stands %d times", id, n)
		}
	}
	h.heard(t, path, root, ids)
}

// heard checks what somebody needs who hears the page: the rules of axe-core that a tree
// can answer. These are page-has-heading-one, heading-order, empty-heading, label,
// select-name, button-name, link-name, summary-name, frame-title, svg-img-alt,
// html-has-lang, document-title, meta-viewport, landmark-one-main, landmark-unique,
// region, duplicate-id-aria, aria-valid-attr-value of references, aria-roles,
// aria-hidden-focus, nested-interactive, tabindex, list, listitem, definition-list,
// dlitem, empty-table-header, scope-attr-valid and th-has-data-cells. What needs styles
// (color-contrast, target-size, scrollable content) TestPagesFitScreens measures.
func (h *house) heard(t *testing.T, path string, root *html.Node, ids map[string]int) {
	t.Helper()
	bad := func(format string, args ...any) { t.Helper(); t.Errorf(path+": "+format, args...) }
	if n := len(all(root, "h1")); n != 1 {
		bad("%d first headings", n)
	}
	level, parts := 1, map[string]bool{}
	for _, n := range all(root, "") {
		if role, is := attr(n, "role"); is && !slices.Contains([]string{"img", "alert", "status", "group", "region", "search"}, role) {
			bad("<%s> is a %q: that is no role of ours", n.Data, role)
		}
		if role, _ := attr(n, "role"); slices.Contains([]string{"section", "nav"}, n.Data) || role == "region" {
			label, _ := attr(n, "aria-label")
			by, _ := attr(n, "aria-labelledby")
			if name := label + "#" + by; name != "#" && parts[name] {
				bad("two parts of the page are called %q", name)
			} else {
				parts[name] = true
			}
		}
		if slices.Contains([]string{"a", "button", "summary", "label"}, n.Data) && within(n, "a", "button") {
			bad("<%s> stands in something to press", n.Data)
		}
		if wants, is := parents[n.Data]; is && !slices.Contains(wants, n.Parent.Data) {
			bad("<%s> stands in <%s>, not in %v", n.Data, n.Parent.Data, wants)
		}
		if wants, is := children[n.Data]; is {
			for c := range n.ChildNodes() {
				if c.Type == html.ElementNode && !slices.Contains(wants, c.Data) {
					bad("<%s> holds a <%s>", n.Data, c.Data)
				}
			}
		}
		switch n.Data {
		case "h1", "h2", "h3", "h4":
			if now := int(n.Data[1] - '0'); now > level+1 {
				bad("heading %q skips a level", words(n))
			} else {
				level = now
			}
		case "input", "textarea", "select":
			kind, _ := attr(n, "type")
			if kind != "hidden" && !labelled(n) {
				bad("a field without a label: %v", n.Attr)
			}
			if kind == "radio" && !within(n, "fieldset") {
				bad("a choice of several stands in no group: %v", n.Attr)
			}
		case "fieldset":
			if len(all(n, "legend")) != 1 || words(all(n, "legend")[0]) == "" {
				bad("a group of fields without a legend")
			}
		case "table":
			if len(all(n, "th")) == 0 {
				bad("a table without heads: %.60s", words(n))
			}
		case "nav":
			if _, named := attr(n, "aria-label"); !named && !hasAttr(n, "aria-labelledby") {
				bad("<%s> without a name", n.Data)
			}
		case "meta":
			if content, _ := attr(n, "content"); strings.Contains(content, "user-scalable") || strings.Contains(content, "maximum-scale") {
				bad("the page cannot be made larger: %s", content)
			}
		case "button", "a", "summary", "caption", "label", "option", "dt":
			if words(n) == "" {
				bad("<%s> without words: %v", n.Data, n.Attr)
			}
		case "th":
			if _, is := attr(n, "scope"); !is {
				bad("a head of a table says not of what: %s", words(n))
			}
			if words(n) == "" {
				bad("an empty head of a table")
			}
		case "svg":
			_, hidden := attr(n, "aria-hidden")
			if _, named := attr(n, "aria-label"); !hidden && !named {
				bad("a picture without words")
			}
		case "iframe":
			if title, _ := attr(n, "title"); title == "" {
				bad("a frame without a title")
			}
		case "form":
			if method, _ := attr(n, "method"); method != "post" && !daysOnly(n) {
				bad("a form puts what is typed into the address")
			}
		}
		if n.Data[0] == 'h' && len(n.Data) == 2 && n.Data != "hr" && words(n) == "" {
			bad("an empty heading")
		}
		for _, to := range []string{"aria-labelledby", "aria-describedby", "aria-controls", "for"} {
			if by, is := attr(n, to); is && ids[by] != 1 {
				bad("%s leads to %s, which is not there", to, by)
			}
		}
		if order, _ := attr(n, "tabindex"); order != "" && order != "0" && order != "-1" {
			bad("the keyboard goes through the page in an order of its own: tabindex %s", order)
		}
		if hidden, _ := attr(n, "aria-hidden"); hidden == "true" && len(all(n, "a"))+len(all(n, "button"))+len(all(n, "input")) > 0 {
			bad("something to press is hidden from who hears the page")
		}
		if !within(n, "header", "main", "footer", "head") && n.Type == html.ElementNode && !landmark(n) {
			bad("<%s> stands in no part of the page", n.Data)
		}
	}
	if lang, _ := attr(all(root, "html")[0], "lang"); lang != "en" || len(all(root, "main")) != 1 || words(all(root, "title")[0]) == "" {
		bad("language, main part or title is missing")
	}
}

// parents and children are where elements may stand, and what they may hold.
var (
	parents  = map[string][]string{"li": {"ul", "ol"}, "dt": {"dl", "div"}, "dd": {"dl", "div"}, "summary": {"details"}, "legend": {"fieldset"}}
	children = map[string][]string{"ul": {"li"}, "ol": {"li"}, "dl": {"div", "dt", "dd"}, "select": {"option"}, "tr": {"th", "td"}}
)

// within reports whether a node stands in an element of one of some names.
func within(n *html.Node, names ...string) bool {
	for p := n.Parent; p != nil; p = p.Parent {
		if slices.Contains(names, p.Data) {
			return true
		}
	}
	return false
}

func hasAttr(n *html.Node, name string) bool { _, is := attr(n, name); return is }

// landmark reports whether an element may stand outside of the parts of a page: these
// themselves, and the link that skips to the main one.
func landmark(n *html.Node) bool {
	class, _ := attr(n, "class")
	return slices.Contains([]string{"html", "head", "body", "header", "main", "footer"}, n.Data) || class == "skip"
}

// labelled reports whether a field stands in a label with words.
func labelled(n *html.Node) bool {
	for p := n.Parent; p != nil; p = p.Parent {
		if p.Data == "label" {
			return words(p) != ""
		}
	}
	return false
}

// TestPagesAreSmall holds each page, with style and script, to 90 KB.
func TestPagesAreSmall(t *testing.T) {
	t.Parallel()
	h := newHouse(t, storetest.SQLite(t))
	first := h.ask(staff.Admin, "/console/", nil).Body
	files := 0
	for _, found := range regexp.MustCompile(`/console/look/[a-z0-9.-]+`).FindAllString(first, -1) {
		a := h.ask(staff.Nobody, found, nil)
		if a.StatusCode != http.StatusOK || !strings.Contains(a.Header.Get("Cache-Control"), "immutable") {
			t.Errorf("%s: %d", found, a.StatusCode)
		}
		files += len(a.Body)
	}
	if files < 5000 {
		t.Fatalf("style and script have %d bytes", files)
	}
	for _, path := range h.pages() {
		if n := len(h.ask(staff.Admin, path, nil).Body) + files; n > 90<<10 && !strings.HasSuffix(path, ".csv") {
			t.Errorf("%s has %d bytes with style and script", path, n)
		}
	}
}

// TestEveryWordIsThereAndUsed holds the catalogue to the pages and the code.
func TestEveryWordIsThereAndUsed(t *testing.T) {
	t.Parallel()
	var used strings.Builder
	for _, folder := range []string{".", "pages"} {
		entries, err := os.ReadDir(folder)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if name := folder + "/" + e.Name(); strings.HasSuffix(name, ".html") || strings.HasSuffix(name, ".go") && !strings.HasSuffix(name, "_test.go") {
				text, err := os.ReadFile(name)
				if err != nil {
					t.Fatal(err)
				}
				used.Write(text)
			}
		}
	}
	text, err := os.ReadFile("words/en.yaml")
	if err != nil {
		t.Fatal(err)
	}
	known, group := map[string]bool{}, ""
	for line := range strings.SplitSeq(string(text), "\n") {
		if found := regexp.MustCompile(`^([a-z]+):$`).FindStringSubmatch(line); found != nil {
			group = found[1]
		} else if found := regexp.MustCompile(`^  "?([a-z_]+)"?: `).FindStringSubmatch(line); found != nil {
			known[group+"."+found[1]] = true
		}
	}
	asked := regexp.MustCompile(`(?:say|sayof|Say|SayOf)[ (]"([a-z]+\.[a-z_]+[a-z])"`)
	for _, found := range asked.FindAllStringSubmatch(used.String(), -1) {
		if !known[found[1]] {
			t.Errorf("no word for %s", found[1])
		}
	}
	spelled := []string{"states", "reasons", "moments", "parts", "figures", "report", "shelves"} // asked for by the value of something
	setByForm := []string{"for", "except", "until", "again", "holdout"}
	for key := range known {
		group, name, _ := strings.Cut(key, ".")
		direct := strings.Contains(used.String(), `"`+key+`"`) || strings.Contains(used.String(), "done="+name)
		built := strings.Contains(used.String(), `"`+name+`"`) && slices.Contains([]string{"done", "campaigns", "members"}, group)
		family := strings.HasPrefix(key, "campaigns.until_") || strings.HasPrefix(key, "campaigns.again_") || strings.HasPrefix(key, "campaigns.class_") || strings.HasPrefix(key, "launch.kind_") || strings.HasPrefix(key, "codes.kind_") || strings.HasPrefix(key, "users.may_") || strings.HasPrefix(key, "settings.scope_") || strings.HasPrefix(key, "import.of_") || strings.HasPrefix(key, "import.set_") || strings.HasPrefix(key, "import.opt_")
		for _, way := range []string{"kind_", "of_", "like_", "class_"} {
			family = family || strings.HasPrefix(key, "form."+way)
		}
		family = family || group == "form" && (strings.HasSuffix(name, "_like") || slices.Contains(setByForm, name))
		if !direct && !built && !family && !slices.Contains(spelled, group) {
			t.Errorf("nobody says %s", key)
		}
	}
}

// TestMailsStandInAFrameOfTheirOwn reads what the frame may do.
func TestMailsStandInAFrameOfTheirOwn(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		as := fmt.Sprintf("?as=%d", h.members[0])
		page := tree(t, h.ask(staff.Marketer, "/console/mail/welcome/hello"+as, nil).Body)
		frames := all(page, "iframe")
		if len(frames) != 1 {
			t.Fatalf("%d frames", len(frames))
		}
		if sandbox, is := attr(frames[0], "sandbox"); !is || strings.Contains(sandbox, "script") || strings.Contains(sandbox, "same-origin") || strings.Contains(sandbox, "forms") {
			t.Errorf("the frame may %q", sandbox)
		}
		src, _ := attr(frames[0], "src")
		a := h.ask(staff.Marketer, src, nil)
		policy := a.Header.Get("Content-Security-Policy")
		if a.StatusCode != http.StatusOK || !strings.Contains(policy, "default-src 'none'") || !strings.Contains(policy, "sandbox") || !strings.Contains(policy, "img-src data: 'self'") || !strings.Contains(policy, "frame-ancestors 'self'") {
			t.Errorf("%s: %d, %s", src, a.StatusCode, policy)
		}
		if body := tree(t, a.Body); len(all(body, "script")) > 0 || !strings.Contains(words(body), "alert(1)") {
			t.Errorf("the mail as a member gets it: %.300s", words(body))
		}
		if made := h.ask(staff.Viewer, src, nil).Body; strings.Contains(made, "alert(1)") || !strings.Contains(made, "Hello") {
			t.Error("a viewer sees the mail of a real member, or none")
		}
		more := h.ask(staff.Marketer, src+"&pictures=1", nil).Header.Get("Content-Security-Policy")
		if !strings.Contains(more, " http: https:;") {
			t.Errorf("with pictures: %s", more)
		}
	})
}

// TestAMemberIsFoundForAPreview names one by id and by address, in a form alone.
func TestAMemberIsFoundForAPreview(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.Do(func(tx *store.Tx) error {
			_, err := tx.Exec("update members set email = 'ana@example.test' where id = @id", store.Args{"id": h.members[1]})
			return err
		})
		for text, want := range map[string]int{"M-1": http.StatusSeeOther, "nobody at all": http.StatusUnprocessableEntity, "M-": http.StatusOK, "": http.StatusSeeOther} {
			a := h.ask(staff.Marketer, "/console/mail/welcome/hello?lang=en", url.Values{"member": {text}})
			to := a.Header.Get("Location")
			if a.StatusCode != want || strings.Contains(to, "M-") || want == http.StatusSeeOther && !strings.Contains(to, "lang=en") {
				t.Errorf("%q: %d to %s, want %d", text, a.StatusCode, to, want)
			}
		}
	})
}

// daysOnly reports whether nothing can be typed into a form but days.
func daysOnly(form *html.Node) bool {
	for _, input := range all(form, "input") {
		if kind, _ := attr(input, "type"); kind != "date" {
			return false
		}
	}
	return len(all(form, "textarea"))+len(all(form, "select")) == 0
}

// What stands between backticks is code, and what comes from outside stays text.
func TestWordsWithCode(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"see `regulars report`": "see <code>regulars report</code>",
		"`<b>` & `c":            "<code>&lt;b&gt;</code> &amp; `c",
		"<b>":                   "<b>", // the page escapes it
	} {
		if got := fmt.Sprint(console.Coded(text)); got != want {
			t.Errorf("%q reads %q, want %q", text, got, want)
		}
	}
}

// What is put into a word stands where its %s is; of anything else it would show the form.
func TestWordsTakeTextsAlone(t *testing.T) {
	t.Parallel()
	words, err := os.ReadFile("words/en.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if wrong := regexp.MustCompile(`.*%[a-rt-zA-Z].*`).FindAll(words, -1); wrong != nil {
		t.Errorf("words with another form than %%s: %s", wrong)
	}
}
