package delivery

import (
	"context"
	"errors"
	"fmt"
	"time"

	"regulars/internal/delivery/wirelog"
	"regulars/internal/loyalty"
	"regulars/internal/store"
)

// How often the logs of others are looked at, and a new one is tried where there is none;
// and for how long one is kept whose process is gone: what the database was told last may
// be committed after that.
const (
	wireEvery = 500 * time.Millisecond
	wireAgain = 10 * time.Second
	wireKept  = 5 * time.Second
)

// settleAtOnce is how many single mails one transaction settles.
const settleAtOnce = 200

// OpenWireLog begins the wire log, if there is to be one. What is claimed from then on is
// settled by it, should this process be killed.
func (d *Sender) OpenWireLog(ctx context.Context) { d.onWire.open(ctx) }

// KeepWireLog settles the logs of processes that are gone until ctx ends, and begins a new
// one of ours where one could not be written.
func (d *Sender) KeepWireLog(ctx context.Context) error {
	tick := time.NewTicker(wireEvery)
	defer tick.Stop()
	again, ill := time.Now().Add(wireAgain), ""
	for {
		_, err := d.settleDead(ctx, 0)
		if words := fmt.Sprint(err); err != nil && ctx.Err() == nil && words != ill {
			d.c.Log.Warn("what a worker of this machine left on the wire is not settled yet", "err", err)
			ill = words
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
		if time.Now().After(again) {
			again = time.Now().Add(wireAgain)
			d.onWire.open(ctx)
		}
	}
}

// CloseWireLog ends the wire log, when nothing is on the wire any more.
func (d *Sender) CloseWireLog() error { return d.onWire.close() }

// WireTrouble says why what is on the wire is not written down; "": it is.
func (d *Sender) WireTrouble() string {
	d.onWire.mu.RLock()
	defer d.onWire.mu.RUnlock()
	return d.onWire.ill
}

// settleDead settles what processes of this machine that are gone had in hand, by their
// wire logs, and returns how many sends it moved. What is marked and was never begun is
// queued again, what was answered is recorded, and the rest is unknown, at once: their
// leases need not be waited for. wait is for how long another process may be at it.
func (d *Sender) settleDead(ctx context.Context, wait time.Duration) (moved int, err error) {
	if d.onWire.folder == "" {
		return 0, nil
	}
	shop, err := d.onWire.name(ctx)
	if err != nil {
		return 0, err
	}
	seen := map[int64]bool{}
	err = wirelog.Dead(ctx, d.onWire.folder, shop, wait, func(l wirelog.Left) (bool, error) {
		seen[l.Owner] = true
		g := &gone{d: d, left: l}
		if err := g.settle(ctx); err != nil {
			return false, err
		}
		moved += g.moved
		return d.onWire.goneFor(l.Owner) > wireKept && !g.found, nil
	})
	d.onWire.forget(seen)
	return moved, err
}

// goneFor says for how long we have known that a log's process is gone.
func (w *onWire) goneFor(owner int64) time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	since, known := w.dead[owner]
	if !known {
		if w.dead == nil {
			w.dead = map[int64]time.Time{}
		}
		w.dead[owner] = time.Now()
		return 0
	}
	return time.Since(since)
}

// forget leaves of the processes that are gone those with a log.
func (w *onWire) forget(but map[int64]bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for owner := range w.dead {
		if !but[owner] {
			delete(w.dead, owner)
		}
	}
}

// gone is a process that is gone, and what its log says.
type gone struct {
	d     *Sender
	left  wirelog.Left
	found bool // something was its, or may be
	moved int

	back, told, unknown int
}

// settle goes through all that bears the log's name: a transaction for each chunk, and
// for some single mails.
func (g *gone) settle(ctx context.Context) error {
	for _, part := range []func(*store.Tx) (again bool, effective []result, err error){g.chunk, g.singles} {
		for again := true; again && ctx.Err() == nil; {
			var effective []result
			err := g.d.update(ctx, func(tx *store.Tx) (err error) { again, effective, err = part(tx); return err })
			if err != nil {
				return fmt.Errorf("settling what a worker left: %w", err)
			}
			g.count(effective)
			g.found = g.found || again
		}
	}
	if g.moved > 0 {
		g.d.c.Log.Info("a worker of this machine is gone, and what it had in hand is settled", "never_left", g.back, "recorded", g.told, "unknown", g.unknown)
	}
	return ctx.Err()
}

func (g *gone) count(results []result) {
	g.moved += len(results)
	for _, e := range results {
		switch e.state {
		case queued:
			g.back++
		case unknown:
			g.unknown++
			g.d.c.Log.Warn("nobody knows whether a mail was sent", "send", e.s.Send, "campaign", e.s.campaign, "again", e.due)
		default:
			g.told++
		}
	}
}

