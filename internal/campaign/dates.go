package campaign

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"regulars/internal/loyalty"
	"regulars/internal/store"
)

// Dates starts campaigns of a date: birthdays, anniversaries of joining, date
// fields. It deals with one campaign and day and returns 1, or 0 when all are
// done. A day that downtime skipped is dealt with as long as its mails would not
// be late; then it is recorded as skipped. Members of other zones may be ahead of
// the shop, so a campaign by their clocks is prepared a day early.
func (b *Book) Dates(ctx context.Context, db *store.DB) (int, error) {
	if err := b.newZones(ctx, db); err != nil {
		return 0, fmt.Errorf("time zones of members: %w", err)
	}
	return b.apart(ctx, db, work{
		name: "dates", limit: long,
		due: func(tx *store.Tx) (ids []int64, err error) {
			v, err := b.Active(tx)
			if err != nil {
				return nil, ignoreNoProgram(err)
			}
			for _, c := range v.live("yearly", "date") {
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
		do: func(t turn, _ []int64) (int, error) {
			if t.c == nil || t.c.Since.IsZero() {
				return 0, nil
			}
			day, found, err := nextDay(t.tx, t.v, t.c)
			if err != nil || !found {
				return 0, err
			}
			return 1, b.onDay(t.tx, t.v, t.c, day)
		},
	})
}

// dayKey names that the members of a day were started.
func dayKey(day loyalty.Day) string { return "day:" + day.String() }

// nextDay returns the first day that is not dealt with yet.
func nextDay(tx *store.Tx, v *Version, c *Campaign) (loyalty.Day, bool, error) {
	today := v.Day(tx.At)
	last := today
	if c.Start.ByMember {
		last++
	}
	from := max(c.Day, today-loyalty.Day(c.Late/(24*time.Hour))-1)
	var keys []string
	for day := from; day <= last; day++ {
		keys = append(keys, dayKey(day))
	}
	var done []string
	err := tx.All(&done, "select key from occurrences where campaign_id = @campaign and key in @keys",
		store.Args{"campaign": c.ID, "keys": keys})
	if err != nil {
		return 0, false, err
	}
	for day := from; day <= last; day++ {
		if !slices.Contains(done, dayKey(day)) {
			return day, true, nil
		}
	}
	return 0, false, nil
}

// onDay starts a campaign for the members of one day.
func (b *Book) onDay(tx *store.Tx, v *Version, c *Campaign, day loyalty.Day) error {
	id, fresh, err := open(tx, occurrence{Campaign: c.ID, Key: dayKey(day), Day: v.Day(tx.At)})
	if err != nil || !fresh {
		return err
	}
	zones, err := zonesFor(tx, v, c)
	if err != nil {
		return err
	}
	begun := 0
	for _, before := range c.Start.Before {
		target := day + loyalty.Day(before)
		for _, zone := range zones {
			at := loyalty.At(c.Start.Time.On(day, v.zones.Of(zone)))
			if tx.At.Sub(at.Time) > c.Late {
				continue
			}
			s := begin{c: c, key: c.dateKey(before, target), wake: at, args: store.Args{}}
			s.where = c.dated(target, s.args) + " and " + inZones(v, c, zone, zones, s.args)
			if _, err := b.start(tx, v, s); err != nil {
				return err
			}
			begun++
		}
	}
	if begun == 0 {
		return skipOccurrence(tx, id, tooLate)
	}
	return nil
}

// dateKey is the occurrence that members share whose date is the same: a date
// that moves is another one.
func (c *Campaign) dateKey(before int, target loyalty.Day) string {
	return fmt.Sprintf("%s:%s:%dd", c.Start.Field, target, before)
}

// dated is the condition that a member's date is kept on a day.
func (c *Campaign) dated(day loyalty.Day, args store.Args) string {
	switch {
	case c.Start.Kind == "date":
		args["field"], args["target"] = c.Start.Field, day.String()
		return "m.attributes ->> @field = @target"
	case c.Start.Field == "joined":
		return c.joinedOn(day)
	}
	var kept []string
	for _, k := range loyalty.Keeping(day) {
		kept = append(kept, fmt.Sprintf("m.birth_month = %d and m.birth_date = %d", k.Month, k.Date))
	}
	return "(" + strings.Join(kept, " or ") + ")"
}

// joinedOn is the condition that a day is an anniversary of joining: the day of
// every year since, as days since 1970.
func (c *Campaign) joinedOn(day loyalty.Day) string {
	year, _, _ := day.Civil()
	days := []string{"-1"}
	for _, k := range loyalty.Keeping(day) {
		for y := year - 1; y > year-100; y-- {
			if d := (loyalty.Birthday{Month: k.Month, Date: k.Date}).In(y); loyalty.YearlyOf(d).Date == k.Date {
				days = append(days, strconv.FormatInt(int64(d), 10))
			}
		}
	}
	return "f.joined_day in (" + strings.Join(days, ",") + ")"
}

// inZones is the condition that a member keeps time by a zone.
func inZones(v *Version, c *Campaign, zone string, zones []string, args store.Args) string {
	if !c.Start.ByMember {
		return "true"
	}
	args["zone"] = zone
	if zone == v.Program.Zone.String() {
		args["zones"] = append([]string{"-"}, zones[1:]...)
		return "m.time_zone not in @zones"
	}
	return "m.time_zone = @zone"
}
