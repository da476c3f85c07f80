package console

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"time"

	"regulars/internal/loyalty"
	"regulars/internal/marketing"
	"regulars/internal/report"
	"regulars/internal/runs"
	"regulars/internal/store"
)

type runsView struct {
	frame
	Runs  []report.Run
	Older int64 // the run before which the next page begins; 0: there is none
}

func (c *Console) runs(w http.ResponseWriter, r *http.Request, u visitor) error {
	var view runsView
	err := c.read(r.Context(), func(tx *store.Tx) (err error) {
		if view.frame, err = c.frame(tx, r, u, "runs", c.pages.words.Say("runs.title")); err != nil {
			return err
		}
		view.Runs, view.Older, err = paged(r, func(before int64, limit int) ([]report.Run, error) {
			return report.NewestRuns(tx, "", before, limit)
		}, func(row report.Run) int64 { return row.ID })
		return err
	})
	if err != nil {
		return err
	}
	return c.pages.show(w, http.StatusOK, "runs", view)
}

// runView is one run, and how far it is.
type runView struct {
	frame
	report.RunNow
	Old  bool   // what is not yet sent has other texts than those in force
	Held string // who holds its campaign, and why; "": nobody
	Left string // about how long it still takes; "": nobody can say
}

// heldBy says who holds a campaign, and why; "": nobody does, or the program has it no more.
func (f frame) heldBy(tx *store.Tx, campaign string) (string, error) {
	line, err := marketing.CampaignNamed(tx, campaign)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return "", nil
	case err != nil || line.State != marketing.Held:
		return "", err
	}
	return f.words.Say("campaigns.held_by", f.Author(line.By), line.Because) + ".", nil
}

// lookAgain is how often the page of a run that goes on is looked at again, in seconds.
const lookAgain = 5

func (c *Console) run(w http.ResponseWriter, r *http.Request, u visitor) error {
	run, err := numbered(r, "run")
	if err != nil {
		return err
	}
	var view runView
	err = c.read(r.Context(), func(tx *store.Tx) (err error) {
		if view.RunNow, err = report.RunOf(tx, run); err != nil {
			return err
		}
		if view.frame, err = c.frame(tx, r, u, "runs", c.pages.words.Say("runs.one", strconv.FormatInt(run, 10), view.Campaign)); err != nil {
			return err
		}
		if view.State == "sending" {
			view.Held, err = view.heldBy(tx, view.Campaign)
		}
		if view.State != "paused" {
			return err
		}
		old, err := runs.WithOldTexts(tx, nil)
		view.Old = slices.ContainsFunc(old, func(o runs.OldTexts) bool { return o.Run == run })
		return err
	})
	if err != nil {
		return err
	}
	if view.State == "sending" {
		view.Refresh = lookAgain
		if view.PerMinute > 0 {
			view.Left = loyalty.Span(time.Duration(view.Pending/view.PerMinute+1) * time.Minute)
		}
	}
	return c.pages.show(w, http.StatusOK, "run", view)
}

func (c *Console) pauseRun(w http.ResponseWriter, r *http.Request, u visitor) error {
	because, err := c.because(r)
	if err != nil {
		return err
	}
	return c.steer(w, r, u, "paused", func(ctx context.Context, m marketing.Marketer, run int64) error { return m.Pause(ctx, run, because) })
}

func (c *Console) resumeRun(w http.ResponseWriter, r *http.Request, u visitor) error {
	latest := r.PostFormValue("texts") == "latest"
	return c.steer(w, r, u, "resumed", func(ctx context.Context, m marketing.Marketer, run int64) error { return m.Resume(ctx, run, latest) })
}

func (c *Console) cancelRun(w http.ResponseWriter, r *http.Request, u visitor) error {
	because, err := c.because(r)
	if err != nil {
		return err
	}
	return c.steer(w, r, u, "cancelled", func(ctx context.Context, m marketing.Marketer, run int64) error { return m.Cancel(ctx, run, because) })
}

// steer does something to a run.
func (c *Console) steer(w http.ResponseWriter, r *http.Request, u visitor, done string, f func(context.Context, marketing.Marketer, int64) error) error {
	run, err := numbered(r, "run")
	if err != nil {
		return err
	}
	if err := f(r.Context(), c.Marketer.As(u.by()), run); err != nil {
		return mistake(err)
	}
	return back(w, r, "/console/runs/"+strconv.FormatInt(run, 10), done)
}
