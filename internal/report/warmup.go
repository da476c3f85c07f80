package report

import (
	"regulars/internal/loyalty"
	"regulars/internal/store"
)

// Warmup is how the warm-up of a new sender stands today.
type Warmup struct {
	Mails   int64           `json:"mails"`              // that went today, or are on their way
	Limit   int64           `json:"limit"`              // of today
	Waiting int64           `json:"waiting"`            // that today has no place for
	Until   loyalty.Instant `json:"until"`              // when the next day begins
	LastDay loyalty.Day     `json:"last_day,omitempty"` // on which what waits, and what runs have still to send, is out; 0: nothing is
}

// warming reads how the warm-up stands, where there is a limit today. What waits for it
// is due when the next day begins.
func (s *Status) warming(tx *store.Tx) error {
	s.Warmup = nil
	today, err := tx.Warmup()
	if err != nil || !today.Limited {
		return err
	}
	w := Warmup{Mails: today.Mails, Limit: today.Limit, Until: loyalty.At(today.Next)}
	err = tx.One(&w.Waiting, `
		select (select count(*) from due where not_before = @next)
		     + (select count(*)
		        from   chunks k
		        join   runs r  on r.id = k.run_id and r.state = 'sending'
		        join   sends s on s.run_id = k.run_id and s.id between k.next_id and k.hi and s.state = 'queued'
		        where  not k.done and k.not_before = @next)`, store.Args{"next": w.Until})
	if err != nil {
		return err
	}
	pending := w.Waiting
	if runs := s.pending(); runs > 0 {
		var singly int64 // what waits singly belongs to no run
		if err := tx.One(&singly, "select count(*) from due where not_before = @next", store.Args{"next": w.Until}); err != nil {
			return err
		}
		pending = singly + runs
	}
	if pending > 0 {
		w.LastDay = today.LastDay(pending)
	}
	s.Warmup = &w
	return nil
}

// pending is how many mails the runs under way have still to send.
func (s *Status) pending() (n int64) {
	for _, r := range s.Runs {
		if r.State == "sending" {
			n += r.Pending
		}
	}
	return n
}
