package flows

import (
	"fmt"
	"maps"
	"strconv"

	"regulars/internal/happenings"
	"regulars/internal/isolation"
	"regulars/internal/loyalty"
	"regulars/internal/membership"
	"regulars/internal/occurrence"
	"regulars/internal/program"
	"regulars/internal/rules"
	"regulars/internal/store"
	"regulars/internal/versions"
)

// takeDue takes passages on at once that have just begun, so that a welcome does
// not wait for the next pass. Those that start later are left for their time.
func takeDue(t isolation.Turn, passages []int64) error {
	if len(passages) == 0 {
		return nil
	}
	var now []int64
	err := t.Tx.All(&now, "select id from passages where id in "+t.Tx.In("@ids")+" and state = 'ready' and wake_at <= @now order by id "+t.Tx.ForUpdate(),
		store.Args{"ids": store.IDs(passages), "now": t.Tx.At})
	if err != nil || len(now) == 0 {
		return err
	}
	return take(t, now, true)
}

// startBy starts the campaign if a happening sets it off.
func startBy(t isolation.Turn, h happenings.Happening) ([]int64, error) {
	e := h.About.Happened
	switch {
	case e == nil:
		return nil, nil
	case h.Kind == happenings.History && e.Records(t.C):
		return nil, recordCrossed(t, *e)
	case h.Kind != happenings.News || !e.Starts(t.C):
		return nil, nil
	}
	switch t.C.Start.Kind {
	case "milestone":
		return milestones(t, h)
	case "asks": // whenever that was: without its mail they never could join
		return Begin(t.Tx, t.V, startOf(h, t.C, eventKey(*e), t.Tx.At))
	case "joins":
		return Begin(t.Tx, t.V, startOf(h, t.C, occurrenceKey(t.C, "joins", eventKey(*e), t.V.Day(t.Tx.At)), t.Tx.At))
	}
	if e.Asked && e.Type == loyalty.MemberJoined {
		return nil, nil
	}
	return startByEvent(t, h)
}

// key names the occurrence of one event.
func eventKey(e happenings.Happened) string { return "event:" + strconv.FormatInt(e.Event, 10) }

// begin is the start of a campaign for the member of an event, which began when
// the event came in, however long the campaign could not react.
func startOf(h happenings.Happening, c *versions.Campaign, key string, wake loyalty.Instant) Start {
	e := h.About.Happened
	s := Start{C: c, Key: key, Wake: wake, since: h.TakenAt, members: []int64{e.Member}, event: e.Event, order: e.Order}
	if ownAct(*e) {
		s.ownAct = e.At
	}
	return s
}

// ownAct reports whether the member did this, so that a mail about it is expected
// at any hour. What the shop does with an order, or a balance, comes by itself.
func ownAct(e happenings.Happened) bool {
	switch e.Type {
	case loyalty.OrderChanged, loyalty.OrderFulfilled, loyalty.OrderCancelled, loyalty.OrderRefunded, loyalty.PointsChanged:
		return false
	case loyalty.MemberChanged:
		return e.Joined || e.Asked
	}
	return true
}

func startByEvent(t isolation.Turn, h happenings.Happening) ([]int64, error) {
	e := h.About.Happened
	s := startOf(h, t.C, occurrenceKey(t.C, "event", eventKey(*e), t.V.Day(t.Tx.At)), t.Tx.At)
	s.rule = t.C.Start.Where
	if e.Order != 0 {
		if test, err := rules.IsTest(t.Tx, e.Order); test || err != nil {
			return nil, err
		}
	}
	what, err := rules.ReadTrigger(t.Tx, e.Event, e.Order)
	if err != nil {
		return nil, err
	}
	s.orderValues, s.eventValues = what.Order, what.Event
	return Begin(t.Tx, t.V, s)
}

