package why

import (
	"fmt"

	"regulars/internal/flows"
	"regulars/internal/loyalty"
	"regulars/internal/store"
)

// history tells of the member's passages and mails.
func (a *question) history() error {
	args := store.Args{"member": a.member.ID, "campaign": a.c.ID, "day": int64(a.day)}
	var passages []struct {
		State, Reason, StepName string
		StartedAt, WakeAt       loyalty.Instant
		Day                     loyalty.Day
		Mailed                  bool
	}
	whole, err := store.LedgerSince(a.tx)
	if err != nil {
		return err
	}
	err = a.tx.All(&passages, `
		select p.state, p.reason, p.step_name, p.started_at, p.wake_at, p.day,
		       exists (select 1 from sends s where s.occurrence_id = p.occurrence_id and s.member_id = p.member_id) as mailed
		from   passages p
		where  p.member_id = @member and p.campaign_id = @campaign and (@day = 0 or p.day = @day)
		order  by p.id`, args)
	if err != nil {
		return err
	}
	for _, p := range passages {
		switch {
		case p.State == flows.Ready:
			a.say("passage", p.Mailed && p.Reason == "", "started on %s, goes on at %s%s", a.at(p.StartedAt), a.at(p.WakeAt), because(p.Reason))
		case p.State == flows.Sending:
			a.say("passage", true, "started on %s, waits for its mail %s", a.at(p.StartedAt), p.StepName)
		case p.State == flows.Recorded:
			a.say("passage", false, "the milestone was reached before, which was recorded on %s", a.at(p.StartedAt))
		case p.State == flows.Exited:
			a.say("passage", false, "started on %s and ended early: %s", a.at(p.StartedAt), p.Reason)
		case !p.Mailed && p.Day < whole:
			a.say("passage", true, "started on %s and came to its end; %s", a.at(p.StartedAt), forgotten(whole))
		case !p.Mailed:
			a.say("passage", false, "started on %s and came to its end without a mail: none of its steps was for this member", a.at(p.StartedAt))
		default:
			a.say("passage", true, "started on %s and came to its end", a.at(p.StartedAt))
		}
	}
	mails, err := a.mails(args)
	if err != nil || len(passages) > 0 || mails > 0 {
		return err
	}
	var other int64
	err = a.tx.One(&other, `
		select coalesce(max(b.day), 0) from (
			select day from passages where member_id = @member and campaign_id = @campaign and state <> 'recorded'
			union all
			select day from sends where member_id = @member and campaign_id = @campaign) b`, args)
	if err == nil && other != 0 {
		a.say("mail", false, "nothing of it began on %s for this member; it did on %s", a.day, loyalty.Day(other))
	} else if err == nil {
		a.say("mail", false, "nothing of it began for this member")
	}
	return err
}

// mailed reports whether a row of the ledger is of a mail that went out.
func mailed(state string) bool {
	return state == "sent" || state == "unknown" || state == "bounced" || state == "complained"
}

func because(reason string) string {
	if reason == "" {
		return ""
	}
	return " (" + reason + ")"
}

// mails tells of the member's rows in the ledger.
func (a *question) mails(args store.Args) (int, error) {
	var sends []struct {
		ID, RunID                  int64
		Step, State, Reason        string
		QueuedAt, DoneAt, HandedAt loyalty.Instant
		SMTPCode                   int64  `gorm:"column:smtp_code"`
		SMTPText                   string `gorm:"column:smtp_text"`
		Due                        loyalty.Instant
	}
	err := a.tx.All(&sends, `
		select s.id, coalesce(s.run_id, 0) as run_id, s.step, s.state, s.reason, s.queued_at, s.done_at, s.handed_at,
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
			said := fmt.Sprintf("the relay said: %d %s", s.SMTPCode, s.SMTPText)
			if s.State == "bounced" {
				said = "it came back: " + s.SMTPText
			}
			text += "; " + said
		}
		a.say("mail", mailed(s.State) && s.State != "bounced", "%s", text)
		if s.RunID == 0 || s.State != "queued" && s.State != "deferred" {
			continue
		}
		why, err := a.waiting(s.RunID, s.ID)
		if err != nil {
			return 0, err
		}
		if why != "" {
			a.say("run", false, "%s", why)
		}
	}
	return len(sends), nil
}
