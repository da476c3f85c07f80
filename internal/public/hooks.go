package public

import (
	"context"
	"net/http"
	"time"

	"regulars/internal/ingest"
	"regulars/internal/intake"
	"regulars/internal/loyalty"
	"regulars/internal/marketing"
	"regulars/internal/store"
)

// standardHook takes events signed as the Standard Webhooks specification says.
// A delivery of one event without an id of its own is told by its webhook-id.
func (s *server) standardHook(w http.ResponseWriter, r *http.Request) error {
	if s.Standard == nil {
		s.refused.delivery(r.Context(), "standard", "closed")
		now := time.Now()
		s.unsigned.Store(&now)
		return refuse(http.StatusServiceUnavailable, "this hook is closed: HOOK_SECRET_STANDARD is not set")
	}
	if err := s.Standard.Precheck(r.Header, s.Clock()); err != nil {
		s.refused.delivery(r.Context(), "standard", ingest.Why(err))
		return refuse(http.StatusUnauthorized, "%v", err) // the body of a stranger is not even read
	}
	body, release, err := s.hold(r)
	defer release()
	if err != nil {
		return err
	}
	if err := s.Standard.Verify(r.Header, body, s.Clock()); err != nil {
		s.refused.delivery(r.Context(), "standard", ingest.Why(err))
		return refuse(http.StatusUnauthorized, "%v", err)
	}
	return s.take(w, r, body, ingest.Options{Source: intake.Shop, Via: "standard"}, r.Header.Get("Webhook-Id"))
}

// take reads events, has intake apply them in one transaction and answers each
// of them: 202 when at least one is stored, now or before, 422 when all are
// refused. delivery is the id of one event that has none of its own.
func (s *server) take(w http.ResponseWriter, r *http.Request, body []byte, o ingest.Options, delivery string) error {
	var err error
	if o.Currency, err = s.currency(r.Context()); err != nil {
		return err
	}
	events, unreadable, err := ingest.Decode(body, o)
	if err != nil {
		s.refused.delivery(r.Context(), o.Via, "not JSON")
		return refuse(http.StatusBadRequest, "%v", err)
	}
	if len(events) == 1 && len(unreadable) == 0 && events[0].ID == "" {
		events[0].ID = delivery
	}
	var results []intake.Result
	if len(events) > 0 {
		release, err := s.turns.take(r.Context(), keysOf(events))
		if err != nil {
			return err
		}
		defer func() { release(err) }()
		if results, err = s.Door.Apply(r.Context(), events, intake.Live); err != nil {
			return err
		}
	}
	answers := inOrder(events, results, unreadable)
	s.refused.events(r.Context(), o.Via, answers)
	return writeJSON(w, statusOf(answers), map[string]any{"results": answers})
}

// eventAnswer is the result of one event, in the order of the body.
type eventAnswer struct {
	ID     string       `json:"id"`
	State  intake.State `json:"result"` // stored | duplicate | refused
	Field  string       `json:"field,omitempty"`
	Reason string       `json:"reason,omitempty"`

	Unknown []string       `json:"unknown,omitempty"` // fields that are none of ours, and what became of them
	Notes   []loyalty.Note `json:"notes,omitempty"`   // what of a stored one was left out, or taken otherwise than written
}

// inOrder merges what intake answered with what could not be read, by place.
func inOrder(events []loyalty.Event, results []intake.Result, unreadable []ingest.FieldError) []eventAnswer {
	answers := make([]eventAnswer, 0, len(events)+len(unreadable))
	next := 0
	for i := range cap(answers) {
		if len(unreadable) > 0 && unreadable[0].Index == i {
			u := unreadable[0]
			answers = append(answers, eventAnswer{ID: u.ID, State: intake.Refused, Field: u.Field, Reason: u.Reason})
			unreadable = unreadable[1:]
			continue
		}
		result := results[next]
		answers = append(answers, eventAnswer{ID: events[next].ID, State: result.State, Field: result.Field, Reason: result.Reason, Notes: result.Notes, Unknown: events[next].Unknown})
		next++
	}
	return answers
}

func statusOf(answers []eventAnswer) int {
	for _, a := range answers {
		if a.State != intake.Refused {
			return http.StatusAccepted
		}
	}
	if len(answers) == 0 {
		return http.StatusAccepted
	}
	return http.StatusUnprocessableEntity
}

// currency is the program's, by which amounts are read; EUR before the first apply.
func (s *server) currency(ctx context.Context) (currency string, err error) {
	err = s.reads.View(ctx, func(tx *store.Tx) (err error) {
		currency, err = marketing.Currency(tx)
		return err
	})
	return currency, err
}
