package segments

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"time"

	"regulars/internal/loyalty"
)

// window is a time span: one that ends today, "90d", "12w", "6m", "1y", "this year", or one
// between two dates, both included. Of what lies ahead, a birthday say, the same
// span begins today.
type window struct {
	n    int
	unit byte // d, w, m, y; Y: this year; 0: between two dates

	from, to loyalty.Day
}

var (
	spanForm = regexp.MustCompile(`^[0-9]+[dwmy]$`)
	dateForm = regexp.MustCompile(`^[0-9]{4}-[0-9]{2}-[0-9]{2}$`)
)

// parseWindow reads a time span of at most a century.
func parseWindow(s string) (window, error) {
	if s == "" {
		return window{}, errors.New(`the time span is empty: write one like "90d", "12w", "6m" or "1y"`)
	}
	if s == "this year" {
		return window{n: 1, unit: thisYear}, nil
	}
	n, err := strconv.Atoi(s[:len(s)-1])
	w := window{n: n, unit: s[len(s)-1]}
	longest := map[byte]int{'d': 36500, 'w': 5200, 'm': 1200, 'y': 100}[w.unit]
	switch {
	case longest > 0 && spanForm.MatchString(s) && (err != nil || n > longest):
		return window{}, fmt.Errorf(`"%s" is longer than a century`, s)
	case err != nil || longest == 0:
		return window{}, fmt.Errorf(`"%s" is not a time span like "90d", "12w", "6m" or "1y"`, s)
	case n < 1:
		return window{}, fmt.Errorf(`"%s" is no time at all: a time span is at least "1d"`, s)
	}
	return w, nil
}

// fixed reports whether the span stays where it is while days pass.
func (w window) fixed() bool { return w.unit == 0 }

// past returns the first and the last day of the span that are not after today.
// In the last 90 days means later than 90 days ago. Months and years are those of
// the calendar, and the end of a shorter month stands for its missing days.
func (w window) past(today loyalty.Day) (first, last loyalty.Day) {
	if w.fixed() {
		return w.from, min(w.to, today)
	}
	if w.unit == thisYear {
		return newYear(today), today
	}
	return w.shifted(today, -1) + 1, today
}

// ahead returns the first and the last day of the span that begins today.
func (w window) ahead(today loyalty.Day) (first, last loyalty.Day) {
	if w.fixed() {
		return w.from, w.to
	}
	return today, w.shifted(today, 1) - 1
}

// comes returns the first and the last day of the span of a call that looks ahead.
func (c *call) comes(today loyalty.Day) (first, last loyalty.Day) {
	first, last = c.window.ahead(today)
	if c.until && !c.window.fixed() {
		last++
	}
	return first, last
}

// shifted returns the day that lies the span before (-1) or after (1) a day.
func (w window) shifted(d loyalty.Day, sign int) loyalty.Day {
	switch w.unit {
	case 'w':
		return d + loyalty.Day(sign*7*w.n)
	case 'm':
		return monthsFrom(d, sign*w.n)
	case 'y':
		return monthsFrom(d, sign*12*w.n)
	}
	return d + loyalty.Day(sign*w.n)
}

// days returns how many days the span has that begins today.
func (w window) days(today loyalty.Day) int64 { return int64(w.shifted(today, 1) - today) }

func monthsFrom(d loyalty.Day, n int) loyalty.Day {
	y, m, day := d.Civil()
	last := loyalty.Date(y, m+time.Month(n)+1, 0)
	return last - loyalty.Day(max(0, last.UTC().Day()-day))
}

func (w window) words(ahead, until bool) string {
	unit := map[byte]string{'d': "day", 'w': "week", 'm': "month", 'y': "year"}[w.unit]
	direction := "last"
	if ahead {
		direction = "next"
	}
	switch {
	case w.fixed() && w.from == w.to:
		return "on " + w.from.String()
	case w.fixed():
		return "between " + w.from.String() + " and " + w.to.String()
	case w.unit == thisYear:
		return "this year"
	case until && w.n == 1:
		return "within a " + unit
	case until:
		return fmt.Sprintf("within %d %ss", w.n, unit)
	case ahead && w.n == 1 && w.unit == 'd':
		return "today"
	case w.n == 1:
		return "in the " + direction + " " + unit
	}
	return fmt.Sprintf("in the %s %d %ss", direction, w.n, unit)
}
