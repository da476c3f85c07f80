package console

import (
	"errors"
	"html/template"
	"net/http"
	"strings"

	"regulars/internal/loyalty"
	"regulars/internal/marketing"
	"regulars/internal/report"
	"regulars/internal/staff"
	"regulars/internal/store"
)

type reportsView struct {
	frame
	Reports []report.Named
}

// reports are the figures that there are.
func (c *Console) reports(w http.ResponseWriter, r *http.Request, u visitor) error {
	var view reportsView
	for _, named := range report.Reports() {
		if u.people() || !named.NamesMembers() {
			view.Reports = append(view.Reports, named)
		}
	}
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
	Picture template.HTML // drawn by plot, which escapes what comes from outside; "": it has none
	Table   report.Table
	Slow    bool // counting takes too long for a page
}

// shownRows is how many rows of a report a page shows; its file has all.
const shownRows = 200

// report is one of them: its picture and its table.
func (c *Console) report(w http.ResponseWriter, r *http.Request, u visitor) error {
	var view reportView
	named, err := c.reportNamed(r, u)
	if err != nil {
		return err
	}
	err = c.read(r.Context(), func(tx *store.Tx) (err error) {
		view.frame, err = c.frame(tx, r, u, "reports", named.Name)
		return err
	})
	if err != nil {
		return err
	}
	view.Report = named
	if view.Day, view.Past, err = c.asOf(r, view.frame, named); err != nil {
		return err
	}
	err = c.read(r.Context(), func(tx *store.Tx) (err error) {
		ask, err := askedOf(tx, view.Day, view.Past)
		if err != nil {
			return err
		}
		if view.Table, err = named.Make(tx, ask); err != nil {
			return err
		}
		svg, _ := named.Picture(ask, view.Table)
		view.Picture = template.HTML(svg)
		return nil
	})
	if view.Slow = errors.Is(err, store.ErrTooLong); err != nil && !view.Slow {
		return err
	}
	view.Table.Rows = view.Table.Rows[:min(len(view.Table.Rows), shownRows)]
	return c.pages.show(w, http.StatusOK, "report", view)
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
	text := strings.TrimSpace(r.URL.Query().Get("at"))
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

func askedOf(tx *store.Tx, day loyalty.Day, past bool) (ask report.Ask, err error) {
	ask = report.Ask{Day: day, Past: past}
	if ask.Currency, err = marketing.Currency(tx); err == nil {
		ask.PointWorth, err = marketing.PointWorth(tx)
	}
	return ask, err
}

// reportFile is a report as CSV.
func (c *Console) reportFile(w http.ResponseWriter, r *http.Request, u visitor) error {
	named, err := c.reportNamed(r, u)
	if err != nil {
		return err
	}
	var table report.Table
	err = c.read(r.Context(), func(tx *store.Tx) error {
		f, err := c.frame(tx, r, u, "reports", named.Name)
		if err != nil {
			return err
		}
		day, past, err := c.asOf(r, f, named)
		if err != nil {
			return err
		}
		ask, err := askedOf(tx, day, past)
		if err == nil {
			table, err = named.Make(tx, ask)
		}
		return err
	})
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/csv; charset=utf-8")
	w.Header().Set("Content-Disposition", `attachment; filename="`+named.Name+`.csv"`)
	_ = table.CSV(w) // the browser has gone away: nobody to tell
	return nil
}
