package templates_test

import (
	"strings"
	"testing"

	"regulars/templates"
)

func TestWhatIsForOutlookIsKept(t *testing.T) {
	t.Parallel()
	const text = `---
subject: Our autumn sale
---
<!-- a note of ours -->
<!--[if mso]><table role="presentation" width="480"><tr><td><![endif]-->
<div style="max-width: 480px"><p>Everything at half price.</p></div>
<!--[if mso]></td></tr></table><![endif]-->
<!--[if (gte mso 9)|(IE)]><p>Outlook says hello to {{ member.first_name | default "you" }}{{ if order }}, order {{ order.id }}{{ end }}.</p><![endif]-->
<!--[if mso]><v:roundrect xmlns:v="urn:schemas-microsoft-com:vml" href="https://shop.example/{{ member.id }}?a=1&amp;n={{ member.first_name }}" style="height:40px" arcsize="10%" fillcolor="#1f6b4f"><w:anchorlock/><center>Shop</center></v:roundrect><![endif]-->
<!--[if !mso]><!--><p>All others, {{ member.first_name }}</p><!--<![endif]-->
<![if !mso]><p>Others again</p><![endif]>
<!--[if !mso]><!-- --><b>Once more</b><!-- <![endif]-->
`
	m, problems := templates.ParseMail("x.en.html", []byte(text), templates.Fields{})
	for _, p := range problems {
		if !p.Warning {
			t.Error(says(p))
		}
	}
	if m == nil {
		t.FailNow()
	}
	d := templates.Data{
		"member": map[string]any{"id": "M-1", "first_name": `A--><script>alert("1")</script>]>`},
		"links":  map[string]any{"unsubscribe": "https://mail.shop.example/u/1"},
	}
	r, err := m.Render(d, templates.Brand{Name: "Anna", Address: "Street 1", Link: func(to string) string { return "https://mail.shop.example/c/?" + to }})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`<!--[if mso]><table role="presentation" width="480"><tr><td><![endif]-->`, `<!--[if mso]></td></tr></table><![endif]-->`,
		`<!--[if (gte mso 9)|(IE)]><p>Outlook says hello to A--&gt;&lt;script&gt;`, `]&gt;.</p><![endif]-->`,
		`<!--[if mso]><v:roundrect xmlns:v="urn:schemas-microsoft-com:vml" href="https://mail.shop.example/c/?https://shop.example/M-1?`, `<w:anchorlock/>`,
		`<!--[if !mso]><!--><p>All others, A--&gt;`, `</p><!--<![endif]-->`,
		`<![if !mso]><p>Others again</p><![endif]>`, `<!--[if !mso]><!-- --><b>Once more</b><!-- <![endif]-->`,
	} {
		if !strings.Contains(r.HTML, want) {
			t.Errorf("the page lacks %q:\n%s", want, r.HTML)
		}
	}
	if strings.Contains(r.HTML, "a note of ours") || strings.Contains(r.HTML, "<script") || strings.Contains(r.HTML, "{{") {
		t.Errorf("the page has a note, a script or an action:\n%s", r.HTML)
	}
	for _, unwanted := range []string{"Outlook says", "[if", "endif"} {
		if strings.Contains(r.Text, unwanted) {
			t.Errorf("the text has %q:\n%s", unwanted, r.Text)
		}
	}
	for _, want := range []string{"Everything at half price.", "All others", "Others again", "Once more"} {
		if !strings.Contains(r.Text, want) {
			t.Errorf("the text lacks %q:\n%s", want, r.Text)
		}
	}
}

func TestConditionalCommentsThatCannotBeKeptAreNamed(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ file, body, want string }{
		{"x.en.html", "<p>Hello</p>\n<!--[if mso]><table>-->\n", "x.en.html:5:1: this conditional comment is not ended by <![endif]-->"},
		{"x.en.html", "<!--[if !mso]><!--><p>Hello</p>\n", "x.en.html:4:1: this conditional comment is never ended"},
		{"x.en.html", "<p>Hello</p><!--<![endif]-->\n", "x.en.html:4:13: this <![endif] ends no conditional comment"},
		{"x.en.html", "<p>Hello</p><!--[if mso]><script>x</script><![endif]-->\n", "<script> is not possible in a mail"},
		{"x.en.html", "<p>Hello</p><!--[if mso]><v:rect onclick=\"x\"><![endif]-->\n", "<v:rect onclick=…> is not possible in a mail"},
		{"x.en.html", "<p>Hello</p><!--[if mso]><a href=\"shop.example\">x</a><![endif]-->\n", "x.en.html:4:26: "},
		{"x.en.html", "<p>Hello</p><!--[if mso]>{{ if order }}x<![endif]-->{{ end }}\n", "begins inside a conditional comment"},
		{"x.en.html", "<p>Hello</p>{{ if order }}<!--[if mso]>{{ end }}x<![endif]-->\n", "ends inside a conditional comment"},
		{"x.en.html", "<p>Hello</p><!--[if {{ member.id }}]>x<![endif]-->\n", "a conditional comment asks for something like mso"},
		{"x.en.html", "<p>Hello</p><!-- {{ member.id }} -->\n", "an action inside a note"},
		{"x.en.md", "Hello\n\n<!--[if mso]><b>x</b><![endif]-->\n", "are left out of a Markdown mail"},
	} {
		_, problems := templates.ParseMail(tt.file, []byte(written(tt.body)), templates.Fields{Order: true})
		var said []string
		for _, p := range problems {
			said = append(said, says(p))
		}
		if got := strings.Join(said, "\n"); !strings.Contains(got, tt.want) {
			t.Errorf("ParseMail(%s, %q) says %q, want %q", tt.file, tt.body, got, tt.want)
		}
	}
}
