package campaign_test

import (
	"fmt"
	"testing"

	"regulars/internal/loyalty"
)

const (
	lapsed  = "lapsed: orders >= 2 and days_since_last_order > 90\n"
	winBack = `live: true
start: {enters: lapsed, time: 10:00, existing: %s}
until: [order, leaves]
again: 180d
steps:
  - mail: 1-we-miss-you
  - wait: 7d at 10:00
  - mail: 2-a-gift
    coupon: back
  - wait: 3d before coupon ends
  - if: unused("back")
    mail: 3-last-call
`
	backPool = "back: {kind: generated, pattern: BACK-########, percent: 15, valid_for: 14d, checkout: asks_us}\n"
)

func winBackWith(existing string) program {
	return program{segments: lapsed, pools: backPool, campaigns: map[string]string{"win-back": fmt.Sprintf(winBack, existing)}}
}

func TestAWinBackGoesFromEntryToLastCall(t *testing.T) {
	each(t, winBackWith("none"), func(t *testing.T, s *shop) {
		members := s.join(3)
		s.bought(members, 2, 90) // tomorrow it is 91 days
		s.at("2027-03-03 23:00")
		s.want("before midnight", s.passages(), "")
		s.at("2027-03-04 00:00")
		s.want("at midnight", s.passages(), "3 ready")
		s.want("mails at midnight", s.ledger(), "")
		s.at("2027-03-04 10:00")
		s.want("at ten", s.ledger(), "3 1-we-miss-you queued")
		s.deliver("sent")
		s.order(1, 1000)
		s.want("one buys again", s.passages(), "1 exited order, 2 ready")
		s.at("2027-03-11 10:00")
		s.want("a week later", s.ledger(), "3 1-we-miss-you sent, 2 2-a-gift queued")
		s.do(dated)
		s.deliver("sent")
		s.at("2027-03-22 09:59")
		s.want("before the last three days", s.number3(), "0")
		s.redeemOne()
		s.at("2027-03-22 10:00")
		s.want("three days before the codes end", s.ledger(), "3 1-we-miss-you sent, 2 2-a-gift sent, 1 3-last-call queued")
		s.deliver("sent")
		s.work()
		s.want("at last", s.passages(), "2 done, 1 exited order")
		s.want("each code of the second mail is the third's", fmt.Sprint(s.number("select count(*) from sends a join sends b on a.code_id = b.code_id and a.step < b.step")), "1")
	})
}

func TestThoseInsideStartAsTheCampaignSays(t *testing.T) {
	for existing, want := range map[string][3]string{
		"none":        {"", "", ""},
		"all":         {"25 ready", "25 ready", "25 ready"},
		"10 per day":  {"10 ready", "20 ready", "25 ready"},
		"100 per day": {"25 ready", "25 ready", "25 ready"},
	} {
		t.Run(existing, func(t *testing.T) {
			each(t, winBackWith(existing), func(t *testing.T, s *shop) {
				s.bought(s.join(25), 2, 200)
				s.bought(s.join(5), 2, 10)
				for day := range 3 {
					s.now = helsinki(t, "2027-03-03 12:00").AddDate(0, 0, day)
					s.work()
					s.want(fmt.Sprintf("day %d", day+1), s.counted("select 'ready' as what, count(*) as n from passages having count(*) > 0"), want[day])
				}
			})
		})
	}
}

func TestAllThoseInsideAreMailedOnceEachWithACode(t *testing.T) {
	p := winBackWith("all")
	p.campaigns["win-back"] = "live: true\nstart: {enters: lapsed, existing: all}\nquiet: off\nsteps:\n  - mail: come-back\n    coupon: back\n"
	each(t, p, func(t *testing.T, s *shop) {
		s.bought(s.join(1000), 2, 200)
		s.work()
		s.want("the ledger", s.ledger(), "1000 come-back queued")
		s.want("codes", fmt.Sprint(s.number("select count(distinct code_id) from sends")), "1000")
		s.work()
		s.want("once more", s.ledger(), "1000 come-back queued")
	})
}

func TestANewRuleLetsNobodyIn(t *testing.T) {
	each(t, winBackWith("none"), func(t *testing.T, s *shop) {
		s.bought(s.join(4), 2, 60)
		s.work()
		p := winBackWith("none")
		p.segments = "lapsed: orders >= 2 and days_since_last_order > 50\n"
		s.apply(p)
		s.work()
		s.want("inside", fmt.Sprint(s.number("select count(*) from segment_members where left_at is null")), "4")
		s.want("started", s.passages(), "")
	})
}

func TestEnteringByAnOrderStartsAtOnce(t *testing.T) {
	each(t, program{segments: "vip: orders >= 2\n", campaigns: map[string]string{
		"vip": "live: true\nstart: {enters: vip}\nclass: earned\ntopic: program\nsteps:\n  - mail: you-are-vip\n",
	}}, func(t *testing.T, s *shop) {
		s.join(2)
		s.work()
		s.order(1, 1000)
		s.order(1, 1000)
		s.order(1, 1000)
		s.want("the ledger", s.ledger(), "1 you-are-vip queued")
	})
}

func TestAnImportLetsNobodyIntoAFlow(t *testing.T) {
	each(t, winBackWith("none"), func(t *testing.T, s *shop) {
		s.work()
		s.bought(s.join(3), 2, 200)
		s.do(func(tx *storeTx) error { _, err := s.book.Refresh(tx, "", true); return err })
		s.work()
		s.want("inside", fmt.Sprint(s.number("select count(*) from segment_members where left_at is null")), "3")
		s.want("started", s.passages(), "")
	})
}

func TestTheHoldoutIsKeptAndGetsNothing(t *testing.T) {
	p := winBackWith("all")
	p.campaigns["win-back"] = "live: true\nstart: {enters: lapsed, existing: all}\nholdout: 50%\nsteps:\n  - mail: come-back\n    coupon: back\n"
	each(t, p, func(t *testing.T, s *shop) {
		s.bought(s.join(100), 2, 200)
		s.work()
		out := s.number("select count(*) from passages where state = 'exited' and reason = 'holdout'")
		if out < 30 || out > 70 {
			t.Errorf("%d of 100 are in a holdout of 50%%", out)
		}
		s.want("the others", s.ledger(), fmt.Sprintf("%d come-back queued", 100-out))
		s.want("codes", fmt.Sprint(s.number("select count(*) from codes")), fmt.Sprint(100-out))
	})
}

func TestOldNewsLetsNobodyIntoAFlow(t *testing.T) {
	each(t, program{segments: "vip: orders >= 1\n", campaigns: map[string]string{
		"vip": "live: true\nstart: {enters: vip}\nsteps:\n  - mail: you-are-vip\n",
	}}, func(t *testing.T, s *shop) {
		s.join(2)
		s.work()
		s.event(loyalty.OrderPlaced, 1, func(e *loyalty.Event) {
			e.At = loyalty.At(s.now.AddDate(0, 0, -10))
			e.Order = &loyalty.Order{ID: "old", Status: loyalty.Paid, Total: 1000, HasTotal: true}
		})
		s.want("inside", fmt.Sprint(s.number("select count(*) from segment_members where left_at is null")), "1")
		s.days("2027-03-05 12:00")
		s.want("the ledger", s.ledger(), "")
		s.order(2, 1000)
		s.want("after real news", s.ledger(), "1 you-are-vip queued")
	})
}
