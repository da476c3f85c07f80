// Package happenings keeps what has happened to members and nobody has reacted to
// yet: a row of happenings for what it was, one of reactions for each campaign that
// may have something to do about it, and one for who is in which segment.
//
// It promises those who commit what happened (intake, public) that writing it down
// depends on no campaign and no rule, and those who react that of one member what
// happened first is claimed first, and that a reaction which failed holds back those
// of the same member only. What to do about it is the business of membership and flows.
package happenings

import (
	"encoding/json"
	"fmt"
	"slices"

	"regulars/internal/loyalty"
	"regulars/internal/store"
	"regulars/internal/versions"
	"regulars/segments"
)

// The kinds of a happening.
const (
	News    = "event"   // an event that has just happened
	History = "history" // an event of the past: it ends and records, and starts nothing
	altered = "changed" // something about the member changed otherwise than by an event
	learned = "learned" // … and was history when it came in
	Entered = "entered" // the member entered a segment
	Left    = "left"    // the member left one
	Used    = "used"    // a code of theirs was used without an event
)

// Happening is what happened, as a campaign is to react to it.
type Happening struct {
	ID       int64
	Kind     string
	MemberID int64
	TakenAt  loyalty.Instant
	About    About
}

// Past reports whether what happened was no news any more when it came in: it starts
// nothing.
func (h Happening) Past() bool { return h.Kind == History || h.Kind == learned }

// About is what a happening's row keeps beside its member.
type About struct {
	Happened *Happened        `json:",omitempty"`
	Change   *segments.Change `json:",omitempty"`
	Segment  int64            `json:",omitempty"`
	Entered  loyalty.Instant  `json:",omitzero"`
	Passage  int64            `json:",omitempty"`
}

// Fresh is a happening to be written down, and the campaigns that have to react.
type Fresh struct {
	Kind      string
	Member    int64
	About     About
	Reactions []int64 // campaigns; 0: who is in which segment
}

// Hear writes down what live events set off, in their order, for React to do: the
// caller's transaction holds what happened, and depends on no campaign. The caller
// holds the locks of the members, has stored the events and brought facts and
// redemptions up to date.
func Hear(tx *store.Tx, events []Happened) error { return hear(tx, News, events) }

// HearHistory is Hear for events that were no news any more when they came in:
// passages end by what came after their start, members enter and leave segments
// without starting anything, and milestones are recorded, so that none of them is
// mailed later.
func HearHistory(tx *store.Tx, events []Happened) error {
	return hear(tx, History, events)
}

func hear(tx *store.Tx, kind string, events []Happened) error {
	v, err := versions.Active(tx)
	if err != nil || len(events) == 0 {
		return versions.IgnoreNoProgram(err)
	}
	if err := tellOfJoins(tx, kind == News, events); err != nil {
		return err
	}
	busy, err := underWay(tx, v, membersIn(events))
	if err != nil {
		return err
	}
	all := make([]Fresh, 0, len(events))
	for i := range events {
		e := &events[i]
		f := Fresh{Kind: kind, Member: e.Member}
		change := e.Changed(v, tx.At)
		if v.ReadBy(change) {
			f.Reactions = append(f.Reactions, versions.Membership)
		}
		for _, c := range v.Campaigns {
			under := busy[[2]int64{e.Member, c.ID}] || busy[[2]int64{e.Member, versions.Membership}]
			if c.Broken != nil || kind == News && e.Starts(c) || kind == History && e.Records(c) || under && e.mayEnd(c) {
				f.Reactions, f.About = append(f.Reactions, c.ID), About{Happened: e}
			}
		}
		if f.About.Happened == nil { // for who is in which segment, what it changed is enough
			f.About.Change = &change
		}
		all = append(all, f)
	}
	return Keep(tx, all)
}

