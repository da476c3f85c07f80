package loyalty

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Quoted is a value in a message, cut where it is long.
func Quoted(text string) string {
	if runes := []rune(text); len(runes) > 60 {
		text = string(runes[:60]) + "…"
	}
	return fmt.Sprintf("%q", text)
}

// The forms of a time of day, and what makes it one of half a day.
var (
	clockTime = regexp.MustCompile(`^(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?`)
	digitTime = regexp.MustCompile(`^(\d{2})(\d{2})(?:(\d{2})(?:[.,](\d{1,9}))?)?`) // 101500
	halfDay   = regexp.MustCompile(`^ ?(?i)([ap])\.?m(?:\.|\b)`)
)

// ReadTimeOfDay reads the time that a text begins with, and leaves what says of which
// zone it is.
func ReadTimeOfDay(text string) (past time.Duration, zone string, ok bool) {
	found := clockTime.FindStringSubmatch(text)
	if found == nil {
		found = digitTime.FindStringSubmatch(text)
	}
	if found == nil {
		return 0, "", false
	}
	rest := text[len(found[0]):]
	hour, _ := strconv.Atoi(found[1])
	minute, _ := strconv.Atoi(found[2])
	second, _ := strconv.Atoi("0" + found[3])
	nanos, _ := strconv.Atoi((found[4] + "000000000")[:9])
	if half := halfDay.FindStringSubmatch(rest); half != nil {
		if rest = rest[len(half[0]):]; hour < 1 || hour > 12 {
			return 0, "", false
		}
		hour %= 12
		if strings.EqualFold(half[1], "p") {
			hour += 12
		}
	}
	if hour > 23 || minute > 59 || second > 59 {
		return 0, "", false
	}
	past = time.Duration(hour)*time.Hour + time.Duration(minute)*time.Minute + time.Duration(second)*time.Second + time.Duration(nanos)
	return past, strings.TrimSpace(rest), true
}
