package flows_test

import (
	"fmt"
	"testing"

	"regulars/internal/loyalty"
	"regulars/internal/shoptest"
	"regulars/internal/store"
)

func TestAChoiceTakesTheFirstThatHolds(t *testing.T) {
	p := shoptest.Program{Campaigns: map[string]string{"care": `live: true
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
		s.Join(5)
		buy := func(member int64, category string, total int64) {
			s.Order(member, total, loyalty.Line{Category: category, Quantity: 1, Total: total})
			id := fmt.Sprintf("order-%d", s.N)
			s.Event(loyalty.OrderFulfilled, member, func(e *loyalty.Event) { e.Order = &loyalty.Order{ID: id} })
		}
		buy(1, "Knives", 1000)
		buy(1, "Boots", 1000)
		buy(2, "Hats", 1000)
		buy(3, "Boots", 400)
		buy(4, "Boots", 1000)
		s.Event(loyalty.OrderCancelled, 4, func(e *loyalty.Event) {
			e.Order = &loyalty.Order{ID: fmt.Sprintf("order-%d", s.N-2), Status: loyalty.Cancelled}
		})
		s.Want("at first", s.Passages(), "1 exited cancelled, 3 ready")
		s.At("2027-03-08 10:00")
		s.Want("five days later", s.Ledger(), "1 boots queued, 1 knives queued, 1 rate-us queued")
		s.Deliver("sent")
		s.Work()
		s.Want("after that", s.Ledger(), "1 boots sent, 1 knives sent, 2 rate-us queued, 1 rate-us sent")
	})
}

func TestAnEmptyPoolDoesWhatTheStepSays(t *testing.T) {
	for says, want := range map[string][2]string{
		"skip":         {"2 a queued, 1 a skipped out_of_codes, 1 b queued", "3 sending"},
		"hold":         {"2 a queued", "1 ready out_of_codes, 2 sending"},
		"send without": {"3 a queued", "3 sending"},
	} {
		t.Run(says, func(t *testing.T) {
			p := shoptest.Program{Pools: "summer: {kind: imported, amount: 5.00, valid_until: 2027-08-31}\n", Campaigns: map[string]string{
				"welcome": "live: true\nstart: joins\nsteps:\n  - mail: a\n    coupon: summer\n    empty: " + says + "\n  - mail: b\n"}}
			each(t, p, func(t *testing.T, s *shop) {
				s.Stock("summer", 2)
				for m := range 3 {
					s.Welcome(int64(m) + 1)
				}
				s.Want("ledger", s.Ledger(), want[0])
				s.Want("passages", s.Passages(), want[1])
				if says == "hold" {
					s.Do(func(tx *store.Tx) error {
						_, err := tx.Exec("update codes set state = 'free', member_id = null, occurrence_id = null where id = (select max(id) from codes)", nil)
						return err
					})
					s.At("2027-03-03 13:00")
					s.Want("an hour later", s.Ledger(), "3 a queued")
				}
			})
		})
	}
}

func TestNobodyWithoutConsentHasACode(t *testing.T) {
	each(t, shoptest.WinBack("all"), func(t *testing.T, s *shop) {
		p := shoptest.WinBack("all")
		p.Campaigns["win-back"] = "live: true\nstart: {enters: lapsed, existing: all}\nsteps:\n  - mail: a\n    coupon: back\n"
		s.Apply(p)
		s.Bought(s.Join(10), 2, 200)
		s.Do(func(tx *store.Tx) error {
			if _, err := tx.Exec("update member_topics set granted = false where member_id <= 4", nil); err != nil {
				return err
			}
			return shoptest.Refresh(tx, []int64{1, 2, 3, 4})
		})
		s.Work()
		s.Want("ledger", s.Ledger(), "6 a queued, 4 a skipped no_consent")
		s.Want("codes", fmt.Sprint(s.Number("select count(*) from codes")), "6")
	})
}

func TestExceptIsAskedBeforeEachStep(t *testing.T) {
	p := shoptest.Program{Segments: "vip: orders >= 1\n", Campaigns: map[string]string{
		"tour": "live: true\nstart: joins\nexcept: vip\nsteps:\n  - mail: a\n  - wait: 1d\n  - mail: b\n"}}
	each(t, p, func(t *testing.T, s *shop) {
		s.Welcome(1)
		s.Welcome(2)
		s.Deliver("sent")
		s.Work()
		s.Order(1, 1000)
		s.At("2027-03-04 12:00")
		s.Want("ledger", s.Ledger(), "2 a sent, 1 b queued, 1 b skipped rule_left")
		s.Want("passages", s.Passages(), "1 done, 1 sending")
	})
}

func TestPassagesEndByEventsAndRules(t *testing.T) {
	for until, end := range map[string]string{
		"event wishlist.added": "event wishlist.added",
		"order":                "order",
		"orders >= 2":          "until",
	} {
		t.Run(until, func(t *testing.T) {
			p := shoptest.Program{Campaigns: map[string]string{
				"tour": "live: true\nstart: joins\nuntil: " + until + "\nsteps:\n  - mail: a\n  - wait: 1d\n  - mail: b\n"}}
			each(t, p, func(t *testing.T, s *shop) {
				s.Welcome(1)
				s.Deliver("sent")
				s.At("2027-03-03 13:00")
				s.Event("wishlist.added", 1, nil)
				s.Order(1, 1000)
				s.Order(1, 1000)
				s.At("2027-03-04 13:00")
				s.Want("ledger", s.Ledger(), "1 a sent")
				s.Want("passages", s.Passages(), "1 exited "+end)
			})
		})
	}
}

func TestAMemberStartsAgainWhenTheCampaignSaysSo(t *testing.T) {
	for again, want := range map[string]string{"never": "1 a queued", "3d": "2 a queued", "each": "4 a queued"} {
		t.Run(again, func(t *testing.T) {
			p := shoptest.Program{Campaigns: map[string]string{
				"tour": "live: true\nstart: {event: wishlist.added}\nagain: " + again + "\nsteps:\n  - mail: a\n"}}
			each(t, p, func(t *testing.T, s *shop) {
				s.Join(1)
				for _, at := range []string{"2027-03-03 13:00", "2027-03-03 14:00", "2027-03-05 13:00", "2027-03-06 09:00"} {
					s.At(at)
					s.Event("wishlist.added", 1, nil)
				}
				s.Want("ledger", s.Ledger(), want)
			})
		})
	}
}

// What is queued already the gate of delivery stops (TestGate: who was erased).
func TestNothingIsSentToThoseWhoAreGone(t *testing.T) {
	each(t, shoptest.Tour("  - mail: a\n  - wait: 1d\n  - mail: b\n"), func(t *testing.T, s *shop) {
		s.Welcome(1)
		s.Welcome(2)
		s.Deliver("sent")
		for _, gone := range []string{"erased_at = changed_at where id = 1", "merged_into = 1 where id = 2"} {
			s.Do(func(tx *store.Tx) error {
				_, err := tx.Exec("update members set "+gone, nil)
				return err
			})
		}
		s.At("2027-03-04 12:00")
		s.Want("a day later", s.Ledger(), "2 a sent")
		s.Want("passages", s.Passages(), "1 exited erased, 1 exited merged")
	})
}
