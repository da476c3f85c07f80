package jobs

import (
	"context"
	"errors"
	"fmt"

	"regulars/internal/loyalty"
	"regulars/internal/marketing"
	"regulars/internal/report"
	"regulars/internal/store"
)

// countJob counts a report, or the page of a month, and keeps it for the console. Put by
// marketers there, where counting takes too long for a page. Running it again counts
// again. It gives up when there is no such report.
var countJob = kind{
	about: "count a report for the console, which shows it then",
	queue: Chores,
	fields: []field{
		{name: "report", about: "its name, or month", required: true, wrong: notCounted},
		{name: "at", about: "as of the end of this day, like 2027-06-21, or in its month; today without it", wrong: failing(loyalty.ParseDay)},
	},
	do: func(ctx context.Context, r Rooms, row Row) (string, error) {
		var c countedReport
		err := r.DB.View(ctx, func(tx *store.Tx) (err error) {
			if err := tx.InBackground(); err != nil {
				return err
			}
			c, err = counts(tx, row)
			return err
		})
		if err == nil {
			err = r.DB.Update(ctx, func(tx *store.Tx) error { return report.KeepCounted(tx, c.name, c.day, c.body) })
		}
		return "counted", final(err)
	},
}

// countedReport is what a job counted, and under which name and day it is kept.
type countedReport struct {
	name string
	day  loyalty.Day
	body any
}

// counts counts what a job is about.
func counts(tx *store.Tx, row Row) (c countedReport, err error) {
	c.name = row.Values()["report"]
	today, err := tx.Today()
	if err != nil {
		return c, err
	}
	day := today
	if at := row.Values()["at"]; at != "" {
		if day, err = loyalty.ParseDay(at); err != nil {
			return c, giveUp{err}
		}
	}
	c.day = CountedDay(c.name, day, today)
	if c.name == Month {
		m, _, err := marketing.Month(tx, day)
		c.body = m.Counted()
		return c, err
	}
	ask, err := marketing.Asks(tx, day, day < today)
	if err != nil {
		return c, err
	}
	named, _ := report.ByName(c.name) // checked when it was enqueued
	c.body, err = named.Count(tx, ask)
	return c, err
}

// Month is the name under which the pages of months are counted.
const Month = "month"

// CountedDay is under which day a report as of one is kept: that of a month is its first.
func CountedDay(name string, day, today loyalty.Day) loyalty.Day {
	switch {
	case name == Month:
		first, _ := loyalty.MonthOf(day)
		return first
	case day >= today:
		return 0
	}
	return day
}

// notCounted says what is wrong with the name of a report. One that names members is not
// kept.
func notCounted(name string) string {
	if r, ok := report.ByName(name); name != Month && (!ok || r.NamesMembers()) {
		return "the name of a report that names no members; `regulars report list` has them"
	}
	return ""
}

// Counting returns the job that counts a report just now, or waits for a worker;
// store.ErrNotFound where there is none.
func Counting(tx *store.Tx, name string, day loyalty.Day) (row Row, err error) {
	err = tx.One(&row, "select "+columns+` from jobs
		where kind = 'count' and state in ('queued', 'running') and payload ->> 'report' = @name and payload ->> 'at' = @at
		order by id desc limit 1`, store.Args{"name": name, "at": day.String()})
	return row, err
}

// Count has a worker count a report as of a day, unless one does already.
func Count(tx *store.Tx, name string, day loyalty.Day, by string) error {
	_, err := Counting(tx, name, day)
	if !errors.Is(err, store.ErrNotFound) {
		return err
	}
	_, _, err = Enqueue(tx, Order{Kind: "count", By: by, Values: map[string]string{"report": name, "at": day.String()}})
	if err != nil {
		return fmt.Errorf("report %s: %w", name, err)
	}
	return nil
}
