package points_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"regulars/internal/intake"
	"regulars/internal/loyalty"
	"regulars/internal/shoptest"
	"regulars/internal/store"
)

// bringing is a program that rewards who brings a friend.
func bringing(referral string) shoptest.Program {
	return shoptest.Program{
		Pools: "hello: {kind: generated, pattern: HELLO-########, percent: 10, valid_for: 60d, checkout: asks_us}\n" +
			"thanks: {kind: generated, pattern: THANKS-########, percent: 10, valid_for: 60d, checkout: asks_us}\n",
		Extra: map[string]string{"loyalty.yaml": "points: {earn: [1 per 100.00], pending: 14d}\nreferral: {friend: hello, " + referral + "}\n"},
		Campaigns: map[string]string{
			"hello":  "live: true\nclass: service\nagain: each\nstart: {event: referral.pending}\nsteps:\n  - mail: hello\n",
			"thanks": "live: true\nclass: earned\nagain: each\nstart: {event: referral.rewarded}\nsteps:\n  - mail: thanks\n",
		},
	}
}

// joins has somebody join whom another one brought.
func (s shop) joins(n int64, by, email, phone string) {
	s.Event(loyalty.MemberJoined, n, func(e *loyalty.Event) {
		e.Member.ReferredBy, e.Member.Email, e.Member.Phone = by, email, phone
	})
}

func (s shop) buys(n int64, number string, cents int64) {
	s.order(loyalty.OrderPlaced, n, number, func(e *loyalty.Event) {
		e.Order.Status, e.Order.Total, e.Order.HasTotal = loyalty.Paid, cents, true
	})
}

// referred is what became of the friend with a number.
func (s shop) referred(n int64) string {
	s.T.Helper()
	var all []string
	s.All(&all, fmt.Sprintf(`select f.state || case when f.reason = '' then '' else ' ' || f.reason end || case when f.order_id is null then '' else ' by order' end
		from referrals f join members m on m.id = f.friend_id where m.external_id = 'M-%d'`, n), nil)
	return strings.Join(all, "; ")
}

// got is what a member got for friends: points, their entries, and codes.
func (s shop) got(member int64) string {
	s.T.Helper()
	return fmt.Sprintf("%d points, %d rows, %d codes",
		s.Number(fmt.Sprintf("select coalesce(sum(amount), 0) from entries where referral_id is not null and member_id = %d", member)),
		s.Number(fmt.Sprintf("select count(*) from entries where referral_id is not null and member_id = %d", member)),
		s.Number(fmt.Sprintf("select count(*) from claims k join codes c on c.id = k.code_id and c.state = 'issued' where k.state = 'done' and k.member_id = %d", member)))
}

func (s shop) told(kind string) int64 {
	return s.Number("select count(*) from events where source = 'regulars' and type = '" + kind + "'")
}

// The friend's order may be told twice and cancelled twice.
func TestAFriendsOrderRewardsWhoBroughtThem(t *testing.T) {
	shoptest.Each(t, bringing("referrer: 500, after: {order: 25.00, within: 90d}"), func(t *testing.T, plain *shoptest.Shop) {
		s := shop{plain}
		anna := s.Join(1)[0]
		s.joins(901, "M-1", "friend@example.test", "")
		s.joins(901, "M-1", "friend@example.test", "")
		s.Want("joined", s.referred(901), "pending")
		friend := s.Number("select id from members where external_id = 'M-901'")
		s.Want("the friend's code", s.got(friend), "0 points, 0 rows, 1 codes")
		var told []string
		s.All(&told, "select substr(properties ->> 'code', 1, 6) || ' ' || (properties ->> 'until') from events where type = 'referral.pending'", nil)
		s.Want("told", strings.Join(told, "; "), "HELLO- "+(loyalty.DayOf(s.Now, time.UTC)+60).String())

		s.buys(901, "o", 5000)
		s.buys(901, "o", 5000)
		s.Want("bought", s.referred(901)+", "+s.got(anna), "pending by order, 0 points, 0 rows, 0 codes")
		s.to(13)
		s.Want("a day too early", s.got(anna), "0 points, 0 rows, 0 codes")
		s.to(1)
		is(t, "C4 the order stands", s.referred(901)+", "+s.got(anna), "rewarded by order, 500 points, 1 rows, 0 codes")
		s.to(1)
		is(t, "C4 once", fmt.Sprint(s.got(anna), ", told ", s.told("referral.rewarded")), "500 points, 1 rows, 0 codes, told 1")
		s.want(t, anna, "they are to spend", "500, 0 pending, 1 rows")
		s.doctor(t)

		for range 2 {
			s.order(loyalty.OrderCancelled, 901, "o", func(*loyalty.Event) {})
		}
		is(t, "C4 cancelled twice", s.referred(901)+", "+s.got(anna), "refused given_back by order, 0 points, 2 rows, 0 codes")
		s.want(t, anna, "taken back", "0, 0 pending, 2 rows")
		s.buys(901, "p", 9000)
		s.to(20)
		s.Want("never twice", s.got(anna), "0 points, 2 rows, 0 codes")
		s.doctor(t)
	})
}

