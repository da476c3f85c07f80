package jobs

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/hibiken/asynq"

	"regulars/internal/delivery"
	"regulars/internal/engine"
	"regulars/internal/intake"
	"regulars/internal/marketing"
	"regulars/internal/store"
)

// Rooms are what handlers work with.
type Rooms struct {
	DB     *store.DB
	Sender *delivery.Sender
	Intake *intake.Intake
	Engine *engine.Engine

	ImportDir string // the only folder that import jobs read from
}

// marketer does for a job what people do at the command line.
func (r Rooms) marketer() marketing.Marketer {
	return marketing.Marketer{DB: r.DB, Sender: r.Sender}
}

// kind is a kind of job: its fields, its queue and its handler. Its task is
// job.KIND, and carries the id of the job's row.
type kind struct {
	about  string
	queue  string
	fields []field
	open   bool // other values are allowed: a launch's own
	atOnce int  // how many one worker does at once, in places of their own; 0: it shares those of its queue

	// settle, if not nil, turns values into what is kept of them when the job is
	// enqueued. What is wrong is an *OrderError.
	settle func(tx *store.Tx, values map[string]string) error

	// do does the job and says what it did, in words. It may be run again after
	// a crash, so it must be safe to repeat.
	do func(context.Context, Rooms, Row) (string, error)
}

var kinds = map[string]kind{
	"launch":   launchJob,
	"drop":     dropJob,
	"refresh":  refreshJob,
	"test":     testJob,
	"generate": generateJob,
	"import":   importJob,
	"count":    countJob,
	"rehearse": rehearseJob,
}

// ErrGiveUp marks an error that trying again cannot mend.
var ErrGiveUp = errors.New("gave up")

// giveUp makes err final. Its words stay as they are.
type giveUp struct{ error }

func (g giveUp) Unwrap() []error { return []error{g.error, ErrGiveUp} }

// final makes an error of a room final unless it is one of the machine, which
// may pass.
func final(err error) error {
	if err == nil || store.Passing(err) {
		return err
	}
	return giveUp{err}
}

// attempts is how often a job is tried before it has failed.
const attempts = 5

// mostSilent is how many workers may fall silent over a job before it is set aside: a
// third would go the same way, and all other work with it.
const mostSilent = 2

// backoff is the pause before the next try: 10 s, 40 s, 90 s …
func backoff(tried int) time.Duration { return time.Duration(tried*tried) * 10 * time.Second }

// job does a job, if it is to be done now and nobody has it; else it returns 0.
func (w *Worker) job(ctx context.Context, id int64) (int, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	// Not broken off by a stop: a claim that lasts and whose answer is lost would
	// keep everybody from the job until its lease is over.
	whole, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	var row Row
	err := w.DB.Update(whole, func(tx *store.Tx) (err error) { row, err = claim(tx, id); return err })
	if errors.Is(err, store.ErrNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("claiming a job: %w", err)
	}
	said, err := w.kept(ctx, row)
	return 1, w.record(ctx, row, said, err)
}

// kept runs the handler while its claim is renewed; a lost claim ends it.
func (w *Worker) kept(ctx context.Context, row Row) (said string, err error) {
	k, ok := kinds[row.Kind]
	switch {
	case !ok:
		return "", giveUp{fmt.Errorf("this version knows no job %q", row.Kind)}
	case row.FellSilent >= mostSilent:
		return "", giveUp{fmt.Errorf("it is set aside: %d workers that had it fell silent, killed by it perhaps; see their logs and memory, then `regulars jobs retry %d`", row.FellSilent, row.ID)}
	}
	ctx, cancel := context.WithCancel(ctx)
	var renewing sync.WaitGroup
	renewing.Go(func() { w.renew(ctx, cancel, row) })
	defer renewing.Wait()
	defer cancel()
	defer func() {
		if p := recover(); p != nil { // the job's own: it would do so again
			w.Log.Error("a job panicked", "job", row.ID, "kind", row.Kind, "panic", p)
			err = giveUp{fmt.Errorf("it came upon a mistake of the program: %v", p)}
		}
	}()
	return k.do(ctx, w.Rooms, row)
}

func (w *Worker) renew(ctx context.Context, cancel func(), row Row) {
	tick := time.NewTicker(lease / 3)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		kept := true
		err := w.DB.Update(ctx, func(tx *store.Tx) (err error) { kept, err = renew(tx, row); return err })
		if err == nil && !kept {
			cancel()
			return
		}
	}
}

// record writes down how a job ended, and returns how its task did (a later). A stop of
// the process is no failure of the job: its next holder begins at once.
func (w *Worker) record(ctx context.Context, row Row, said string, err error) error {
	stopped := errors.Is(ctx.Err(), context.Canceled)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	var failed error
	broken := w.DB.Update(ctx, func(tx *store.Tx) error {
		failed = nil
		switch {
		case err == nil:
			return finish(tx, row, "done", said)
		case errors.Is(err, errCancelled):
			return finish(tx, row, "cancelled", "cancelled on the way: "+said)
		case stopped:
			return giveBack(tx, row)
		case errors.Is(err, ErrGiveUp) || row.Attempts >= attempts:
			failed = later{fmt.Errorf("%s: %w", withoutAddresses(err), asynq.SkipRetry), 0}
			return finish(tx, row, "failed", err.Error())
		default:
			failed = later{errors.New(withoutAddresses(err)), backoff(row.Attempts)}
			return again(tx, row, backoff(row.Attempts), err.Error())
		}
	})
	if broken != nil {
		return fmt.Errorf("recording job %d: %w", row.ID, broken)
	}
	return failed
}
