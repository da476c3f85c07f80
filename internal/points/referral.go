package points

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"regulars/internal/coupon"
	"regulars/internal/happenings"
	"regulars/internal/loyalty"
	"regulars/internal/program"
	"regulars/internal/store"
)

// A referral is a row between two members: who brought a friend is rewarded when the
// friend's first order of a certain size has come and can be given back no more. The
// version of the program at the friend's joining says what was promised.
//
//	friend joins ──▶ pending ──▶ an order counts, opens_day ──▶ rewarded ──▶ refunded: refused, given_back
//	             └─▶ refused     no order in time ──▶ ended

// Referral is such a row.
type Referral struct {
	ID         int64
	ReferrerID int64
	FriendID   int64
	Referrer   string // the members' names at the shop
	Friend     string
	State      string
	Reason     string
	At         loyalty.Instant // when the friend joined
	Day        loyalty.Day
	OrderID    int64        // the friend's, by which it is rewarded; 0: none yet
	OpensDay   *loyalty.Day // the first day on which it may be
	ByWhom     string       // "": the rules
}

// The states of a referral, beside Refused's reasons.
const (
	referralPending  = "pending"
	referralRewarded = "rewarded"
	referralRefused  = "refused"
	referralEnded    = "ended"
)

// What the claims of a referral's codes are called.
const (
	forFriend   = "friend"
	forReferrer = "referrer"
)

// inOneHousehold is why a friend is none who lives with whoever brought them.
const inOneHousehold = "household"

const referralColumns = `
	select f.id, f.referrer_id, f.friend_id, r.external_id as referrer, m.external_id as friend, f.state, f.reason, f.at, f.day,
	       coalesce(f.order_id, 0) as order_id, f.opens_day, f.by_whom
	from   referrals f
	join   members m on m.id = f.friend_id
	join   members r on r.id = f.referrer_id`

// Introduced is a friend whom somebody brought.
type Introduced struct {
	Friend, Referrer int64
	Joins            bool // the friend joins by this; otherwise they had joined before
}

// referral is what bringing a friend gives by a version of the program, nil for nothing.
func (e Era) referral() (*program.Referral, error) {
	l, err := e.Loyalty()
	if err != nil || l == nil {
		return nil, err
	}
	return l.Referral, nil
}

// Refers reports whether bringing a friend gives something now.
func (r *Rules) Refers() (bool, error) {
	if r == nil {
		return false, nil
	}
	f, err := r.now().referral()
	return f != nil, err
}

// promised is what was promised when a friend joined.
func (r *Rules) promised(ref Referral) (*program.Referral, error) {
	f, err := r.at(ref.At).referral()
	if err != nil || f != nil {
		return f, err
	}
	return r.now().referral()
}

// Refer keeps who brought whom, once in a friend's lifetime, and gives the friends their
// codes. All of them are locked.
func (r *Rules) Refer(tx *store.Tx, list []Introduced) error {
	f, err := r.now().referral()
	if err != nil || f == nil {
		return err
	}
	for _, in := range list {
		reason, err := r.doubt(tx, f, in)
		if err != nil {
			return fmt.Errorf("who brought member %d: %w", in.Friend, err)
		}
		state := referralPending
		if reason != "" {
			state = referralRefused
		}
		var made []Referral
		err = tx.All(&made, `
			insert into referrals (referrer_id, friend_id, state, reason, at, day)
			select cast(@referrer as bigint), m.id, @state, @reason, coalesce(m.joined_at, `+tx.Instant("@now")+`), coalesce(m.joined_day, cast(@today as bigint))
			from   members m
			where  m.id = @friend and not exists (select 1 from members g where g.id = @referrer and (g.merged_into is not null or g.erased_at is not null))
			on conflict (friend_id) do nothing
			returning id, referrer_id, friend_id`,
			store.Args{"referrer": in.Referrer, "friend": in.Friend, "state": state, "reason": reason, "now": tx.At, "today": int64(r.today(tx))})
		if err != nil {
			return fmt.Errorf("who brought member %d: %w", in.Friend, err)
		}
		if len(made) == 0 || state == referralRefused {
			continue
		}
		if err := r.welcome(tx, f, made[0]); err != nil {
			return err
		}
	}
	return nil
}

