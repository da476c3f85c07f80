package why

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"regulars/internal/flows"
	"regulars/internal/loyalty"
	"regulars/internal/occurrence"
	"regulars/internal/store"
)

// dated is a day on which a date of the member's starts the campaign.
type startDay struct {
	day    loyalty.Day // the start
	before int
	target loyalty.Day // the date itself
}

// startDated tells of the days on which the member's date starts the campaign: the
// one that is asked about, or the last one since it is live, and the next.
func (a *question) startDated() error {
	field := a.c.Start.Field
	near, err := a.startDays()
	if err != nil {
		return err
	}
	var days []string
	for _, before := range a.c.Start.Before {
		days = append(days, fmt.Sprintf("%dd", before))
	}
	when := fmt.Sprintf("it starts %s before %s", strings.Join(days, " and "), field)
	if len(near) == 0 {
		a.say("start", false, "no %s of this member is known: %s", field, when)
		return nil
	}
	about := a.v.Day(a.tx.At)
	if a.day != 0 {
		about = a.day
	}
	var last, next startDay
	for _, d := range near {
		if d.day <= about && (last.target == 0 || d.day > last.day) {
			last = d
		}
		if d.day > about && (next.target == 0 || d.day < next.day) {
			next = d
		}
	}
	if last.target != 0 && last.day == about {
		return a.onItsDay(last)
	}
	if next.target != 0 {
		a.say("start", false, "%s is not the day: %s, so next on %s", about, when, next.day)
	} else {
		a.say("start", false, "%s is not the day: %s, which was on %s", about, when, last.day)
	}
	if a.day == 0 && last.target != 0 && last.day >= a.c.Day && !a.c.Since.IsZero() {
		return a.onItsDay(last)
	}
	return nil
}

// startDays returns the member's days around the one that is asked about.
func (a *question) startDays() (days []startDay, err error) {
	about := a.v.Day(a.tx.At)
	if a.day != 0 {
		about = a.day
	}
	var targets []loyalty.Day
	yearly := func(b loyalty.Birthday, after loyalty.Day) {
		year, _, _ := about.Civil()
		for y := year - 1; y <= year+2; y++ {
			if d := b.In(y); d > after {
				targets = append(targets, d)
			}
		}
	}
	switch m := a.member; {
	case a.v.Program.ExpireOn(a.c.Start.Field):
		err := a.tx.All(&targets, "select distinct last_day from lots where member_id = @member and wallet = 'points' and remains > 0 and last_day is not null order by last_day", store.Args{"member": m.ID})
		if err != nil {
			return nil, err
		}
	case a.c.Start.Kind == "date":
		var text string
		err := a.tx.One(&text, "select coalesce(attributes ->> @field, '') from members where id = @member", store.Args{"field": a.c.Start.Field, "member": m.ID})
		if err != nil || text == "" {
			return nil, err
		}
		d, err := loyalty.ParseDay(text)
		if err != nil {
			return nil, fmt.Errorf("%s of member %d: %w", a.c.Start.Field, m.ID, err)
		}
		targets = []loyalty.Day{d}
	case a.c.Start.Field == "joined" && m.JoinedDay != nil:
		yearly(loyalty.YearlyOf(loyalty.Day(*m.JoinedDay)), loyalty.Day(*m.JoinedDay))
	case a.c.Start.Field == "birthday" && m.BirthMonth != nil && m.BirthDate != nil:
		yearly(loyalty.Birthday{Month: time.Month(*m.BirthMonth), Date: int(*m.BirthDate)}, loyalty.Day(-1<<31))
	}
	for _, t := range targets {
		for _, before := range a.c.Start.Before {
			days = append(days, startDay{t - loyalty.Day(before), before, t})
		}
	}
	return days, nil
}

// onItsDay tells of a day on which the campaign starts for the member.
func (a *question) onItsDay(d startDay) error {
	a.say("start", true, "%s is %d days before %s", d.day, d.before, a.c.Start.Field)
	if a.c.Since.IsZero() {
		return nil
	}
	began, err := a.began("occurrence_id in (select o.id from occurrences o where o.campaign_id = @campaign and o.key = @key)",
		store.Args{"key": flows.DateKey(a.c, d.before, d.target)})
	if err != nil || began {
		return err
	}
	var done struct {
		At               loyalty.Instant
		Decision, Reason string
	}
	err = a.tx.One(&done, "select at, decision, reason from occurrences where campaign_id = @campaign and key = @key",
		store.Args{"campaign": a.c.ID, "key": flows.DayKey(d.day)})
	switch today := a.v.Day(a.tx.At); {
	case errors.Is(err, store.ErrNotFound) && d.day < a.c.Day:
		a.say("start", false, "that was before the campaign went live on %s", a.c.Day)
	case errors.Is(err, store.ErrNotFound) && d.day < today:
		a.say("start", false, "nobody was started on %s: Regulars was not running, or the day was over when the campaign went live", d.day)
	case errors.Is(err, store.ErrNotFound) && d.day > today:
		a.say("start", false, "that day is still to come")
	case errors.Is(err, store.ErrNotFound):
		a.say("start", false, "the members of %s have not been started yet: that comes with the next pass", d.day)
	case err != nil:
		return err
	case done.Decision == occurrence.Skipped:
		a.say("start", false, "%s was skipped: %s", d.day, strings.ReplaceAll(done.Reason, "_", " "))
	default:
		a.causes = append(a.causes, cause{what: "the start of " + d.day.String(), at: done.At, day: a.v.Day(done.At)})
	}
	return nil
}
