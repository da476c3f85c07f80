package delivery

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"regulars/internal/coupon"
	"regulars/internal/loyalty"
	"regulars/internal/store"
)

// Singles claims at most limit sends that are due in the lane, hands them over,
// and returns how many it finished or moved: 0 says that nothing is due now.
// The error is a *Rest when the lane should pause. When ctx ends, what is on the
// wire is brought to its end and the rest goes back.
//
// Where something about one campaign keeps all from being claimed, each campaign is
// tried by itself, and each of its mails. What cannot be claimed waits, and its
// campaign is told of as set back.
func (d *Sender) Singles(ctx context.Context, lane string, limit int) (n int, err error) {
	n, why := d.someSingles(ctx, lane, limit, nil)
	if !isClaimFailure(why) {
		return n, why
	}
	var due []struct{ ID, Campaign int64 }
	err = d.view(ctx, func(tx *store.Tx) error {
		return tx.All(&due, `
			select s.id, s.campaign_id as campaign
			from   due d join sends s on s.id = d.send_id
			where  d.lane = @lane and d.not_before <= @now and (d.retry_at is null or d.retry_at <= `+tx.Machine()+`)
			order  by d.not_before, d.send_id
			limit  @limit`, store.Args{"lane": lane, "now": tx.At, "limit": limit})
	})
	if err != nil {
		return 0, errors.Join(why, err)
	}
	groups, order := map[int64][]int64{}, []int64{}
	for _, s := range due {
		if groups[s.Campaign] == nil {
			order = append(order, s.Campaign)
		}
		groups[s.Campaign] = append(groups[s.Campaign], s.ID)
	}
	for _, campaign := range order {
		did, failed := d.singlesOf(ctx, lane, campaign, groups[campaign])
		n += did
		err = errors.Join(err, failed)
	}
	return n, err
}

// claimFailure says that something about a send keeps it from being claimed.
type claimFailure struct {
	lane string
	why  error
	took time.Duration
}

func (e *claimFailure) Error() string { return fmt.Sprintf("claiming in lane %s: %s", e.lane, e.why) }
func (e *claimFailure) Unwrap() error { return e.why }

func isClaimFailure(err error) bool {
	var e *claimFailure
	return errors.As(err, &e)
}

// someSingles claims sends that are due, or some of these, and hands them over.
func (d *Sender) someSingles(ctx context.Context, lane string, limit int, only []int64) (int, error) {
	c := &singles{d: d, lane: lane}
	c.marks = newGroup(c.markAll)
	began := time.Now()
	ended, err := c.take(ctx, limit, only)
	switch {
	case err != nil && (ctx.Err() != nil || store.Away(err)):
		return 0, fmt.Errorf("claiming in lane %s: %w", lane, err)
	case err != nil:
		return 0, &claimFailure{lane, err, time.Since(began)}
	}
	w := &worker{d: d, lane: lane, claim: c}
	w.count(ended)
	if len(c.sends) == 0 {
		return int(w.moved.Load()), nil
	}
	w.run(ctx, func() {})
	if !c.taken { // the stop came first
		var back []result
		for _, s := range c.sends {
			back = append(back, result{s: s, state: queued, due: true}.keep())
		}
		if err := w.record(&batch{single: true}, back); err != nil {
			w.trouble(err)
		}
	}
	return int(w.moved.Load()), w.outcome()
}

// singlesOf hands over some sends of one campaign: together, or one by one where
// that fails.
func (d *Sender) singlesOf(ctx context.Context, lane string, campaign int64, ids []int64) (n int, err error) {
	n, err = d.someSingles(ctx, lane, len(ids), ids)
	why := (*claimFailure)(nil)
	switch {
	case !errors.As(err, &why):
		return n, err
	case len(ids) > 1 && why.took < claimWithin/2:
		var all error
		for _, id := range ids {
			did, failed := d.singlesOf(ctx, lane, campaign, []int64{id})
			n += did
			all = errors.Join(all, failed)
		}
		return n, all
	}
	return 0, d.persist(func(tx *store.Tx) error {
		_, err := tx.Exec("update due set retry_at = "+tx.MachineIn(textRetry)+" where send_id in (select value from "+tx.JSONEach("@ids")+")",
			store.Args{"ids": store.JSON(ids)})
		if err != nil {
			return err
		}
		return tx.SetBack(store.ScopeCampaign(campaign), mailsWork, why.why)
	})
}

