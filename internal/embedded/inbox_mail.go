package embedded

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// mailPage is what one mail's page shows.
type mailPage struct {
	Title    string
	Mail     Mail
	View     string // html | text | headers | source
	Views    []link
	Widths   []link
	Width    int    // of the frame in pixels; 0: all there is
	Document string // the HTML part as it goes into the frame
	Text     string
	Headers  []Header
	Source   string
	Pictures string // the link that loads them; empty: there are none, or they are loaded
	Newer    string
	Older    string
}

// link is one of several ways to look at the same thing.
type link struct {
	Name, To string
	Here     bool
}

// longestShown is how much of a source is shown in a page; the download has all.
const longestShown = 256 << 10

func (in *inbox) showMail(w http.ResponseWriter, r *http.Request) {
	m, ok := in.find(r)
	if !ok {
		in.show(w, http.StatusNotFound, in.lost, in.lostPage(), false)
		return
	}
	m.At = m.At.In(in.opts.Zone(r.Context()))
	html, pictures := m.HTML(), r.FormValue("pictures") != ""
	p := mailPage{Title: m.Subject, Mail: m, View: r.FormValue("view"), Newer: in.neighbour(m.Seq + 1), Older: in.neighbour(m.Seq - 1)}
	p.Width, _ = strconv.Atoi(r.FormValue("width"))
	if !slices.Contains(widths, p.Width) {
		p.Width = 0
	}
	p.links(in.base+"/"+strconv.FormatInt(m.Seq, 10), html != "", pictures)
	p.content(html)
	if p.View == "html" && !pictures && remotePicture.MatchString(html) {
		p.Pictures = p.to(in.base+"/"+strconv.FormatInt(m.Seq, 10), "html", p.Width, true)
	}
	in.show(w, http.StatusOK, in.mail, p, pictures)
}

// widths are those of a phone and of a mail program's reading pane.
var widths = []int{0, 600, 320}

// links fills in the ways to look at the mail, and the one taken.
func (p *mailPage) links(path string, html, pictures bool) {
	names := map[string]string{"html": "Mail", "text": "Text", "headers": "Headers", "source": "Source"}
	views := []string{"html", "text", "headers", "source"}
	if !html {
		views = views[1:]
	}
	if !slices.Contains(views, p.View) {
		p.View = views[0]
	}
	for _, v := range views {
		p.Views = append(p.Views, link{names[v], p.to(path, v, 0, false), v == p.View})
	}
	for _, w := range widths {
		name := map[int]string{0: "Full width", 600: "600 px", 320: "320 px"}[w]
		p.Widths = append(p.Widths, link{name, p.to(path, "html", w, pictures), w == p.Width})
	}
}

func (p *mailPage) to(path, view string, width int, pictures bool) string {
	v := url.Values{}
	if view != "html" {
		v.Set("view", view)
	}
	if width != 0 {
		v.Set("width", strconv.Itoa(width))
	}
	if pictures {
		v.Set("pictures", "1")
	}
	if len(v) == 0 {
		return path
	}
	return path + "?" + v.Encode()
}

// content fills in what the view shows.
func (p *mailPage) content(html string) {
	switch p.View {
	case "html":
		// Links must leave the frame: the page that they open may not run inside it.
		p.Document = `<base target="_blank">` + html
	case "text":
		p.Text = p.Mail.Text()
	case "headers":
		p.Headers = p.Mail.Headers()
	case "source":
		p.Source = strings.ToValidUTF8(string(p.Mail.Source[:min(len(p.Mail.Source), longestShown)]), "\uFFFD")
	}
}

// remotePicture finds what an HTML part would load.
var remotePicture = regexp.MustCompile(`(?i)(src|background|srcset)\s*=\s*["']?\s*https?:|url\(\s*["']?https?:`)

// neighbour returns the link to a mail, or "" when it is not kept.
func (in *inbox) neighbour(seq int64) string {
	if _, ok := in.sink.Find(seq); !ok {
		return ""
	}
	return in.base + "/" + strconv.FormatInt(seq, 10)
}