// Who is the same person, who was known before, and who is one too many.
func TestWhoIsNoFriend(t *testing.T) {
	shoptest.Each(t, bringing("referrer: 500, after: {order: 25.00, within: 90d}, at_most: 2 per 30d"), func(t *testing.T, plain *shoptest.Shop) {
		s := shop{plain}
		s.Join(1)
		s.Event(loyalty.MemberChanged, 1, func(e *loyalty.Event) { e.Member.Email, e.Member.Phone = "An.Na@gmail.com", "+358 40 1234567" })
		s.joins(901, "M-1", "anna+friend@googlemail.com", "")
		s.joins(902, "M-1", "ben@example.test", "+358401234567")
		s.joins(903, "M-1", "", "")
		s.joins(903, "M-1", "", "")
		s.joins(904, "M-77", "", "")
		s.Event(loyalty.MemberJoined, 905, nil)
		s.joins(905, "M-1", "", "")
		s.buys(906, "before", 5000)
		s.Now = s.Now.Add(time.Hour)
		s.joins(906, "M-1", "", "")
		s.joins(907, "M-907", "", "")
		s.joins(908, "M-1", "", "")
		s.joins(909, "M-1", "", "")
		s.Event(loyalty.MemberJoined, 910, func(e *loyalty.Event) {
			e.At = loyalty.At(s.Now.AddDate(0, 0, -40))
			e.Member.ReferredBy = "M-1"
		})
		is(t, "C5 the same mailbox", s.referred(901), "refused self")
		is(t, "C7 one too many", s.referred(909), "refused limit")
		for n, want := range map[int64]string{902: "refused self", 903: "pending", 904: "", 905: "refused known", 906: "refused known", 907: "refused self",
			908: "pending", 910: ""} {
			s.Want(fmt.Sprint("friend ", n), s.referred(n), want)
		}
		s.Want("told", fmt.Sprint(s.told("referral.pending")), "2")
		s.order(loyalty.OrderPlaced, 903, "late", func(e *loyalty.Event) {
			e.At = loyalty.At(s.Now.AddDate(0, 0, -2))
			e.Order.Status, e.Order.Total, e.Order.HasTotal = loyalty.Paid, 5000, true
		})
		s.Want("an order from before the join comes after it", s.referred(903), "refused known")
		s.doctor(t)
	})
}

