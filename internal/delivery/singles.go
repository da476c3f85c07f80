package delivery

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"regulars/internal/store"
)

// Singles claims at most limit sends that are due in the lane, hands them over,
// and returns how many it finished or moved: 0 says that nothing is due now.
// The error is a *Rest when the lane should pause. When ctx ends, what is on the
// wire is brought to its end and the rest goes back.
func (d *Desk) Singles(ctx context.Context, lane string, limit int) (int, error) {
	b := d.bundle(lane)
	err := b.claim(ctx, limit, nil)
	switch {
	case err == nil:
		return b.work(ctx)
	case ctx.Err() != nil || store.Away(err):
		return 0, fmt.Errorf("claiming in lane %s: %w", lane, err)
	}
	return d.singlesApart(ctx, lane, limit, err)
}

// work hands what was claimed over.
func (b *bundle) work(ctx context.Context) (int, error) {
	if len(b.sends) > 0 {
		b.ration(ctx)
		stop := b.keep(ctx)
		b.handAll(ctx)
		stop()
	}
	return int(b.moved.Load()), b.outcome()
}

// singlesApart is Singles for each campaign by itself, after something about one of
// them kept all from being claimed. What cannot be claimed waits, and its campaign is
// told of as set back.
func (d *Desk) singlesApart(ctx context.Context, lane string, limit int, why error) (n int, err error) {
	var due []struct{ ID, Campaign int64 }
	err = d.c.DB.View(ctx, func(tx *store.Tx) error {
		return tx.All(&due, `
			select s.id, s.campaign_id as campaign
			from   due d join sends s on s.id = d.send_id
			where  d.lane = @lane and d.not_before <= @now and (d.retry_at is null or d.retry_at <= `+tx.Machine()+`)
			order  by d.not_before, d.send_id
			limit  @limit`, store.Args{"lane": lane, "now": tx.At, "limit": limit})
	})
	if err != nil {
		return 0, fmt.Errorf("claiming in lane %s: %w", lane, errors.Join(why, err))
	}
	groups, order := map[int64][]int64{}, []int64{}
	for _, s := range due {
		if groups[s.Campaign] == nil {
			order = append(order, s.Campaign)
		}
		groups[s.Campaign] = append(groups[s.Campaign], s.ID)
	}
	for _, campaign := range order {
		did, failed := d.someSingles(ctx, lane, campaign, groups[campaign])
		n += did
		err = errors.Join(err, failed)
	}
	return n, err
}

// someSingles is Singles for some sends of one campaign: together, or one by one
// where that fails.
func (d *Desk) someSingles(ctx context.Context, lane string, campaign int64, ids []int64) (n int, err error) {
	b := d.bundle(lane)
	began := time.Now()
	err = b.claim(ctx, len(ids), ids)
	switch {
	case err == nil:
		return b.work(ctx)
	case ctx.Err() != nil || store.Away(err):
		return 0, err
	case len(ids) > 1 && time.Since(began) < claimWithin/2:
		var all error
		for _, id := range ids {
			did, failed := d.someSingles(ctx, lane, campaign, []int64{id})
			n += did
			all = errors.Join(all, failed)
		}
		return n, all
	}
	why := err
	return 0, d.persist(func(tx *store.Tx) error {
		_, err := tx.Exec("update due set retry_at = "+tx.MachineIn(textRetry)+" where send_id in (select value from "+tx.JSONEach("@ids")+")",
			store.Args{"ids": store.JSON(ids)})
		if err != nil {
			return err
		}
		return tx.SetBack(store.ScopeCampaign(campaign), mailsWork, why)
	})
}

// bundle is what one call of Singles has claimed.
type bundle struct {
	desk  *Desk
	lane  string
	sends []*send
	stuff material
	moved atomic.Int64 // sends finished or moved

	// pen is held for writing while the leases are renewed, so that a send that
	// is deferred in that moment keeps its own date.
	pen   sync.RWMutex
	marks *together[*mark]

	relay watch
	mu    sync.Mutex
	errs  []error
}

func (d *Desk) bundle(lane string) *bundle {
	b := &bundle{desk: d, lane: lane}
	b.marks = newTogether(b.markAll)
	return b
}