// doubt is why a friend is none whom the referrer is rewarded for, "" for no reason.
func (r *Rules) doubt(tx *store.Tx, f *program.Referral, in Introduced) (string, error) {
	if in.Friend == in.Referrer {
		return "self", nil
	}
	two, err := pairOf(tx, in.Friend, in.Referrer)
	if err != nil || len(two) != 2 {
		return "", err
	}
	mail, phone := mailbox(two[0].Email), loyalty.FoldPhone(two[0].Phone)
	if mail != "" && mail == mailbox(two[1].Email) || phone != "" && phone == loyalty.FoldPhone(two[1].Phone) {
		return "self", nil
	}
	if oneHousehold(f.AlsoRefuse, two[0].Attributes, two[1].Attributes) {
		return inOneHousehold, nil
	}
	known, err := orderedBefore(tx, in.Friend)
	if err != nil || known || !in.Joins {
		return "known", err
	}
	full, err := r.full(tx, f, in.Referrer)
	if err != nil || full {
		return "limit", err
	}
	return "", nil
}

// full reports whether a member has brought as many friends as are rewarded.
func (r *Rules) full(tx *store.Tx, f *program.Referral, referrer int64) (bool, error) {
	l := f.AtMost
	if l.Per == (loyalty.Period{}) {
		return false, nil
	}
	var n int64
	err := tx.One(&n, "select count(*) from referrals where referrer_id = @referrer and state in ('pending', 'rewarded') and day > @after",
		store.Args{"referrer": referrer, "after": int64(l.Per.Before(r.today(tx)))})
	return n >= l.N, err
}

// Invitation is what a member's referral code promises now.
type Invitation struct {
	Friend string // the pool whose code a friend gets
	Points int64  // what the member gets: points, or a code of Pool
	Pool   string
	Full   bool // the member has brought as many friends as are rewarded
}

// Invitation returns it, ErrNoReferral where nobody is rewarded for a friend.
func (r *Rules) Invitation(tx *store.Tx, referrer int64) (in Invitation, err error) {
	if r == nil {
		return in, ErrNoReferral
	}
	f, err := r.now().referral()
	if err != nil {
		return in, err
	}
	if f == nil {
		return in, ErrNoReferral
	}
	in = Invitation{Friend: f.Friend, Points: f.ReferrerPoints, Pool: f.ReferrerPool}
	in.Full, err = r.full(tx, f, referrer)
	return in, err
}

// known is what is compared of a friend and of whoever brought them.
type known struct {
	ID                       int64
	Email, Phone, Attributes string
}

func pairOf(tx *store.Tx, friend, referrer int64) (two []known, err error) {
	return two, tx.All(&two, "select id, email, phone, cast(attributes as text) as attributes from members where id in (@friend, @referrer)",
		store.Args{"friend": friend, "referrer": referrer})
}

// oneHousehold reports whether two members are the same in all of some attributes, by
// which the program tells who lives together. What nobody said of one of them tells
// nothing. Letters and digits count, however they are written.
func oneHousehold(attributes []string, one, other string) bool {
	var a, b map[string]any
	if len(attributes) == 0 || json.Unmarshal([]byte(one), &a) != nil || json.Unmarshal([]byte(other), &b) != nil {
		return false
	}
	for _, name := range attributes {
		if place := written(a[name]); place == "" || place != written(b[name]) {
			return false
		}
	}
	return true
}

func written(v any) string {
	if v == nil {
		return ""
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, fmt.Sprint(v))
}

// orderedBefore reports whether a member bought something before they joined.
func orderedBefore(tx *store.Tx, member int64) (known bool, err error) {
	err = tx.One(&known, "select count(*) > 0 from orders o join members m on m.id = o.member_id where m.id = @member and o.status = 'paid' and o.at < m.joined_at",
		store.Args{"member": member})
	return known, err
}

// mailbox is an address as far as letters to it come to the same box: without what
// follows a plus, and of Google's without dots.
func mailbox(address string) string {
	name, host, _ := strings.Cut(strings.ToLower(strings.TrimSpace(address)), "@")
	name, _, _ = strings.Cut(name, "+")
	if host == "googlemail.com" {
		host = "gmail.com"
	}
	if host == "gmail.com" {
		name = strings.ReplaceAll(name, ".", "")
	}
	if name == "" || host == "" {
		return ""
	}
	return name + "@" + host
}

