package runs

import (
	"time"

	"regulars/internal/loyalty"
	"regulars/internal/versions"
)

// date is a date of a timetable and what is decided about it.
type date struct {
	day    loyalty.Day
	at     loyalty.Instant
	reason string // why it is skipped; "": it runs
	held   bool   // it runs once a person says so
}

// Reasons of a skipped date, beside occurrence.Late.
const (
	missed     = "missed"
	caughtUp   = "caught up by a later date"
	beforeLive = "before it went live"
	overtaken  = "the campaign was changed before it ran"
	noIssue    = "no_issue"
)

// punctual is how late a date may be and still not be a matter of catching up: a
// restart takes a moment.
const punctual = 15 * time.Minute

// decide says what happens to dates that are due, which are more than one, or
// late, after downtime. What is later than "late" is skipped, or, where codes are
// handed out, held for a person. Of the rest "once" runs the last one, "all" all
// of them, "skip" only what is on time.
func decide(c *versions.Campaign, due []date, now loyalty.Instant) {
	for i := range due {
		d := &due[i]
		late := now.Sub(d.at.Time)
		switch {
		case late > c.Late && c.Start.Kind == "at" && c.Gives():
			d.held = true
		case late > c.Late:
			d.reason = "late"
		case c.CatchUp == "skip" && late > punctual:
			d.reason = missed
		case c.CatchUp == "once" && i < len(due)-1:
			d.reason = caughtUp
		}
	}
}

// dateKey is the occurrence of a date: 2027-06-21, with the zone behind it where
// each zone has a run of its own.
func dateKey(v *versions.Version, day loyalty.Day, zone string) string {
	if zone == v.Program.Zone.String() {
		return day.String()
	}
	return day.String() + " " + zone
}

// firstDate returns the date from which a campaign's timetable begins.
func firstDate(c *versions.Campaign, zone *time.Location, now loyalty.Instant) (loyalty.Day, loyalty.Instant) {
	if c.Start.Schedule == nil {
		return c.Start.Date, loyalty.At(c.Start.Clock.On(c.Start.Date, zone))
	}
	day, at := c.Start.Schedule.Next(now.Time, zone)
	return day, loyalty.At(at)
}

// dateAfter returns the campaign's first date after a day, none when there is none.
func dateAfter(c *versions.Campaign, day loyalty.Day, zone *time.Location) (loyalty.Day, loyalty.Instant) {
	if c.Start.Schedule == nil {
		return 0, loyalty.Instant{}
	}
	next := c.Start.Schedule.After(day)
	if next == loyalty.Never {
		return 0, loyalty.Instant{}
	}
	return next, loyalty.At(c.Start.Schedule.At.On(next, zone))
}
