package person_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"regulars/internal/consent"
	"regulars/internal/intake"
	"regulars/internal/loyalty"
	"regulars/internal/person"
	"regulars/internal/points"
	"regulars/internal/shoptest"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
)

func TestAMergeMovesAllAndMailsNobody(t *testing.T) {
	each(t, func(t *testing.T, s shop) {
		a := s.joins(1, func(m *loyalty.Member) { m.FirstName, m.Card, m.Phone = "Anna", "card-0042", "+358401234567" })
		b := s.joins(2, func(m *loyalty.Member) { m.Tags = []string{"vip"} })
		s.buys(1, "A-1", 6000, loyalty.Line{Product: "coffee", Quantity: 3, Total: 6000})
		s.buys(1, "A-2", 6000)
		s.buys(2, "B-1", 5000, loyalty.Line{Product: "coffee", Quantity: 3, Total: 5000})
		s.deliver()
		mails, events := s.Number("select count(*) from sends"), s.Number("select count(*) from events where source <> 'regulars'")
		m := s.merge(a, b)
		s.Work()
		s.Want("what it said", fmt.Sprintf("%s into %s: %d orders", m.From, m.Into, m.Orders), "M-1 into M-2: 2 orders")
		s.Want("mails", fmt.Sprint(s.Number("select count(*) from sends")), fmt.Sprint(mails))
		s.Want("events of shops", fmt.Sprint(s.Number("select count(*) from events where source <> 'regulars'")), fmt.Sprint(events))
		s.Want("facts", s.Counted(fmt.Sprintf("select 'orders ' || orders || ', spent ' || spent || ', ' || points || ' points, ' || tier as what, count(*) as n from facts where member_id in (%d, %d) group by 1", a, b)),
			"1 orders 3, spent 17000, 220 points, silver")
		s.Want("the card that is full now", s.Counted(fmt.Sprintf("select state || ' ' || reward as what, count(*) as n from claims where member_id = %d group by 1", b)), "1 done coffees")
		for _, name := range []string{"M-1", "M-2", "m1@example.test", "m2@example.test"} {
			if got := s.find(name); got != b {
				t.Errorf("%s finds %d, want %d", name, got, b)
			}
		}
		s.Want("the profile", s.Counted(fmt.Sprintf("select first_name || ' ' || card || ' ' || email as what, count(*) as n from members where id = %d group by 1", b)), "1 Anna card-0042 m2@example.test")
		s.doctor()

		// The next order is the third of both together no more: that milestone is recorded.
		s.buys(1, "A-3", 1000)
		s.Work()
		s.Want("milestones mailed", fmt.Sprint(s.Number("select count(*) from sends where step = 'third'")), "0")
		s.Want("orders", fmt.Sprint(s.Number(fmt.Sprintf("select orders from facts where member_id = %d", b))), "4")
		if again := s.merge(b, b); !again.Again {
			t.Errorf("merged with themselves: %+v", again)
		}
		s.doctor()
		text := fmt.Sprintf("%+v", s.export(b))
		for _, want := range []string{"A-1", "B-1", "m1@example.test"} {
			if !strings.Contains(text, want) {
				t.Errorf("the export lacks %s", want)
			}
		}
		s.erase(b)
		s.Want("after erasing who they became", fmt.Sprint(seen(t, s, "m1@example.test", "m2@example.test", "card-0042", "Anna V")), "[]")
		s.doctor()
	})
}

