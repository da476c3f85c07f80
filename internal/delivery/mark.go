package delivery

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"regulars/internal/coupon"
	"regulars/internal/loyalty"
	"regulars/internal/store"
)

// Why a mail that is ready is kept back before its first byte.
var (
	errLost  = errors.New("somebody else has it by now")
	errRuled = errors.New("the gate closed")
)

// mark is the hand-over of one single send. Its begin runs when the relay asks
// for the body: from then on the ledger says that the mail may be on its way.
type mark struct {
	bundle *bundle
	send   *send
	ended  bool // begin has recorded how the send goes on
	why    error
}

// begin marks the send, unless its claim is lost or the gate has closed since.
func (m *mark) begin(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return m.bundle.marks.do(m)
}

// markAll marks the sends whose mails the relay is waiting for, in one
// transaction, and answers each with why it does not go, if it does not.
func (b *bundle) markAll(marks []*mark) []error {
	b.pen.RLock()
	defer b.pen.RUnlock()
	ordered := slices.SortedFunc(slices.Values(marks), func(x, y *mark) int { return cmp.Compare(x.send.Send, y.send.Send) })
	var ended []ending
	err := b.desk.claim(context.Background(), func(tx *store.Tx) (err error) {
		for _, m := range marks {
			m.ended, m.why = false, nil
			m.send.state, m.send.begun, m.send.counted, m.send.handedAt = claimed, false, false, tx.At
		}
		ended, err = b.tryAll(tx, ordered)
		return err
	})
	b.count(ended)
	whys := make([]error, len(marks))
	for i, m := range marks {
		if whys[i] = cmp.Or(err, m.why); whys[i] == nil {
			m.send.begun = true
			continue
		}
		if m.send.handedAt = (loyalty.Instant{}); err != nil {
			m.send.counted, m.ended = false, false // with the transaction
		}
	}
	return whys
}

// tryAll marks those that go and records the others.
func (b *bundle) tryAll(tx *store.Tx, marks []*mark) ([]ending, error) {
	marks, err := b.stillOurs(tx, marks)
	if err != nil || len(marks) == 0 {
		return nil, err
	}
	sends := make([]*send, len(marks))
	for i, m := range marks {
		sends[i] = m.send
	}
	rulings, err := pass(tx, sends)
	if err != nil {
		return nil, err
	}
	var closed []ending
	var going []*send
	for i, m := range marks {
		if rulings[i].over {
			m.why = errLost
		} else if e, ends := m.send.ends(rulings[i], tx.At); ends {
			m.why, m.ended = errRuled, true
			closed = append(closed, e)
		} else {
			going = append(going, m.send)
		}
	}
	if closed, err = record(tx, b.lane, ofClaim, closed); err != nil {
		return nil, err
	}
	return closed, writeMarks(tx, going)
}

// ends says how a send goes on that does not go out: because of the gate, or
// because its letter was written on another day and would show the wrong end of
// its code.
func (s *send) ends(r ruling, now loyalty.Instant) (ending, bool) {
	if e, closed := ruled(s, r); closed {
		return e, true
	}
	stale := s.letter.day != s.plan.today(now)
	return ending{s: s, state: queued, due: true}.keep(), stale
}

// stillOurs prolongs the claims that hold and returns their marks. It locks the
// due rows, without which nobody claims or reaps.
func (b *bundle) stillOurs(tx *store.Tx, marks []*mark) (ours []*mark, err error) {
	rows := make([]row, len(marks))
	for i, m := range marks {
		rows[i] = ending{s: m.send}.row()
	}
	var held []int64
	err = tx.All(&held, `
		update due
		set    retry_at = `+tx.MachineIn(b.desk.c.Lease)+`
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

// date gives the codes of mails that go out their last day.
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
