package console

import (
	"regexp"
	"strconv"
	"strings"
	"time"

	"regulars/internal/loyalty"
)

// What a sentence made for a terminal has as programs write it.
var (
	writtenDay    = regexp.MustCompile(`\b(\d{4}-\d\d-\d\d)(?: (\d\d:\d\d)(?::\d\d)?)?\b`)
	writtenMonth  = regexp.MustCompile(`\b(\d{4}-\d\d)\b`)
	writtenAmount = regexp.MustCompile(`([-\x{2212}]?)\b(\d+(?:\.\d+)?) ([A-Z]{3})\b`)
	writtenCount  = regexp.MustCompile(`\b(\d{4,}) (of|members|customers|mails|codes|points|orders|events|deliveries|rows|rewards|stamps|friends)\b`)
	writtenSpan   = regexp.MustCompile(`\b(\d+)([dh])\b`)
	writtenWeek   = regexp.MustCompile(`\b(mon|tues|wednes|thurs|fri|satur|sun)day\b`)
)

// Spoken is a sentence that other rooms made for terminals, as pages write: who did
// something is named as in the console, and days, amounts of the shop's currency, counts
// and spans of days are written as everywhere in it.
func (f frame) Spoken(text string) string {
	text = strings.ReplaceAll(text, " by console: ", " by ")
	text = each(writtenDay, text, func(of []string) string {
		day, err := time.Parse(time.DateOnly, of[1])
		switch {
		case err != nil:
			return of[0]
		case of[2] != "":
			return day.Format("2 Jan 2006") + ", " + of[2]
		}
		return day.Format("2 Jan 2006")
	})
	text = each(writtenMonth, text, func(of []string) string {
		month, err := time.Parse("2006-01", of[1])
		if err != nil {
			return of[0]
		}
		return month.Format("Jan 2006")
	})
	text = each(writtenAmount, text, func(of []string) string {
		minor, err := loyalty.ParseMoney(of[2], of[3])
		if err != nil || of[3] != f.currency {
			return of[0]
		}
		return of[1] + f.Money(minor)
	})
	text = each(writtenCount, text, func(of []string) string {
		n, err := strconv.ParseInt(of[1], 10, 64)
		if err != nil {
			return of[0]
		}
		return f.words.Number(n) + " " + of[2]
	})
	text = each(writtenSpan, text, func(of []string) string {
		n, err := strconv.ParseInt(of[1], 10, 64)
		if err != nil {
			return of[0]
		}
		return f.words.SayOf(map[string]string{"d": "frame.days", "h": "frame.hours"}[of[2]], n)
	})
	return each(writtenWeek, text, func(of []string) string { return sentence(of[0]) })
}

// each replaces what a pattern finds in a text, by what it is given of each: all of it and
// its parts.
func each(pattern *regexp.Regexp, text string, by func(of []string) string) string {
	return pattern.ReplaceAllStringFunc(text, func(found string) string { return by(pattern.FindStringSubmatch(found)) })
}
