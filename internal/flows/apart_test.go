package flows_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"regulars/internal/flows"
	"regulars/internal/intake"
	"regulars/internal/loyalty"
	"regulars/internal/membership"
	"regulars/internal/shoptest"
	"regulars/internal/store"
)

func TestAFewOddMembersHoldUpNobodyElse(t *testing.T) {
	p := shoptest.Program{Campaigns: map[string]string{"hello": "live: true\nstart: joins\nclass: service\nsteps:\n  - wait: 1d\n  - mail: hello\n"}}
	each(t, p, func(t *testing.T, s *shop) {
		s.Work()
		s.Harm("passages", "insert", "new.member_id in (4, 9)")
		for m := range int64(20) {
			e := shoptest.Joining(m + 1)
			s.EventLater("member.joined", m+1, e)
		}
		s.Work()
		s.Want("passages", s.Passages(), "18 ready")
		s.Want("reactions that wait", fmt.Sprint(s.Number("select count(*) from reactions where retry_at is not null and because like '%harmed%'")), "2")
		s.Heal()
		s.Harm("sends", "insert", "new.member_id in (2, 13)")
		s.Now = s.Now.Add(25 * time.Hour)
		s.Work()
		s.Want("the ledger", s.Ledger(), "16 hello queued")
		s.Want("passages that wait", fmt.Sprint(s.Number("select count(*) from passages where reason like 'failed: %harmed%' and state = 'ready'")), "2")
		s.Want("set aside", s.SetBack(), "")
		s.Heal()
		s.Retry()
		s.Now = s.Now.Add(50 * time.Hour)
		s.Work()
		s.Now = s.Now.Add(50 * time.Hour)
		s.Work()
		s.Want("the ledger after the mend", s.Ledger(), "20 hello queued")
	})
}

func TestASegmentThatFailsHoldsUpNoOther(t *testing.T) {
	p := shoptest.Program{Segments: "buyers: orders >= 1\nspenders: spent >= 5\n",
		Campaigns: map[string]string{
			"bought": "live: true\nstart: {enters: buyers}\nclass: service\nsteps:\n  - mail: bought\n",
			"spent":  "live: true\nstart: {enters: spenders}\nclass: service\nsteps:\n  - mail: spent\n",
		}}
	each(t, p, func(t *testing.T, s *shop) {
		members := s.Join(2)
		s.Work()
		s.Harm("segment_members", "insert", "new.segment_id = 1")
		s.Order(members[0], 1000)
		s.Work()
		s.Want("the ledger", s.Ledger(), "1 spent queued")
		if got := s.SetBack(); !strings.HasPrefix(got, "segment:1 membership ") || strings.Contains(got, "campaign:") || strings.Count(got, "segment:") > 1 {
			t.Errorf("set aside: %q, want the segment alone", got)
		}
		s.Heal()
		s.Retry()
		s.Work()
		s.Want("the ledger after the mend", s.Ledger(), "1 bought queued, 1 spent queued")
		s.Want("set aside after the mend", s.SetBack(), "")
	})
}

func TestAnOrderThatIsToldOfLateEndsAPassage(t *testing.T) {
	p := shoptest.Program{Campaigns: map[string]string{"hello": "live: true\nstart: joins\nuntil: order\nclass: service\nsteps:\n  - wait: 1d\n  - mail: hello\n"}}
	each(t, p, func(t *testing.T, s *shop) {
		s.Work()
		s.Now = s.Now.Add(3 * time.Hour)
		s.Event("member.joined", 1, shoptest.Joining(1))
		placed := loyalty.At(s.Now.Add(-time.Hour))
		s.Now = s.Now.Add(time.Hour)
		s.Event(loyalty.OrderPlaced, 1, func(e *loyalty.Event) {
			e.At = placed
			e.Order = &loyalty.Order{ID: "late", Status: loyalty.Paid, Total: 1000, HasTotal: true}
		})
		s.Want("passages", s.Passages(), "1 exited order")
	})
}

