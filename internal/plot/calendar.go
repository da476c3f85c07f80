package plot

import (
	"fmt"
	"math"
	"time"
)

// Calendar is days that follow each other, as months of weeks from Monday on: each is as
// dark as its value is high.
type Calendar struct {
	Title string
	Says  string    // what it shows, in words
	From  time.Time // the first day; its date counts alone
	Days  []CalendarDay

	Narrow bool // for a narrow screen: Slim, one month below the other
}

// CalendarDay is one of them. A value that is no number is drawn as 0.
type CalendarDay struct {
	Value float64
	Title string // for who points at it
}

const (
	monthsAcross = 3
	monthGap     = 24.0
	dayHeight    = 34.0
	dayHead      = 44.0 // for the month and the names of the weekdays
)

// SVG draws it.
func (c Calendar) SVG() string {
	d, most := drawing{width: slim(c.Narrow)}, 0.0
	top := d.heading(c.Title, nil)
	from := time.Date(c.From.Year(), c.From.Month(), c.From.Day(), 0, 0, 0, 0, time.UTC)
	first := from.AddDate(0, 0, 1-from.Day())
	last := from.AddDate(0, 0, max(0, len(c.Days)-1))
	months := 12*(last.Year()-first.Year()) + int(last.Month()) - int(first.Month()) + 1
	across := min(months, monthsAcross)
	if c.Narrow {
		across = 1
	}
	width := min(48, ((d.across()+monthGap)/float64(across)-monthGap)/7)
	for _, day := range c.Days {
		most = max(most, amount(day.Value))
	}
	d.height = top
	for m := range months {
		x, y := float64(m%across)*(7*width+monthGap), top
		if m > 0 && m%across == 0 {
			top = d.height + 12
			y = top
		}
		c.month(&d, first.AddDate(0, m, 0), from, x, y, width, most)
	}
	return d.svg(c.Title, c.Says)
}

// month draws the days of a month that are among those of the calendar.
func (c Calendar) month(d *drawing, first, from time.Time, x, y, width, most float64) {
	d.text(x, y+14, "start", first.Format("January 2006"), 7*width)
	for i, name := range []string{"Mo", "Tu", "We", "Th", "Fr", "Sa", "Su"} {
		d.text(x+width*(float64(i)+0.5), y+dayHead-8, "middle", name, 0)
	}
	place := (int(first.Weekday()) + 6) % 7 // 0 is Monday
	for day := first; day.Month() == first.Month(); day = day.AddDate(0, 0, 1) {
		at := place + day.Day() - 1
		left, top := x+width*float64(at%7), y+dayHead+dayHeight*float64(at/7)
		d.height = max(d.height, top+dayHeight)
		i := int(math.Round(day.Sub(from).Hours() / 24))
		if i < 0 || i >= len(c.Days) {
			continue
		}
		value, share := amount(c.Days[i].Value), 0.0
		if most > 0 {
			share = value / most
		}
		colour := "currentColor"
		if share > dark {
			colour = "#ffffff"
		}
		fill, opacity := "currentColor", 0.05
		if value > 0 {
			fill, opacity = shade, max(0.15, depth(share))
		}
		fmt.Fprintf(&d.b, `<rect x="%s" y="%s" width="%s" height="%s" fill="%s" fill-opacity="%.2f"><title>%s</title></rect><text x="%s" y="%s" font-size="9" fill="%s">%d</text>`+"\n",
			num(left), num(top), num(width-2), num(dayHeight-2), fill, opacity, plain(c.Days[i].Title), num(left+3), num(top+10), colour, day.Day())
		if value > 0 {
			fmt.Fprintf(&d.b, `<text x="%s" y="%s" text-anchor="middle" fill="%s">%s</text>`+"\n", num(left+(width-2)/2), num(top+25), colour, countIn(value, width))
		}
	}
}

// countIn is Count without decimals where they do not fit.
func countIn(v, room float64) string {
	words := Count(v)
	if perRune*float64(len(words)) <= room-4 {
		return words
	}
	unit := math.Pow(1000, math.Floor(math.Log10(v)/3))
	return Count(math.Round(v/unit) * unit)
}
