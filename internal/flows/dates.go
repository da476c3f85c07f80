package flows

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"regulars/internal/isolation"
	"regulars/internal/loyalty"
	"regulars/internal/occurrence"
	"regulars/internal/store"
	"regulars/internal/versions"
)

// Dates starts campaigns of a date: birthdays, anniversaries of joining, date
// fields. It deals with one campaign and day and returns 1, or 0 when all are
// done. A day that downtime skipped is dealt with as long as its mails would not
// be late; then it is recorded as skipped. Members of other zones may be ahead of
// the shop, so a campaign by their clocks is prepared a day early.
func Dates(ctx context.Context, db *store.DB) (int, error) {
	return isolation.Each(ctx, db, isolation.Work{
		Name: "dates", Limit: isolation.Long,
		Due: func(tx *store.Tx) (ids []int64, err error) {
			v, err := versions.Active(tx)
			if err != nil {
				return nil, versions.IgnoreNoProgram(err)
			}
			for _, c := range v.Live("yearly", "date") {
				_, found, err := nextDay(tx, v, c)
				if err != nil {
					return nil, err
				}
				if found {
					ids = append(ids, c.ID)
				}
			}
			return ids, nil
		},
		Do: func(t isolation.Turn, _ []int64) (int, error) {
			if t.C == nil || t.C.Since.IsZero() {
				return 0, nil
			}
			day, found, err := nextDay(t.Tx, t.V, t.C)
			if err != nil || !found {
				return 0, err
			}
			return 1, onDay(t, day)
		},
	})
}

// DayKey names that the members of a day were started.
func DayKey(day loyalty.Day) string { return "day:" + day.String() }

// nextDay returns the first day that is not dealt with yet.
func nextDay(tx *store.Tx, v *versions.Version, c *versions.Campaign) (loyalty.Day, bool, error) {
	today := v.Day(tx.At)
	last := today
	if c.Start.ByMember {
		last++
	}
	from := max(c.Day, today-loyalty.Day(c.Late/(24*time.Hour))-1)
	var keys []string
	for day := from; day <= last; day++ {
		keys = append(keys, DayKey(day))
	}
	var done []string
	err := tx.All(&done, "select key from occurrences where campaign_id = @campaign and key in @keys",
		store.Args{"campaign": c.ID, "keys": keys})
	if err != nil {
		return 0, false, err
	}
	for day := from; day <= last; day++ {
		if !slices.Contains(done, DayKey(day)) {
			return day, true, nil
		}
	}
	return 0, false, nil
}

// onDay starts a campaign for the members of one day.
func onDay(t isolation.Turn, day loyalty.Day) error {
	id, fresh, err := occurrence.Open(t.Tx, occurrence.Occurrence{Campaign: t.ID, Key: DayKey(day), Day: t.V.Day(t.Tx.At)})
	if err != nil || !fresh {
		return err
	}
	zones, err := versions.ZonesOf(t.Tx, t.V, t.C)
	if err != nil {
		return err
	}
	begun := 0
	for _, before := range t.C.Start.Before {
		target := day + loyalty.Day(before)
		for _, zone := range zones {
			at := loyalty.At(t.C.Start.Time.On(day, t.V.Zones.Of(zone)))
			if t.Tx.At.Sub(at.Time) > t.C.Late {
				continue
			}
			s := Start{Key: DateKey(t.C, before, target), Wake: at, Args: store.Args{}}
			s.Where = dated(t, target, s.Args) + " and " + inZone(t, zone, zones, s.Args)
			if _, err := Begin(t, s); err != nil {
				return err
			}
			begun++
		}
	}
	if begun == 0 {
		return occurrence.Skip(t.Tx, id, occurrence.Late)
	}
	return nil
}

// DateKey is the occurrence that members share whose date is the same: a date
// that moves is another one.
func DateKey(c *versions.Campaign, before int, target loyalty.Day) string {
	return fmt.Sprintf("%s:%s:%dd", c.Start.Field, target, before)
}

// dated is the condition that a member's date is kept on a day: for an anniversary of
// joining, that they joined on that day of an earlier year; for points that end, that it
// is the last day of some.
func dated(t isolation.Turn, day loyalty.Day, args store.Args) string {
	c := t.C
	switch {
	case t.V.Program.ExpireOn(c.Start.Field):
		args["target"] = int64(day)
		return "m.id in (select l.member_id from lots l where " + endingPoints + " and l.last_day = @target)"
	case c.Start.Kind == "date":
		args["field"], args["target"] = c.Start.Field, day.String()
		return "m.attributes ->> @field = @target"
	}
	year, _, _ := day.Civil()
	born, joined := []string{}, []string{"-1"}
	for _, k := range loyalty.Keeping(day) {
		born = append(born, fmt.Sprintf("m.birth_month = %d and m.birth_date = %d", k.Month, k.Date))
		for y := year - 1; y > year-100; y-- {
			if d := (loyalty.Birthday{Month: k.Month, Date: k.Date}).In(y); loyalty.YearlyOf(d).Date == k.Date {
				joined = append(joined, strconv.FormatInt(int64(d), 10))
			}
		}
	}
	if c.Start.Field == "joined" {
		return "f.joined_day in (" + strings.Join(joined, ",") + ")"
	}
	return "(" + strings.Join(born, " or ") + ")"
}

// inZone is the condition that a member keeps time by a zone; members of none of the
// zones keep the shop's.
func inZone(t isolation.Turn, zone string, zones []string, args store.Args) string {
	if !t.C.Start.ByMember {
		return "true"
	}
	args["zone"] = zone
	if zone == t.V.Program.Zone.String() {
		args["zones"] = append([]string{"-"}, zones[1:]...)
		return "m.time_zone not in @zones"
	}
	return "m.time_zone = @zone"
}
