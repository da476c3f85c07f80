package mailnews

import (
	"net/http"

	"regulars/internal/webhook"
)

// resend signs as Svix does: Standard Webhooks under other names.
var resend = Provider{
	Name:   "resend",
	Secret: standard().Secret,
	Verify: verifySvix,
	Decode: decodeResend,
	Setup: "In Resend, Webhooks: this address, for email.delivered, email.bounced and email.complained. " +
		"HOOK_SECRET_RESEND is the signing secret, whsec_…",
}

func standard() webhook.Source {
	s, _ := webhook.Named("standard")
	return s
}

func verifySvix(d Delivery, secrets []string) error {
	h := http.Header{}
	for _, name := range []string{"id", "timestamp", "signature"} {
		value := d.Header.Get("svix-" + name)
		if value == "" {
			value = d.Header.Get("webhook-" + name)
		}
		h.Set("webhook-"+name, value)
	}
	return standard().Verify(webhook.Delivery{Header: h, Body: d.Body, At: d.At}, secrets)
}

type resendEvent struct {
	Type      string
	CreatedAt string `json:"created_at"`
	Data      struct {
		EmailID   string `json:"email_id"`
		MessageID string `json:"message_id"`
		To        []string
		Headers   []struct{ Name, Value string }
		Bounce    struct{ Message, Type, SubType string }
	}
}

func decodeResend(d Delivery) ([]News, error) {
	var e resendEvent
	if err := read(d.Body, &e); err != nil {
		return nil, err
	}
	id := d.Header.Get("svix-id")
	if id == "" {
		id = d.Header.Get("webhook-id")
	}
	n := News{Source: "resend", ID: id, What: Nothing, Word: e.Type, At: instant(e.CreatedAt), Marks: marks(e.Data.MessageID)}
	for _, h := range e.Data.Headers {
		if http.CanonicalHeaderKey(h.Name) == "Message-Id" {
			n.Marks = append(n.Marks, bare(h.Value))
		}
	}
	if len(e.Data.To) == 1 { // our mails have one recipient
		n.Address = e.Data.To[0]
	}
	switch e.Type {
	case "email.delivered":
		n.What = Delivered
	case "email.complained":
		n.What = Complained
	case "email.bounced": // "permanently rejected", say its pages
		n.What, n.Words = Bounced, e.Data.Bounce.Message
		n.Gone = e.Data.Bounce.Type == "Permanent" || e.Data.Bounce.Type == ""
	}
	return []News{n.tidy()}, nil
}
