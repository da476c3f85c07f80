package flows_test

import (
	"testing"

	"regulars/internal/loyalty"
	"regulars/internal/shoptest"
)

func TestWhoJoinsIsWelcomedOnce(t *testing.T) {
	each(t, shoptest.Program{Campaigns: map[string]string{
		"welcome": "live: true\nstart: joins\nuntil: order\nsteps:\n  - mail: hello\n  - wait: 4d at 10:00\n  - mail: how-it-works\n",
	}}, func(t *testing.T, s *shop) {
		yes := true
		joins := func(e *loyalty.Event) { e.Member.Joined, e.Member.Email = &yes, "ana@example.test" }
		s.Event(loyalty.MemberJoined, 1, joins)
		s.Event(loyalty.MemberJoined, 1, joins)
		s.Want("after joining twice", s.Ledger(), "1 hello queued")
		s.Want("what is due", s.Counted("select lane as what, count(*) as n from due group by 1"), "1 urgent")
		s.Deliver("sent")
		s.Work()
		s.At("2027-03-07 09:59")
		s.Want("four days later, before ten", s.Ledger(), "1 hello sent")
		s.At("2027-03-07 10:00")
		s.Want("at ten", s.Ledger(), "1 hello sent, 1 how-it-works queued")
		s.Order(1, 1000)
		s.Want("after an order", s.Passages(), "1 exited order")
		s.Want("what was queued", s.Ledger(), "1 hello sent, 1 how-it-works skipped until")
		s.Want("what is due", s.Counted("select lane as what, count(*) as n from due group by 1"), "")
	})
}

func TestWhoIsOnlyKnownIsNotWelcomed(t *testing.T) {
	each(t, shoptest.Program{Campaigns: map[string]string{
		"welcome": "live: true\nstart: joins\nsteps:\n  - mail: hello\n",
		"fifth":   "live: true\nstart: {milestone: orders, at: [1]}\nsteps:\n  - mail: first\n",
	}}, func(t *testing.T, s *shop) {
		s.Order(1, 1000)
		s.Want("after an order of somebody unknown", s.Ledger(), "")
	})
}
