package console

import (
	"cmp"
	"errors"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"

	"regulars/internal/loyalty"
	"regulars/internal/marketing"
	"regulars/internal/report"
	"regulars/internal/staff"
	"regulars/internal/store"
	"regulars/jobs"
)

type reportsView struct {
	frame
	Shelves []shelf
}

// shelf are the reports of one matter.
type shelf struct {
	Name    string
	Reports []report.Named
}

// shelves say where reports stand, in their order; one that is not named stands on the last.
var shelves = []struct{ name, reports string }{
	{"members", "summary cohorts repeat returning lifecycle rfm rfm-grid forecast winback top milestones favourites"},
	{"sales", "orders categories brands products pairs shops"},
	{"mails", "campaigns mails links reasons holdout domains"},
	{"owed", "points liability ending tiers referrals cards pools stocks drops"},
}

// shelved are the reports that the visitor may see, shelf by shelf.
func shelved(u visitor) (all []shelf) {
	stand := map[string]int{}
	for i, s := range shelves {
		all = append(all, shelf{Name: s.name})
		for n, name := range strings.Fields(s.reports) {
			stand[name] = 100*i + n
		}
	}
	place := func(named report.Named) int {
		if n, is := stand[named.Name]; is {
			return n
		}
		return 100*len(shelves) - 1
	}
	list := slices.SortedStableFunc(slices.Values(report.Reports()), func(a, b report.Named) int { return place(a) - place(b) })
	for _, named := range list {
		if u.people() || !named.NamesMembers() {
			on := &all[place(named)/100]
			on.Reports = append(on.Reports, named)
		}
	}
	return all
}

// called is what a report is called, to people.
func (c *Console) called(name string) string { return cmp.Or(c.pages.words.Say("report."+name), name) }

// reports are the figures that there are.
func (c *Console) reports(w http.ResponseWriter, r *http.Request, u visitor) error {
	view := reportsView{Shelves: shelved(u)}
	err := c.read(r.Context(), func(tx *store.Tx) (err error) {
		view.frame, err = c.frame(tx, r, u, "reports", c.pages.words.Say("reports.title"))
		return err
	})
	if err != nil {
		return err
	}
	return c.pages.show(w, http.StatusOK, "reports", view)
}

type reportView struct {
	frame
	Report  report.Named
	Day     loyalty.Day
	Past    bool
	Picture report.Drawing
	Table   report.Table
	Classes []string // of the columns
	counting
}

// classes are those of the columns of a table, by what they hold: "" figures, which stand
// below each other by their ends, "w" words, "w d" days.
func classes(t report.Table) []string {
	columns := len(t.Head)
	for _, row := range t.Rows {
		columns = max(columns, len(row))
	}
	are := make([]string, columns)
	for i := range are {
		words, days, all := 0, 0, 0
		for _, row := range t.Rows {
			if i < len(row) && row[i] != "" {
				all++
				if isDay.MatchString(row[i]) {
					days++
				}
				if !strings.ContainsAny(row[i], "0123456789") || isDay.MatchString(row[i]) || strings.ContainsFunc(row[i], unicode.IsLetter) {
					words++
				}
			}
		}
		switch {
		case all > 0 && days == all:
			are[i] = "w d"
		case i == 0 || all > 0 && 2*words >= all:
			are[i] = "w"
		}
	}
	return are
}

var (
	isDay    = regexp.MustCompile(`^\d{4}-\d\d`)
	isFigure = regexp.MustCompile(`^-?\d+(\.\d+)?$`)
)

// saysNothing reports whether all figures of a table are zero: a picture of them is empty.
func saysNothing(t report.Table) bool {
	for _, row := range t.Rows {
		for i, cell := range row {
			if i > 0 && cell != "" && !strings.ContainsFunc(cell, unicode.IsLetter) && !isDay.MatchString(cell) && strings.ContainsAny(cell, "123456789") {
				return false
			}
		}
	}
	return true
}

// Figure writes a cell: a large figure has its thousands marked, as everywhere else.
func (v reportView) Figure(column int, cell string) string {
	if column < len(v.Table.Head) && v.Table.Head[column] == "REASON" {
		return named(v.words, "reasons", cell)
	}
	if column > 0 && v.Classes[column] == "" && isFigure.MatchString(cell) {
		return v.words.Digits(cell)
	}
	return v.Spoken(cell)
}

