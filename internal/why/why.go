// Package why says why a member got, gets or does not get the mails of a campaign: it
// reads what the other rooms have written, and writes nothing.
package why

import (
	"fmt"
	"slices"
	"strings"

	"regulars/internal/consent"
	"regulars/internal/isolation"
	"regulars/internal/loyalty"
	"regulars/internal/program"
	"regulars/internal/store"
	"regulars/internal/versions"
)

// Chain returns the chain that says why a member got, gets or does not get the
// mails of a campaign: its starts that could have been this member's, what stood
// in the way of each, and what it began. With a day it tells of what began on that
// shop day. Rules are answered with the values of the start, as of the end of its
// day, or as of now where nothing has started it. Of a member without a mail at
// least one line is not OK and says why.
func Chain(tx *store.Tx, member int64, campaign string, day loyalty.Day) ([]Line, error) {
	v, err := versions.Active(tx)
	if err != nil {
		return nil, err
	}
	c, err := v.Campaign(campaign)
	if err != nil {
		return nil, err
	}
	a := &question{tx: tx, v: v, c: c, day: day}
	err = tx.One(&a.member, `
		select id, email, email_key, time_zone, joined_at, joined_day, birth_month, birth_date, created_at, changed_at, erased_at,
		       merged_into is not null as merged, fingerprint is not null as filed
		from   members
		where  id = @id`, store.Args{"id": member})
	if err != nil {
		return nil, fmt.Errorf("member %d: %w", member, err)
	}
	for _, link := range []func() error{a.campaign, a.person, a.start, a.conditions, a.holdout, a.consent, a.caps, a.history} {
		if err := link(); err != nil {
			return nil, fmt.Errorf("why %s: %w", campaign, err)
		}
	}
	return a.lines, nil
}

func (a *question) campaign() error {
	if a.c.Since.IsZero() {
		a.say("campaign", false, "%s is a draft: nothing is sent until it says live: true", a.c.Name)
	} else {
		a.say("campaign", true, "%s is live since %s", a.c.Name, a.at(a.c.Since))
	}
	held, err := consent.Held(a.tx)
	if err != nil {
		return err
	}
	if h, stopped := held.Stops(a.c.ID, a.c.Class, false); stopped {
		a.say("hold", false, "held by %s since %s: %s", h.ByWhom, a.at(h.At), h.Because)
	}
	return a.setAside()
}

// setAside says what of the campaign failed and is tried again, and whether
// something that happened to the member still waits for it.
func (a *question) setAside() error {
	var failed []struct {
		Work, Because string
		Since         loyalty.Instant
	}
	if err := a.tx.All(&failed, "select work, because, since from setbacks where scope = @scope order by since", store.Args{"scope": isolation.Scope(a.c.ID)}); err != nil {
		return err
	}
	for _, f := range failed {
		a.say("campaign", false, "its %s fail since %s and are tried again: %s", f.Work, a.at(f.Since), f.Because)
	}
	var waiting int
	err := a.tx.One(&waiting, "select count(*) from reactions where member_id = @member and campaign_id in (0, @campaign)",
		store.Args{"member": a.member.ID, "campaign": a.c.ID})
	if err == nil && waiting > 0 {
		a.say("start", false, "something that happened to this member has not been looked at yet: that comes with the next pass")
	}
	return err
}

func (a *question) person() error {
	switch {
	case !a.member.ErasedAt.IsZero():
		a.say("member", false, "was erased on %s", a.at(a.member.ErasedAt))
	case a.member.Merged:
		a.say("member", false, "was merged into another member, who gets the mails")
	case !a.member.JoinedAt.IsZero():
		a.say("member", true, "joined the program on %s", a.at(a.member.JoinedAt))
	case a.c.Start.Kind == "asks":
		a.say("member", true, "has not joined the program")
	case a.c.Topic == loyalty.Program && a.c.Class != loyalty.Service:
		a.say("member", false, "is known from an order but has not joined, so gets no mail of the program")
	default:
		a.say("member", true, "is known from an order and has not joined")
	}
	return nil
}

