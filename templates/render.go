package templates

import (
	_ "embed"
	"errors"
	"fmt"
	htmltemplate "html/template"
	"maps"
	"regexp"
	"strings"
	texttemplate "text/template"
	"time"
)

// Data is what a mail may show: member, coupon, order, event, launch, milestone
// and links, each a map[string]any of field → value (Fields lists them).
// A root that is missing or nil is false in {{ if }}; a known field that is missing
// is empty. shop comes from the Brand.
type Data map[string]any

// Brand is the shop as every mail of it shows it.
type Brand struct {
	Name     string // in the header and the footer; required
	URL      string
	Address  string // the postal address; required
	Language string // for mails whose file names no language; "" is English
	Currency string // ISO 4217
	Zone     *time.Location
	Color    string                  // of buttons and links, #rrggbb; "" a quiet green
	Logo     string                  // https address of a picture, at most 280 px wide; "" the name in letters
	Pixel    string                  // https address of a picture of one pixel at the end of the page; "" none
	Pictures string                  // the address that the program's own pictures are below, without a slash at its end
	Link     func(url string) string // rewrites each web link of the mail but those of Data's links and referral; nil: they stay as they are
}

// Rendered is a mail for one member.
type Rendered struct {
	Subject   string `json:"subject"`   // one line
	Preheader string `json:"preheader"` // one line
	HTML      string `json:"html"`
	Text      string `json:"text"`
	FromName  string `json:"from_name"` // the sender's name for this mail; "" the program's
	Language  string `json:"language"`  // BCP 47
}

// Errors of Render that are about the caller's data rather than the mail.
var (
	ErrNoUnsubscribe = errors.New("a mail needs links.unsubscribe")
	ErrNoSender      = errors.New("a mail needs the shop's name and postal address")
	ErrNoSubject     = errors.New("the subject comes out empty")
	ErrTooLong       = errors.New("the mail comes out too long")
)

//go:embed layout.html
var layoutHTML string

//go:embed layout.txt
var layoutText string

// engines are a mail's templates, one for each part.
type engines struct {
	subject, preheader, text *texttemplate.Template
	html                     *htmltemplate.Template
}

// compile hands the parts to the template engines, the bodies inside the layout.
func (s *source) compile(p parts) (engines, []Problem) {
	var e engines
	var problems []Problem
	try := func(at int, err error) {
		if err != nil {
			problems = append(problems, s.problem(at, "", "%s", plainError(err)))
		}
	}
	var err error
	e.subject, err = newText().Parse(p.subject)
	try(s.keys["subject"].start, err)
	e.preheader, err = newText().Parse(p.preheader)
	try(s.keys["preheader"].start, err)
	if e.text, err = newText().Parse(strings.TrimSpace(layoutText)); err == nil {
		_, err = e.text.New("body").Parse(p.text)
	}
	try(s.body, err)
	e.html, err = htmltemplate.New("mail").Option("missingkey=error").Funcs(calls()).Funcs(pageCalls()).
		Parse(strings.NewReplacer("DARK-ACCENT", darkAccentSign, "DARK-TINT", darkTintSign).Replace(layoutHTML))
	if err == nil {
		_, err = e.html.New("body").Parse(p.html)
	}
	try(s.body, err)
	return e, problems
}

func newText() *texttemplate.Template {
	return texttemplate.New("mail").Option("missingkey=error").Funcs(calls())
}

// pageCalls are what the layout alone may call.
func pageCalls() map[string]any {
	return map[string]any{
		// filler keeps the mail's first words out of the preview line.
		"filler": func() htmltemplate.HTML {
			return htmltemplate.HTML(strings.Repeat("&#847;&zwnj;&nbsp;", 60))
		},
		// conditional writes an edge of a comment that Outlook reads.
		"conditional": func(edge string) htmltemplate.HTML { return htmltemplate.HTML(edge) },
		// outlook frames the mail for Outlook on Windows, which knows no max-width.
		// As a function, because html/template drops comments.
		"outlook": func(which string) htmltemplate.HTML {
			if which == "open" {
				return `<!--[if mso]><table role="presentation" width="600" align="center" cellpadding="0" cellspacing="0" border="0"><tr><td><![endif]-->`
			}
			return `<!--[if mso]></td></tr></table><![endif]-->`
		},
	}
}

// Render makes the mail for one member. The error names the file; it is one of
// the sentinels above, or what the mail wants of the data and does not get.
func (m *Mail) Render(d Data, b Brand) (Rendered, error) {
	r, err := m.render(d, b)
	if err != nil {
		return Rendered{}, fmt.Errorf("%s: %w", m.File, err)
	}
	return r, nil
}

func (m *Mail) render(d Data, b Brand) (Rendered, error) {
	e := m.env(b)
	roots := e.values(m.fields, d)
	roots["shop"] = map[string]any{"name": clean(b.Name), "url": webLink(b.URL), "address": clean(b.Address)}
	links, _ := roots["links"].(map[string]any)
	switch {
	case clean(b.Name) == "" || clean(b.Address) == "":
		return Rendered{}, ErrNoSender
	case !m.known.Service && clean(links["unsubscribe"]) == "":
		return Rendered{}, ErrNoUnsubscribe
	case links == nil:
		roots["links"] = e.fields("links", map[string]any{}, m.fields["links"])
	}
	roots["look"] = e.look(roots)
	if m.known.Stranger { // the footer is not for customers: they have nothing to unsubscribe from
		look, links := roots["look"].(map[string]any), maps.Clone(roots["links"].(map[string]any))
		look["footer"] = look["shop"]
		links["unsubscribe"], links["preferences"] = "", ""
		roots["links"] = links
	}
	return m.write(roots, e)
}

// env is the language and money of this mail.
func (m *Mail) env(b Brand) *env {
	e := &env{lang: m.Language, words: m.words, currency: b.Currency, brand: b}
	if e.lang == "" && b.Language != "" {
		e.lang, e.words = b.Language, WordsIn(m.known.Own, b.Language)
	}
	if e.lang == "" {
		e.lang = "en"
	}
	return e
}

func (m *Mail) write(roots map[string]any, e *env) (Rendered, error) {
	r := Rendered{FromName: m.FromName, Language: e.lang}
	subject, err := limited(m.engines.subject.Execute, roots)
	if err != nil {
		return r, err
	}
	preheader, err := limited(m.engines.preheader.Execute, roots)
	if err != nil {
		return r, err
	}
	r.Subject, r.Preheader = oneLine(subject, 250), oneLine(preheader, 250)
	if r.Subject == "" {
		return r, ErrNoSubject
	}
	withMail := maps.Clone(roots)
	withMail["mail"] = map[string]any{"subject": r.Subject, "preheader": r.Preheader}
	page, err := limited(m.engines.html.Execute, withMail)
	if err != nil {
		return r, err
	}
	text, err := limited(m.engines.text.Execute, withMail)
	if err != nil {
		return r, err
	}
	own := func(to string) bool {
		links, _ := roots["links"].(map[string]any)
		for _, link := range links {
			if link == to {
				return true
			}
		}
		referral, _ := roots["referral"].(map[string]any)
		return referral["link"] == to // the member hands it on: a click of a friend's is not theirs
	}
	r.HTML, r.Text = relink(colored(page, e.brand), own, e.brand.Link), string(appendTidy(nil, []byte(text), own, e.brand.Link))
	return r, nil
}

var href = regexp.MustCompile(`href="([^"]*)"`)
