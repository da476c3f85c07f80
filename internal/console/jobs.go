package console

import (
	"cmp"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"regulars/internal/staff"
	"regulars/internal/store"
	"regulars/jobs"
)

// jobsView are the jobs that people enqueued, and how they ended.
type jobsView struct {
	frame
	Jobs  []jobs.Row
	Older int64 // the job before which the next page begins; 0: there is none
}

func (c *Console) jobs(w http.ResponseWriter, r *http.Request, u visitor) error {
	var view jobsView
	err := c.read(r.Context(), func(tx *store.Tx) (err error) {
		if view.frame, err = c.frame(tx, r, u, "jobs", c.pages.words.Say("jobs.title")); err != nil {
			return err
		}
		view.Jobs, view.Older, err = paged(r, func(before int64, limit int) ([]jobs.Row, error) { return jobs.Newest(tx, before, limit) }, func(row jobs.Row) int64 { return row.ID })
		return err
	})
	if err != nil {
		return err
	}
	for i := range view.Jobs {
		if !view.People { // it may name a member or an address
			view.Jobs[i].Outcome = ""
		}
	}
	return c.pages.show(w, http.StatusOK, "jobs", view)
}

// Again reports whether a job can be queued again; Waits whether it can be cancelled.
func (jobsView) Again(j jobs.Row) bool { return j.State == "failed" || j.State == "cancelled" }
func (jobsView) Waits(j jobs.Row) bool { return j.State == "queued" }

// Does is what a job does, in words; Stands is its state, where one that is put off is not
// one that waits for a worker.
func (jobsView) Does(j jobs.Row) string { return cmp.Or(jobs.Does(j.Kind), j.Kind) }

func (v jobsView) Stands(j jobs.Row) string {
	if j.State == "queued" && j.RunAt.After(v.Now.Time) {
		return "scheduled"
	}
	return j.State
}

// About is what a job is about, as far as that names nobody.
func (jobsView) About(j jobs.Row) string {
	var about []string
	for _, key := range []string{"what", "report", "campaign", "segment", "pool", "count"} {
		if value := j.Values()[key]; value != "" {
			about = append(about, value)
		}
	}
	return strings.Join(about, ", ")
}

// File is the path of the page of the file that a job takes in; "": it is of none.
func (jobsView) File(j jobs.Row) string {
	if id, err := strconv.ParseInt(j.Values()["upload"], 10, 64); err == nil && j.Kind == "import" {
		return uploadPath(id)
	}
	return ""
}

func (c *Console) retryJob(w http.ResponseWriter, r *http.Request, u visitor) error {
	return c.moveJob(w, r, u, "retry", "retried", jobs.Retry)
}

func (c *Console) cancelJob(w http.ResponseWriter, r *http.Request, u visitor) error {
	return c.moveJob(w, r, u, "cancel", "job_cancelled", jobs.Cancel)
}

// moveJob does something to the job of a path.
func (c *Console) moveJob(w http.ResponseWriter, r *http.Request, u visitor, act, done string, f func(*store.Tx, int64) error) error {
	id, err := numbered(r, "job")
	if err != nil {
		return err
	}
	err = c.DB.Update(r.Context(), func(tx *store.Tx) error { return movedJob(tx, u, id, act, f) })
	if err != nil {
		return mistake(err)
	}
	return back(w, r, "/console/jobs", done)
}

// movedJob does something to a job, and notes it.
func movedJob(tx *store.Tx, u visitor, id int64, act string, f func(*store.Tx, int64) error) error {
	row, err := jobs.Show(tx, id)
	if err != nil {
		return err
	}
	if err := f(tx, id); err != nil {
		return err
	}
	now, err := jobs.Show(tx, id)
	if err != nil {
		return err
	}
	return staff.Note(tx, staff.Act{By: u.by(), Act: act, About: fmt.Sprintf("job %d (%s)", id, row.Kind), Before: row.State, After: now.State})
}
