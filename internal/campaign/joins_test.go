package campaign_test

import (
	"testing"

	"regulars/internal/loyalty"
)

func TestWhoJoinsIsWelcomedOnce(t *testing.T) {
	each(t, program{campaigns: map[string]string{
		"welcome": "live: true\nstart: joins\nuntil: order\nsteps:\n  - mail: hello\n  - wait: 4d at 10:00\n  - mail: how-it-works\n",
	}}, func(t *testing.T, s *shop) {
		yes := true
		joins := func(e *loyalty.Event) { e.Member.Joined, e.Member.Email = &yes, "ana@example.test" }
		s.event(loyalty.MemberJoined, 1, joins)
		s.event(loyalty.MemberJoined, 1, joins)
		s.want("after joining twice", s.ledger(), "1 hello queued")
		s.want("what is due", s.counted("select lane as what, count(*) as n from due group by 1"), "1 urgent")
		s.deliver("sent")
		s.work()
		s.at("2027-03-07 09:59")
		s.want("four days later, before ten", s.ledger(), "1 hello sent")
		s.at("2027-03-07 10:00")
		s.want("at ten", s.ledger(), "1 hello sent, 1 how-it-works queued")
		s.order(1, 1000)
		s.want("after an order", s.passages(), "1 exited order")
		s.want("what was queued", s.ledger(), "1 hello sent, 1 how-it-works skipped until")
		s.want("what is due", s.counted("select lane as what, count(*) as n from due group by 1"), "")
	})
}

func TestWhoIsOnlyKnownIsNotWelcomed(t *testing.T) {
	each(t, program{campaigns: map[string]string{
		"welcome": "live: true\nstart: joins\nsteps:\n  - mail: hello\n",
		"fifth":   "live: true\nstart: {milestone: orders, at: [1]}\nsteps:\n  - mail: first\n",
	}}, func(t *testing.T, s *shop) {
		s.order(1, 1000)
		s.want("after an order of somebody unknown", s.ledger(), "")
	})
}
