package loyalty

import (
	"fmt"
	"io"
	"strings"
	"unicode"
)

// crockford is Crockford's base32 alphabet: no I, L, O and U, so that a code
// read aloud or typed from paper cannot be mistaken.
const crockford = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

// FoldCode returns what a code is known by: upper case, without separators, and
// with the letters that are taken for digits mapped to them (I and L to 1, O to
// 0). Two codes that fold alike are one code.
func FoldCode(code string) string {
	return strings.Map(func(r rune) rune {
		switch r = unicode.ToUpper(r); {
		case r == 'I' || r == 'L':
			return '1'
		case r == 'O':
			return '0'
		case unicode.IsSpace(r), unicode.Is(unicode.Pd, r), unicode.Is(unicode.Cf, r), r == '_', r == '.', r == unicode.ReplacementChar:
			return -1
		}
		return r
	}, code)
}

// CodePattern is how generated codes look: # stands for a letter of Crockford's
// base32, everything else for itself. BACK-####-####
type CodePattern string

// longestPattern keeps a code on one line of a receipt.
const longestPattern = 40

// ParseCodePattern checks a pattern: letters, digits, hyphens and at least one #.
func ParseCodePattern(s string) (CodePattern, error) {
	text := strings.TrimSpace(s)
	for _, r := range text {
		if !(r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-' || r == '#') {
			return "", fmt.Errorf("pattern %q may not have %q: letters, digits, hyphens and # only", s, r)
		}
	}
	switch {
	case !strings.Contains(text, "#"):
		return "", fmt.Errorf("pattern %q has no #, so all its codes would be one: write BACK-####-####", s)
	case len(text) > longestPattern:
		return "", fmt.Errorf("pattern %q is longer than %d characters", s, longestPattern)
	}
	return CodePattern(text), nil
}

// Bits returns how many bits of chance a code has: 5 for each #.
func (p CodePattern) Bits() int { return 5 * strings.Count(string(p), "#") }

// Expand returns a code, with its letters drawn from random.
func (p CodePattern) Expand(random io.Reader) (string, error) {
	code := []byte(p)
	drawn := make([]byte, strings.Count(string(p), "#"))
	if _, err := io.ReadFull(random, drawn); err != nil {
		return "", fmt.Errorf("drawing a code: %w", err)
	}
	next := 0
	for i, c := range code {
		if c == '#' {
			code[i] = crockford[drawn[next]&31] // 256 is a multiple of 32: no letter is likelier
			next++
		}
	}
	return string(code), nil
}

// FoldPhone returns what a phone number is known by: its digits, with the plus
// before them if there is one. Two numbers that fold alike are one number.
func FoldPhone(number string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' || r == '+' {
			return r
		}
		return -1
	}, number)
}
