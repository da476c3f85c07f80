package jobs

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"regulars/internal/importer"
	"regulars/internal/store"
)

// Progress is how far a job is that tells of it. It names nobody.
type Progress struct {
	Read      int64          `json:"read"` // bytes of a file, since rows are taken in; of a rehearsal, what happened that was played
	Total     int64          `json:"total"`
	Rows      importer.Tally `json:"rows"`
	PerSecond int64          `json:"per_second"`        // rows; 0: nobody knows yet
	Seconds   int64          `json:"seconds,omitempty"` // that it still takes; 0: nobody knows
}

// Progress returns how far the job is; false where it has told nothing.
func (r Row) Progress() (p Progress, told bool) {
	return p, r.Told != "" && json.Unmarshal([]byte(r.Told), &p) == nil
}

// errCancelled ends a job that somebody cancelled while it ran.
var errCancelled = errors.New("it was cancelled")

// errLost ends a job whose claim another worker has by now.
var errLost = errors.New("its lease ran out, and another worker has it")

// tell writes down how far a job is. It is errCancelled when somebody wants it to end.
func tell(ctx context.Context, db *store.DB, row Row, p Progress) error {
	return db.Update(ctx, func(tx *store.Tx) error {
		var asked bool
		err := tx.One(&asked, "update jobs set progress = @progress where "+held+" returning stop_asked", row.claimed(store.Args{"progress": store.JSON(p)}))
		switch {
		case errors.Is(err, store.ErrNotFound):
			return errLost
		case err == nil && asked:
			return errCancelled
		}
		return err
	})
}

// pace works out how fast a file is taken in. Passes in which it is only looked at go
// faster, and do not count: the clock begins with the first row that does.
type pace struct {
	read, total int64     // bytes
	from        int64     // of read, when rows began to count
	began, told time.Time // zero: not yet
}

const (
	tellEvery = time.Second
	paceAfter = 2 * time.Second // before that a rate is a guess
)

func (p *pace) bytes(read, total int64) { p.read, p.total = read, total }

// rows returns how far it is at a moment, and whether that is to be told.
func (p *pace) rows(t importer.Tally, at time.Time) (Progress, bool) {
	if p.began.IsZero() || t.Read == 0 {
		p.began, p.from = at, p.read
	}
	now := Progress{Read: p.read - p.from, Total: p.total - p.from, Rows: t}
	if took := at.Sub(p.began); took >= paceAfter && p.read > p.from {
		now.PerSecond = int64(float64(t.Read) / took.Seconds())
		if left := max(p.total-p.read, 0); left > 0 {
			now.Seconds = max(int64(took.Seconds()*float64(left)/float64(p.read-p.from)), 1)
		}
	}
	if at.Sub(p.told) < tellEvery && p.read < p.total {
		return now, false
	}
	p.told = at
	return now, true
}
