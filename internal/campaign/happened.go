package campaign

import (
	"fmt"
	"strconv"

	"regulars/internal/loyalty"
	"regulars/internal/program"
	"regulars/internal/store"
)

// Figures returns the figures of live milestones that are counted from order
// lines: those that Happened.Before and After must hold under Items.
func (b *Book) Figures(tx *store.Tx) ([]loyalty.Figure, error) {
	v, err := b.Active(tx)
	if err != nil {
		return nil, ignoreNoProgram(err)
	}
	var figures []loyalty.Figure
	seen := map[loyalty.Figure]bool{}
	for _, c := range v.live("milestone") {
		if f := c.Start.Figure; f.Kind == "items" && !seen[f] {
			seen[f] = true
			figures = append(figures, f)
		}
	}
	return figures, nil
}

// OnEvents does what live events set off, in their order: passages end, members
// enter and leave segments, campaigns start, and their first mails are queued.
// The caller holds the locks of the members, has stored the events and brought
// facts and redemptions up to date.
func (b *Book) OnEvents(tx *store.Tx, events []Happened) error {
	v, err := b.Active(tx)
	if err != nil || len(events) == 0 {
		return ignoreNoProgram(err)
	}
	if err := b.endBy(tx, v, events); err != nil {
		return fmt.Errorf("ending passages: %w", err)
	}
	begun, err := b.reevaluate(tx, v, changes(tx, v, events), false)
	if err != nil {
		return err
	}
	for _, e := range events {
		more, err := b.startBy(tx, v, e)
		if err != nil {
			return fmt.Errorf("event %d: %w", e.Event, err)
		}
		begun = append(begun, more...)
	}
	return b.takeDue(tx, begun)
}

// changes are what events may have changed, by member.
func changes(tx *store.Tx, v *Version, events []Happened) changed {
	all := changed{}
	for _, e := range events {
		all[e.Member] = all[e.Member].And(e.changed(v, tx.At))
	}
	return all
}

func membersIn(events []Happened) (members []int64) {
	seen := map[int64]bool{}
	for _, e := range events {
		if !seen[e.Member] {
			seen[e.Member] = true
			members = append(members, e.Member)
		}
	}
	return members
}

// takeDue takes passages on at once that have just begun, so that a welcome does
// not wait for the next pass. Those that start later are left for their time.
func (b *Book) takeDue(tx *store.Tx, passages []int64) error {
	if len(passages) == 0 {
		return nil
	}
	var now []int64
	err := tx.All(&now, "select id from passages where id in "+inList(tx, "@ids")+" and state = 'ready' and wake_at <= @now order by id "+tx.ForUpdate(),
		store.Args{"ids": array(passages), "now": tx.At})
	if err != nil || len(now) == 0 {
		return err
	}
	return b.take(tx, now)
}

// startBy starts the campaigns that an event sets off.
func (b *Book) startBy(tx *store.Tx, v *Version, e Happened) (begun []int64, err error) {
	for _, c := range v.live("asks", "joins", "milestone", "event") {
		var ids []int64
		switch {
		case c.Start.Kind == "milestone":
			ids, err = b.milestones(tx, v, c, e)
		case c.Start.Kind == "asks":
			ids, err = b.askBack(tx, v, c, e)
		case e.At.Before(c.Since.Time): // it happened before the campaign was there
		case c.Start.Kind == "joins" && e.Joined:
			ids, err = b.start(tx, v, e.begin(c, c.occasion("joins", e.key(), v.Day(tx.At)), tx.At))
		case c.Start.Kind == "event" && e.Type == c.Start.Event && !(e.Asked && e.Type == loyalty.MemberJoined):
			ids, err = b.startByEvent(tx, v, c, e)
		}
		if err != nil {
			return nil, err
		}
		begun = append(begun, ids...)
	}
	return begun, nil
}

// key names the occurrence of one event.
func (e Happened) key() string { return "event:" + strconv.FormatInt(e.Event, 10) }

// begin is the start of a campaign for the member of an event.
func (e Happened) begin(c *Campaign, key string, wake loyalty.Instant) begin {
	s := begin{c: c, key: key, wake: wake, members: []int64{e.Member}, event: e.Event, order: e.Order}
	if e.ownAct() {
		s.ownAct = e.At
	}
	return s
}

// ownAct reports whether the member did this, so that a mail about it is expected
// at any hour. What the shop does with an order, or a balance, comes by itself.
func (e Happened) ownAct() bool {
	switch e.Type {
	case loyalty.OrderChanged, loyalty.OrderFulfilled, loyalty.OrderCancelled, loyalty.OrderRefunded, loyalty.PointsChanged:
		return false
	case loyalty.MemberChanged:
		return e.Joined || e.Asked
	}
	return true
}

// askBack starts the double opt-in for somebody who asked to join, whenever that
// was: without its mail they never could.
func (b *Book) askBack(tx *store.Tx, v *Version, c *Campaign, e Happened) ([]int64, error) {
	if !e.Mail {
		return nil, nil
	}
	return b.start(tx, v, e.begin(c, e.key(), tx.At))
}

func (b *Book) startByEvent(tx *store.Tx, v *Version, c *Campaign, e Happened) ([]int64, error) {
	s := e.begin(c, c.occasion("event", e.key(), v.Day(tx.At)), tx.At)
	s.rule, s.eventValues = c.Start.Where, e.Properties
	if e.Order != 0 {
		if test, err := isTest(tx, e.Order); test || err != nil {
			return nil, err
		}
		var err error
		if s.orderValues, err = readOrder(tx, e.Order); err != nil {
			return nil, fmt.Errorf("order %d: %w", e.Order, err)
		}
	}
	return b.start(tx, v, s)
}

