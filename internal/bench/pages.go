package bench

import (
	"cmp"
	"context"
	"fmt"
	"html"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"regulars/internal/consent"
	"regulars/internal/console"
	"regulars/internal/delivery"
	"regulars/internal/engine"
	"regulars/internal/marketing"
	"regulars/internal/store"
	"regulars/internal/versions"
)

// Pages measures how fast the console answers in a large shop: every page that a link
// leads to, and what is asked by a form: somebody looked for, a rule counted as it is typed.
type Pages struct {
	DB      *store.DB // on Postgres, empty, or with such a shop in it that is opened as it is
	Members int
	Orders  int
	Seed    uint64
	Rounds  int                                                  // how often each is opened, once warm; 0: 3
	Watch   func(stage string, total int64) (tick func(n int64)) // as of Segments
}

// sampledFirst is the rule that reads more than facts: while all are counted, a sample of
// the members is told, after as long as a page may take and it takes.
const sampledFirst = "a rule beyond facts as it is typed, until its sample is told: " + windowed

const (
	pageLimit = 300 * time.Millisecond
	mornings  = 2 // midnights that pass before somebody opens the console
	alike     = 3 // so many pages of a kind are opened: members, versions, days
	mostPages = 600
)

// pagesOpened is such a measurement under way.
type pagesOpened struct {
	*measuring
	desk    http.Handler
	largest Figure
}

// asked is a page, or a form that is sent.
type asked struct {
	path string
	form url.Values // nil: it is opened
	kind string     // what is told of it: pages that differ by a number are of one kind
}

// Run makes the shop and opens its pages. A page that is refused or fails is an error.
func (p Pages) Run(ctx context.Context) (out Outcome, err error) {
	clock := engine.NewClock(Begin)
	m := &measuring{Segments: Segments{DB: p.DB, Members: p.Members, Orders: p.Orders, Seed: p.Seed, Rounds: cmp.Or(p.Rounds, 3), Watch: p.Watch},
		clock: clock, db: p.DB.Clock(clock.Now), times: map[string][]time.Duration{}, found: map[string]int64{}}
	m.world = newWorld(p.Members, p.Orders, p.Seed, Day(0))
	m.world.named = true
	o := &pagesOpened{measuring: m}
	if err := o.openShop(ctx); err != nil {
		return out, err
	}
	figures, err := o.measure(ctx)
	if err != nil {
		return out, err
	}
	if out, err = m.size(ctx); err != nil {
		return out, err
	}
	out.Figures = figures
	return out, nil
}

// measure follows the links of the console from its first page, and then opens all that it
// found in rounds. Of pages of a kind the slowest is told.
func (p *pagesOpened) measure(ctx context.Context) (figures []Figure, err error) {
	sender := delivery.New(delivery.Config{DB: p.db, Programs: versions.Programs{DB: p.db}, Links: consent.NewLinks("https://mail.shop.example", [][]byte{[]byte("of a made-up shop")}), Secret: []byte("of a made-up shop")})
	p.desk = (&console.Console{DB: p.db, Marketer: marketing.Marketer{DB: p.db, Sender: sender}, Open: true, Log: slog.New(slog.DiscardHandler)}).Handler()
	all, err := p.follow(ctx)
	if err != nil {
		return nil, err
	}
	tick := p.watch("pages", int64(p.Rounds*len(all)))
	for range p.Rounds {
		for _, a := range all {
			took, _, err := p.open(ctx, a)
			if err != nil {
				return nil, err
			}
			p.times[a.path+"?"+a.form.Encode()] = append(p.times[a.path+"?"+a.form.Encode()], took)
			tick(1)
		}
	}
	look, err := p.look(ctx)
	if err != nil {
		return nil, err
	}
	p.largest.Bytes += look
	p.largest.Target, p.largest.Met = "< 90 KiB", p.largest.Bytes <= 90<<10
	slowest := map[string]time.Duration{}
	for _, a := range all {
		slowest[a.kind] = max(slowest[a.kind], median(p.times[a.path+"?"+a.form.Encode()]))
		p.found[a.kind]++
	}
	for kind, took := range slowest {
		f := Figure{Work: kind, Took: took, Found: p.found[kind]}
		if kind != sampledFirst {
			f = f.under(pageLimit)
		}
		figures = append(figures, f)
	}
	slices.SortFunc(figures, func(a, b Figure) int { return cmp.Or(cmp.Compare(b.Took, a.Took), strings.Compare(a.Work, b.Work)) })
	return append(figures, p.largest), nil
}