// chunk settles a chunk that the process had, with its batches, and gives it back. The
// chunk's row is locked first, as each mark does: what the process marked last is
// committed by then, or never.
func (g *gone) chunk(tx *store.Tx) (again bool, effective []result, err error) {
	var c struct{ RunID, N, Fence int64 }
	err = tx.One(&c, `
		select c.run_id, c.n, c.fence
		from   chunks c
		where  c.owner = @owner and c.owner_fence = c.fence and not c.done
		order  by c.run_id, c.n
		limit  1 `+tx.SkipLocked(), store.Args{"owner": g.left.Owner})
	if errors.Is(err, store.ErrNotFound) {
		return false, nil, nil
	}
	if err != nil {
		return false, nil, err
	}
	args := store.Args{"run": c.RunID, "n": c.N, "fence": c.Fence}
	var batches []struct {
		ID       int64
		SendIDs  string
		MarkedAt loyalty.Instant
	}
	err = tx.All(&batches, `
		select id, cast(send_ids as text) as send_ids, marked_at
		from   batches
		where  run_id = @run and chunk = @n and fence = @fence
		order  by id `+tx.ForUpdate(), args)
	if err != nil {
		return false, nil, err
	}
	zone, err := tx.Zone()
	if err != nil {
		return false, nil, err
	}
	for _, b := range batches {
		sends, err := batchSends(tx, b.SendIDs, c.Fence)
		if err != nil {
			return false, nil, err
		}
		results := make([]result, len(sends))
		for i, s := range sends {
			s.handedAt = b.MarkedAt
			results[i] = g.result(s, zone)
		}
		if _, err := shrink(tx, b.ID, nil); err != nil {
			return false, nil, err
		}
		done, err := g.record(tx, ofBatch, results)
		if err != nil {
			return false, nil, err
		}
		effective = append(effective, done...)
	}
	_, err = tx.Exec("update chunks set owner = null, lease_until = null where run_id = @run and n = @n and fence = @fence", args)
	return true, effective, err
}

// singles settles some single mails that the process had claimed.
func (g *gone) singles(tx *store.Tx) (again bool, effective []result, err error) {
	var ids []int64
	err = tx.All(&ids, `
		select d.send_id
		from   due d
		where  d.owner = @owner and d.owner_fence = d.fence
		and    exists (select 1 from sends s where s.id = d.send_id and s.fence = d.fence and s.state in ('claimed', 'handing'))
		order  by d.send_id
		limit  @limit `+tx.SkipLocked(), store.Args{"owner": g.left.Owner, "limit": settleAtOnce})
	if err != nil || len(ids) == 0 {
		return false, nil, err
	}
	zone, err := tx.Zone()
	if err != nil {
		return false, nil, err
	}
	sends, err := load(tx, ids)
	if err != nil {
		return false, nil, err
	}
	handed, err := handedAtOf(tx, ids)
	if err != nil {
		return false, nil, err
	}
	var results []result
	for _, s := range sends {
		switch s.state {
		case claimed:
			results = append(results, result{s: s, state: queued, due: true}.keep())
		case handing:
			s.begun, s.handedAt = true, handed[s.Send] // the mark has counted it
			s.attempts--
			results = append(results, g.result(s, zone))
		}
	}
	effective, err = g.record(tx, ofClaim, results)
	return len(effective) > 0, effective, err
}

// handedAtOf returns when sends were last handed over.
func handedAtOf(tx *store.Tx, ids []int64) (map[int64]loyalty.Instant, error) {
	var rows []struct {
		ID       int64
		HandedAt loyalty.Instant
	}
	err := tx.All(&rows, "select id, handed_at from sends where id in (select value from "+tx.JSONEach("@ids")+")", store.Args{"ids": store.JSON(ids)})
	handed := make(map[int64]loyalty.Instant, len(rows))
	for _, r := range rows {
		handed[r.ID] = r.HandedAt
	}
	return handed, err
}

func (g *gone) record(tx *store.Tx, whose string, results []result) ([]result, error) {
	effective, err := record(tx, Bulk, whose, results)
	if err == nil {
		err = g.d.brakes.apply(tx, effective)
	}
	return effective, err
}

// result is what became of a send that was marked, as far as the log knows.
func (g *gone) result(s *send, zone *time.Location) result {
	s.counted = s.Class == loyalty.Offer
	s.warmed = loyalty.DayOf(s.handedAt.Time, zone) // a day without a limit has no row to give it back to
	m, in := g.left.Marks[wirelog.Key{Send: s.Send, Fence: s.fence}]
	switch {
	case m.Answered:
		return g.d.outcomes.of(s, outcomeOf(m.Answer), g.d.now())
	case in || !g.left.Whole:
		return g.d.outcomes.unknown(result{s: s, tried: true}, leaseOver)
	}
	return result{s: s, state: queued, due: true}.keep()
}

// outcomeOf is the outcome of a mail whose body was begun, without the relay's words.
func outcomeOf(a wirelog.Answer) Outcome {
	o := Outcome{Stage: Stage(a.Stage), Code: int(a.Code), Begun: true}
	if a.Enhanced[0] != 0 {
		o.Enhanced = fmt.Sprintf("%d.%d.%d", a.Enhanced[0], a.Enhanced[1], a.Enhanced[2])
	}
	return o
}
