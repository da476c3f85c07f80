package webhook

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

	"regulars/internal/loyalty"
)

// standard is the shop's own system, or any other that signs as the Standard
// Webhooks specification says and posts our events.
var standard = Source{
	Name:    "standard",
	Secret:  func(secret string) error { _, err := StandardKey(secret); return err },
	Headers: standardHeaders,
	Verify:  verifyStandard,
	Decode:  decodeStandard,
	Signing: "Sign as https://www.standardwebhooks.com says, with the secret of HOOK_SECRET_STANDARD.",
	ByHand:  standardByHand,
	Sample:  standardSample,
}

// tolerance is how far the sender's clock and the delivery's way may take us
// apart; later, a recorded delivery cannot be played again.
const tolerance = 5 * time.Minute

// leastSecret is what the specification asks for, in bytes.
const leastSecret = 24

// StandardKey reads a secret of Standard Webhooks, whsec_…; the error says what is wrong with
// it, and never shows it.
func StandardKey(secret string) (*standardwebhooks.Webhook, error) {
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

var errUnsignedStandard = fmt.Errorf("%w: the webhook-id, webhook-timestamp or webhook-signature header is missing or cannot be read", ErrUnsigned)

// standardHeaders says that a delivery is not signed, not now, or not in a way that
// any secret makes.
func standardHeaders(d Delivery) error {
	seconds, err := strconv.ParseInt(d.Header.Get(standardwebhooks.HeaderWebhookTimestamp), 10, 64)
	if err != nil || d.Header.Get(standardwebhooks.HeaderWebhookID) == "" || d.Header.Get(standardwebhooks.HeaderWebhookSignature) == "" {
		return errUnsignedStandard
	}
	// The library would ask the machine's clock; here time is passed in.
	if away := d.At.Sub(time.Unix(seconds, 0)); away > tolerance || away < -tolerance {
		return ErrStale
	}
	for signature := range strings.FieldsSeq(d.Header.Get(standardwebhooks.HeaderWebhookSignature)) {
		version, text, _ := strings.Cut(signature, ",")
		if sum, err := base64.StdEncoding.DecodeString(text); version == "v1" && err == nil && len(sum) == sha256.Size {
			return nil
		}
	}
	return ErrForged
}

// verifyStandard checks a delivery. Its header may hold several signatures.
// Comparing takes the same time whatever they are.
func verifyStandard(d Delivery, secrets []string) error {
	if err := standardHeaders(d); err != nil {
		return err
	}
	for _, secret := range secrets {
		key, err := StandardKey(secret)
		if err != nil {
			return fmt.Errorf("a secret of ours %w", err)
		}
		if err = key.VerifyIgnoringTimestamp(d.Body, d.Header); err == nil {
			return nil
		}
		if errors.Is(err, standardwebhooks.ErrRequiredHeaders) {
			return errUnsignedStandard
		}
	}
	return ErrForged
}

// decodeStandard reads our own events. One event without an id of its own is told
// by the delivery's.
func decodeStandard(d Delivery, o Options) ([]loyalty.Event, []FieldError, error) {
	events, refused, err := Decode(d.Body, o)
	if len(events) == 1 && len(refused) == 0 && events[0].ID == "" {
		events[0].ID = d.Header.Get(standardwebhooks.HeaderWebhookID)
	}
	return events, refused, err
}

// standardByHand is a script that signs a delivery and sends it: what is said
// then, about the secret, the clock or the event, is what the shop would be told.
func standardByHand(base string) string {
	return strings.ReplaceAll(`secret=${HOOK_SECRET_STANDARD%%,*}
id=by-hand-$(date +%s); at=$(date +%s)
body='{"type": "order.placed", "id": "'$id'", "at": "'$(date -u +%Y-%m-%dT%H:%M:%SZ)'",
 "member": {"id": "TEST-1"}, "order": {"id": "TEST-1", "status": "test", "total": "10.00"}}'
key=$(printf %s "${secret#whsec_}" | openssl base64 -d -A | od -An -v -tx1 | tr -d ' \n')
signature=$(printf %s "$id.$at.$body" | openssl dgst -sha256 -mac HMAC -macopt hexkey:$key -binary | openssl base64 -A)
curl -sS BASE/hooks/standard -H "webhook-id: $id" -H "webhook-timestamp: $at" -H "webhook-signature: v1,$signature" --data-binary "$body"`, "BASE", base)
}

// standardSample is a delivery of no events.
func standardSample(secret, _ string, at time.Time) (http.Header, []byte) {
	body, id := []byte("[]"), "regulars-test-"+strconv.FormatInt(at.UnixNano(), 36)
	h := http.Header{"Content-Type": {"application/json"}}
	h.Set(standardwebhooks.HeaderWebhookID, id)
	h.Set(standardwebhooks.HeaderWebhookTimestamp, strconv.FormatInt(at.Unix(), 10))
	if key, err := StandardKey(secret); err == nil {
		signature, _ := key.Sign(id, at, body)
		h.Set(standardwebhooks.HeaderWebhookSignature, signature)
	}
	return h, body
}
