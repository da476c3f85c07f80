package campaign

import (
	"errors"
	"fmt"
	"strings"

	"regulars/internal/loyalty"
	"regulars/internal/store"
)

// start says whether what starts the campaign has happened to the member.
func (a *asking) start() error {
	switch a.c.Start.Kind {
	case "enters":
		return a.startEnters()
	case "milestone":
		return a.startMilestone()
	case "joins":
		after := !a.member.JoinedAt.IsZero() && !a.member.JoinedAt.Before(a.c.Since.Time)
		a.say("start", after, "starts when a member joins after it went live")
		if !a.member.JoinedAt.IsZero() {
			return nil
		}
		return a.startAsked(false)
	case "asks":
		return a.startAsked(true)
	case "event":
		return a.startEvent()
	case "yearly", "date":
		return a.startDated()
	}
	return a.startRun()
}

// startAsked tells of somebody's double opt-in. asks: the campaign is the one
// whose mail asks for it, which starts even with what is not confirmed.
func (a *asking) startAsked(asks bool) error {
	var j struct{ AskedAt, ConfirmedAt loyalty.Instant }
	err := a.tx.One(&j, "select asked_at, confirmed_at from joinings where member_id = @member", store.Args{"member": a.member.ID})
	switch {
	case errors.Is(err, store.ErrNotFound):
		if asks {
			a.say("start", false, "never asked to join in a way that needs confirming")
		}
		return nil
	case err != nil:
		return err
	case j.ConfirmedAt.IsZero():
		a.say("start", asks, "asked to join on %s and has not confirmed it", a.at(j.AskedAt))
	default:
		a.say("start", true, "asked to join on %s and confirmed it on %s", a.at(j.AskedAt), a.at(j.ConfirmedAt))
	}
	return nil
}

func (a *asking) startEnters() error {
	s, ok := a.v.segment(a.c.Start.Segment)
	if !ok {
		return nil
	}
	var stay struct{ EnteredAt, LeftAt loyalty.Instant }
	err := a.tx.One(&stay, `
		select entered_at, left_at from segment_members
		where  segment_id = @segment and member_id = @member
		order  by entered_at desc limit 1`, store.Args{"segment": s.id, "member": a.member.ID})
	switch {
	case errors.Is(err, store.ErrNotFound):
		a.say("start", false, "was never in the segment %s: %s", s.Name, clause(s.Rule))
		return nil
	case err != nil:
		return err
	case !stay.LeftAt.IsZero():
		a.say("start", false, "was in the segment %s from %s to %s", s.Name, a.at(stay.EnteredAt), a.at(stay.LeftAt))
	case stay.EnteredAt.Before(a.c.Since.Time) && !a.c.Start.Existing.All && a.c.Start.Existing.PerDay == 0:
		a.say("start", false, "is in the segment %s since %s, before the campaign went live (existing: none)", s.Name, a.at(stay.EnteredAt))
	default:
		a.say("start", true, "is in the segment %s since %s", s.Name, a.at(stay.EnteredAt))
	}
	return nil
}

func (a *asking) startMilestone() error {
	f := a.c.Start.Figure
	args := store.Args{"member": a.member.ID, "of": f.Of}
	var value int64
	err := a.tx.One(&value, "select "+figureSQL(f)+" from facts f where f.member_id = @member", args)
	if err != nil {
		return notFound(err)
	}
	reached := loyalty.Milestones{At: a.c.Start.At, Every: a.c.Start.Every}.Crossed(0, value)
	now := a.milestone(value)
	if len(reached) == 0 {
		a.say("start", false, "%s is %s: no milestone is reached", f, now)
		return nil
	}
	a.say("start", true, "%s is %s, so the milestone %s is reached; each is mailed once, if at all", f, now, a.milestone(reached[len(reached)-1]))
	return nil
}

// milestone writes a value of the campaign's figure.
func (a *asking) milestone(value int64) string {
	if a.c.Start.Figure.Money() {
		return loyalty.FormatMoney(value, a.v.Program.Currency)
	}
	return fmt.Sprint(value)
}

func (a *asking) startEvent() error {
	var last loyalty.Instant
	err := a.tx.One(&last, "select max(at) from events where member_id = @member and type = @type",
		store.Args{"member": a.member.ID, "type": a.c.Start.Event})
	switch {
	case err != nil:
		return err
	case last.IsZero():
		a.say("start", false, "no event %s was ever received", a.c.Start.Event)
	case last.Before(a.c.Since.Time):
		a.say("start", false, "the last %s was on %s, before the campaign went live", a.c.Start.Event, a.at(last))
	default:
		a.say("start", true, "the last %s was on %s", a.c.Start.Event, a.at(last))
	}
	return nil
}

