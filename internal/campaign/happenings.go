package campaign

import (
	"encoding/json"
	"fmt"
	"slices"

	"regulars/internal/loyalty"
	"regulars/internal/store"
	"regulars/segments"
)

// The kinds of a happening.
const (
	news    = "event"   // an event that has just happened
	history = "history" // an event of the past: it ends and records, and starts nothing
	altered = "changed" // something about the member changed otherwise than by an event
	learned = "learned" // … and was history when it came in
	entered = "entered" // the member entered a segment
	left    = "left"    // the member left one
	used    = "used"    // a code of theirs was used without an event
)

// happening is a row of happenings, with what a campaign has still to do about it.
type happening struct {
	ID       int64
	Kind     string
	MemberID int64
	TakenAt  loyalty.Instant
	Detail   string

	about about
}

// about is what a happening's row keeps beside its member.
type about struct {
	Happened *Happened        `json:",omitempty"`
	Change   *segments.Change `json:",omitempty"`
	Segment  int64            `json:",omitempty"`
	Entered  loyalty.Instant  `json:",omitzero"`
	Passage  int64            `json:",omitempty"`
}

// fresh is a happening to be written down, and the campaigns that have to react.
type fresh struct {
	kind      string
	member    int64
	about     about
	reactions []int64 // campaigns; 0: who is in which segment
}

// membership is the reactor that is no campaign: who is in which segment.
const membership = 0

// Hear writes down what live events set off, in their order, for React to do: the
// caller's transaction holds what happened, and depends on no campaign. The caller
// holds the locks of the members, has stored the events and brought facts and
// redemptions up to date.
func (b *Book) Hear(tx *store.Tx, events []Happened) error { return b.hear(tx, news, events) }

// HearHistory is Hear for events that were no news any more when they came in:
// passages end by what came after their start, members enter and leave segments
// without starting anything, and milestones are recorded, so that none of them is
// mailed later.
func (b *Book) HearHistory(tx *store.Tx, events []Happened) error {
	return b.hear(tx, history, events)
}

func (b *Book) hear(tx *store.Tx, kind string, events []Happened) error {
	v, err := b.Active(tx)
	if err != nil || len(events) == 0 {
		return ignoreNoProgram(err)
	}
	busy, err := v.underWay(tx, membersIn(events))
	if err != nil {
		return err
	}
	var all []fresh
	for _, e := range events {
		f := fresh{kind: kind, member: e.Member, about: about{Happened: &e}}
		if v.readBy(e.changed(v, tx.At)) {
			f.reactions = append(f.reactions, membership)
		}
		for _, c := range v.campaigns {
			under := busy[[2]int64{e.Member, c.ID}] || busy[[2]int64{e.Member, membership}]
			if c.broken != nil || kind == news && c.startedBy(e) || kind == history && c.recordedBy(e) || under && c.mayEndBy(e) {
				f.reactions = append(f.reactions, c.ID)
			}
		}
		all = append(all, f)
	}
	return b.keep(tx, all)
}

// underWay returns of which campaigns members have a passage under way, or may soon
// have one, as pairs of member and campaign.
func (v *Version) underWay(tx *store.Tx, members []int64) (map[[2]int64]bool, error) {
	if !slices.ContainsFunc(v.campaigns, func(c *Campaign) bool { return len(c.Until) > 0 }) {
		return nil, nil
	}
	var rows []struct{ MemberID, CampaignID int64 }
	err := tx.All(&rows, `
		select member_id, campaign_id from passages where state in ('ready', 'sending') and member_id in `+inList(tx, "@members")+`
		union
		select member_id, campaign_id from reactions where member_id in `+inList(tx, "@members"), store.Args{"members": array(members)})
	busy := make(map[[2]int64]bool, len(rows))
	for _, r := range rows {
		busy[[2]int64{r.MemberID, r.CampaignID}] = true
	}
	return busy, err
}

// readBy reports whether a segment's rule reads what changed.
func (v *Version) readBy(change segments.Change) bool {
	return slices.ContainsFunc(v.segments, func(s segment) bool { return s.Rule.TouchedBy(change) })
}

// startedBy reports whether an event may start the campaign: its rules are asked
// when the campaign reacts.
func (c *Campaign) startedBy(e Happened) bool {
	if c.Since.IsZero() {
		return false
	}
	switch c.Start.Kind {
	case "asks":
		return e.Mail
	case "joins":
		return e.Joined && !e.At.Before(c.Since.Time)
	case "milestone":
		return c.recordedBy(e)
	case "event":
		return e.Type == c.Start.Event && !e.At.Before(c.Since.Time)
	}
	return false
}

