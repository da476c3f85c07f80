package compose

import (
	"fmt"
	netmail "net/mail"
	"regexp"
	"strings"

	"github.com/wneessen/go-mail"
	"golang.org/x/net/idna"
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
	to, err := parse(l.To)
	if err != nil {
		return fmt.Errorf("to: %w", err)
	}
	to.Name = l.ToName
	m.FromMailAddress(named(from))
	m.ToMailAddress(named(to))
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
	name := []rune(literal(strings.TrimSpace(a.Name)))
	a.Name = string(name[:min(len(name), 100)])
	return a
}

// encodedWord is what mail programs decode on sight, even in plain headers.
var encodedWord = regexp.MustCompile(`=(\?[^? ]+\?[bBqQ]\?)`)

// literal keeps a text that looks like an encoded word from being decoded.
func literal(s string) string { return encodedWord.ReplaceAllString(s, "= $1") }

var localPart = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*$")

// parse reads an address that every relay takes: a plain ASCII local part of at
// most 64 bytes, and a domain with a dot, in punycode where it is not ASCII.
func parse(s string) (*netmail.Address, error) {
	a, err := netmail.ParseAddress(s)
	if err != nil {
		return nil, ErrAddress
	}
	at := strings.LastIndexByte(a.Address, '@')
	local, domain := a.Address[:at], a.Address[at+1:]
	if domain, err = idna.Lookup.ToASCII(domain); err != nil {
		return nil, ErrAddress
	}
	if len(local) > 64 || !localPart.MatchString(local) || !strings.Contains(domain, ".") || len(domain) > 253 {
		return nil, ErrAddress
	}
	a.Address = local + "@" + domain
	return a, nil
}
