package tiers

import (
	"errors"
	"fmt"
	"slices"

	"regulars/internal/happenings"
	"regulars/internal/loyalty"
	"regulars/internal/store"
	"regulars/segments"
)

// React has members reach the tiers whose rules hold since events of theirs, and takes
// back one whose order is no more. News says that the events have just happened. The
// caller holds the locks of the members and has brought their facts up to date.
//
// An order is never lost over a rule: what fails here is undone, and the night does it,
// or says what is wrong. What somebody has locked is tried again with the order.
func (t *Tiers) React(tx *store.Tx, events []happenings.Happened, news bool) error {
	if len(events) == 0 {
		return nil
	}
	over, err := t.nightOver(tx, t.today(tx))
	if err != nil {
		return err
	}
	by := map[int64]happenings.Happened{} // member → event
	var members []int64
	for _, e := range events {
		if !over {
			e.Tier = "" // it may have come to its end
		}
		if _, seen := by[e.Member]; !seen && t.reads(tx, e) && !t.beyond(tx, e) {
			members, by[e.Member] = append(members, e.Member), e
		}
	}
	if members == nil {
		return nil
	}
	heard := asHistory
	if news {
		heard = asNews
	}
	var all []standing              // nil: not read yet
	if over && t.counted() != nil { // which is read without a rule that could fail
		if all, err = t.stand(tx, members, by); err != nil || !t.moves(all, by) {
			return err
		}
	}
	err = tx.Try(func() error { return t.react(tx, members, all, by, heard) })
	if undone := (*store.Undone)(nil); errors.As(err, &undone) && !errors.Is(err, store.ErrLocked) {
		return nil
	}
	return err
}

// stand is reached as of today, which reads nothing of members who held no tier and of whose
// orders all is known.
func (t *Tiers) stand(tx *store.Tx, members []int64, by map[int64]happenings.Happened) (all []standing, err error) {
	var unknown []int64
	for _, m := range members {
		if has, known := t.has(tx, by[m]); known {
			all = append(all, standing{Member: m, Holds: t.held(has), has: has})
		} else {
			unknown = append(unknown, m)
		}
	}
	if unknown == nil {
		return all, nil
	}
	read, err := t.reached(tx, t.today(tx), unknown)
	return append(all, read...), err
}

// has is what somebody without a tier has spent of all that rules ask to rise, if their event
// knows it.
func (t *Tiers) has(tx *store.Tx, e happenings.Happened) (has map[string]int64, known bool) {
	if !e.Tierless || e.Spent == nil {
		return nil, false
	}
	has = map[string]int64{}
	for _, g := range t.counted() {
		if !g.Whole() || g.Name != "spent" {
			return nil, false
		}
		has[g.Field] = e.Spent(g.Span(t.today(tx)))
	}
	return has, true
}

// reads reports whether a tier's rule reads what an event has changed.
func (t *Tiers) reads(tx *store.Tx, e happenings.Happened) bool {
	change := e.Changed(t.v, tx.At)
	for _, tier := range t.list {
		if tier.When.TouchedBy(change) {
			return true
		}
	}
	return false
}

// beyond reports whether an order that counts for the first time can have moved nobody:
// each tier above the member's asks for more than they have spent in its time, or have ever
// spent, or ordered. So most orders of most shops ask the database nothing about tiers.
func (t *Tiers) beyond(tx *store.Tx, e happenings.Happened) bool {
	if e.Type != loyalty.OrderPlaced || e.After.Orders <= e.Before.Orders || e.After.Spent < e.Before.Spent {
		return false
	}
	asks := func(g segments.Goal) bool {
		if first, last, is := g.SpentIn(t.today(tx)); is && e.Spent != nil {
			return g.At > e.Spent(first, last)
		}
		return g.Name == "spent" && g.At > e.After.Spent || g.Name == "orders" && g.At > e.After.Orders
	}
	for _, tier := range t.list[t.place(e.Tier):] {
		if !slices.ContainsFunc(tier.When.Goals(), asks) {
			return false
		}
	}
	return true
}

// moves reports whether any member moves, or may: most orders end without.
func (t *Tiers) moves(all []standing, by map[int64]happenings.Happened) bool {
	return slices.ContainsFunc(all, func(s standing) bool {
		return s.Holds > t.place(s.Tier) || s.Holds < t.place(s.Tier) && s.OrderID != 0 && s.OrderID == by[s.Member].Order
	})
}

func (t *Tiers) react(tx *store.Tx, members []int64, all []standing, by map[int64]happenings.Happened, heard string) (err error) {
	today := t.today(tx)
	if all == nil {
		if err := t.catchUp(tx, members); err != nil {
			return err
		}
		if all, err = t.reached(tx, today, members); err != nil {
			return err
		}
	}
	var moves []move
	for _, s := range all {
		if to, what := loyalty.TierUp(t.ladder, t.stay(s), s.Holds, today); what != "" {
			m := move{standing: s, what: what, to: to, day: today, order: by[s.Member].Order, heard: heard}
			// What comes right after the event, though it came in with it, is after the tier.
			if at := by[s.Member].At; heard == asNews && t.v.Day(at) == today && at.Before(tx.At.Time) {
				m.at = at
			}
			moves = append(moves, m)
			continue
		}
		if s.OrderID == 0 || s.OrderID != by[s.Member].Order || s.Holds >= t.place(s.Tier) {
			continue
		}
		m, undone, err := t.undo(tx, s, today)
		if err != nil {
			return fmt.Errorf("the tier of member %d: %w", s.Member, err)
		}
		if m.heard = heard; undone {
			moves = append(moves, m)
		}
	}
	return t.write(tx, moves)
}

// undo takes a tier back whose rule no longer holds, since the order by which it was
// reached was given back: while the order is pending, or where the tier ends with it.
// The member has the tier again that they had before, if it would have lasted.
func (t *Tiers) undo(tx *store.Tx, s standing, today loyalty.Day) (m move, undone bool, err error) {
	var order struct {
		Day      int64
		Counts   bool
		Refunded int64
	}
	err = tx.One(&order, "select day, counts, refunded from orders where id = @id", store.Args{"id": s.OrderID})
	if err != nil {
		return m, false, err
	}
	place := t.place(s.Tier)
	pending := place > 0 && (t.list[place-1].WithOrder || today < loyalty.Day(order.Day)+t.pending)
	if !pending || order.Counts && order.Refunded == 0 {
		return m, false, nil
	}
	to := t.ladder.Begin(s.Holds, today)
	var before standing
	err = tx.One(&before, `
		select member_id as member, id, tier, since_day, last_day, exact from member_tiers
		where  member_id = @member and id < @id and left_day = @day
		order  by id desc limit 1`, store.Args{"member": s.Member, "id": s.ID, "day": s.SinceDay})
	if err = store.IgnoreNotFound(err); err != nil {
		return m, false, err
	}
	if was := t.stay(before); was.Tier < place && was.Tier > 0 && was.Tier >= to.Tier && (was.Last == 0 || t.ladder.Ends(was) >= today) {
		to = loyalty.Stay{Tier: was.Tier, Since: today, Last: was.Last, Exact: was.Exact}
	}
	because := fmt.Sprintf("the order that %s was reached by was given back", s.Tier)
	return move{standing: s, what: loyalty.Down, to: to, day: today, because: because}, true, nil
}
