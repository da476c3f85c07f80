package campaign_test

import (
	"fmt"
	"testing"

	"regulars/internal/loyalty"
	"regulars/internal/store"
)

func TestAChoiceTakesTheFirstThatHolds(t *testing.T) {
	p := program{campaigns: map[string]string{"care": `live: true
start: {event: order.fulfilled, where: order.total > 5}
class: service
again: each
until: cancelled
steps:
  - wait: 5d at 10:00
  - choose:
      - {if: order.category("Boots"), mail: boots}
      - {if: order.category("Knives"), mail: knives}
  - mail: rate-us
`}}
	each(t, p, func(t *testing.T, s *shop) {
		s.join(5)
		buy := func(member int64, category string, total int64) {
			s.order(member, total, loyalty.Line{Category: category, Quantity: 1, Total: total})
			id := fmt.Sprintf("order-%d", s.n)
			s.event(loyalty.OrderFulfilled, member, func(e *loyalty.Event) { e.Order = &loyalty.Order{ID: id} })
		}
		buy(1, "Knives", 1000)
		buy(1, "Boots", 1000)
		buy(2, "Hats", 1000)
		buy(3, "Boots", 400)
		buy(4, "Boots", 1000)
		s.event(loyalty.OrderCancelled, 4, func(e *loyalty.Event) {
			e.Order = &loyalty.Order{ID: fmt.Sprintf("order-%d", s.n-2), Status: loyalty.Cancelled}
		})
		s.want("at first", s.passages(), "1 exited cancelled, 3 ready")
		s.at("2027-03-08 10:00")
		s.want("five days later", s.ledger(), "1 boots queued, 1 knives queued, 1 rate-us queued")
		s.deliver("sent")
		s.work()
		s.want("after that", s.ledger(), "1 boots sent, 1 knives sent, 2 rate-us queued, 1 rate-us sent")
	})
}

func TestAnEmptyPoolDoesWhatTheStepSays(t *testing.T) {
	for says, want := range map[string][2]string{
		"skip":         {"2 a queued, 1 a skipped out_of_codes, 1 b queued", "3 sending"},
		"hold":         {"2 a queued", "1 ready out_of_codes, 2 sending"},
		"send without": {"3 a queued", "3 sending"},
	} {
		t.Run(says, func(t *testing.T) {
			p := program{pools: summer, campaigns: map[string]string{
				"welcome": "live: true\nstart: joins\nsteps:\n  - mail: a\n    coupon: summer\n    empty: " + says + "\n  - mail: b\n"}}
			each(t, p, func(t *testing.T, s *shop) {
				s.stock("summer", 2)
				for m := range 3 {
					s.welcome(int64(m) + 1)
				}
				s.want("ledger", s.ledger(), want[0])
				s.want("passages", s.passages(), want[1])
				if says == "hold" {
					s.do(func(tx *store.Tx) error {
						_, err := tx.Exec("update codes set state = 'free', member_id = null, occurrence_id = null where id = (select max(id) from codes)", nil)
						return err
					})
					s.at("2027-03-03 13:00")
					s.want("an hour later", s.ledger(), "3 a queued")
				}
			})
		})
	}
}

func TestNobodyWithoutConsentHasACode(t *testing.T) {
	each(t, winBackWith("all"), func(t *testing.T, s *shop) {
		p := winBackWith("all")
		p.campaigns["win-back"] = "live: true\nstart: {enters: lapsed, existing: all}\nsteps:\n  - mail: a\n    coupon: back\n"
		s.apply(p)
		s.bought(s.join(10), 2, 200)
		s.do(func(tx *store.Tx) error {
			if _, err := tx.Exec("update member_topics set granted = false where member_id <= 4", nil); err != nil {
				return err
			}
			return refresh(tx, []int64{1, 2, 3, 4})
		})
		s.work()
		s.want("ledger", s.ledger(), "6 a queued, 4 a skipped no_consent")
		s.want("codes", fmt.Sprint(s.number("select count(*) from codes")), "6")
	})
}

func TestExceptIsAskedBeforeEachStep(t *testing.T) {
	p := program{segments: "vip: orders >= 1\n", campaigns: map[string]string{
		"tour": "live: true\nstart: joins\nexcept: vip\nsteps:\n  - mail: a\n  - wait: 1d\n  - mail: b\n"}}
	each(t, p, func(t *testing.T, s *shop) {
		s.welcome(1)
		s.welcome(2)
		s.deliver("sent")
		s.work()
		s.order(1, 1000)
		s.at("2027-03-04 12:00")
		s.want("ledger", s.ledger(), "2 a sent, 1 b queued, 1 b skipped rule_left")
		s.want("passages", s.passages(), "1 done, 1 sending")
	})
}

func TestPassagesEndByEventsAndRules(t *testing.T) {
	for until, end := range map[string]string{
		"event wishlist.added": "event wishlist.added",
		"order":                "order",
		"orders >= 2":          "until",
	} {
		t.Run(until, func(t *testing.T) {
			p := program{campaigns: map[string]string{
				"tour": "live: true\nstart: joins\nuntil: " + until + "\nsteps:\n  - mail: a\n  - wait: 1d\n  - mail: b\n"}}
			each(t, p, func(t *testing.T, s *shop) {
				s.welcome(1)
				s.deliver("sent")
				s.at("2027-03-03 13:00")
				s.event("wishlist.added", 1, nil)
				s.order(1, 1000)
				s.order(1, 1000)
				s.at("2027-03-04 13:00")
				s.want("ledger", s.ledger(), "1 a sent")
				s.want("passages", s.passages(), "1 exited "+end)
			})
		})
	}
}

func TestAMemberStartsAgainWhenTheCampaignSaysSo(t *testing.T) {
	for again, want := range map[string]string{"never": "1 a queued", "3d": "2 a queued", "each": "4 a queued"} {
		t.Run(again, func(t *testing.T) {
			p := program{campaigns: map[string]string{
				"tour": "live: true\nstart: {event: wishlist.added}\nagain: " + again + "\nsteps:\n  - mail: a\n"}}
			each(t, p, func(t *testing.T, s *shop) {
				s.join(1)
				for _, at := range []string{"2027-03-03 13:00", "2027-03-03 14:00", "2027-03-05 13:00", "2027-03-06 09:00"} {
					s.at(at)
					s.event("wishlist.added", 1, nil)
				}
				s.want("ledger", s.ledger(), want)
			})
		})
	}
}

func TestNothingIsSentToThoseWhoAreGone(t *testing.T) {
	each(t, tour("  - mail: a\n  - wait: 1d\n  - mail: b\n"), func(t *testing.T, s *shop) {
		s.welcome(1)
		s.welcome(2)
		s.do(func(tx *store.Tx) error {
			if _, err := tx.Exec("update members set erased_at = changed_at where id = 1", nil); err != nil {
				return err
			}
			return s.book.Forget(tx, []int64{1})
		})
		s.want("ledger", s.ledger(), "1 a queued, 1 a skipped erased")
		s.deliver("sent")
		s.do(func(tx *store.Tx) error { // as if Forget had come too late
			_, err := tx.Exec("update members set merged_into = 1 where id = 2", nil)
			return err
		})
		s.at("2027-03-04 12:00")
		s.want("a day later", s.ledger(), "1 a sent, 1 a skipped erased")
		s.want("passages", s.passages(), "1 exited erased, 1 exited merged")
	})
}
