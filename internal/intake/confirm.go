package intake

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"regulars/internal/consent"
	"regulars/internal/happenings"
	"regulars/internal/loyalty"
	"regulars/internal/program"
	"regulars/internal/store"
)

// doubleOptIn is the source of consents that were confirmed.
const doubleOptIn = "double opt-in"

// Joining is a wish to join that a mail asked somebody to confirm.
type Joining struct {
	Member    int64
	Confirmed bool // they did
}

// JoiningOf returns the joining that the link of a double opt-in's mail is
// about. store.ErrNotFound: the link is of another mail, nobody asks any more, or
// the member has another address by now, which the link says nothing about.
func JoiningOf(tx *store.Tx, c consent.Claims) (Joining, error) {
	j, err := joiningOf(tx, c)
	return Joining{j.MemberID, !j.ConfirmedAt.IsZero()}, err
}

// AsksToJoin reports whether the mail that a link stood in is one that asks whether
// somebody wants to join: whatever became of that, it is about nothing else.
func AsksToJoin(tx *store.Tx, c consent.Claims) (bool, error) {
	var n int
	err := tx.One(&n, "select count(*) from sends s join campaigns c on c.id = s.campaign_id where s.id = @send and c.name = @confirm",
		store.Args{"send": c.Send, "confirm": program.ConfirmCampaign})
	return n > 0, err
}

func joiningOf(tx *store.Tx, c consent.Claims) (j joining, err error) {
	member, err := consent.Present(tx, c.Member)
	if err != nil {
		return j, err
	}
	err = tx.One(&j, `
		select j.member_id, j.event_id, j.asked_at, j.mailed_at, j.email_key, cast(j.answers as text) as answers, j.confirmed_at
		from   sends s
		join   campaigns c on c.id = s.campaign_id and c.name = @confirm
		join   joinings j  on j.member_id = @member
		join   members m   on m.id = j.member_id and m.erased_at is null
		where  s.id = @send and s.member_id in (@member, @was)
		and    m.email_key = coalesce(s.email_key, j.email_key)`,
		store.Args{"send": c.Send, "member": member, "was": c.Member, "confirm": program.ConfirmCampaign})
	if err == nil && !c.WentTo(j.EmailKey) {
		err = store.ErrNotFound
	}
	return j, err
}

// Confirm has the member of a double opt-in's link join, now, and sets off what
// a joining sets off; how says who pressed the button. The topics that they
// agreed to on asking stand from now on, with what was said then as evidence,
// except where they have refused one since. Doing it again changes nothing. The
// error is that of JoiningOf, or one of the database.
func (in *Intake) Confirm(ctx context.Context, c consent.Claims, how consent.How) (Joining, error) {
	var done Joining
	err := in.update(ctx, func(tx *store.Tx, _ []byte) error {
		member, err := consent.Present(tx, c.Member)
		if err != nil {
			return err
		}
		if err := tx.One(&member, "select id from members where id = @member "+tx.ForUpdate(), store.Args{"member": member}); err != nil {
			return err
		}
		j, err := joiningOf(tx, c)
		if err != nil {
			return err
		}
		done = Joining{j.MemberID, true}
		if !j.ConfirmedAt.IsZero() {
			return nil
		}
		how.Send = c.Send
		return j.confirm(tx, how)
	})
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		err = fmt.Errorf("confirming the joining of member %d: %w", c.Member, err)
	}
	return done, err
}

// confirm makes a joining stand. The member's row is locked.
func (j joining) confirm(tx *store.Tx, how consent.How) error {
	zone, err := tx.Zone()
	if err != nil {
		return err
	}
	today := loyalty.DayOf(tx.At.Time, zone)
	args := store.Args{"member": j.MemberID, "now": tx.At, "day": int64(today)}
	if _, err := tx.Exec("update joinings set confirmed_at = @now where member_id = @member", args); err != nil {
		return err
	}
	joined, err := tx.Exec("update members set joined_at = @now, joined_day = @day where id = @member and joined_at is null", args)
	if err != nil {
		return err
	}
	answers, err := j.answers(tx, how)
	if err != nil {
		return err
	}
	if err := consent.SetAll(tx, answers); err != nil {
		return err
	}
	members := []int64{j.MemberID}
	var were rising
	if err := were.measure(tx, members); err != nil {
		return err
	}
	if joined > 0 {
		if err := bookJoined(tx, j.MemberID); err != nil {
			return err
		}
	}
	figures, err := refreshFacts(tx, today, members)
	if err != nil {
		return err
	}
	if err := j.setOff(tx, figures, joined > 0); err != nil {
		return err
	}
	return were.tell(tx, members, true)
}

// setOff has campaign do what follows a joining. What had the member ask is what
// started it all: campaigns on the event member.joined waited, too.
func (j joining) setOff(tx *store.Tx, now []figures, joined bool) error {
	h := happenings.Happened{Member: j.MemberID, Event: j.EventID, At: tx.At, Joined: joined, Profile: true}
	for _, f := range now {
		h.Before = happenings.Measured{Orders: f.Orders, Spent: f.Spent, Points: f.Points}
	}
	h.After = h.Before
	var kind string
	err := tx.One(&kind, "select type from events where id = @event", store.Args{"event": j.EventID})
	if err != nil {
		return fmt.Errorf("event %d: %w", j.EventID, err)
	}
	if joined && kind == loyalty.MemberJoined {
		h.Type = kind
	}
	return happenings.Hear(tx, []happenings.Happened{h})
}

// answers are the topics that the member agreed to on asking, less those that
// they have refused since.
func (j joining) answers(tx *store.Tx, how consent.How) ([]consent.Answer, error) {
	var all []agreed
	if err := json.Unmarshal([]byte(j.Answers), &all); err != nil {
		return nil, fmt.Errorf("what member %d agreed to: %w", j.MemberID, err)
	}
	var refused []struct {
		Topic     string
		ChangedAt loyalty.Instant
	}
	err := tx.All(&refused, "select topic, changed_at from member_topics where member_id = @member and not granted", store.Args{"member": j.MemberID})
	if err != nil {
		return nil, err
	}
	var answers []consent.Answer
	for _, a := range all {
		since := false
		for _, r := range refused {
			since = since || r.Topic == a.Topic && r.ChangedAt.After(a.At.Time)
		}
		if !since {
			answers = append(answers, consent.Answer{Member: j.MemberID, Topic: a.Topic, Granted: true,
				How: consent.How{At: tx.At, Source: doubleOptIn, Said: a.evidence(), IP: how.IP, Send: how.Send}})
		}
	}
	return answers, nil
}

// evidence is what was agreed to, where and when, in one line.
func (a agreed) evidence() string {
	return strings.TrimSpace(fmt.Sprintf("%s [%s, %s]", a.Said, a.Source, a.At.UTC().Format(time.RFC3339)))
}
