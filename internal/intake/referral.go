package intake

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"regulars/internal/coupon"
	"regulars/internal/loyalty"
	"regulars/internal/points"
	"regulars/internal/store"
)

// introduces reports whether an item says who brought its member: with their joining,
// now, or with one that is news of somebody who had joined before.
func (it *item) introduces() bool {
	return it.Member.ReferredBy != "" && !it.asked && (it.joined || it.Type == loyalty.MemberJoined && it.news)
}

// lockReferrers finds out who brought the members of the batch, or does so by it, and
// locks them together with list: their points may change by what their friends do.
func (b *batch) lockReferrers(list []*person) error {
	refers, err := b.shop.points.Refers()
	if err != nil || !refers {
		return err
	}
	b.referrers = map[int64]bool{}
	var names []string
	for _, it := range b.items {
		if it.Member.ReferredBy != "" {
			names = append(names, it.Member.ReferredBy)
		}
	}
	if b.named, err = referrers(b.tx, names); err != nil {
		return err
	}
	var all []int64
	for _, id := range b.named {
		all = append(all, id)
	}
	found, err := referrersOf(b.tx, ids(list, (*person).number))
	if err != nil {
		return err
	}
	if all = append(all, found...); len(all) == 0 {
		return nil
	}
	for _, id := range all {
		b.referrers[id] = true
	}
	for _, who := range list {
		all = append(all, who.id)
	}
	return b.tx.HoldMembers(all)
}

// referrers finds whom friends name as the one who brought them: by what Members knows
// somebody by, else by a referral code.
func referrers(tx *store.Tx, names []string) (map[string]int64, error) {
	found, err := Members(tx, names)
	if err != nil {
		return nil, err
	}
	var codes []string
	for _, name := range names {
		if found[name] == 0 {
			codes = append(codes, name)
		}
	}
	byCode, err := coupon.Referrers(tx, codes)
	maps.Copy(found, byCode)
	return found, err
}

// Invitation returns what a member's referral code promises now: points.ErrNoReferral
// where nobody is rewarded for a friend.
func Invitation(tx *store.Tx, referrer int64) (in points.Invitation, err error) {
	rules, err := rulesOf(tx)
	if err != nil {
		return in, err
	}
	return rules.Invitation(tx, referrer)
}

// referrersOf are those who brought members and were not refused for it.
func referrersOf(tx *store.Tx, members string) (all []int64, err error) {
	err = tx.All(&all, "select distinct referrer_id from referrals where state <> 'refused' and friend_id in (select value from "+tx.JSONEach("@ids")+")",
		store.Args{"ids": members})
	if err != nil {
		return nil, fmt.Errorf("who brought members: %w", err)
	}
	return all, nil
}

// refer keeps who was brought by whom, and brings referrals to what orders say now.
func (b *batch) refer(items []*item) error {
	if b.referrers == nil {
		return nil
	}
	var list []points.Introduced
	var friends []int64
	for _, it := range items {
		friends = append(friends, it.who.id)
		if it.order != nil && it.order.MemberID != 0 {
			friends = append(friends, it.order.MemberID)
		}
		if !it.introduces() {
			continue
		}
		referrer := b.named[it.Member.ReferredBy]
		if referrer == 0 {
			it.Note("member.referred_by", "%q is nobody whom we know by a member's id, card or referral code: nobody is rewarded for bringing this member", it.Member.ReferredBy)
			continue
		}
		list = append(list, points.Introduced{Friend: it.who.id, Referrer: referrer, Joins: it.joined})
	}
	rules := b.shop.points
	if err := rules.Refer(b.tx, list); err != nil {
		return err
	}
	if err := b.were.measure(b.tx, slices.Collect(maps.Keys(b.referrers))); err != nil {
		return err
	}
	found, err := rules.Follow(b.tx, append(friends, b.disowned...), b.referrers)
	b.disowned, b.repaid = append(b.disowned, found.Changed...), found
	return err
}

// tellRepaid has campaigns hear which milestones referrers have reached by the wave, of
// whom facts are up to date again.
func (b *batch) tellRepaid() error {
	found := b.repaid
	b.repaid = points.Followed{}
	err := b.were.tellFollowed(b.tx, found)
	b.were = nil // the next wave begins with what they have now
	return err
}

// tellFollowed has campaigns hear which milestones referrers have reached.
func (was rising) tellFollowed(tx *store.Tx, found points.Followed) error {
	late := slices.DeleteFunc(slices.Clone(found.Changed), func(id int64) bool { return slices.Contains(found.News, id) })
	if err := was.tell(tx, found.News, true); err != nil {
		return err
	}
	return was.tell(tx, late, false)
}

