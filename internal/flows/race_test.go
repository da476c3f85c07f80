package flows_test

import (
	"context"
	"fmt"
	"testing"

	"regulars/internal/flows"
	"regulars/internal/intake"
	"regulars/internal/loyalty"
	"regulars/internal/membership"
	"regulars/internal/shoptest"
)

func TestManyWorkersQueueEachMailOnce(t *testing.T) {
	p := shoptest.WinBack("all")
	p.Campaigns["win-back"] = "live: true\nstart: {enters: lapsed, existing: all}\nsteps:\n  - mail: a\n    coupon: back\n  - mail: b\n    coupon: back\n"
	each(t, p, func(t *testing.T, s *shop) {
		const members = 3000
		s.Bought(s.Join(members), 2, 200)
		shoptest.Together(t, 3, func(int) error { return shoptest.Until(s.DB, membership.Segments) })
		shoptest.Together(t, 3, func(int) error { return shoptest.Until(s.DB, flows.Settle) })
		s.Work()
		for _, mail := range []string{"a", "b"} {
			shoptest.Together(t, 4, func(int) error { return shoptest.Until(s.DB, flows.Advance) })
			s.Want("mail "+mail, fmt.Sprint(s.Number("select count(*) from sends where step = '"+mail+"'")), fmt.Sprint(members))
			s.Deliver("sent")
		}
		shoptest.Together(t, 4, func(int) error { return shoptest.Until(s.DB, flows.Advance) })
		s.Want("passages", s.Passages(), fmt.Sprintf("%d done", members))
		s.Want("codes", fmt.Sprint(s.Number("select count(*) from codes")), fmt.Sprint(members))
		s.Want("codes by member", fmt.Sprint(s.Number("select count(distinct member_id) from codes")), fmt.Sprint(members))
	})
}

func TestAnOrderEndsAPassageWhileItIsTakenOn(t *testing.T) {
	each(t, shoptest.WinBack("all"), func(t *testing.T, s *shop) {
		members := s.Join(60)
		s.Bought(members, 2, 200)
		s.Work()
		s.Now = shoptest.Helsinki(t, "2027-03-04 10:00")
		shoptest.Together(t, 3, func(i int) error {
			if i > 0 {
				return shoptest.Until(s.DB, flows.Advance)
			}
			for _, m := range members {
				e := loyalty.Event{Source: "test", Type: loyalty.OrderPlaced, ID: fmt.Sprint("e", m), At: loyalty.At(s.Now)}
				e.Member.ID = fmt.Sprintf("M-%d", m)
				e.Order = &loyalty.Order{ID: fmt.Sprint("o", m), Status: loyalty.Paid, Total: 1000, HasTotal: true}
				if _, err := intake.New(s.DB).Apply(context.Background(), []loyalty.Event{e}, intake.Live); err != nil {
					return err
				}
			}
			return nil
		})
		s.Work()
		s.Want("passages that have ended", fmt.Sprint(s.Number("select count(*) from passages where state = 'exited' and reason in ('order', 'leaves')")), "60")
		s.Want("queued", fmt.Sprint(s.Number("select count(*) from sends where state = 'queued'")), "0")
		s.Want("due", fmt.Sprint(s.Number("select count(*) from due")), "0")
		s.Want("inside", fmt.Sprint(s.Number("select count(*) from segment_members where left_at is null")), "0")
	})
}

func TestFiveOrdersAtOnceReachOneMilestone(t *testing.T) {
	each(t, shoptest.Program{Campaigns: map[string]string{"well": "live: true\nstart: {milestone: orders, at: [5]}\nsteps:\n  - mail: fifth\n"}},
		func(t *testing.T, s *shop) {
			members := s.Join(20)
			shoptest.Together(t, 5, func(i int) error {
				for _, m := range members {
					e := loyalty.Event{Source: "test", Type: loyalty.OrderPlaced, ID: fmt.Sprint("e", m, "-", i), At: loyalty.At(s.Now)}
					e.Member.ID = fmt.Sprintf("M-%d", m)
					e.Order = &loyalty.Order{ID: fmt.Sprint("o", m, "-", i), Status: loyalty.Paid, Total: 1000, HasTotal: true}
					if _, err := intake.New(s.DB).Apply(context.Background(), []loyalty.Event{e}, intake.Live); err != nil {
						return err
					}
				}
				return nil
			})
			s.React()
			s.Want("the ledger", s.Ledger(), "20 fifth queued")
		})
}
