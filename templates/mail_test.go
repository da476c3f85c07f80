package templates_test

import (
	"errors"
	"flag"
	"fmt"
	"html"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"regulars/internal/program"
	"regulars/templates"
)

var update = flag.Bool("update", false, "write the golden files anew")

// all is what a mail may read when its campaign gives it everything.
var all = templates.Fields{Points: true, Referral: true, Rewards: true, Cards: []string{"coffee", "tea-time"}, Tiers: true, Missing: templates.Money,
	Order: true, Event: true, Coupon: true, Milestone: templates.Number,
	Launch:     map[string]templates.Kind{"headline": templates.Text, "link": templates.Link, "ends": templates.Date},
	Attributes: map[string]templates.Kind{"plan": templates.Text, "shoe_size": templates.Number},
}

var shop = templates.Brand{
	Name: "Anna's Pets", URL: "https://shop.example", Address: "Kauppakatu 1, 00100 Helsinki", Currency: "EUR",
}

// parse reads a mail that has to be right.
func parse(t testing.TB, file, text string, known templates.Fields) *templates.Mail {
	t.Helper()
	m, problems := templates.ParseMail(file, []byte(text), known)
	if m == nil {
		t.Fatalf("ParseMail(%s) = %v, want no problem", file, problems)
	}
	return m
}

// written is a mail of a subject and this body.
func written(body string) string { return "---\nsubject: Hello\n---\n" + body }

func render(t testing.TB, m *templates.Mail, d templates.Data, b templates.Brand) templates.Rendered {
	t.Helper()
	r, err := m.Render(d, b)
	if err != nil {
		t.Fatalf("Render(%s) = %v, want no error", m.File, err)
	}
	return r
}

// with is the sample with some values changed: "member.first_name", "Bob", …
func with(known templates.Fields, changes ...any) templates.Data {
	d := known.Sample()
	for i := 0; i < len(changes); i += 2 {
		root, field, has := strings.Cut(changes[i].(string), ".")
		if !has {
			d[root] = changes[i+1]
			continue
		}
		d[root].(map[string]any)[field] = changes[i+1]
	}
	return d
}

func golden(t *testing.T, file, got string) {
	t.Helper()
	path := filepath.Join("testdata", "golden", file)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s is not as recorded (renew with -update):\n%s\nwant\n%s", file, got, want)
	}
}

// asText is what golden files keep of every mail.
func asText(r templates.Rendered) string {
	return fmt.Sprintf("Subject: %s\nPreheader: %s\nLanguage: %s\n\n%s", r.Subject, r.Preheader, r.Language, r.Text)
}