// recordedBy reports whether an event crosses one of the campaign's milestones.
func (c *Campaign) recordedBy(e Happened) bool {
	return !c.Since.IsZero() && c.Start.Kind == "milestone" && len(c.crossed(e)) > 0
}

func (c *Campaign) crossed(e Happened) []int64 {
	f := c.Start.Figure
	return loyalty.Milestones{At: c.Start.At, Every: c.Start.Every}.Crossed(e.Before.of(f), e.After.of(f))
}

// mayEndBy reports whether passages of the campaign may end by an event.
func (c *Campaign) mayEndBy(e Happened) bool {
	for _, u := range c.Until {
		switch u.Kind {
		case "order":
			if e.After.Orders > e.Before.Orders {
				return true
			}
		case "event":
			if e.Type == u.Event {
				return true
			}
		case "cancelled", "coupon_used":
			if e.Order != 0 {
				return true
			}
		}
	}
	return false
}

// Changed writes down that something has changed about members otherwise than by
// an event: they are put into the segments where they now belong, and what that
// sets off begins. It depends on no rule and no campaign.
func (b *Book) Changed(tx *store.Tx, members []int64, what segments.Change) error {
	return b.change(tx, altered, members, what)
}

// Learned is Changed for what was history when it came in, whatever it was:
// whoever enters a segment by it starts no campaign.
func (b *Book) Learned(tx *store.Tx, members []int64) error {
	return b.change(tx, learned, members, segments.Change{Everything: true})
}

func (b *Book) change(tx *store.Tx, kind string, members []int64, what segments.Change) error {
	var some int
	if err := tx.One(&some, "select count(*) from segments where removed_at is null", nil); some == 0 || err != nil {
		return err
	}
	var all []fresh
	for _, m := range members {
		all = append(all, fresh{kind: kind, member: m, about: about{Change: &what}, reactions: []int64{membership}})
	}
	return b.keep(tx, all)
}

// CouponUsed writes down that codes were used without an event that says so: the
// passages in which they were given may end by it.
func (b *Book) CouponUsed(tx *store.Tx, codes []int64) error {
	if len(codes) == 0 {
		return nil
	}
	v, err := b.Active(tx)
	if err != nil {
		return ignoreNoProgram(err)
	}
	ending := v.endedBy("coupon_used")
	if len(ending) == 0 {
		return nil
	}
	var found []struct{ ID, CampaignID, MemberID int64 }
	err = tx.All(&found, `
		select p.id, p.campaign_id, p.member_id
		from   passages p
		where  p.state in ('ready', 'sending') and p.campaign_id in @campaigns
		and    exists (select 1 from codes c where c.id in @codes and c.occurrence_id = p.occurrence_id and c.member_id = p.member_id)
		order  by p.id`, store.Args{"campaigns": ending, "codes": codes})
	if err != nil {
		return err
	}
	var all []fresh
	for _, p := range found {
		all = append(all, fresh{kind: used, member: p.MemberID, about: about{Passage: p.ID}, reactions: []int64{p.CampaignID}})
	}
	return b.keep(tx, all)
}

// keep writes happenings down, in their order, with the reactions that they want.
// Those that nobody reacts to are not kept.
func (b *Book) keep(tx *store.Tx, all []fresh) error {
	all = slices.DeleteFunc(all, func(f fresh) bool { return len(f.reactions) == 0 })
	if len(all) == 0 {
		return nil
	}
	rows := make([][]any, len(all))
	for i, f := range all {
		rows[i] = []any{i, f.kind, f.member, json.RawMessage(store.JSON(f.about))}
	}
	// The ids of one statement need not come back in its order, but they are given
	// in it: sorted, they are those of the rows.
	var ids []int64
	err := tx.All(&ids, `
		insert into happenings (kind, member_id, taken_at, detail)
		select r.kind, r.member_id, `+tx.Instant("@now")+`, r.detail
		from   `+tx.Values("n bigint", "kind text", "member_id bigint", "detail jsonb")+`
		order  by r.n
		returning id`, store.Args{"rows": store.Rows(rows), "now": tx.At})
	if err != nil {
		return fmt.Errorf("keeping %d happenings: %w", len(all), err)
	}
	slices.Sort(ids)
	var reactions [][]any
	for i, f := range all {
		for _, c := range f.reactions {
			reactions = append(reactions, []any{c, ids[i], f.member})
		}
	}
	_, err = tx.Exec(`
		insert into reactions (campaign_id, happening_id, member_id)
		select r.campaign_id, r.happening_id, r.member_id
		from   `+tx.Values("campaign_id bigint", "happening_id bigint", "member_id bigint"), store.Args{"rows": store.Rows(reactions)})
	if err != nil {
		return fmt.Errorf("keeping what is to be done about %d happenings: %w", len(all), err)
	}
	b.hint(tx, "flow.react")
	return nil
}