// look is how many bytes style and script have.
func (p *pagesOpened) look(ctx context.Context) (bytes int64, err error) {
	_, first, err := p.open(ctx, asked{path: "/console/"})
	if err != nil {
		return 0, err
	}
	for _, link := range linked.FindAllStringSubmatch(first, -1) {
		if strings.Contains(link[1], "/look/") {
			_, body, err := p.open(ctx, asked{path: link[1]})
			if err != nil {
				return 0, err
			}
			bytes += int64(len(body))
		}
	}
	return bytes, nil
}

// follow opens each page once and returns what it found, forms among it.
func (p *pagesOpened) follow(ctx context.Context) (all []asked, err error) {
	heaviest, err := p.heaviest(ctx)
	if err != nil {
		return nil, err
	}
	todo := append(p.forms(), asked{path: "/console/"}, asked{path: fmt.Sprintf("/console/members/%d", heaviest.ID)}, asked{path: fmt.Sprintf("/console/members/%d/why/news", heaviest.ID)})
	seen, kinds := map[string]bool{}, map[string]int{}
	tick := p.watch("links", int64(mostPages))
	for len(todo) > 0 {
		a := todo[0]
		todo = todo[1:]
		if a.form == nil {
			a.kind = kindOf(a.path)
		}
		if kinds[a.kind] >= alike || seen[a.path] && a.form == nil {
			continue
		}
		if len(all) == mostPages {
			return nil, fmt.Errorf("the console has more than %d kinds of pages", mostPages)
		}
		seen[a.path] = true
		kinds[a.kind]++
		_, page, err := p.open(ctx, a)
		if err != nil {
			return nil, err
		}
		all = append(all, a)
		tick(1)
		if n := int64(len(page)); n > p.largest.Bytes && !strings.Contains(a.path, "/mail-body/") {
			p.largest = Figure{Work: "the largest page with style and script: " + a.kind, Bytes: n}
		}
		for _, link := range linked.FindAllStringSubmatch(page, -1) {
			if to := html.UnescapeString(link[1]); !aside.MatchString(to) && !seen[to] {
				todo = append(todo, asked{path: to})
			}
		}
	}
	return all, nil
}

var (
	linked    = regexp.MustCompile(`(?:href|src)="(/console/[^"#]*)`)
	aside     = regexp.MustCompile(`/look/|/file\b|\.csv$|/zip$|/console/help/`) // files to take away, and what asks nothing
	rowNumber = regexp.MustCompile(`/\d+(/|$)`)
	askedFor  = regexp.MustCompile(`=[^&]*`)
)

// kindOf is a path without numbers, without files of a program and without what a query asks for.
func kindOf(path string) string {
	path, query, _ := strings.Cut(path, "?")
	if before, _, is := strings.Cut(path, "/files/"); is {
		path = before + "/files/…"
	}
	for rowNumber.MatchString(path) {
		path = rowNumber.ReplaceAllString(path, "/…$1")
	}
	if query != "" {
		path += "?" + askedFor.ReplaceAllString(query, "")
	}
	return path
}

// forms are what people ask by typing: rules as they are typed and tried, and somebody who
// is looked for by everything that they are known by.
func (p *pagesOpened) forms() (all []asked) {
	for _, rule := range typed {
		all = append(all, asked{"/console/segments/count", url.Values{"rule": {rule}}, "a rule as it is typed: " + rule})
	}
	all = append(all, asked{"/console/segments/count", url.Values{"rule": {windowed}}, sampledFirst})
	for kind, text := range map[string]string{
		"id": fmt.Sprintf("M-%07d", p.Members/2), "the beginning of an id": "M-0000", "first name": "Aino", "last name": "hamalai", "a letter": "a",
		"address": fmt.Sprintf("m-%07d@people.example", p.Members/3), "order": "O-000000007", "code": "SALE10", "nobody": "zzzz",
	} {
		all = append(all, asked{"/console/members", url.Values{"q": {text}}, "somebody looked for by " + kind})
	}
	return append(all, asked{"/console/codes", url.Values{"code": {"SALE10"}}, "a code looked up"})
}

// open asks for a page as whoever sits at the machine does.
func (p *pagesOpened) open(ctx context.Context, a asked) (took time.Duration, page string, err error) {
	method := http.MethodGet
	if a.form != nil {
		method = http.MethodPost
	}
	r := httptest.NewRequestWithContext(ctx, method, "http://localhost"+a.path, strings.NewReader(a.form.Encode()))
	r.RemoteAddr = "127.0.0.1:5"
	if a.form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	w := httptest.NewRecorder()
	began := time.Now()
	p.desk.ServeHTTP(w, r)
	took = time.Since(began)
	if w.Code != http.StatusOK && w.Code != http.StatusAccepted {
		err = fmt.Errorf("%s %s of the console: %d", method, a.path, w.Code)
	}
	return took, w.Body.String(), err
}
