package public

import (
	"bytes"
	"context"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"regulars/internal/look"
	"regulars/internal/store"
	"regulars/templates"
)

//go:embed pages
var pageFiles embed.FS

// pages are the templates, one per file beside the frame, and the policy that
// lets a browser use their one style sheet and nothing else: no script, no
// picture, nothing from elsewhere.
type pages struct {
	templates map[string]*template.Template
	policy    string
}

func newPages() *pages {
	own, _ := pageFiles.ReadFile("pages/style.css") // embedded: it is there
	style := append([]byte(look.Base), own...)
	sum := sha256.Sum256(style)
	p := &pages{
		templates: map[string]*template.Template{},
		policy: "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) +
			"'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
	}
	funcs := template.FuncMap{"style": func() template.CSS { return template.CSS(style) }}
	for _, name := range []string{"preferences", "member", "confirm", "join", "message", "front", "status"} {
		p.templates[name] = template.Must(template.New("frame.html").Funcs(funcs).ParseFS(pageFiles, "pages/frame.html", "pages/"+name+".html"))
	}
	return p
}

// frame is what every page shows around its own part.
type frame struct {
	Lang    string // BCP 47
	Title   string
	Shop    string // in the header; "" is Regulars itself
	ShopURL string
	Wide    bool // a page of tables
	Refresh int  // seconds after which it is loaded again; 0: never
}

// Initial is the shop's first letter, for the mark beside its name.
func (f frame) Initial() string {
	first, _ := utf8.DecodeRuneInString(f.Shop)
	return strings.ToUpper(string(first))
}

// show renders a whole page before the first byte goes out.
func (p *pages) show(w http.ResponseWriter, status int, name string, data any) error {
	var b bytes.Buffer
	if err := p.templates[name].Execute(&b, data); err != nil {
		return fmt.Errorf("page %s: %w", name, err)
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", p.policy)
	h.Set("X-Robots-Tag", "noindex")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes()) // the caller has gone away: nobody to tell
	return nil
}

// message shows a person what went wrong, in a language that their browser asks
// for, else in the shop's: the link does not say whose it is.
func (s *server) message(w http.ResponseWriter, r *http.Request, bad *refusal) error {
	shop := s.shopNow(r, bad)
	in := templates.WordsIn(shop.own, append(accepted(r), shop.languages...)...)
	title, words := in.Say("pages.sorry"), in.Say("pages.why")
	switch {
	case bad == testLink:
		title, words = in.Say("pages.test"), in.Say("pages.test_why")
	case bad == badLink:
		title, words = in.Say("pages.bad"), in.Say("pages.bad_why")
	case bad.status == http.StatusNotFound:
		title, words = in.Say("pages.lost"), in.Say("pages.lost_why")
	case bad.status < http.StatusInternalServerError && in.Lang == "en":
		title, words = http.StatusText(bad.status), bad.words // nobody comes here by a link of ours
	}
	return s.pages.show(w, bad.status, "message", struct {
		frame
		Words string
	}{frame{Lang: in.Lang, Title: title}, words})
}

// shopNow is the shop in whose words somebody is told what went wrong, as it was seen
// a moment ago. The database is not asked when it may be at fault itself.
func (s *server) shopNow(r *http.Request, bad *refusal) (now shop) {
	if last := s.known.Load(); last != nil {
		now = *last
	}
	if bad.status >= http.StatusInternalServerError || time.Since(now.seen) < shopFor {
		return now
	}
	ctx, cancel := context.WithTimeout(r.Context(), shopWithin)
	defer cancel()
	_ = s.reads.View(ctx, func(tx *store.Tx) error { // without an answer, it is the shop as last seen
		found, err := s.shop(tx)
		if err == nil {
			now = found
		}
		return err
	})
	return now
}

// shopWithin is for how long it is asked for.
var shopWithin = time.Second

// shopFor is how long the shop is taken for what it was: anybody may ask for pages
// that there are not.
const shopFor = 5 * time.Second

// accepted are the languages that a browser asks for. Their order stands for
// their weights, as browsers send them.
func accepted(r *http.Request) (languages []string) {
	for part := range strings.SplitSeq(r.Header.Get("Accept-Language"), ",") {
		lang, _, _ := strings.Cut(part, ";")
		if lang = strings.TrimSpace(lang); lang != "" && len(languages) < 10 {
			languages = append(languages, lang)
		}
	}
	return languages
}

// front is what stands at the root: where the pages are.
func (s *server) front(w http.ResponseWriter, _ *http.Request) error {
	return s.pages.show(w, http.StatusOK, "front", struct {
		frame
		Inbox, Console bool
	}{frame{Lang: "en", Title: "Regulars"}, s.Inbox != nil, s.Console != nil})
}
