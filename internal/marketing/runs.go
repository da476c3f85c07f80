package marketing

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"regulars/internal/coupon"
	"regulars/internal/delivery"
	"regulars/internal/happenings"
	"regulars/internal/report"
	"regulars/internal/runs"
	"regulars/internal/staff"
	"regulars/internal/store"
)

// byHand begins the reason of a run that a person paused.
const byHand = "by hand"

// Pause stops a run until it is resumed; what is on the wire goes out.
func (m Marketer) Pause(ctx context.Context, run int64, because string) error {
	because = strings.TrimSuffix(byHand+": "+strings.TrimPrefix(because, byHand), ": ")
	return m.run(ctx, run, staff.Act{Act: "pause", After: because}, func(tx *store.Tx) error { return runs.Pause(tx, run, because) })
}

// Resume lets a paused run go on; with latest, what is not yet sent takes the texts
// in force.
func (m Marketer) Resume(ctx context.Context, run int64, latest bool) error {
	return m.run(ctx, run, staff.Act{Act: "resume", After: withLatest(latest)}, func(tx *store.Tx) error { return runs.Resume(tx, run, latest) })
}

// Cancel ends a run: what was not sent is skipped.
func (m Marketer) Cancel(ctx context.Context, run int64, because string) error {
	return m.run(ctx, run, staff.Act{Act: "cancel", After: because}, func(tx *store.Tx) error { return runs.Cancel(tx, run, because) })
}

// run does something to a run; its error says to which.
func (m Marketer) run(ctx context.Context, run int64, act staff.Act, f func(*store.Tx) error) error {
	err := m.DB.Update(ctx, func(tx *store.Tx) error {
		list, err := report.Runs(tx, run)
		if err != nil {
			return err
		}
		for _, r := range list {
			act.About, act.Before = fmt.Sprintf("run %d of %s", run, r.Campaign), strings.TrimSuffix(r.State+": "+r.Because, ": ")
		}
		if err := f(tx); err != nil {
			return err
		}
		return m.note(tx, act)
	})
	switch {
	case errors.Is(err, store.ErrNotFound):
		return store.Missing(fmt.Sprintf("there is no run %d", run))
	case err != nil && !strings.Contains(err.Error(), fmt.Sprintf("run %d", run)):
		return fmt.Errorf("run %d: %w", run, err)
	}
	return err
}

// Resolve ends a send of which nobody knows whether it went out: it was sent, or it is
// handed over again. One that failed goes again, too.
func (m Marketer) Resolve(ctx context.Context, send int64, as, by string) error {
	return m.DB.Update(ctx, func(tx *store.Tx) error {
		before := "" // it is not there: delivery says so
		was, err := report.Sends(tx, report.SendFilter{ID: send, Limit: 1})
		if err != nil {
			return err
		}
		for _, s := range was {
			before = strings.TrimSuffix(s.State+": "+s.Reason, ": ")
		}
		if err := m.Sender.Resolve(tx, send, as, by); err != nil {
			return err
		}
		return m.note(tx, staff.Act{By: by, Act: "resolve", About: fmt.Sprintf("mail %d", send), Before: before, After: as})
	})
}

// AgainOf has a mail of a member handed over again that did not reach them.
func (m Marketer) AgainOf(ctx context.Context, member, send int64) error {
	return m.ResolveOf(ctx, member, send, delivery.Again)
}

// ResolveOf is Resolve for a mail of a member.
func (m Marketer) ResolveOf(ctx context.Context, member, send int64, as string) error {
	var mine bool
	err := m.DB.View(ctx, func(tx *store.Tx) error {
		return tx.One(&mine, "select count(*) > 0 from sends where id = @send and member_id = @member", store.Args{"send": send, "member": member})
	})
	if err == nil && !mine {
		err = store.Missing(fmt.Sprintf("member %d has no mail %d", member, send))
	}
	if err != nil {
		return err
	}
	return m.Resolve(ctx, send, as, m.By)
}

// ResolveRun decides all unknown mails of a run, and returns how many there were.
func (m Marketer) ResolveRun(ctx context.Context, run int64, as, by string) (all int, err error) {
	for after := int64(0); ; {
		n, last := 0, int64(0)
		err := m.DB.Update(ctx, func(tx *store.Tx) (err error) {
			if n, last, err = m.Sender.ResolveRun(tx, run, after, as, by); err != nil || n == 0 {
				return err
			}
			return m.note(tx, staff.Act{By: by, Act: "resolve", About: fmt.Sprintf("run %d", run), Before: fmt.Sprintf("%d unknown mails", n), After: as})
		})
		if all += n; err != nil || last == 0 {
			return all, err
		}
		after = last
	}
}

// VoidCode ends a code, and reports whether it could still be given or used.
func (m Marketer) VoidCode(tx *store.Tx, code string) (bool, error) {
	before, err := coupon.StateOf(tx, code)
	if err != nil {
		return false, err
	}
	was, err := coupon.Cancel(tx, code)
	if err != nil || !was {
		return was, err
	}
	return was, m.note(tx, staff.Act{Act: "void code", About: "code " + code, Before: before, After: coupon.StateVoid})
}

// Redeem takes a code and tells the campaigns that gave it.
func (m Marketer) Redeem(tx *store.Tx, use coupon.Use) (coupon.Redemption, error) {
	if err := tx.ByIndex(); err != nil { // a till waits, also right after a drop
		return coupon.Redemption{}, err
	}
	done, err := coupon.Redeem(tx, use)
	if err != nil {
		return done, err
	}
	return done, happenings.CouponUsed(tx, []int64{done.Code.ID})
}
