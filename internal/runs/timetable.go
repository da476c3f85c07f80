package runs

import (
	"context"
	"errors"
	"fmt"
	"time"

	"regulars/internal/coupon"
	"regulars/internal/isolation"
	"regulars/internal/loyalty"
	"regulars/internal/occurrence"
	"regulars/internal/rules"
	"regulars/internal/store"
	"regulars/internal/versions"
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
func Timetable(ctx context.Context, db *store.DB) (int, error) {
	return isolation.Each(ctx, db, isolation.Work{
		Name: "timetable", Limit: isolation.Long,
		Due: func(tx *store.Tx) (ids []int64, err error) {
			err = tx.All(&ids, `
				select campaign_id
				from   timetable
				where  next_at <= @now and campaign_id in (select id from campaigns where live)
				group  by campaign_id
				order  by min(next_at), campaign_id`, store.Args{"now": tx.At})
			return ids, err
		},
		Do: func(t isolation.Turn, _ []int64) (int, error) { return dates(t) },
	})
}

// dates deals with the dates of a campaign that have come.
func dates(t isolation.Turn) (int, error) {
	if t.C == nil {
		return 0, nil
	}
	var rows []dateRow
	err := t.Tx.All(&rows, `
		select campaign_id, zone, next_at, next_key
		from   timetable
		where  next_at <= @now and campaign_id = @campaign and campaign_id in (select id from campaigns where live)
		order  by next_at, zone
		limit  @most `+t.Tx.SkipLocked(), store.Args{"now": t.Tx.At, "most": datesAtOnce, "campaign": t.Id})
	if err != nil {
		return 0, err
	}
	mails := int64(0)
	for i, row := range rows {
		n, err := datesOfRow(t.Tx, t.V, t.C, row)
		if err != nil {
			return 0, fmt.Errorf("%s: %w", row.NextKey, err)
		}
		if mails += n; mails > mailsAtOnce {
			return i + 1, nil
		}
	}
	return len(rows), nil
}

// datesOfRow deals with the dates of one row up to now, and returns for how many mails
// there are rows now.
func datesOfRow(tx *store.Tx, v *versions.Version, c *versions.Campaign, row dateRow) (mails int64, err error) {
	zone := v.Zones.Of(row.Zone)
	due, err := datesDue(c, row, zone, tx.At)
	if err != nil {
		return 0, err
	}
	for _, d := range decide(c, due, tx.At) {
		key := dateKey(d.day, row.Zone, v)
		n, err := onDate(tx, v, c, row.Zone, key, d)
		if err != nil {
			return 0, err
		}
		mails += n
	}
	return mails, saveNext(tx, c, row, due[len(due)-1].day, zone)
}

// onDate begins the run of a date, or records why there is none.
func onDate(tx *store.Tx, v *versions.Version, c *versions.Campaign, zone, key string, d date) (int64, error) {
	if d.reason != "" {
		return 0, skipDate(tx, v, c, key, d)
	}
	why, err := rules.Unanswered(tx, v.Day(tx.At), c.For, c.Except, c.Steps[0].If)
	if err != nil {
		return 0, err
	}
	if d.reason = why; why != "" {
		return 0, skipDate(tx, v, c, key, d)
	}
	var mailed int64
	err = tx.Try(func() error {
		o, err := freezeAudience(tx, v, start{c: c, key: key, day: d.day, zone: zone, late: d.held})
		mailed = o.audience.Mailed
		return err
	})
	if s := (*coupon.Short)(nil); errors.As(err, &s) { // nothing of the run lasts
		d.reason = "short of stock: " + s.Error()
		return 0, skipDate(tx, v, c, key, d)
	}
	return mailed, err
}

func skipDate(tx *store.Tx, v *versions.Version, c *versions.Campaign, key string, d date) error {
	_, _, err := occurrence.Open(tx, occurrence.Occurrence{Campaign: c.ID, Key: key, Day: v.Day(tx.At), Decision: occurrence.Skipped, Reason: d.reason})
	return err
}

// dateKey is the occurrence of a date: 2027-06-21, with the zone behind it where
// each zone has a run of its own.
func dateKey(day loyalty.Day, zone string, v *versions.Version) string {
	if zone == v.Program.Zone.String() {
		return day.String()
	}
	return day.String() + " " + zone
}

// datesDue returns the dates from the row's next one up to now, in their order.
func datesDue(c *versions.Campaign, row dateRow, zone *time.Location, now loyalty.Instant) ([]date, error) {
	day, err := loyalty.ParseDay(row.NextKey)
	if err != nil {
		return nil, err
	}
	due := []date{{day: day, at: row.NextAt}}
	for {
		next, at := dateAfter(c, day, zone)
		if at.IsZero() || at.After(now.Time) {
			return due, nil
		}
		day = next
		due = append(due, date{day: day, at: at})
	}
}

// after returns the campaign's first date after a day, none when there is none.
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

func saveNext(tx *store.Tx, c *versions.Campaign, row dateRow, last loyalty.Day, zone *time.Location) error {
	next, at := dateAfter(c, last, zone)
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
func decide(c *versions.Campaign, due []date, now loyalty.Instant) []date {
	decided := make([]date, len(due))
	for i, d := range due {
		late := now.Sub(d.at.Time)
		switch {
		case late > c.Late && c.Start.Kind == "at" && c.Gives():
			d.held = true
		case late > c.Late:
			d.reason = occurrence.Late
		case c.CatchUp == "skip" && late > punctual:
			d.reason = missed
		case c.CatchUp == "once" && i < len(due)-1:
			d.reason = caughtUp
		}
		decided[i] = d
	}
	return decided
}
