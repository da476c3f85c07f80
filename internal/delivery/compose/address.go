package compose

import (
	"fmt"
	netmail "net/mail"
	"regexp"

	"github.com/wneessen/go-mail"

	"regulars/internal/consent"
	"regulars/internal/loyalty"
)

// address writes From, Reply-To and To.
func (l Letter) address(m *mail.Msg) error {
	from, err := parse(l.From)
	if err != nil {
		return fmt.Errorf("from: %w", err)
	}
	if l.Rendered.FromName != "" {
		from.Name = l.Rendered.FromName
	}
	to, _, err := consent.Address(l.To)
	if err != nil {
		return fmt.Errorf("to: %w (%w: %w)", ErrRecipient, ErrAddress, err)
	}
	m.FromMailAddress(named(from))
	m.ToMailAddress(named(&netmail.Address{Name: l.ToName, Address: to}))
	if l.ReplyTo == "" {
		return nil
	}
	reply, err := parse(l.ReplyTo)
	if err != nil {
		return fmt.Errorf("reply-to: %w", err)
	}
	m.ReplyToMailAddress(named(reply))
	return nil
}

// named keeps a name short and what it is.
func named(a *netmail.Address) *netmail.Address {
	name := []rune(literal(loyalty.OneLine(a.Name)))
	a.Name = string(name[:min(len(name), 100)])
	return a
}

// encodedWord is what mail programs decode on sight, even in plain headers.
var encodedWord = regexp.MustCompile(`=(\?[^? ]+\?[bBqQ]\?)`)

// literal keeps a text that looks like an encoded word from being decoded.
func literal(s string) string { return encodedWord.ReplaceAllString(s, "= $1") }

// parse reads the program's own address, with a name or without.
func parse(s string) (*netmail.Address, error) {
	a, err := netmail.ParseAddress(s)
	if err != nil {
		return nil, ErrAddress
	}
	if a.Address, _, err = consent.Address(a.Address); err != nil {
		return nil, ErrAddress
	}
	return a, nil
}
