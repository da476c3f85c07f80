package compose

import (
	"fmt"
	netmail "net/mail"
	"regexp"
	"strings"

	"github.com/wneessen/go-mail"

	"regulars/internal/address"
	"regulars/internal/loyalty"
)

// address writes From, Reply-To and To.
func (l Letter) address(m *mail.Msg) error {
	from, err := address.Named(l.From)
	if err != nil {
		return fmt.Errorf("from: %w (%w)", ErrAddress, err)
	}
	if l.Rendered.FromName != "" {
		from.Name = l.Rendered.FromName
	}
	to, _, err := address.Read(l.To)
	if err != nil {
		return fmt.Errorf("to: %w (%w: %w)", ErrRecipient, ErrAddress, err)
	}
	m.FromMailAddress(named(from))
	m.ToMailAddress(named(&netmail.Address{Name: l.ToName, Address: to}))
	if l.ReplyTo == "" {
		return nil
	}
	reply, err := address.Named(l.ReplyTo)
	if err != nil {
		return fmt.Errorf("reply-to: %w (%w)", ErrAddress, err)
	}
	m.ReplyToMailAddress(named(reply))
	return nil
}

// named keeps a name short and what it is.
func named(a *netmail.Address) *netmail.Address {
	a.Name = literal(loyalty.OneLine(a.Name))
	if len(a.Name) > 100 {
		name := []rune(a.Name)
		a.Name = string(name[:min(len(name), 100)])
	}
	return a
}

// encodedWord is what mail programs decode on sight, even in plain headers.
var encodedWord = regexp.MustCompile(`=(\?[^? ]+\?[bBqQ]\?)`)

// literal keeps a text that looks like an encoded word from being decoded.
func literal(s string) string {
	if !strings.Contains(s, "=?") {
		return s
	}
	return encodedWord.ReplaceAllString(s, "= $1")
}
