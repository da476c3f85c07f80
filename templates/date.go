package templates

import (
	"strconv"
	"strings"
	"time"

	"regulars/internal/loyalty"
)

// moment is a day that shows itself in the mail's language.
type moment struct {
	day loyalty.Day
	env *env
}

// String writes the day in full: 5 July 2027.
func (m moment) String() string { return m.env.words.Day(m.day) }

// Day writes a day in full: 5 July 2027.
func (w Words) Day(d loyalty.Day) string { return w.day("date", d) }

// day fills D, M, Y and W of one of the layouts.
func (w Words) day(layout string, day loyalty.Day) string {
	y, month, d := day.Civil()
	var b strings.Builder
	for _, sign := range w.Say("writing." + layout) {
		switch sign {
		case 'D':
			b.WriteString(strconv.Itoa(d))
		case 'M':
			b.WriteString(strings.Fields(w.Say("writing.months"))[month-1])
		case 'Y':
			b.WriteString(strconv.Itoa(y))
		case 'W':
			b.WriteString(strings.Fields(w.Say("writing.weekdays"))[day.Weekday()])
		default:
			b.WriteRune(sign)
		}
	}
	return b.String()
}

// styled writes the day in one of the styles of the function date.
func (m moment) styled(style string) string {
	switch style {
	case "short":
		return m.env.words.day("date_short", m.day)
	case "weekday":
		return m.env.words.day("date_with_weekday", m.day)
	}
	return m.String()
}

// dayOf reads a date in any of the forms that Data may hold it in.
func (e *env) dayOf(v any) (moment, bool) {
	switch v := v.(type) {
	case moment:
		return v, true
	case loyalty.Day:
		return moment{v, e}, true
	case loyalty.Instant:
		return e.dayOf(v.Time)
	case time.Time:
		if v.IsZero() {
			return moment{}, false
		}
		return moment{loyalty.DayOf(v, e.zone()), e}, true
	case string:
		return e.dayOfText(v)
	}
	return moment{}, false
}

func (e *env) dayOfText(s string) (moment, bool) {
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return e.dayOf(t)
	}
	d, err := loyalty.ParseDay(s)
	return moment{d, e}, err == nil
}

func (e *env) zone() *time.Location {
	if e.brand.Zone == nil {
		return time.UTC
	}
	return e.brand.Zone
}
