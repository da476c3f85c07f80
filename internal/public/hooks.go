package public

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"
	"time"

	"regulars/internal/intake"
	"regulars/internal/loyalty"
	"regulars/internal/parked"
	"regulars/internal/webhook"
)

// hook takes the deliveries of a source: what nobody signed is refused, the events
// are read as the source writes them, and intake applies them. What cannot be taken in
// is told to a sender that can mend it, and parked for one that cannot.
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
		d := webhook.Delivery{Header: r.Header, At: s.Clock(), URL: s.address(source)}
		if err := source.Headers(d); err != nil {
			if source.Ping != nil && errors.Is(err, webhook.ErrUnsigned) {
				d.Body, _ = io.ReadAll(io.LimitReader(r.Body, largestPing))
				if source.Ping(d) {
					return writeJSON(w, http.StatusOK, map[string]any{"ignored": "it only asks whether we are there"})
				}
			}
			return stranger(err) // the body of a stranger is not even read
		}
		if err := encoded(r.Header); err != nil {
			s.refused.delivery(r.Context(), source.Name, "encoded")
			return err
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
		if source.Names != nil {
			return s.takeOrPark(w, r, source, d)
		}
		return s.take(w, r, webhook.Options{Source: intake.OwnSource, Via: source.Name},
			func(o webhook.Options) ([]loyalty.Event, []webhook.FieldError, error) { return source.Decode(d, o) })
	}
}

// largestPing is how much is read of what nobody signed, where it may be a ping.
const largestPing = 256

// address is where the world posts to a source.
func (s *server) address(source webhook.Source) string {
	if s.Links == nil {
		return ""
	}
	return s.Links.Base() + "/hooks/" + source.Name
}

// encoded refuses bodies that are not JSON as it stands.
func encoded(h http.Header) error {
	if e := h.Get("Content-Encoding"); e != "" && !strings.EqualFold(e, "identity") {
		return refuse(http.StatusUnsupportedMediaType, "the body is encoded: send it without Content-Encoding")
	}
	if _, params, err := mime.ParseMediaType(h.Get("Content-Type")); err == nil {
		if c := params["charset"]; c != "" && !strings.EqualFold(c, "utf-8") && !strings.EqualFold(c, "us-ascii") {
			return refuse(http.StatusUnsupportedMediaType, "the body is not UTF-8")
		}
	}
	return nil
}

// takeOrPark takes a delivery of a system in that cannot mend what it sends: what is of
// no matter is ignored and what is not understood is parked, each with its reason.
func (s *server) takeOrPark(w http.ResponseWriter, r *http.Request, source webhook.Source, d webhook.Delivery) error {
	out, err := parked.Take(r.Context(), s.DB, s.Intake, source, d)
	var body *parked.BodyError
	switch {
	case errors.As(err, &body):
		s.refused.delivery(r.Context(), source.Name, "not JSON")
		return refuse(http.StatusBadRequest, "%v", body)
	case err != nil:
		return err
	case out.Erased:
		return writeJSON(w, http.StatusAccepted, map[string]any{"done": "the customer was erased"})
	case out.Ignored != "":
		return writeJSON(w, http.StatusAccepted, map[string]any{"ignored": out.Ignored})
	}
	said := map[string]any{"results": inOrder(out.Events, out.Results, out.Unreadable)}
	if out.Reason != "" {
		if err := parked.Park(r.Context(), s.DB, source, d, out.Reason); errors.Is(err, parked.ErrFull) {
			s.refused.delivery(r.Context(), source.Name, "too many parked")
			return refuse(http.StatusServiceUnavailable, "%v", err)
		} else if err != nil {
			return err
		}
		s.refused.note(r.Context(), "a delivery is parked", source.Name, "parked")
		said["parked"] = out.Reason
	}
	return writeJSON(w, http.StatusAccepted, said)
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
