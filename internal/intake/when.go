package intake

import (
	"fmt"
	"strings"
	"time"

	"regulars/internal/loyalty"
)

// layouts are the ways to write a moment in a file. Orders of day and month that
// depend on the country are not among them.
var layouts = []struct {
	layout string
	offset bool // it says how far from UTC
}{
	{"2006-01-02 15:04:05", false},
	{"2006-01-02 15:04", false},
	{"2006-01-02 15:04:05Z07:00", true},
	{"2006-01-02 15:04:05 Z07:00", true},
	{"2006-01-02 15:04:05 -0700", true},
	{"2006-01-02 15:04:05 -0700 MST", true},
	{"2006-01-02 15:04:05-07", true},
	{"2006-01-02 15:04Z07:00", true},
}

// noon is when something of a day without a time is taken to have happened: the
// middle of the day stays on its date in nearly every zone.
const noon = 12

// when reads a moment of a file. A date alone is that day of the shop; a time
// without an offset is one on the clocks of zone.
func when(text string, zone, shop *time.Location) (loyalty.Instant, error) {
	text = strings.TrimSpace(text)
	if len(text) == len(time.DateOnly) || len(text) == len("20060102") {
		if d, err := loyalty.ParseDay(dashed(text)); err == nil {
			return loyalty.At(loyalty.Wall(d, noon, 0, shop)), nil
		}
	}
	spaced := text
	if len(text) > 10 && (text[10] == 'T' || text[10] == 't') {
		spaced = text[:10] + " " + text[11:]
	}
	for _, l := range layouts {
		t, err := time.Parse(l.layout, spaced)
		switch {
		case err != nil:
		case l.offset:
			return loyalty.At(t), nil
		default:
			d := loyalty.DayOf(t, time.UTC)
			wall := loyalty.Wall(d, t.Hour(), t.Minute(), zone)
			return loyalty.At(wall.Add(time.Duration(t.Second())*time.Second + time.Duration(t.Nanosecond()))), nil
		}
	}
	return loyalty.Instant{}, fmt.Errorf("%q is not a moment like 2026-11-22, 2026-11-22 10:00 or 2026-11-22T10:00:00Z", text)
}

func dashed(text string) string {
	if len(text) == len("20060102") {
		return text[:4] + "-" + text[4:6] + "-" + text[6:]
	}
	return text
}
