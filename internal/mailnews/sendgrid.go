package mailnews

import (
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"regulars/internal/webhook"
)

// sendgrid signs with a key of its own, whose public half is the setting.
var sendgrid = Provider{
	Name:   "sendgrid",
	Secret: func(secret string) error { _, err := sendgridKey(secret); return err },
	Verify: verifySendgrid,
	Decode: decodeSendgrid,
	Setup: "In SendGrid, Settings, Mail Settings, Event Webhook: this address, with Signed Event Webhook on. " +
		"HOOK_SECRET_SENDGRID is the verification key that is shown there.",
}

const (
	sendgridSignature = "X-Twilio-Email-Event-Webhook-Signature"
	sendgridTimestamp = "X-Twilio-Email-Event-Webhook-Timestamp"
)

func sendgridKey(secret string) (*ecdsa.PublicKey, error) {
	der, err := base64.StdEncoding.DecodeString(secret)
	if err == nil {
		var key any
		if key, err = x509.ParsePKIXPublicKey(der); err == nil {
			if public, ok := key.(*ecdsa.PublicKey); ok {
				return public, nil
			}
		}
	}
	return nil, errors.New("is no verification key: it should be the base64 that SendGrid shows, MFkwEwYH…")
}

func verifySendgrid(d Delivery, secrets []string) error {
	stamp := d.Header.Get(sendgridTimestamp)
	at, err := strconv.ParseInt(stamp, 10, 64)
	signature, bad := base64.StdEncoding.DecodeString(d.Header.Get(sendgridSignature))
	if err != nil || bad != nil || len(signature) == 0 {
		return fmt.Errorf("%w: the headers %s and %s are missing or cannot be read", webhook.ErrUnsigned, sendgridSignature, sendgridTimestamp)
	}
	if err := fresh(time.Unix(at, 0), d.At); err != nil {
		return err
	}
	sum := sha256.Sum256(append([]byte(stamp), d.Body...))
	for _, secret := range secrets {
		if key, err := sendgridKey(secret); err == nil && ecdsa.VerifyASN1(key, sum[:], signature) {
			return nil
		}
	}
	return webhook.ErrForged
}

type sendgridEvent struct {
	Email, Event, Type, Status, Reason, Response string
	Timestamp                                    float64
	Event_ID                                     string `json:"sg_event_id"`
	SMTPID                                       string `json:"smtp-id"`
	Message                                      string `json:"sg_message_id"`
}

func decodeSendgrid(d Delivery) ([]News, error) {
	var list []json.RawMessage
	if err := read(d.Body, &list); err != nil {
		return nil, err
	}
	if len(list) > maxEvents {
		return nil, fmt.Errorf("the body has %d events: at most %d at once", len(list), maxEvents)
	}
	var all []News
	for _, raw := range list {
		var e sendgridEvent
		if json.Unmarshal(raw, &e) != nil {
			continue // one bad event does not stop the others
		}
		all = append(all, e.news())
	}
	return all, nil
}

func (e sendgridEvent) news() News {
	n := News{Source: "sendgrid", ID: e.Event_ID, What: Nothing, Word: e.Event, At: seconds(e.Timestamp), Address: e.Email, Marks: marks(e.SMTPID)}
	if n.ID == "" {
		n.ID = keyed(e.Event, e.Message, e.Email, fmt.Sprint(e.Timestamp))
	}
	reason := strings.ToLower(e.Reason)
	switch e.Event {
	case "delivered":
		n.What = Delivered
	case "bounce":
		n.What, n.Status, n.Words, n.Gone = Bounced, e.Status, e.Reason, e.Type != "blocked"
	case "dropped":
		n.What, n.Status, n.Words = Bounced, e.Status, e.Reason
		switch {
		case strings.HasPrefix(reason, "bounced address"), strings.HasPrefix(reason, "invalid"):
			n.Gone = true
		case strings.HasPrefix(reason, "unsubscribed address"):
			n.What, n.Word = OptedOut, "dropped: "+e.Reason
		case strings.HasPrefix(reason, "spam reporting address"):
			n.What = Complained
		}
	case "spamreport":
		n.What = Complained
	case "unsubscribe", "group_unsubscribe":
		n.What = OptedOut
	}
	return n.tidy()
}