// claim takes sends that are due, in one transaction with the first gate. What
// the gate lets pass stays claimed; the rest is skipped, or due later.
func (b *bundle) claim(ctx context.Context, limit int, only []int64) error {
	var ended []ending
	err := b.desk.withPlans(ctx, func(p *planner) error {
		return b.desk.claim(ctx, func(tx *store.Tx) error {
			b.sends, ended = nil, nil
			ids, err := claimDue(tx, b.lane, limit, only, b.desk.c.Lease)
			if err != nil || len(ids) == 0 {
				return err
			}
			sends, err := open(tx, ids, p)
			if err != nil {
				return err
			}
			ended, err = b.sift(tx, sends)
			return err
		})
	})
	if err == nil {
		b.count(ended)
		err = b.desk.setBlindBack(ended)
	}
	return err
}

// setBlindBack tells of the campaigns whose rules could not be asked at the gate.
func (d *Desk) setBlindBack(endings []ending) error {
	told := map[int64]bool{}
	for _, e := range endings {
		if e.s.failed == nil || told[e.s.Campaign] {
			continue
		}
		told[e.s.Campaign] = true
		if err := d.setBack(e.s, e.s.failed); err != nil {
			return err
		}
	}
	return nil
}

// open loads sends with their plans and what started them.
func open(tx *store.Tx, ids []int64, p *planner) ([]*send, error) {
	sends, err := load(tx, ids)
	if err != nil {
		return nil, err
	}
	if err := p.give(sends); err != nil {
		return nil, err
	}
	return sends, startedBy(tx, sends)
}

// sift keeps the sends that pass the gate, loads what their letters need, and
// records the others.
func (b *bundle) sift(tx *store.Tx, sends []*send) ([]ending, error) {
	rulings, err := gate(tx, sends)
	if err != nil {
		return nil, err
	}
	var ended []ending
	for i, s := range sends {
		if e, closed := ruled(s, rulings[i]); closed {
			ended = append(ended, e)
		} else {
			b.sends = append(b.sends, s)
		}
	}
	if _, err := record(tx, b.lane, ofClaim, ended); err != nil {
		return nil, err
	}
	b.stuff, err = gather(tx, b.sends)
	return ended, err
}

// ration asks the limiter for leave; what gets none goes back, and the lane rests.
func (b *bundle) ration(ctx context.Context) {
	granted, wait, err := b.desk.leave(ctx, b.lane, len(b.sends))
	if err != nil {
		b.trouble(err)
	}
	if granted == len(b.sends) {
		return
	}
	late := b.sends[granted:]
	b.sends = b.sends[:granted]
	b.giveBack(late, wait)
	b.relay.ration(wait)
}

// handAll hands the claimed sends over, some at a time, and records what comes of
// them while the next are on the wire.
func (b *bundle) handAll(ctx context.Context) {
	next, landed := make(chan *send), make(chan ending, b.desk.c.Connections)
	var hands, recorder sync.WaitGroup
	for range min(b.desk.c.Connections, len(b.sends)) {
		hands.Go(func() {
			for s := range next {
				b.hand(ctx, s, landed)
			}
		})
	}
	recorder.Go(func() {
		for e := range landed {
			b.write(append(ready(landed), e))
		}
	})
	for i, s := range b.sends {
		if b.over(ctx) {
			b.giveBack(b.sends[i:], 0)
			break
		}
		next <- s
	}
	close(next)
	hands.Wait()
	close(landed)
	recorder.Wait()
}

// ready returns what stands in a channel at this moment.
func ready(landed <-chan ending) (all []ending) {
	for range len(landed) {
		e, ok := <-landed
		if !ok {
			break
		}
		all = append(all, e)
	}
	return all
}

// over reports whether there is no use in handing over any more.
func (b *bundle) over(ctx context.Context) bool { return ctx.Err() != nil || b.relay.away() }

// hand brings one send to its outcome, or gives it back when there is no use in
// trying.
func (b *bundle) hand(ctx context.Context, s *send, landed chan<- ending) {
	if b.over(ctx) {
		landed <- ending{s: s, state: queued, due: true}.keep()
		return
	}
	if err := b.desk.write(s, b.stuff); err != nil {
		b.desk.c.Log.Warn("a mail cannot be made", "send", s.Send, "campaign", s.campaign, "mail", s.mail()) // why is with the send: it may name the member
		landed <- b.cannotMake(s, err)
		return
	}
	m := &mark{bundle: b, send: s}
	o := b.desk.handOver(ctx, b.lane, s, m.begin)
	b.relay.heard(o)
	if !m.ended {
		landed <- b.desk.ended(s, o, b.desk.now())
	}
}

