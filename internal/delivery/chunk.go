package delivery

import (
	"errors"
	"fmt"
	"maps"
	"time"

	"regulars/internal/loyalty"
	"regulars/internal/store"
)

// chunk is a slice of a run's audience that one worker has claimed.
type chunk struct {
	RunID  int64
	N      int64
	Hi     int64
	NextID int64 // every send before it is over, due, or in an open batch
	Fence  int64
}

// takeChunk claims the open chunk of a run that is due longest, or of any run for 0;
// ErrNotFound when there is none. One whose last worker left batches behind must be reaped first, or its
// mails would go out again.
func takeChunk(tx *store.Tx, run, owner int64, lease time.Duration) (c chunk, err error) {
	err = tx.One(&c, `
		select c.run_id, c.n
		from   chunks c
		where  not c.done and c.not_before <= @now and (@run = 0 or c.run_id = @run)
		and   (c.lease_until is null or c.lease_until <= `+tx.Machine()+`)
		and    not exists (select 1 from batches b where b.run_id = c.run_id and b.chunk = c.n)
		and    exists (select 1 from runs r where r.id = c.run_id and r.state = 'sending' and `+free("r")+`)
		order  by c.not_before, c.run_id, c.n
		limit  1 `+tx.SkipLocked(), store.Args{"now": tx.At, "run": run})
	if err != nil {
		return c, err
	}
	err = tx.One(&c, `
		update chunks
		set    fence = fence + 1, lease_until = `+tx.MachineIn(lease)+`, owner = nullif(cast(@owner as bigint), 0), owner_fence = fence + 1
		where  run_id = @run and n = @n
		returning run_id, n, hi, next_id, fence`, store.Args{"run": c.RunID, "n": c.N, "owner": owner})
	return c, err
}

// set changes the chunk's row while its claim holds; errLost when it does not.
func (c chunk) set(tx *store.Tx, what, provided string, args store.Args) error {
	all := store.Args{"run": c.RunID, "n": c.N, "fence": c.Fence}
	maps.Copy(all, args)
	n, err := tx.Exec(`
		update chunks set `+what+`
		where  run_id = @run and n = @n and fence = @fence and not done and lease_until > `+tx.Machine()+" "+provided, all)
	if err != nil {
		return fmt.Errorf("chunk %d of run %d: %w", c.N, c.RunID, err)
	}
	if n == 0 {
		return fmt.Errorf("chunk %d of run %d: %w", c.N, c.RunID, errLost)
	}
	return nil
}

// advance takes up the sends from one id up to another, and prolongs the claim.
// It holds the chunk's row, so that no two batches have a send in common.
func (c chunk) advance(tx *store.Tx, from, next int64, lease time.Duration) error {
	return c.set(tx, "next_id = @next, lease_until = "+tx.MachineIn(lease), "and next_id = @from", store.Args{"from": from, "next": next})
}

// renew prolongs the claim.
func (c chunk) renew(tx *store.Tx, lease time.Duration) error {
	return c.set(tx, "lease_until = "+tx.MachineIn(lease), "", nil)
}

// close says that every send of the chunk has been taken up.
func (c chunk) close(tx *store.Tx) error {
	return c.set(tx, "done = true, lease_until = null", "", nil)
}

// leave lets the next worker go on, at once or not before a business moment.
func (c chunk) leave(tx *store.Tx, until loyalty.Instant) error {
	if until.IsZero() {
		return c.set(tx, "lease_until = null", "", nil)
	}
	return c.set(tx, "lease_until = null, not_before = @until", "", store.Args{"until": until})
}

// next returns the ids of sends that are still to be taken up, at most so many.
func (c chunk) next(tx *store.Tx, from int64, limit int) (ids []int64, err error) {
	err = tx.All(&ids, `
		select id from sends
		where  run_id = @run and id between @next and @hi and state = 'queued'
		order  by id limit @limit`, store.Args{"run": c.RunID, "next": from, "hi": c.Hi, "limit": limit})
	if err != nil {
		return nil, fmt.Errorf("chunk %d of run %d: %w", c.N, c.RunID, err)
	}
	return ids, nil
}

// stopped reports whether a person or a brake has stopped the run.
func (c chunk) stopped(tx *store.Tx) (bool, error) {
	var goes bool
	err := tx.One(&goes, "select r.state = 'sending' and "+free("r")+" from runs r where r.id = @run", store.Args{"run": c.RunID})
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return false, fmt.Errorf("run %d: %w", c.RunID, err)
	}
	return !goes, nil
}
