package points

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"regulars/internal/coupon"
	"regulars/internal/happenings"
	"regulars/internal/loyalty"
	"regulars/internal/program"
	"regulars/internal/store"
)

// Followed are the referrers for whom something changed, and those of them for whom it
// is news.
type Followed struct{ Changed, News []int64 }

// Follow brings the referrals of friends to what their orders say now. The friends are
// locked, and of the referrers those that locked holds: the others' are the night's.
func (r *Rules) Follow(tx *store.Tx, friends []int64, locked map[int64]bool) (found Followed, err error) {
	var list []Referral
	err = tx.All(&list, referralColumns+`
		where  f.friend_id in (select value from `+tx.JSONEach("@friends")+`) and f.by_whom = ''
		and    (f.state in ('pending', 'ended') or f.state = 'rewarded' and f.order_id is not null)
		order  by f.id`, store.Args{"friends": store.IDs(friends)})
	if err != nil {
		return found, fmt.Errorf("by whom %d members were brought: %w", len(friends), err)
	}
	for _, ref := range list {
		if !locked[ref.ReferrerID] {
			continue
		}
		done, err := r.follow(tx, &ref)
		if err != nil {
			return found, fmt.Errorf("referral %d: %w", ref.ID, err)
		}
		if done {
			found.Changed = append(found.Changed, ref.ReferrerID)
		}
		if done && ref.State != referralRefused && r.news(tx, ref) {
			found.News = append(found.News, ref.ReferrerID)
		}
	}
	return found, nil
}

// news reports whether it is news that a referral is rewarded now.
func (r *Rules) news(tx *store.Tx, ref Referral) bool {
	return ref.ByWhom != "" || ref.OpensDay != nil && tx.At.Sub(ref.OpensDay.Start(r.Zone)) <= r.NewsWithin
}

// follow brings one referral to what its friend's orders say now.
func (r *Rules) follow(tx *store.Tx, ref *Referral) (changed bool, err error) {
	f, err := r.promised(*ref)
	if err != nil || f == nil {
		return false, err
	}
	if ref.State == referralRewarded {
		p, err := r.enough(tx, f, []int64{ref.OrderID})
		if err != nil || p != nil {
			return false, err
		}
		return true, r.unreward(tx, ref, "given_back", "")
	}
	if reason, err := r.lateDoubt(tx, f, *ref); err != nil || reason != "" {
		if err == nil {
			ref.State, ref.Reason = referralRefused, reason
			err = ref.write(tx)
		}
		return false, err
	}
	last := int64(1) << 40
	if f.Within != (loyalty.Period{}) {
		last = int64(f.Within.After(ref.Day))
	}
	var orders []int64
	err = tx.All(&orders, "select id from orders where member_id = @friend and at >= @joined and day <= @last and status = 'paid' order by at, id",
		store.Args{"friend": ref.FriendID, "joined": ref.At, "last": last})
	if err != nil {
		return false, err
	}
	first, err := r.enough(tx, f, orders)
	if err != nil {
		return false, err
	}
	was := *ref
	switch {
	case first == nil:
		ref.OrderID, ref.OpensDay = 0, nil
		if last < int64(r.today(tx)) {
			ref.State = referralEnded
		}
	default:
		rates, err := r.at(first.At).points()
		if err != nil {
			return false, err
		}
		opens := first.Day + loyalty.Day(rates.Pending)
		ref.State, ref.OrderID, ref.OpensDay = referralPending, first.ID, &opens
	}
	if ref.State != was.State || ref.OrderID != was.OrderID {
		if err := ref.write(tx); err != nil {
			return false, err
		}
	}
	if ref.OrderID == 0 || *ref.OpensDay > r.today(tx) {
		return false, nil
	}
	return r.repay(tx, f, ref)
}

// enough is the first of orders, which are in sequence, that is as large as it has to
// be: goods as paid, less what was given back. nil: none is.
func (r *Rules) enough(tx *store.Tx, f *program.Referral, orders []int64) (*purchase, error) {
	if len(orders) == 0 {
		return nil, nil
	}
	list, err := r.read(tx, orders)
	if err != nil {
		return nil, err
	}
	goods := loyalty.Rates{Earn: []loyalty.Earn{{N: 1, Per: 1}}}
	for _, id := range orders {
		i := slices.IndexFunc(list, func(p *purchase) bool { return p.ID == id })
		if i < 0 || list[i].Status != loyalty.Paid {
			continue
		}
		order, refunds := list[i].order()
		if n := loyalty.Target(order, refunds, goods); n > 0 && n >= f.Minimum {
			return list[i], nil
		}
	}
	return nil, nil
}

// write keeps what has become of a referral.
func (ref Referral) write(tx *store.Tx) error {
	var order any
	if ref.OrderID != 0 {
		order = ref.OrderID
	}
	_, err := tx.Exec("update referrals set state = @state, reason = @reason, order_id = @order, opens_day = @opens, by_whom = @by where id = @id",
		store.Args{"id": ref.ID, "state": ref.State, "reason": ref.Reason, "order": order, "opens": ref.OpensDay, "by": ref.ByWhom})
	return err
}

