package points_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"regulars/internal/consent"
	"regulars/internal/coupon"
	"regulars/internal/intake"
	"regulars/internal/loyalty"
	"regulars/internal/person"
	"regulars/internal/shoptest"
	"regulars/internal/store"
)

// codes are the referral codes of members, made where they are not there.
func (s shop) codes(members ...int64) (codes map[int64]string) {
	s.T.Helper()
	s.Do(func(tx *store.Tx) (err error) {
		codes, err = coupon.ReferralCodes(tx, members, rand.Reader)
		return err
	})
	return codes
}

func TestAReferralCodeNamesWhoBroughtAFriend(t *testing.T) {
	shoptest.Each(t, bringing("referrer: 500"), func(t *testing.T, plain *shoptest.Shop) {
		s := shop{plain}
		members := s.Join(3)
		anna := members[0]
		codes := s.codes(members...)
		code := codes[anna]
		if len(code) != 9 || code[4] != '-' || len(codes) != 3 || codes[members[1]] == code {
			t.Fatalf("codes %v, want one of the form 7K3M-9QXD for each", codes)
		}
		s.Want("asked again, alone", s.codes(anna)[anna], code)
		s.Do(func(tx *store.Tx) error {
			_, err := tx.Exec("delete from member_keys where kind = 'referral'", nil)
			return err
		})
		s.Want("of a copy of before it was made", s.codes(anna)[anna], code)

		spoken := strings.NewReplacer("1", "l", "0", "o").Replace(strings.ToLower(strings.Replace(code, "-", " ", 1)))
		for i, said := range []string{code, spoken, strings.ReplaceAll(code, "-", ""), code + "7", "", "ZZZZ-ZZZZ", "' or 1=1 --", strings.Repeat("7", 200)} {
			n := int64(901 + i)
			s.joins(n, said, "", "")
			want := ""
			if i < 3 {
				want = "pending"
			}
			s.Want(fmt.Sprintf("brought by %.20q", said), s.referred(n), want)
		}

		s.Do(func(tx *store.Tx) error { _, err := person.Merge(tx, anna, members[1], "test"); return err })
		s.joins(911, code, "", "")
		s.Want("of who was made one with another", s.referred(911), "pending")
		s.Want("theirs now", fmt.Sprint(s.Number(fmt.Sprintf("select count(*) from referrals where referrer_id = %d", members[1]))), "4")
		s.Do(func(tx *store.Tx) error { _, err := person.Erase(tx, members[1], "test"); return err })
		s.Want("what is left of an erased member's code", fmt.Sprint(
			s.Number("select count(*) from member_keys where kind = 'referral'"), s.Number("select count(*) from members where referred_by <> '' and merged_into is null and external_id in ('M-901', 'M-903', 'M-911')")), "0 0")
		s.joins(912, code, "", "")
		s.Want("an erased member's code", s.referred(912), "")
		s.Want("a husk has none", fmt.Sprint(len(s.codes(anna, members[1]))), "0")
		s.doctor(t)
	})
}

// C of loyalty.md, A1: households flagged as fraud are for a person to let pass.
func TestWhoLivesWithTheReferrerIsNoFriend(t *testing.T) {
	p := bringing("referrer: 500, also_refuse: [address, postcode]")
	p.More = "attributes: {address: text, postcode: text}\n"
	shoptest.Each(t, p, func(t *testing.T, plain *shoptest.Shop) {
		s := shop{plain}
		anna := s.Join(1)[0]
		lives := func(kind string, n int64, by, address, postcode string) {
			s.Event(kind, n, func(e *loyalty.Event) {
				e.Member.ReferredBy = by
				e.Member.Attributes = map[string]any{"address": address, "postcode": postcode}
			})
		}
		lives(loyalty.MemberChanged, 1, "", "Kauppakatu 1 A 2", "00100")
		lives(loyalty.MemberJoined, 901, "M-1", "kauppakatu 1a2", "00100")
		lives(loyalty.MemberJoined, 902, "M-1", "Kauppakatu 1 A 2", "20100")
		lives(loyalty.MemberJoined, 903, "M-1", "", "")
		for n, want := range map[int64]string{901: "refused household", 902: "pending", 903: "pending"} {
			s.Want(fmt.Sprint("friend ", n), s.referred(n), want)
		}
		lives(loyalty.MemberChanged, 903, "", "KAUPPAKATU 1 A 2", "00100")
		s.buys(903, "o", 5000)
		s.Want("told with the first order", s.referred(903), "refused household")
		s.to(15)
		s.Want("nothing is paid", s.got(anna), "0 points, 0 rows, 0 codes")
		s.doctor(t)
	})
}

