package templates_test

import (
	"fmt"
	"strings"
	"testing"

	"regulars/templates"
)

// wrong are mails with a mistake in them. The golden file says what is answered:
// line, column, what is wrong, and what would be right.
var wrong = []struct{ name, file, text string }{
	{"no front matter", "x.en.md", "Hello\n"},
	{"a front matter that never ends", "x.en.md", "---\nsubject: Hello\nHello\n"},
	{"no subject", "x.en.md", "---\npreheader: Hello\n---\nHello\n"},
	{"an empty subject", "x.en.md", "---\nsubject:\n---\nHello\n"},
	{"a key misspelt", "x.en.md", "---\nsubject: Hello\npre_header: x\n---\nHello\n"},
	{"a key of another program", "x.en.md", "---\nsubject: Hello\nlayout: x\n---\nHello\n"},
	{"a key twice", "x.en.md", "---\nsubject: Hello\nsubject: Hi\n---\nHello\n"},
	{"a line without a key", "x.en.md", "---\nsubject: Hello\nthere\n---\nHello\n"},
	{"an action in the sender's name", "x.en.md", "---\nsubject: Hello\nfrom_name: {{ shop.name }}\n---\nHello\n"},
	{"no text", "x.en.md", "---\nsubject: Hello\n---\n\n"},
	{"an unknown field", "x.en.md", written("Hello {{ member.firstname | default \"you\" }}\n")},
	{"an unknown field in the subject", "x.en.md", "---\nsubject: Hello {{ member.FristName }}\n---\nHello\n"},
	{"a field that is nowhere near", "x.en.md", written("{{ member.horoscope }}\n")},
	{"a root misspelt", "x.en.md", written("Ünïcode in front {{ cupon.code }}\n")},
	{"a field without its root", "x.en.md", written("{{ first_name }}\n")},
	{"a dot in front", "x.en.md", written("{{ .member.first_name }}\n")},
	{"a root alone", "x.en.md", written("{{ coupon }}\n")},
	{"a list alone", "x.en.md", written("{{ order.lines }}\n")},
	{"tags alone", "x.en.md", written("{{ member.tags }}\n")},
	{"a field of a field", "x.en.md", written("{{ order.total.String }}\n")},
	{"a method", "x.en.md", written("{{ coupon.ends.Format \"2006\" }}\n")},
	{"an unknown function", "x.en.md", written("{{ member.first_name | uper }}\n")},
	{"a function of the engine", "x.en.md", written("{{ printf \"%100000d\" 1 }}\n")},
	{"html in the engine's sense", "x.en.md", written("{{ html member.first_name }}\n")},
	{"a function without its argument", "x.en.md", written("{{ upper }}\n")},
	{"a function with too many", "x.en.md", written("{{ upper member.id member.id }}\n")},
	{"plural in a pipe", "x.en.md", written("{{ member.orders | plural \"a\" \"b\" }}\n")},
	{"a style of date that there is not", "x.en.md", written("{{ coupon.ends | date \"2006-01-02\" }}\n")},
	{"single quotes", "x.en.md", written("{{ member.first_name | default 'you' }}\n")},
	{"curly quotes", "x.en.md", written("{{ member.first_name | default “you” }}\n")},
	{"an operator", "x.en.md", written("{{ if order.total > 50 }}x{{ end }}\n")},
	{"two equals signs", "x.en.md", written("{{ if member.country == \"FI\" }}x{{ end }}\n")},
	{"and in symbols", "x.en.md", written("{{ if coupon && order }}x{{ end }}\n")},
	{"a variable", "x.en.md", written("{{ $x := 1 }}\n")},
	{"with", "x.en.md", written("{{ with coupon }}x{{ end }}\n")},
	{"define", "x.en.md", written("{{ define \"x\" }}x{{ end }}\n")},
	{"template", "x.en.md", written("{{ template \"body\" }}\n")},
	{"break", "x.en.md", written("{{ range order.lines }}{{ break }}{{ end }}\n")},
	{"a value as a function", "x.en.md", written("{{ \"x\" \"y\" }}\n")},
	{"not closed", "x.en.md", written("Hello {{ member.id\nyou }}\n")},
	{"not opened", "x.en.md", written("Hello member.id }}\n")},
	{"nothing inside", "x.en.md", written("Hello {{ }}\n")},
	{"trimming", "x.en.md", written("Hello {{- member.id -}}\n")},
	{"a note of the engine", "x.en.md", written("Hello {{/* note */}}\n")},
	{"a parenthesis left open", "x.en.md", written("{{ upper (lower member.id }}\n")},
	{"an if without an end", "x.en.md", written("{{ if coupon }}x\n")},
	{"an end without an if", "x.en.md", written("x{{ end }}\n")},
	{"an else without an if", "x.en.md", written("x{{ else }}y\n")},
	{"two elses", "x.en.md", written("{{ if coupon }}a{{ else }}b{{ else }}c{{ end }}\n")},
	{"an if without a condition", "x.en.md", written("{{ if }}x{{ end }}\n")},
	{"else if in a range", "x.en.md", written("{{ range order.lines }}a{{ else if coupon }}b{{ end }}\n")},
	{"words after end", "x.en.md", written("{{ if coupon }}x{{ end if }}\n")},
	{"a range through a number", "x.en.md", written("{{ range 1000000000 }}x{{ end }}\n")},
	{"a range through a text", "x.en.md", written("{{ range member.id }}x{{ end }}\n")},
	{"a range in a range", "x.en.md", written("{{ range order.lines }}{{ range member.tags }}x{{ end }}{{ end }}\n")},
	{"an unknown field of a line", "x.en.md", written("{{ range order.lines }}{{ .nam }}{{ end }}\n")},
	{"a line's field after the range", "x.en.md", written("{{ range order.lines }}x{{ end }}{{ .name }}\n")},
	{"a dot in a range through lines", "x.en.md", written("{{ range order.lines }}{{ . }}{{ end }}\n")},
	{"too many blocks inside each other", "x.en.md", written(strings.Repeat("{{ if coupon }}", 9) + strings.Repeat("{{ end }}", 9))},
	{"too many parentheses", "x.en.md", written("{{ " + strings.Repeat("(", 6) + "1" + strings.Repeat(")", 6) + " }}\n")},
	{"too many actions", "x.en.md", written(strings.Repeat("{{ member.id }}", 501))},
	{"a block across bold", "x.en.md", written("**a {{ if coupon }}b** c{{ end }}\n")},
	{"a block across a list", "x.en.md", written("- a {{ if coupon }}\n- b {{ end }}\n")},
	{"HTML in Markdown", "x.en.md", written("Hello\n\n<div>you</div>\n")},
	{"HTML in a line of Markdown", "x.en.md", written("Hello <b>you</b>\n")},
	{"an action in a note", "x.en.md", written("a\n\n<!-- {{ member.id }} -->\n")},
	{"a link without a host", "x.en.md", written("Go to [the shop](/shop)\n")},
	{"a link of a script", "x.en.md", written("Go to [the shop](javascript:alert(1))\n")},
	{"a link to nothing", "x.en.md", written("Go to [the shop]()\n")},
	{"a picture without words", "x.en.md", written("![](https://shop.example/a.png)\n")},
	{"a picture from the disk", "x.en.md", written("![A cat](cat.png)\n")},
	{"quotes without end", "x.en.md", written(strings.Repeat(">", 50) + " a\n")},
	{"a script", "x.en.html", written("<p>Hello</p>\n<script>alert(1)</script>\n")},
	{"a page around the mail", "x.en.html", written("<!DOCTYPE html><html><body>Hello</body></html>\n")},
	{"a style sheet", "x.en.html", written("<style>p { color: red }</style><p>Hello</p>\n")},
	{"a handler", "x.en.html", written("<p onclick=\"x()\">Hello</p>\n")},
	{"a tag left open", "x.en.html", written("<table><tr><td>Hello</td></tr>\n")},
	{"a tag closed too often", "x.en.html", written("<p>Hello</p></div>\n")},
	{"a tag misspelt", "x.en.html", written("<stong>Hello</stong>\n")},
	{"an action as a tag", "x.en.html", written("<{{ member.id }}>Hello\n")},
	{"an action as an attribute", "x.en.html", written("<p {{ member.id }}>Hello</p>\n")},
	{"a block across a tag's edge", "x.en.html", written("<p style=\"{{ if coupon }}color:red\">Hello{{ end }}</p>\n")},
	{"a block that opens a tag", "x.en.html", written("{{ if coupon }}<div>{{ end }}Hello</div>\n")},
	{"a bad link by hand", "x.en.html", written("<a href=\"shop.example\">Hello</a>\n")},
	{"a lone <", "x.en.html", written("<p>1 < 2</p>\n")},
	{"a control character", "x.en.md", written("Hello \x01\n")},
	{"not UTF-8", "x.en.md", written("Hello \xff\n")},
	{"a very long file", "x.en.md", written(strings.Repeat("word ", 20_001))},
	{"a mail that mailboxes cut", "x.en.md", written(strings.Repeat("word ", 19_900))},
	{"a name that may be missing", "x.en.md", written("Hello {{ member.first_name }}\n")},
	{"a card misspelt", "x.en.md", written("{{ card \"cofee\" }}\n")},
	{"a card without its name", "x.en.md", written("{{ card }}\n")},
	{"a card of a field", "x.en.md", written("{{ card member.id }}\n")},
	{"an unknown field of a card", "x.en.md", written("{{ (card \"coffee\").mising }}\n")},
	{"rewards alone", "x.en.md", written("{{ rewards }}\n")},
	{"a field of the list of rewards", "x.en.md", written("{{ rewards.latte }}\n")},
	{"rewards misspelt", "x.en.md", written("{{ range reward }}{{ .name }}{{ end }}\n")},
	{"an unknown field of a reward", "x.en.md", written("{{ range rewards }}{{ .afordable }}{{ end }}\n")},
	{"a reward's field after the range", "x.en.md", written("{{ range rewards }}x{{ end }}{{ .price }}\n")},
	{"an odd span of a statement", "x.en.md", written("{{ statement \"month\" }}\n")},
	{"a statement without a span", "x.en.md", written("{{ statement }}\n")},
	{"a statement in a line", "x.en.md", written("See: {{ statement \"1m\" }}\n")},
	{"a statement in the subject", "x.en.md", "---\nsubject: {{ statement \"1m\" }}\n---\nHello\n"},
	{"a statement in a page", "x.en.html", written("<p>{{ statement \"1m\" }}</p>\n")},
	{"a statement in a range", "x.en.md", written("{{ range rewards }}\n{{ statement \"1m\" }}\n{{ end }}\n")},
	{"an unknown field of a statement", "x.en.md", written("{{ range statement \"1m\" }}{{ .amount }}{{ end }}\n")},
	{"points earned without a span", "x.en.md", written("{{ points.earned }}\n")},
	{"points earned in an odd span", "x.en.md", written("{{ points.earned \"year\" }}\n")},
	{"points earned in too long a span", "x.en.md", written("{{ points.earned \"3y\" }}\n")},
	{"points earned of a field", "x.en.md", written("{{ points.earned member.id }}\n")},
	{"points earned, compared without a span", "x.en.md", written("{{ if gt points.earned 100 }}x{{ end }}\n")},
	{"a span that is piped", "x.en.md", written("{{ \"12m\" | points.earned }}\n")},
	{"points earned misspelt", "x.en.md", written("{{ points.earnd \"12m\" }}\n")},
	{"a span behind another field", "x.en.md", written("{{ points.balance \"12m\" }}\n")},
	{"points earned as a table", "x.en.md", written("{{ range points.earned \"12m\" }}{{ .points }}{{ end }}\n")},
	{"a subject that may be empty", "x.en.md", "---\nsubject: {{ event.title }}\n---\nHello\n"},
}

