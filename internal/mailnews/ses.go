package mailnews

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha1" // signature version 1 of SNS is made of it
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"regulars/internal/webhook"
)

// ses is Amazon SES, whose events come through a topic of SNS. The setting holds the
// topics that are listened to: any account's messages are signed with the same
// certificates. SNS tells again for weeks, under the time of its first try: there is
// no window, and what was told is known by its id.
var ses = Provider{
	Name:    "ses",
	Secret:  topicARN,
	Verify:  verifySNS,
	Decode:  decodeSES,
	Confirm: confirmSNS,
	Setup: "In Amazon SES, send the events of the configuration set or identity to a topic of SNS, and subscribe this address (HTTPS) to the topic. " +
		"HOOK_SECRET_SES is the topic's ARN, arn:aws:sns:…; the subscription confirms itself then.",
}

var arn = regexp.MustCompile(`^arn:aws(-[a-z-]+)?:sns:[a-z0-9-]+:\d+:[A-Za-z0-9_-]+(\.fifo)?$`)

func topicARN(secret string) error {
	if !arn.MatchString(secret) {
		return errors.New("is no topic: it should be its ARN, like arn:aws:sns:eu-north-1:123456789012:mail-events")
	}
	return nil
}

// sns is a message of SNS.
type sns struct {
	Type, MessageId, TopicArn, Subject, Message, Timestamp, Token, SubscribeURL string
	SignatureVersion, Signature, SigningCertURL                                 string
}

const (
	snsNotification = "Notification"
	snsConfirmation = "SubscriptionConfirmation"
	snsFarewell     = "UnsubscribeConfirmation"
)

// signed is the text that SNS signs.
func (m sns) signed() (string, bool) {
	fields := [][2]string{{"Message", m.Message}, {"MessageId", m.MessageId}}
	switch m.Type {
	case snsNotification:
		if m.Subject != "" {
			fields = append(fields, [2]string{"Subject", m.Subject})
		}
	case snsConfirmation, snsFarewell:
		fields = append(fields, [2]string{"SubscribeURL", m.SubscribeURL})
	default:
		return "", false
	}
	fields = append(fields, [2]string{"Timestamp", m.Timestamp})
	if m.Type != snsNotification {
		fields = append(fields, [2]string{"Token", m.Token})
	}
	fields = append(fields, [2]string{"TopicArn", m.TopicArn}, [2]string{"Type", m.Type})
	var b strings.Builder
	for _, f := range fields {
		b.WriteString(f[0] + "\n" + f[1] + "\n")
	}
	return b.String(), true
}

func verifySNS(d Delivery, topics []string) error {
	var m sns
	if err := read(d.Body, &m); err != nil || m.Signature == "" {
		return fmt.Errorf("%w: it is no message of SNS", webhook.ErrUnsigned)
	}
	text, known := m.signed()
	if !known || !slices.Contains(topics, m.TopicArn) || !amazonCertificate(m.SigningCertURL) {
		return webhook.ErrForged
	}
	signature, err := base64.StdEncoding.DecodeString(m.Signature)
	if err != nil || d.Fetch == nil {
		return webhook.ErrForged
	}
	certificate, err := d.Fetch(m.SigningCertURL)
	if err != nil {
		return fmt.Errorf("the certificate that it is signed with can't be had: %w", err)
	}
	key, err := publicKey(certificate)
	if err != nil {
		return err
	}
	switch m.SignatureVersion {
	case "1":
		sum := sha1.Sum([]byte(text))
		err = rsa.VerifyPKCS1v15(key, crypto.SHA1, sum[:], signature)
	case "2":
		sum := sha256.Sum256([]byte(text))
		err = rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], signature)
	default:
		err = webhook.ErrForged
	}
	if err != nil {
		return webhook.ErrForged
	}
	return nil
}

