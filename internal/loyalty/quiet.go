package loyalty

import (
	"fmt"
	"strings"
	"time"
)

// QuietHours is the part of a member's day in which we send nothing, in minutes
// of the day. It may run over midnight: From 22:00 To 08:00 covers the night.
// It begins when clocks first show From and lasts until they first show To, so
// that it is one stretch also in the night on which the clocks change.
// The zero value is none.
type QuietHours struct{ From, To int }

// ParseQuietHours reads "21:00-08:00", and "off" for none.
func ParseQuietHours(s string) (QuietHours, error) {
	if strings.TrimSpace(s) == "off" {
		return QuietHours{}, nil
	}
	from, to, ok := strings.Cut(s, "-")
	a, errA := ParseTimeOfDay(from)
	b, errB := ParseTimeOfDay(to)
	switch {
	case !ok || errA != nil || errB != nil:
		return QuietHours{}, fmt.Errorf("%q are not quiet hours like 21:00-08:00 or off", s)
	case a == b:
		return QuietHours{}, fmt.Errorf("%q would be quiet all day, or never: write off for never", s)
	}
	return QuietHours{a.Minutes(), b.Minutes()}, nil
}

// None reports whether no hour is quiet.
func (q QuietHours) None() bool { return q.From == q.To }

// Next returns the first moment at or after t that is not quiet, in t's zone.
func (q QuietHours) Next(t time.Time) time.Time {
	for {
		end, quiet := q.within(t)
		if !quiet {
			return t
		}
		t = end // where a zone left out a day, one night may follow another
	}
}

// within returns the end of the quiet stretch that t lies in, if it lies in one.
func (q QuietHours) within(t time.Time) (time.Time, bool) {
	if q.None() {
		return t, false
	}
	zone, today := t.Location(), DayOf(t, t.Location())
	for _, d := range []Day{today - 1, today} {
		last := d
		if q.To < q.From {
			last++
		}
		from, to := Wall(d, 0, q.From, zone), Wall(last, 0, q.To, zone)
		if !t.Before(from) && t.Before(to) {
			return to, true
		}
	}
	return t, false
}

// String returns the hours as ParseQuietHours reads them.
func (q QuietHours) String() string {
	if q.None() {
		return "off"
	}
	return fmt.Sprintf("%s-%s", TimeOfDay{q.From / 60, q.From % 60}, TimeOfDay{q.To / 60, q.To % 60})
}
