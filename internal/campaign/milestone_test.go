package campaign_test

import (
	"testing"

	"regulars/internal/loyalty"
)

const milestones = "live: true\nstart: {milestone: orders, at: [1, 3, 5], every: 10}\nsteps:\n  - mail: well-done\n"

// reached is the milestones of the member, in their order.
func (s *shop) reached() string {
	return s.counted("select o.key || ' ' || p.state as what, count(*) as n from passages p join occurrences o on o.id = p.occurrence_id group by 1")
}

func TestEachMilestoneIsMailedOnce(t *testing.T) {
	each(t, program{campaigns: map[string]string{"well": milestones}}, func(t *testing.T, s *shop) {
		s.join(1)
		for range 3 {
			s.order(1, 1000)
		}
		s.want("after three orders", s.reached(), "1 orders:1 sending, 1 orders:3 sending")
		s.event(loyalty.OrderCancelled, 1, func(e *loyalty.Event) { e.Order = &loyalty.Order{ID: "order-3", Status: loyalty.Cancelled} })
		s.order(1, 1000)
		s.want("after one was cancelled and another placed", s.ledger(), "2 well-done queued")
	})
}

func TestOfSeveralMilestonesTheHighestIsMailed(t *testing.T) {
	each(t, program{campaigns: map[string]string{
		"spender": "live: true\nstart: {milestone: spent, at: [10.00, 50.00, 100.00], every: 100.00}\nsteps:\n  - mail: thanks\n",
	}}, func(t *testing.T, s *shop) {
		s.join(1)
		s.order(1, 25_000)
		s.want("after one order of 250.00", s.reached(),
			"1 spent:1000 recorded, 1 spent:10000 recorded, 1 spent:20000 sending, 1 spent:5000 recorded")
		s.want("the ledger", s.ledger(), "1 thanks queued")
	})
}

func TestMilestonesReachedBeforeGoingLiveAreRecorded(t *testing.T) {
	p := program{campaigns: map[string]string{"well": "live: false\n" + milestones[len("live: true\n"):]}}
	each(t, p, func(t *testing.T, s *shop) {
		members := s.join(3)
		s.bought(members[:2], 4, 30)
		p := p
		p.campaigns = map[string]string{"well": milestones}
		s.apply(p)
		s.work()
		s.want("after going live", s.reached(), "2 orders:1 recorded, 2 orders:3 recorded")
		s.order(1, 1000)
		s.want("after the fifth order of one", s.reached(), "2 orders:1 recorded, 2 orders:3 recorded, 1 orders:5 sending")
		s.want("the ledger", s.ledger(), "1 well-done queued")
	})
}

func TestMilestonesCountWhatIsOnTheLines(t *testing.T) {
	each(t, program{campaigns: map[string]string{
		"coffee": "live: true\nstart: {milestone: 'items(\"Coffee\")', every: 10}\nsteps:\n  - mail: coffee-on-us\n",
	}}, func(t *testing.T, s *shop) {
		s.join(1)
		s.order(1, 1000, loyalty.Line{Category: "Coffee", Quantity: 9, Total: 900}, loyalty.Line{Category: "Tea", Quantity: 5, Total: 100})
		s.want("after nine", s.ledger(), "")
		s.order(1, 1000, loyalty.Line{Category: "Coffee", Quantity: 2, Total: 1000})
		s.want("after eleven", s.reached(), `1 items("Coffee"):10 sending`)
	})
}

func TestAMilestoneGivesACouponAfterTheReturnWindow(t *testing.T) {
	each(t, program{
		pools: "coffee: {kind: generated, pattern: COFFEE-########, item: SKU, worth: 2.40, valid_for: 60d, checkout: asks_us}\n",
		campaigns: map[string]string{
			"fifth": "live: true\nstart: {milestone: orders, at: [2]}\nsteps:\n  - wait: 14d\n  - if: orders >= 2\n    mail: coffee-on-us\n    coupon: coffee\n",
		},
	}, func(t *testing.T, s *shop) {
		s.join(2)
		s.order(1, 1000)
		s.order(1, 1000)
		s.order(2, 1000)
		s.order(2, 1000)
		s.event(loyalty.OrderCancelled, 2, func(e *loyalty.Event) { e.Order = &loyalty.Order{ID: "order-4", Status: loyalty.Cancelled} })
		s.at("2027-03-17 12:00")
		s.want("after two weeks", s.ledger(), "1 coffee-on-us queued")
		s.want("codes", s.counted("select state as what, count(*) as n from codes group by 1"), "1 reserved")
		s.want("passages", s.passages(), "1 done, 1 sending")
		s.deliver("sent")
		s.work()
		s.want("passages after delivery", s.passages(), "2 done")
	})
}
