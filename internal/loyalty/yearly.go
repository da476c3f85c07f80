package loyalty

import (
	"fmt"
	"strings"
	"time"
)

// Birthday is a day of the year, with the year when it is known. Any other
// yearly date is kept the same way.
type Birthday struct {
	Year  int // 0: unknown
	Month time.Month
	Date  int // day of the month
}

// ParseBirthday reads 1980-02-28, and --02-28 (ISO 8601) when the year is unknown.
func ParseBirthday(s string) (Birthday, error) {
	text := strings.TrimSpace(s)
	rest, yearless := strings.CutPrefix(text, "--")
	if yearless {
		text = "2000-" + rest // a leap year: 29 February is a birthday
	}
	t, err := time.Parse(time.DateOnly, text)
	switch {
	case err != nil || t.Year() < 1:
		return Birthday{}, fmt.Errorf("%q is not a birthday like 1980-02-28 or --02-28", s)
	case yearless:
		return Birthday{0, t.Month(), t.Day()}, nil
	}
	return Birthday{t.Year(), t.Month(), t.Day()}, nil
}

// YearlyOf returns the yearly date of d: the day of joining, say.
func YearlyOf(d Day) Birthday {
	y, m, date := d.Civil()
	return Birthday{y, m, date}
}

// In returns the day on which it is kept in a year. 29 February is kept on the
// 28th in other years.
func (b Birthday) In(year int) Day {
	return Date(year, b.Month, min(b.Date, monthLength(year, b.Month)))
}

// Next returns the first day strictly after d that lies so many days before the
// birthday, and the birthday that it lies before.
func (b Birthday) Next(d Day, before int) (notice, birthday Day) {
	year, _, _ := (d + Day(before)).Civil()
	for ; ; year++ {
		if day := b.In(year); day-Day(before) > d {
			return day - Day(before), day
		}
	}
}

// Keeping returns the birthdays, as month and date, that are kept on day d: that
// date itself, and 29 February on the 28th of other years.
func Keeping(d Day) []Birthday {
	y, m, date := d.Civil()
	kept := []Birthday{{0, m, date}}
	if m == time.February && date == 28 && monthLength(y, m) == 28 {
		kept = append(kept, Birthday{0, m, 29})
	}
	return kept
}

// String returns the birthday as ParseBirthday reads it.
func (b Birthday) String() string {
	if b.Year == 0 {
		return fmt.Sprintf("--%02d-%02d", b.Month, b.Date)
	}
	return fmt.Sprintf("%04d-%02d-%02d", b.Year, b.Month, b.Date)
}