func TestMistakesAreExplained(t *testing.T) {
	t.Parallel()
	var page strings.Builder
	for _, tt := range wrong {
		m, problems := templates.ParseMail(tt.file, []byte(tt.text), all)
		if len(problems) == 0 {
			t.Errorf("%s: no problem found in %q", tt.name, tt.text)
		}
		fmt.Fprintf(&page, "%s\n", tt.name)
		fatal := false
		for _, p := range problems {
			fmt.Fprintf(&page, "  %s\n", says(p))
			fatal = fatal || !p.Warning
		}
		if (m == nil) != fatal {
			t.Errorf("%s: ParseMail gives a mail: %v, problems: %v", tt.name, m != nil, problems)
		}
	}
	golden(t, "wrong.txt", page.String())
}

func says(p templates.Problem) string {
	s := fmt.Sprintf("%s:%d:%d: %s", p.File, p.Line, p.Column, p.Text)
	if p.Try != "" {
		s += " → " + p.Try
	}
	if p.Warning {
		s += " (warning)"
	}
	return s
}

func TestWhatTheCampaignDoesNotGiveIsSaid(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ body, want string }{
		{"{{ coupon.code }}\n", "x.en.md:4:4: this mail's step gives no coupon → add coupon: POOL to its step in campaign.yaml, or write it between {{ if coupon }} and {{ end }}"},
		{"{{ if coupon }}{{ coupon.code }}{{ else }}none{{ end }}\n", ""},
		{"{{ if coupon }}x{{ else }}{{ coupon.code }}{{ end }}\n", "x.en.md:4:30: this mail's step gives no coupon → add coupon: POOL to its step in campaign.yaml, or write it between {{ if coupon }} and {{ end }}"},
		{"{{ if and coupon (eq coupon.code \"A\") }}{{ coupon.code }}{{ end }}\n", ""},
		{"{{ if or coupon (eq coupon.code \"A\") }}x{{ end }}\n", "x.en.md:4:21: this mail's step gives no coupon → add coupon: POOL to its step in campaign.yaml, or write it between {{ if coupon }} and {{ end }}"},
		{"{{ order.total }}\n", "x.en.md:4:4: no order starts this campaign → write it between {{ if order }} and {{ end }}"},
		{"{{ event.type }}\n", "x.en.md:4:4: no event starts this campaign → write it between {{ if event }} and {{ end }}"},
		{"{{ milestone.value }}\n", "x.en.md:4:4: no milestone starts this campaign → write it between {{ if milestone }} and {{ end }}"},
		{"{{ launch.headline }}\n", "x.en.md:4:4: there is no launch.headline → a launch's own values are named in the campaign's start: {launch: {…}}"},
		{"{{ if member.first_name }}{{ member.first_name }}{{ end }}\n", ""},
		{"{{ member.plan }}\n", "x.en.md:4:4: there is no member.plan; member has birthday, country, email, first_name, first_order, id, joined, language, last_name, last_order, name, orders, points, spent, tags → a field of your own is declared under attributes in program.yaml"},
	} {
		_, problems := templates.ParseMail("x.en.md", []byte(written(tt.body)), templates.Fields{})
		got := ""
		for _, p := range problems {
			got += says(p)
		}
		if got != tt.want {
			t.Errorf("ParseMail(%q) says %q, want %q", tt.body, got, tt.want)
		}
	}
}

func TestWhatEditorsAddDoesNotMatter(t *testing.T) {
	t.Parallel()
	text := "---\nsubject: a: b # c \"d\" {{ member.id }}\npreheader:   - x: [y\n---\n# Hello\n\n- a\n- b\n"
	want := render(t, parse(t, "x.en.md", text, all), all.Sample(), shop)
	got := render(t, parse(t, "x.en.md", "\ufeff"+strings.ReplaceAll(text, "\n", "\r\n"), all), all.Sample(), shop)
	if got != want {
		t.Errorf("with a byte order mark and CRLF the mail is\n%v\nwant\n%v", got, want)
	}
	if want.Subject != `a: b # c "d" id` || want.Preheader != "- x: [y" {
		t.Errorf("front matter is read as %q, %q, want it literally", want.Subject, want.Preheader)
	}
}
