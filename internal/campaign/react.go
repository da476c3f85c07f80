package campaign

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"regulars/internal/loyalty"
	"regulars/internal/store"
	"regulars/segments"
)

// React does what happenings set off, and returns how many reactions it did: who
// enters and leaves segments first, then each campaign by itself. Of one member,
// what happened first is reacted to first. Many workers may call it at once.
func (b *Book) React(ctx context.Context, db *store.DB) (int, error) {
	return b.apart(ctx, db, work{
		name: "reactions", limit: quick,
		due: func(tx *store.Tx) (ids []int64, err error) {
			err = tx.All(&ids, `
				select id
				from  (select c.id, (select min(r.happening_id) from reactions r where r.campaign_id = c.id) as first
				       from (select 0 as id union all select id from campaigns) c) w
				where  first is not null
				order  by id > 0, first, id`, nil)
			return ids, err
		},
		do:     b.react,
		pieces: waitingReactions,
		putOff: putOffReaction,
		failed: "select 1 from reactions where campaign_id = @campaign and member_id <> @member and retry_at is not null",
	})
}

// react does a bounded part of what a campaign has to react to.
func (b *Book) react(t turn, only []int64) (int, error) {
	claimed, err := claimReactions(t, only)
	if err != nil || len(claimed) == 0 {
		return 0, err
	}
	switch {
	case t.id == membership:
		err = b.settleMembership(t, claimed)
	case t.c != nil:
		for _, wave := range inWaves(claimed) {
			if err = b.reactTo(t, wave); err != nil {
				break
			}
		}
	}
	return len(claimed), err
}

// readyReactions is the condition on reactions r of @campaign that their turn has
// come: none of the same member that failed waits before them.
func readyReactions(tx *store.Tx) string {
	return `r.campaign_id = @campaign and not exists (
		select 1 from reactions f where f.campaign_id = r.campaign_id and f.member_id = r.member_id and f.retry_at > ` + tx.Machine() + `)`
}

// waitingReactions returns the happenings that a campaign is to react to next.
func waitingReactions(tx *store.Tx, campaign int64, most int) (all []piece, err error) {
	err = tx.All(&all, "select r.happening_id as id, r.member_id from reactions r where "+readyReactions(tx)+" order by r.happening_id limit @most",
		store.Args{"campaign": campaign, "most": most})
	return all, err
}

// claimReactions takes the happenings that a campaign is to react to next, or some
// of them, whose members nobody else has locked; it locks these.
func claimReactions(t turn, only []int64) ([]happening, error) {
	tx := t.tx
	among := ""
	if only != nil {
		among = "and r.happening_id in " + inList(tx, "@only")
	}
	var waiting []int64
	err := tx.All(&waiting, `
		select distinct member_id from (
			select r.member_id from reactions r where `+readyReactions(tx)+` `+among+` order by r.happening_id limit @most) w
		order  by member_id`, store.Args{"campaign": t.id, "most": t.most, "only": array(only)})
	if err != nil || len(waiting) == 0 {
		return nil, err
	}
	members, err := lockMembers(tx, waiting)
	if err != nil || len(members) == 0 {
		return nil, err
	}
	var ids []int64
	err = tx.All(&ids, `
		delete from reactions
		where  campaign_id = @campaign and happening_id in (
			select r.happening_id from reactions r where `+readyReactions(tx)+` `+among+` and r.member_id in `+inList(tx, "@members")+`
			order  by r.happening_id limit @most)
		returning happening_id`, store.Args{"campaign": t.id, "most": t.most, "only": array(only), "members": array(members)})
	if err != nil || len(ids) == 0 {
		return nil, err
	}
	return readHappenings(tx, ids)
}

func readHappenings(tx *store.Tx, ids []int64) (all []happening, err error) {
	err = tx.All(&all, `
		select id, kind, member_id, taken_at, cast(detail as text) as detail
		from   happenings
		where  id in `+inList(tx, "@ids")+`
		order  by id`, store.Args{"ids": array(ids)})
	for i, h := range all {
		if err := json.Unmarshal([]byte(h.Detail), &all[i].about); err != nil {
			return nil, fmt.Errorf("happening %d: %w", h.ID, err)
		}
	}
	return all, err
}