// A first order that is too small ends nothing.
func TestTheSecondOrderMayBeLargeEnough(t *testing.T) {
	shoptest.Each(t, bringing("referrer: thanks, after: {order: 25.00, within: 90d}"), func(t *testing.T, plain *shoptest.Shop) {
		s := shop{plain}
		anna := s.Join(1)[0]
		s.joins(901, "M-1", "", "")
		s.joins(902, "M-1", "", "")
		s.joins(903, "M-1", "", "")
		s.buys(901, "small", 1000)
		s.Want("too small", s.referred(901), "pending")
		s.to(5)
		s.buys(901, "large", 9000)
		is(t, "C6 large enough", s.referred(901), "pending by order")
		s.order(loyalty.OrderRefunded, 901, "large", given(8000))
		s.Want("given back before it counts", s.referred(901), "pending")
		s.buys(901, "again", 2500)
		s.to(14)
		is(t, "C6 rewarded with a code", s.referred(901)+", "+s.got(anna), "rewarded by order, 0 points, 0 rows, 1 codes")
		s.order(loyalty.OrderRefunded, 901, "again", given(100))
		s.Want("the code is taken back", s.referred(901)+", "+s.got(anna), "refused given_back by order, 0 points, 0 rows, 0 codes")
		s.to(72)
		is(t, "C6 too late", s.referred(902), "ended")
		s.buys(902, "late", 9000)
		s.Want("an order after the time", s.referred(902), "ended")
		s.order(loyalty.OrderPlaced, 903, "told late", func(e *loyalty.Event) {
			e.At = loyalty.At(s.Now.AddDate(0, 0, -20))
			e.Order.Status, e.Order.Total, e.Order.HasTotal = loyalty.Paid, 5000, true
		})
		s.Want("an order in time that is told late", s.referred(903)+", "+s.got(anna), "rewarded by order, 0 points, 0 rows, 1 codes")
		s.doctor(t)
	})
}

func TestAPersonOverrulesAReferral(t *testing.T) {
	shoptest.Each(t, bringing("referrer: 500, after: {order: 25.00, within: 90d}"), func(t *testing.T, plain *shoptest.Shop) {
		s := shop{plain}
		anna := s.Join(1)[0]
		s.joins(901, "M-1", "M-1@example.test", "")
		s.joins(902, "M-902", "", "")
		decide := func(n int64, good bool, because string) string {
			id := s.Number(fmt.Sprintf("select f.id from referrals f join members m on m.id = f.friend_id where m.external_id = 'M-%d'", n))
			err := s.DB.Update(context.Background(), func(tx *store.Tx) error {
				_, err := intake.DecideReferral(tx, id, good, because, "ops")
				return err
			})
			return strings.ReplaceAll(fmt.Sprint(err), fmt.Sprintf("referral %d", id), "it")
		}
		s.Want("no reason", strings.Split(decide(901, true, " "), ",")[0], "say why")
		s.Want("oneself", decide(902, true, "x"), "nobody is rewarded for bringing themselves")
		is(t, "C7 a person may overrule it", decide(901, true, "one house"), "<nil>")
		s.Want("approved", s.referred(901)+", "+s.got(anna), "rewarded one house, 500 points, 1 rows, 0 codes")
		s.Want("approve again", decide(901, true, "x"), "it is rewarded already")
		s.to(1)
		s.doctor(t)
		s.Want("refuse", decide(901, false, "they moved apart"), "<nil>")
		s.Want("refused", s.referred(901)+", "+s.got(anna), "refused they moved apart, 0 points, 2 rows, 0 codes")
		s.Want("approve once more", decide(901, true, "x"), "it was rewarded once and that was taken back: points give is for what is owed all the same")
		s.doctor(t)
	})
}

func TestTwoReplicasRewardOnce(t *testing.T) {
	shoptest.Each(t, bringing("referrer: 500"), func(t *testing.T, plain *shoptest.Shop) {
		s := shop{plain}
		anna := s.Join(1)[0]
		for n := range int64(5) {
			s.joins(901+n, "M-1", "", "")
			s.buys(901+n, fmt.Sprint("o", n), 5000)
		}
		s.Now = s.Now.AddDate(0, 0, 14)
		var both sync.WaitGroup
		for range 2 {
			both.Go(func() {
				for n := 1; n > 0; {
					var err error
					if n, err = intake.NewDay(context.Background(), s.DB); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		both.Wait()
		s.to(0)
		s.Want("once each", fmt.Sprint(s.got(anna), ", told ", s.told("referral.rewarded")), "2500 points, 5 rows, 0 codes, told 5")
		s.doctor(t)
	})
}