// counting is a report that takes too long for a page, and what a worker makes of it.
type counting struct {
	Slow  bool            // it could not be counted while somebody waits, and never was
	Under *jobs.Row       // the job that counts it now; nil: there is none
	Kept  loyalty.Instant // when what is shown was counted; zero: just now
}

// Counting is itself, for the part of a page.
func (c counting) Counting() counting { return c }

// fresh is for how long a report that was counted for today is shown before it is tried
// again while somebody waits.
const fresh = time.Hour

// counted reads what was last counted of a report, or counts it while somebody waits, for
// as long as a page may take: that is live.
func (c *Console) counted(r *http.Request, f *frame, name string, day loyalty.Day, kept any, live func(*store.Tx) error) (of counting, err error) {
	at := jobs.CountedDay(name, day, f.Today())
	err = c.read(r.Context(), func(tx *store.Tx) error {
		under, err := jobs.Counting(tx, name, day)
		if err == nil {
			of.Under, f.Refresh = &under, lookAgain
		} else if !errors.Is(err, store.ErrNotFound) {
			return err
		}
		if of.Kept, err = report.LastCounted(tx, name, at, kept); errors.Is(err, store.ErrNotFound) {
			return nil
		}
		return err
	})
	over := at != 0 && at < f.Today() && (name != jobs.Month || day < f.Today()) // a day that is over says the same for ever
	if err != nil || of.Under != nil || !of.Kept.IsZero() && (over || f.Now.Sub(of.Kept.Time) < fresh) {
		of.Slow = of.Kept.IsZero()
		return of, err
	}
	err = c.DB.Ask(r.Context(), c.soon(r), func(tx *store.Tx) error {
		if err := tx.AboutEverybody(); err != nil {
			return err
		}
		return live(tx)
	})
	switch {
	case errors.Is(err, store.ErrTooLong):
		of.Slow = of.Kept.IsZero()
		return of, nil
	case err == nil:
		of.Kept = loyalty.Instant{}
	}
	return of, err
}

// How much of a report a page shows; its file has all.
const (
	shownRows    = 100
	shownColumns = 26
	shownCells   = 1000
)

// shownOf is what a page shows of a table: its first rows, or of one that goes on by days
// or months the newest.
func shownOf(t report.Table) report.Table {
	columns := min(len(t.Head), shownColumns)
	if columns < len(t.Head) {
		t.Head = t.Head[:columns]
		cut := make([][]string, len(t.Rows))
		for i, row := range t.Rows {
			cut[i] = row[:min(len(row), columns)]
		}
		t.Rows = cut
	}
	most := min(shownRows, shownCells/max(1, columns))
	switch n := len(t.Rows); {
	case n <= most:
	case isDay.MatchString(t.Rows[0][0]) && t.Rows[0][0] < t.Rows[n-1][0]:
		t.Rows = t.Rows[n-most:]
	default:
		t.Rows = t.Rows[:most]
	}
	return t
}

// report is one of them: its picture and its table.
func (c *Console) report(w http.ResponseWriter, r *http.Request, u visitor) error {
	var view reportView
	named, err := c.reportNamed(r, u)
	if err != nil {
		return err
	}
	err = c.read(r.Context(), func(tx *store.Tx) (err error) {
		view.frame, err = c.frame(tx, r, u, "reports", c.called(named.Name))
		return err
	})
	if err != nil {
		return err
	}
	view.Report = named
	if view.Day, view.Past, err = c.asOf(r, view.frame, named); err != nil {
		return err
	}
	var table report.Counted
	if view.counting, err = c.countedReport(r, &view.frame, named, view.Day, view.Past, &table); err != nil {
		return err
	}
	view.Table, view.Picture = report.Table{Head: table.Head, Rows: table.Rows, Note: table.Note}, table.Drawing
	view.Table = shownOf(view.Table)
	view.Classes = classes(view.Table)
	if saysNothing(view.Table) {
		view.Picture = report.Drawing{}
	}
	return c.pages.show(w, http.StatusOK, "report", view)
}

// countedReport is a report as it was counted last, or is now.
func (c *Console) countedReport(r *http.Request, f *frame, named report.Named, day loyalty.Day, past bool, into *report.Counted) (counting, error) {
	var kept, now report.Counted
	of, err := c.counted(r, f, named.Name, day, &kept, func(tx *store.Tx) error {
		ask, err := marketing.Asks(tx, day, past)
		if err == nil {
			now, err = named.Count(tx, ask)
		}
		return err
	})
	*into = kept
	if of.Kept.IsZero() {
		*into = now
	}
	return of, err
}

