package mailnews

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"

	"regulars/internal/bounce"
)

// message is a mail as it came, which somebody's mail server posts: signed as the
// Standard Webhooks are.
var message = Provider{
	Name:   "message",
	Secret: standard().Secret,
	Verify: verifySvix,
	Decode: func(d Delivery) ([]News, error) {
		return FromMail(d.Body, strings.FieldsFunc(d.Header.Get("X-Envelope-To"), func(r rune) bool { return r == ',' || r == ' ' }), d.At), nil
	},
	Setup: "Have your mail server post each mail to the bounce domain here, as it came, with its envelope recipients in X-Envelope-To, signed as https://www.standardwebhooks.com says. " +
		"HOOK_SECRET_MESSAGE is whsec_ and the base64 of 24 to 64 random bytes.",
}

// FromMail reads a mail that came to addresses of ours: a bounce, a complaint, somebody
// who asks for no more, or nothing. Anybody can write such a mail, so whom it names is
// not believed: only marks of ours are.
func FromMail(raw []byte, to []string, at time.Time) []News {
	r := bounce.Read(raw)
	sum := sha256.Sum256(raw)
	n := News{Source: "mail", ID: hex.EncodeToString(sum[:]), What: Nothing, Word: string(r.Kind), At: at}
	n.Marks = append(append(append(n.Marks, to...), r.Senders...), r.MessageIDs...)
	switch {
	case r.Kind == bounce.Complaint:
		n.What = Complained
	case r.Kind == bounce.OptOut, r.Kind != bounce.Delivery && r.Kind != bounce.Notice && asksForNoMore(to):
		n.What = OptedOut
	case r.Kind == bounce.Delivery && len(r.Recipients) > 1: // a mail of ours has one
		n.Word = "a report on several recipients"
	case r.Kind == bounce.Delivery:
		n.report(r.Recipients[0])
	}
	return []News{n.tidy()}
}

func (n *News) report(r bounce.Recipient) {
	n.Word = r.Action
	switch r.Action {
	case bounce.Failed:
		n.What, n.Status, n.Words = Bounced, r.Cause(), r.Diagnostic
	case bounce.Delivered:
		n.What = Delivered
	}
}

// asksForNoMore reports a mail to an address that unsubscribes: whether it is ours is
// told by its mark.
func asksForNoMore(to []string) bool {
	for _, a := range to {
		if strings.HasPrefix(strings.ToLower(a), "unsubscribe+") {
			return true
		}
	}
	return false
}