// singles is the claim of sends that are due by themselves. Each has a lease of its
// own, in its due row, and is marked when its first byte is due.
type singles struct {
	d     *Sender
	lane  string
	sends []*send // all of them, until the first batch is taken: there is one only
	taken bool
	stuff material
	marks *group[*mark]

	// pen is held for writing while the leases are renewed, so that a send that
	// is deferred in that moment keeps its own date. Whoever records takes it before
	// the transaction, as the renewal does: inside, each would wait for the other.
	pen sync.RWMutex
}

// take claims sends that are due, in one transaction with the first gate. What the
// gate lets pass stays claimed; the rest is skipped, or due later.
func (c *singles) take(ctx context.Context, limit int, only []int64) (ended []result, err error) {
	owner, free := c.d.onWire.owner()
	defer free()
	err = c.d.plans.with(ctx, func(p *planner) error {
		return c.d.claim(ctx, func(tx *store.Tx) error {
			c.sends, ended = nil, nil
			ids, err := claimDue(tx, c.lane, limit, only, owner, c.d.c.Lease)
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
			for i, s := range sends {
				if e, closed := ruled(s, rulings[i]); closed {
					ended = append(ended, e)
				} else {
					c.sends = append(c.sends, s)
				}
			}
			late, err := c.tooMany(tx)
			if err != nil {
				return err
			}
			ended = append(ended, late...)
			if _, err := record(tx, c.lane, ofClaim, ended); err != nil {
				return err
			}
			c.stuff, err = gather(tx, c.sends)
			return err
		})
	})
	if err == nil {
		err = c.d.refer(ctx, &c.stuff, c.sends)
	}
	if err != nil {
		return nil, err
	}
	told := map[int64]bool{}
	for _, e := range ended { // the campaigns whose rules could not be asked
		if e.s.failed == nil || told[e.s.Campaign] {
			continue
		}
		told[e.s.Campaign] = true
		if err := c.d.setBack(e.s.Campaign, e.s.failed); err != nil {
			return nil, err
		}
	}
	return ended, nil
}

// tooMany takes out what has to wait for the warm-up's next day, so that no relay is
// asked in vain; the places are taken at the marks.
func (c *singles) tooMany(tx *store.Tx) (late []result, err error) {
	if c.lane == Urgent {
		return nil, nil
	}
	w, err := tx.Warmup()
	if err != nil || !w.Limited || int64(len(c.sends)) <= w.Left() {
		return nil, err
	}
	for _, s := range c.sends[w.Left():] {
		late = append(late, tomorrow(s, w))
	}
	c.sends = c.sends[:w.Left()]
	return late, nil
}

func (c *singles) next(context.Context, int) (*batch, error) {
	if c.taken {
		return nil, nil
	}
	c.taken = true
	return &batch{single: true, sends: slices.Clone(c.sends), stuff: c.stuff}, nil
}

func (c *singles) mark(_ context.Context, b *batch) (*batch, error) {
	defer c.recording()()
	err := c.d.persist(func(tx *store.Tx) (err error) { b.ended, err = c.record(tx, b, b.ended); return err })
	return b, err
}

func (c *singles) recording() (done func()) {
	c.pen.RLock()
	return c.pen.RUnlock
}

func (c *singles) record(tx *store.Tx, _ *batch, results []result) ([]result, error) {
	results, err := c.d.brakes.spare(tx, results)
	if err != nil {
		return nil, err
	}
	return record(tx, c.lane, ofClaim, results)
}

// keep renews the leases.
func (c *singles) keep(ctx context.Context) error {
	c.pen.Lock()
	defer c.pen.Unlock()
	err := c.d.update(ctx, func(tx *store.Tx) error { return renew(tx, c.sends, c.d.c.Lease) })
	if err != nil {
		c.d.c.Log.Warn("claims are not renewed", "lane", c.lane, "err", err)
	}
	return nil
}

func (c *singles) keepEvery() time.Duration { return c.d.c.Renew }

// mark is one single send whose first byte is due.
type mark struct {
	send *send
	why  error // it does not go
}

// begin marks the send, unless its claim is lost or the gate has closed since: from
// then on the ledger says that the mail may be on its way.
func (c *singles) begin(_ context.Context, _ *batch, s *send) error {
	return c.marks.do(&mark{send: s})
}

