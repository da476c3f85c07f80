package jobs

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"time"

	"regulars/internal/loyalty"
	"regulars/internal/store"
)

// Row is a job as the table keeps it: who wanted what, and how it ended.
type Row struct {
	ID         int64           `json:"id"`
	Kind       string          `json:"kind"`
	Payload    string          `json:"-"`
	Key        string          `json:"key,omitempty"`
	Lane       string          `json:"lane"`  // the queue of its task
	State      string          `json:"state"` // queued | running | done | failed | cancelled
	RunAt      loyalty.Instant `json:"run_at"`
	Attempts   int             `json:"attempts"`
	FellSilent int             `json:"-"` // workers that had it and were heard of no more
	Fence      int64           `json:"-"`
	EnqueuedBy string          `json:"enqueued_by"`
	EnqueuedAt loyalty.Instant `json:"enqueued_at"`
	StartedAt  loyalty.Instant `json:"started_at"`
	FinishedAt loyalty.Instant `json:"finished_at"`
	Outcome    string          `json:"outcome"`
	Told       string          `json:"-" gorm:"column:progress"` // see Progress
	StopAsked  bool            `json:"stop_asked,omitempty"`     // somebody cancelled it while it ran
}

// Values returns what the job was given, as key and value.
func (r Row) Values() map[string]string {
	var v map[string]string
	if json.Unmarshal([]byte(r.Payload), &v) != nil {
		return nil
	}
	return v
}

// States are those that a job can be in.
var States = []string{"queued", "running", "done", "failed", "cancelled"}

const columns = `
	id, kind, payload, coalesce(key, '') as key, lane, state, run_at, attempts, fell_silent, fence,
	enqueued_by, enqueued_at, started_at, finished_at, outcome, progress, stop_asked`

// Order is what a person enqueues.
type Order struct {
	Kind   string
	Values map[string]string
	At     time.Time // zero: at once
	Key    string    // "": none; the same key is the same job
	By     string    // who
}

// Enqueue stores a job. With a key that is taken it returns the job that has it
// and made is false. What is wrong with the order is an *OrderError.
func Enqueue(tx *store.Tx, o Order) (id int64, made bool, err error) {
	k, err := check(o)
	if err != nil {
		return 0, false, err
	}
	if o.Key != "" {
		err := tx.One(&id, "select id from jobs where key = @key", store.Args{"key": o.Key})
		if !errors.Is(err, store.ErrNotFound) {
			return id, false, err
		}
	}
	values := maps.Clone(o.Values)
	if k.settle != nil {
		if err := k.settle(tx, values); err != nil {
			return 0, false, err
		}
	}
	at := tx.At
	if !o.At.IsZero() {
		at = loyalty.At(o.At)
	}
	var key any // null: none
	if o.Key != "" {
		key = o.Key
	}
	args := store.Args{"kind": o.Kind, "payload": store.JSON(values), "key": key, "lane": k.queue, "at": at, "by": o.By, "now": tx.At}
	err = tx.One(&id, `
		insert into jobs (kind, payload, key, lane, state, run_at, enqueued_by, enqueued_at)
		values (@kind, `+tx.JSONParam("@payload")+`, @key, @lane, 'queued', @at, @by, @now)
		on conflict (key) do nothing
		returning id`, args)
	if errors.Is(err, store.ErrNotFound) {
		return id, false, tx.One(&id, "select id from jobs where key = @key", args)
	}
	return id, err == nil, err
}

// List returns the newest jobs first; state "" means any.
func List(tx *store.Tx, state string, limit int) (rows []Row, err error) {
	err = tx.All(&rows, "select "+columns+` from jobs
		where @state = '' or state = @state
		order by id desc
		limit @limit`, store.Args{"state": state, "limit": limit})
	return rows, err
}

// Newest returns jobs, the newest first, from before one of them on; 0 is from the newest.
func Newest(tx *store.Tx, before int64, limit int) (rows []Row, err error) {
	err = tx.All(&rows, "select "+columns+` from jobs
		where @before = 0 or id < @before
		order by id desc
		limit @limit`, store.Args{"before": before, "limit": limit})
	return rows, err
}

// Show returns one job, or store.ErrNotFound.
func Show(tx *store.Tx, id int64) (row Row, err error) {
	err = tx.One(&row, "select "+columns+" from jobs where id = @id", store.Args{"id": id})
	return row, err
}

// Cancel stops a job that has not begun. One that tells how far it is may be stopped
// while it runs, too: it ends where it next tells, within some seconds.
func Cancel(tx *store.Tx, id int64) error {
	if n, err := tx.Exec("update jobs set stop_asked = true where id = @id and state = 'running' and kind in ('import', 'rehearse')", store.Args{"id": id}); err != nil || n == 1 {
		return err
	}
	return move(tx, id, "state = 'queued'", "state = 'cancelled', finished_at = @now", "has begun or is over: it can't be cancelled")
}

// Retry queues a job again that failed or was cancelled.
func Retry(tx *store.Tx, id int64) error {
	return move(tx, id, "state in ('failed', 'cancelled')",
		"state = 'queued', run_at = @now, retry_at = null, attempts = 0, fell_silent = 0, started_at = null, finished_at = null, outcome = '', progress = '', stop_asked = false",
		"has neither failed nor been cancelled")
}

func move(tx *store.Tx, id int64, from, to, otherwise string) error {
	n, err := tx.Exec("update jobs set "+to+" where id = @id and "+from, store.Args{"id": id, "now": tx.At})
	if err != nil || n == 1 {
		return err
	}
	if _, err := Show(tx, id); err != nil {
		return err
	}
	return fmt.Errorf("job %d %s", id, otherwise)
}