// milestones starts a milestone campaign for the highest milestone that an event
// has crossed; those below it, and all that were crossed before the campaign
// went live, are recorded, so that none of them is ever mailed.
func milestones(t isolation.Turn, h happenings.Happening) ([]int64, error) {
	e := h.About.Happened
	f, crossed := t.C.Start.Figure, e.Crossed(t.C)
	mailed := len(crossed) - 1
	if e.At.Before(t.C.Since.Time) {
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
	return Begin(t.Tx, t.V, startOf(h, t.C, MilestoneKey(f, crossed[mailed]), t.Tx.At))
}

// recordCrossed records the milestones that an event of the past has crossed.
func recordCrossed(t isolation.Turn, e happenings.Happened) error {
	for _, value := range e.Crossed(t.C) {
		if err := recordReached(t, e.Member, value); err != nil {
			return err
		}
	}
	return nil
}

func recordReached(t isolation.Turn, member, value int64) error {
	return record(t.Tx, t.V, t.C, []int64{value}, "select f.member_id, cast(@value as bigint) as reached from facts f where f.member_id = @member",
		store.Args{"member": member, "value": value})
}

// MilestoneKey is the occurrence that all members share who reach a milestone:
// orders:5.
func MilestoneKey(f loyalty.Figure, value int64) string {
	return f.String() + ":" + strconv.FormatInt(value, 10)
}

// record keeps that members have reached milestones without a mail: those of the
// values that are not above what reached, a query for member_id and reached, says.
func record(tx *store.Tx, v *versions.Version, c *versions.Campaign, values []int64, reached string, more store.Args) error {
	args := store.Args{"campaign": c.ID, "version": v.ID, "day": int64(v.Day(tx.At)), "now": tx.At,
		"prefix": c.Start.Figure.String() + ":", "values": store.IDs(values), "decision": occurrence.Started}
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
		join   members m on m.id = r.member_id and `+rules.Present+`
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
func endBy(t isolation.Turn, wave []happenings.Happening) error {
	byMember := make(map[int64]happenings.Happening, len(wave))
	var members []int64
	for _, h := range wave {
		byMember[h.MemberID] = h
		members = append(members, h.MemberID)
	}
	var open []under
	err := t.Tx.All(&open, `
		select id, campaign_id, occurrence_id, member_id, coalesce(event_id, 0) as event_id,
		       coalesce(order_id, 0) as order_id, started_at
		from   passages
		where  campaign_id = @campaign and member_id in `+t.Tx.In("@members")+`
		and    state in ('ready', 'sending')
		order  by id`, store.Args{"campaign": t.Id, "members": store.IDs(members)})
	if err != nil || len(open) == 0 {
		return err
	}
	ended := map[string][]int64{}
	for _, p := range open {
		reason, err := endedBy(t, p, byMember[p.MemberID])
		if err != nil {
			return err
		}
		if reason != "" {
			ended[reason] = append(ended[reason], p.ID)
		}
	}
	for reason, ids := range ended {
		if err := end(t.Tx, ids, reason); err != nil {
			return err
		}
	}
	return nil
}

// endedBy returns why a happening ends a passage, "" if it does not.
func endedBy(t isolation.Turn, p under, h happenings.Happening) (string, error) {
	switch {
	case h.Kind == happenings.Left:
		if s, ok := t.V.Segment(t.C.Start.Segment); ok && s.ID == h.About.Segment && t.C.EndsBy("leaves") {
			inside, err := membership.Inside(t.Tx, s.ID, p.MemberID)
			if err == nil && !inside {
				return "leaves", nil
			}
			return "", err
		}
	case h.Kind == happenings.Used:
		if h.About.Passage == p.ID && t.C.EndsBy("coupon_used") {
			return "coupon used", nil
		}
	case h.About.Happened != nil:
		for _, u := range t.C.Until {
			if ends, err := ends(h, t.Tx, u, p); ends || err != nil {
				return endWords(u), err
			}
		}
	}
	return "", nil
}

// ends reports whether an event ends a passage in a way. News that came in after the
// passage began counts, too, although it happened before.
func ends(h happenings.Happening, tx *store.Tx, u program.Until, p under) (bool, error) {
	e := h.About.Happened
	later := e.Event != p.EventID && (e.At.After(p.StartedAt.Time) || h.Kind == happenings.News && h.TakenAt.After(p.StartedAt.Time))
	switch u.Kind {
	case "order":
		return later && e.After.Orders > e.Before.Orders && e.Order != p.OrderID, nil
	case "event":
		return later && e.Type == u.Event, nil
	case "cancelled":
		return undoes(*e, tx, p)
	case "coupon_used":
		return usedCode(*e, tx, p)
	}
	return false, nil
}

// undoes reports whether the order that started a passage no longer counts.
func undoes(e happenings.Happened, tx *store.Tx, p under) (bool, error) {
	if e.Order == 0 || e.Order != p.OrderID || e.Event == p.EventID {
		return false, nil
	}
	var status string
	err := tx.One(&status, "select status from orders where id = @id", store.Args{"id": e.Order})
	return status == loyalty.Cancelled || status == loyalty.Refunded, err
}

// used reports whether the event's order redeemed a code that was given in the passage.
func usedCode(e happenings.Happened, tx *store.Tx, p under) (bool, error) {
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
