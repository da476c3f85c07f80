// Package phone reads phone numbers: however one is written, it is one number.
// It promises that Read of what it returned is the same again. Whose number it
// is, it leaves to intake.
//
// How each country dials is in plans.txt. The library that it is from is what the
// tests hold our reading against; it is no part of the program, for it makes its
// tables ready at every start, which took longer than most commands do.
package phone

import (
	_ "embed"
	"regexp"
	"strings"
	"sync"
)

// Read returns a number in E.164, like +358401234567; country, two letters, is
// where it was written down: it decides what 040 123 4567 means. What is no
// number of that country, nor of another with its prefix, is known by its
// digits, with the plus before them if there is one.
func Read(number, country string) string {
	text := strings.TrimSpace(number)
	digits := strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' || r == '+' {
			return r
		}
		return -1
	}, text)
	tries := []string{text}
	if rest, abroad := strings.CutPrefix(digits, "00"); abroad {
		tries = append(tries, "+"+rest)
	}
	for _, t := range tries {
		if n, ok := international(t, strings.ToUpper(country)); ok {
			return n
		}
	}
	return digits
}

// international reads a number as somebody in the country would dial it.
func international(text, country string) (string, bool) {
	digits, plus, ok := dialled(text)
	if !ok {
		return "", false
	}
	from := plans().of[country]
	to, rest, ok := called(digits, plus, from)
	if !ok && plus && len(digits) >= leastDigits { // a plus that should not be there
		if to, rest, ok = called(digits, false, from); to == nil {
			return "", false
		}
	}
	switch {
	case !ok || to == nil && from == nil:
		return "", false
	case to == nil:
		to, rest = from, digits
	}
	// Without its prefix a number still has to be as long as numbers are there:
	// otherwise it has none, and is a short one.
	if short := to.withoutPrefix(rest); to.fits(short) || to.tooLong(short) {
		rest = short
	}
	main := plans().byCode[to.code]
	return "+" + to.code + rest, main.fits(rest) || main.fitsWithinArea(rest)
}

// leastDigits is how many a number has after the plus.
const leastDigits = 3

// called finds the country that is called and what is dialled after its code. The
// country is nil when the number has no code.
func called(digits string, plus bool, from *plan) (to *plan, rest string, ok bool) {
	if !plus && from != nil {
		digits, plus = from.withoutAbroad(digits)
	}
	if plus {
		if len(digits) < leastDigits {
			return nil, "", false
		}
		for i := 1; i <= 3 && i <= len(digits); i++ {
			if to := plans().byCode[digits[:i]]; to != nil {
				return to, digits[i:], true
			}
		}
		return nil, "", false
	}
	if from == nil {
		return nil, "", true
	}
	if rest, has := strings.CutPrefix(digits, from.code); has { // a code without its plus?
		rest = from.withoutPrefix(rest)
		national := from.patterns().national
		if !national.MatchString(digits) && national.MatchString(rest) || from.tooLong(digits) {
			return plans().byCode[from.code], rest, true
		}
	}
	return nil, "", true
}

// between is what people write between digits.
const between = `-x‐-―−ー－-／ \x{00A0}\x{00AD}\x{200B}\x{2060}\x{3000}()（）［］.\[\]/~⁓∼～`

// asNumber and extension are compiled when the first number is read.
var (
	asNumber = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`(?i)^(?:\d{2}|\+*(?:[` + between + `*]*\d){3,}[` + between + `*a-z\d]*)$`)
	})
	extension = sync.OnceValue(func() *regexp.Regexp {
		const after = `[.．]?[ \x{00A0}\t-]*`
		return regexp.MustCompile(`(?i)[ \x{00A0}\t]*(?:(?:e?xt(?:ensio)?n?|anexo)` + after + `\d{1,20}|(?:[x~～]|int)` + after + `\d{1,9})$`)
	})
)

// dialled returns the digits of a number that is written, letters as on the keys of
// a phone, and whether a plus is before them. What has an extension is no number: it
// is known by all of its digits.
func dialled(text string) (digits string, plus, ok bool) {
	text = strings.Map(plain, text)
	if i := strings.IndexAny(text, "+0123456789"); i >= 0 {
		text = text[i:]
	}
	if len(text) > 250 || !asNumber().MatchString(text) {
		return "", false, false
	}
	if at := extension().FindStringIndex(text); at != nil && asNumber().MatchString(text[:at[0]]) {
		return "", false, false
	}
	letters := 0
	for _, r := range text {
		if r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' {
			letters++
		}
	}
	digits = strings.Map(func(r rune) rune {
		switch {
		case r >= '0' && r <= '9':
			return r
		case letters < 3: // a slip, not a word
			return -1
		case r >= 'a' && r <= 'z':
			return rune("22233344455566677778889999"[r-'a'])
		case r >= 'A' && r <= 'Z':
			return rune("22233344455566677778889999"[r-'A'])
		}
		return -1
	}, text)
	return digits, text[0] == '+', true
}

// plain returns the ASCII digit or plus for a full-width or Arabic one.
func plain(r rune) rune {
	for _, zero := range []rune{'０', '٠', '۰'} {
		if r >= zero && r <= zero+9 {
			return '0' + r - zero
		}
	}
	if r == '＋' {
		return '+'
	}
	return r
}

// zoneList has a zone and its country in each line, from the time zone database's
// zone.tab.
//
//go:embed zones.txt
var zoneList string

var zones = sync.OnceValue(func() map[string]string {
	all := map[string]string{}
	for line := range strings.Lines(zoneList) {
		zone, country, _ := strings.Cut(strings.TrimSpace(line), " ")
		all[zone] = country
	}
	return all
})

// CountryOf returns the country of a time zone, "" for one without, like UTC.
func CountryOf(zone string) string { return zones()[zone] }
