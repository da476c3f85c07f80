package delivery

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"regulars/internal/consent"
	"regulars/internal/loyalty"
	"regulars/internal/store"
)

// batch is some sends of a chunk: prepared, then marked, then on the wire.
type batch struct {
	sends []*send  // those that go
	ended []ending // those that do not
	last  int64    // the highest id of both

	id       int64 // of its row, once marked; 0: no send went
	markedAt loyalty.Instant
	age      time.Time      // when the gate was asked at the mark, by our clock
	landed   map[int64]bool // by send
	waiting  []ending       // of those that landed and are not recorded yet
}

// prepare loads the next sends of the chunk, asks the gate and writes the
// letters. It returns nil when none is left.
func (w *shift) prepare(ctx context.Context, limit int) (b *batch, err error) {
	var stuff material
	err = w.desk.withPlans(ctx, func(p *planner) error {
		return w.desk.c.DB.View(ctx, func(tx *store.Tx) error {
			if b, err = w.take(tx, p, limit); b == nil || err != nil {
				return err
			}
			stuff, err = gather(tx, b.sends)
			return err
		})
	})
	if b == nil || err != nil {
		return nil, err
	}
	b.write(w.desk, stuff)
	return b, nil
}

// take is the first gate of the next sends.
func (w *shift) take(tx *store.Tx, p *planner, limit int) (*batch, error) {
	if stopped, err := w.chunk.stopped(tx); stopped || err != nil {
		return nil, cmp.Or(err, errHalted)
	}
	ids, err := w.chunk.next(tx, w.next, limit)
	if err != nil || len(ids) == 0 {
		return nil, err
	}
	sends, err := open(tx, ids, p)
	if err != nil {
		return nil, err
	}
	rulings, err := gate(tx, sends)
	if err != nil {
		return nil, err
	}
	b := &batch{last: ids[len(ids)-1]}
	b.sift(sends, rulings, w.chunk.Fence)
	return b, nil
}

// sift parts the sends that go from the others.
func (b *batch) sift(sends []*send, rulings []ruling, fence int64) {
	var going []*send
	for i, s := range sends {
		s.fence = fence
		if e, closed := ruled(s, rulings[i]); closed {
			b.ended = append(b.ended, e)
		} else if rulings[i].goes() {
			going = append(going, s)
		}
	}
	b.sends = going
}

// write makes the letters, on all processors: it is what costs most about a mail.
func (b *batch) write(d *Desk, stuff material) {
	errs := make([]error, len(b.sends))
	var next atomic.Int64
	var writers sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(b.sends)) {
		writers.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(errs)); i = next.Add(1) - 1 {
				errs[i] = d.write(b.sends[i], stuff)
			}
		})
	}
	writers.Wait()
	var going []*send
	for i, s := range b.sends {
		if errs[i] == nil {
			going = append(going, s)
			continue
		}
		d.c.Log.Warn("a mail cannot be made", "send", s.Send, "campaign", s.campaign, "mail", s.mail()) // why is with the send: it may name the member
		b.ended = append(b.ended, spoilt(s, errs[i]))
	}
	b.sends = going
}

// quietUntil returns when the quiet hours end, if every send waits for that: then
// the chunk waits, and not each send by itself.
func (b *batch) quietUntil() (until loyalty.Instant) {
	if len(b.sends) > 0 {
		return loyalty.Instant{}
	}
	for _, e := range b.ended {
		if e.reason != consent.QuietHour || e.until.IsZero() {
			return loyalty.Instant{}
		}
		if until.IsZero() || e.until.Before(until.Time) {
			until = e.until
		}
	}
	return until
}

// only keeps the first n sends that go, and what stands before the next.
func (b *batch) only(n int) {
	if n >= len(b.sends) {
		return
	}
	next := b.sends[n].Send
	b.sends = b.sends[:n]
	b.ended = slices.DeleteFunc(b.ended, func(e ending) bool { return e.s.Send >= next })
	b.last = next - 1
}

// mark asks the gate again and writes the batch down, all while the chunk is
// ours: from its commit on the mails may be on their way. It returns the endings
// of sends that do not go after all.
func (b *batch) mark(tx *store.Tx, w *shift) ([]ending, error) {
	if stopped, err := w.chunk.stopped(tx); stopped || err != nil {
		return nil, cmp.Or(err, errHalted)
	}
	if err := w.chunk.advance(tx, w.next, b.last+1, w.desk.c.Lease); err != nil {
		return nil, err
	}
	rulings, err := pass(tx, b.sends)
	if err != nil {
		return nil, err
	}
	going := batch{ended: slices.Clone(b.ended)}
	for i, s := range b.sends {
		s.handedAt = tx.At
		if e, ends := s.ends(rulings[i], tx.At); ends {
			going.ended = append(going.ended, e)
		} else if !rulings[i].over {
			going.sends = append(going.sends, s)
		}
	}
	ended, err := w.desk.spare(tx, going.ended)
	if err != nil {
		return nil, err
	}
	if ended, err = record(tx, Bulk, ofBatch, ended); err != nil {
		return nil, err
	}
	if err := going.insert(tx, w.chunk); err != nil {
		return nil, err
	}
	w.marked = &batch{sends: going.sends, id: going.id, markedAt: tx.At, landed: map[int64]bool{}}
	return ended, date(tx, going.sends)
}

func (b *batch) insert(tx *store.Tx, c chunk) error {
	if len(b.sends) == 0 {
		return nil
	}
	return tx.One(&b.id, `
		insert into batches (run_id, chunk, fence, send_ids, marked_at)
		values (@run, @n, @fence, `+tx.JSONParam("@ids")+`, @now)
		returning id`,
		store.Args{"run": c.RunID, "n": c.N, "fence": c.Fence, "ids": store.JSON(idsOf(b.sends)), "now": tx.At})
}

// settle records the sends of the batch that have landed since, in one statement.
// The batch's row goes with the last of them. When the row is gone the chunk was
// lost, and only what is unknown by now can still be told.
func (b *batch) settle(tx *store.Tx, endings []ending) ([]ending, error) {
	n, err := b.shrink(tx)
	if err != nil {
		return nil, err
	}
	whose := ofBatch
	if n == 0 {
		whose = ofLost
	}
	return record(tx, Bulk, whose, endings)
}

// shrink leaves the sends in the batch's row that are still on the wire.
func (b *batch) shrink(tx *store.Tx) (int64, error) {
	var left []int64
	for _, s := range b.sends {
		if !b.landed[s.Send] {
			left = append(left, s.Send)
		}
	}
	if len(left) == 0 {
		return tx.Exec("delete from batches where id = @id", store.Args{"id": b.id})
	}
	return tx.Exec("update batches set send_ids = "+tx.JSONParam("@left")+" where id = @id", store.Args{"id": b.id, "left": store.JSON(left)})
}

// withdraw takes back batches of the chunk that we do not know of: marks that
// lasted although the database seemed to refuse them. Nothing of them was written.
func (c chunk) withdraw(tx *store.Tx, known []int64) error {
	var found []struct {
		ID      int64
		SendIDs string
	}
	err := tx.All(&found, `
		select id, cast(send_ids as text) as send_ids from batches
		where  run_id = @run and chunk = @n and fence = @fence`, store.Args{"run": c.RunID, "n": c.N, "fence": c.Fence})
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
		endings := make([]ending, len(sends))
		for i, s := range sends {
			endings[i] = ending{s: s, state: queued, due: true}.keep()
		}
		if _, err := (&batch{id: b.ID}).shrink(tx); err != nil {
			return err
		}
		if _, err := record(tx, Bulk, ofBatch, endings); err != nil {
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
