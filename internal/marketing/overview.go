package marketing

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"regulars/internal/consent"
	"regulars/internal/loyalty"
	"regulars/internal/program"
	"regulars/internal/report"
	"regulars/internal/store"
	"regulars/internal/versions"
	"regulars/segments"
)

// The states of a campaign, each of which stands over the ones after it.
const (
	Held   = "held"      // by a person, or by Regulars itself
	Aside  = "set aside" // something of it failed, and is tried again
	Paused = "paused"    // a run of it waits for a person
	Live   = "live"
	Draft  = "draft"
)

// CampaignLine is a campaign of the version in force, and how it stands.
type CampaignLine struct {
	Name    string
	State   string
	Because string // of a state that is not live or draft
	By      string // of a hold: who holds it
	Own     bool   // of a hold: it is this campaign's own, not one of all offers or of everything
	Start   string // in words: when a member joins
	Class   string
	Topic   string
	Next    loyalty.Instant // its next date; none: it has no timetable, or no date to come

	Campaign *versions.Campaign
}

// Campaigns returns the campaigns of the version in force, by name; none before the
// first apply.
func Campaigns(tx *store.Tx) (lines []CampaignLine, err error) {
	v, err := versions.Active(tx)
	if err != nil {
		return nil, versions.IgnoreNoProgram(err)
	}
	stand, err := standings(tx)
	if err != nil {
		return nil, err
	}
	for _, c := range v.Campaigns {
		lines = append(lines, stand.line(c, v.Program.Currency))
	}
	return lines, nil
}

// CampaignNamed returns one campaign of the version in force; a name that no campaign has
// is answered with those that there are.
func CampaignNamed(tx *store.Tx, name string) (CampaignLine, error) {
	v, err := versions.Active(tx)
	if errors.Is(err, versions.ErrNoProgram) {
		return CampaignLine{}, store.Missing(fmt.Sprintf("there is no campaign %q: no program was applied yet", name))
	}
	if err != nil {
		return CampaignLine{}, err
	}
	i := slices.IndexFunc(v.Campaigns, func(c *versions.Campaign) bool { return c.Name == name })
	if i < 0 {
		return CampaignLine{}, store.Missing(program.NoCampaign(v.Program, name))
	}
	stand, err := standings(tx)
	return stand.line(v.Campaigns[i], v.Program.Currency), err
}

// standing is what keeps campaigns from going on, and when each starts next.
type standing struct {
	held   consent.Holds
	aside  map[string]string // scope → because
	paused map[int64]string  // campaign → because
	next   map[int64]loyalty.Instant
}

func standings(tx *store.Tx) (s standing, err error) {
	s = standing{aside: map[string]string{}, paused: map[int64]string{}, next: map[int64]loyalty.Instant{}}
	if s.held, err = consent.Held(tx); err != nil {
		return s, err
	}
	var rows []struct {
		Kind, Scope, Because string
		Campaign             int64
		At                   loyalty.Instant
	}
	err = tx.All(&rows, `
		select 'aside' as kind, scope, because, 0 as campaign, since as at from setbacks
		union all
		select 'paused', '', because, campaign_id, started_at from runs where state = 'paused'
		union all
		select 'next', '', '', campaign_id, next_at from timetable where next_at is not null
		order  by at desc`, nil)
	for _, r := range rows {
		switch r.Kind {
		case "aside":
			s.aside[r.Scope] = r.Because
		case "paused":
			s.paused[r.Campaign] = r.Because
		case "next":
			s.next[r.Campaign] = r.At
		}
	}
	return s, err
}

func (s standing) line(c *versions.Campaign, currency string) CampaignLine {
	line := CampaignLine{Name: c.Name, State: Live, Start: c.Start.Words(currency), Class: c.Class, Topic: c.Topic, Campaign: c}
	hold, stopped := s.held.Stops(c.ID, c.Class, false)
	aside, isAside := s.aside[store.ScopeCampaign(c.ID)]
	paused, isPaused := s.paused[c.ID]
	_, line.Own = s.held[consent.HoldCampaign(c.ID)]
	switch {
	case stopped:
		line.State, line.Because, line.By = Held, hold.Because, hold.ByWhom
	case isAside || c.Broken != nil:
		line.State, line.Because = Aside, aside
		if c.Broken != nil {
			line.Because = c.Broken.Error()
		}
	case isPaused:
		line.State, line.Because = Paused, paused
	case !c.Live:
		line.State = Draft
	}
	if c.Live {
		line.Next = s.next[c.ID]
	}
	return line
}

// PlannedDay is a day of the calendar, and what goes out on it.
type PlannedDay struct {
	Day   loyalty.Day
	Plans []Planned
}

// Planned is what is known to go out on a day. What members will yet set off is not known.
type Planned struct {
	Campaign string
	At       loyalty.Instant // the first moment of that day
	Kind     string          // date: of a timetable | step: members who come to their next step | wave: of a run | mail: that waits for its moment
	Number   int64           // of members or mails; 0: nobody has counted them yet
	Run      int64           // of a wave
	Zones    int             // of a date: in how many zones, each by its own clock
	State    string          // of the campaign
}