// startDated looks for the next day on which the member's date starts it.
func (a *asking) startDated() error {
	today := a.v.Day(a.tx.At)
	for _, before := range a.c.Start.Before {
		args := store.Args{"member": a.member.ID}
		var there int
		err := a.tx.One(&there, "select count(*) from members m join facts f on f.member_id = m.id where m.id = @member and "+
			a.c.dated(today+loyalty.Day(before), args), args)
		if err != nil {
			return err
		}
		if there > 0 {
			a.say("start", true, "today is %d days before %s", before, a.c.Start.Field)
			return nil
		}
	}
	var days []string
	for _, before := range a.c.Start.Before {
		days = append(days, fmt.Sprintf("%dd", before))
	}
	a.say("start", false, "today is not the day: it starts %s before %s", strings.Join(days, " and "), a.c.Start.Field)
	return nil
}

// startRun tells of the dates of a campaign for many.
func (a *asking) startRun() error {
	var rows []struct {
		Key, Decision, Reason string
		At                    loyalty.Instant
	}
	args := store.Args{"campaign": a.c.ID, "day": int64(a.day)}
	err := a.tx.All(&rows, "select key, decision, reason, at from occurrences where campaign_id = @campaign and (@day = 0 or day = @day) order by id desc limit 3", args)
	if err != nil {
		return err
	}
	for _, row := range rows {
		if row.Decision == skipped {
			a.say("start", false, "%s was skipped: %s", row.Key, row.Reason)
		} else {
			a.say("start", true, "%s began on %s", row.Key, a.at(row.At))
		}
	}
	var next loyalty.Instant
	if err := a.tx.One(&next, "select min(next_at) from timetable where campaign_id = @campaign", args); err != nil {
		return err
	}
	if !next.IsZero() {
		a.say("start", true, "the next date is %s", a.at(next))
	} else if len(rows) == 0 {
		a.say("start", false, "it has not begun yet")
	}
	return nil
}

// history tells of the member's passages and mails.
func (a *asking) history() error {
	args := store.Args{"member": a.member.ID, "campaign": a.c.ID, "day": int64(a.day)}
	var passages []struct {
		State, Reason, StepName string
		StartedAt, WakeAt       loyalty.Instant
	}
	err := a.tx.All(&passages, `
		select state, reason, step_name, started_at, wake_at
		from   passages
		where  member_id = @member and campaign_id = @campaign and (@day = 0 or day = @day)
		order  by id`, args)
	if err != nil {
		return err
	}
	for _, p := range passages {
		switch p.State {
		case ready:
			a.say("passage", true, "started on %s, goes on at %s%s", a.at(p.StartedAt), a.at(p.WakeAt), because(p.Reason))
		case sending:
			a.say("passage", true, "started on %s, waits for its mail %s", a.at(p.StartedAt), p.StepName)
		case recorded:
			a.say("passage", false, "the milestone was reached before, which was recorded on %s", a.at(p.StartedAt))
		case exited:
			a.say("passage", false, "started on %s and ended early: %s", a.at(p.StartedAt), p.Reason)
		default:
			a.say("passage", true, "started on %s and came to its end", a.at(p.StartedAt))
		}
	}
	mails, err := a.mails(args)
	if err == nil && len(passages) == 0 && mails == 0 {
		a.say("mail", false, "nothing of it began for this member")
	}
	return err
}

func because(reason string) string {
	if reason == "" {
		return ""
	}
	return " (" + reason + ")"
}

// mails tells of the member's rows in the ledger.
func (a *asking) mails(args store.Args) (int, error) {
	var sends []struct {
		ID                         int64
		Step, State, Reason        string
		QueuedAt, DoneAt, HandedAt loyalty.Instant
		SMTPCode                   int64  `gorm:"column:smtp_code"`
		SMTPText                   string `gorm:"column:smtp_text"`
		Due                        loyalty.Instant
	}
	err := a.tx.All(&sends, `
		select s.id, s.step, s.state, s.reason, s.queued_at, s.done_at, s.handed_at,
		       coalesce(s.smtp_code, 0) as smtp_code, coalesce(s.smtp_text, '') as smtp_text, d.not_before as due
		from   sends s left join due d on d.send_id = s.id
		where  s.member_id = @member and s.campaign_id = @campaign and (@day = 0 or s.day = @day)
		order  by s.id`, args)
	if err != nil {
		return 0, err
	}
	for _, s := range sends {
		text := fmt.Sprintf("%s is %s%s", s.Step, s.State, because(s.Reason))
		if !s.DoneAt.IsZero() {
			text += " since " + a.at(s.DoneAt)
		} else if !s.Due.IsZero() {
			text += ", due " + a.at(s.Due)
		}
		if s.SMTPText != "" {
			text += fmt.Sprintf("; the relay said: %d %s", s.SMTPCode, s.SMTPText)
		}
		a.say("mail", s.State != "skipped" && s.State != "failed" && s.State != "bounced", "%s", text)
	}
	return len(sends), nil
}