// markAll marks the sends whose mails the relay is waiting for, in one transaction,
// and answers each with why it does not go, if it does not. The gate is asked again;
// how those go on that it stops is recorded.
func (c *singles) markAll(marks []*mark) []error {
	defer c.recording()()
	ordered := slices.SortedFunc(slices.Values(marks), func(x, y *mark) int { return cmp.Compare(x.send.Send, y.send.Send) })
	err := c.d.claim(context.Background(), func(tx *store.Tx) error {
		for _, m := range marks {
			m.why = nil
			m.send.state, m.send.begun, m.send.counted, m.send.warmed, m.send.handedAt = claimed, false, false, 0, tx.At
		}
		ours, err := c.stillOurs(tx, ordered)
		if err != nil || len(ours) == 0 {
			return err
		}
		sends := make([]*send, len(ours))
		for i, m := range ours {
			sends[i] = m.send
		}
		rulings, err := pass(tx, sends)
		if err != nil {
			return err
		}
		var closed []result
		var going []*send
		for i, m := range ours {
			if rulings[i].over {
				m.why = errLost
			} else if e, ends := m.send.ends(rulings[i], tx.At); ends {
				m.why = &ruledOut{e}
				closed = append(closed, e)
			} else {
				going = append(going, m.send)
			}
		}
		going, waiting, err := warm(tx, c.lane, going)
		if err != nil {
			return err
		}
		closed = append(closed, waiting...)
		for _, m := range ours {
			if i := slices.IndexFunc(waiting, func(e result) bool { return e.s == m.send }); i >= 0 {
				m.why = &ruledOut{waiting[i]}
			}
		}
		if _, err = record(tx, c.lane, ofClaim, closed); err != nil {
			return err
		}
		return writeMarks(tx, going)
	})
	whys := make([]error, len(marks))
	for i, m := range marks {
		if whys[i] = cmp.Or(err, m.why); whys[i] == nil {
			m.send.begun = true
			continue
		}
		if m.send.handedAt = (loyalty.Instant{}); err != nil {
			m.send.counted, m.send.warmed = false, 0 // with the transaction
		}
	}
	return whys
}

// stillOurs prolongs the claims that hold and returns their marks. It locks the
// due rows, without which nobody claims or reaps.
func (c *singles) stillOurs(tx *store.Tx, marks []*mark) (ours []*mark, err error) {
	rows := make([]row, len(marks))
	for i, m := range marks {
		rows[i] = result{s: m.send}.row()
	}
	var held []int64
	err = tx.All(&held, `
		update due
		set    retry_at = `+tx.MachineIn(c.d.c.Lease)+`
		from   `+rowsOf(tx)+`
		where  due.send_id = r.id and `+opaque("due.fence = r.fence and due.retry_at > "+tx.Machine())+`
		returning due.send_id`, store.Args{"rows": store.JSON(rows)})
	if err != nil {
		return nil, fmt.Errorf("the claims of %d sends: %w", len(marks), err)
	}
	for _, m := range marks {
		if slices.Contains(held, m.send.Send) {
			ours = append(ours, m)
		} else {
			m.why = errLost
		}
	}
	return ours, nil
}

// writeMarks says in the ledger that mails are on their way from now on.
func writeMarks(tx *store.Tx, sends []*send) error {
	if len(sends) == 0 {
		return nil
	}
	day, err := handedDay(tx, tx.At, sends)
	if err != nil {
		return err
	}
	n, err := tx.Exec(`
		update sends
		set    state = 'handing', handed_at = @now, sent_day = @day, attempts = attempts + 1
		where  id in (select value from `+tx.JSONEach("@ids")+`) and `+opaque("state = 'claimed'"),
		store.Args{"ids": store.JSON(idsOf(sends)), "now": tx.At, "day": day})
	if err == nil && n != int64(len(sends)) {
		err = errLost
	}
	if err != nil {
		return fmt.Errorf("marking %d sends: %w", len(sends), err)
	}
	return date(tx, sends)
}

// date gives the codes of single mails that go out their last day. Those of a run get
// it with the outcome.
func date(tx *store.Tx, sends []*send) error {
	byDay := map[loyalty.Day][]int64{}
	for _, s := range sends {
		if s.Code != 0 {
			byDay[s.letter.day] = append(byDay[s.letter.day], s.Code)
		}
	}
	for day, ids := range byDay {
		if err := coupon.Date(tx, ids, day); err != nil {
			return err
		}
	}
	return nil
}
