package delivery

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"regulars/internal/loyalty"
	"regulars/internal/store"
)

// Work takes an open chunk of a run, or of some run for 0, and works it to its end, or until ctx
// ends, its run is held or the relay is away (a *Rest). It returns how many
// sends it finished or moved, and one more for a chunk that it finished: 0 says
// that there was nothing to do. It waits while as many others are being taken up as
// manyFeed says.
//
// A chunk that cannot be worked on for a reason of its own waits, so that those of
// other runs go on, and its campaign is told of as set back.
func (d *Sender) Work(ctx context.Context, run int64) (int, error) {
	select {
	case d.feeders <- struct{}{}:
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	fed := sync.OnceFunc(func() { <-d.feeders })
	defer fed()
	c := &chunkClaim{d: d, renewed: time.Now()}
	owner, free := d.onWire.owner()
	err := d.claim(ctx, func(tx *store.Tx) (err error) { c.chunk, err = takeChunk(tx, run, owner, d.c.Lease); return err })
	free()
	if errors.Is(err, store.ErrNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("taking a chunk: %w", err)
	}
	c.from = c.chunk.NextID
	w := &worker{d: d, lane: Bulk, claim: c}
	w.run(ctx, fed)

	why := errors.Join(w.errs...)
	if why != nil && ctx.Err() == nil && !store.Away(why) && !errors.Is(why, errLost) && len(w.lost) == 0 {
		err := d.persist(func(tx *store.Tx) error {
			r := store.RunRow{ID: c.chunk.RunID}
			if err := tx.Get(&r); err != nil {
				return err
			}
			return tx.SetBack(store.ScopeCampaign(r.CampaignID), mailsWork, why)
		})
		if err != nil {
			w.trouble(err)
		} else {
			d.c.Log.Error("a part of a run waits", "run", c.chunk.RunID, "chunk", c.chunk.N, "err", why)
			w.errs, w.until, w.done = nil, d.now().Plus(textRetry), false
		}
	}
	done := w.done && len(w.errs) == 0
	err = d.persist(func(tx *store.Tx) error {
		if w.doubt {
			if err := c.chunk.withdraw(tx, w.lost); err != nil {
				return err
			}
		}
		if done {
			return c.chunk.close(tx)
		}
		return c.chunk.leave(tx, w.until)
	})
	if err == nil && done {
		w.moved.Add(1)
	}
	if err != nil && !errors.Is(err, errLost) {
		w.trouble(err)
	}
	if err := errors.Join(w.errs...); err != nil {
		return int(w.moved.Load()), fmt.Errorf("chunk %d of run %d: %w", c.chunk.N, c.chunk.RunID, err)
	}
	return int(w.moved.Load()), w.outcome()
}

// chunkClaim is the claim of a chunk of a run. Its sends are marked batch by batch,
// before they go to the wire.
type chunkClaim struct {
	d     *Sender
	chunk chunk
	from  int64 // the first send not yet taken up

	mu      sync.Mutex
	renewed time.Time // when the lease was last known to begin, by our clock
}

func (c *chunkClaim) keepEvery() time.Duration { return min(lookEvery, c.d.c.Renew) }

// next loads the next sends of the chunk and asks the gate.
func (c *chunkClaim) next(ctx context.Context, most int) (b *batch, err error) {
	err = c.d.plans.with(ctx, func(p *planner) error {
		return c.d.view(ctx, func(tx *store.Tx) error {
			b = nil
			if stopped, err := c.chunk.stopped(tx); stopped || err != nil {
				return cmp.Or(err, errHalted)
			}
			ids, err := c.chunk.next(tx, c.from, most)
			if err != nil || len(ids) == 0 {
				return err
			}
			sends, err := open(tx, ids, p)
			if err != nil {
				return err
			}
			rulings, err := gate(tx, sends)
			if err != nil {
				return err
			}
			b = &batch{last: ids[len(ids)-1]}
			for i, s := range sends {
				s.fence = c.chunk.Fence
				if e, closed := ruled(s, rulings[i]); closed {
					b.ended = append(b.ended, e)
				} else if rulings[i].goes() {
					b.sends = append(b.sends, s)
				}
			}
			if err := b.room(tx); err != nil {
				return err
			}
			b.stuff, err = gather(tx, b.sends)
			return err
		})
	})
	if err == nil && b != nil {
		err = c.d.refer(ctx, &b.stuff, b.sends)
	}
	if err != nil {
		return nil, err
	}
	return b, nil
}

// mark asks the gate again and writes the batch down, all while the chunk is
// ours: from its commit on the mails may be on their way.
func (c *chunkClaim) mark(ctx context.Context, b *batch) (marked *batch, err error) {
	age := time.Now()
	err = c.d.claim(ctx, func(tx *store.Tx) error {
		if stopped, err := c.chunk.stopped(tx); stopped || err != nil {
			return cmp.Or(err, errHalted)
		}
		if err := c.chunk.advance(tx, c.from, b.last+1, c.d.c.Lease); err != nil {
			return err
		}
		rulings, err := pass(tx, b.sends)
		if err != nil {
			return err
		}
		marked = &batch{age: age, stuff: b.stuff}
		ended := slices.Clone(b.ended)
		for i, s := range b.sends {
			s.handedAt, s.warmed = tx.At, 0
			if e, ends := s.ends(rulings[i], tx.At); ends {
				ended = append(ended, e)
			} else if !rulings[i].over {
				marked.sends = append(marked.sends, s)
			}
		}
		var waiting []result
		if marked.sends, waiting, err = warm(tx, Bulk, marked.sends); err != nil {
			return err
		}
		ended = append(ended, waiting...)
		if ended, err = c.d.brakes.spare(tx, ended); err != nil {
			return err
		}
		if marked.ended, err = record(tx, Bulk, ofBatch, ended); err != nil || len(marked.sends) == 0 {
			return err
		}
		return tx.One(&marked.id, `
			insert into batches (run_id, chunk, fence, send_ids, marked_at)
			values (@run, @n, @fence, `+tx.JSONParam("@ids")+`, @now)
			returning id`,
			store.Args{"run": c.chunk.RunID, "n": c.chunk.N, "fence": c.chunk.Fence, "ids": store.JSON(idsOf(marked.sends)), "now": tx.At})
	})
	if err != nil {
		return nil, err
	}
	c.from = b.last + 1
	c.leasedFrom(age)
	return marked, nil
}

// begin lets a mail's first byte out if its mark still is good. Where the relay
// was so slow that it is not, the gate is asked again on the spot.
func (c *chunkClaim) begin(ctx context.Context, b *batch, s *send) error {
	if c.leased() >= c.d.c.Lease {
		return errLost
	}
	if time.Since(b.age) <= c.d.c.MarkFor {
		return nil
	}
	return c.d.view(ctx, func(tx *store.Tx) error { return regate(tx, s) })
}

func (c *chunkClaim) recording() (done func()) { return func() {} }

// record records sends of the batch that have landed, in one statement. The batch's
// row goes with the last of them. When the row is gone the chunk was lost, and only
// what is unknown by now can still be told.
func (c *chunkClaim) record(tx *store.Tx, b *batch, results []result) ([]result, error) {
	var left []int64
	for _, s := range b.sends {
		if !b.landed[s.Send] {
			left = append(left, s.Send)
		}
	}
	results, err := toldBefore(tx, b.id, results)
	if err == nil {
		results, err = c.d.brakes.spare(tx, results)
	}
	if err != nil {
		return nil, err
	}
	n, err := shrink(tx, b.id, left)
	if err != nil {
		return nil, err
	}
	whose := ofBatch
	if n == 0 {
		whose = ofLost
	}
	return record(tx, Bulk, whose, results)
}

// toldBefore notes which results of a batch are recorded already, by an answer of the
// database that was lost: the batch's row has them no more. They give no place in the
// warm-up back a second time; all else that is recorded twice comes to the same.
func toldBefore(tx *store.Tx, batch int64, results []result) ([]result, error) {
	if !slices.ContainsFunc(results, result.cools) {
		return results, nil
	}
	var list string
	err := tx.One(&list, "select cast(send_ids as text) from batches where id = @id "+tx.ForUpdate(), store.Args{"id": batch})
	if errors.Is(err, store.ErrNotFound) { // then what is not unknown is not recorded at all
		return results, nil
	}
	var open []int64
	if err == nil {
		err = json.Unmarshal([]byte(list), &open)
	}
	if err != nil {
		return nil, fmt.Errorf("the sends of batch %d: %w", batch, err)
	}
	results = slices.Clone(results)
	for i, e := range results {
		results[i].told = !slices.Contains(open, e.s.Send)
	}
	return results, nil
}

// keep sees holds and keeps the lease. What it cannot ask it leaves: without an
// answer the lease runs out.
func (c *chunkClaim) keep(ctx context.Context) error {
	var stopped bool
	err := c.d.view(ctx, func(tx *store.Tx) (err error) { stopped, err = c.chunk.stopped(tx); return err })
	if err == nil && stopped {
		return errHalted
	}
	if c.leased() < c.d.c.Renew {
		return nil
	}
	from := time.Now()
	err = c.d.update(ctx, func(tx *store.Tx) error { return c.chunk.renew(tx, c.d.c.Lease) })
	switch {
	case err == nil:
		c.leasedFrom(from)
	case errors.Is(err, errLost):
		return err
	}
	return nil
}

func (c *chunkClaim) leasedFrom(from time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.renewed = from
}

func (c *chunkClaim) leased() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Since(c.renewed)
}