// Calendar returns what is known to go out from today on, for so many days.
func Calendar(tx *store.Tx, days int) (all []PlannedDay, err error) {
	v, err := versions.Active(tx)
	if err != nil {
		return nil, versions.IgnoreNoProgram(err)
	}
	zone, today := v.Program.Zone, v.Day(tx.At)
	until := loyalty.At((today + loyalty.Day(days)).Start(zone))
	plans, err := dated(tx, v, until)
	if err != nil {
		return nil, err
	}
	waiting, err := waiting(tx, zone, until)
	if err != nil {
		return nil, err
	}
	stand, err := standings(tx)
	if err != nil {
		return nil, err
	}
	states := map[string]string{}
	for _, c := range v.Campaigns {
		states[c.Name] = stand.line(c, "").State
	}
	for day := today; day < today+loyalty.Day(days); day++ {
		all = append(all, PlannedDay{Day: day})
	}
	for _, p := range append(plans, waiting...) {
		p.State = states[p.Campaign]
		at := max(loyalty.DayOf(p.At.Time, zone), today) - today // what is overdue goes out today
		all[at].Plans = append(all[at].Plans, p)
	}
	for i := range all {
		slices.SortStableFunc(all[i].Plans, func(a, b Planned) int {
			return cmp.Or(a.At.Compare(b.At.Time), strings.Compare(a.Campaign, b.Campaign))
		})
	}
	return all, nil
}

// dated are the dates of timetables before a moment, those of several zones as one a day.
func dated(tx *store.Tx, v *versions.Version, until loyalty.Instant) (plans []Planned, err error) {
	var rows []struct {
		CampaignID int64
		Zone       string
		NextAt     loyalty.Instant
	}
	err = tx.All(&rows, "select campaign_id, zone, next_at from timetable where next_at < @until order by next_at, campaign_id", store.Args{"until": until})
	if err != nil {
		return nil, err
	}
	place := map[string]int{}
	for _, row := range rows {
		c := v.ByID(row.CampaignID)
		if c == nil || !c.Live {
			continue
		}
		zone := v.Zones.Of(row.Zone)
		for at := row.NextAt.Time; !at.IsZero() && at.Before(until.Time); {
			key := fmt.Sprint(loyalty.DayOf(at, v.Program.Zone), " ", c.Name)
			if i, known := place[key]; known {
				plans[i].Zones++
			} else {
				place[key] = len(plans)
				plans = append(plans, Planned{Campaign: c.Name, At: loyalty.At(at), Kind: "date", Zones: 1})
			}
			if c.Start.Schedule == nil {
				break
			}
			_, at = c.Start.Schedule.Next(at, zone)
		}
	}
	return plans, nil
}

// waiting is what has its moment already before another one: steps of members, waves
// of runs, and mails that wait for the end of quiet hours or a cap.
func waiting(tx *store.Tx, zone *time.Location, until loyalty.Instant) (plans []Planned, err error) {
	_, offset := tx.At.In(zone).Zone()
	day := func(at string) string { return "(" + tx.Micros(at) + " + @offset) / 86400000000" }
	err = tx.All(&plans, `
		select c.name as campaign, p.at, p.kind, p.number, p.run
		from (
			select campaign_id, min(wake_at) as at, 'step' as kind, count(*) as number, 0 as run
			from   passages where wake_at < @until
			group  by campaign_id, `+day("wake_at")+`
			union all
			select r.campaign_id, min(k.not_before), 'wave', cast(sum(k.hi - k.next_id + 1) as bigint), r.id
			from   chunks k join runs r on r.id = k.run_id
			where  not k.done and r.state in ('sending', 'paused') and k.not_before < @until
			group  by r.campaign_id, r.id, `+day("k.not_before")+`
			union all
			select s.campaign_id, min(d.not_before), 'mail', count(*), 0
			from   due d join sends s on s.id = d.send_id
			where  s.run_id is null and d.not_before < @until
			group  by s.campaign_id, `+day("d.not_before")+`
		) p
		join   campaigns c on c.id = p.campaign_id`, store.Args{"until": until, "offset": int64(offset) * 1_000_000})
	return plans, err
}

// Month returns the figures of the calendar month of a day, and what they were asked with.
func Month(tx *store.Tx, day loyalty.Day) (m report.MonthFigures, ask report.Ask, err error) {
	now, err := InForce(tx)
	if err != nil {
		return m, ask, err
	}
	var scope segments.Scope
	if now.Program != nil {
		scope = now.Program.Scope()
	}
	if ask, err = Asks(tx, day, false); err == nil {
		m, err = report.OfMonth(tx, ask, scope)
	}
	return m, ask, err
}

// Asks is what a report is asked with, as of the end of a day.
func Asks(tx *store.Tx, day loyalty.Day, past bool) (ask report.Ask, err error) {
	ask = report.Ask{Day: day, Past: past}
	if ask.Currency, err = Currency(tx); err != nil {
		return ask, err
	}
	v, err := InForce(tx)
	if err != nil || v.Program == nil {
		return ask, err
	}
	ask.Scope = v.Program.Scope()
	if l := v.Program.Loyalty; l != nil {
		for _, tier := range l.Tiers {
			ask.Tiers = append(ask.Tiers, report.Tier{Name: tier.Name, Grace: tier.Grace})
		}
		if l.Points != nil {
			ask.PointWorth = l.Points.Worth
		}
	}
	return ask, nil
}