func (a *question) holdout() error {
	if a.c.Holdout == 0 {
		return nil
	}
	out := loyalty.Bucket(a.c.ID, a.member.ID) < a.c.Holdout
	if out {
		a.say("holdout", false, "belongs to the %.1f%% who get nothing, to measure the rest", float64(a.c.Holdout)/10)
	} else {
		a.say("holdout", true, "does not belong to the holdout of %.1f%%", float64(a.c.Holdout)/10)
	}
	return nil
}

func (a *question) consent() error {
	if a.member.Email == "" {
		a.say("address", false, "has no e-mail address")
	}
	reason, source, err := consent.Suppressed(a.tx, a.member.EmailKey)
	if err != nil {
		return err
	}
	if reason != "" {
		a.say("address", false, "the address is suppressed (%s, %s)", strings.ReplaceAll(reason, "_", " "), source)
	}
	if a.c.Class == loyalty.Service {
		a.say("consent", true, "a service mail needs no consent")
		return nil
	}
	standings, err := consent.StandingOf(a.tx, a.member.ID)
	if err != nil {
		return err
	}
	for _, topic := range topics(a.c) {
		for _, s := range standings {
			if s.Topic == topic {
				a.sayConsent(s)
			}
		}
	}
	return nil
}

func (a *question) sayConsent(s consent.Standing) {
	switch {
	case s.Answered && s.Granted:
		a.say("consent", true, "agreed to %s on %s", s.Topic, a.at(s.At))
	case s.Answered:
		a.say("consent", false, "refused %s on %s", s.Topic, a.at(s.At))
	case s.Granted:
		a.say("consent", true, "never refused %s, which comes with joining", s.Topic)
	default:
		a.say("consent", false, "never agreed to %s", s.Topic)
	}
}

// topics returns the topics of the campaign's mails, each once.
func topics(c *versions.Campaign) (topics []string) {
	add := func(s program.Step) {
		if t := c.TopicOf(s); s.Mail != "" && !slices.Contains(topics, t) {
			topics = append(topics, t)
		}
	}
	for _, s := range c.Steps {
		add(s)
		for _, choice := range s.Choose {
			add(choice)
		}
	}
	return topics
}

// caps says whether an offer could go now, and when if not.
func (a *question) caps() error {
	zone := a.v.Zones.Of(a.member.TimeZone)
	quiet := consent.PolicyFor(a.v.Program, a.c.Campaign, a.v.Zones, nil).Quiet
	if end := quiet.Next(a.tx.At.In(zone)); a.c.Class != loyalty.Service && end.After(a.tx.At.Time) {
		a.sayQuiet(end.Format("15:04"))
	}
	if a.c.Class != loyalty.Offer || len(a.v.Program.Caps) == 0 {
		return nil
	}
	recent, err := a.recent()
	if err != nil {
		return err
	}
	for _, limit := range a.v.Program.Caps {
		if free := limit.Free(recent, a.tx.At.Time); free.After(a.tx.At.Time) {
			a.say("cap", false, "%s is reached: the next offer may go on %s", limit, a.at(loyalty.At(free)))
		}
	}
	return nil
}

// sayQuiet tells of the night: it may cost somebody an offer, but earned mails are
// only late, and the member's own act brings them at once.
func (a *question) sayQuiet(end string) {
	if a.c.Class == loyalty.Earned {
		a.say("quiet", true, "it is quiet hours for this member until %s: only what they themselves did just now brings a mail before that", end)
		return
	}
	a.say("quiet", false, "it is quiet hours for this member until %s", end)
}

// recent returns the member's last offers, newest first.
func (a *question) recent() ([]loyalty.Instant, error) {
	row := make([]loyalty.Instant, loyalty.MostCapped)
	into := make([]any, len(row))
	columns := make([]string, len(row))
	for i := range row {
		into[i], columns[i] = &row[i], fmt.Sprintf("at%d", i+1)
	}
	rows, err := a.tx.Query("select "+strings.Join(columns, ", ")+" from recent_mails where member_id = @member", store.Args{"member": a.member.ID})
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	if !rows.Next() {
		return row, rows.Err()
	}
	return row, rows.Scan(into...)
}
