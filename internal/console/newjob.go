package console

import (
	"cmp"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"regulars/internal/marketing"
	"regulars/internal/staff"
	"regulars/internal/store"
	"regulars/jobs"
)

// formKinds are the kinds of job that a form enqueues. The others have pages of their
// own, which show first what they would do: launches and drops, tests, files, reports.
var formKinds = []string{"generate", "refresh"}

// newJobView is the form of a job.
type newJobView struct {
	frame
	Kind   string
	Fields []jobField
	At     string // in the shop's zone, as a browser writes it; "": at once
	Key    string // the form's: pressed twice it is one job
	Wrong  string
}

// jobField is a value of the job.
type jobField struct {
	jobs.Field
	Text string
}

// Kinds are those that one can choose, and Does says what one does.
func (newJobView) Kinds() []string         { return formKinds }
func (newJobView) Does(kind string) string { return jobs.Does(kind) }

func (c *Console) newJob(w http.ResponseWriter, r *http.Request, u visitor) error {
	view, err := c.newJobView(r, u)
	if err != nil {
		return err
	}
	return c.pages.show(w, http.StatusOK, "newjob", view)
}

func (c *Console) newJobView(r *http.Request, u visitor) (view newJobView, err error) {
	view = newJobView{Kind: cmp.Or(r.FormValue("kind"), formKinds[0]), At: r.PostFormValue("at"), Key: cmp.Or(r.PostFormValue("key"), rand.Text())}
	if !slices.Contains(formKinds, view.Kind) {
		return view, store.ErrNotFound
	}
	for _, f := range jobs.Fields(view.Kind) {
		view.Fields = append(view.Fields, jobField{f, strings.TrimSpace(cmp.Or(r.PostFormValue(typedValue+f.Name), r.URL.Query().Get(f.Name)))})
	}
	err = c.read(r.Context(), func(tx *store.Tx) (err error) {
		view.frame, err = c.frame(tx, r, u, "jobs", c.pages.words.Say("jobs.new"))
		return err
	})
	return view, err
}

// enqueue puts the job of the form into the queue.
func (c *Console) enqueue(w http.ResponseWriter, r *http.Request, u visitor) error {
	view, err := c.newJobView(r, u)
	if err != nil {
		return err
	}
	o := jobs.Order{Kind: view.Kind, Values: map[string]string{}, By: u.by(), Key: "console:" + view.Key}
	for _, f := range view.Fields {
		if f.Text != "" {
			o.Values[f.Name] = f.Text
		}
	}
	if o.At, err = c.later(view.frame, view.At); err == nil {
		_, err = c.enqueued(r, u, o)
	}
	if errors.As(err, new(*refusal)) {
		view.Wrong = err.Error()
		return c.pages.show(w, http.StatusUnprocessableEntity, "newjob", view)
	}
	if err != nil {
		return err
	}
	return back(w, r, "/console/jobs", "queued")
}

// later reads when something is to be done, in the shop's zone; zero: at once.
func (c *Console) later(f frame, at string) (t time.Time, err error) {
	if at = strings.TrimSpace(at); at == "" {
		return t, nil
	}
	if t, err = marketing.Moment(at, f.zone); err != nil {
		return t, wrong(err.Error())
	}
	if t.Before(f.Now.Time) {
		return t, wrong(c.pages.words.Say("jobs.past"))
	}
	return t, nil
}

// enqueued puts a job into the queue and notes who did. What is wrong with the order is
// a refusal.
func (c *Console) enqueued(r *http.Request, u visitor, o jobs.Order) (id int64, err error) {
	err = c.DB.Update(r.Context(), func(tx *store.Tx) error {
		var made bool
		if id, made, err = jobs.Enqueue(tx, o); err != nil || !made {
			return err
		}
		a := staff.Act{By: u.by(), Act: "enqueue", About: fmt.Sprintf("job %d (%s)", id, o.Kind), After: given(o)}
		return staff.Note(tx, a)
	})
	if wanted := new(jobs.OrderError); errors.As(err, &wanted) {
		return id, wrong(wanted.Error())
	}
	return id, err
}

// given is what a job was given, and for when, for the audit.
func given(o jobs.Order) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(o.Values)) {
		parts = append(parts, name+"="+o.Values[name])
	}
	if !o.At.IsZero() {
		parts = append(parts, "at "+o.At.UTC().Format(time.RFC3339))
	}
	return strings.Join(parts, ", ")
}
