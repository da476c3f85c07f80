package compose

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"
	"unicode"

	"github.com/wneessen/go-mail"

	"regulars/internal/address"
	"regulars/internal/loyalty"
	"regulars/templates"
)

// Letter is one mail to one member, ready to be put into an envelope.
type Letter struct {
	From    string // RFC 5322: "Anna <anna@shop.example>"; Rendered.FromName takes the name's place
	ReplyTo string // RFC 5322; "" none
	To      string // the address alone
	ToName  string // "" none

	Rendered templates.Rendered

	Class string // loyalty.Offer, Earned or Service
	Topic string // offers, newsletter, program

	MessageID       string // without < and >; MessageID makes one
	ListID          string // "offers.shop.example"; "" the topic at the sender's domain
	Unsubscribe     string // https address of the one-click link; required but for class service
	UnsubscribeMail string // mail address that unsubscribes; "" none
	FeedbackID      string // "campaign:topic:class:sender"; "" none
	Date            time.Time
}

// Errors of Build that say what a letter is not fit for.
var (
	ErrAddress       = errors.New("not an address that mail can be sent to")
	ErrRecipient     = errors.New("this member cannot be written to") // it is not the text's fault
	ErrHeader        = errors.New("a header value has a line break, or a character that cannot be there")
	ErrNoUnsubscribe = errors.New("the unsubscribe link is missing")
	ErrNoMessageID   = errors.New("the message id is missing")
	ErrTooLong       = errors.New("a header is longer than 998 bytes")
)

// Build writes the message: headers, then text and HTML as alternatives.
func Build(l Letter) ([]byte, error) {
	b, err := l.build()
	if err != nil {
		return nil, fmt.Errorf("letter %s: %w", l.MessageID, err)
	}
	return b, nil
}

func (l Letter) build() ([]byte, error) {
	if err := l.check(); err != nil {
		return nil, err
	}
	m := mail.NewMsg(mail.WithCharset(mail.CharsetUTF8), mail.WithEncoding(mail.EncodingQP),
		mail.WithBoundary(l.boundary()), mail.WithNoDefaultUserAgent())
	if err := l.address(m); err != nil {
		return nil, err
	}
	for name, value := range l.headers() {
		m.SetGenHeader(mail.Header(name), value)
	}
	m.SetDateWithValue(l.Date.UTC())
	m.SetMessageIDWithValue(l.MessageID)
	m.Subject(literal(loyalty.OneLine(l.Rendered.Subject)))
	m.SetBodyString(mail.TypeTextPlain, l.Rendered.Text)
	m.AddAlternativeString(mail.TypeTextHTML, l.Rendered.HTML)
	var out bytes.Buffer
	if _, err := m.WriteTo(&out); err != nil {
		return nil, err
	}
	return unfolded(out.Bytes())
}

// check refuses what would not arrive, or arrive as something else. Names and the
// subject, which are read by people, are not refused but written in one line.
func (l Letter) check() error {
	for _, h := range []struct{ name, value string }{{"From", l.From}, {"Reply-To", l.ReplyTo}, {"Content-Language", l.Rendered.Language}} {
		if strings.IndexFunc(h.value, unicode.IsControl) >= 0 || strings.ContainsAny(h.value, "\u2028\u2029") {
			return fmt.Errorf("%w: %s", ErrHeader, h.name)
		}
	}
	for _, h := range []struct{ name, value string }{{"List-ID", l.ListID}, {"List-ID", l.Topic}, {"Feedback-ID", l.FeedbackID}} {
		if !forMachines(h.value) {
			return fmt.Errorf("%w: %s", ErrHeader, h.name)
		}
	}
	return l.checkOwn()
}

// forMachines reports whether a value is of ASCII, without control characters.
func forMachines(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// checkOwn is check for what differs from letter to letter.
func (l Letter) checkOwn() error {
	for _, h := range []struct{ name, value string }{{"Message-ID", l.MessageID}, {"List-Unsubscribe", l.Unsubscribe}, {"List-Unsubscribe", l.UnsubscribeMail}} {
		if !forMachines(h.value) {
			return fmt.Errorf("%w: %s", ErrHeader, h.name)
		}
	}
	if l.MessageID == "" || strings.ContainsAny(l.MessageID, " <>") || strings.Count(l.MessageID, "@") != 1 {
		return ErrNoMessageID
	}
	if l.Class == loyalty.Service && l.Unsubscribe == "" {
		return nil
	}
	if u, err := url.Parse(l.Unsubscribe); err != nil || u.Host == "" || strings.ContainsAny(l.Unsubscribe, " <>,") {
		return ErrNoUnsubscribe
	}
	return nil
}

// headers are those that come from the kind of mail. Members can answer a
// question of RFC 3834 (do not answer machines) and of mailbox providers (whose
// list, which campaign) without reading the mail.
func (l Letter) headers() map[string]string {
	h := map[string]string{"Auto-Submitted": "auto-generated"}
	if l.Rendered.Language != "" {
		h["Content-Language"] = l.Rendered.Language
	}
	if l.FeedbackID != "" {
		h["Feedback-ID"] = l.FeedbackID
	}
	if l.Class == loyalty.Offer {
		h["Precedence"] = "bulk"
	}
	if l.Class == loyalty.Service {
		return h
	}
	h["List-ID"] = "<" + l.listID() + ">"
	h["List-Unsubscribe"] = l.unsubscribe()
	h["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
	return h
}

// unsubscribe are the ways out, for machines.
func (l Letter) unsubscribe() string {
	if l.UnsubscribeMail == "" {
		return "<" + l.Unsubscribe + ">"
	}
	return "<" + l.Unsubscribe + ">, <mailto:" + l.UnsubscribeMail + "?subject=unsubscribe>"
}

func (l Letter) listID() string {
	if l.ListID != "" {
		return l.ListID
	}
	from, err := address.Named(l.From)
	if err != nil {
		return l.Topic // not reached: address has parsed it
	}
	return l.Topic + "." + address.Domain(from.Address)
}

const (
	boundaryPrefix = "part-"
	boundarySize   = 16 // bytes of a hash
)

// boundary separates the parts. It comes from the message id, so that a second
// copy is the same to the byte, and is hashed, so that no text can contain it by
// accident.
func (l Letter) boundary() string {
	sum := sha256.Sum256([]byte("boundary:" + l.MessageID))
	return boundaryPrefix + hex.EncodeToString(sum[:boundarySize])
}

// unfolded puts the first word of each header back onto the header's own line:
// go-mail breaks before a long first word, which leaves an empty line behind the
// name, and some mailboxes then see no List-Unsubscribe at all.
func unfolded(message []byte) ([]byte, error) {
	head, body, _ := bytes.Cut(message, []byte("\r\n\r\n"))
	head = bytes.ReplaceAll(head, []byte(":\r\n "), []byte(": "))
	for line := range bytes.SplitSeq(head, []byte("\r\n")) {
		if len(line) > 998 {
			name, _, _ := bytes.Cut(line, []byte(":"))
			return nil, fmt.Errorf("%w: %.40s", ErrTooLong, name)
		}
	}
	return bytes.Join([][]byte{head, body}, []byte("\r\n\r\n")), nil
}
