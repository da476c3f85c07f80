// Package bounce reads the mails that come back: reports of delivery (RFC 3464),
// complaints (ARF, RFC 5965), and all that is neither.
//
// It promises that what it says stands in a part made for machines, exactly as
// written; the words of a mail are never guessed at. It never fails: a mail that it
// cannot read is of kind Other. Whether the mail that came back was one of ours, and
// what follows for its member, is left to delivery: anybody can write such a mail.
package bounce

import (
	"net/mail"
	"regexp"
	"strings"
)

// Kind is what a mail is.
type Kind string

// The kinds of mails.
const (
	Delivery  Kind = "delivery"  // a report of delivery, good or bad: see its recipients
	Complaint Kind = "complaint" // somebody marked the mail as spam
	OptOut    Kind = "opt-out"   // somebody asks for no more, by their mail program
	Notice    Kind = "notice"    // a report that is none of these: a failed signature, "not spam"
	AutoReply Kind = "reply"     // a vacation (RFC 3834)
	Other     Kind = "other"     // nothing that a machine was meant to read
)

// What became of a mail, as a report of delivery says it (RFC 3464, 2.3.3).
const (
	Failed    = "failed"
	Delayed   = "delayed"
	Delivered = "delivered"
)

// Report is a mail, read.
type Report struct {
	Kind       Kind
	Recipients []Recipient // of a report of delivery
	Feedback   string      // of a complaint: abuse, fraud …

	// Of the mail that came back, as far as the report shows it.
	MessageIDs []string // without < and >
	Senders    []string // envelope senders, bare addresses
	To         []string // whom the report itself names: a complaint's Original-Rcpt-To
}

// Recipient is what a report says of one.
type Recipient struct {
	Address    string
	Action     string // failed | delayed | delivered | relayed | expanded, and what some servers make up
	Status     string // RFC 3463: "5.1.1"; "": none
	Diagnostic string // the words of the server that said so
}

var enhanced = regexp.MustCompile(`\b[245]\.\d{1,3}\.\d{1,3}\b`)

// Cause is the status that tells most: many servers write 5.0.0 where the words
// beside it have a code of their own.
func (r Recipient) Cause() string {
	if !strings.HasSuffix(r.Status, ".0.0") && r.Status != "" {
		return r.Status
	}
	if found := InText(r.Diagnostic); found != "" && (r.Status == "" || found[0] == r.Status[0]) {
		return found
	}
	return r.Status
}

// InText returns the first status code (RFC 3463) that stands behind a reply code in
// a server's words, "" if there is none. An address of a network is not one.
func InText(words string) string {
	m := replied.FindStringSubmatch(words)
	if m == nil {
		return ""
	}
	return m[1]
}

var replied = regexp.MustCompile(`(?:^|[^\d.])(?:[45]\d\d[ -]#?|^ *#?)([245]\.\d{1,3}\.\d{1,3})(?:[^\d.]|\.?$|\.\D)`)

// Read reads a mail as it came, after the line "From " of a mailbox file, if any.
func Read(raw []byte) Report {
	r := reader{}
	top := r.message(raw)
	r.walk(top, 0)
	return r.report(top)
}

// reader gathers what the parts of a mail say.
type reader struct {
	parts      int
	recipients []Recipient
	status     bool // a delivery-status part was there
	feedback   map[string][]string
	out        Report
}

func (r *reader) report(top part) Report {
	out := r.out
	switch {
	case r.feedback != nil:
		out.Feedback = strings.ToLower(one(r.feedback, "feedback-type"))
		out.Kind = complaintKind(out.Feedback)
		out.Senders = append(out.Senders, addresses(r.feedback["original-mail-from"])...)
		out.To = addresses(r.feedback["original-rcpt-to"])
	case len(r.recipients) > 0:
		out.Kind, out.Recipients = Delivery, r.recipients
	case replies(top.header):
		out.Kind = AutoReply
	default:
		out.Kind = Other
	}
	return out
}

func complaintKind(feedback string) Kind {
	switch feedback {
	case "abuse", "fraud", "virus", "other", "miscategorized":
		return Complaint
	case "opt-out", "opt-out-list":
		return OptOut
	}
	return Notice
}

// replies reports whether a machine answered for a person. A server that could not
// deliver says so under the same field.
func replies(h map[string][]string) bool {
	from := strings.ToLower(one(h, "from"))
	if h["x-failed-recipients"] != nil || strings.Contains(from, "mailer-daemon") || strings.Contains(from, "postmaster") || h["x-apple-unsubscribe"] != nil {
		return false
	}
	return strings.HasPrefix(strings.ToLower(one(h, "auto-submitted")), "auto-replied") ||
		h["x-autoreply"] != nil || h["x-autorespond"] != nil || h["x-ms-exchange-inbox-rules-loop"] != nil ||
		strings.EqualFold(one(h, "precedence"), "auto_reply")
}

// delivery reads a delivery-status part: a group of fields for the mail, then one
// for each recipient.
func (r *reader) delivery(body []byte) {
	r.status = true
	for len(body) > 0 && len(r.recipients) < maxRecipients {
		var h map[string][]string
		h, body = fields(body)
		to := typed(one(h, "final-recipient"))
		if to == "" {
			to = typed(one(h, "original-recipient"))
		}
		action, _, _ := strings.Cut(strings.ToLower(one(h, "action")), " ")
		if to == "" || action == "" {
			continue
		}
		r.recipients = append(r.recipients, Recipient{
			Address: bare(to), Action: action,
			Status:     enhanced.FindString(one(h, "status")),
			Diagnostic: clipped(typed(one(h, "diagnostic-code"))),
		})
	}
}

// original notes what the head of the mail that came back says of it.
func (r *reader) original(h map[string][]string) {
	for _, id := range h["message-id"] {
		if id = strings.Trim(strings.TrimSpace(id), "<>"); id != "" && len(r.out.MessageIDs) < maxMarks {
			r.out.MessageIDs = append(r.out.MessageIDs, id)
		}
	}
	r.out.Senders = append(r.out.Senders, addresses(h["return-path"])...)
}

// typed returns what stands behind the type of a value: "rfc822; ana@shop.example".
func typed(value string) string {
	if _, rest, ok := strings.Cut(value, ";"); ok {
		return strings.TrimSpace(rest)
	}
	return strings.TrimSpace(value)
}

func bare(address string) string {
	if a, err := mail.ParseAddress(address); err == nil {
		return a.Address
	}
	return strings.Trim(strings.TrimSpace(address), "<>")
}

func addresses(values []string) (all []string) {
	for _, v := range values {
		if a := bare(v); a != "" && len(all) < maxMarks {
			all = append(all, a)
		}
	}
	return all
}

func one(h map[string][]string, name string) string {
	if len(h[name]) == 0 {
		return ""
	}
	return h[name][0]
}

func clipped(words string) string {
	if len(words) > maxWords {
		words = words[:maxWords]
	}
	return strings.ToValidUTF8(words, "")
}
