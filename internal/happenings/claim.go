package happenings

import (
	"encoding/json"
	"fmt"
	"time"

	"regulars/internal/isolation"
	"regulars/internal/loyalty"
	"regulars/internal/store"
)

// readyReactions is the condition on reactions r of @campaign that their turn has
// come: none of the same member that failed waits before them.
func readyReactions(tx *store.Tx) string {
	return `r.campaign_id = @campaign and r.member_id not in (
		select f.member_id from reactions f where f.campaign_id = @campaign and f.retry_at is not null and f.retry_at > ` + tx.Machine() + `)`
}

// Failed asks whether a reaction of @campaign was put off, of another member than
// @member.
const Failed = "select 1 from reactions where campaign_id = @campaign and member_id <> @member and retry_at is not null"

// Waiting returns the happenings that a campaign is to react to next.
func Waiting(tx *store.Tx, campaign int64, most int) (all []isolation.Piece, err error) {
	err = tx.All(&all, "select r.happening_id as id, r.member_id from reactions r where "+readyReactions(tx)+" order by r.happening_id limit @most",
		store.Args{"campaign": campaign, "most": most})
	return all, err
}

// Claim takes the happenings that a campaign is to react to next, or some of them,
// whose members nobody else has locked; it locks these.
func Claim(t isolation.Turn, only []int64) ([]Happening, error) {
	tx := t.Tx
	among := ""
	if only != nil {
		among = "and r.happening_id in " + tx.In("@only")
	}
	var waiting []int64
	err := tx.All(&waiting, `
		select distinct member_id from (
			select r.member_id from reactions r where `+readyReactions(tx)+` `+among+` order by r.happening_id limit @most) w
		order  by member_id`, store.Args{"campaign": t.ID, "most": t.Most, "only": store.IDs(only)})
	if err != nil || len(waiting) == 0 {
		return nil, err
	}
	members, err := tx.LockMembers(waiting)
	if err != nil || len(members) == 0 {
		return nil, err
	}
	var ids []int64
	err = tx.All(&ids, `
		delete from reactions
		where  campaign_id = @campaign and happening_id in (
			select r.happening_id from reactions r where `+readyReactions(tx)+` `+among+` and r.member_id in `+tx.In("@members")+`
			order  by r.happening_id limit @most)
		returning happening_id`, store.Args{"campaign": t.ID, "most": t.Most, "only": store.IDs(only), "members": store.IDs(members)})
	if err != nil || len(ids) == 0 {
		return nil, err
	}
	var rows []struct {
		ID       int64
		Kind     string
		MemberID int64
		TakenAt  loyalty.Instant
		Detail   string
	}
	err = tx.All(&rows, `
		select id, kind, member_id, taken_at, cast(detail as text) as detail
		from   happenings
		where  id in `+tx.In("@ids")+`
		order  by id`, store.Args{"ids": store.IDs(ids)})
	var all []Happening
	for _, r := range rows {
		h := Happening{ID: r.ID, Kind: r.Kind, MemberID: r.MemberID, TakenAt: r.TakenAt}
		if err := json.Unmarshal([]byte(r.Detail), &h.About); err != nil {
			return nil, fmt.Errorf("happening %d: %w", h.ID, err)
		}
		all = append(all, h)
	}
	return all, err
}

// PutOff lets a reaction that failed by itself wait, and with it those of
// the same member that come after it.
func PutOff(tx *store.Tx, campaign, happening int64, why error) error {
	args := store.Args{"campaign": campaign, "happening": happening, "why": store.Brief(why)}
	var tries int
	err := tx.One(&tries, `
		update reactions set tries = tries + 1, because = @why
		where  campaign_id = @campaign and happening_id = @happening returning tries`, args)
	if err != nil {
		return store.IgnoreNotFound(err)
	}
	_, err = tx.Exec("update reactions set retry_at = "+tx.MachineIn(pauseAfter(tries))+" where campaign_id = @campaign and happening_id >= @happening and member_id = (select f.member_id from reactions f where f.campaign_id = @campaign and f.happening_id = @happening)", args)
	return err
}

// pauseAfter is how long an odd piece waits that has failed so often.
func pauseAfter(tries int) time.Duration { return min(time.Hour, 10*time.Second<<min(tries-1, 10)) }

// Waves parts happenings so that no wave has two of the same member.
func Waves(all []Happening) (waves [][]Happening) {
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

// Due returns the campaigns that have something to react to, that with what waits
// longest first; before all of them versions.Membership.
func Due(tx *store.Tx) (ids []int64, err error) {
	err = tx.All(&ids, `
		select id
		from  (select c.id, (select min(r.happening_id) from reactions r where r.campaign_id = c.id) as first
		       from (select 0 as id union all select id from campaigns) c) w
		where  first is not null
		order  by id > 0, first, id`, nil)
	return ids, err
}
