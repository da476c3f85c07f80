package embedded

import (
	"bytes"
	"context"
	"embed"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"regulars/internal/loyalty"
)

//go:embed pages/*.html pages/*.css
var pages embed.FS

// InboxOptions are what the pages may be told.
type InboxOptions struct {
	Base   string                               // path under which they are served, "/inbox"; "" is the root
	Status string                               // where the page of the status is, for a link to it; "" none
	Zone   func(context.Context) *time.Location // in which times are shown, now; nil: UTC
}

// inbox shows what a sink keeps.
type inbox struct {
	sink  *Sink
	opts  InboxOptions
	base  string
	style template.CSS
	list  *template.Template
	mail  *template.Template
	lost  *template.Template
}

// NewInbox returns the pages of a sink:
//
//	GET {base}                 the list, newest first; ?q= searches, ?before= pages, ?live=1 keeps looking
//	GET {base}/{number}        one mail; ?view=html|text|headers|source, ?width=320|600, ?pictures=1
//	GET {base}/{number}/source its bytes, for download
//
// Whoever may open them sees every mail and can use the links in it. The pages
// need no script and load nothing; a mail's own pictures stay away until they
// are asked for, so that looking at a mail does not count as opening it.
func NewInbox(s *Sink, o InboxOptions) http.Handler {
	style, _ := pages.ReadFile("pages/inbox.css") // embedded: it is there
	if o.Zone == nil {
		o.Zone = func(context.Context) *time.Location { return time.UTC }
	}
	in := &inbox{sink: s, opts: o, base: strings.TrimRight(o.Base, "/"), style: template.CSS(style)}
	in.list, in.mail, in.lost = in.page("list"), in.page("mail"), in.page("lost")
	mux := http.NewServeMux()
	if in.base != "" {
		mux.HandleFunc("GET "+in.base, in.showList)
	}
	mux.HandleFunc("GET "+in.base+"/{$}", in.showList)
	mux.HandleFunc("GET "+in.base+"/{number}", in.showMail)
	mux.HandleFunc("GET "+in.base+"/{number}/source", in.download)
	return mux
}

func (in *inbox) page(name string) *template.Template {
	funcs := template.FuncMap{
		"base":   func() string { return in.base },
		"status": func() string { return in.opts.Status },
		"style":  func() template.CSS { return in.style },
		"when":   func(t time.Time) string { return t.Format("2 Jan 2006, 15:04") },
		"short":  func(t time.Time) string { return t.Format("2 Jan, 15:04") },
		"iso":    func(t time.Time) string { return t.Format(time.RFC3339) },
		"face":   face,
		"count":  loyalty.Count,
	}
	return template.Must(template.New("frame.html").Funcs(funcs).ParseFS(pages, "pages/frame.html", "pages/"+name+".html"))
}

// show writes a page. pictures lets a mail load what it refers to.
func (in *inbox) show(w http.ResponseWriter, status int, t *template.Template, data any, pictures bool) {
	var out bytes.Buffer
	if err := t.Execute(&out, data); err != nil {
		http.Error(w, "Something went wrong on our side.", http.StatusInternalServerError)
		return
	}
	images := "data:"
	if pictures {
		images += " http: https:"
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; img-src "+images+
		"; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	out.WriteTo(w)
}

// perPage is how many mails a list shows.
const perPage = 50

// listPage is what the list's page shows.
type listPage struct {
	Title         string
	Query         string
	Live          bool
	Mails         []Mail
	Found         int64 // of those kept; with a query, those that match
	Taken, Kept   int64
	Newest, Older string // links; empty: there is no such page
	LiveLink      string
}

func (in *inbox) showList(w http.ResponseWriter, r *http.Request) {
	q := strings.TrimSpace(r.FormValue("q"))
	before, _ := strconv.ParseInt(r.FormValue("before"), 10, 64)
	live := r.FormValue("live") != ""
	all := in.sink.Mails()
	p := listPage{Title: "Inbox", Query: q, Live: live, Taken: in.sink.Count(), Kept: int64(len(all))}
	if before > 0 {
		p.Newest = in.listLink(q, 0, live)
	}
	p.choose(all, q, before)
	if n := len(p.Mails); n > perPage {
		p.Mails = p.Mails[:perPage]
		p.Older = in.listLink(q, p.Mails[perPage-1].Seq, live)
	}
	zone := in.opts.Zone(r.Context())
	for i := range p.Mails {
		p.Mails[i].At = p.Mails[i].At.In(zone)
	}
	p.LiveLink = in.listLink(q, 0, !live)
	in.show(w, http.StatusOK, in.list, p, false)
}

// choose picks the mails that match, newest first, one more than a page holds.
func (p *listPage) choose(all []Mail, q string, before int64) {
	for i := len(all) - 1; i >= 0; i-- {
		m := all[i]
		if !m.matches(q) {
			continue
		}
		p.Found++
		if (before == 0 || m.Seq < before) && len(p.Mails) <= perPage {
			p.Mails = append(p.Mails, m)
		}
	}
}

// matches reports whether a mail's recipient, sender or subject holds all words.
func (m Mail) matches(words string) bool {
	text := strings.ToLower(m.To + "\n" + m.From + "\n" + m.Subject)
	for word := range strings.FieldsSeq(strings.ToLower(words)) {
		if !strings.Contains(text, word) {
			return false
		}
	}
	return true
}

func (in *inbox) listLink(q string, before int64, live bool) string {
	v := url.Values{}
	if q != "" {
		v.Set("q", q)
	}
	if before > 0 {
		v.Set("before", strconv.FormatInt(before, 10))
	}
	if live {
		v.Set("live", "1")
	}
	if len(v) == 0 {
		return in.base + "/"
	}
	return in.base + "/?" + v.Encode()
}

func (in *inbox) download(w http.ResponseWriter, r *http.Request) {
	m, ok := in.find(r)
	if !ok {
		in.show(w, http.StatusNotFound, in.lost, in.lostPage(), false)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "message/rfc822")
	h.Set("Content-Disposition", fmt.Sprintf(`attachment; filename="mail-%d.eml"`, m.Seq))
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	w.Write(m.Source)
}

func (in *inbox) find(r *http.Request) (Mail, bool) {
	seq, err := strconv.ParseInt(r.PathValue("number"), 10, 64)
	if err != nil {
		return Mail{}, false
	}
	return in.sink.Find(seq)
}

// lostPage says that a mail is not there.
func (in *inbox) lostPage() any {
	return struct {
		Title string
		Kept  int64
	}{"No such mail", int64(in.sink.opts.Keep)}
}

// Snippet returns the first words of the text part, for lists.
func (m Mail) Snippet() string {
	words := strings.Fields(m.Text())
	for i := range words {
		if i == 40 {
			words = words[:i]
			break
		}
	}
	return strings.Join(words, " ")
}

// face returns the letter and the number of a colour that stand for an address.
func face(address string) struct {
	Letter string
	Colour int
} {
	letter, sum := "?", 0
	for i, r := range address {
		if i == 0 {
			letter = strings.ToUpper(string(r))
		}
		sum += int(r)
	}
	return struct {
		Letter string
		Colour int
	}{letter, sum % 6}
}