func TestOddMembersAtTheHeadHoldUpNobodyBehindThem(t *testing.T) {
	p := shoptest.Program{Campaigns: map[string]string{"hello": "live: true\nstart: joins\nclass: service\nsteps:\n  - mail: hello\n"}}
	each(t, p, func(t *testing.T, s *shop) {
		s.Work()
		s.Harm("passages", "insert", "new.member_id <= 8")
		for m := range int64(20) {
			s.EventLater("member.joined", m+1, shoptest.Joining(m+1))
		}
		s.Work()
		s.Do(func(tx *store.Tx) error { return tx.RetrySetbacks() })
		s.Work()
		s.Want("the ledger", s.Ledger(), "12 hello queued")
		s.Heal()
		s.Retry()
		s.Work()
		s.Want("the ledger after the mend", s.Ledger(), "20 hello queued")
		s.Want("set aside after the mend", s.SetBack(), "")
	})
}

func TestAnImportMailsNobodyThoughTheNightComesFirst(t *testing.T) {
	p := shoptest.Program{Segments: "buyers: orders >= 1\n", Campaigns: map[string]string{"bought": "live: true\nstart: {enters: buyers}\nclass: service\nsteps:\n  - mail: bought\n"}}
	for name, harmed := range map[string]bool{"the night comes before anybody reacts": false, "the segment fails meanwhile": true} {
		t.Run(name, func(t *testing.T) {
			each(t, p, func(t *testing.T, s *shop) {
				members := s.Join(2)
				s.Work()
				if harmed {
					s.Harm("segment_members", "insert", "new.segment_id = 1")
				}
				s.EventLater(loyalty.OrderPlaced, members[0], func(e *loyalty.Event) {
					e.At = loyalty.At(s.Now.AddDate(0, 0, -20))
					e.Order = &loyalty.Order{ID: "old", Status: loyalty.Paid, Total: 1000, HasTotal: true}
				})
				if harmed {
					s.Work()
					s.Heal()
					s.Retry()
				} else {
					s.Now = s.Now.Add(24 * time.Hour)
					for _, pass := range []func(context.Context, *store.DB) (int, error){intake.NewDay, membership.Segments, membership.Entries} {
						if _, err := pass(context.Background(), s.DB); err != nil {
							t.Fatal(err)
						}
					}
				}
				s.Work()
				s.Want("the ledger", s.Ledger(), "")
				s.Want("inside", fmt.Sprint(s.Number("select count(*) from segment_members where left_at is null")), "1")
			})
		})
	}
}

func TestOneOddMemberSetsNoCampaignAside(t *testing.T) {
	p := shoptest.Program{Campaigns: map[string]string{"hello": "live: true\nstart: joins\nclass: service\nsteps:\n  - mail: hello\n  - wait: 1d\n  - mail: again\n"}}
	each(t, p, func(t *testing.T, s *shop) {
		s.Work()
		s.Harm("passages", "insert", "new.member_id = 1")
		s.Event("member.joined", 1, shoptest.Joining(1))
		s.Event("member.joined", 1, shoptest.Joining(1))
		s.Work()
		s.Want("set aside", s.SetBack(), "")
		s.Want("reactions that wait", fmt.Sprint(s.Number("select count(*) from reactions where because like '%harmed%'")), "1")
		s.Event("member.joined", 2, shoptest.Joining(2))
		s.Work()
		s.Want("the ledger", s.Ledger(), "1 hello queued")
		s.Heal()
		s.Retry()
		s.Work()
		s.Want("the ledger after the mend", s.Ledger(), "2 hello queued")
		s.Want("reactions after it", fmt.Sprint(s.Number("select count(*) from reactions")), "0")
	})
}

