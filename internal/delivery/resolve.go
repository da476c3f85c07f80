package delivery

import (
	"errors"
	"fmt"

	"regulars/internal/loyalty"
	"regulars/internal/store"
)

// What a person may say about an unknown send.
const (
	WasSent = "sent"
	Again   = "again"
)

// ErrNotUnknown says that a send needs no person's decision.
var ErrNotUnknown = errors.New("only a send of which nobody knows whether it was sent can be resolved")

// Resolve ends an unknown send as a person decides: "sent", or "again" to hand
// it over once more. by is who decided.
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
	if s.state != unknown {
		return fmt.Errorf("send %d is %s: %w", id, s.state, ErrNotUnknown)
	}
	e, err := decided(tx, s, as, by)
	if err != nil {
		return err
	}
	effective, err := record(tx, laneOf(s.Class), "sends.fence = r.fence and sends.state = 'unknown'", []result{e})
	if err == nil && len(effective) == 0 {
		err = fmt.Errorf("send %d was just claimed: %w", id, ErrNotUnknown)
	}
	return err
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
	return true, dueAt(tx, laneOf(s.Class), []int64{s.Send}, loyalty.Instant{}, 0, false)
}

// resolved is the reason of a send that a person says was sent.
const resolved = "resolved"

func decided(tx *store.Tx, s *send, as, by string) (result, error) {
	switch as {
	case WasSent:
		waits, err := isDue(tx, s.Send)
		if err != nil {
			return result{}, err
		}
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

func isDue(tx *store.Tx, id int64) (due bool, err error) {
	err = tx.One(&due, "select exists (select 1 from due where send_id = @id)", store.Args{"id": id})
	return due, err
}

// laneOf is where single sends of a class are due.
func laneOf(class string) string {
	if class == loyalty.Offer {
		return Bulk
	}
	return Urgent
}
