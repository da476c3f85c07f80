package flows_test

import (
	"fmt"
	"testing"

	"regulars/internal/loyalty"
	"regulars/internal/membership"
	"regulars/internal/shoptest"
	"regulars/internal/store"
)

func TestAWinBackGoesFromEntryToLastCall(t *testing.T) {
	each(t, shoptest.WinBack("none"), func(t *testing.T, s *shop) {
		members := s.Join(3)
		s.Bought(members, 2, 90) // tomorrow it is 91 days
		s.At("2027-03-03 23:00")
		s.Want("before midnight", s.Passages(), "")
		s.At("2027-03-04 00:00")
		s.Want("at midnight", s.Passages(), "3 ready")
		s.Want("mails at midnight", s.Ledger(), "")
		s.At("2027-03-04 10:00")
		s.Want("at ten", s.Ledger(), "3 1-we-miss-you queued")
		s.Deliver("sent")
		s.Order(1, 1000)
		s.Want("one buys again", s.Passages(), "1 exited order, 2 ready")
		s.At("2027-03-11 10:00")
		s.Want("a week later", s.Ledger(), "3 1-we-miss-you sent, 2 2-a-gift queued")
		s.Do(shoptest.Dated)
		s.Deliver("sent")
		s.At("2027-03-22 09:59")
		s.Want("before the last three days", s.Number3(), "0")
		s.RedeemOne()
		s.At("2027-03-22 10:00")
		s.Want("three days before the codes end", s.Ledger(), "3 1-we-miss-you sent, 2 2-a-gift sent, 1 3-last-call queued")
		s.Deliver("sent")
		s.Work()
		s.Want("at last", s.Passages(), "2 done, 1 exited order")
		s.Want("each code of the second mail is the third's", fmt.Sprint(s.Number("select count(*) from sends a join sends b on a.code_id = b.code_id and a.step < b.step")), "1")
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
			each(t, shoptest.WinBack(existing), func(t *testing.T, s *shop) {
				s.Bought(s.Join(25), 2, 200)
				s.Bought(s.Join(5), 2, 10)
				for day := range 3 {
					s.Now = shoptest.Helsinki(t, "2027-03-03 12:00").AddDate(0, 0, day)
					s.Work()
					s.Want(fmt.Sprintf("day %d", day+1), s.Counted("select 'ready' as what, count(*) as n from passages having count(*) > 0"), want[day])
				}
			})
		})
	}
}

func TestAllThoseInsideAreMailedOnceEachWithACode(t *testing.T) {
	p := shoptest.WinBack("all")
	p.Campaigns["win-back"] = "live: true\nstart: {enters: lapsed, existing: all}\nquiet: off\nsteps:\n  - mail: come-back\n    coupon: back\n"
	each(t, p, func(t *testing.T, s *shop) {
		s.Bought(s.Join(1000), 2, 200)
		s.Work()
		s.Want("the ledger", s.Ledger(), "1000 come-back queued")
		s.Want("codes", fmt.Sprint(s.Number("select count(distinct code_id) from sends")), "1000")
		s.Work()
		s.Want("once more", s.Ledger(), "1000 come-back queued")
	})
}

func TestANewRuleLetsNobodyIn(t *testing.T) {
	each(t, shoptest.WinBack("none"), func(t *testing.T, s *shop) {
		s.Bought(s.Join(4), 2, 60)
		s.Work()
		p := shoptest.WinBack("none")
		p.Segments = "lapsed: orders >= 2 and days_since_last_order > 50\n"
		s.Apply(p)
		s.Work()
		s.Want("inside", fmt.Sprint(s.Number("select count(*) from segment_members where left_at is null")), "4")
		s.Want("started", s.Passages(), "")
	})
}

func TestEnteringByAnOrderStartsAtOnce(t *testing.T) {
	each(t, shoptest.Program{Segments: "vip: orders >= 2\n", Campaigns: map[string]string{
		"vip": "live: true\nstart: {enters: vip}\nclass: earned\ntopic: program\nsteps:\n  - mail: you-are-vip\n",
	}}, func(t *testing.T, s *shop) {
		s.Join(2)
		s.Work()
		s.Order(1, 1000)
		s.Order(1, 1000)
		s.Order(1, 1000)
		s.Want("the ledger", s.Ledger(), "1 you-are-vip queued")
	})
}

func TestAnImportLetsNobodyIntoAFlow(t *testing.T) {
	each(t, shoptest.WinBack("none"), func(t *testing.T, s *shop) {
		s.Work()
		s.Bought(s.Join(3), 2, 200)
		s.Do(func(tx *store.Tx) error { _, err := membership.Refresh(tx, "", true); return err })
		s.Work()
		s.Want("inside", fmt.Sprint(s.Number("select count(*) from segment_members where left_at is null")), "3")
		s.Want("started", s.Passages(), "")
	})
}

func TestTheHoldoutIsKeptAndGetsNothing(t *testing.T) {
	p := shoptest.WinBack("all")
	p.Campaigns["win-back"] = "live: true\nstart: {enters: lapsed, existing: all}\nholdout: 50%\nsteps:\n  - mail: come-back\n    coupon: back\n"
	each(t, p, func(t *testing.T, s *shop) {
		s.Bought(s.Join(100), 2, 200)
		s.Work()
		out := s.Number("select count(*) from passages where state = 'exited' and reason = 'holdout'")
		if out < 30 || out > 70 {
			t.Errorf("%d of 100 are in a holdout of 50%%", out)
		}
		s.Want("the others", s.Ledger(), fmt.Sprintf("%d come-back queued", 100-out))
		s.Want("codes", fmt.Sprint(s.Number("select count(*) from codes")), fmt.Sprint(100-out))
	})
}

func TestOldNewsLetsNobodyIntoAFlow(t *testing.T) {
	each(t, shoptest.Program{Segments: "vip: orders >= 1\n", Campaigns: map[string]string{
		"vip": "live: true\nstart: {enters: vip}\nsteps:\n  - mail: you-are-vip\n",
	}}, func(t *testing.T, s *shop) {
		s.Join(2)
		s.Work()
		s.Event(loyalty.OrderPlaced, 1, func(e *loyalty.Event) {
			e.At = loyalty.At(s.Now.AddDate(0, 0, -10))
			e.Order = &loyalty.Order{ID: "old", Status: loyalty.Paid, Total: 1000, HasTotal: true}
		})
		s.Want("inside", fmt.Sprint(s.Number("select count(*) from segment_members where left_at is null")), "1")
		s.days("2027-03-05 12:00")
		s.Want("the ledger", s.Ledger(), "")
		s.Order(2, 1000)
		s.Want("after real news", s.Ledger(), "1 you-are-vip queued")
	})
}
