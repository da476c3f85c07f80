package ingest

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// The ways in which a delivery is not the sender's. All of them are answered 401.
var (
	ErrUnsigned = errors.New("the webhook-id, webhook-timestamp or webhook-signature header is missing or cannot be read")
	ErrForged   = errors.New("no signature matches: is HOOK_SECRET_STANDARD the secret that the sender signs with?")
	ErrStale    = errors.New("the delivery was signed more than 5 minutes ago or ahead: is one of the clocks wrong?")
)

// Why is the reason of a refusal in one word, for a log and a metric.
func Why(err error) string {
	switch {
	case errors.Is(err, ErrUnsigned):
		return "unsigned"
	case errors.Is(err, ErrStale):
		return "stale"
	default:
		return "forged"
	}
}

// tolerance is how far the sender's clock and the delivery's way may take us
// apart; later, a recorded delivery cannot be played again.
const tolerance = 5 * time.Minute

// leastSecret is what the specification asks for, in bytes.
const leastSecret = 24

// Standard checks deliveries signed as the Standard Webhooks specification says.
type Standard struct{ keys []*standardwebhooks.Webhook }

// NewStandard takes one or several secrets, whsec_… with commas between them: all
// of them are good while the sender changes from one to the next.
func NewStandard(secrets string) (*Standard, error) {
	var s Standard
	for i, secret := range strings.Split(secrets, ",") {
		key, err := newKey(strings.TrimSpace(secret))
		if err != nil {
			return nil, fmt.Errorf("HOOK_SECRET_STANDARD, secret %d: %w", i+1, err)
		}
		s.keys = append(s.keys, key)
	}
	return &s, nil
}

// newKey reads a secret. Its errors never show it.
func newKey(secret string) (*standardwebhooks.Webhook, error) {
	const form = `it should be whsec_ and the base64 of 24 to 64 random bytes, as "openssl rand -base64 32" prints them`
	encoded, ok := strings.CutPrefix(secret, "whsec_")
	if !ok {
		return nil, errors.New("does not begin with whsec_: " + form)
	}
	key, err := standardwebhooks.NewWebhook(encoded)
	switch {
	case err != nil:
		return nil, errors.New("is not base64: " + form)
	case len(strings.TrimRight(encoded, "="))*3/4 < leastSecret:
		return nil, errors.New("is too short: " + form)
	}
	return key, nil
}

// Verify says whether a delivery with these headers and this body, exactly as
// received, was signed by somebody who has one of the secrets, about now. The
// header may hold several signatures. Comparing takes the same time whatever
// they are.
func (s *Standard) Verify(h http.Header, body []byte, now time.Time) error {
	err := s.Precheck(h, now)
	if err != nil {
		return err
	}
	for _, key := range s.keys {
		err = key.VerifyIgnoringTimestamp(body, h)
		if err == nil {
			return nil
		}
	}
	if errors.Is(err, standardwebhooks.ErrRequiredHeaders) {
		return ErrUnsigned
	}
	return ErrForged
}

// Precheck says what the headers alone tell of a delivery, before its body is
// read: that it is not signed, not now, or not in a way that any secret makes.
func (s *Standard) Precheck(h http.Header, now time.Time) error {
	seconds, err := strconv.ParseInt(h.Get(standardwebhooks.HeaderWebhookTimestamp), 10, 64)
	if err != nil || h.Get(standardwebhooks.HeaderWebhookID) == "" || h.Get(standardwebhooks.HeaderWebhookSignature) == "" {
		return ErrUnsigned
	}
	// The library would ask the machine's clock; here time is passed in.
	if away := now.Sub(time.Unix(seconds, 0)); away > tolerance || away < -tolerance {
		return ErrStale
	}
	for signature := range strings.FieldsSeq(h.Get(standardwebhooks.HeaderWebhookSignature)) {
		version, text, _ := strings.Cut(signature, ",")
		if sum, err := base64.StdEncoding.DecodeString(text); version == "v1" && err == nil && len(sum) == sha256.Size {
			return nil
		}
	}
	return ErrForged
}

// Sign returns the headers of a delivery, as a sender would make them.
func (s *Standard) Sign(id string, body []byte, now time.Time) (http.Header, error) {
	signature, err := s.keys[0].Sign(id, now, body)
	if err != nil {
		return nil, fmt.Errorf("signing a delivery: %w", err)
	}
	h := http.Header{}
	h.Set(standardwebhooks.HeaderWebhookID, id)
	h.Set(standardwebhooks.HeaderWebhookTimestamp, strconv.FormatInt(now.Unix(), 10))
	h.Set(standardwebhooks.HeaderWebhookSignature, signature)
	return h, nil
}
