package versions

import (
	"cmp"
	"slices"
	"strings"

	"regulars/internal/loyalty"
	"regulars/internal/program"
	"regulars/internal/store"
)

// campaignRow is a campaign as the table knows it.
type campaignRow struct {
	ID        int64
	Name      string
	Live      bool
	LiveSince loyalty.Instant
	LiveDay   *int64
	Settled   bool
	RemovedAt loyalty.Instant
}

// syncCampaigns makes the rows of campaigns say what the program says, and
// returns the ids of those that are gone.
func syncCampaigns(tx *store.Tx, old *Version, next *program.Program, later map[string]string, done *Applied) (gone []int64, err error) {
	var rows []campaignRow
	if err := tx.All(&rows, "select id, name, live, live_since, live_day, settled, removed_at from campaigns order by id", nil); err != nil {
		return nil, err
	}
	kept := map[int64]bool{}
	for _, c := range next.Campaigns {
		row := rowFor(rows, c, later[c.Name])
		before := campaignRow{Name: c.Name}
		if row != nil {
			before = *row
			kept[row.ID] = true
		}
		if err := saveCampaign(tx, before, c, !SameStart(old, before.Name, c), next, done); err != nil {
			return nil, err
		}
	}
	for _, row := range rows {
		if !kept[row.ID] && row.RemovedAt.IsZero() {
			gone = append(gone, row.ID)
			done.Removed = append(done.Removed, row.Name)
		}
	}
	if len(gone) > 0 {
		_, err = tx.Exec("update campaigns set live = false, live_since = null, live_day = null, removed_at = @now where id in @gone",
			store.Args{"gone": gone, "now": tx.At})
	}
	return gone, err
}

// rowFor finds the row of a campaign by its name, or else by the name that it was
// given later (a rollback), or else by its former name, or else one of that name
// that was removed once.
func rowFor(rows []campaignRow, c *program.Campaign, later string) *campaignRow {
	find := func(name string, removed bool) *campaignRow {
		i := slices.IndexFunc(rows, func(r campaignRow) bool { return r.Name == name && name != "" && r.RemovedAt.IsZero() != removed })
		if i < 0 {
			return nil
		}
		return &rows[i]
	}
	return cmp.Or(find(c.Name, false), find(later, false), find(c.Was, false), find(c.Name, true), find(c.Was, true))
}

// makeWay gives a removed campaign's row another name when its own is needed.
func makeWay(tx *store.Tx, row campaignRow, name string) error {
	if row.Name == name {
		return nil
	}
	_, err := tx.Exec("update campaigns set name = name || '~' || id where name = @name and id <> @id", store.Args{"name": name, "id": row.ID})
	return err
}

// SameStart reports whether a campaign is set off by the same things as in the
// version before. What time of day its mails go out does not matter here.
func SameStart(old *Version, name string, c *program.Campaign) bool {
	if old == nil {
		return false
	}
	before := old.Program.Campaign(name)
	if before == nil {
		return false
	}
	if c.Start.Kind == "enters" {
		return before.Start.Kind == "enters" && before.Start.Segment == c.Start.Segment
	}
	return before.Start.Spec == c.Start.Spec
}

// saveCampaign writes a campaign's row. Going live, and being set off by
// something else, begin a new stretch: who was there already is to be dealt with.
func saveCampaign(tx *store.Tx, row campaignRow, c *program.Campaign, newStart bool, next *program.Program, done *Applied) error {
	was := row.Live && row.RemovedAt.IsZero()
	switch {
	case !c.Live:
		row.LiveSince, row.LiveDay, row.Settled = loyalty.Instant{}, nil, false
	case !was || newStart:
		day := int64(loyalty.DayOf(tx.At.Time, next.Zone))
		row.LiveSince, row.LiveDay, row.Settled = tx.At, &day, false
		if !was {
			done.Live = append(done.Live, c.Name)
		}
	}
	if err := makeWay(tx, row, c.Name); err != nil {
		return err
	}
	args := store.Args{"id": row.ID, "name": c.Name, "live": c.Live, "since": row.LiveSince, "day": row.LiveDay, "settled": row.Settled}
	if row.ID == 0 {
		_, err := tx.Exec(`
			insert into campaigns (name, live, live_since, live_day, settled)
			values (@name, @live, @since, @day, @settled)`, args)
		return err
	}
	_, err := tx.Exec(`
		update campaigns
		set    name = @name, live = @live, live_since = @since, live_day = @day, settled = @settled, removed_at = null
		where  id = @id`, args)
	return err
}

// syncSegments makes the rows of segments say what the program says. A segment
// that is new, or whose rule has changed, is to be filled anew: nobody enters it
// for a campaign by that, since nobody did anything.
func syncSegments(tx *store.Tx, old *Version, next *program.Program) error {
	changed := changedSegments(old, next)
	var names []string
	for _, s := range next.Segments {
		names = append(names, s.Name)
		_, err := tx.Exec(`
			insert into segments (name, rule) values (@name, @rule)
			on conflict (name) do update
			set    rule = excluded.rule, removed_at = null,
			       as_of_day = case when @changed or segments.removed_at is not null then null else segments.as_of_day end`,
			store.Args{"name": s.Name, "rule": s.Rule.Text(), "changed": changed[s.Name]})
		if err != nil {
			return err
		}
	}
	_, err := tx.Exec("update segments set removed_at = @now where removed_at is null and name not in @names",
		store.Args{"now": tx.At, "names": append(names, "")})
	return err
}

// changedSegments names the segments whose rule is another than in the version
// before or reads what a setting now decides otherwise, or that expand the rule of
// such a segment.
func changedSegments(old *Version, next *program.Program) map[string]bool {
	changed := map[string]bool{}
	if old == nil {
		return changed
	}
	before := map[string]string{}
	for _, s := range old.Program.Segments {
		before[s.Name] = s.Rule.Text()
	}
	for range next.Segments { // as deep as segments can lead to each other
		for _, s := range next.Segments {
			if text := s.Rule.Text(); before[s.Name] != text || names(text, changed) || next.Rejudges(old.Program, s.Rule) {
				changed[s.Name] = true
			}
		}
	}
	return changed
}

// names reports whether a rule names one of the segments.
func names(rule string, segments map[string]bool) bool {
	for name := range segments {
		if strings.Contains(rule, `"`+name+`"`) {
			return true
		}
	}
	return false
}
