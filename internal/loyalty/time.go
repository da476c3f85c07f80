package loyalty

import (
	"database/sql/driver"
	"fmt"
	"time"
)

// Instant is a moment in UTC, cut to microseconds, which is what both of our
// databases keep. The zero Instant means "none" and is NULL in SQL.
//
// Scan a column or an SQL expression into Instant rather than time.Time:
// Postgres answers timestamptz, SQLite the number of microseconds since 1970.
type Instant struct{ time.Time }

// At returns t as an Instant.
func At(t time.Time) Instant {
	if t.IsZero() {
		return Instant{}
	}
	return Instant{t.UTC().Truncate(time.Microsecond)}
}

// Plus returns i moved by d; none stays none.
func (i Instant) Plus(d time.Duration) Instant {
	if i.IsZero() {
		return i
	}
	return At(i.Add(d))
}

// Value implements driver.Valuer.
func (i Instant) Value() (driver.Value, error) {
	if i.IsZero() {
		return nil, nil
	}
	return i.UTC().Truncate(time.Microsecond), nil
}

// Scan implements sql.Scanner.
func (i *Instant) Scan(v any) error {
	switch v := v.(type) {
	case nil:
		*i = Instant{}
	case time.Time:
		*i = At(v)
	case int64:
		*i = At(time.UnixMicro(v))
	default:
		return fmt.Errorf("loyalty: cannot read %T as an instant", v)
	}
	return nil
}

// GormDataType keeps GORM from looking inside.
func (Instant) GormDataType() string { return "time" }

// MarshalJSON writes RFC 3339 in UTC, and null for none.
func (i Instant) MarshalJSON() ([]byte, error) {
	if i.IsZero() {
		return []byte("null"), nil
	}
	return i.UTC().MarshalJSON()
}

// Day is a calendar day of the shop's zone, counted from 1970-01-01 = 0.
// Orders and events carry theirs, so SQL never needs zone arithmetic.
type Day int64

// DayOf returns the calendar day on which t falls in zone.
func DayOf(t time.Time, zone *time.Location) Day {
	y, m, d := t.In(zone).Date()
	return Date(y, m, d)
}

// Date returns the Day of a civil date; it normalises as time.Date does.
func Date(y int, m time.Month, d int) Day {
	return Day(time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Unix() / 86400)
}

// ParseDay reads 2006-01-02.
func ParseDay(s string) (Day, error) {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		return 0, fmt.Errorf("%q is not a date like 2027-06-21", s)
	}
	return Day(t.Unix() / 86400), nil
}

// Civil returns the year, month and day of the month.
func (d Day) Civil() (int, time.Month, int) { return d.UTC().Date() }

// UTC returns midnight UTC of the day: for calendar arithmetic, not as a moment.
func (d Day) UTC() time.Time { return time.Unix(int64(d)*86400, 0).UTC() }

// Weekday returns the day of the week.
func (d Day) Weekday() time.Weekday { return d.UTC().Weekday() }

// String returns 2006-01-02.
func (d Day) String() string { return d.UTC().Format(time.DateOnly) }

// Start returns the first moment of the day in zone.
func (d Day) Start(zone *time.Location) time.Time { return Wall(d, 0, 0, zone) }

// Wall returns the moment at which a clock in zone shows hour:minute on day d.
// In the spring gap, where no clock shows it, that is the first instant after
// the gap; in the autumn fold, where clocks show it twice, the first of the two.
// A day that a zone left out (Apia, 2011-12-30) is one long gap.
func Wall(d Day, hour, minute int, zone *time.Location) time.Time {
	return wall(d.UTC().Add(time.Duration(hour)*time.Hour+time.Duration(minute)*time.Minute), zone)
}

// wall walks the stretches of constant offset in their order, from one that is
// certainly too early: no zone is more than a day away from UTC. The first
// stretch that shows the time has the first of two; one that begins later than
// it lies behind a gap.
func wall(shown time.Time, zone *time.Location) time.Time {
	in := shown.Add(-26 * time.Hour).In(zone)
	for {
		_, offset := in.Zone()
		start, end := Stretch(in)
		t := shown.Add(-time.Duration(offset) * time.Second).In(zone)
		switch {
		case !start.IsZero() && t.Before(start):
			return start.In(zone)
		case end.IsZero() || t.Before(end):
			return t
		}
		in = end
	}
}

// Stretch returns between which moments a zone keeps the offset that it has at t:
// from start on, until end, which is after t. Either is zero where there is none.
// A stretch may be told in parts. It is t.ZoneBounds, whose end is not after t on
// the last day of leap years after 2037.
func Stretch(t time.Time) (start, end time.Time) {
	start, end = t.ZoneBounds()
	if !end.IsZero() && !end.After(t) {
		end = t.Add(24 * time.Hour)
	}
	return start, end
}
