package public

import (
	"errors"
	"net/http"
	"time"

	"regulars/internal/intake"
	"regulars/internal/loyalty"
	"regulars/internal/webhook"
)

// hook takes the deliveries of a source: what nobody signed is refused, the events
// are read as the source writes them, and intake applies them.
func (s *server) hook(source webhook.Source) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		secrets := s.Secrets[source.Name]
		if len(secrets) == 0 {
			s.refused.delivery(r.Context(), source.Name, "closed")
			s.closed.Store(&closedHook{source, time.Now()})
			return refuse(http.StatusServiceUnavailable, "this hook is closed: %s is not set", source.Setting())
		}
		stranger := func(err error) error {
			s.refused.delivery(r.Context(), source.Name, webhook.Why(err))
			if errors.Is(err, webhook.ErrForged) {
				return refuse(http.StatusUnauthorized, "%v: is %s the secret that the sender signs with?", err, source.Setting())
			}
			return refuse(http.StatusUnauthorized, "%v", err)
		}
		d := webhook.Delivery{Header: r.Header, At: s.Clock()}
		if err := source.Headers(d); err != nil {
			return stranger(err) // the body of a stranger is not even read
		}
		body, release, err := s.hold(r)
		defer release()
		if err != nil {
			return err
		}
		d.Body, d.At = body, s.Clock()
		if err := source.Verify(d, secrets); err != nil {
			return stranger(err)
		}
		return s.take(w, r, webhook.Options{Source: intake.OwnSource, Via: source.Name},
			func(o webhook.Options) ([]loyalty.Event, []webhook.FieldError, error) { return source.Decode(d, o) })
	}
}

// closedHook is a source whose delivery was refused for want of a secret.
type closedHook struct {
	webhook.Source
	at time.Time
}

// take reads events, has intake take them in, with those of other deliveries that
// arrive now, and answers each of them: 202 when at least one is stored, now or before,
// 422 when all are refused.
func (s *server) take(w http.ResponseWriter, r *http.Request, o webhook.Options, decode func(webhook.Options) ([]loyalty.Event, []webhook.FieldError, error)) (err error) {
	if o.Currency, err = s.Intake.Currency(r.Context()); err != nil {
		return err
	}
	for {
		events, unreadable, err := decode(o)
		if err != nil {
			s.refused.delivery(r.Context(), o.Via, "not JSON")
			return refuse(http.StatusBadRequest, "%v", err)
		}
		var results []intake.Result
		if len(events) > 0 {
			results, err = s.Intake.Deliver(r.Context(), o.Currency, events)
		} else { // an amount may be unreadable in the currency that was
			err = s.Intake.IsCurrency(r.Context(), o.Currency)
		}
		var changed *intake.CurrencyError
		if errors.As(err, &changed) {
			o.Currency = changed.Now
			continue
		}
		if err != nil {
			return err
		}
		answers := inOrder(events, results, unreadable)
		s.refused.events(r.Context(), o.Via, answers)
		return writeJSON(w, statusOf(answers), map[string]any{"results": answers})
	}
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
func inOrder(events []loyalty.Event, results []intake.Result, unreadable []webhook.FieldError) []eventAnswer {
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
