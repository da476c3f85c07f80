package runs

import (
	"context"
	"errors"
	"fmt"

	"regulars/internal/flows"
	"regulars/internal/isolation"
	"regulars/internal/store"
)

// FinishRuns ends runs: what is late, or belongs to a cancelled run, is skipped,
// a run whose pilot is out waits for a person, and one of which nothing is pending
// is finished. It returns how many runs it ended or changed.
func FinishRuns(ctx context.Context, db *store.DB) (int, error) {
	const open = "(state in ('sending', 'paused') or state = 'cancelled' and finished_at is null)"
	openRuns := func(tx *store.Tx, campaign int64, most int) (all []isolation.Piece, err error) {
		err = tx.All(&all, "select id from runs where campaign_id = @campaign and "+open+" order by id limit @most", store.Args{"campaign": campaign, "most": most})
		return all, err
	}
	return isolation.Each(ctx, db, isolation.Work{
		Name: "runs", Limit: isolation.Long, Idle: true, Pieces: openRuns,
		Due: func(tx *store.Tx) (ids []int64, err error) {
			err = tx.All(&ids, "select distinct campaign_id from runs where "+open+" order by 1", nil)
			return ids, err
		},
		Do: func(t isolation.Turn, only []int64) (n int, err error) {
			if only == nil {
				all, err := openRuns(t.Tx, t.ID, t.Most)
				if err != nil {
					return 0, err
				}
				for _, r := range all {
					only = append(only, r.ID)
				}
			}
			for _, id := range only {
				did, err := finish(t, id)
				if err != nil {
					return 0, fmt.Errorf("run %d: %w", id, err)
				}
				if did {
					n++
				}
			}
			return n, nil
		},
	})
}

// finish deals with one run, unless somebody else is at it.
func finish(t isolation.Turn, id int64) (bool, error) {
	tx := t.Tx
	var r struct {
		State string
		Late  bool
	}
	err := tx.One(&r, "select state, expires_at < @now as late from runs where id = @id and finished_at is null "+tx.SkipLocked(),
		store.Args{"id": id, "now": tx.At})
	if errors.Is(err, store.ErrNotFound) {
		t.Leave()
		return false, nil
	}
	if err != nil {
		return false, err
	}
	c, err := cutOf(tx, id)
	if err != nil {
		return false, err
	}
	did, upTo := false, c.upTo()
	switch {
	case r.State == "cancelled":
		upTo = everything
		did, err = skipRest(tx, id, "cancelled", upTo)
	case r.State == "sending" && r.Late:
		did, err = skipRest(tx, id, "late", upTo)
	case r.State == "paused":
		return false, nil
	}
	if err != nil {
		return false, err
	}
	pending, err := anyPending(tx, id, upTo)
	if err != nil || pending {
		return did, err
	}
	if upTo != everything {
		return true, awaitPerson(tx, id)
	}
	_, err = tx.Exec(`
		update runs
		set    state = case when state = 'cancelled' then state else 'finished' end, finished_at = @now
		where  id = @id`, store.Args{"id": id, "now": tx.At})
	return true, err
}

// skipRest skips what nobody has begun to hand over, up to a send. A chunk that a worker holds
// is left until its lease is over: closing the others first means that no mark
// can come in between.
func skipRest(tx *store.Tx, run int64, reason string, upTo int64) (bool, error) {
	args := store.Args{"run": run, "reason": reason, "now": tx.At, "to": upTo}
	closed, err := tx.Exec("update chunks set done = true where run_id = @run and not done and (lease_until is null or lease_until <= "+tx.Machine()+")", args)
	if err != nil {
		return false, err
	}
	var held int
	err = tx.One(&held, "select count(*) from chunks where run_id = @run and not done", args)
	if err != nil || held > 0 {
		return closed > 0, err
	}
	var skipped []int64
	err = tx.All(&skipped, `
		update sends
		set    state = 'skipped', reason = @reason, done_at = @now
		where  run_id = @run and id <= @to and state in ('queued', 'deferred')
		and    not exists (select 1 from batches k where k.run_id = @run and sends.id in (select value from `+tx.JSONEach("k.send_ids")+`))
		returning id`, args)
	if err != nil {
		return false, err
	}
	if err := flows.LetGo(tx, skipped); err != nil {
		return false, err
	}
	return closed > 0 || len(skipped) > 0, tx.WakePassages(skipped)
}
