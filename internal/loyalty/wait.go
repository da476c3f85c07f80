package loyalty

import (
	"cmp"
	"fmt"
	"strings"
	"time"
)

// Wait is a pause between two steps of a flow. Exactly one form is set.
type Wait struct {
	Days     int           // 7d: calendar days after the step before
	Duration time.Duration // 36h
	At       *TimeOfDay    // with Days, Weekday or BeforeCouponEnds
	Weekday  *time.Weekday // until friday 10:00

	BeforeCouponEnds int // 3d before coupon ends; 0: another form
}

// ParseWait reads 7d, 7d at 10:00, 36h, until friday 10:00,
// 3d before coupon ends or 3d before coupon ends at 10:00.
func ParseWait(s string) (Wait, error) {
	text := strings.Join(strings.Fields(s), " ")
	if rest, ok := strings.CutPrefix(text, "until "); ok {
		return parseUntil(rest)
	}
	span, clock, timed := strings.Cut(text, " at ")
	w, err := parsePause(span)
	if err != nil || !timed {
		return w, err
	}
	if w.Duration != 0 {
		return Wait{}, fmt.Errorf("%q counts hours, so it cannot have a time of day: write days, like 2d at 10:00", s)
	}
	at, err := ParseTimeOfDay(clock)
	if err != nil {
		return Wait{}, err
	}
	w.At = &at
	return w, nil
}

// parseUntil reads what follows "until": friday 10:00.
func parseUntil(s string) (Wait, error) {
	day, clock, ok := strings.Cut(s, " ")
	if !ok {
		return Wait{}, fmt.Errorf("until %s has no time: write until friday 10:00", s)
	}
	weekday, err := ParseWeekday(day)
	at, bad := ParseTimeOfDay(clock)
	if err = cmp.Or(err, bad); err != nil {
		return Wait{}, err
	}
	return Wait{Weekday: &weekday, At: &at}, nil
}

// parsePause reads a wait without its time of day.
func parsePause(s string) (Wait, error) {
	if days, ok := strings.CutSuffix(s, " before coupon ends"); ok {
		n, err := parseSome(days)
		return Wait{BeforeCouponEnds: n}, err
	}
	if strings.HasSuffix(s, "d") {
		n, err := parseSome(s)
		return Wait{Days: n}, err
	}
	d, err := ParseSpan(s)
	if err != nil || d == 0 {
		if plain := inDays(s); plain != "" {
			return Wait{}, fmt.Errorf("%q is not a wait: write %s", s, plain)
		}
		return Wait{}, fmt.Errorf("%q is not a wait like 7d, 7d at 10:00, 36h, until friday 10:00 or 3d before coupon ends", s)
	}
	return Wait{Duration: d}, nil
}

// parseSome reads a number of days that is not 0.
func parseSome(s string) (int, error) {
	n, err := ParseDays(s)
	if err == nil && n == 0 {
		err = fmt.Errorf("%q is no wait: leave it out", s)
	}
	return n, err
}

// String returns the wait as ParseWait reads it.
func (w Wait) String() string {
	text := Span(w.Duration)
	switch {
	case w.Weekday != nil:
		return "until " + strings.ToLower(w.Weekday.String()) + " " + w.At.String()
	case w.BeforeCouponEnds > 0:
		text = fmt.Sprintf("%dd before coupon ends", w.BeforeCouponEnds)
	case w.Days > 0:
		text = fmt.Sprintf("%dd", w.Days)
	}
	if w.At != nil {
		text += " at " + w.At.String()
	}
	return text
}

// End returns when a wait that began at base is over, on a clock in zone (the
// member's if known, else the shop's), never before base. Days without a time
// of day end at base's. Until a weekday is its next moment strictly after base.
// CouponEnds is the last day of the code, nil when it has no end or there is no
// code; a wait for it then ends at once.
func (w Wait) End(base time.Time, zone *time.Location, couponEnds *Day) time.Time {
	today := DayOf(base, zone)
	end := base.Add(w.Duration)
	switch {
	case w.Weekday != nil:
		_, end = Schedule{Weekdays: 1 << *w.Weekday, At: *w.At}.Next(base, zone)
	case w.BeforeCouponEnds > 0 && couponEnds == nil:
		return base
	case w.BeforeCouponEnds > 0:
		end = w.on(*couponEnds-Day(w.BeforeCouponEnds), base, zone)
	case w.Days > 0:
		end = w.on(today+Day(w.Days), base, zone)
	}
	if end.Before(base) {
		return base
	}
	return end
}

// on returns the wait's time of day on day d, or else base's.
func (w Wait) on(d Day, base time.Time, zone *time.Location) time.Time {
	if w.At != nil {
		return w.At.On(d, zone)
	}
	h, m, s := base.In(zone).Clock()
	return Wall(d, h, m, zone).Add(time.Duration(s) * time.Second)
}

// inDays is how a length of time is written that stands there in words, "7 days" or
// "1 week"; "" when it is none.
func inDays(s string) string {
	count, unit, _ := strings.Cut(s, " ")
	n, ok := digits(count, 3)
	days, known := map[string]int{"": 1, "hour": 0, "day": 1, "week": 7, "month": 30}[strings.TrimSuffix(strings.ToLower(unit), "s")]
	switch {
	case !ok || n == 0 || !known:
		return ""
	case days == 0:
		return fmt.Sprintf("%dh", n)
	}
	return fmt.Sprintf("%dd", n*days)
}