// shrink leaves these sends in a batch's row, which goes when there are none.
func shrink(tx *store.Tx, batch int64, left []int64) (int64, error) {
	if len(left) == 0 {
		return tx.Exec("delete from batches where id = @id", store.Args{"id": batch})
	}
	return tx.Exec("update batches set send_ids = "+tx.JSONParam("@left")+" where id = @id", store.Args{"id": batch, "left": store.JSON(left)})
}

// withdraw takes back batches of the chunk that we do not know of: marks that
// lasted although the database seemed to refuse them. Nothing of them was written.
func (c chunk) withdraw(tx *store.Tx, known []int64) error {
	var found []struct {
		ID       int64
		SendIDs  string
		MarkedAt loyalty.Instant
	}
	err := tx.All(&found, `
		select id, cast(send_ids as text) as send_ids, marked_at from batches
		where  run_id = @run and chunk = @n and fence = @fence`, store.Args{"run": c.RunID, "n": c.N, "fence": c.Fence})
	if err != nil {
		return err
	}
	if len(found) == 0 {
		return nil
	}
	zone, err := tx.Zone()
	if err != nil {
		return err
	}
	for _, b := range found {
		if slices.Contains(known, b.ID) {
			continue
		}
		sends, err := batchSends(tx, b.SendIDs, c.Fence)
		if err != nil {
			return err
		}
		results := make([]result, len(sends))
		for i, s := range sends {
			s.warmed = loyalty.DayOf(b.MarkedAt.Time, zone) // a day without a limit has no row to give it back to
			results[i] = result{s: s, state: queued, due: true}.keep()
		}
		if _, err := shrink(tx, b.ID, nil); err != nil {
			return err
		}
		if _, err := record(tx, Bulk, ofBatch, results); err != nil {
			return err
		}
	}
	return nil
}

// batchSends loads the sends of a batch's row.
func batchSends(tx *store.Tx, list string, fence int64) ([]*send, error) {
	var ids []int64
	if err := json.Unmarshal([]byte(list), &ids); err != nil {
		return nil, fmt.Errorf("the sends of a batch: %w", err)
	}
	sends, err := load(tx, ids)
	for _, s := range sends {
		s.fence = fence
	}
	return sends, err
}
