package campaign

import (
	"context"
	"errors"
	"time"

	"regulars/internal/loyalty"
	"regulars/internal/store"
)

// syncTimetable makes the timetable say what the program says. A campaign whose
// start is the same keeps its next date; one that is no longer live has none.
func syncTimetable(tx *store.Tx, v *Version) error {
	timed := v.live("at", "every")
	ids := []int64{0}
	for _, c := range timed {
		ids = append(ids, c.ID)
	}
	dropped, err := drop(tx, "campaign_id not in @ids", store.Args{"ids": ids})
	if err != nil {
		return err
	}
	for _, c := range timed {
		zones, err := zonesFor(tx, v, c)
		if err != nil {
			return err
		}
		more, err := drop(tx, "campaign_id = @id and (zone not in @zones or spec <> @spec)", store.Args{"id": c.ID, "zones": zones, "spec": c.spec(v)})
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
func recordDropped(tx *store.Tx, v *Version, rows []dateRow) error {
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
		o := occurrence{Campaign: row.CampaignID, Key: dateKey(day, row.Zone, v), Day: v.Day(tx.At), Decision: skipped, Reason: overtaken}
		if _, _, err := open(tx, o); err != nil {
			return err
		}
	}
	return nil
}

// spec is what the dates of a campaign were computed from.
func (c *Campaign) spec(v *Version) string { return c.Start.Spec + " in " + v.Program.Zone.String() }

// zonesFor returns the zones in which a campaign has dates: the shop's, and with
// "zone: member" all that members have. Members of a zone that is not among them
// belong to the shop's.
func zonesFor(tx *store.Tx, v *Version, c *Campaign) ([]string, error) {
	shop := v.Program.Zone.String()
	zones := []string{shop}
	if !c.Start.ByMember {
		return zones, nil
	}
	var found []string
	if err := tx.All(&found, "select distinct m.time_zone from members m where m.time_zone <> '' and "+present+" order by 1", nil); err != nil {
		return nil, err
	}
	for _, name := range found {
		if _, err := time.LoadLocation(name); err == nil && name != shop && name != "Local" {
			zones = append(zones, name)
		}
	}
	return zones, nil
}

// schedule adds the first date of a campaign in a zone, unless it has one. A date
// that was over when the campaign went live is recorded as skipped.
func schedule(tx *store.Tx, v *Version, c *Campaign, zone string) error {
	day, at := c.first(v.zones.Of(zone), tx.At)
	args := store.Args{"campaign": c.ID, "zone": zone, "spec": c.spec(v), "at": at, "key": day.String()}
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
	_, _, err = open(tx, occurrence{Campaign: c.ID, Key: dateKey(day, zone, v), Day: v.Day(tx.At), Decision: skipped, Reason: beforeLive})
	return err
}

// first returns the date from which a campaign's timetable begins.
func (c *Campaign) first(zone *time.Location, now loyalty.Instant) (loyalty.Day, loyalty.Instant) {
	if c.Start.Schedule == nil {
		return c.Start.Date, loyalty.At(c.Start.Clock.On(c.Start.Date, zone))
	}
	day, at := c.Start.Schedule.Next(now.Time, zone)
	return day, loyalty.At(at)
}

// byMembers returns the live campaigns with a date by members' clocks.
func (v *Version) byMembers() (timed []*Campaign) {
	for _, c := range v.live("at") {
		if c.Start.ByMember {
			timed = append(timed, c)
		}
	}
	return timed
}

// zonesWanted reports whether newZones has not been done today.
func zonesWanted(tx *store.Tx, v *Version) (bool, error) {
	if len(v.byMembers()) == 0 {
		return false, nil
	}
	var done int
	err := tx.One(&done, "select count(*) from passes where name = 'zones' and day = @day", store.Args{"day": int64(v.Day(tx.At))})
	return done == 0, err
}

// newZones gives campaigns by members' clocks a date in zones that members have
// since the last time, once a day.
func (b *Book) newZones(ctx context.Context, db *store.DB) error {
	wanted := false
	err := db.View(ctx, func(tx *store.Tx) error {
		v, err := b.Active(tx)
		if err != nil {
			return ignoreNoProgram(err)
		}
		wanted, err = zonesWanted(tx, v)
		return err
	})
	if err != nil || !wanted {
		return err
	}
	return db.Update(ctx, func(tx *store.Tx) error {
		v, err := b.Active(tx)
		if err != nil {
			return ignoreNoProgram(err)
		}
		if first, err := onceADay(tx, "zones", v.Day(tx.At)); err != nil || !first {
			return err
		}
		return scheduleZones(tx, v)
	})
}

func scheduleZones(tx *store.Tx, v *Version) error {
	for _, c := range v.byMembers() {
		zones, err := zonesFor(tx, v, c)
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
}

// onceADay reports whether this transaction is the first to do something on a day.
func onceADay(tx *store.Tx, name string, day loyalty.Day) (bool, error) {
	var got int64
	err := tx.One(&got, `
		insert into passes (name, day, started_at, finished_at) values (@name, @day, @now, @now)
		on conflict (name, day) do nothing
		returning day`, store.Args{"name": name, "day": int64(day), "now": tx.At})
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// inZone is the condition that a member m belongs to the run of a zone.
func inZone(v *Version, c *Campaign, zone string, args store.Args) string {
	if !c.Start.ByMember {
		return "true"
	}
	args["zone"] = zone
	if zone == v.Program.Zone.String() {
		return "m.time_zone not in (select z.zone from timetable z where z.campaign_id = @campaign and z.zone <> @zone)"
	}
	return "m.time_zone = @zone"
}
