package campaign

import (
	"fmt"
	"maps"
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
func (b *Book) takeDue(t turn, passages []int64) error {
	if len(passages) == 0 {
		return nil
	}
	var now []int64
	err := t.tx.All(&now, "select id from passages where id in "+inList(t.tx, "@ids")+" and state = 'ready' and wake_at <= @now order by id "+t.tx.ForUpdate(),
		store.Args{"ids": array(passages), "now": t.tx.At})
	if err != nil || len(now) == 0 {
		return err
	}
	return b.take(t, now, true)
}

// startBy starts the campaign if a happening sets it off.
func (b *Book) startBy(t turn, h happening) ([]int64, error) {
	e := h.about.Happened
	switch {
	case e == nil:
		return nil, nil
	case h.Kind == history && t.c.recordedBy(*e):
		return nil, b.recordCrossed(t, *e)
	case h.Kind != news || !t.c.startedBy(*e):
		return nil, nil
	}
	switch t.c.Start.Kind {
	case "milestone":
		return b.milestones(t, h)
	case "asks": // whenever that was: without its mail they never could join
		return b.start(t.tx, t.v, h.begin(t.c, e.key(), t.tx.At))
	case "joins":
		return b.start(t.tx, t.v, h.begin(t.c, t.c.occasion("joins", e.key(), t.v.Day(t.tx.At)), t.tx.At))
	}
	if e.Asked && e.Type == loyalty.MemberJoined {
		return nil, nil
	}
	return b.startByEvent(t, h)
}

// key names the occurrence of one event.
func (e Happened) key() string { return "event:" + strconv.FormatInt(e.Event, 10) }

// begin is the start of a campaign for the member of an event, which began when
// the event came in, however long the campaign could not react.
func (h happening) begin(c *Campaign, key string, wake loyalty.Instant) begin {
	e := h.about.Happened
	s := begin{c: c, key: key, wake: wake, since: h.TakenAt, members: []int64{e.Member}, event: e.Event, order: e.Order}
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

func (b *Book) startByEvent(t turn, h happening) ([]int64, error) {
	e := h.about.Happened
	s := h.begin(t.c, t.c.occasion("event", e.key(), t.v.Day(t.tx.At)), t.tx.At)
	s.rule = t.c.Start.Where
	if e.Order != 0 {
		if test, err := isTest(t.tx, e.Order); test || err != nil {
			return nil, err
		}
	}
	what, err := readTrigger(t.tx, e.Event, e.Order)
	if err != nil {
		return nil, err
	}
	s.orderValues, s.eventValues = what.order, what.event
	return b.start(t.tx, t.v, s)
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
func (b *Book) milestones(t turn, h happening) ([]int64, error) {
	e := h.about.Happened
	f, crossed := t.c.Start.Figure, t.c.crossed(*e)
	mailed := len(crossed) - 1
	if e.At.Before(t.c.Since.Time) {
		mailed = len(crossed)
	}
	for _, value := range crossed[:mailed] {
		if err := recordReached(t, e.Member, value); err != nil {
			return nil, err
		}
	}
	if mailed == len(crossed) {
		return nil, nil
	}
	return b.start(t.tx, t.v, h.begin(t.c, milestoneKey(f, crossed[mailed]), t.tx.At))
}

// recordCrossed records the milestones that an event of the past has crossed.
func (b *Book) recordCrossed(t turn, e Happened) error {
	for _, value := range t.c.crossed(e) {
		if err := recordReached(t, e.Member, value); err != nil {
			return err
		}
	}
	return nil
}

func recordReached(t turn, member, value int64) error {
	return record(t.tx, t.v, t.c, []int64{value}, "select f.member_id, cast(@value as bigint) as reached from facts f where f.member_id = @member",
		store.Args{"member": member, "value": value})
}

// milestoneKey is the occurrence that all members share who reach a milestone:
// orders:5.
func milestoneKey(f loyalty.Figure, value int64) string {
	return f.String() + ":" + strconv.FormatInt(value, 10)
}

// record keeps that members have reached milestones without a mail: those of the
// values that are not above what reached, a query for member_id and reached, says.
func record(tx *store.Tx, v *Version, c *Campaign, values []int64, reached string, more store.Args) error {
	args := store.Args{"campaign": c.ID, "version": v.ID, "day": int64(v.Day(tx.At)), "now": tx.At,
		"prefix": c.Start.Figure.String() + ":", "values": array(values), "decision": started}
	maps.Copy(args, more)
	_, err := tx.Exec(`
		insert into occurrences (campaign_id, key, day, at, decision, reason)
		select cast(@campaign as bigint), cast(@prefix as text) || value, cast(@day as bigint), `+tx.Instant("@now")+`, cast(@decision as text), ''
		from   `+tx.JSONEach("@values")+` where true
		order  by value
		on conflict (campaign_id, key) do nothing`, args)
	if err != nil {
		return fmt.Errorf("milestones of %s: %w", c.Name, err)
	}
	_, err = tx.Exec(`
		insert into passages (campaign_id, occurrence_id, member_id, version_id, day, started_at, state, base_at)
		select cast(@campaign as bigint), o.id, r.member_id, cast(@version as bigint), cast(@day as bigint),
		       `+tx.Instant("@now")+`, 'recorded', `+tx.Instant("@now")+`
		from   (`+reached+`) r
		join   members m on m.id = r.member_id and `+present+`
		join   `+tx.JSONEach("@values")+` on value <= r.reached
		join   occurrences o on o.campaign_id = @campaign and o.key = cast(@prefix as text) || value
		where  true
		order  by r.member_id, o.id
		on conflict (occurrence_id, member_id) do nothing`, args)
	if err != nil {
		return fmt.Errorf("recording milestones of %s: %w", c.Name, err)
	}
	return nil
}

// under is a passage under way of a member to whom something happened.
type under struct {
	ID, CampaignID, OccurrenceID, MemberID int64
	EventID, OrderID                       int64
	StartedAt                              loyalty.Instant
}

// endBy ends the passages of the campaign that end with one of the happenings. Only
// what comes after a passage's start counts, and not what started it.
func (b *Book) endBy(t turn, wave []happening) error {
	byMember := make(map[int64]happening, len(wave))
	var members []int64
	for _, h := range wave {
		byMember[h.MemberID] = h
		members = append(members, h.MemberID)
	}
	var open []under
	err := t.tx.All(&open, `
		select id, campaign_id, occurrence_id, member_id, coalesce(event_id, 0) as event_id,
		       coalesce(order_id, 0) as order_id, started_at
		from   passages
		where  campaign_id = @campaign and member_id in `+inList(t.tx, "@members")+`
		and    state in ('ready', 'sending')
		order  by id`, store.Args{"campaign": t.id, "members": array(members)})
	if err != nil || len(open) == 0 {
		return err
	}
	ended := map[string][]int64{}
	for _, p := range open {
		reason, err := t.endedBy(p, byMember[p.MemberID])
		if err != nil {
			return err
		}
		if reason != "" {
			ended[reason] = append(ended[reason], p.ID)
		}
	}
	for reason, ids := range ended {
		if err := b.exit(t.tx, ids, reason); err != nil {
			return err
		}
	}
	return nil
}

// endedBy returns why a happening ends a passage, "" if it does not.
func (t turn) endedBy(p under, h happening) (string, error) {
	switch {
	case h.Kind == left:
		if s, ok := t.v.segment(t.c.Start.Segment); ok && s.id == h.about.Segment && t.c.endsBy("leaves") {
			inside, err := insideNow(t.tx, s.id, p.MemberID)
			if err == nil && !inside {
				return "leaves", nil
			}
			return "", err
		}
	case h.Kind == used:
		if h.about.Passage == p.ID && t.c.endsBy("coupon_used") {
			return "coupon used", nil
		}
	case h.about.Happened != nil:
		for _, u := range t.c.Until {
			if ends, err := h.ends(t.tx, u, p); ends || err != nil {
				return endWords(u), err
			}
		}
	}
	return "", nil
}

func insideNow(tx *store.Tx, segment, member int64) (bool, error) {
	var n int
	err := tx.One(&n, "select count(*) from segment_members where segment_id = @segment and member_id = @member and left_at is null",
		store.Args{"segment": segment, "member": member})
	return n > 0, err
}

// ends reports whether an event ends a passage in a way. News that came in after the
// passage began counts, too, although it happened before.
func (h happening) ends(tx *store.Tx, u program.Until, p under) (bool, error) {
	e := h.about.Happened
	later := e.Event != p.EventID && (e.At.After(p.StartedAt.Time) || h.Kind == news && h.TakenAt.After(p.StartedAt.Time))
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
