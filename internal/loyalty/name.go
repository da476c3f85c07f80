package loyalty

import (
	"strings"
	"unicode"
)

// OneLine brings a name, or any other text that is shown in one line, into the form
// in which we keep and send it: line breaks, tabs and control characters are
// spaces, marks that turn the direction of what follows are left out, and there
// is one space at a time and none around it. What comes in by any door and what
// goes out in a header is read so.
func OneLine(s string) string {
	if Plain(s) {
		return s
	}
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsControl(r), unicode.IsSpace(r) && r != '\u00a0', r == '\u2028', r == '\u2029':
			return ' '
		case r == '\u061c', r == '\u200b', r == '\u200e', r == '\u200f', r == '\u2060', r == '\ufeff',
			r >= '\u202a' && r <= '\u202e', r >= '\u2066' && r <= '\u2069':
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "\ufffd"))
	return strings.Join(strings.FieldsFunc(s, func(r rune) bool { return r == ' ' }), " ")
}

// Plain reports whether a text is of printable ASCII with single spaces within.
func Plain(s string) bool {
	last := byte(' ')
	for i := range len(s) {
		c := s[i]
		if c < ' ' || c > '~' || c == ' ' && last == ' ' {
			return false
		}
		last = c
	}
	return s == "" || last != ' '
}