func TestMailsAreAsRecorded(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/mails/*")
	if err != nil || len(files) == 0 {
		t.Fatalf("Glob = %v, %v, want the mails", files, err)
	}
	for _, file := range files {
		src, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		name := filepath.Base(file)
		m := parse(t, name, string(src), all)
		d := m.Sample()
		d["launch"].(map[string]any)["headline"] = `Cats & "dogs"`
		r := render(t, m, d, shop)
		golden(t, name+".txt", asText(r))
		golden(t, name+".html", r.HTML)
	}
}

func TestTheLibraryIsAsRecorded(t *testing.T) {
	t.Parallel()
	files, err := templates.StarterWithPoints()
	if err != nil {
		t.Fatal(err)
	}
	_, texts, _ := program.Load(files)
	var page strings.Builder
	for _, campaign := range sorted(texts) {
		for _, name := range sorted(texts[campaign]) {
			m := texts[campaign][name]["en"]
			d := m.Sample()
			for _, who := range []string{"Ana", ""} {
				d["member"].(map[string]any)["first_name"] = who
				if event, ok := d["event"].(map[string]any); ok && who != "" { // what ours have
					maps.Copy(event, map[string]any{"card": "coffee", "code": "CARD-7K2M-9QXT", "until": "2027-06-21", "reward": "gift", "price": 300, "next": "plain", "next_name": "Plain"})
				} else if ok {
					d["event"] = map[string]any{}
				}
				r := render(t, m, d, shop)
				fmt.Fprintf(&page, "══ %s/%s for %q ══\n%s\n", campaign, name, who, asText(r))
				if strings.Contains(r.HTML+r.Text, "no value") || strings.Contains(r.HTML, "ZgotmplZ") {
					t.Errorf("%s/%s shows a value that is not there:\n%s", campaign, name, r.Text)
				}
			}
		}
	}
	golden(t, "library.txt", page.String())
}

func sorted[V any](m map[string]V) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func TestBothPartsSayTheSame(t *testing.T) {
	t.Parallel()
	src, err := os.ReadFile("testdata/mails/everything.en.md")
	if err != nil {
		t.Fatal(err)
	}
	r := render(t, parse(t, "everything.en.md", string(src), all), all.Sample(), shop)
	_, body, _ := strings.Cut(r.HTML, "class=\"card text\"")
	words := html.UnescapeString(regexp.MustCompile(`<[^>]*>`).ReplaceAllString(body[strings.Index(body, ">")+1:], " "))
	for word := range strings.FieldsSeq(words) {
		if word != "·" && !strings.Contains(r.Text, word) {
			t.Errorf("the text part lacks %q, which the page has:\n%s", word, r.Text)
		}
	}
}

// hostile are values that try to become something else.
var hostile = []string{
	`[x](http://evil.example)`, `<script>alert(1)</script>`, `{{ .Env }}`, `{{ member.email }}`, `**bold**`, `"><img src=x onerror=alert(1)>`,
	"a\r\nBcc: all@example.test", "a\nb", "\u202eevil", "`code`", "# heading", "| a | b |", "&lt;b&gt;", "' onclick='x", "javascript:alert(1)",
	"zq0000x", "zqzq0001r", "\x01{{$.coupon.code}}", "\x02https://evil.example\x03", "\x0eaccent\x0f", "⟦accent⟧", "\xff\xfe", "<!--", "]]>", "</title>",
}

func TestValuesStayWhatTheyAre(t *testing.T) {
	t.Parallel()
	m := parse(t, "x.en.md", "---\nsubject: Hi {{ member.first_name | default \"you\" }}!\npreheader: {{ member.plan }}\n---\n"+
		"# Hi {{ member.first_name | default \"you\" }}\n\n**{{ member.plan }}** [{{ member.plan }}](https://shop.example/{{ member.plan }}?q={{ member.plan }})\n\n"+
		"- {{ member.plan }}\n\n`{{ member.plan }}`\n\n![{{ member.plan }}](https://shop.example/a.png)\n\n{{ coupon.code }}\n", all)
	tags := regexp.MustCompile(`<[a-zA-Z/!][^>]*>`)
	plain := render(t, m, with(all, "member.first_name", "Ana", "member.plan", "x"), shop)
	for _, v := range hostile {
		r := render(t, m, with(all, "member.first_name", v, "member.plan", v, "coupon.code", v), shop)
		if got, want := len(tags.FindAllString(r.HTML, -1)), len(tags.FindAllString(plain.HTML, -1)); got != want {
			t.Errorf("with %q the page has %d tags, want %d:\n%s", v, got, want, r.HTML)
		}
		if strings.ContainsAny(r.Subject+r.Preheader, "\r\n") {
			t.Errorf("with %q the subject is %q, want one line", v, r.Subject)
		}
		if strings.Contains(r.HTML, `href="http://evil`) || strings.Contains(r.HTML, `href="https://evil`) {
			t.Errorf("%q became a link:\n%s", v, r.HTML)
		}
		if strings.ContainsAny(r.HTML+r.Text, "\x00\x01\x02\x03\x0e\x0f\u202e") {
			t.Errorf("%q brought a control character in:\n%q", v, r.Text)
		}
		if shown := strings.Join(strings.Fields(strings.Map(visible, strings.ToValidUTF8(v, "\ufffd"))), " "); !strings.Contains(r.Text, shown) {
			t.Errorf("%q is not in the text part as it is:\n%s", v, r.Text)
		}
	}
}

func visible(r rune) rune {
	switch {
	case r == '\r' || r == '\n':
		return ' '
	case r < ' ' || r == '\u202e':
		return -1
	}
	return r
}

func TestAHostileLinkLeadsNowhere(t *testing.T) {
	t.Parallel()
	m := parse(t, "x.en.md", written("Look [here]({{ launch.link }}) and [there]({{ event.page }}).\n"), all)
	r := render(t, m, with(all, "launch.link", "javascript:alert(1)", "event.page", "javascript:alert(2)"), shop)
	if strings.Contains(r.HTML, "javascript:") {
		t.Errorf("a script became a link:\n%s", r.HTML)
	}
}

func TestTheFooterIsAlwaysThere(t *testing.T) {
	t.Parallel()
	for lang, says := range map[string][2]string{
		"en": {"Unsubscribe", "Choose what you get"}, "fi": {"Peru tilaus", "Valitse, mitä saat"},
		"el": {"Διαγραφή", "Επιλέξτε τι λαμβάνετε"}, "mk": {"Одјавете се", "Изберете што добивате"},
		"nl": {"Uitschrijven", "Kies wat je ontvangt"}, "zh-Hant": {"取消訂閱", "選擇想收到的內容"},
		"zh-TW": {"取消訂閱", "選擇想收到的內容"}, "de": {"Unsubscribe", "Choose what you get"}, "ar": {"Unsubscribe", "Choose what you get"},
	} {
		for _, ext := range []string{"md", "html"} {
			m := parse(t, "x."+lang+"."+ext, written("<!-- nothing -->\n"), all)
			r := render(t, m, all.Sample(), shop)
			for _, want := range []string{"Anna's Pets", "Kauppakatu 1, 00100 Helsinki", says[0], says[1], "https://shop.example/unsubscribe", "https://shop.example/preferences"} {
				if !strings.Contains(r.Text, want) || !strings.Contains(html.UnescapeString(r.HTML), want) {
					t.Errorf("a mail in %s.%s lacks %q:\n%s", lang, ext, want, r.Text)
				}
			}
			dir := map[bool]string{true: "rtl", false: "ltr"}[lang == "ar"]
			if want := fmt.Sprintf(`<html lang="%s" dir="%s">`, lang, dir); !strings.Contains(r.HTML, want) {
				t.Errorf("a mail in %s lacks %s", lang, want)
			}
		}
	}
}

// Spam filters count words in the colour of their ground as a trick.
func TestNothingIsWrittenInTheColourOfItsGround(t *testing.T) {
	t.Parallel()
	page := render(t, parse(t, "mail.en.md", written("Hi"), all), all.Sample(), shop).HTML
	ground := regexp.MustCompile(`<body [^>]*background-color:(#[0-9a-f]{6})`).FindStringSubmatch(page)
	if ground == nil {
		t.Fatalf("the page has no ground:\n%s", page)
	}
	if words := regexp.MustCompile(`[;" ]color:\s*` + ground[1]).FindString(page); words != "" {
		t.Errorf("words are written in %q on %s", words, ground[1])
	}
}

func TestAMailWithoutAWayOutIsNotMade(t *testing.T) {
	t.Parallel()
	service := all
	service.Service = true
	for _, tt := range []struct {
		name  string
		known templates.Fields
		data  templates.Data
		brand templates.Brand
		want  error
	}{
		{"no links at all", all, with(all, "links", nil), shop, templates.ErrNoUnsubscribe},
		{"an empty unsubscribe link", all, with(all, "links.unsubscribe", ""), shop, templates.ErrNoUnsubscribe},
		{"an unsubscribe link that is none", all, with(all, "links.unsubscribe", "/u/1"), shop, templates.ErrNoUnsubscribe},
		{"a service mail needs none", service, with(all, "links", nil), shop, nil},
		{"no postal address", all, all.Sample(), templates.Brand{Name: "Shop"}, templates.ErrNoSender},
		{"no name", all, all.Sample(), templates.Brand{Address: "Street 1"}, templates.ErrNoSender},
	} {
		m := parse(t, "x.en.md", written("Hello\n"), tt.known)
		if _, err := m.Render(tt.data, tt.brand); !errors.Is(err, tt.want) {
			t.Errorf("%s: Render = %v, want %v", tt.name, err, tt.want)
		}
	}
}

func TestWhatIsMissingIsAnError(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, text string
		data       templates.Data
		want       string
	}{
		{"a code that was not given", written("{{ coupon.code }}\n"), with(all, "coupon", nil), "x.en.md: there is no value for coupon.code"},
		{"an order that is not there", written("{{ order.total }}\n"), with(all, "order", nil), "x.en.md: there is no value for order.total"},
		{"a subject of nothing", "---\nsubject: {{ event.title }}\n---\nHello\n", with(all, "event.title", " "), "x.en.md: the subject comes out empty"},
		{"a guard lets it pass", written("{{ if coupon }}{{ coupon.code }}{{ end }}Hello\n"), with(all, "coupon", nil), ""},
		{"an else stands in for it", written("{{ if coupon }}{{ coupon.code }}{{ else }}none{{ end }}\n"), with(all, "coupon", nil), ""},
		{"and stops at the first no", written("{{ if and coupon (eq coupon.code \"A\") }}A{{ end }}b\n"), with(all, "coupon", nil), ""},
	} {
		_, err := parse(t, "x.en.md", tt.text, all).Render(tt.data, shop)
		if got := fmt.Sprint(err); tt.want != "" && got != tt.want || tt.want == "" && err != nil {
			t.Errorf("%s: Render = %v, want %q", tt.name, err, tt.want)
		}
	}
}

func TestTheLinkHookSeesEveryLinkButTheMembersOwn(t *testing.T) {
	t.Parallel()
	brand := shop
	brand.Link = func(url string) string { return "https://t.example/?to=" + url }
	m := parse(t, "x.en.md", written("[a](https://shop.example/a?x=1&y=2) https://shop.example/b <mailto:c@shop.example>\n\n[d](https://shop.example/d)\n\n[e]({{ links.preferences }})\n\n[f]({{ referral.link }})\n"), all)
	r := render(t, m, all.Sample(), brand)
	for _, want := range []string{"https://t.example/?to=https://shop.example/a?x=1&y=2", "https://t.example/?to=https://shop.example/b", "https://t.example/?to=https://shop.example/d"} {
		if !strings.Contains(html.UnescapeString(r.HTML), `"`+want+`"`) || !strings.Contains(r.Text, want) {
			t.Errorf("a mail lacks %s:\n%s\n%s", want, r.HTML, r.Text)
		}
	}
	for _, not := range []string{"to=mailto", "to=https://shop.example/unsubscribe", "to=https://shop.example/preferences", "to=https://shop.example/join"} {
		if strings.Contains(r.HTML+r.Text, not) {
			t.Errorf("the hook was given %s", not)
		}
	}
}

func TestOneMailServesManyAtOnce(t *testing.T) {
	t.Parallel()
	m := parse(t, "x.en.md", written("Hello {{ member.first_name | default \"you\" }}\n"), all)
	done := make(chan string)
	for i := range 8 {
		go func() {
			name := fmt.Sprintf("Member%d", i)
			r, err := m.Render(with(all, "member.first_name", name), shop)
			if err != nil || !strings.Contains(r.Text, name) {
				name = fmt.Sprintf("Render for %s = %q, %v", name, r.Text, err)
			} else {
				name = ""
			}
			done <- name
		}()
	}
	for range 8 {
		if problem := <-done; problem != "" {
			t.Error(problem)
		}
	}
}