func TestOneOddPassageSetsNoCampaignAside(t *testing.T) {
	p := shoptest.Program{Campaigns: map[string]string{"hello": "live: true\nstart: joins\nclass: service\nsteps:\n  - wait: 1d\n  - mail: hello\n"}}
	each(t, p, func(t *testing.T, s *shop) {
		s.Work()
		s.Event("member.joined", 1, shoptest.Joining(1))
		s.Now = s.Now.Add(time.Hour)
		s.Event("member.joined", 2, shoptest.Joining(2))
		s.Harm("sends", "insert", "new.member_id = 1")
		s.Now = s.Now.Add(23*time.Hour + time.Minute)
		s.Work()
		s.Want("set aside", s.SetBack(), "")
		s.Want("passages that wait", fmt.Sprint(s.Number("select count(*) from passages where reason like 'failed: %harmed%'")), "1")
		s.Now = s.Now.Add(time.Hour)
		s.Work()
		s.Want("the ledger", s.Ledger(), "1 hello queued")
		s.Heal()
		s.Now = s.Now.Add(50 * time.Hour)
		s.Work()
		s.Want("the ledger after the mend", s.Ledger(), "2 hello queued")
	})
}

func TestASetbackStaysUntilSomethingOfItSucceedsOrNothingIsLeft(t *testing.T) {
	p := shoptest.Program{Campaigns: map[string]string{"hello": "live: true\nstart: joins\nclass: service\nsteps:\n  - mail: hello\n"}}
	for name, mended := range map[string]bool{"mended": true, "nothing is left": false} {
		t.Run(name, func(t *testing.T) {
			each(t, p, func(t *testing.T, s *shop) {
				s.Work()
				s.Harm("passages", "insert", "new.member_id > 0")
				for m := range int64(8) { // as many as are put off
					s.EventLater("member.joined", m+1, shoptest.Joining(m+1))
				}
				s.Work()
				s.Do(func(tx *store.Tx) error { return tx.RetrySetbacks() })
				s.Work()
				s.Want("set aside while all wait", fmt.Sprint(s.Number("select count(*) from setbacks where scope = 'campaign:1' and work = 'reactions'")), "1")
				s.Heal()
				if mended {
					s.Retry()
				} else {
					s.Do(func(tx *store.Tx) error { _, err := tx.Exec("delete from reactions", nil); return err })
				}
				s.Work()
				s.Want("set aside after that", s.SetBack(), "")
			})
		})
	}
}

func TestWhatIsToBeTriedInPartsIsDoneInParts(t *testing.T) {
	p := shoptest.Program{Campaigns: map[string]string{"hello": "live: true\nstart: joins\nclass: service\nsteps:\n  - mail: hello\n  - wait: 1d\n  - mail: later\n"}}
	each(t, p, func(t *testing.T, s *shop) {
		inParts := func(work string, pass func(context.Context, *store.DB) (int, error)) {
			t.Helper()
			s.Do(func(tx *store.Tx) error {
				if err := tx.SetBack("campaign:1", work, errors.New("it took too long")); err != nil {
					return err
				}
				if err := tx.TakeLess("campaign:1", work, 3); err != nil {
					return err
				}
				return tx.RetrySetbacks()
			})
			if n, err := pass(context.Background(), s.DB); n != 3 || err != nil {
				t.Errorf("%s in parts of 3: %d, %v", work, n, err)
			}
			s.Work()
			s.Want("set aside after "+work, s.SetBack(), "")
		}
		s.Work()
		for m := range int64(20) {
			s.EventLater("member.joined", m+1, shoptest.Joining(m+1))
		}
		inParts("reactions", flows.React)
		s.Want("the ledger", s.Ledger(), "20 hello queued")
		s.Deliver("sent")
		s.Work()
		s.Now = s.Now.Add(25 * time.Hour)
		inParts("passages", flows.Advance)
		s.Want("the ledger a day later", s.Ledger(), "20 hello sent, 20 later queued")
	})
}
