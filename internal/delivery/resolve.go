package delivery

import (
	"errors"
	"fmt"

	"regulars/internal/coupon"
	"regulars/internal/loyalty"
	"regulars/internal/store"
)

// What a person may say about an unknown send.
const (
	WasSent = "sent"
	Again   = "again"
)

// ErrNotUnknown says that a send needs no person's decision.
var ErrNotUnknown = errors.New("only a send of which nobody knows whether it was sent can be resolved; one that failed can go again")

// SurelyUnsent reports whether a mail in that state was refused, so that it may go
// again without anybody getting it twice.
func SurelyUnsent(state string) bool { return state == failed }

// Resolve ends an unknown send as a person decides: "sent", or "again" to hand
// it over once more. One that failed was surely not sent: it goes again, too, with its
// code if that can still be given. The gate is asked as for any mail. by is who decided.
func (d *Sender) Resolve(tx *store.Tx, id int64, as, by string) error {
	sends, err := load(tx, []int64{id})
	if err != nil {
		return err
	}
	if len(sends) == 0 {
		return fmt.Errorf("send %d: %w", id, store.ErrNotFound)
	}
	s := sends[0]
	if stranded, err := rescue(tx, s, as); stranded || err != nil {
		return err
	}
	whose := ofLost
	switch {
	case SurelyUnsent(s.state) && as == Again:
		whose = ofFailed
		if err := codeAgain(tx, s); err != nil {
			return err
		}
	case s.state != unknown:
		return fmt.Errorf("send %d is %s: %w", id, s.state, ErrNotUnknown)
	}
	waits, err := areDue(tx, []int64{id})
	if err != nil {
		return err
	}
	e, err := decided(s, as, by, waits[id])
	if err != nil {
		return err
	}
	effective, err := record(tx, laneOf(s.Class), whose, []result{e})
	if err == nil && len(effective) == 0 {
		err = fmt.Errorf("send %d was just claimed: %w", id, ErrNotUnknown)
	}
	return err
}

// codeAgain reserves the code of a failed send once more, which has been void since.
func codeAgain(tx *store.Tx, s *send) error {
	if s.Code == 0 || s.coupon != coupon.StateVoid {
		return nil
	}
	ok, err := coupon.Again(tx, s.Code)
	if err == nil && !ok {
		err = fmt.Errorf("send %d shows a code that cannot be given again: it was ended by hand, or its pool is over or used up", s.Send)
	}
	return err
}

// resolveAtOnce is how many sends of a run one transaction resolves.
const resolveAtOnce = 1000

// ResolveRun ends the unknown sends of a run after one of them as a person decides,
// the next thousand. It returns how many it ended, and the last that it looked at: 0
// when there are no more.
func (d *Sender) ResolveRun(tx *store.Tx, run, after int64, as, by string) (n int, last int64, err error) {
	var ids []int64
	err = tx.All(&ids, "select id from sends where run_id = @run and id > @after and state = 'unknown' order by id limit @limit",
		store.Args{"run": run, "after": after, "limit": resolveAtOnce})
	if err != nil || len(ids) == 0 {
		return 0, 0, err
	}
	sends, err := load(tx, ids)
	if err != nil {
		return 0, 0, err
	}
	waits, err := areDue(tx, ids)
	if err != nil {
		return 0, 0, err
	}
	var results []result
	for _, s := range sends {
		e, err := decided(s, as, by, waits[s.Send])
		if err != nil {
			return 0, 0, err
		}
		results = append(results, e)
	}
	effective, err := record(tx, laneOf(sends[0].Class), ofLost, results) // a run has one class
	return len(effective), ids[len(ids)-1], err
}

// rescue makes a single send due again that waits where no worker finds it, and reports
// whether it was one. None should be there: the doctor looks for them.
func rescue(tx *store.Tx, s *send, as string) (bool, error) {
	if as != Again || s.Run != 0 {
		return false, nil
	}
	n, err := tx.Exec(`
		update sends set state = 'queued'
		where  id = @id and run_id is null and state in ('queued', 'claimed', 'handing', 'deferred')
		and    not exists (select 1 from due d where d.send_id = sends.id)`, store.Args{"id": s.Send})
	if err != nil || n == 0 {
		return false, err
	}
	return true, dueAt(tx, laneOf(s.Class), []int64{s.Send}, loyalty.Instant{}, 0, false, "")
}

// resolved is the reason of a send that a person says was sent.
const resolved = "resolved"

// decided is what a person's decision makes of a send, which may wait to go again by
// itself.
func decided(s *send, as, by string, waits bool) (result, error) {
	switch as {
	case WasSent:
		if !waits {
			s.reason = resent // its passage did not wait for a person
		}
		return result{s: s, state: sent, reason: resolved, words: "sent, says " + by}, nil
	case Again:
		s.reason = resent
		return result{s: s, state: queued, reason: resent, words: "again, says " + by, due: true}, nil
	}
	return result{}, fmt.Errorf("a send is resolved as %s or %s, not %q", WasSent, Again, as)
}

func areDue(tx *store.Tx, ids []int64) (map[int64]bool, error) {
	var found []int64
	err := tx.All(&found, "select send_id from due where send_id in (select value from "+tx.JSONEach("@ids")+")", store.Args{"ids": store.JSON(ids)})
	due := map[int64]bool{}
	for _, id := range found {
		due[id] = true
	}
	return due, err
}

// laneOf is where single sends of a class are due.
func laneOf(class string) string {
	if class == loyalty.Offer {
		return Bulk
	}
	return Urgent
}
