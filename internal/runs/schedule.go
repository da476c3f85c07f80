package runs

import (
	"context"
	"fmt"
	"time"

	"regulars/internal/loyalty"
	"regulars/internal/occurrence"
	"regulars/internal/store"
	"regulars/internal/versions"
)

// SyncTimetable makes the timetable say what the program says. A campaign whose
// start is the same keeps its next date; one that is no longer live has none.
func SyncTimetable(tx *store.Tx, v *versions.Version) error {
	timed := v.Live("at", "every")
	ids := []int64{0}
	for _, c := range timed {
		ids = append(ids, c.ID)
	}
	dropped, err := drop(tx, "campaign_id not in @ids", store.Args{"ids": ids})
	if err != nil {
		return err
	}
	for _, c := range timed {
		zones, err := versions.ZonesOf(tx, v, c)
		if err != nil {
			return err
		}
		more, err := drop(tx, "campaign_id = @id and (zone not in @zones or spec <> @spec)", store.Args{"id": c.ID, "zones": zones, "spec": spec(c, v)})
		if err != nil {
			return err
		}
		dropped = append(dropped, more...)
		for _, zone := range zones {
			if err := schedule(tx, v, c, zone); err != nil {
				return err
			}
		}
	}
	return recordDropped(tx, v, dropped)
}

// drop takes rows off the timetable.
func drop(tx *store.Tx, where string, args store.Args) (rows []dateRow, err error) {
	err = tx.All(&rows, "delete from timetable where "+where+" returning campaign_id, zone, next_at, next_key", args)
	return rows, err
}

// recordDropped leaves a record of dates that had come and that nobody had seen
// yet, unless the new timetable has them too.
func recordDropped(tx *store.Tx, v *versions.Version, rows []dateRow) error {
	for _, row := range rows {
		day, err := loyalty.ParseDay(row.NextKey)
		if row.NextAt.IsZero() || row.NextAt.After(tx.At.Time) || err != nil {
			continue
		}
		var again int
		if err := tx.One(&again, "select count(*) from timetable where campaign_id = @campaign and zone = @zone and next_key = @key",
			store.Args{"campaign": row.CampaignID, "zone": row.Zone, "key": row.NextKey}); err != nil {
			return err
		}
		if again > 0 {
			continue
		}
		o := occurrence.Occurrence{Campaign: row.CampaignID, Key: dateKey(day, row.Zone, v), Day: v.Day(tx.At), Decision: occurrence.Skipped, Reason: overtaken}
		if _, _, err := occurrence.Open(tx, o); err != nil {
			return err
		}
	}
	return nil
}

// spec is what the dates of a campaign were computed from.
func spec(c *versions.Campaign, v *versions.Version) string {
	return c.Start.Spec + " in " + v.Program.Zone.String()
}

// schedule adds the first date of a campaign in a zone, unless it has one. A date
// that was over when the campaign went live is recorded as skipped.
func schedule(tx *store.Tx, v *versions.Version, c *versions.Campaign, zone string) error {
	day, at := firstDate(c, v.Zones.Of(zone), tx.At)
	args := store.Args{"campaign": c.ID, "zone": zone, "spec": spec(c, v), "at": at, "key": day.String()}
	if at.Before(tx.At.Time) {
		args["at"], args["key"] = loyalty.Instant{}, ""
	}
	n, err := tx.Exec(`
		insert into timetable (campaign_id, zone, spec, next_at, next_key)
		values (@campaign, @zone, @spec, @at, @key)
		on conflict (campaign_id, zone) do nothing`, args)
	if err != nil || n == 0 || !at.Before(tx.At.Time) {
		return err
	}
	_, _, err = occurrence.Open(tx, occurrence.Occurrence{Campaign: c.ID, Key: dateKey(day, zone, v), Day: v.Day(tx.At), Decision: occurrence.Skipped, Reason: beforeLive})
	return err
}

// first returns the date from which a campaign's timetable begins.
func firstDate(c *versions.Campaign, zone *time.Location, now loyalty.Instant) (loyalty.Day, loyalty.Instant) {
	if c.Start.Schedule == nil {
		return c.Start.Date, loyalty.At(c.Start.Clock.On(c.Start.Date, zone))
	}
	day, at := c.Start.Schedule.Next(now.Time, zone)
	return day, loyalty.At(at)
}

// byMembers returns the live campaigns with a date by members' clocks.
func byMembers(v *versions.Version) (timed []*versions.Campaign) {
	for _, c := range v.Live("at") {
		if c.Start.ByMember {
			timed = append(timed, c)
		}
	}
	return timed
}

// NewZones gives campaigns by members' clocks a date in zones that members have
// since the last time, once a day, and returns whether that was now.
func NewZones(ctx context.Context, db *store.DB) (n int, err error) {
	wanted := false
	err = db.View(ctx, func(tx *store.Tx) error {
		v, err := versions.Active(tx)
		if err != nil || len(byMembers(v)) == 0 {
			return versions.IgnoreNoProgram(err)
		}
		return tx.One(&wanted, "select count(*) = 0 from passes where name = 'zones' and day = @day", store.Args{"day": int64(v.Day(tx.At))})
	})
	if err != nil || !wanted {
		return 0, err
	}
	err = db.Update(ctx, func(tx *store.Tx) error {
		n = 0
		v, err := versions.Active(tx)
		if err != nil {
			return err
		}
		first, err := tx.Exec("insert into passes (name, day, started_at, finished_at) values ('zones', @day, @now, @now) on conflict (name, day) do nothing",
			store.Args{"day": int64(v.Day(tx.At)), "now": tx.At})
		if err != nil || first == 0 {
			return err
		}
		n = 1
		for _, c := range byMembers(v) {
			zones, err := versions.ZonesOf(tx, v, c)
			if err != nil {
				return err
			}
			for _, zone := range zones {
				if err := schedule(tx, v, c, zone); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("time zones of members: %w", err)
	}
	return n, nil
}

// inZone is the condition that a member m belongs to the run of a zone.
func inZone(v *versions.Version, c *versions.Campaign, zone string, args store.Args) string {
	if !c.Start.ByMember {
		return "true"
	}
	args["zone"] = zone
	if zone == v.Program.Zone.String() {
		return "m.time_zone not in (select z.zone from timetable z where z.campaign_id = @campaign and z.zone <> @zone)"
	}
	return "m.time_zone = @zone"
}