// mayBeHeard reports whether hear may write anything down of an event.
func (e Happened) mayBeHeard(v *versions.Version, news bool, now loyalty.Instant) bool {
	return v.ReadBy(e.Changed(v, now)) || slices.ContainsFunc(v.Campaigns, func(c *versions.Campaign) bool {
		return c.Broken != nil || news && e.Starts(c) || !news && e.Records(c) || e.mayEnd(c)
	})
}

// underWay returns of which campaigns members have a passage under way, or may soon
// have one, as pairs of member and campaign.
func underWay(tx *store.Tx, v *versions.Version, members []int64) (map[[2]int64]bool, error) {
	if !slices.ContainsFunc(v.Campaigns, func(c *versions.Campaign) bool { return len(c.Until) > 0 }) {
		return nil, nil
	}
	var rows []struct{ MemberID, CampaignID int64 }
	err := tx.All(&rows, `
		select member_id, campaign_id from passages where state in ('ready', 'sending') and member_id in `+tx.In("@members")+`
		union
		select member_id, campaign_id from reactions where member_id in `+tx.In("@members"), store.Args{"members": store.IDs(members)})
	busy := make(map[[2]int64]bool, len(rows))
	for _, r := range rows {
		busy[[2]int64{r.MemberID, r.CampaignID}] = true
	}
	return busy, err
}

// Starts reports whether an event may start a campaign: its rules are asked
// when the campaign reacts.
func (e Happened) Starts(c *versions.Campaign) bool {
	if c.Since.IsZero() {
		return false
	}
	switch c.Start.Kind {
	case "asks":
		return e.Mail
	case "joins":
		return e.Joined && !e.At.Before(c.Since.Time)
	case "milestone":
		return e.Records(c)
	case "event":
		return e.Type == c.Start.Event && !e.At.Before(c.Since.Time)
	}
	return false
}

// Records reports whether an event crosses one of a campaign's milestones.
func (e Happened) Records(c *versions.Campaign) bool {
	return !c.Since.IsZero() && c.Start.Kind == "milestone" && len(e.Crossed(c)) > 0
}

// Crossed returns the campaign's milestones that an event has crossed.
func (e Happened) Crossed(c *versions.Campaign) []int64 {
	f := c.Start.Figure
	return loyalty.Milestones{At: c.Start.At, Every: c.Start.Every}.Crossed(e.Before.of(f), e.After.of(f))
}

