package campaign

import (
	"context"
	"errors"
	"fmt"
	"time"

	"regulars/internal/coupon"
	"regulars/internal/loyalty"
	"regulars/internal/store"
)

// dateRow is the next date of a campaign in a zone.
type dateRow struct {
	CampaignID int64
	Zone       string
	NextAt     loyalty.Instant
	NextKey    string
}

// How many dates one transaction deals with, and after how many mails it leaves
// the others to the next.
const (
	datesAtOnce = 20
	mailsAtOnce = 10_000
)

// Timetable deals with dates that have come: it begins their runs, or records why
// not, and moves on to the dates after them. It returns how many it dealt with.
// Any number of workers may call it: each date is one occurrence.
func (b *Book) Timetable(ctx context.Context, db *store.DB) (int, error) {
	if err := forgetSetbacks(ctx, db); err != nil {
		return 0, err
	}
	return b.apart(ctx, db, work{
		name: "timetable", limit: long,
		due: func(tx *store.Tx) (ids []int64, err error) {
			err = tx.All(&ids, `
				select campaign_id
				from   timetable
				where  next_at <= @now and campaign_id in (select id from campaigns where live)
				group  by campaign_id
				order  by min(next_at), campaign_id`, store.Args{"now": tx.At})
			return ids, err
		},
		do: func(t turn, _ []int64) (int, error) { return b.dates(t) },
	})
}

// dates deals with the dates of a campaign that have come.
func (b *Book) dates(t turn) (int, error) {
	if t.c == nil {
		return 0, nil
	}
	var rows []dateRow
	err := t.tx.All(&rows, `
		select campaign_id, zone, next_at, next_key
		from   timetable
		where  next_at <= @now and campaign_id = @campaign and campaign_id in (select id from campaigns where live)
		order  by next_at, zone
		limit  @most `+t.tx.SkipLocked(), store.Args{"now": t.tx.At, "most": datesAtOnce, "campaign": t.id})
	if err != nil {
		return 0, err
	}
	mails := int64(0)
	for i, row := range rows {
		n, err := b.date(t.tx, t.v, t.c, row)
		if err != nil {
			return 0, fmt.Errorf("%s: %w", row.NextKey, err)
		}
		if mails += n; mails > mailsAtOnce {
			return i + 1, nil
		}
	}
	return len(rows), nil
}

// date deals with the dates of one row up to now, and returns for how many mails
// there are rows now.
func (b *Book) date(tx *store.Tx, v *Version, c *Campaign, row dateRow) (mails int64, err error) {
	zone := v.zones.Of(row.Zone)
	due, err := c.datesDue(row, zone, tx.At)
	if err != nil {
		return 0, err
	}
	for _, d := range c.decide(due, tx.At) {
		key := dateKey(d.day, row.Zone, v)
		n, err := b.onDate(tx, v, c, row.Zone, key, d)
		if err != nil {
			return 0, err
		}
		mails += n
	}
	return mails, saveNext(tx, c, row, due[len(due)-1].day, zone)
}

// onDate begins the run of a date, or records why there is none.
func (b *Book) onDate(tx *store.Tx, v *Version, c *Campaign, zone, key string, d date) (int64, error) {
	if d.reason != "" {
		return 0, skipDate(tx, v, c, key, d)
	}
	why, err := unanswered(tx, v, c.For, c.Except, c.Steps[0].If)
	if err != nil {
		return 0, err
	}
	if d.reason = why; why != "" {
		return 0, skipDate(tx, v, c, key, d)
	}
	var mailed int64
	err = tx.Try(func() error {
		o, err := b.begin(tx, v, freeze{c: c, key: key, day: d.day, zone: zone, late: d.held})
		mailed = o.audience.Mailed
		return err
	})
	if s := (*coupon.Short)(nil); errors.As(err, &s) { // nothing of the run lasts
		d.reason = "short of stock: " + s.Error()
		return 0, skipDate(tx, v, c, key, d)
	}
	return mailed, err
}

func skipDate(tx *store.Tx, v *Version, c *Campaign, key string, d date) error {
	_, _, err := open(tx, occurrence{Campaign: c.ID, Key: key, Day: v.Day(tx.At), Decision: skipped, Reason: d.reason})
	return err
}

// dateKey is the occurrence of a date: 2027-06-21, with the zone behind it where
// each zone has a run of its own.
func dateKey(day loyalty.Day, zone string, v *Version) string {
	if zone == v.Program.Zone.String() {
		return day.String()
	}
	return day.String() + " " + zone
}

// datesDue returns the dates from the row's next one up to now, in their order.
func (c *Campaign) datesDue(row dateRow, zone *time.Location, now loyalty.Instant) ([]date, error) {
	day, err := loyalty.ParseDay(row.NextKey)
	if err != nil {
		return nil, err
	}
	due := []date{{day: day, at: row.NextAt}}
	for {
		next, at := c.after(day, zone)
		if at.IsZero() || at.After(now.Time) {
			return due, nil
		}
		day = next
		due = append(due, date{day: day, at: at})
	}
}

// after returns the campaign's first date after a day, none when there is none.
func (c *Campaign) after(day loyalty.Day, zone *time.Location) (loyalty.Day, loyalty.Instant) {
	if c.Start.Schedule == nil {
		return 0, loyalty.Instant{}
	}
	next := c.Start.Schedule.After(day)
	if next == loyalty.Never {
		return 0, loyalty.Instant{}
	}
	return next, loyalty.At(c.Start.Schedule.At.On(next, zone))
}

func saveNext(tx *store.Tx, c *Campaign, row dateRow, last loyalty.Day, zone *time.Location) error {
	next, at := c.after(last, zone)
	key := ""
	if !at.IsZero() {
		key = next.String()
	}
	_, err := tx.Exec("update timetable set next_at = @at, next_key = @key where campaign_id = @campaign and zone = @zone",
		store.Args{"at": at, "key": key, "campaign": c.ID, "zone": row.Zone})
	return err
}

// date is a date of a timetable and what is decided about it.
type date struct {
	day    loyalty.Day
	at     loyalty.Instant
	reason string // why it is skipped; "": it runs
	held   bool   // it runs once a person says so
}

// Reasons of a skipped date.
const (
	tooLate    = "late"
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
func (c *Campaign) decide(due []date, now loyalty.Instant) []date {
	decided := make([]date, len(due))
	for i, d := range due {
		late := now.Sub(d.at.Time)
		switch {
		case late > c.Late && c.Start.Kind == "at" && c.gives():
			d.held = true
		case late > c.Late:
			d.reason = tooLate
		case c.CatchUp == "skip" && late > punctual:
			d.reason = missed
		case c.CatchUp == "once" && i < len(due)-1:
			d.reason = caughtUp
		}
		decided[i] = d
	}
	return decided
}
