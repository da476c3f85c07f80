package flows_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"regulars/internal/loyalty"
	"regulars/internal/shoptest"
)

const milestones = "live: true\nstart: {milestone: orders, at: [1, 3, 5], every: 10}\nsteps:\n  - mail: well-done\n"

// reached is the milestones of the members, and starts by events, in their order.
func (s *shop) reached() string {
	return s.Counted("select case when o.key like 'event:%' then 'event' else o.key end || ' ' || p.state as what, count(*) as n from passages p join occurrences o on o.id = p.occurrence_id group by 1")
}

func TestEachMilestoneIsMailedOnce(t *testing.T) {
	each(t, shoptest.Program{Campaigns: map[string]string{"well": milestones}}, func(t *testing.T, s *shop) {
		s.Join(1)
		for range 3 {
			s.Order(1, 1000)
		}
		s.Want("after three orders", s.reached(), "1 orders:1 sending, 1 orders:3 sending")
		s.Event(loyalty.OrderCancelled, 1, func(e *loyalty.Event) { e.Order = &loyalty.Order{ID: "order-3", Status: loyalty.Cancelled} })
		s.Order(1, 1000)
		s.Want("after one was cancelled and another placed", s.Ledger(), "2 well-done queued")
	})
}

func TestOfSeveralMilestonesTheHighestIsMailed(t *testing.T) {
	each(t, shoptest.Program{Campaigns: map[string]string{
		"spender": "live: true\nstart: {milestone: spent, at: [10.00, 50.00, 100.00], every: 100.00}\nsteps:\n  - mail: thanks\n",
	}}, func(t *testing.T, s *shop) {
		s.Join(1)
		s.Order(1, 25_000)
		s.Want("after one order of 250.00", s.reached(),
			"1 spent:1000 recorded, 1 spent:10000 recorded, 1 spent:20000 sending, 1 spent:5000 recorded")
		s.Want("the ledger", s.Ledger(), "1 thanks queued")
	})
}

func TestMilestonesReachedBeforeGoingLiveAreRecorded(t *testing.T) {
	p := shoptest.Program{Campaigns: map[string]string{"well": "live: false\n" + milestones[len("live: true\n"):]}}
	each(t, p, func(t *testing.T, s *shop) {
		members := s.Join(3)
		s.Bought(members[:2], 4, 30)
		p := p
		p.Campaigns = map[string]string{"well": milestones}
		s.Apply(p)
		s.Work()
		s.Want("after going live", s.reached(), "2 orders:1 recorded, 2 orders:3 recorded")
		s.Order(1, 1000)
		s.Want("after the fifth order of one", s.reached(), "2 orders:1 recorded, 2 orders:3 recorded, 1 orders:5 sending")
		s.Want("the ledger", s.Ledger(), "1 well-done queued")
	})
}

func TestMilestonesCountWhatIsOnTheLines(t *testing.T) {
	each(t, shoptest.Program{Campaigns: map[string]string{
		"coffee": "live: true\nstart: {milestone: 'items(\"Coffee\")', every: 10}\nsteps:\n  - mail: coffee-on-us\n",
	}}, func(t *testing.T, s *shop) {
		s.Join(1)
		s.Order(1, 1000, loyalty.Line{Category: "Coffee", Quantity: 9, Total: 900}, loyalty.Line{Category: "Tea", Quantity: 5, Total: 100})
		s.Want("after nine", s.Ledger(), "")
		s.Order(1, 1000, loyalty.Line{Category: "Coffee", Quantity: 2, Total: 1000})
		s.Want("after eleven", s.reached(), `1 items("Coffee"):10 sending`)
	})
}

func TestAMilestoneGivesACouponAfterTheReturnWindow(t *testing.T) {
	each(t, shoptest.Program{
		Pools: "coffee: {kind: generated, pattern: COFFEE-########, item: SKU, worth: 2.40, valid_for: 60d, checkout: asks_us}\n",
		Campaigns: map[string]string{
			"fifth": "live: true\nstart: {milestone: orders, at: [2]}\nsteps:\n  - wait: 14d\n  - if: orders >= 2\n    mail: coffee-on-us\n    coupon: coffee\n",
		},
	}, func(t *testing.T, s *shop) {
		s.Join(2)
		s.Order(1, 1000)
		s.Order(1, 1000)
		s.Order(2, 1000)
		s.Order(2, 1000)
		s.Event(loyalty.OrderCancelled, 2, func(e *loyalty.Event) { e.Order = &loyalty.Order{ID: "order-4", Status: loyalty.Cancelled} })
		s.At("2027-03-17 12:00")
		s.Want("after two weeks", s.Ledger(), "1 coffee-on-us queued")
		s.Want("codes", s.Counted("select state as what, count(*) as n from codes group by 1"), "1 reserved")
		s.Want("passages", s.Passages(), "1 done, 1 sending")
		s.Deliver("sent")
		s.Work()
		s.Want("passages after delivery", s.Passages(), "2 done")
	})
}

