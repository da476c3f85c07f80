package runs

import (
	"context"
	"errors"
	"fmt"

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
		Do: func(t isolation.Turn, _ []int64) (int, error) {
			if t.C == nil {
				return 0, nil
			}
			var rows []dateRow
			err := t.Tx.All(&rows, `
				select campaign_id, zone, next_at, next_key
				from   timetable
				where  next_at <= @now and campaign_id = @campaign and campaign_id in (select id from campaigns where live)
				order  by next_at, zone
				limit  @most `+t.Tx.SkipLocked(), store.Args{"now": t.Tx.At, "most": datesAtOnce, "campaign": t.ID})
			if err != nil {
				return 0, err
			}
			mails := int64(0)
			for i, row := range rows {
				n, err := datesOf(t, row)
				if err != nil {
					return 0, fmt.Errorf("%s: %w", row.NextKey, err)
				}
				if mails += n; mails > mailsAtOnce {
					return i + 1, nil
				}
			}
			return len(rows), nil
		},
	})
}

// datesOf deals with the dates of one row up to now, and returns for how many mails
// there are rows now.
func datesOf(t isolation.Turn, row dateRow) (mails int64, err error) {
	zone := t.V.Zones.Of(row.Zone)
	day, err := loyalty.ParseDay(row.NextKey)
	if err != nil {
		return 0, err
	}
	due := []date{{day: day, at: row.NextAt}}
	next, at := dateAfter(t.C, day, zone)
	for ; !at.IsZero() && !at.After(t.Tx.At.Time); next, at = dateAfter(t.C, next, zone) {
		due = append(due, date{day: next, at: at})
	}
	decide(t.C, due, t.Tx.At)
	for _, d := range due {
		n, err := onDate(t, row.Zone, d)
		if err != nil {
			return 0, err
		}
		mails += n
	}
	key := ""
	if !at.IsZero() {
		key = next.String()
	}
	_, err = t.Tx.Exec("update timetable set next_at = @at, next_key = @key where campaign_id = @campaign and zone = @zone",
		store.Args{"at": at, "key": key, "campaign": t.ID, "zone": row.Zone})
	return mails, err
}

// onDate begins the run of a date, or records why there is none.
func onDate(t isolation.Turn, zone string, d date) (mails int64, err error) {
	key := dateKey(t.V, d.day, zone)
	if d.reason == "" {
		if d.reason, err = rules.Unanswered(t.Tx, t.V.Day(t.Tx.At), t.C.For, t.C.Except, t.C.Steps[0].If); err != nil {
			return 0, err
		}
	}
	if d.reason == "" {
		err := t.Tx.Try(func() error {
			f, err := freeze(t, start{key: key, day: d.day, zone: zone, held: d.held})
			mails = f.audience.Mailed
			return err
		})
		short := (*coupon.Short)(nil)
		if !errors.As(err, &short) {
			return mails, err
		}
		d.reason = "short of stock: " + short.Error() // nothing of the run lasts
	}
	return 0, skipDate(t.Tx, t.V, t.ID, key, d.reason)
}

func skipDate(tx *store.Tx, v *versions.Version, campaign int64, key, reason string) error {
	_, _, err := occurrence.Open(tx, occurrence.Occurrence{Campaign: campaign, Key: key, Day: v.Day(tx.At), Decision: occurrence.Skipped, Reason: reason})
	return err
}
