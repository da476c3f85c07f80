package console

import (
	"errors"
	"html/template"
	"net/http"

	"regulars/internal/loyalty"
	"regulars/internal/marketing"
	"regulars/internal/report"
	"regulars/internal/store"
)

// monthView is a month on one page, to be printed.
type monthView struct {
	frame
	report.MonthFigures
	Asked    string // the month, 2027-06
	Earlier  string
	Later    string          // "": it has not begun
	Pictures []template.HTML // drawn by plot, which escapes what comes from outside
	Slow     bool            // counting takes too long for a page
}

func (c *Console) month(w http.ResponseWriter, r *http.Request, u visitor) error {
	var view monthView
	err := c.read(r.Context(), func(tx *store.Tx) (err error) { view.frame, err = c.frame(tx, r, u, "reports", ""); return err })
	if err != nil {
		return err
	}
	day := view.frame.Today()
	if text := r.URL.Query().Get("month"); text != "" {
		if day, err = report.ParseMonth(text); err != nil || day > view.frame.Today() {
			return wrong(c.pages.words.Say("month.none", text))
		}
	}
	first, next := loyalty.MonthOf(day)
	view.Asked, view.Earlier = monthCalled(first), monthCalled(first-1)
	if next <= view.frame.Today() {
		view.Later = monthCalled(next)
	}
	view.Title = c.pages.words.Say("month.title", first.UTC().Format("January 2006"))
	err = c.read(r.Context(), func(tx *store.Tx) (err error) {
		view.MonthFigures, _, err = marketing.Month(tx, day)
		return err
	})
	if view.Slow = errors.Is(err, store.ErrTooLong); err != nil && !view.Slow {
		return err
	}
	view.Pictures = nil
	for _, svg := range view.MonthFigures.Pictures {
		view.Pictures = append(view.Pictures, template.HTML(svg))
	}
	return c.pages.show(w, http.StatusOK, "month", view)
}

// monthCalled is the month of a day as addresses name it.
func monthCalled(d loyalty.Day) string { return d.UTC().Format("2006-01") }

// Compared says how a figure was in the month before.
func (v monthView) Compared(before string) string { return v.words.Say("month.before", before) }