// mayEnd reports whether passages of a campaign may end by an event.
func (e Happened) mayEnd(c *versions.Campaign) bool {
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
func Changed(tx *store.Tx, members []int64, what segments.Change) error {
	return change(tx, altered, members, what)
}

// Learned is Changed for what was history when it came in, whatever it was:
// whoever enters a segment by it starts no campaign. Of whom that waits to be reacted to
// already, it is written down once: the caller holds the locks of the members, without
// which nobody reacts to it, and who does reads what there is then.
func Learned(tx *store.Tx, members []int64) error {
	return change(tx, learned, members, segments.Change{Everything: true})
}

// notWaiting are those of members of whom nothing that was learned waits.
func notWaiting(tx *store.Tx, members []int64) ([]int64, error) {
	var found []int64
	err := tx.All(&found, `
		select r.member_id
		from   `+tx.RowsOf("reactions", "member_id", "@members")+` r
		where  r.campaign_id = 0 and (select h.kind from happenings h where h.id = r.happening_id) = '`+learned+`'`, store.Args{"members": store.IDs(members)})
	if err != nil || len(found) == 0 {
		return members, err
	}
	waiting := make(map[int64]bool, len(found))
	for _, id := range found {
		waiting[id] = true
	}
	return slices.DeleteFunc(slices.Clone(members), func(id int64) bool { return waiting[id] }), nil
}

func change(tx *store.Tx, kind string, members []int64, what segments.Change) error {
	var some int
	if err := tx.One(&some, "select count(*) from segments where removed_at is null", nil); some == 0 || err != nil {
		return err
	}
	if kind == learned {
		var err error
		if members, err = notWaiting(tx, members); err != nil {
			return err
		}
	}
	var all []Fresh
	for _, m := range members {
		all = append(all, Fresh{Kind: kind, Member: m, About: About{Change: &what}, Reactions: []int64{versions.Membership}})
	}
	return Keep(tx, all)
}

// CouponUsed writes down that codes were used without an event that says so: the
// passages in which they were given may end by it.
func CouponUsed(tx *store.Tx, codes []int64) error {
	if len(codes) == 0 {
		return nil
	}
	v, err := versions.Active(tx)
	if err != nil {
		return versions.IgnoreNoProgram(err)
	}
	ending := v.EndedBy("coupon_used")
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
	var all []Fresh
	for _, p := range found {
		all = append(all, Fresh{Kind: Used, Member: p.MemberID, About: About{Passage: p.ID}, Reactions: []int64{p.CampaignID}})
	}
	return Keep(tx, all)
}

// Keep writes happenings down, in their order, with the reactions that they want.
// Those that nobody reacts to are not kept.
func Keep(tx *store.Tx, all []Fresh) error {
	all = slices.DeleteFunc(all, func(f Fresh) bool { return len(f.Reactions) == 0 })
	if len(all) == 0 {
		return nil
	}
	write := insertAll
	if len(all) >= store.Copied {
		write = copyAll
	}
	if err := write(tx, all); err != nil {
		return fmt.Errorf("keeping %d happenings: %w", len(all), err)
	}
	tx.Wake("flow.react")
	return nil
}

func insertAll(tx *store.Tx, all []Fresh) error {
	rows := make([][]any, len(all))
	for i, f := range all {
		rows[i] = []any{i, f.Kind, f.Member, json.RawMessage(store.JSON(f.About))}
	}
	// The ids of one statement need not come back in its order, but they are given
	// in it: sorted, they are those of the rows.
	var ids []int64
	columns := []string{"n bigint", "kind text", "member_id bigint", "detail jsonb"}
	args := tx.Wider(rows, columns...)
	args["now"] = tx.At
	err := tx.Each(`
		insert into happenings (kind, member_id, taken_at, detail)
		select r.kind, r.member_id, `+tx.Instant("@now")+`, r.detail
		from   `+tx.Wide(columns...)+`
		order  by r.n
		returning id`, args, func(scan func(...any) error) error {
		ids = append(ids, 0)
		return scan(&ids[len(ids)-1])
	})
	if err != nil {
		return err
	}
	slices.Sort(ids)
	columns = []string{"campaign_id bigint", "happening_id bigint", "member_id bigint"}
	return tx.Later("keeping who reacts", `
		insert into reactions (campaign_id, happening_id, member_id)
		select r.campaign_id, r.happening_id, r.member_id
		from   `+tx.Wide(columns...), tx.Wider(reactionsTo(all, ids), columns...))
}

// copyAll is insertAll of many.
func copyAll(tx *store.Tx, all []Fresh) error {
	ids, err := tx.TakeIDs("happenings", len(all))
	if err != nil {
		return err
	}
	n, row := 0, make([]any, 5)
	_, err = tx.Stream("happenings", []string{"id", "kind", "member_id", "taken_at", "detail"}, func() ([]any, error) {
		if n == len(all) {
			return nil, nil
		}
		f := &all[n]
		row[0], row[1], row[2], row[3], row[4] = ids[n], f.Kind, f.Member, tx.At, store.JSON(f.About)
		n++
		return row, nil
	})
	if err != nil {
		return err
	}
	_, err = tx.Bulk("reactions", []string{"campaign_id", "happening_id", "member_id"}, reactionsTo(all, ids))
	return err
}

// reactionsTo are the rows of reactions to happenings with these ids.
func reactionsTo(all []Fresh, ids []int64) (rows [][]any) {
	for i, f := range all {
		for _, campaign := range f.Reactions {
			rows = append(rows, []any{campaign, ids[i], f.Member})
		}
	}
	return rows
}
