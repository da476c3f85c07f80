package runs

import (
	"context"
	"fmt"

	"regulars/internal/loyalty"
	"regulars/internal/store"
	"regulars/internal/versions"
)

// SyncTimetable makes the timetable say what the program says. A campaign whose
// start is the same keeps its next date; one that is no longer live has none. Dates
// that had come and that nobody had seen yet leave a record, unless the new timetable
// has them too.
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
		more, err := drop(tx, "campaign_id = @id and (zone not in @zones or spec <> @spec)", store.Args{"id": c.ID, "zones": zones, "spec": spec(v, c)})
		if err != nil {
			return err
		}
		dropped = append(dropped, more...)
		if err := schedule(tx, v, c, zones); err != nil {
			return err
		}
	}
	for _, row := range dropped {
		day, err := loyalty.ParseDay(row.NextKey)
		if row.NextAt.IsZero() || row.NextAt.After(tx.At.Time) || err != nil {
			continue
		}
		var again int
		err = tx.One(&again, "select count(*) from timetable where campaign_id = @campaign and zone = @zone and next_key = @key",
			store.Args{"campaign": row.CampaignID, "zone": row.Zone, "key": row.NextKey})
		if err == nil && again == 0 {
			err = skipDate(tx, v, row.CampaignID, dateKey(v, day, row.Zone), overtaken)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// drop takes rows off the timetable.
func drop(tx *store.Tx, where string, args store.Args) (rows []dateRow, err error) {
	err = tx.All(&rows, "delete from timetable where "+where+" returning campaign_id, zone, next_at, next_key", args)
	return rows, err
}

// spec is what the dates of a campaign were computed from.
func spec(v *versions.Version, c *versions.Campaign) string {
	return c.Start.Spec + " in " + v.Program.Zone.String()
}

// schedule adds the first date of a campaign in zones in which it has none. A date
// that was over when the campaign went live is recorded as skipped.
func schedule(tx *store.Tx, v *versions.Version, c *versions.Campaign, zones []string) error {
	for _, zone := range zones {
		day, at := firstDate(c, v.Zones.Of(zone), tx.At)
		args := store.Args{"campaign": c.ID, "zone": zone, "spec": spec(v, c), "at": at, "key": day.String()}
		over := at.Before(tx.At.Time)
		if over {
			args["at"], args["key"] = loyalty.Instant{}, ""
		}
		n, err := tx.Exec(`
			insert into timetable (campaign_id, zone, spec, next_at, next_key)
			values (@campaign, @zone, @spec, @at, @key)
			on conflict (campaign_id, zone) do nothing`, args)
		if err == nil && n > 0 && over {
			err = skipDate(tx, v, c.ID, dateKey(v, day, zone), beforeLive)
		}
		if err != nil {
			return err
		}
	}
	return nil
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
			if err := schedule(tx, v, c, zones); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("time zones of members: %w", err)
	}
	return n, nil
}
