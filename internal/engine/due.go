package engine

import (
	"context"
	"time"

	"regulars/internal/loyalty"
	"regulars/internal/store"
)

// Work is a pass that has something to do.
type Work struct {
	Name  string
	Since time.Duration // for how long the oldest of it has been due
}

// always are the passes that ask for themselves whether something is due,
// cheaply: Due names them every time, and cannot say since when.
var always = []string{PassMidnight, PassClock, PassReap, PassRetain}

// Due returns the passes that have something to do now. The first are those of
// the clock, always, with Since 0: they ask for themselves.
func (e *Engine) Due(ctx context.Context) (due []Work, err error) {
	for _, name := range always {
		due = append(due, Work{Name: name})
	}
	err = e.db.View(ctx, func(tx *store.Tx) error {
		var rows []struct {
			Name  string
			First loyalty.Instant
		}
		err := tx.All(&rows, firstDue(tx), store.Args{"now": tx.At})
		for _, r := range rows {
			if !r.First.IsZero() {
				due = append(due, Work{r.Name, tx.At.Sub(r.First.Time)})
			}
		}
		return err
	})
	return due, err
}

// firstDue asks, per pass, for the oldest that is due and that nobody has. Each
// part walks its index from the front, so that a long queue costs no more than a
// short one.
func firstDue(tx *store.Tx) string {
	single := func(pass, lane string) string {
		return `
			select '` + pass + `' as name, (
				select not_before from due
				where  lane = '` + lane + `' and not_before <= @now
				and    (retry_at is null or retry_at <= ` + tx.Machine() + `)
				order  by not_before limit 1) as first`
	}
	return `
			select '` + PassReact + `' as name, (
				select h.taken_at
				from   happenings h
				where  h.id = (
					select min((select min(r.happening_id) from reactions r where r.campaign_id = c.id and (r.retry_at is null or r.retry_at <= ` + tx.Machine() + `)))
					from   (select 0 as id, 'segments' as scope union all select id, 'campaign:' || id from campaigns) c
					where  ` + tx.NotSetBack("c.scope", "reactions") + `)) as first
			union all
			select '` + PassAdvance + `' as name, (
				select min((select min(p.wake_at) from passages p where p.campaign_id = c.id and p.wake_at <= @now))
				from   campaigns c
				where  c.live and ` + tx.NotSetBack("'campaign:' || c.id", "passages") + `) as first
			union all` + single(PassUrgent, "urgent") + `
			union all` + single(PassBulk, "bulk") + `
			union all
			select '` + PassRuns + `' as name, (
				select min(k.not_before)
				from   chunks k
				join   runs r on r.id = k.run_id and r.state = 'sending'
				where  not k.done and k.not_before <= @now
				and    (k.lease_until is null or k.lease_until <= ` + tx.Machine() + `)) as first`
}
