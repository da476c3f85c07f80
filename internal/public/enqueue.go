package public

import (
	"errors"
	"net/http"

	"regulars/internal/marketing"
	"regulars/internal/store"
	"regulars/jobs"
)

// apiEnqueue puts a marketer's job into the queue: 202 with the job, also when
// its key was used before.
func (s *server) apiEnqueue(w http.ResponseWriter, r *http.Request, c caller) error {
	body, err := readObject(r, "kind", "values", "at", "key")
	if err != nil {
		return err
	}
	var row jobs.Row
	var made bool
	err = s.DB.Update(r.Context(), func(tx *store.Tx) error {
		order, err := readOrder(tx, body)
		if err != nil {
			return err
		}
		order.By = c.by()
		var id int64
		if id, made, err = jobs.Enqueue(tx, order); err != nil {
			return inTheBody(err)
		}
		row, err = jobs.Show(tx, id)
		return err
	})
	if err != nil {
		return err
	}
	if made && s.Wake != nil && !row.RunAt.After(s.DB.Now()) {
		s.Wake(row.ID, row.Kind)
	}
	return writeJSON(w, http.StatusAccepted, jobAnswer(row, map[string]any{"new": made}))
}

// readOrder reads what is to be enqueued. at is an instant with an offset, or a
// wall time of the shop.
func readOrder(tx *store.Tx, body object) (o jobs.Order, err error) {
	var at string
	for name, into := range map[string]*string{"kind": &o.Kind, "key": &o.Key, "at": &at} {
		if *into, err = body.text(name); err != nil {
			return o, err
		}
	}
	if len(o.Key) > maxKey {
		return o, wrongField("key", "key is longer than %d bytes", maxKey)
	}
	if o.Values, err = body.texts("values"); err != nil {
		return o, err
	}
	if at != "" {
		zone, err := tx.Zone()
		if err != nil {
			return o, err
		}
		if o.At, err = marketing.Moment(at, zone); err != nil {
			return o, wrongField("at", "%v", err)
		}
	}
	return o, nil
}

// maxKey is how long a job's key may be, in bytes.
const maxKey = 200

// inTheBody names the field of the body that an order is wrong in.
func inTheBody(err error) error {
	var wrong *jobs.OrderError
	if !errors.As(err, &wrong) {
		return err
	}
	field := "kind"
	if wrong.Field != "" {
		field = "values." + wrong.Field
	}
	return wrongField(field, "%s", wrong.Message)
}

// jobAnswer is a job with what it was given.
func jobAnswer(row jobs.Row, more map[string]any) map[string]any {
	answer := map[string]any{"job": row, "values": row.Values()}
	for name, v := range more {
		answer[name] = v
	}
	return answer
}

// listed is how many jobs a list holds at most.
const listed = 100

func (s *server) apiJobs(w http.ResponseWriter, r *http.Request, _ caller) error {
	state, err := oneOf(r, "state", jobs.States...)
	if err != nil {
		return err
	}
	rows := []jobs.Row{}
	err = s.reads.View(r.Context(), func(tx *store.Tx) error {
		found, err := jobs.List(tx, state, listed)
		rows = append([]jobs.Row{}, found...) // none is [], not null
		return err
	})
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, map[string]any{"jobs": rows})
}

func (s *server) apiJob(w http.ResponseWriter, r *http.Request, _ caller) error {
	id, err := numberOf(r, "id")
	if err != nil {
		return err
	}
	var row jobs.Row
	err = s.reads.View(r.Context(), func(tx *store.Tx) (err error) { row, err = jobs.Show(tx, id); return err })
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, jobAnswer(row, nil))
}
