package flows

import (
	"context"
	"fmt"
	"slices"

	"regulars/internal/happenings"
	"regulars/internal/isolation"
	"regulars/internal/loyalty"
	"regulars/internal/membership"
	"regulars/internal/store"
	"regulars/internal/versions"
)

// React does what happenings set off, and returns how many reactions it did: who
// enters and leaves segments first, then each campaign by itself. Of one member,
// what happened first is reacted to first. Many workers may call it at once.
func React(ctx context.Context, db *store.DB) (int, error) {
	return isolation.Each(ctx, db, isolation.Work{
		Name: "reactions", Limit: isolation.Quick,
		Due: func(tx *store.Tx) (ids []int64, err error) {
			err = tx.All(&ids, `
				select id
				from  (select c.id, (select min(r.happening_id) from reactions r where r.campaign_id = c.id) as first
				       from (select 0 as id union all select id from campaigns) c) w
				where  first is not null
				order  by id > 0, first, id`, nil)
			return ids, err
		},
		Do:     react,
		Pieces: happenings.Waiting,
		PutOff: happenings.PutOff,
	})
}

// react does a bounded part of what a campaign has to react to.
func react(t isolation.Turn, only []int64) (int, error) {
	claimed, err := happenings.Claim(t.Tx, t.Id, only)
	if err != nil || len(claimed) == 0 {
		return 0, err
	}
	switch {
	case t.Id == versions.Membership:
		err = membership.React(t, claimed)
	case t.C != nil:
		for _, wave := range happenings.Waves(claimed) {
			if err = reactTo(t, wave); err != nil {
				break
			}
		}
	}
	return len(claimed), err
}

// reactTo has a campaign react to happenings of as many members: passages end,
// others begin, and their first mails are queued.
func reactTo(t isolation.Turn, wave []happenings.Happening) error {
	if err := endBy(t, wave); err != nil {
		return fmt.Errorf("ending passages: %w", err)
	}
	begun, err := startThoseEntered(t, wave)
	if err != nil {
		return err
	}
	for _, h := range wave {
		ids, err := startBy(t, h)
		if err != nil {
			return fmt.Errorf("happening %d: %w", h.ID, err)
		}
		begun = append(begun, ids...)
	}
	return takeDue(t, begun)
}

// startThoseEntered starts the campaign for members who entered its segment, all of
// one moment at once, if they are still inside.
func startThoseEntered(t isolation.Turn, wave []happenings.Happening) (begun []int64, err error) {
	moments, order := map[loyalty.Instant][]happenings.Happening{}, []loyalty.Instant{}
	for _, h := range wave {
		if at := h.About.Entered; h.Kind == happenings.Entered && !at.Before(t.C.Since.Time) {
			if moments[at] == nil {
				order = append(order, at)
			}
			moments[at] = append(moments[at], h)
		}
	}
	s, ok := t.V.Segment(t.C.Start.Segment)
	if !ok || t.C.Start.Kind != "enters" || t.C.Since.IsZero() {
		return nil, nil
	}
	for _, at := range order {
		var members []int64
		for _, h := range moments[at] {
			if h.About.Segment == s.ID {
				members = append(members, h.MemberID)
			}
		}
		slices.Sort(members)
		key := occurrenceKey(t.C, "enters", fmt.Sprintf("enters:%d", at.UnixMicro()), t.V.Day(t.Tx.At))
		ids, err := Begin(t.Tx, t.V, Start{C: t.C, Key: key, Wake: firstAt(t.C, t.Tx.At, t.V), members: slices.Compact(members), rule: s.Rule})
		if err != nil {
			return nil, err
		}
		begun = append(begun, ids...)
	}
	return begun, nil
}
