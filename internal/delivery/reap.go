package delivery

import (
	"context"
	"fmt"
	"time"

	"regulars/internal/loyalty"
	"regulars/internal/store"
)

// reapAtOnce is how many claims, and how many batches, one transaction looks at.
const reapAtOnce = 200

// settleWithin is for how long leases wait that outlived their workers while another
// process settles those of which it knows more.
const settleWithin = 5 * time.Second

// Reap deals with leases that outlived their workers and returns how many sends
// it moved: what was claimed is queued again, what may have been on the wire is
// unknown.
func (d *Sender) Reap(ctx context.Context) (int, error) {
	moved, err := d.settleDead(ctx, settleWithin)
	if err != nil {
		d.c.Log.Warn("what a worker of this machine left on the wire is not settled by its log", "err", err)
	}
	for _, part := range []func(*store.Tx) ([]result, error){d.reapClaims, d.reapBatches, forgetSetbacks} {
		var effective []result
		err := d.update(ctx, func(tx *store.Tx) (err error) { effective, err = part(tx); return err })
		if err != nil {
			return moved, fmt.Errorf("reaping: %w", err)
		}
		moved += len(effective)
		for _, e := range effective {
			if e.state == unknown {
				d.c.Log.Warn("nobody knows whether a mail was sent", "send", e.s.Send, "campaign", e.s.campaign, "again", e.due)
			}
		}
	}
	return moved, nil
}

// forgetSetbacks says of campaigns whose mails were set back that nothing waits for
// that any more: the last of them was sent by another lane, skipped or cancelled.
func forgetSetbacks(tx *store.Tx) ([]result, error) {
	_, err := tx.Exec(`
		delete from setbacks
		where  work = '`+mailsWork+`'
		and    not exists (select 1 from due d join sends s on s.id = d.send_id
		                   where  'campaign:' || s.campaign_id = setbacks.scope and d.not_before <= @now
		                   and    s.state in ('queued', 'claimed', 'handing'))
		and    not exists (select 1 from chunks k join runs r on r.id = k.run_id
		                   where  'campaign:' || r.campaign_id = setbacks.scope and not k.done and r.state in ('sending', 'paused'))`, store.Args{"now": tx.At})
	return nil, err
}

// reapClaims ends the claims of single sends.
func (d *Sender) reapClaims(tx *store.Tx) ([]result, error) {
	var ids []int64
	err := tx.All(&ids, `
		select d.send_id
		from   due d
		where  d.retry_at <= `+tx.Machine()+`
		and   (select s.state from sends s where s.id = d.send_id) in ('claimed', 'handing')
		order  by d.send_id
		limit  @limit `+tx.SkipLocked(), store.Args{"limit": reapAtOnce})
	if err != nil || len(ids) == 0 {
		return nil, err
	}
	sends, err := load(tx, ids)
	if err != nil {
		return nil, err
	}
	var results []result
	for _, s := range sends {
		switch s.state {
		case claimed:
			results = append(results, result{s: s, state: queued, due: true}.keep())
		case handing:
			s.begun = true // the mark has counted it
			results = append(results, d.outcomes.unknown(result{s: s, tried: true}, leaseOver))
		}
	}
	return record(tx, Bulk, ofClaim, results)
}

// reapBatches ends the batches that were left open: each of their sends may have
// been on the wire.
func (d *Sender) reapBatches(tx *store.Tx) ([]result, error) {
	var left []struct {
		ID       int64
		Fence    int64
		SendIDs  string
		MarkedAt loyalty.Instant
	}
	err := tx.All(&left, `
		select b.id, b.fence, cast(b.send_ids as text) as send_ids, b.marked_at
		from   batches b
		where  not exists (select 1 from chunks c
		                   where  c.run_id = b.run_id and c.n = b.chunk and c.fence = b.fence
		                   and    c.lease_until > `+tx.Machine()+`)
		order  by b.id
		limit  @limit `+tx.SkipLocked(), store.Args{"limit": reapAtOnce})
	if err != nil {
		return nil, err
	}
	var all []result
	for _, b := range left {
		sends, err := batchSends(tx, b.SendIDs, b.Fence)
		if err != nil {
			return nil, err
		}
		results := make([]result, len(sends))
		for i, s := range sends {
			s.handedAt = b.MarkedAt
			results[i] = d.outcomes.unknown(result{s: s, tried: true}, leaseOver)
		}
		if _, err := shrink(tx, b.ID, nil); err != nil {
			return nil, err
		}
		effective, err := record(tx, Bulk, ofBatch, results)
		if err != nil {
			return nil, err
		}
		all = append(all, effective...)
	}
	return all, nil
}
