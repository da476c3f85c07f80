// Package phone reads phone numbers: however one is written, it is one number.
// It promises that Read of what it returned is the same again. Whose number it
// is, it leaves to intake.
package phone

import (
	_ "embed"
	"strings"
	"sync"

	"github.com/nyaruka/phonenumbers"
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
		if n, err := phonenumbers.Parse(t, strings.ToUpper(country)); err == nil && phonenumbers.IsPossibleNumber(n) && n.GetExtension() == "" {
			return phonenumbers.Format(n, phonenumbers.E164)
		}
	}
	return digits
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
