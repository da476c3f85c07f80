package runs

import (
	"errors"
	"fmt"

	"regulars/internal/flows"
	"regulars/internal/isolation"
	"regulars/internal/store"
	"regulars/internal/versions"
)

// ErrRunState says that a run is not in a state in which that can be done.
var ErrRunState = errors.New("the run is not in a state for that")

// runRow is a run as people at the wheel need it.
type runRow struct {
	ID         int64
	CampaignID int64
	State      string
	Class      string
}

// lockRun locks a run that is in one of the states.
func lockRun(tx *store.Tx, id int64, states ...string) (runRow, error) {
	var r runRow
	err := tx.One(&r, "select id, campaign_id, state, class from runs where id = @id "+tx.ForUpdate(), store.Args{"id": id})
	if err != nil {
		return r, fmt.Errorf("run %d: %w", id, err)
	}
	for _, s := range states {
		if r.State == s {
			return r, nil
		}
	}
	return r, fmt.Errorf("run %d is %s: %w", id, r.State, ErrRunState)
}

// Pause stops a run that is sending; what is on the wire goes out.
func Pause(tx *store.Tx, run int64, because string) error {
	if _, err := lockRun(tx, run, "sending"); err != nil {
		return err
	}
	_, err := tx.Exec("update runs set state = 'paused', because = @because where id = @id", store.Args{"id": run, "because": because})
	return err
}

// Resume lets a paused run go on, with as much time as it had at its start: what
// waits for a person to look at the pilot begins now, and waves that were missed
// keep their distance. With latest, what is not yet sent, or could not be made of the
// old texts, takes those of the version in force.
func Resume(tx *store.Tx, run int64, latest bool) error {
	r, err := lockRun(tx, run, "paused")
	if err != nil {
		return err
	}
	v, err := versions.Active(tx)
	if err != nil {
		return err
	}
	c := v.ByID(r.CampaignID)
	if c == nil {
		return fmt.Errorf("run %d: its campaign is no longer part of the program: cancel it", run)
	}
	if latest {
		if err := takeUpSpoilt(isolation.Turn{Tx: tx, V: v, ID: c.ID, C: c}, run); err != nil {
			return fmt.Errorf("run %d: %w", run, err)
		}
		if err := hasMails(tx, v, OldTexts{Campaign: c.Name, Run: run, ID: c.ID}); err != nil {
			return fmt.Errorf("run %d: %w", run, err)
		}
		if err := renew(tx, run, v); err != nil {
			return err
		}
	}
	how, err := rolloutOf(tx, run, v, c)
	if err != nil {
		return err
	}
	if err := how.goOn(tx, run); err != nil {
		return fmt.Errorf("run %d: what is left of it: %w", run, err)
	}
	_, err = tx.Exec("update runs set state = 'sending', because = '' where id = @id", store.Args{"id": run})
	tx.Wake(fmt.Sprintf("run.deliver:%d", run))
	return err
}

// Cancel ends a run and the flow that follows it: what has not been handed over is
// skipped, by FinishRuns as soon as no worker is on it, and its codes go back.
func Cancel(tx *store.Tx, run int64, because string) error {
	if _, err := lockRun(tx, run, "sending", "paused"); err != nil {
		return err
	}
	_, err := tx.Exec("update runs set state = 'cancelled', because = @because where id = @id", store.Args{"id": run, "because": because})
	if err != nil {
		return err
	}
	return flows.EndWhere(tx, "p.occurrence_id = (select r.occurrence_id from runs r where r.id = @id)", store.Args{"id": run}, "cancelled by hand")
}