func TestMergesInAChain(t *testing.T) {
	each(t, func(t *testing.T, s shop) {
		a, b, c := s.joins(1, nil), s.joins(2, nil), s.joins(3, nil)
		s.buys(1, "A", 1000)
		s.buys(2, "B", 1000)
		s.merge(a, b)
		err := s.DB.Update(context.Background(), func(tx *store.Tx) error { _, err := person.Merge(tx, a, c, "anna"); return err })
		if err == nil || !strings.Contains(err.Error(), "M-1 is one with another member") {
			t.Errorf("a merged member merged again: %v", err)
		}
		s.merge(s.find("M-1"), c)
		s.Want("orders", fmt.Sprint(s.Number(fmt.Sprintf("select orders from facts where member_id = %d", c))), "2")
		s.Do(func(tx *store.Tx) error {
			present, err := consent.Present(tx, a)
			if present != c {
				err = errors.Join(err, fmt.Errorf("links of the first lead to %d", present))
			}
			return err
		})
		s.buys(1, "A-late", 1000)
		s.Want("an order by the first id", fmt.Sprint(s.Number(fmt.Sprintf("select orders from facts where member_id = %d", c))), "3")
		s.Work()
		s.doctor()
		s.erase(c)
		err = s.DB.Update(context.Background(), func(tx *store.Tx) error { _, err := person.Merge(tx, c, s.joinedTx(tx), "anna"); return err })
		if !errors.Is(err, person.ErrGone) {
			t.Errorf("an erased member merged: %v", err)
		}
	})
}

func (s shop) joinedTx(tx *store.Tx) (id int64) {
	if err := tx.One(&id, "insert into members (external_id, created_at, changed_at) values ('other', "+tx.Instant("@now")+", "+tx.Instant("@now")+") returning id", store.Args{"now": tx.At}); err != nil {
		s.T.Fatal(err)
	}
	return id
}

func TestTheNewestWordOfBothStands(t *testing.T) {
	each(t, func(t *testing.T, s shop) {
		a, b := s.joins(1, nil), s.joins(2, nil)
		say := func(member int64, topic string, yes bool, ago time.Duration) {
			s.Do(func(tx *store.Tx) error {
				how := consent.How{Source: "page", Heard: tx.At}
				if ago >= 0 {
					how.At = loyalty.At(s.Now.Add(-ago))
				}
				return consent.Set(tx, member, topic, yes, how)
			})
		}
		s.Now = s.Now.Add(48 * time.Hour)
		say(a, "offers", false, 2*time.Hour)
		say(b, "offers", true, time.Hour)
		say(a, "newsletter", false, 2*time.Hour)
		say(b, "newsletter", true, -1) // nobody knows when
		say(a, "program", false, time.Hour)
		say(b, "program", true, 2*time.Hour)
		s.merge(a, b)
		s.Want("answers", s.Counted(fmt.Sprintf("select topic as what, cast(sum(case when granted then 1 else 0 end) as bigint) as n from member_topics where member_id = %d group by 1", b)),
			"0 newsletter, 1 offers, 0 program")
		s.doctor()
	})
}

func TestWhoBroughtThemselvesGetsNothing(t *testing.T) {
	each(t, func(t *testing.T, s shop) {
		a := s.joins(1, nil)
		b := s.joins(2, func(m *loyalty.Member) { m.ReferredBy = "M-1" })
		s.joins(3, func(m *loyalty.Member) { m.ReferredBy = "M-2" })
		s.merge(a, b)
		s.Want("referrals", s.Counted("select state || ' ' || reason as what, count(*) as n from referrals group by 1"), "1 pending , 1 refused self")
		s.doctor()
	})
}

// union is a program whose sums are those of one member, however histories are told.
var union = shoptest.Program{
	Segments: "buyers: orders >= 1\nregulars: orders >= 3\nspenders: spent >= 100.00\nrich: points >= 120\n",
	Pools:    "coffee: {kind: generated, pattern: \"COFFEE-####-####-####\", item: Coffee, worth: 2.40, valid_for: 14d, checkout: asks_us}\n",
	Extra: map[string]string{"loyalty.yaml": `
points:
  earn: ["1 per 1.00", '50 for event "joined"', "5 per order, at most 1 per 1d"]
  carry: true
tiers:
  silver: {when: spent("12m") >= 100.00, keep: 12m}
  gold:   {when: spent("12m") >= 250.00, keep: 12m}
rewards:
  latte: {price: 60, gives: coffee}
`},
	Campaigns: map[string]string{
		"welcome": "live: true\nclass: service\nstart: joins\nsteps:\n  - mail: hello\n  - wait: 2d\n  - mail: more\n",
		"spent":   "live: true\nclass: service\nstart: {milestone: spent, every: 50.00}\nsteps:\n  - mail: spent\n",
		"receipt": "live: true\nclass: service\nagain: each\nstart: {event: order.placed}\nsteps:\n  - mail: thank-you\n",
	},
}