func publicKey(certificate []byte) (*rsa.PublicKey, error) {
	block, _ := pem.Decode(certificate)
	if block == nil {
		return nil, webhook.ErrForged
	}
	c, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, webhook.ErrForged
	}
	key, ok := c.PublicKey.(*rsa.PublicKey)
	if !ok {
		return nil, webhook.ErrForged
	}
	return key, nil
}

var snsHost = regexp.MustCompile(`^sns\.[a-z0-9-]{1,40}\.amazonaws\.com(\.cn)?$`)

// amazon reports an address of SNS itself, before anybody asks it.
func amazon(address string) (*url.URL, bool) {
	u, err := url.Parse(address)
	return u, err == nil && u.Scheme == "https" && u.User == nil && snsHost.MatchString(u.Host) && u.Opaque == ""
}

func amazonCertificate(address string) bool {
	u, ok := amazon(address)
	return ok && strings.HasSuffix(u.Path, ".pem") && u.RawQuery == ""
}

// confirmSNS confirms a subscription of a topic that we were told to listen to.
func confirmSNS(d Delivery) string {
	var m sns
	if read(d.Body, &m) != nil || m.Type != snsConfirmation {
		return ""
	}
	if u, ok := amazon(m.SubscribeURL); !ok || u.Query().Get("Action") != "ConfirmSubscription" {
		return ""
	}
	return m.SubscribeURL
}

// sesEvent is what SES writes into a message.
type sesEvent struct {
	NotificationType, EventType string
	Mail                        struct {
		Source  string
		Headers []struct{ Name, Value string }
	}
	Bounce struct {
		BounceType, BounceSubType, Timestamp string
		BouncedRecipients                    []struct{ EmailAddress, Status, DiagnosticCode string }
	}
	Complaint struct {
		ComplaintFeedbackType, Timestamp string
		ComplainedRecipients             []struct{ EmailAddress string }
	}
	Delivery struct {
		Timestamp  string
		Recipients []string
	}
}

func decodeSES(d Delivery) ([]News, error) {
	var m sns
	if err := read(d.Body, &m); err != nil {
		return nil, err
	}
	base := News{Source: "ses", ID: m.MessageId, What: Nothing, Word: m.Type, At: instant(m.Timestamp)}
	if m.Type != snsNotification {
		return []News{base}, nil
	}
	var e sesEvent
	if err := read([]byte(m.Message), &e); err != nil { // "Successfully validated SNS topic …"
		return []News{base}, nil
	}
	base.Word = e.EventType + e.NotificationType
	base.Marks = marks(e.Mail.Source)
	for _, h := range e.Mail.Headers {
		if strings.EqualFold(h.Name, "Message-ID") {
			base.Marks = append(base.Marks, bare(h.Value))
		}
	}
	return e.news(base), nil
}

func (e sesEvent) news(base News) (all []News) {
	add := func(address string, change func(*News)) {
		n := base
		n.Address = address
		if len(all) > 0 {
			n.ID = base.ID + "/" + fmt.Sprint(len(all))
		}
		change(&n)
		if len(all) < maxEvents {
			all = append(all, n.tidy())
		}
	}
	switch base.Word {
	case "Bounce":
		for _, r := range e.Bounce.BouncedRecipients {
			add(r.EmailAddress, func(n *News) {
				n.What, n.Status, n.Words = Bounced, r.Status, r.DiagnosticCode
				n.Gone = e.Bounce.BounceType == "Permanent" && e.Bounce.BounceSubType != "MessageTooLarge" && e.Bounce.BounceSubType != "ContentRejected" && e.Bounce.BounceSubType != "AttachmentRejected"
			})
		}
	case "Complaint":
		for _, r := range e.Complaint.ComplainedRecipients {
			add(r.EmailAddress, func(n *News) {
				if n.What = Complained; e.Complaint.ComplaintFeedbackType == "not-spam" {
					n.What = Nothing
				}
			})
		}
	case "Delivery":
		for _, to := range e.Delivery.Recipients {
			add(to, func(n *News) { n.What = Delivered })
		}
	}
	if len(all) == 0 {
		all = []News{base.tidy()}
	}
	return all
}
