package public

import (
	"errors"
	"net/http"

	"regulars/internal/delivery"
	"regulars/internal/mailnews"
	"regulars/internal/webhook"
)

// mailHook takes what a mail provider tells of mails that went out.
func (s *server) mailHook(p mailnews.Provider) handler {
	name := "mail/" + p.Name
	return func(w http.ResponseWriter, r *http.Request) error {
		secrets := s.Secrets[name]
		if len(secrets) == 0 || s.Learn == nil {
			s.refused.delivery(r.Context(), name, "closed")
			return refuse(http.StatusServiceUnavailable, "this hook is closed: %s is not set", p.Setting())
		}
		body, release, err := s.hold(r)
		defer release()
		if err != nil {
			return err
		}
		d := mailnews.Delivery{Delivery: webhook.Delivery{Header: r.Header, Body: body, At: s.Clock()}, Fetch: s.Fetch}
		if err := p.Verify(d, secrets); err != nil {
			return s.mailStranger(r, p, err)
		}
		if p.Confirm != nil {
			if address := p.Confirm(d); address != "" {
				if _, err := s.Fetch(address); err != nil {
					return refuse(http.StatusServiceUnavailable, "the subscription can't be confirmed now")
				}
			}
		}
		news, err := p.Decode(d)
		if err != nil {
			s.refused.delivery(r.Context(), name, "not JSON")
			return refuse(http.StatusBadRequest, "%v", err)
		}
		heard, err := s.Learn(r.Context(), news)
		if err != nil {
			return err
		}
		return writeHeard(w, heard)
	}
}

// mailStranger answers a delivery that its provider did not sign. A certificate that
// cannot be had now is no reason to lose what it signed.
func (s *server) mailStranger(r *http.Request, p mailnews.Provider, err error) error {
	s.refused.delivery(r.Context(), "mail/"+p.Name, mailWhy(err))
	switch {
	case errors.Is(err, webhook.ErrForged):
		return refuse(http.StatusUnauthorized, "%v: is %s what the sender signs with?", err, p.Setting())
	case errors.Is(err, webhook.ErrUnsigned), errors.Is(err, webhook.ErrStale):
		return refuse(http.StatusUnauthorized, "%v", err)
	}
	return refuse(http.StatusServiceUnavailable, "it cannot be checked now; try again")
}

func mailWhy(err error) string {
	for _, known := range []error{webhook.ErrForged, webhook.ErrUnsigned, webhook.ErrStale} {
		if errors.Is(err, known) {
			return webhook.Why(err)
		}
	}
	return "no certificate"
}

// writeHeard answers each piece of news: 503 when one is to be told again, 401 when one
// came with another's signature.
func writeHeard(w http.ResponseWriter, heard []delivery.Heard) error {
	status := http.StatusAccepted
	answers := make([]map[string]string, len(heard))
	for i, h := range heard {
		answers[i] = map[string]string{"id": h.ID, "result": "stored", "effect": h.Effect}
		switch {
		case errors.Is(h.Err, delivery.ErrReplayed):
			status = max(status, http.StatusUnauthorized)
			answers[i] = map[string]string{"id": h.ID, "result": "refused", "reason": h.Err.Error()}
		case h.Err != nil:
			status = http.StatusServiceUnavailable
			answers[i] = map[string]string{"id": h.ID, "result": "refused", "reason": h.Err.Error()}
		case h.Again:
			answers[i] = map[string]string{"id": h.ID, "result": "duplicate"}
		}
	}
	if status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "60")
	}
	return writeJSON(w, status, map[string]any{"results": answers})
}