// TestAMergedMemberIsOneWhoWasOneFromTheStart tells the same history twice: of one member,
// and shared out between two who are made one in the end.
func TestAMergedMemberIsOneWhoWasOneFromTheStart(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := shop{shoptest.Open(t, db, union)}
		merged := map[int]int{} // member → one who had all of it from the start
		for seed := range uint64(3) {
			r := rand.New(rand.NewPCG(seed, 7))
			one, two, both := int(seed)*10+101, int(seed)*10+102, int(seed)*10+103
			for _, n := range []int{one, two, both} {
				s.joins(n, nil)
			}
			open := map[string]int{}
			for i := range 9 {
				s.Now = s.Now.Add(time.Duration(1+r.IntN(20)) * time.Hour)
				who := one + r.IntN(2)
				number, cents := fmt.Sprintf("%d-%d", seed, i), int64(100+r.IntN(6000))
				tell := func(kind string, n int, number string, change func(e *loyalty.Event)) {
					s.Event(kind, int64(n), func(e *loyalty.Event) { e.Order = &loyalty.Order{ID: number}; change(e) })
				}
				for _, side := range []struct {
					n      int
					prefix string
				}{{who, "apart-"}, {both, "one-"}} {
					tell(loyalty.OrderPlaced, side.n, side.prefix+number, func(e *loyalty.Event) {
						e.Order.Status, e.Order.Total, e.Order.HasTotal = loyalty.Paid, cents, true
						e.Order.Lines = []loyalty.Line{{Product: "coffee", Quantity: 1, Total: cents}}
					})
				}
				open[number] = who
				if r.IntN(4) == 0 {
					for old, whose := range open {
						delete(open, old)
						for _, side := range []struct {
							n      int
							prefix string
						}{{whose, "apart-"}, {both, "one-"}} {
							tell(loyalty.OrderRefunded, side.n, side.prefix+old, func(e *loyalty.Event) { e.Refund = &loyalty.Refund{ID: "r", Total: 50} })
						}
						break
					}
				}
			}
			for _, n := range []int{who(r, one, two), both} {
				s.Do(func(tx *store.Tx) error {
					id, err := intake.Find(tx, fmt.Sprintf("M-%d", n))
					if err != nil {
						return err
					}
					_, err = intake.BookByHand(tx, points.Hand{Member: id, N: 11, Because: "for the test", By: "anna"})
					return err
				})
			}
			mails := s.Number("select count(*) from sends")
			from, into := one, two
			if r.IntN(2) == 0 {
				from, into = two, one
			}
			s.merge(s.find(fmt.Sprintf("M-%d", from)), s.find(fmt.Sprintf("M-%d", into)))
			s.Want("mails by the merge", fmt.Sprint(s.Number("select count(*) from sends")-mails), "0")
			merged[into] = both
		}
		s.Work()
		for into, both := range merged {
			if got, want := s.sums(into), s.sums(both); got != want {
				t.Errorf("merged %s\nas one %s", got, want)
			}
		}
		s.doctor()
	})
}

func who(r *rand.Rand, a, b int) int { return a + r.IntN(b-a+1) }

// sums are a member's facts, balance, and segments.
func (s shop) sums(n int) string {
	s.T.Helper()
	id := s.find(fmt.Sprintf("M-%d", n))
	var facts string
	s.Do(func(tx *store.Tx) error {
		return tx.One(&facts, `
			select 'orders ' || orders || ' on ' || order_days || ' days, spent ' || spent || ', largest ' || largest || ', smallest ' || smallest || ', from ' || first_day || ' to ' || last_day
			       || ', ' || quantity || ' pieces, gap ' || cast(cast(usual_gap * 2 as bigint) as text) || ', ' || points || ' points, ' || points_pending || ' pending, tier ' || tier
			from   facts where member_id = @id`, store.Args{"id": id})
	})
	return facts + "; in " + s.Counted(fmt.Sprintf("select g.name as what, count(*) as n from segment_members i join segments g on g.id = i.segment_id where i.member_id = %d and i.left_at is null group by 1", id))
}