// bookJoined gives a member who has confirmed that they join what joining gives, and
// keeps who brought them. The member is locked.
func bookJoined(tx *store.Tx, member int64) error {
	rules, err := rulesOf(tx)
	if err != nil || rules == nil {
		return err
	}
	if _, err := rules.Joined(tx, []int64{member}); err != nil {
		return err
	}
	return referConfirmed(tx, rules, member)
}

// referConfirmed keeps who brought a member who has confirmed that they join. The member
// is locked; whoever brought them is, too, so that of two friends who confirm at once the
// second is counted after the first. Where that crosses another's locks, the database
// ends one of both, which is run again.
func referConfirmed(tx *store.Tx, rules *points.Rules, member int64) error {
	if refers, err := rules.Refers(); err != nil || !refers {
		return err
	}
	var by string
	if err := tx.One(&by, "select referred_by from members where id = @id", store.Args{"id": member}); err != nil || by == "" {
		return err
	}
	found, err := referrers(tx, []string{by})
	if err != nil || found[by] == 0 {
		return err
	}
	if err := tx.HoldMembers([]int64{found[by]}); err != nil {
		return err
	}
	return rules.Refer(tx, []points.Introduced{{Friend: member, Referrer: found[by], Joins: true}})
}

// referSome brings the next referrals to what the day says: those whose order can be
// given back no more are rewarded, those who never bought in time end. The row of the
// pass keeps how far it is.
func referSome(tx *store.Tx, name string, today loyalty.Day) (int, error) {
	rules, err := rulesOf(tx)
	if err != nil {
		return 0, err
	}
	if refers, err := rules.Refers(); err != nil || !refers {
		if err == nil {
			err = passed(tx, name, today)
		}
		return 0, err
	}
	args := store.Args{"name": name, "today": int64(today), "now": tx.At}
	if _, err := tx.Exec("insert into passes (name, day, started_at, note) values (@name, @today, @now, '0') on conflict (name, day) do nothing", args); err != nil {
		return 0, err
	}
	var note string
	err = tx.One(&note, "select note from passes where name = @name and day = @today and finished_at is null "+tx.SkipLocked(), args)
	if errors.Is(err, store.ErrNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	after, _ := strconv.ParseInt(note, 10, 64) // our own: "0" at first
	friends, all, last, err := rules.ReferralsDue(tx, after, endAtOnce)
	if err != nil {
		return 0, err
	}
	if len(friends) == 0 {
		_, err := tx.Exec("update passes set finished_at = @now where name = @name and day = @today", args)
		return 0, err
	}
	if err := tx.HoldMembers(all); err != nil {
		return 0, err
	}
	locked := map[int64]bool{}
	for _, id := range all {
		locked[id] = true
	}
	var were rising
	if err := were.measure(tx, all); err != nil {
		return 0, err
	}
	found, err := rules.Follow(tx, friends, locked)
	if err != nil {
		return 0, err
	}
	if err := booked(tx, found.Changed); err != nil {
		return 0, err
	}
	if err := were.tellFollowed(tx, found); err != nil {
		return 0, err
	}
	args["note"] = strconv.FormatInt(last, 10)
	_, err = tx.Exec("update passes set note = @note where name = @name and day = @today", args)
	return len(friends), err
}

// DecideReferral has a person say of a referral that its referrer is rewarded now, or
// is not, whatever the rules say.
func DecideReferral(tx *store.Tx, id int64, good bool, because, by string) (ref points.Referral, err error) {
	rules, err := rulesOf(tx)
	if err != nil {
		return ref, err
	}
	if refers, err := rules.Refers(); err != nil || !refers {
		if err == nil {
			err = points.ErrNoReferral
		}
		return ref, err
	}
	if ref, err = points.FindReferral(tx, id); err != nil {
		return ref, err
	}
	if err := tx.HoldMembers([]int64{ref.FriendID, ref.ReferrerID}); err != nil {
		return ref, err
	}
	referrer := []int64{ref.ReferrerID}
	var were rising
	if err := were.measure(tx, referrer); err != nil {
		return ref, err
	}
	if err := rules.DecideReferral(tx, id, good, because, by); err != nil {
		return ref, err
	}
	if err := booked(tx, referrer); err != nil {
		return ref, err
	}
	if err := were.tell(tx, referrer, true); err != nil {
		return ref, err
	}
	return points.FindReferral(tx, id)
}
