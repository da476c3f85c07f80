package flows

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"regulars/internal/happenings"
	"regulars/internal/isolation"
	"regulars/internal/loyalty"
	"regulars/internal/membership"
	"regulars/internal/rules"
	"regulars/internal/store"
	"regulars/internal/versions"
)

// React does what happenings set off, and returns how many reactions it did: who
// enters and leaves segments first, then each campaign by itself. Of one member,
// what happened first is reacted to first. Many workers may call it at once.
func React(ctx context.Context, db *store.DB) (int, error) {
	return isolation.Each(ctx, db, isolation.Work{
		Name: "reactions", Limit: isolation.Quick,
		Due: happenings.Due, Pieces: happenings.Waiting, PutOff: happenings.PutOff, Failed: happenings.Failed,
		Do: func(t isolation.Turn, only []int64) (int, error) {
			claimed, err := happenings.Claim(t, only)
			if err != nil || len(claimed) == 0 {
				return 0, err
			}
			if t.ID == versions.Membership {
				return len(claimed), membership.React(t, claimed)
			}
			if t.C == nil { // gone since
				return len(claimed), nil
			}
			for _, wave := range happenings.Waves(claimed) {
				if err := endBy(t, wave); err != nil {
					return 0, fmt.Errorf("ending passages: %w", err)
				}
				starts, err := startsOf(t, wave)
				if err != nil {
					return 0, err
				}
				var begun []int64
				for _, s := range starts {
					ids, err := Begin(t, s)
					if err != nil {
						return 0, err
					}
					if err := s.tell(t, ids); err != nil {
						return 0, err
					}
					begun = append(begun, ids...)
				}
				// At once, so that a welcome does not wait for the next pass.
				if err := takeSteps(t, begun, true); err != nil {
					return 0, err
				}
			}
			return len(claimed), nil
		},
	})
}

// startsOf returns the starts of the campaign that happenings of as many members set
// off, and records the milestones that are reached without a mail.
func startsOf(t isolation.Turn, wave []happenings.Happening) (starts []Start, err error) {
	for _, h := range wave {
		switch e := h.About.Happened; {
		case h.Kind == happenings.Entered:
			starts = enter(t, starts, h)
		case e == nil:
		case h.Kind == happenings.History && e.Records(t.C):
			for _, value := range e.Crossed(t.C) {
				if err := recordReached(t, e.Member, value); err != nil {
					return nil, err
				}
			}
		case h.Kind == happenings.News && e.Starts(t.C):
			s, starting, err := startBy(t, h)
			if err != nil {
				return nil, fmt.Errorf("happening %d: %w", h.ID, err)
			}
			if starting {
				starts = append(starts, s)
			}
		}
	}
	return starts, nil
}

// enter adds the start for a member who entered the campaign's segment, if they are
// still inside. Those with one occurrence start together.
func enter(t isolation.Turn, starts []Start, h happenings.Happening) []Start {
	segment, ok := t.V.Segment(t.C.Start.Segment)
	at := h.About.Entered
	if !ok || t.C.Start.Kind != "enters" || t.C.Since.IsZero() || segment.ID != h.About.Segment || at.Before(t.C.Since.Time) {
		return starts
	}
	key := occurrenceKey(t, "enters", fmt.Sprintf("enters:%d", at.UnixMicro()))
	i := slices.IndexFunc(starts, func(s Start) bool { return s.Key == key })
	if i < 0 {
		starts = append(starts, Start{Key: key, Wake: firstAt(t), rule: segment.Rule})
		i = len(starts) - 1
	}
	starts[i].members = append(starts[i].members, h.MemberID)
	return starts
}

// startBy is the start of the campaign by an event, if it is one. It began when the
// event came in, however long the campaign could not react. Of several milestones
// that an event crosses the highest is mailed; those below it, and all that were
// crossed before the campaign went live, are recorded, so that none of them ever is.
func startBy(t isolation.Turn, h happenings.Happening) (s Start, starting bool, err error) {
	e := h.About.Happened
	byEvent := "event:" + strconv.FormatInt(e.Event, 10)
	s = Start{Wake: t.Tx.At, since: h.TakenAt, members: []int64{e.Member}, event: e.Event, order: e.Order}
	if ownAct(*e) {
		s.ownAct = e.At
	}
	switch t.C.Start.Kind {
	case "milestone":
		crossed := e.Crossed(t.C)
		recorded := crossed[:len(crossed)-1]
		if e.At.Before(t.C.Since.Time) {
			recorded = crossed
		}
		for _, value := range recorded {
			if err := recordReached(t, e.Member, value); err != nil {
				return s, false, err
			}
		}
		s.reached = crossed[len(crossed)-1]
		s.Key = MilestoneKey(t.C.Start.Figure, s.reached)
		return s, len(recorded) < len(crossed), nil
	case "asks": // whenever that was: without its mail they never could join
		s.Key = byEvent
	case "joins":
		s.Key = occurrenceKey(t, "joins", byEvent)
	default:
		if e.Asked && e.Type == loyalty.MemberJoined {
			return s, false, nil
		}
		if e.Order != 0 {
			if test, err := rules.IsTest(t.Tx, e.Order); test || err != nil {
				return s, false, err
			}
		}
		what, err := rules.ReadTrigger(t.Tx, e.Event, e.Order)
		if err != nil {
			return s, false, err
		}
		s.Key, s.rule, s.read = occurrenceKey(t, "event", byEvent), t.C.Start.Where, what
	}
	return s, true, nil
}

// ownAct reports whether the member did this, so that a mail about it is expected
// at any hour. What the shop does with an order, or a balance, comes by itself.
func ownAct(e happenings.Happened) bool {
	switch e.Type {
	case "", loyalty.OrderChanged, loyalty.OrderFulfilled, loyalty.OrderCancelled, loyalty.OrderRefunded, loyalty.PointsChanged:
		return false
	case loyalty.MemberChanged:
		return e.Joined || e.Asked
	}
	return true
}