func TestMilestonesOfPointsEarned(t *testing.T) {
	points := map[string]string{"loyalty.yaml": "points: {earn: [1 per 1.00, '50 for event \"review.written\"'], expire: {after: 12m}}\n"}
	p := shoptest.Program{Extra: points, Campaigns: map[string]string{"before": "live: false\nstart: {milestone: points_earned, at: [100], every: 500}\nsteps:\n  - mail: well-done\n"}}
	each(t, p, func(t *testing.T, s *shop) {
		s.Join(3)
		s.Order(2, 60000)
		live := p
		live.Campaigns = map[string]string{"before": strings.Replace(p.Campaigns["before"], "live: false", "live: true", 1)}
		s.Apply(live)
		s.Work()
		s.Want("what was earned before is recorded", s.reached(), "1 points_earned:100 recorded, 1 points_earned:500 recorded")
		s.Order(1, 9000)
		s.Want("ninety points", s.Ledger(), "")
		s.Event("review.written", 1, nil)
		s.Want("a hundred and forty, by a review", s.Counted("select cast(member_id as text) as what, count(*) as n from sends group by 1"), "1 1")
		s.Order(2, 3000)
		s.Want("what was recorded is not mailed", s.Counted("select cast(member_id as text) as what, count(*) as n from sends group by 1"), "1 1")
		s.Order(1, 130000)
		s.Want("two milestones at once are one mail", s.Counted("select o.key as what, count(*) as n from sends s join occurrences o on o.id = s.occurrence_id group by 1"),
			"1 points_earned:100, 1 points_earned:1000")
	})
}

// What ends in the same night is booked before what opens is counted.
func TestPointsThatOpenAtNightReachTheirMilestone(t *testing.T) {
	pending := map[string]string{"loyalty.yaml": "points: {earn: [1 per 1.00, '60 for event \"review.written\"'], pending: 14d, expire: {after: 30d}}\n"}
	each(t, shoptest.Program{Extra: pending, Campaigns: map[string]string{
		"well":   "live: true\nstart: {milestone: points, at: [100, 200]}\nsteps:\n  - mail: well-done\n",
		"opened": "live: true\nstart: {event: points.opened, where: event.points >= 50}\nclass: earned\nagain: each\nsteps:\n  - mail: there-they-are\n",
	}}, func(t *testing.T, s *shop) {
		s.Join(2)
		s.Order(1, 15_000)
		s.Order(2, 3_000)
		s.Want("while they are pending", s.Ledger(), "")
		s.At("2027-03-16 12:00")
		s.Work()
		s.Want("the day before", s.Ledger(), "")
		s.At("2027-03-17 12:00")
		s.Work()
		s.Want("on their first day", s.reached(), "1 event sending, 1 points:100 sending")
		s.Want("the ledger", s.Ledger(), "1 there-they-are queued, 1 well-done queued")
		s.Work()
		s.Want("once", s.Ledger(), "1 there-they-are queued, 1 well-done queued")
		s.At("2027-04-02 12:00")
		s.Order(1, 20_000)
		s.At("2027-04-16 12:00") // the first 150 end on it, 200 open
		s.Work()
		s.Want("while others end", s.reached(), "2 event sending, 1 points:100 sending, 1 points:200 sending")
	})
}

func TestPointsThatOpenedWhileNothingRanAreRecorded(t *testing.T) {
	pending := map[string]string{"loyalty.yaml": "points: {earn: [1 per 1.00], pending: 14d, expire: {after: 12m}}\n"}
	each(t, shoptest.Program{Extra: pending, Campaigns: map[string]string{"well": "live: true\nstart: {milestone: points, at: [100]}\nsteps:\n  - mail: well-done\n"}}, func(t *testing.T, s *shop) {
		s.Join(1)
		s.Order(1, 15_000)
		s.At("2027-03-25 12:00") // a week after they opened
		s.Work()
		s.Want("a week late", s.reached(), "1 points:100 recorded")
	})
}

func TestPointsThatAreTakenBackAreTold(t *testing.T) {
	keeps := map[string]string{"loyalty.yaml": "points: {earn: [1 per 1.00], expire: never}\n"}
	each(t, shoptest.Program{Extra: keeps, Campaigns: map[string]string{
		"less": "live: true\nstart: {event: points.taken_back, where: event.points >= 20}\nagain: each\nsteps:\n  - mail: sorry\n",
	}}, func(t *testing.T, s *shop) {
		refund := func(order string, total int64, at time.Time) {
			s.Event(loyalty.OrderRefunded, 1, func(e *loyalty.Event) {
				e.ID, e.At, e.Order, e.Refund = fmt.Sprint(order, total), loyalty.At(at), &loyalty.Order{ID: order}, &loyalty.Refund{ID: fmt.Sprint("R-", total), Total: total}
			})
		}
		s.Join(1)
		s.Order(1, 15_000)
		s.Order(1, 9_000)
		refund("order-1", 1_000, s.Now)
		s.Want("ten points", s.Ledger(), "")
		refund("order-1", 5_000, s.Now)
		s.Want("fifty", s.Ledger(), "1 sorry queued")
		s.Now = s.Now.AddDate(0, 0, 10)
		refund("order-2", 9_000, s.Now.AddDate(0, 0, -9))
		s.Want("what is no news any more", s.Ledger(), "1 sorry queued")
		s.Want("all are kept", s.Counted("select type as what, count(*) as n from events where source = 'regulars' group by 1"), "3 points.taken_back")
	})
}