// What is booked for a member without an event of theirs starts milestones, too.
func TestFriendsAndBirthdaysReachMilestones(t *testing.T) {
	p := bringing("referrer: 500")
	p.Extra["loyalty.yaml"] = "points: {earn: [1 per 100.00, 500 for birthday]}\nreferral: {friend: hello, referrer: 500}\n"
	for name, start := range map[string]string{"friends": "milestone: referrals, at: [1, 3]", "balance": "milestone: points, at: [500, 1000]", "earned": "milestone: points_earned, at: [500, 1500]"} {
		p.Campaigns[name] = "live: true\nclass: service\nstart: {" + start + "}\nsteps:\n  - mail: a\n"
	}
	shoptest.Each(t, p, func(t *testing.T, plain *shoptest.Shop) {
		s := shop{plain}
		s.Event(loyalty.MemberJoined, 1, func(e *loyalty.Event) { e.Member.Birthday = "1980-" + s.Now.AddDate(0, 0, 3).Format("01-02") })
		milestones := func() string {
			var all []string
			s.All(&all, `select o.key || case when p.state = 'recorded' then ' recorded' else '' end from passages p join occurrences o on o.id = p.occurrence_id
				join members m on m.id = p.member_id and m.external_id = 'M-1' where o.key like 'points%' or o.key like 'referrals%' order by p.id, o.key`, nil)
			return strings.Join(all, ", ")
		}
		s.to(3)
		s.Want("a birthday", milestones(), "points:500, points_earned:500")
		for n := range int64(3) {
			s.joins(901+n, "M-1", "", "")
			s.buys(901+n, fmt.Sprint("o", n), 5000)
			s.to(1)
		}
		s.Want("three friends", milestones(), "points:500, points_earned:500, points:1000, referrals:1, points_earned:1500, referrals:3")
		s.order(loyalty.OrderCancelled, 903, "o2", func(*loyalty.Event) {})
		s.joins(904, "M-1", "", "")
		s.buys(904, "o4", 5000)
		s.to(1)
		s.Want("a third friend once more", milestones(), "points:500, points_earned:500, points:1000, referrals:1, points_earned:1500, referrals:3")
		s.doctor(t)
	})
}

// Of two friends who confirm at once the second is counted after the first: whoever
// brought them is locked from then on. Both are held up where they have yet to write
// their facts: without that lock neither sees the other.
func TestTwoFriendsWhoConfirmAtOnceAreCountedOneAfterTheOther(t *testing.T) {
	p := bringing("referrer: 500, at_most: 1 per 30d")
	p.More = "join: {confirm: true}\n"
	p.Extra["loyalty.yaml"] = "points: {earn: [1 per 100.00, 50 for event \"joined\"]}\nreferral: {friend: hello, referrer: 500, at_most: 1 per 30d}\n"
	shoptest.Each(t, p, func(t *testing.T, plain *shoptest.Shop) {
		s := shop{plain}
		s.Join(1)
		for n := range int64(2) {
			s.joins(901+n, "M-1", fmt.Sprintf("friend-%d@example.test", n), "")
		}
		var asked []struct{ ID, MemberID int64 }
		s.All(&asked, "select s.id, s.member_id from sends s join campaigns c on c.id = s.campaign_id and c.name = 'confirm' order by s.id", nil)
		if len(asked) != 2 {
			t.Fatalf("%d are asked, want both", len(asked))
		}
		confirm := func() {
			shoptest.Together(t, 2, func(i int) error {
				_, err := intake.New(s.DB).Confirm(context.Background(), consent.Claims{Member: asked[i].MemberID, Send: asked[i].ID}, consent.How{})
				return err
			})
		}
		if s.DB.Engine() == store.Postgres {
			var both sync.WaitGroup
			s.Do(func(tx *store.Tx) error {
				if _, err := tx.Exec("select member_id from facts where member_id in (select value from "+tx.JSONEach("@ids")+") for update",
					store.Args{"ids": store.IDs([]int64{asked[0].MemberID, asked[1].MemberID})}); err != nil {
					return err
				}
				both.Go(confirm)
				for s.Number("select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()") < 2 {
					time.Sleep(time.Millisecond)
				}
				return nil
			})
			both.Wait()
		} else {
			confirm()
		}
		got := []string{s.referred(901), s.referred(902)}
		if got[0] > got[1] {
			got[0], got[1] = got[1], got[0]
		}
		s.Want("both", strings.Join(got, ", "), "pending, refused limit")
		s.want(t, asked[0].MemberID, "joining was confirmed", "50, 0 pending, 1 rows")
		s.doctor(t)
	})
}
