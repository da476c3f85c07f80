// Package address reads e-mail addresses: members', the shop's own and those that
// are suppressed, all in one way, so that what comes in can go out and what a program
// sends from is what mails show. Whose an address is, and whether it may be mailed,
// it leaves to intake and consent.
package address

import (
	"errors"
	"net/mail"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// Why an address is refused. They are words for the person who typed it.
var (
	ErrNoAt    = errors.New("an address has one @ with something on both sides")
	ErrLocal   = errors.New("the part before the @ has a character that mail servers refuse")
	ErrDots    = errors.New("dots may not come first, last or twice in a row")
	ErrDomain  = errors.New("the part after the @ is not a domain name")
	ErrNoDot   = errors.New("the domain has no dot")
	ErrTooLong = errors.New("the address is too long")
)

// signs may stand in a local part beside letters and digits (RFC 5321, atext).
const signs = "!#$%&'*+-/=?^_`{|}~."

// Read reads an e-mail address as a mail program would send to it. White
// space around it is dropped. Clean is what goes into MAIL: the local part as
// written, the domain in lower case and punycode. Folded is what the address is
// known by: clean in lower case, since no provider of note tells Ana from ana.
//
// It refuses what SMTP allows and nobody has: quoted local parts, comments,
// address literals, a domain without a dot or with a number for its last label.
// It also refuses letters beyond ASCII before the @, which need SMTPUTF8 all the
// way. Limits are those of RFC 5321: 64, 253 and 254 bytes.
func Read(s string) (clean, folded string, err error) {
	text := strings.TrimFunc(s, blank)
	i := strings.LastIndexByte(text, '@')
	if i <= 0 || i == len(text)-1 {
		return "", "", ErrNoAt
	}
	local := text[:i]
	if err := checkLocal(local); err != nil {
		return "", "", err
	}
	domain, err := hostname(text[i+1:])
	if err != nil {
		return "", "", err
	}
	clean = local + "@" + domain
	if len(local) > 64 || len(clean) > 254 {
		return "", "", ErrTooLong
	}
	return clean, strings.ToLower(clean), nil
}

// Named reads an address that may have a name before it, as a sender's has: Anna
// <anna@shop.example>. The address is as Read has it.
func Named(s string) (*mail.Address, error) {
	a, err := mail.ParseAddress(s)
	if err != nil {
		if _, _, why := Read(s); why != nil && !strings.Contains(s, "<") {
			return nil, why
		}
		return nil, errors.New("it is not a name and an address")
	}
	a.Address, _, err = Read(a.Address)
	return a, err
}

// Domain is what stands behind the @ of an address that Read has taken.
func Domain(clean string) string { return clean[strings.LastIndexByte(clean, '@')+1:] }

// blank tells what a spreadsheet leaves around an address: spaces of all kinds,
// and the marks without width, or of direction, that come with copying.
func blank(r rune) bool {
	return unicode.IsSpace(r) || r == '\u061c' || r >= '\u200b' && r <= '\u200f' || r == '\u2060' || r == '\ufeff' ||
		r >= '\u2028' && r <= '\u202e' || r >= '\u2066' && r <= '\u2069'
}

func checkLocal(local string) error {
	for _, r := range local {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
		if !letter && (r > unicode.MaxASCII || !strings.ContainsRune(signs, r)) {
			return ErrLocal
		}
	}
	if strings.HasPrefix(local, ".") || strings.HasSuffix(local, ".") || strings.Contains(local, "..") {
		return ErrDots
	}
	return nil
}

// hostname returns a domain in lower case and punycode.
func hostname(s string) (string, error) {
	if strings.HasPrefix(s, ".") || strings.HasSuffix(s, ".") || strings.Contains(s, "..") {
		return "", ErrDots
	}
	domain, plain := s, plainDomain(s)
	if !plain {
		var err error
		if domain, err = punycode(s); err != nil {
			return "", err
		}
	}
	labels := strings.Split(domain, ".")
	for _, label := range labels {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return "", ErrDomain
		}
	}
	switch last := labels[len(labels)-1]; {
	case len(labels) < 2:
		return "", ErrNoDot
	case strings.Trim(last, "0123456789") == "":
		return "", ErrDomain
	case len(domain) > 253:
		return "", ErrTooLong
	}
	return domain, nil
}

// plainDomain reports whether a domain is what idna makes of it: lower case letters,
// digits, dots and hyphens, and no label in punycode, which has to be looked into.
func plainDomain(s string) bool {
	for i := range len(s) {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '.' && c != '-' {
			return false
		}
	}
	return !strings.Contains(s, "--")
}

// punycode returns a domain in lower case and punycode.
func punycode(s string) (string, error) {
	// CheckHyphens would refuse existing names like r3---a.example; the ends of
	// labels are looked at below.
	profile := idna.New(idna.MapForLookup(), idna.BidiRule(), idna.StrictDomainName(true), idna.CheckHyphens(false), idna.Transitional(false))
	domain, err := profile.ToASCII(s)
	if err != nil || !utf8.ValidString(s) {
		return "", ErrDomain
	}
	if again, err := profile.ToASCII(domain); err != nil || again != domain {
		return "", ErrDomain // punycode of what no domain may hold
	}
	return domain, nil
}
