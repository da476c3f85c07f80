package points

import (
	"crypto/rand"
	"fmt"
	"strconv"

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
