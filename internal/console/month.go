package console

import (
	"errors"
	"net/http"

	"regulars/internal/loyalty"
	"regulars/internal/marketing"
	"regulars/internal/report"
	"regulars/internal/store"
	"regulars/jobs"
)

// monthView is a month on one page, to be printed.
type monthView struct {
	frame
	report.MonthFigures
	Asked    string // the month, 2027-06
	Earlier  monthsName
	Later    monthsName // without a name: it has not begun
	Pictures []report.Drawing
	counting
}

func (c *Console) month(w http.ResponseWriter, r *http.Request, u visitor) error {
	var view monthView
	err := c.read(r.Context(), func(tx *store.Tx) (err error) { view.frame, err = c.frame(tx, r, u, "reports", ""); return err })
	if err != nil {
		return err
	}
	day, err := c.monthAsked(r, view.frame)
	if err != nil {
		return err
	}
	first, next := loyalty.MonthOf(day)
	view.Asked, view.Earlier = monthCalled(first), monthNamed(first-1)
	if next <= view.frame.Today() {
		view.Later = monthNamed(next)
	}
	view.Title = c.pages.words.Say("month.title", first.UTC().Format("January 2006"))
	var kept report.CountedMonth
	var now report.MonthFigures
	view.counting, err = c.counted(r, &view.frame, jobs.Month, min(next-1, view.Today()), &kept, func(tx *store.Tx) (err error) {
		now, _, err = marketing.Month(tx, day)
		return err
	})
	if err != nil {
		return err
	}
	if view.Kept.IsZero() {
		kept = now.Counted()
	}
	view.MonthFigures, view.Pictures = kept.Month, kept.Drawings()
	return c.pages.show(w, http.StatusOK, "month", view)
}

// monthFile is a month as CSV, or its pictures, one below the other.
func (c *Console) monthFile(w http.ResponseWriter, r *http.Request, u visitor) error {
	var of report.CountedMonth
	var ask report.Ask
	err := c.read(r.Context(), func(tx *store.Tx) error {
		f, err := c.frame(tx, r, u, "reports", "")
		if err != nil {
			return err
		}
		day, err := c.monthAsked(r, f)
		if err != nil {
			return err
		}
		if ask, err = marketing.Asks(tx, day, false); err != nil {
			return err
		}
		_, err = report.LastCounted(tx, jobs.Month, jobs.CountedDay(jobs.Month, day, f.Today()), &of)
		if !errors.Is(err, store.ErrNotFound) {
			return err // what the page shows
		}
		m, _, err := marketing.Month(tx, day)
		of = m.Counted()
		return err
	})
	switch {
	case err != nil:
		return err
	case r.FormValue("as") == "svg":
		return handOut(w, "month-"+of.Month.Month, of.SVG())
	}
	return handOutRows(w, "month-"+of.Month.Month, of.Month.Table(ask))
}

// monthAsked is a day of the month that is asked for, at the latest today.
func (c *Console) monthAsked(r *http.Request, f frame) (loyalty.Day, error) {
	text := r.FormValue("month")
	if text == "" {
		return f.Today(), nil
	}
	day, err := report.ParseMonth(text)
	if err != nil || day > f.Today() {
		return 0, wrong(c.pages.words.Say("month.none", text))
	}
	return day, nil
}

// countMonth has a worker count a month.
func (c *Console) countMonth(w http.ResponseWriter, r *http.Request, u visitor) error {
	return c.count(w, r, u, jobs.Month, "/console/month", func(f frame) (loyalty.Day, string, error) {
		day, err := c.monthAsked(r, f)
		_, next := loyalty.MonthOf(day)
		return min(next-1, f.Today()), "?month=" + monthCalled(day), err
	})
}

// monthCalled is the month of a day as addresses name it.
func monthCalled(d loyalty.Day) string { return d.UTC().Format("2006-01") }

// Compared says how a figure was in the month before.
func (v monthView) Compared(before string) string { return v.words.Say("month.before", before) }
