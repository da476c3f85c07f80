package why

import (
	"fmt"
	"strings"

	"regulars/internal/loyalty"
	"regulars/internal/occurrence"
	"regulars/internal/rules"
	"regulars/internal/store"
	"regulars/internal/versions"
)

// startRun tells of the last starts of a campaign for many, or of those of a day.
func (a *question) startRun() error {
	var rows []struct {
		ID, Day, Run, VersionID     int64
		Key, Decision, Reason, Vars string
		At                          loyalty.Instant
		Began                       bool // for this member
	}
	args := store.Args{"campaign": a.c.ID, "day": int64(a.day), "member": a.member.ID, "most": 3}
	mine, err := a.itsZone(args)
	if err != nil {
		return err
	}
	err = a.tx.All(&rows, `
		select o.id, o.day, o.key, o.decision, o.reason, cast(o.vars as text) as vars, o.at,
		       coalesce(r.id, 0) as run, coalesce(r.version_id, 0) as version_id,
		       exists (select 1 from sends s where s.occurrence_id = o.id and s.member_id = @member)
		       or exists (select 1 from passages p where p.occurrence_id = o.id and p.member_id = @member) as began
		from   occurrences o left join runs r on r.occurrence_id = o.id
		where  o.campaign_id = @campaign and (@day = 0 or o.day = @day) and `+mine+`
		order  by o.id desc limit @most`, args)
	if err != nil {
		return err
	}
	whole, err := store.LedgerSince(a.tx)
	if err != nil {
		return err
	}
	a.several = len(rows) > 1
	for _, row := range rows {
		given, err := rules.Values(row.Vars)
		if err != nil {
			return fmt.Errorf("values of occurrence %d: %w", row.ID, err)
		}
		what := named(row.Key, given)
		if row.Decision == occurrence.Skipped {
			a.say("start", false, "%s was skipped: %s", what, strings.ReplaceAll(row.Reason, "_", " "))
			continue
		}
		a.say("start", true, "%s began on %s", what, a.at(row.At))
		if row.Began {
			continue
		}
		if row.Run != 0 && loyalty.Day(row.Day) < whole {
			a.say("mail", false, "%s", forgotten(whole))
			continue
		}
		s := cause{what: what, at: row.At, day: loyalty.Day(row.Day), occurrence: row.ID, limit: row.Reason, run: row.Run != 0, launch: given}
		if row.VersionID != 0 && row.VersionID != a.v.ID {
			old, err := versions.Of(a.tx, row.VersionID)
			if err != nil {
				return err
			}
			s.rules = old.ByID(a.c.ID)
		}
		a.causes = append(a.causes, s)
	}
	return a.nextDate(len(rows) > 0)
}

// itsZone is the condition that an occurrence o is one for members who keep the
// member's time.
func (a *question) itsZone(args store.Args) (string, error) {
	if !a.c.Start.ByMember {
		return "true", nil
	}
	args["zone"] = a.member.TimeZone
	var own int
	err := a.tx.One(&own, "select count(*) from timetable where campaign_id = @campaign and zone = @zone", args)
	if err != nil || own == 0 || a.member.TimeZone == a.v.Program.Zone.String() {
		return "o.key not like '% %'", err
	}
	return "o.key like '% ' || @zone", nil
}

func (a *question) nextDate(any bool) error {
	var next loyalty.Instant
	if err := a.tx.One(&next, "select min(next_at) from timetable where campaign_id = @campaign", store.Args{"campaign": a.c.ID}); err != nil {
		return err
	}
	if !any && a.day != 0 {
		a.say("start", false, "it did not begin on %s", a.day)
	}
	switch {
	case !next.IsZero() && !any && a.day == 0:
		a.say("start", false, "it has not begun yet; the first date is %s", a.at(next))
	case !next.IsZero():
		a.say("start", true, "the next date is %s", a.at(next))
	case !any && a.day == 0:
		a.say("start", false, "it has not begun yet")
	}
	return nil
}

// waiting says what keeps a queued mail of a run from going; "": nothing.
func (a *question) waiting(run, send int64) (string, error) {
	r := store.RunRow{ID: run}
	if err := a.tx.Get(&r); err != nil {
		return "", err
	}
	if r.State == "paused" {
		return fmt.Sprintf("run %d is paused: %s", run, r.Because), nil
	}
	if r.State == "cancelled" {
		return fmt.Sprintf("run %d was cancelled: %s", run, r.Because), nil
	}
	var wave []loyalty.Instant
	err := a.tx.All(&wave, "select not_before from chunks where run_id = @run and lo <= @send and hi >= @send", store.Args{"run": run, "send": send})
	switch {
	case err != nil:
		return "", err
	case len(wave) == 0:
		return fmt.Sprintf("run %d has sent its pilot and waits for a person: `regulars runs resume %d` lets the rest go", run, run), nil
	case wave[0].After(a.tx.At.Time):
		return fmt.Sprintf("its part of run %d goes on %s", run, a.at(wave[0])), nil
	}
	return "", nil
}
