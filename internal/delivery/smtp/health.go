package smtp

import (
	"time"

	"regulars/internal/delivery"
)

// When a relay is in trouble, beside an open breaker.
const (
	awayTwice  = 2                // hand-overs or looks in a row that found it away: one may be an accident
	refusals   = 5                // mails in a row that it puts off, or refuses by policy
	refusedFor = 15 * time.Minute // how long such refusals are news
	silentFor  = 8 * time.Second  // with a mail on the wire and no answer to any
	lookFor    = 4 * time.Second  // how long one look may take
	idleFor    = 8 * time.Second  // after which a relay that nobody used is looked at, so that status names it within 15 s
)

// health is what the hand-overs of late say together. The breaker's lock guards it.
type health struct {
	flights map[int]time.Time // mails on the wire, since when
	last    int               // the number of the last one
	heard   time.Time         // when a mail or a look last came to an end

	stage   delivery.Stage // at which it was away last
	because string         // and why
	refused int            // mails in a row
	words   string         // with which
	at      time.Time      // the last of them
	signed  bool           // a look has got past AUTH
}

func (h *health) begin(now time.Time) int {
	if h.flights == nil {
		h.flights = map[int]time.Time{}
	}
	h.last++
	h.flights[h.last] = now
	return h.last
}

func (h *health) end(flight int, o delivery.Outcome, now time.Time) {
	delete(h.flights, flight)
	v := o.Verdict()
	if v.Ending == delivery.Withheld {
		return
	}
	h.heard = now
	switch {
	case v.Ending == delivery.Deferred || v.Policy:
		h.refused, h.words, h.at = h.refused+1, reason(o), now
	case v.Ending == delivery.Sent:
		h.refused, h.signed = 0, true
	}
}

func (h *health) away(o delivery.Outcome) {
	h.stage, h.because = o.Stage, reason(o)
}

// silent returns for how long mails have been on the wire without an answer to any.
func (h *health) silent(now time.Time) time.Duration {
	longest := time.Duration(0)
	for _, since := range h.flights {
		longest = max(longest, min(now.Sub(since), now.Sub(h.heard)))
	}
	return longest
}
