package jobs

import (
	"time"

	"regulars/internal/engine"
	"regulars/internal/loyalty"
	"regulars/internal/store"
)

const (
	// lease is for how long a worker that fell silent keeps a job. It renews at a
	// third of it.
	lease = time.Minute
	// strange is for how long a job of an unknown kind is left to a newer version
	// of us, which may be on its way.
	strange = 24 * time.Hour
)

// free is the condition on a job that somebody should do now and nobody has.
func free(tx *store.Tx) string {
	return `state in ('queued', 'running') and run_at <= @now
		and   (kind in @kinds or run_at <= @strange)
		and   (retry_at is null or retry_at <= ` + tx.Machine() + `)
		and   (lease_until is null or lease_until <= ` + tx.Machine() + `)`
}

func freeArgs(tx *store.Tx) store.Args {
	return store.Args{"now": tx.At, "kinds": Kinds(), "strange": loyalty.At(tx.At.Add(-strange))}
}

// jobsSeen is how many jobs of each kind that are due the recovery pass looks at, the
// oldest first: many that wait for a place hide none that has one.
const jobsSeen = 20

// dueJobs returns the jobs that somebody should do.
func dueJobs(tx *store.Tx) (due []engine.Work, err error) {
	args := freeArgs(tx)
	args["most"] = jobsSeen
	err = tx.All(&due, `
		select '`+jobPrefix+`' || kind as kind, id
		from   (select kind, id, run_at, row_number() over (partition by kind order by run_at, id) as n from jobs where `+free(tx)+`) as waiting
		where  n <= @most
		order  by run_at, id`, args)
	return due, err
}

// claim takes a job for this worker; store.ErrNotFound when it is not to be done now,
// or somebody has it.
func claim(tx *store.Tx, id int64) (row Row, err error) {
	args := freeArgs(tx)
	args["id"] = id
	err = tx.One(&row, `
		update jobs
		set    fell_silent = fell_silent + case state when 'running' then 1 else 0 end, -- whoever had it let its lease run out
		       state = 'running', fence = fence + 1, attempts = attempts + 1,
		       lease_until = `+tx.MachineIn(lease)+`, started_at = coalesce(started_at, @now)
		where  id = (select id from jobs where id = @id and `+free(tx)+" "+tx.SkipLocked()+`)
		returning `+columns, args)
	return row, err
}

// held is the condition on a job whose claim still holds.
const held = "id = @id and fence = @fence and state = 'running'"

func (r Row) claimed(more store.Args) store.Args {
	more["id"], more["fence"] = r.ID, r.Fence
	return more
}

// renew keeps a claim for another lease; false says that it is lost.
func renew(tx *store.Tx, row Row) (bool, error) {
	n, err := tx.Exec("update jobs set lease_until = "+tx.MachineIn(lease)+" where "+held, row.claimed(store.Args{}))
	return n == 1, err
}

// finish records how a job ended; a claim that was lost records nothing.
func finish(tx *store.Tx, row Row, state, outcome string) error {
	_, err := tx.Exec(`
		update jobs
		set    state = @state, outcome = @outcome, finished_at = @now, lease_until = null, retry_at = null
		where  `+held, row.claimed(store.Args{"state": state, "outcome": outcome, "now": tx.At}))
	return err
}

// again puts a claimed job back, to be tried after a while.
func again(tx *store.Tx, row Row, after time.Duration, because string) error {
	_, err := tx.Exec(`
		update jobs
		set    state = 'queued', outcome = @because, lease_until = null, retry_at = `+tx.MachineIn(after)+`
		where  `+held, row.claimed(store.Args{"because": because}))
	return err
}

// giveBack puts back a job that was broken off by a stop: that was no try.
func giveBack(tx *store.Tx, row Row) error {
	_, err := tx.Exec(`
		update jobs
		set    state = 'queued', outcome = 'interrupted', lease_until = null, attempts = attempts - 1
		where  `+held, row.claimed(store.Args{}))
	return err
}