// isTest reports whether an order is somebody trying the shop out.
func isTest(tx *store.Tx, order int64) (bool, error) {
	var status string
	err := tx.One(&status, "select status from orders where id = @id", store.Args{"id": order})
	return status == loyalty.Test, err
}

// milestones starts a milestone campaign for the highest milestone that an event
// has crossed; those below it, and all that were crossed before the campaign
// went live, are recorded, so that none of them is ever mailed.
func (b *Book) milestones(tx *store.Tx, v *Version, c *Campaign, e Happened) ([]int64, error) {
	f := c.Start.Figure
	crossed := loyalty.Milestones{At: c.Start.At, Every: c.Start.Every}.Crossed(e.Before.of(f), e.After.of(f))
	var begun []int64
	for i, value := range crossed {
		key := milestoneKey(f, value)
		if i < len(crossed)-1 || e.At.Before(c.Since.Time) {
			if err := record(tx, v, c, key, "f.member_id = @member", store.Args{"member": e.Member}); err != nil {
				return nil, err
			}
			continue
		}
		ids, err := b.start(tx, v, e.begin(c, key, tx.At))
		if err != nil {
			return nil, err
		}
		begun = append(begun, ids...)
	}
	return begun, nil
}

// milestoneKey is the occurrence that all members share who reach a milestone:
// orders:5.
func milestoneKey(f loyalty.Figure, value int64) string {
	return f.String() + ":" + strconv.FormatInt(value, 10)
}

// record keeps that members have reached a milestone without a mail.
func record(tx *store.Tx, v *Version, c *Campaign, key, where string, args store.Args) error {
	day := v.Day(tx.At)
	occ, _, err := open(tx, occurrence{Campaign: c.ID, Key: key, Day: day})
	if err != nil {
		return err
	}
	all := store.Args{"campaign": c.ID, "occurrence": occ, "version": v.ID, "day": int64(day), "now": tx.At}
	for name, value := range args {
		all[name] = value
	}
	_, err = tx.Exec(`
		insert into passages (campaign_id, occurrence_id, member_id, version_id, day, started_at, state, base_at)
		select cast(@campaign as bigint), cast(@occurrence as bigint), f.member_id, cast(@version as bigint), cast(@day as bigint),
		       `+tx.Instant("@now")+`, 'recorded', `+tx.Instant("@now")+`
		from   facts f join members m on m.id = f.member_id
		where  `+present+` and `+where+`
		order  by f.member_id
		on conflict (occurrence_id, member_id) do nothing`, all)
	if err != nil {
		return fmt.Errorf("recording %s of %s: %w", key, c.Name, err)
	}
	return nil
}

// under is a passage under way of a member to whom something happened.
type under struct {
	ID, CampaignID, OccurrenceID, MemberID int64
	EventID, OrderID                       int64
	StartedAt                              loyalty.Instant
}

// endBy ends the passages that end with one of the events. Only what comes after
// a passage's start counts, and not what started it.
func (b *Book) endBy(tx *store.Tx, v *Version, events []Happened) error {
	var open []under
	err := tx.All(&open, `
		select id, campaign_id, occurrence_id, member_id, coalesce(event_id, 0) as event_id,
		       coalesce(order_id, 0) as order_id, started_at
		from   passages
		where  member_id in `+inList(tx, "@members")+`
		and    state in ('ready', 'sending')
		order  by id`, store.Args{"members": array(membersIn(events))})
	if err != nil {
		return err
	}
	ended := map[string][]int64{}
	for _, p := range open {
		reason, err := endedBy(tx, v.byID(p.CampaignID), p, events)
		if err != nil {
			return err
		}
		if reason != "" {
			ended[reason] = append(ended[reason], p.ID)
		}
	}
	for reason, ids := range ended {
		if err := b.exit(tx, ids, reason); err != nil {
			return err
		}
	}
	return nil
}

func endedBy(tx *store.Tx, c *Campaign, p under, events []Happened) (string, error) {
	if c == nil {
		return "", nil
	}
	for _, u := range c.Until {
		for _, e := range events {
			if e.Member != p.MemberID {
				continue
			}
			if ends, err := e.ends(tx, u, p); ends || err != nil {
				return endWords(u), err
			}
		}
	}
	return "", nil
}

// ends reports whether an event ends a passage in a way.
func (e Happened) ends(tx *store.Tx, u program.Until, p under) (bool, error) {
	later := e.At.After(p.StartedAt.Time) && e.Event != p.EventID
	switch u.Kind {
	case "order":
		return later && e.After.Orders > e.Before.Orders && e.Order != p.OrderID, nil
	case "event":
		return later && e.Type == u.Event, nil
	case "cancelled":
		return e.undoes(tx, p)
	case "coupon_used":
		return e.used(tx, p)
	}
	return false, nil
}

// undoes reports whether the order that started a passage no longer counts.
func (e Happened) undoes(tx *store.Tx, p under) (bool, error) {
	if e.Order == 0 || e.Order != p.OrderID || e.Event == p.EventID {
		return false, nil
	}
	var status string
	err := tx.One(&status, "select status from orders where id = @id", store.Args{"id": e.Order})
	return status == loyalty.Cancelled || status == loyalty.Refunded, err
}

// used reports whether the event's order redeemed a code that was given in the passage.
func (e Happened) used(tx *store.Tx, p under) (bool, error) {
	if e.Order == 0 {
		return false, nil
	}
	var n int
	err := tx.One(&n, `
		select count(*)
		from   redemptions r join codes c on c.id = r.code_id
		where  r.order_id = @order and c.occurrence_id = @occurrence and c.member_id = @member`,
		store.Args{"order": e.Order, "occurrence": p.OccurrenceID, "member": p.MemberID})
	return n > 0, err
}
