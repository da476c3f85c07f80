package loyalty

import (
	"fmt"
	"strings"
	"time"
)

// TimeOfDay is what a clock on the wall shows: 0:00 to 23:59.
type TimeOfDay struct{ Hour, Minute int }

// ParseTimeOfDay reads 9:00 or 09:00.
func ParseTimeOfDay(s string) (TimeOfDay, error) {
	h, m, ok := strings.Cut(strings.TrimSpace(s), ":")
	hour, okH := digits(h, 2)
	minute, okM := digits(m, 2)
	if !ok || !okH || !okM || len(m) != 2 || hour > 23 || minute > 59 {
		return TimeOfDay{}, fmt.Errorf("%q is not a time of day like 09:30", s)
	}
	return TimeOfDay{hour, minute}, nil
}

// digits reads a plain number of at most n digits, without sign.
func digits(s string, n int) (int, bool) {
	if s == "" || len(s) > n {
		return 0, false
	}
	v := 0
	for _, c := range []byte(s) {
		if c < '0' || c > '9' {
			return 0, false
		}
		v = v*10 + int(c-'0')
	}
	return v, true
}

// On returns the moment at which clocks in zone show the time on day d; see
// Wall for the two nights on which the clocks change.
func (c TimeOfDay) On(d Day, zone *time.Location) time.Time { return Wall(d, c.Hour, c.Minute, zone) }

// Minutes returns the minutes since midnight.
func (c TimeOfDay) Minutes() int { return c.Hour*60 + c.Minute }

// String returns 09:00.
func (c TimeOfDay) String() string { return fmt.Sprintf("%02d:%02d", c.Hour, c.Minute) }

// ParseLocal reads a date and time on the shop's wall, 2027-06-21 09:00. A T
// between the two will do; seconds and offsets will not.
func ParseLocal(s string) (Day, TimeOfDay, error) {
	date, clock, ok := strings.Cut(strings.Replace(strings.TrimSpace(s), "T", " ", 1), " ")
	if !ok {
		return 0, TimeOfDay{}, fmt.Errorf("%q is not a date and time like 2027-06-21 09:00", s)
	}
	d, err := ParseDay(date)
	if err != nil {
		return 0, TimeOfDay{}, err
	}
	c, err := ParseTimeOfDay(clock)
	return d, c, err
}

// longest is the longest span that anybody may write: a hundred years.
const longest = 36500

// ParseDays reads a number of calendar days: 14d.
func ParseDays(s string) (int, error) {
	n, ok := digits(strings.TrimSuffix(strings.TrimSpace(s), "d"), 5)
	if !ok || !strings.HasSuffix(strings.TrimSpace(s), "d") || n > longest {
		return 0, fmt.Errorf("%q is not a number of days like 14d", s)
	}
	return n, nil
}

// ParseSpan reads a length of time, in which a day is 24 hours: 90m, 36h or 7d.
func ParseSpan(s string) (time.Duration, error) {
	t := strings.TrimSpace(s)
	cut := max(0, len(t)-1)
	n, ok := digits(t[:cut], 7)
	unit := map[string]time.Duration{"m": time.Minute, "h": time.Hour, "d": 24 * time.Hour}[t[cut:]]
	if !ok || unit == 0 || time.Duration(n) > longest*24*time.Hour/unit {
		return 0, fmt.Errorf("%q is not a length of time like 90m, 36h or 7d", s)
	}
	return time.Duration(n) * unit, nil
}

// Span writes d as ParseSpan reads it, in the largest unit that fits.
func Span(d time.Duration) string {
	switch {
	case d != 0 && d%(24*time.Hour) == 0:
		return fmt.Sprintf("%dd", d/(24*time.Hour))
	case d%time.Hour == 0:
		return fmt.Sprintf("%dh", d/time.Hour)
	default:
		return fmt.Sprintf("%dm", d/time.Minute)
	}
}
