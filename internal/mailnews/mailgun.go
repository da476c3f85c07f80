package mailnews

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"time"

	"regulars/internal/webhook"
)

// mailgun signs a time and a token beside the event, and not the event: whoever has
// seen a token could tell anything. So a token is good for one event.
var mailgun = Provider{
	Name:   "mailgun",
	Secret: atLeast(8),
	Verify: verifyMailgun,
	Decode: decodeMailgun,
	Setup: "In Mailgun, Sending, Webhooks: this address for Delivered, Permanent and Temporary Failure, Spam Complaints and Unsubscribes. " +
		"HOOK_SECRET_MAILGUN is the HTTP webhook signing key.",
}

type mailgunDelivery struct {
	Signature struct{ Timestamp, Token, Signature string }
	Event     struct {
		Event, ID, Severity, Reason, Recipient string
		Timestamp                              float64
		Message                                struct {
			Headers struct {
				ID string `json:"message-id"`
			}
		}
		Envelope struct{ Sender string }
		Status   struct {
			Code                 float64
			Message, Description string
			Enhanced             string `json:"enhanced-code"`
		} `json:"delivery-status"`
	} `json:"event-data"`
}

func verifyMailgun(d Delivery, secrets []string) error {
	var m mailgunDelivery
	if err := read(d.Body, &m); err != nil {
		return fmt.Errorf("%w: it has no signature", webhook.ErrUnsigned)
	}
	s := m.Signature
	at, err := strconv.ParseInt(s.Timestamp, 10, 64)
	if err != nil || s.Token == "" || s.Signature == "" {
		return fmt.Errorf("%w: it has no signature", webhook.ErrUnsigned)
	}
	if err := fresh(time.Unix(at, 0), d.At); err != nil {
		return err
	}
	given, err := hex.DecodeString(s.Signature)
	if err != nil {
		return webhook.ErrForged
	}
	for _, secret := range secrets {
		mac := hmac.New(sha256.New, []byte(secret))
		mac.Write([]byte(s.Timestamp + s.Token))
		if hmac.Equal(mac.Sum(nil), given) {
			return nil
		}
	}
	return webhook.ErrForged
}

func decodeMailgun(d Delivery) ([]News, error) {
	var m mailgunDelivery
	if err := read(d.Body, &m); err != nil {
		return nil, err
	}
	e := m.Event
	n := News{Source: "mailgun", ID: e.ID, Token: m.Signature.Token, What: Nothing, Word: e.Event, At: seconds(e.Timestamp), Address: e.Recipient,
		Marks: marks(e.Message.Headers.ID, e.Envelope.Sender)}
	if n.ID == "" {
		n.ID = keyed(e.Event, e.Message.Headers.ID, e.Recipient, fmt.Sprint(e.Timestamp))
	}
	switch e.Event {
	case "delivered":
		n.What = Delivered
	case "complained":
		n.What = Complained
	case "unsubscribed":
		n.What = OptedOut
	case "failed":
		n.Word = "failed: " + e.Severity
		if e.Severity != "permanent" {
			break // it is tried again
		}
		n.What, n.Status = Bounced, e.Status.Enhanced
		n.Words = fmt.Sprintf("%.0f %s", e.Status.Code, e.Status.Message+e.Status.Description)
		n.Gone = e.Reason == "suppress-bounce"
		switch e.Reason {
		case "suppress-complaint":
			n.What = Complained
		case "suppress-unsubscribe":
			n.What = OptedOut
		}
	}
	return []News{n.tidy()}, nil
}
