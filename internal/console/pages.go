package console

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"html/template"
	"math"
	"net/http"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"regulars/internal/look"
	"regulars/internal/loyalty"
	"regulars/internal/marketing"
	"regulars/internal/report"
	"regulars/internal/store"
	"regulars/internal/versions"
	"regulars/templates"
)

//go:embed pages words
var files embed.FS

// pages are the templates, one per file beside the frame, and what they need.
type pages struct {
	templates map[string]func() *template.Template // parsed when the page is first asked for
	words     templates.Words
	style     []byte
	script    []byte
	passkey   []byte // the script for passkeys
	mark      string // of style and scripts: another one is another address
}

func newPages() *pages {
	own, _ := files.ReadFile("pages/style.css") // embedded: they are there
	script, _ := files.ReadFile("pages/live.js")
	passkey, _ := files.ReadFile("pages/passkey.js")
	text, _ := files.ReadFile("words/en.yaml")
	words, err := templates.WordsFrom("en", text)
	if err != nil {
		panic(fmt.Errorf("words/en.yaml: %w", err))
	}
	p := &pages{templates: map[string]func() *template.Template{}, words: words, style: append([]byte(look.Base), own...), script: script, passkey: passkey}
	sum := sha256.Sum256(slices.Concat(p.style, script, passkey))
	p.mark = hex.EncodeToString(sum[:6])
	funcs := template.FuncMap{
		"say":    func(key string, put ...any) any { return coded(words.Say(key, texts(put)...)) },
		"coded":  coded,
		"sayof":  func(key string, n int64) string { return words.SayOf(key, n) },
		"n":      func(n int64) string { return words.Number(n) },
		"state":  func(state string) string { return named(words, "states", state) },
		"reason": func(reason string) string { return named(words, "reasons", reason) },
		"share":  share,
		"date":   words.Day,
		"mark":   func() string { return p.mark },
		"hue":    hue,
		"len64":  func(list any) int64 { return int64(reflect.ValueOf(list).Len()) },
		"next":   func(i int) int { return i + 1 },

		"sentence": sentence,
		"worded":   func(name string) string { return strings.ReplaceAll(name, "_", " ") },
		"spaced":   func(list string) string { return strings.ReplaceAll(list, ",", ", ") },
		"drawn":    shown,
		"beneath":  beneath,

		// What a part of a page is given.
		"pair": func(here, name, to string) any {
			return struct {
				Name, To string
				Here     bool
			}{name, to, here == name}
		},
		"at": func(campaign string, s step) any {
			return struct {
				Campaign string
				Step     step
			}{campaign, s}
		},
		"use": func(of mailUse, figure string, n int64) any {
			return struct {
				Of     mailUse
				Figure string
				N      int64
			}{of, figure, n}
		},
		"kept": func(f frame, parts []report.Kept, all int64) any {
			return struct {
				Frame frame
				Parts []report.Kept
				All   int64
			}{f, parts, all}
		},
		"answer": func(t try, f frame) any {
			return struct {
				try
				Frame frame
			}{t, f}
		},
		"counts": func(view interface {
			Frame() frame
			Counting() counting
		}, to, name, value string) any {
			return struct {
				Frame           frame
				Of              counting
				To, Name, Value string
			}{view.Frame(), view.Counting(), to, name, value}
		},
		"somebody": func(f frame, some []report.Member) any {
			return struct {
				Frame frame
				Some  []report.Member
			}{f, some}
		},
	}
	all, _ := files.ReadDir("pages")
	for _, file := range all {
		name, isPage := strings.CutSuffix(file.Name(), ".html")
		if !isPage || name == "frame" || name == "parts" {
			continue
		}
		p.templates[name] = sync.OnceValue(func() *template.Template {
			return template.Must(template.New("frame.html").Funcs(funcs).ParseFS(files, "pages/frame.html", "pages/parts.html", "pages/"+name+".html"))
		})
	}
	return p
}

