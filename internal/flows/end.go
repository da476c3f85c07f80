package flows

import (
	"fmt"

	"regulars/internal/coupon"
	"regulars/internal/happenings"
	"regulars/internal/isolation"
	"regulars/internal/loyalty"
	"regulars/internal/membership"
	"regulars/internal/program"
	"regulars/internal/store"
)

// end ends passages that are under way, and with them the mails that nobody has
// claimed yet; their codes go back. What is being handed over goes out, unless
// the gate at the mark sees the same reason. Those of a run are left to that gate.
func end(tx *store.Tx, passages []int64, reason string) error {
	if len(passages) == 0 {
		return nil
	}
	// Rows are locked in the order in which delivery locks them: due, sends, passages.
	if err := skipUnclaimed(tx, passages, sendReason(reason)); err != nil {
		return err
	}
	_, err := tx.Exec(`
		update passages
		set    state = 'exited', reason = @reason, wake_at = null
		where  id in `+tx.In("@ids")+`
		and    state in ('ready', 'sending')`, store.Args{"ids": store.IDs(passages), "reason": reason})
	if err != nil {
		return fmt.Errorf("ending %d passages (%s): %w", len(passages), reason, err)
	}
	return nil
}

// sendReason is the word of the ledger for the reason of a passage's end.
func sendReason(reason string) string {
	switch reason {
	case "leaves":
		return "rule_left"
	case "erased":
		return "erased"
	case "removed", "merged", "cancelled by hand", "date moved":
		return "cancelled"
	}
	return "until"
}

// skipUnclaimed skips the mails of passages that wait for their hand-over.
func skipUnclaimed(tx *store.Tx, passages []int64, reason string) error {
	args := store.Args{"ids": store.IDs(passages), "reason": reason, "now": tx.At}
	var waiting []int64
	err := tx.All(&waiting, `
		select d.send_id
		from   due d join sends s on s.id = d.send_id
		join   passages p on p.occurrence_id = s.occurrence_id and p.member_id = s.member_id
		where  p.id in `+tx.In("@ids")+` and p.state in ('ready', 'sending')
		and    s.run_id is null and s.state in ('queued', 'deferred')
		order  by d.send_id `+tx.ForUpdateOf("d"), args)
	if err != nil || len(waiting) == 0 {
		return err
	}
	args["waiting"] = store.IDs(waiting)
	var skipped []int64
	err = tx.All(&skipped, `
		update sends
		set    state = 'skipped', reason = @reason, done_at = @now
		where  id in `+tx.In("@waiting")+` and state in ('queued', 'deferred')
		returning id`, args)
	if err != nil {
		return fmt.Errorf("skipping what ended passages had queued: %w", err)
	}
	return LetGo(tx, skipped)
}

// LetGo takes skipped sends off the list of what is due and gives their codes back.
func LetGo(tx *store.Tx, sends []int64) error {
	if len(sends) == 0 {
		return nil
	}
	_, err := tx.Exec("delete from due where send_id in "+tx.In("@ids"), store.Args{"ids": store.IDs(sends)})
	if err != nil {
		return err
	}
	return coupon.Release(tx, sends)
}

// EndWhere ends the passages p that are under way and meet a condition.
func EndWhere(tx *store.Tx, where string, args store.Args, reason string) error {
	var ids []int64
	err := tx.All(&ids, "select p.id from passages p where p.state in ('ready', 'sending') and "+where+" order by p.id", args)
	if err != nil {
		return err
	}
	return end(tx, ids, reason)
}

// EndOf ends the passages under way of campaigns.
func EndOf(tx *store.Tx, campaigns []int64, reason string) error {
	if len(campaigns) == 0 {
		return nil
	}
	return EndWhere(tx, "p.campaign_id in @campaigns", store.Args{"campaigns": campaigns}, reason)
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
	var open []passage
	err := t.Tx.All(&open, `
		select id, occurrence_id, member_id, coalesce(event_id, 0) as event_id, coalesce(order_id, 0) as order_id, started_at
		from   passages
		where  campaign_id = @campaign and member_id in `+t.Tx.In("@members")+`
		and    state in ('ready', 'sending')
		order  by id`, store.Args{"campaign": t.ID, "members": store.IDs(members)})
	if err != nil || len(open) == 0 {
		return err
	}
	ended := map[string][]int64{}
	for _, p := range open {
		reason, err := whyEnded(t, p, byMember[p.MemberID])
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

// whyEnded returns why a happening ends a passage, "" if it does not. News that came in
// after the passage began counts, too, although it happened before.
func whyEnded(t isolation.Turn, p passage, h happenings.Happening) (string, error) {
	e := h.About.Happened
	switch {
	case h.Kind == happenings.Left:
		segment, ok := t.V.Segment(t.C.Start.Segment)
		if !ok || segment.ID != h.About.Segment || !t.C.EndsBy("leaves") {
			return "", nil
		}
		if inside, err := membership.Inside(t.Tx, segment.ID, p.MemberID); inside || err != nil {
			return "", err
		}
		return "leaves", nil
	case h.Kind == happenings.Used:
		if h.About.Passage == p.ID && t.C.EndsBy("coupon_used") {
			return "coupon used", nil
		}
		return "", nil
	case e == nil:
		return "", nil
	}
	later := e.Event != p.EventID && (e.At.After(p.StartedAt.Time) || h.Kind == happenings.News && h.TakenAt.After(p.StartedAt.Time))
	for _, u := range t.C.Until {
		ends := false
		switch {
		case u.Kind == "order":
			ends = later && e.After.Orders > e.Before.Orders && e.Order != p.OrderID
		case u.Kind == "event":
			ends = later && e.Type == u.Event
		case u.Kind == "cancelled" && e.Order != 0 && e.Order == p.OrderID && e.Event != p.EventID: // what started it no longer counts
			var status string
			if err := t.Tx.One(&status, "select status from orders where id = @id", store.Args{"id": e.Order}); err != nil {
				return "", err
			}
			ends = status == loyalty.Cancelled || status == loyalty.Refunded
		case u.Kind == "coupon_used" && e.Order != 0: // a code that was given in the passage
			err := t.Tx.One(&ends, `
				select count(*) > 0
				from   redemptions r join codes c on c.id = r.code_id
				where  r.order_id = @order and c.occurrence_id = @occurrence and c.member_id = @member`,
				store.Args{"order": e.Order, "occurrence": p.OccurrenceID, "member": p.MemberID})
			if err != nil {
				return "", err
			}
		}
		if ends {
			return endWords(u), nil
		}
	}
	return "", nil
}

// endWords is why a passage ended, as its row and why say it.
func endWords(u program.Until) string {
	switch u.Kind {
	case "coupon_used":
		return "coupon used"
	case "event":
		return "event " + u.Event
	case "rule":
		return "until"
	}
	return u.Kind
}