// repay gives the referrer what was promised, and reports whether it could: a pool that
// is empty may have codes another night.
func (r *Rules) repay(tx *store.Tx, f *program.Referral, ref *Referral) (bool, error) {
	said := map[string]any{}
	if f.ReferrerPool != "" {
		var err error
		if said, err = r.codeFor(tx, f.ReferrerPool, forReferrer, ref.ID, ref.ReferrerID); err != nil || said["code"] == nil {
			return false, err
		}
	} else {
		era := r.now()
		rates, err := era.points()
		if err != nil {
			return false, err
		}
		fresh, err := r.add(tx, []Entry{r.bonus(tx, era, rates, Entry{MemberID: ref.ReferrerID, At: tx.At, Amount: f.ReferrerPoints,
			Cause: "referral:" + strconv.FormatInt(ref.ID, 10), ReferralID: &ref.ID, ByWhom: ref.ByWhom}, r.today(tx))})
		if err != nil || len(fresh) == 0 {
			return false, err
		}
	}
	ref.State = referralRewarded
	if err := ref.write(tx); err != nil {
		return false, err
	}
	var n int64
	if err := tx.One(&n, "select count(*) from referrals where referrer_id = @id and state = 'rewarded'", store.Args{"id": ref.ReferrerID}); err != nil {
		return false, err
	}
	said["referrals"] = n
	return true, happenings.Tell(tx, r.today(tx), []happenings.Own{{Member: ref.ReferrerID, Type: "referral.rewarded", Key: fmt.Sprintf("referral.rewarded:%d", ref.ID),
		Properties: said, News: r.news(tx, *ref)}})
}

// unreward takes the reward of a referral back, for a reason. A code that was redeemed
// stays.
func (r *Rules) unreward(tx *store.Tx, ref *Referral, reason, by string) error {
	var n int64
	err := tx.One(&n, "select coalesce(cast(sum(amount) as bigint), 0) from entries where referral_id = @id and member_id = @member",
		store.Args{"id": ref.ID, "member": ref.ReferrerID})
	if err != nil {
		return err
	}
	if n > 0 {
		_, err := r.add(tx, []Entry{{MemberID: ref.ReferrerID, Wallet: Wallet, At: tx.At, Day: r.today(tx), Kind: takeback, Amount: -n,
			Cause: fmt.Sprintf("referral:%d:back", ref.ID), ReferralID: &ref.ID, VersionID: r.now().Version, ByWhom: by}})
		if err != nil {
			return err
		}
	}
	var codes []int64
	args := store.Args{"key": referralKey(ref.ID, forReferrer)}
	if err := tx.All(&codes, "select code_id from claims where source = 'referral' and key = @key and state = 'done' and code_id is not null", args); err != nil {
		return err
	}
	for _, code := range codes {
		if err := coupon.Unclaim(tx, code); err != nil && !errors.Is(err, coupon.ErrUsed) {
			return err
		}
		if _, err := tx.Exec("update claims set state = 'reversed' where source = 'referral' and key = @key", args); err != nil {
			return err
		}
	}
	ref.State, ref.Reason, ref.ByWhom = referralRefused, reason, by
	return ref.write(tx)
}

// ReferralsDue returns the next members that a referral is about for which the night has
// something to do: the friends, and all of whom the locks are needed.
func (r *Rules) ReferralsDue(tx *store.Tx, after int64, limit int) (friends, all []int64, last int64, err error) {
	f, err := r.now().referral()
	if err != nil || f == nil {
		return nil, nil, 0, err
	}
	var rows []struct{ ID, ReferrerID, FriendID int64 }
	err = tx.All(&rows, fmt.Sprintf(`
		select f.id, f.referrer_id, f.friend_id
		from   referrals f
		left   join orders o on o.id = f.order_id
		where  f.id > @after and f.by_whom = ''
		and    (f.state = 'pending' and (f.order_id is null or f.opens_day <= @today or o.id is null or not o.counts)
		        or f.state = 'rewarded' and f.order_id is not null and (o.id is null or not o.counts or o.refunded > 0))
		order  by f.id limit %d`, limit), store.Args{"after": after, "today": int64(r.today(tx))})
	if err != nil {
		return nil, nil, 0, fmt.Errorf("which referrals are due: %w", err)
	}
	for _, row := range rows {
		friends, all, last = append(friends, row.FriendID), append(all, row.FriendID, row.ReferrerID), row.ID
	}
	return friends, all, last, nil
}

// DecideReferral has a person overrule what the rules say of a referral: its referrer is
// rewarded now, or is not. Both members are locked.
func (r *Rules) DecideReferral(tx *store.Tx, id int64, good bool, because, by string) error {
	ref, err := FindReferral(tx, id)
	if err != nil {
		return err
	}
	f, err := r.promised(ref)
	if err != nil {
		return err
	}
	var was bool // rewarded, once
	err = tx.One(&was, "select count(*) > 0 from (select id from entries where referral_id = @id union all select id from claims where source = 'referral' and key = @key) g",
		store.Args{"id": id, "key": referralKey(id, forReferrer)})
	if err != nil {
		return err
	}
	because = strings.TrimSpace(because)
	switch {
	case because == "":
		return errors.New("say why, as in --because \"they live in one house\": it is kept with the referral")
	case f == nil:
		return ErrNoReferral
	case good && ref.FriendID == ref.ReferrerID:
		return errors.New("nobody is rewarded for bringing themselves")
	case good && ref.State == referralRewarded:
		return fmt.Errorf("referral %d is rewarded already", id)
	case good && was:
		return fmt.Errorf("referral %d was rewarded once and that was taken back: points give is for what is owed all the same", id)
	case !good && ref.State == referralRefused:
		return fmt.Errorf("referral %d is refused already", id)
	case !good:
		return r.unreward(tx, &ref, because, by)
	}
	ref.Reason, ref.ByWhom, ref.OrderID, ref.OpensDay = because, by, 0, nil
	if err := r.welcome(tx, f, ref); err != nil {
		return err
	}
	done, err := r.repay(tx, f, &ref)
	if err == nil && !done {
		err = fmt.Errorf("pool %s has no code left for the referrer", f.ReferrerPool)
	}
	return err
}
