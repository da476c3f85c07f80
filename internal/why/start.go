package why

import (
	"errors"
	"fmt"
	"strings"

	"regulars/internal/flows"
	"regulars/internal/loyalty"
	"regulars/internal/rules"
	"regulars/internal/store"
	"regulars/internal/versions"
	"regulars/segments"
)

// figureSQL is a figure of the member of a row of facts f, as SQL.
func figureSQL(f loyalty.Figure) string {
	switch f.Kind {
	case loyalty.PointsEarned:
		return "coalesce((select e.n from (" + segments.PointsEarned + " group by member_id) e where e.member_id = f.member_id), 0)"
	case loyalty.Referrals:
		return "(select count(*) from referrals r where r.referrer_id = f.member_id and r.state = 'rewarded')"
	case "items":
		return `(select coalesce(sum(l.quantity), 0) from order_lines l
		         where l.member_id = f.member_id and l.counts and (l.product = @of or l.name = @of or l.category = @of))`
	}
	return "f." + f.Kind
}

// start says whether what starts the campaign has happened to the member.
func (a *question) start() error {
	switch a.c.Start.Kind {
	case "enters":
		return a.startEnters()
	case "milestone":
		return a.startMilestone()
	case "joins":
		return a.startJoins()
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
func (a *question) startAsked(asks bool) error {
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

// startEnters tells of the member's stays in the segment.
func (a *question) startEnters() error {
	s, ok := a.v.Segment(a.c.Start.Segment)
	if !ok {
		return nil
	}
	row := store.SegmentRow{ID: s.ID}
	if err := a.tx.Get(&row); err != nil {
		return err
	}
	if row.Because != "" {
		a.say("start", false, "the segment %s cannot be brought up to date: %s", s.Name, row.Because)
	}
	var stay struct {
		EnteredAt, LeftAt loyalty.Instant
		EnteredDay        int64
		Handled           bool
	}
	err := a.tx.One(&stay, `
		select entered_at, entered_day, left_at, handled from segment_members
		where  segment_id = @segment and member_id = @member and (@day = 0 or entered_day <= @day and coalesce(left_day, @day) >= @day)
		order  by entered_at desc limit 1`, store.Args{"segment": s.ID, "member": a.member.ID, "day": int64(a.day)})
	switch {
	case errors.Is(err, store.ErrNotFound) && a.day != 0:
		a.say("start", false, "was not in the segment %s on %s: %s", s.Name, a.day, clause(s.Rule))
		return nil
	case errors.Is(err, store.ErrNotFound):
		a.say("start", false, "was never in the segment %s: %s", s.Name, clause(s.Rule))
		return nil
	case err != nil:
		return err
	case !stay.LeftAt.IsZero():
		a.say("start", false, "was in the segment %s from %s to %s", s.Name, a.at(stay.EnteredAt), a.at(stay.LeftAt))
	case stay.EnteredAt.Before(a.c.Since.Time):
		return a.wasInside(s, stay.EnteredAt, loyalty.Day(stay.EnteredDay))
	case !stay.Handled:
		a.say("start", true, "is in the segment %s since %s", s.Name, a.at(stay.EnteredAt))
		a.say("start", false, "entering it has not been looked at yet: that comes with the next pass")
		return nil
	default:
		a.say("start", true, "is in the segment %s since %s", s.Name, a.at(stay.EnteredAt))
	}
	began, err := a.began("started_at >= @since", store.Args{"since": stay.EnteredAt})
	if err != nil || began || !stay.LeftAt.IsZero() {
		return err
	}
	filed, err := a.byFile()
	if err != nil {
		return err
	}
	heard, err := a.heardAt(stay.EnteredAt)
	if err == nil && filed && !heard {
		a.say("start", false, "entered the segment by what came in with an import, which mails nobody")
		return nil
	}
	a.causes = append(a.causes, cause{what: "entering the segment", at: stay.EnteredAt, day: loyalty.Day(stay.EnteredDay)})
	return err
}

// wasInside tells of somebody who was in the segment when the campaign went live.
func (a *question) wasInside(s versions.Segment, since loyalty.Instant, day loyalty.Day) error {
	existing := a.c.Start.Existing
	if !existing.All && existing.PerDay == 0 {
		a.say("start", false, "is in the segment %s since %s, before the campaign went live (existing: none)", s.Name, a.at(since))
		return nil
	}
	a.say("start", true, "is in the segment %s since %s", s.Name, a.at(since))
	began, err := a.began("true", store.Args{})
	if err != nil || began {
		return err
	}
	row := store.CampaignRow{ID: a.c.ID}
	if err := a.tx.Get(&row); err != nil {
		return err
	}
	if !row.Settled && a.c.Since.IsZero() {
		return nil
	}
	if !row.Settled && existing.PerDay > 0 {
		a.say("start", false, "waits for their turn among those who were inside when it went live (existing: %d per day)", existing.PerDay)
	} else if !row.Settled {
		a.say("start", false, "those who were inside when it went live are being started: that comes with the next passes")
	}
	a.causes = append(a.causes, cause{what: "its going live", at: loyalty.At(a.c.Since.Time), day: max(day, a.c.Day)})
	return nil
}

// heardAt reports whether an event of the member came in at a moment.
func (a *question) heardAt(at loyalty.Instant) (bool, error) {
	var n int
	err := a.tx.One(&n, "select count(*) from events where member_id = @member and received_at = @at", store.Args{"member": a.member.ID, "at": at})
	return n > 0, err
}

// startJoins tells of how the member joined.
func (a *question) startJoins() error {
	joined := a.member.JoinedAt
	after := !joined.IsZero() && !joined.Before(a.c.Since.Time)
	a.say("start", after, "starts when a member joins after it went live")
	if joined.IsZero() {
		return a.startAsked(false)
	}
	began, err := a.began("true", store.Args{})
	if err != nil || began {
		return err
	}
	var told []happened
	err = a.tx.All(&told, `
		select id, day, at, received_at from events
		where  member_id = @member and (type = 'member.joined' or at = @joined or received_at = @joined)
		order  by at desc limit 1`, store.Args{"member": a.member.ID, "joined": joined})
	switch {
	case err != nil:
		return err
	case len(told) == 0:
		a.say("start", false, "came in with an import, which mails nobody")
	case len(told) == 1 && a.isHistory(told[0]) != "":
		a.say("start", false, "joined on %s: %s", a.at(joined), a.isHistory(told[0]))
	case after && !a.c.Since.IsZero():
		a.causes = append(a.causes, cause{what: "joining", at: joined, day: a.v.Day(joined)})
	}
	return nil
}

// startMilestone tells of the highest milestone that the member has reached.
func (a *question) startMilestone() error {
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
	highest := reached[len(reached)-1]
	a.say("start", true, "%s is %s, so the milestone %s is reached; each is mailed once, if at all", f, now, a.milestone(highest))
	if a.c.Since.IsZero() {
		return nil
	}
	var there []string
	err = a.tx.All(&there, `
		select p.state from passages p join occurrences o on o.id = p.occurrence_id
		where  p.member_id = @member and o.campaign_id = @campaign and o.key = @key`,
		store.Args{"member": a.member.ID, "campaign": a.c.ID, "key": flows.MilestoneKey(f, highest)})
	if err != nil {
		return err
	}
	if len(there) == 0 {
		last, err := a.lastEvents("@type = ''")
		if err != nil || len(last) == 0 {
			a.causes = append(a.causes, cause{what: "reaching it", at: a.c.Since, day: a.c.Day})
			return err
		}
		if why := a.isHistory(last[0]); why != "" {
			a.say("start", false, "reached it by what happened on %s: %s", a.at(last[0].At), why)
			return nil
		}
		a.causes = append(a.causes, cause{what: "what happened on " + a.at(last[0].At), at: last[0].ReceivedAt, day: loyalty.Day(last[0].Day)})
		return nil
	}
	if filed, err := a.byFile(); err != nil || there[0] != flows.Recorded || !filed {
		return err
	}
	a.say("start", false, "orders or figures of this member came in with an import, which mails nobody: what they reach is recorded only")
	return nil
}

// milestone writes a value of the campaign's figure.
func (a *question) milestone(value int64) string {
	if a.c.Start.Figure.Money() {
		return loyalty.FormatMoney(value, a.v.Program.Currency)
	}
	return fmt.Sprint(value)
}

// lastEvents returns the member's last three events of the campaign's type, or all
// for which a condition holds, of the day that is asked about.
func (a *question) lastEvents(where string) (last []happened, err error) {
	err = a.tx.All(&last, `
		select e.id, coalesce(e.order_id, 0) as order_id, e.day, e.source, e.at, e.received_at, cast(e.properties as text) as properties,
		       exists (select 1 from passages p where p.member_id = e.member_id and p.campaign_id = @campaign and p.event_id = e.id) as began
		from   events e
		where  e.member_id = @member and (@day = 0 or e.day = @day) and (`+where+`)
		order  by e.at desc, e.id desc limit 3`,
		store.Args{"member": a.member.ID, "campaign": a.c.ID, "type": a.c.Start.Event, "day": int64(a.day)})
	return last, err
}

// startEvent tells of the member's last events of the type.
func (a *question) startEvent() error {
	kind := a.c.Start.Event
	last, err := a.lastEvents("e.type = @type")
	if err != nil {
		return err
	}
	if len(last) == 0 {
		return a.noEvent(kind)
	}
	a.several = len(last) > 1
	for _, e := range last {
		switch late := a.isHistory(e); {
		case e.Began:
			a.say("start", true, "the %s of %s started it", kind, a.at(e.At))
		case a.c.Since.IsZero():
			a.say("start", false, "the %s of %s found a draft", kind, a.at(e.At))
		case e.At.Before(a.c.Since.Time):
			a.say("start", false, "the last %s was on %s, before the campaign went live", kind, a.at(e.At))
			return nil
		case late != "":
			a.say("start", false, "the %s of %s: %s", kind, a.at(e.At), late)
		default:
			if err := a.notBegun(kind, e); err != nil {
				return err
			}
		}
	}
	return nil
}

// notBegun tells of an event that could have started the campaign and did not.
func (a *question) notBegun(kind string, e happened) error {
	s := cause{what: fmt.Sprintf("the %s of %s", kind, a.at(e.At)), at: e.ReceivedAt, day: a.v.Day(e.ReceivedAt)}
	var err error
	if s.event, err = rules.Values(e.Properties); err != nil {
		return fmt.Errorf("properties of event %d: %w", e.ID, err)
	}
	if e.OrderID != 0 {
		test, err := rules.IsTest(a.tx, e.OrderID)
		if err != nil {
			return err
		}
		if test {
			a.say("start", false, "%s is about a test order, which starts nothing", s.what)
			return nil
		}
		if s.order, err = rules.ReadOrder(a.tx, e.OrderID); err != nil {
			return fmt.Errorf("order %d: %w", e.OrderID, err)
		}
	}
	if kind == loyalty.MemberJoined && a.member.JoinedAt.IsZero() {
		return a.startAsked(false)
	}
	a.say("start", true, "%s was received", s.what)
	a.causes = append(a.causes, s)
	return nil
}

// noEvent tells that the event never came.
func (a *question) noEvent(kind string) error {
	filed := a.member.Filed && strings.HasPrefix(kind, "member.")
	if strings.HasPrefix(kind, "order.") {
		var err error
		if filed, err = a.byFile(); err != nil {
			return err
		}
	}
	on := "was ever received"
	if a.day != 0 {
		on = "of " + a.day.String() + " was received"
	}
	if filed {
		a.say("start", false, "no event %s %s; what there is came in with an import, which mails nobody", kind, on)
	} else {
		a.say("start", false, "no event %s %s", kind, on)
	}
	return nil
}
