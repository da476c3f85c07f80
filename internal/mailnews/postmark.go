package mailnews

import (
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"regulars/internal/webhook"
)

// postmark signs nothing; it sends a user and password of ours.
var postmark = Provider{
	Name: "postmark",
	Secret: func(secret string) error {
		if user, password, ok := strings.Cut(secret, ":"); !ok || user == "" || len(password) < 8 {
			return errors.New("should be USER:PASSWORD, the password of at least 8 characters")
		}
		return nil
	},
	Verify: verifyPostmark,
	Decode: decodePostmark,
	Setup: "In Postmark, the message stream's Webhooks: this address, with a user and a password under basic authentication, for Delivery, Bounce, Spam complaint and Subscription change. " +
		"HOOK_SECRET_POSTMARK is USER:PASSWORD.",
}

func verifyPostmark(d Delivery, secrets []string) error {
	r := d.Header.Get("Authorization")
	if r == "" {
		return fmt.Errorf("%w: it has no Authorization", webhook.ErrUnsigned)
	}
	given := basic(d)
	good := 0
	for _, secret := range secrets {
		good |= subtle.ConstantTimeCompare([]byte(given), []byte(secret))
	}
	if good == 0 || given == "" {
		return webhook.ErrForged
	}
	return nil
}

type postmarkEvent struct {
	RecordType, Type, Name, MessageID, Email, Recipient string
	ID                                                  int64
	TypeCode                                            int
	Details, Description                                string
	BouncedAt, DeliveredAt, ChangedAt, ReceivedAt       string
	SuppressSending                                     bool
	SuppressionReason                                   string
	Metadata                                            map[string]any
}

func decodePostmark(d Delivery) ([]News, error) {
	var e postmarkEvent
	if err := read(d.Body, &e); err != nil {
		return nil, err
	}
	at := e.BouncedAt + e.DeliveredAt + e.ChangedAt + e.ReceivedAt
	n := News{Source: "postmark", ID: keyed(e.RecordType, e.MessageID, fmt.Sprint(e.ID), e.Email+e.Recipient, at), What: Nothing, Word: e.RecordType,
		At: instant(at), Address: e.Email + e.Recipient}
	if mark, ok := e.Metadata["send"].(string); ok {
		n.Marks = marks(mark)
	}
	switch e.RecordType {
	case "Delivery":
		n.What = Delivered
	case "SpamComplaint":
		n.What = Complained
	case "SubscriptionChange":
		if e.SuppressSending && e.SuppressionReason == "ManualSuppression" {
			n.What = OptedOut
		}
	case "Bounce":
		n.bounce(e)
	}
	return []News{n.tidy()}, nil
}

// bounce reads Postmark's own kinds of bounces.
func (n *News) bounce(e postmarkEvent) {
	n.Word, n.Words = e.RecordType+" "+e.Type, e.Details
	switch e.Type {
	case "HardBounce", "BadEmailAddress", "AddressChange":
		n.What, n.Gone = Bounced, e.Type != "AddressChange"
	case "SoftBounce", "DnsError", "Blocked", "SMTPApiError", "DMARCPolicy", "SpamNotification", "Undeliverable", "ManuallyDeactivated", "TemplateRenderingFailed":
		n.What = Bounced
	case "SpamComplaint":
		n.What = Complained
	case "Unsubscribe":
		n.What = OptedOut
	}
}

// basic returns USER:PASSWORD as it was sent, "" if it cannot be read.
func basic(d Delivery) string {
	r := http.Request{Header: d.Header}
	user, password, ok := r.BasicAuth()
	if !ok {
		return ""
	}
	return user + ":" + password
}