// welcome gives a friend their code, and tells both of it. From a pool that has none left
// they get none.
func (r *Rules) welcome(tx *store.Tx, f *program.Referral, ref Referral) error {
	code, err := r.codeFor(tx, f.Friend, forFriend, ref.ID, ref.FriendID)
	if err != nil {
		return err
	}
	return happenings.Tell(tx, r.today(tx), []happenings.Own{
		{Member: ref.FriendID, Type: "referral.pending", Key: fmt.Sprintf("referral.pending:%d", ref.ID), Properties: code, News: true},
		{Member: ref.ReferrerID, Type: "referral.joined", Key: fmt.Sprintf("referral.joined:%d", ref.ID), Properties: map[string]any{}, News: ref.ByWhom == ""},
	})
}

// codeFor gives a member a code of a pool for a referral, once, and returns what its
// event says of it: nothing where the pool has none.
func (r *Rules) codeFor(tx *store.Tx, pool, side string, referral, member int64) (map[string]any, error) {
	said := map[string]any{}
	var claims []int64
	err := tx.All(&claims, `
		insert into claims (member_id, reward, price, state, source, key, body, at, day)
		values (@member, @side, 0, 'done', 'referral', @key, @body, @now, @today)
		on conflict (source, key) do nothing
		returning id`,
		store.Args{"member": member, "side": side, "key": referralKey(referral, side), "body": []byte{}, "now": tx.At, "today": int64(r.today(tx))})
	if err != nil || len(claims) == 0 {
		return said, err
	}
	to := coupon.To{Occurrence: -claims[0], Member: member}
	given, err := coupon.GiveNow(tx, pool, []coupon.To{to}, r.today(tx), rand.Reader)
	if err != nil {
		return nil, err
	}
	if given[to] == 0 {
		_, err := tx.Exec("delete from claims where id = @id", store.Args{"id": claims[0]})
		return said, err
	}
	if _, err := tx.Exec("update claims set code_id = @code where id = @id", store.Args{"id": claims[0], "code": given[to]}); err != nil {
		return nil, err
	}
	codes, err := coupon.Load(tx, []int64{given[to]})
	if err != nil {
		return nil, err
	}
	said["code"] = codes[given[to]].Code
	if ends := codes[given[to]].Ends(); ends != nil {
		said["until"] = ends.String()
	}
	return said, nil
}

// Welcome is the code that a friend got for being brought, "" for none.
func Welcome(tx *store.Tx, friend int64) (code string, err error) {
	err = tx.One(&code, `
		select coalesce(max(c.code), '')
		from   referrals f
		join   claims k on k.source = 'referral' and k.key = f.id || ' `+forFriend+`' and k.state = 'done'
		join   codes c on c.id = k.code_id and c.state = '`+coupon.StateIssued+`'
		where  f.friend_id = @friend`, store.Args{"friend": friend})
	return code, err
}

func referralKey(id int64, side string) string { return strconv.FormatInt(id, 10) + " " + side }

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

// lateDoubt is what came to be known of a referral only after the friend had joined: an
// order of before, or that both live in one household. "": nothing.
func (r *Rules) lateDoubt(tx *store.Tx, f *program.Referral, ref Referral) (string, error) {
	if known, err := orderedBefore(tx, ref.FriendID); err != nil || known {
		return "known", err
	}
	if len(f.AlsoRefuse) == 0 {
		return "", nil
	}
	two, err := pairOf(tx, ref.FriendID, ref.ReferrerID)
	if err != nil || len(two) != 2 || !oneHousehold(f.AlsoRefuse, two[0].Attributes, two[1].Attributes) {
		return "", err
	}
	return inOneHousehold, nil
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

// FindReferral returns a referral by its number, store.ErrNotFound for none.
func FindReferral(tx *store.Tx, id int64) (ref Referral, err error) {
	return ref, tx.One(&ref, referralColumns+" where f.id = @id", store.Args{"id": id})
}

// Referrals are all of them, or those that are pending, the newest first.
func Referrals(tx *store.Tx, pending bool) (all []Referral, err error) {
	err = tx.All(&all, referralColumns+" where f.state = 'pending' or not @pending order by f.id desc", store.Args{"pending": pending})
	return all, err
}

// PendingReferrals returns the newest referrals that wait for their reward, at most so
// many, and how many there are in all.
func PendingReferrals(tx *store.Tx, most int) (some []Referral, all int64, err error) {
	if err = tx.One(&all, "select count(*) from referrals where state = 'pending'", nil); err != nil {
		return nil, 0, err
	}
	err = tx.All(&some, referralColumns+` where f.id in (select id from referrals where state = 'pending' order by id desc limit @most) order by f.id desc`, store.Args{"most": most})
	return some, all, err
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
