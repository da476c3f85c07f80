package delivery

import (
	"time"

	"regulars/internal/store"
)

// claimDue raises the fence of the sends that are due and nobody else has,
// oldest first, or of some of these, and returns their ids. What a person stopped is
// left alone.
func claimDue(tx *store.Tx, lane string, limit int, only []int64, owner int64, lease time.Duration) ([]int64, error) {
	args := store.Args{"lane": lane, "now": tx.At, "limit": limit, "only": store.JSON(only), "owner": owner}
	among := ""
	if only != nil {
		among = "and d.send_id in (select value from " + tx.JSONEach("@only") + ")"
	}
	var ids []int64
	err := tx.All(&ids, `
		select d.send_id
		from   due d
		where  d.lane = @lane and d.not_before <= @now `+among+`
		and   (d.retry_at is null or d.retry_at <= `+tx.Machine()+`)
		and    exists (select 1 from sends s
		               where  s.id = d.send_id and s.state in ('queued', 'deferred', 'unknown')
		               and    `+free("s")+`
		               and    not exists (select 1 from runs r where r.id = s.run_id and r.state = 'paused'))
		order  by d.not_before, d.send_id
		limit  @limit `+tx.SkipLocked(), args)
	if err != nil || len(ids) == 0 {
		return nil, err
	}
	args["ids"] = store.JSON(ids)
	var claimed []int64
	err = tx.All(&claimed, `
		update sends
		set    state  = 'claimed',
		       fence  = fence + 1,
		       reason = case when state = 'unknown' then 'retried' else reason end
		where  id in (select value from `+tx.JSONEach("@ids")+`)
		and    `+opaque("state in ('queued', 'deferred', 'unknown')")+`
		returning id`, args)
	if err != nil {
		return nil, err
	}
	args["ids"] = store.JSON(claimed)
	_, err = tx.Exec(`
		update due
		set    retry_at = `+tx.MachineIn(lease)+`,
		       fence    = s.fence, owner_fence = s.fence,
		       owner    = nullif(cast(@owner as bigint), 0)
		from   sends s
		where  s.id = due.send_id and due.send_id in (select value from `+tx.JSONEach("@ids")+`)`, args)
	return claimed, err
}

// free is the condition that no hold stops a send, as consent.Holds.Stops says it.
func free(s string) string {
	return `not exists (select 1 from holds h
		                    where  h.scope = 'all'
		                    or     h.scope = 'offers' and ` + s + `.class = 'offer'
		                    or     h.scope = 'campaign:' || cast(` + s + `.campaign_id as text))`
}

// renew prolongs the leases of claims that still hold.
func renew(tx *store.Tx, sends []*send, lease time.Duration) error {
	_, err := tx.Exec(`
		update due
		set    retry_at = `+tx.MachineIn(lease)+`
		from   sends s
		where  due.send_id in (select value from `+tx.JSONEach("@ids")+`)
		and    s.id = due.send_id
		and    `+opaque("s.fence = due.fence and s.state in ('claimed', 'handing') and due.retry_at > "+tx.Machine()), store.Args{"ids": store.JSON(idsOf(sends))})
	return err
}