// countReport has a worker count a report.
func (c *Console) countReport(w http.ResponseWriter, r *http.Request, u visitor) error {
	named, err := c.reportNamed(r, u)
	if err != nil {
		return err
	}
	return c.count(w, r, u, named.Name, "/console/reports/"+named.Name, func(f frame) (loyalty.Day, string, error) {
		day, past, err := c.asOf(r, f, named)
		if past {
			return day, "?at=" + day.String(), err
		}
		return day, "", err
	})
}

// count has a worker count what a page could not, and leads back to it.
func (c *Console) count(w http.ResponseWriter, r *http.Request, u visitor, name, path string, asked func(frame) (day loyalty.Day, query string, err error)) error {
	query := ""
	err := c.DB.Update(r.Context(), func(tx *store.Tx) error {
		f, err := c.frame(tx, r, u, "reports", name)
		if err != nil {
			return err
		}
		var day loyalty.Day
		if day, query, err = asked(f); err != nil {
			return err
		}
		return jobs.Count(tx, name, day, u.by())
	})
	if err != nil {
		return mistake(err)
	}
	http.Redirect(w, r, path+query, http.StatusSeeOther)
	return nil
}

// reportNamed is the report of a path, if the visitor may see it.
func (c *Console) reportNamed(r *http.Request, u visitor) (report.Named, error) {
	named, ok := report.ByName(r.PathValue("name"))
	switch {
	case !ok:
		return named, store.ErrNotFound
	case named.NamesMembers() && !u.people():
		return named, refuse(http.StatusForbidden, c.pages.words.Say("wrong.role", string(u.role), string(staff.Marketer)))
	}
	return named, nil
}

// asOf is the day that is asked for, at the latest today.
func (c *Console) asOf(r *http.Request, f frame, named report.Named) (day loyalty.Day, past bool, err error) {
	text := strings.TrimSpace(r.FormValue("at"))
	if text == "" || !named.Dated {
		return f.Today(), false, nil
	}
	if day, err = loyalty.ParseDay(text); err != nil {
		return 0, false, wrong(c.pages.words.Say("reports.no_day", text))
	}
	if day >= f.Today() {
		return f.Today(), false, nil
	}
	return day, true, nil
}

// reportFile is a report as CSV, or its picture.
func (c *Console) reportFile(w http.ResponseWriter, r *http.Request, u visitor) error {
	named, err := c.reportNamed(r, u)
	if err != nil {
		return err
	}
	var table report.Counted
	err = c.read(r.Context(), func(tx *store.Tx) error {
		f, err := c.frame(tx, r, u, "reports", named.Name)
		if err != nil {
			return err
		}
		day, past, err := c.asOf(r, f, named)
		if err != nil {
			return err
		}
		_, err = report.LastCounted(tx, named.Name, jobs.CountedDay(named.Name, day, f.Today()), &table)
		if !errors.Is(err, store.ErrNotFound) {
			return err // what the page shows
		}
		ask, err := marketing.Asks(tx, day, past)
		if err == nil {
			table, err = named.Count(tx, ask)
		}
		return err
	})
	if err != nil {
		return err
	}
	if r.FormValue("as") == "svg" {
		return handOut(w, named.Name, table.Wide)
	}
	return handOutRows(w, named.Name, report.Table{Head: table.Head, Rows: table.Rows})
}

// handOut gives the browser a picture as a file.
func handOut(w http.ResponseWriter, name, svg string) error {
	w.Header().Set("Content-Type", "image/svg+xml; charset=utf-8")
	w.Header().Set("Content-Disposition", `attachment; filename="`+name+`.svg"`)
	_, _ = io.WriteString(w, svg) // the browser has gone away: nobody to tell
	return nil
}

// handOutRows gives it a table as CSV.
func handOutRows(w http.ResponseWriter, name string, t report.Table) error {
	w.Header().Set("Content-Type", "text/csv; charset=utf-8")
	w.Header().Set("Content-Disposition", `attachment; filename="`+name+`.csv"`)
	_ = t.CSV(w) // as above
	return nil
}