// coded is a text in which what stands between backticks is code, as in the catalogue and
// in help pages.
func coded(text string) any {
	if !strings.Contains(text, "`") {
		return text
	}
	return template.HTML(inBackticks.ReplaceAllString(template.HTMLEscapeString(text), "<code>$1</code>"))
}

var inBackticks = regexp.MustCompile("`([^`]+)`")

// shown is a picture in a page, which plot made: it escapes what comes from outside. The
// style sheet shows that for a narrow screen there, and the other one elsewhere.
func shown(d report.Drawing) template.HTML {
	if d.Slim == "" {
		return template.HTML(d.Wide)
	}
	return template.HTML(`<div class="broad">` + d.Wide + `</div><div class="slim">` + d.Slim + `</div>`)
}

// beneath is a picture under a heading that says what the picture's own says: it is not
// said twice.
func beneath(heading string, d report.Drawing) template.HTML {
	if !strings.Contains(d.Wide, `aria-label="`+template.HTMLEscapeString(heading)+`"`) {
		return shown(d)
	}
	return `<div class="headed">` + shown(d) + `</div>`
}

func texts(put []any) (all []string) {
	for _, v := range put {
		all = append(all, fmt.Sprint(v))
	}
	return all
}

// named is the text of a key of a group, or the key itself as words.
func named(words templates.Words, group, key string) string {
	first, rest, more := strings.Cut(key, ": ")
	text := words.Say(group + "." + strings.ReplaceAll(first, " ", "_"))
	if text == "" {
		text = strings.ReplaceAll(first, "_", " ")
	}
	if more {
		text += ": " + rest
	}
	return text
}

// sentence is a text that begins with a capital letter; one in capitals has no others.
func sentence(text string) string {
	if text == strings.ToUpper(text) {
		text = strings.ToLower(text)
	}
	first, size := utf8.DecodeRuneInString(text)
	return string(unicode.ToUpper(first)) + text[size:]
}

// share is the part of a whole in percent.
func share(part, whole int64) int {
	if whole <= 0 {
		return 0
	}
	return int(math.Round(100 * float64(min(part, whole)) / float64(whole)))
}

// hue is the class of a state's colour.
func hue(state string) string {
	switch state {
	case marketing.Live, "sending", "finished", "sent", "yes", "paid", "redeemed", "in force", "done", marketing.InEffect:
		return "good"
	case marketing.Held, marketing.Paused, marketing.Aside, "failed", "unknown", "bounced", "complained", "no", marketing.Dropped:
		return "bad"
	}
	return ""
}

// show writes a page.
func (p *pages) show(w http.ResponseWriter, status int, name string, data any) error {
	var b bytes.Buffer
	if err := p.templates[name]().Execute(&b, data); err != nil {
		return fmt.Errorf("page %s: %w", name, err)
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes()) // the browser has gone away: nobody to tell
	return nil
}

// file answers with the style sheet or a script, whose addresses change with them.
func (c *Console) file(w http.ResponseWriter, r *http.Request, _ visitor) error {
	var body []byte
	switch r.PathValue("name") {
	case "style-" + c.pages.mark + ".css":
		w.Header().Set("Content-Type", "text/css; charset=utf-8")
		body = c.pages.style
	case "live-" + c.pages.mark + ".js":
		w.Header().Set("Content-Type", "text/javascript; charset=utf-8")
		body = c.pages.script
	case "passkey-" + c.pages.mark + ".js":
		w.Header().Set("Content-Type", "text/javascript; charset=utf-8")
		body = c.pages.passkey
	default:
		return store.ErrNotFound
	}
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	_, _ = w.Write(body)
	return nil
}

// frame is what every page shows around its own part.
type frame struct {
	Title    string
	Here     string // the part of the console that the page belongs to
	Shop     string // "": no program has been applied yet
	User     string // "": nobody has signed in
	AtHome   bool   // at the machine itself: nobody was asked who they are
	Inbox    bool
	People   bool // the visitor may see who members are
	Marketer bool // what the visitor may do
	Launcher bool
	Admin    bool
	Done     string // what was done just now
	Ways     ways   // by what one signs in, or proves once more who one is
	Refresh  int    // seconds after which a browser without script loads it again; 0: never
	Now      loyalty.Instant
	zone     *time.Location
	currency string
	words    templates.Words
}