// putOffReaction lets a reaction that failed by itself wait, and with it those of
// the same member that come after it.
func putOffReaction(tx *store.Tx, campaign, happening int64, why error) error {
	args := store.Args{"campaign": campaign, "happening": happening, "why": brief(why)}
	var tries int
	err := tx.One(&tries, `
		update reactions set tries = tries + 1, because = @why
		where  campaign_id = @campaign and happening_id = @happening returning tries`, args)
	if err != nil {
		return ignoreNotFound(err)
	}
	_, err = tx.Exec("update reactions set retry_at = "+tx.MachineIn(pauseAfter(tries))+" where campaign_id = @campaign and happening_id >= @happening and member_id = (select f.member_id from reactions f where f.campaign_id = @campaign and f.happening_id = @happening)", args)
	return err
}

// pauseAfter is how long an odd piece waits that has failed so often.
func pauseAfter(tries int) time.Duration { return min(time.Hour, 10*time.Second<<min(tries-1, 10)) }

// inWaves parts happenings so that no wave has two of the same member.
func inWaves(all []happening) (waves [][]happening) {
	seen := map[int64]int{}
	for _, h := range all {
		n := seen[h.MemberID]
		seen[h.MemberID]++
		if n == len(waves) {
			waves = append(waves, nil)
		}
		waves[n] = append(waves[n], h)
	}
	return waves
}

// settleMembership puts the members of happenings into the segments where they now
// belong. An import mails nobody: for whom history came in beside, none of it starts
// a campaign.
func (b *Book) settleMembership(t turn, all []happening) error {
	live, past := changed{}, changed{}
	for _, h := range all {
		what := segments.Change{Everything: true}
		switch {
		case h.about.Change != nil:
			what = *h.about.Change
		case h.about.Happened != nil:
			what = h.about.Happened.changed(t.v, h.TakenAt)
		}
		into := live
		if h.Kind == history || h.Kind == learned {
			into = past
		}
		into[h.MemberID] = into[h.MemberID].And(what)
	}
	for m, what := range live {
		if before, both := past[m]; both {
			past[m] = before.And(what)
			delete(live, m)
		}
	}
	if err := b.reevaluate(t.tx, t.v, past, true); err != nil {
		return err
	}
	return b.reevaluate(t.tx, t.v, live, false)
}

// reactTo has a campaign react to happenings of as many members: passages end,
// others begin, and their first mails are queued.
func (b *Book) reactTo(t turn, wave []happening) error {
	if err := b.endBy(t, wave); err != nil {
		return fmt.Errorf("ending passages: %w", err)
	}
	begun, err := b.startThoseEntered(t, wave)
	if err != nil {
		return err
	}
	for _, h := range wave {
		ids, err := b.startBy(t, h)
		if err != nil {
			return fmt.Errorf("happening %d: %w", h.ID, err)
		}
		begun = append(begun, ids...)
	}
	return b.takeDue(t, begun)
}

// startThoseEntered starts the campaign for members who entered its segment, all of
// one moment at once, if they are still inside.
func (b *Book) startThoseEntered(t turn, wave []happening) (begun []int64, err error) {
	moments, order := map[loyalty.Instant][]happening{}, []loyalty.Instant{}
	for _, h := range wave {
		if at := h.about.Entered; h.Kind == entered && !at.Before(t.c.Since.Time) {
			if moments[at] == nil {
				order = append(order, at)
			}
			moments[at] = append(moments[at], h)
		}
	}
	s, ok := t.v.segment(t.c.Start.Segment)
	if !ok || t.c.Start.Kind != "enters" || t.c.Since.IsZero() {
		return nil, nil
	}
	for _, at := range order {
		var members []int64
		for _, h := range moments[at] {
			if h.about.Segment == s.id {
				members = append(members, h.MemberID)
			}
		}
		slices.Sort(members)
		key := t.c.occasion("enters", fmt.Sprintf("enters:%d", at.UnixMicro()), t.v.Day(t.tx.At))
		ids, err := b.start(t.tx, t.v, begin{c: t.c, key: key, wake: t.c.at(t.tx.At, t.v), members: slices.Compact(members), rule: s.Rule})
		if err != nil {
			return nil, err
		}
		begun = append(begun, ids...)
	}
	return begun, nil
}