// textRetry is how long a mail waits whose campaign's text keeps it from being made.
const textRetry = time.Minute

// cannotMake ends a mail that cannot be made. Where the text is at fault it waits
// until that is mended, and the campaign is told of as set back.
func (b *bundle) cannotMake(s *send, err error) ending {
	if !ofTheText(err) || isNoIssue(s, err) {
		return spoilt(s, err)
	}
	why := fmt.Errorf("the mail %s cannot be made: %w", s.mail(), err)
	if err := b.desk.setBack(s, why); err != nil {
		b.trouble(err)
	}
	return ending{s: s, state: queued, due: true, wait: textRetry}.keep()
}

// setBack tells of a campaign whose mails wait because of it; the row goes with the
// next mail of it that is handed over.
func (d *Desk) setBack(s *send, why error) error {
	return d.persist(func(tx *store.Tx) error { return tx.SetBack(store.ScopeCampaign(s.Campaign), mailsWork, why) })
}

// mailsWork is the work of a campaign that delivery sets back.
const mailsWork = "mails"

// write records endings, whatever has become of the caller's context. What goes
// wrong is kept for the outcome of the call.
func (b *bundle) write(endings []ending) {
	b.pen.RLock()
	defer b.pen.RUnlock()
	var effective []ending
	err := b.desk.persist(func(tx *store.Tx) (err error) {
		if effective, err = b.desk.spare(tx, endings); err != nil {
			return err
		}
		if effective, err = record(tx, b.lane, ofClaim, effective); err != nil {
			return err
		}
		if err := recovered(tx, effective); err != nil {
			return err
		}
		return b.desk.brake(tx, effective)
	})
	if err != nil {
		b.trouble(err)
		effective = nil
	}
	b.count(effective)
}

// recovered says of campaigns that were set back that a mail of theirs was made.
func recovered(tx *store.Tx, endings []ending) error {
	var setBack []string
	if err := tx.All(&setBack, "select scope from setbacks where work = '"+mailsWork+"'", nil); err != nil || len(setBack) == 0 {
		return err
	}
	for _, e := range endings {
		scope := store.ScopeCampaign(e.s.Campaign)
		if e.s.letter == nil || !slices.Contains(setBack, scope) {
			continue
		}
		var waiting int
		err := tx.One(&waiting, "select count(*) from due d join sends s on s.id = d.send_id where s.campaign_id = @campaign and s.state = 'queued' and d.retry_at > "+tx.Machine(),
			store.Args{"campaign": e.s.Campaign})
		if err != nil {
			return err
		}
		if waiting > 0 {
			continue
		}
		if err := tx.Recovered(scope, mailsWork); err != nil {
			return err
		}
	}
	return nil
}

func (b *bundle) count(endings []ending) {
	for _, e := range endings {
		if e.moves() {
			b.moved.Add(1)
		}
	}
}

// giveBack returns claims, to be due again after so much machine time.
func (b *bundle) giveBack(sends []*send, wait time.Duration) {
	if len(sends) == 0 {
		return
	}
	endings := make([]ending, len(sends))
	for i, s := range sends {
		endings[i] = ending{s: s, state: queued, due: true, wait: wait}.keep()
	}
	b.write(endings)
}

// keep renews the claims until the function that it returns is called.
func (b *bundle) keep(ctx context.Context) (stop func()) {
	return every(context.WithoutCancel(ctx), b.desk.c.Renew, func(ctx context.Context) {
		b.pen.Lock()
		defer b.pen.Unlock()
		err := b.desk.c.DB.Update(ctx, func(tx *store.Tx) error { return renew(tx, b.sends, b.desk.c.Lease) })
		if err != nil {
			b.desk.c.Log.Warn("claims are not renewed", "lane", b.lane, "err", err)
		}
	})
}

func (b *bundle) trouble(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.errs = append(b.errs, err)
}

// outcome is the error of the call: what went wrong, or else why the lane rests.
func (b *bundle) outcome() error {
	if err := errors.Join(b.errs...); err != nil {
		return err
	}
	return b.relay.over(b.lane)
}