// frameWithout is the frame of a page that knows nothing of the shop.
func (c *Console) frameWithout(r *http.Request, u visitor, title string) frame {
	f := frame{Title: title, User: u.name, AtHome: u.here, Inbox: c.Inbox && u.here, People: u.people(), Marketer: u.role.May("marketer"),
		Launcher: u.role.May("launcher"), Admin: u.role.May("admin"), Ways: c.ways(r, u), Now: loyalty.At(c.DB.Now()), zone: time.UTC, words: c.pages.words}
	if done := r.URL.Query().Get("done"); r.Method == http.MethodGet && done != "" && len(done) < 30 {
		f.Done = c.pages.words.Say("done." + done)
	}
	return f
}

// frame is the frame of a page, with the shop's name, zone and currency.
func (c *Console) frame(tx *store.Tx, r *http.Request, u visitor, here, title string) (f frame, err error) {
	f = c.frameWithout(r, u, title)
	f.Here, f.Now, f.currency = here, tx.At, "EUR"
	v, err := versions.Active(tx)
	if errors.Is(err, versions.ErrNoProgram) {
		f.zone, err = tx.Zone()
		return f, err
	}
	if err != nil {
		return f, err
	}
	f.Shop, f.zone, f.currency = v.Program.Shop.Name, v.Program.Zone, v.Program.Currency
	return f, nil
}

// topics are what help says more of, by the parts of the console.
var topics = map[string]string{"program": "files", "campaigns": "files", "segments": "rules", "codes": "coupons", "loyalty": "points", "runs": "troubleshooting", "jobs": "troubleshooting", "deliverability": "deliverability", "settings": "production"}

// HelpTopic is what helps with the page; "" is all of help.
func (f frame) HelpTopic() string { return topics[f.Here] }

// Frame is the frame itself, for the parts of a page.
func (f frame) Frame() frame { return f }

// When writes a moment in the shop's zone; Clock only its time of day.
func (f frame) When(t loyalty.Instant) string  { return t.In(f.zone).Format("2 Jan 2006, 15:04") }
func (f frame) Clock(t loyalty.Instant) string { return t.In(f.zone).Format("15:04") }

// Iso writes a moment for machines.
func (f frame) Iso(t loyalty.Instant) string { return t.In(f.zone).Format(time.RFC3339) }

// Money writes an amount of minor units.
func (f frame) Money(minor int64) string { return f.words.Money(minor, f.currency) }

// Today is the shop's present day.
func (f frame) Today() loyalty.Day { return loyalty.DayOf(f.Now.Time, f.zone) }

// Weekday writes a day as the heading of a calendar.
func (f frame) Weekday(d loyalty.Day) string {
	switch d - f.Today() {
	case 0:
		return f.words.Say("today.day")
	case 1:
		return f.words.Say("today.tomorrow")
	}
	return d.UTC().Format("Monday 2 January")
}

// Called is what a member is called: by name, else by the shop's id, and for whoever may
// not see who members are by a number.
func (f frame) Called(m report.Member) string {
	if !f.People {
		return f.numbered(m.Number)
	}
	if name := strings.TrimSpace(m.FirstName + " " + m.LastName); name != "" {
		return name
	}
	return m.ID
}

// numbered names a member by their number: no count, so that nothing stands between its
// thousands.
func (f frame) numbered(number int64) string {
	return f.words.Say("members.number", strconv.FormatInt(number, 10))
}

// Impersonal is why something failed or was paused, and for whoever may not see who
// members are without what it says of one mail.
func (f frame) Impersonal(because string) string {
	if !f.People {
		because, _, _ = strings.Cut(because, ": ")
	}
	return because
}

// Somebody is Called where only number and name are known.
func (f frame) Somebody(number int64, name string) string {
	return f.Called(report.Member{Number: number, ID: f.numbered(number), FirstName: name})
}
