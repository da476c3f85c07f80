package campaign_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"testing"
	"time"

	"regulars/internal/intake"
	"regulars/internal/loyalty"
	"regulars/internal/store"
)

// broken panics when codes are made.
type broken struct{}

func (broken) Read([]byte) (int, error) { panic("out of luck") }

func TestACampaignThatPanicsIsSetAside(t *testing.T) {
	p := program{pools: "gift: {kind: generated, pattern: GIFT-####-####, percent: 5, checkout: asks_us}\n",
		campaigns: map[string]string{
			"gift":  "live: true\nstart: joins\nclass: service\nsteps:\n  - mail: gift\n    coupon: gift\n",
			"hello": "live: true\nstart: joins\nclass: service\nsteps:\n  - mail: hello\n",
		}}
	each(t, p, func(t *testing.T, s *shop) {
		s.work()
		s.book.Random(broken{})
		s.event("member.joined", 1, joining(1))
		s.event("member.joined", 2, joining(2))
		s.work()
		s.want("the ledger", s.ledger(), "2 hello queued")
		s.want("set aside", s.setBack(), "campaign:1 reactions panic: out of luck")
		s.work()
		s.want("tries before the pause is over", fmt.Sprint(s.number("select tries from setbacks")), "1")
		s.retry()
		s.work()
		s.want("tries after it", fmt.Sprint(s.number("select tries from setbacks")), "2")
		s.want("seconds to the next try", fmt.Sprint(s.number("select "+s.seconds()+" from setbacks")), "20")
		s.book.Random(rand.Reader)
		s.retry()
		s.work()
		s.want("the ledger after the mend", s.ledger(), "2 gift queued, 2 hello queued")
		s.want("set aside after the mend", s.setBack(), "")
	})
}

// seconds is the pause before a setback is tried again, as SQL.
func (s *shop) seconds() string {
	if s.db.Engine() == store.Postgres {
		return "cast(round(extract(epoch from retry_at - clock_timestamp())) as bigint)"
	}
	return "cast(round((retry_at - unixepoch('subsec') * 1000000) / 1000000.0) as integer)"
}

// retry lets the pauses of setbacks and of reactions that were put off pass.
func (s *shop) retry() {
	s.t.Helper()
	s.do(func(tx *store.Tx) error {
		if _, err := tx.Exec("update reactions set retry_at = "+tx.Machine()+" where retry_at is not null", nil); err != nil {
			return err
		}
		return tx.RetrySetbacks()
	})
}

// setBack is what is set aside: scope, work, why.
func (s *shop) setBack() string {
	s.t.Helper()
	var all []string
	s.do(func(tx *store.Tx) error {
		set, err := tx.Setbacks()
		for _, b := range set {
			all = append(all, b.Scope+" "+b.Work+" "+b.Because)
		}
		return err
	})
	return strings.Join(all, ", ")
}

// harm has the database refuse rows of a table about some members; heal ends that.
func (s *shop) harm(table, when, condition string) {
	s.t.Helper()
	s.do(func(tx *store.Tx) error {
		if !tx.Postgres() {
			_, err := tx.Exec("create trigger harmed before "+when+" on "+table+" when "+condition+" begin select raise(abort, 'harmed'); end", nil)
			return err
		}
		if _, err := tx.Exec("create function harmed() returns trigger language plpgsql as $$ begin raise exception 'harmed'; end $$", nil); err != nil {
			return err
		}
		_, err := tx.Exec("create trigger harmed before "+when+" on "+table+" for each row when ("+condition+") execute function harmed()", nil)
		return err
	})
}

func (s *shop) heal() {
	s.t.Helper()
	s.do(func(tx *store.Tx) error {
		text := "drop trigger harmed"
		if tx.Postgres() {
			text = "drop function harmed() cascade"
		}
		_, err := tx.Exec(text, nil)
		return err
	})
}

func TestAFewOddMembersHoldUpNobodyElse(t *testing.T) {
	p := program{campaigns: map[string]string{"hello": "live: true\nstart: joins\nclass: service\nsteps:\n  - wait: 1d\n  - mail: hello\n"}}
	each(t, p, func(t *testing.T, s *shop) {
		s.work()
		s.harm("passages", "insert", "new.member_id in (4, 9)")
		for m := range int64(20) {
			e := joining(m + 1)
			s.eventLater("member.joined", m+1, e)
		}
		s.work()
		s.want("passages", s.passages(), "18 ready")
		s.want("reactions that wait", fmt.Sprint(s.number("select count(*) from reactions where retry_at is not null and because like '%harmed%'")), "2")
		s.heal()
		s.harm("sends", "insert", "new.member_id in (2, 13)")
		s.now = s.now.Add(25 * time.Hour)
		s.work()
		s.want("the ledger", s.ledger(), "16 hello queued")
		s.want("passages that wait", fmt.Sprint(s.number("select count(*) from passages where reason like 'failed: %harmed%' and state = 'ready'")), "2")
		s.want("set aside", s.setBack(), "")
		s.heal()
		s.retry()
		s.now = s.now.Add(50 * time.Hour)
		s.work()
		s.now = s.now.Add(50 * time.Hour)
		s.work()
		s.want("the ledger after the mend", s.ledger(), "20 hello queued")
	})
}

func TestASegmentThatFailsHoldsUpNoOther(t *testing.T) {
	p := program{segments: "buyers: orders >= 1\nspenders: spent >= 5\n",
		campaigns: map[string]string{
			"bought": "live: true\nstart: {enters: buyers}\nclass: service\nsteps:\n  - mail: bought\n",
			"spent":  "live: true\nstart: {enters: spenders}\nclass: service\nsteps:\n  - mail: spent\n",
		}}
	each(t, p, func(t *testing.T, s *shop) {
		members := s.join(2)
		s.work()
		s.harm("segment_members", "insert", "new.segment_id = 1")
		s.order(members[0], 1000)
		s.work()
		s.want("the ledger", s.ledger(), "1 spent queued")
		if got := s.setBack(); !strings.HasPrefix(got, "segment:1 membership ") || strings.Contains(got, "campaign:") || strings.Count(got, "segment:") > 1 {
			t.Errorf("set aside: %q, want the segment alone", got)
		}
		s.heal()
		s.retry()
		s.work()
		s.want("the ledger after the mend", s.ledger(), "1 bought queued, 1 spent queued")
		s.want("set aside after the mend", s.setBack(), "")
	})
}

func TestAnOrderThatIsToldOfLateEndsAPassage(t *testing.T) {
	p := program{campaigns: map[string]string{"hello": "live: true\nstart: joins\nuntil: order\nclass: service\nsteps:\n  - wait: 1d\n  - mail: hello\n"}}
	each(t, p, func(t *testing.T, s *shop) {
		s.work()
		s.now = s.now.Add(3 * time.Hour)
		s.event("member.joined", 1, joining(1))
		placed := loyalty.At(s.now.Add(-time.Hour))
		s.now = s.now.Add(time.Hour)
		s.event(loyalty.OrderPlaced, 1, func(e *loyalty.Event) {
			e.At = placed
			e.Order = &loyalty.Order{ID: "late", Status: loyalty.Paid, Total: 1000, HasTotal: true}
		})
		s.want("passages", s.passages(), "1 exited order")
	})
}

func TestOddMembersAtTheHeadHoldUpNobodyBehindThem(t *testing.T) {
	p := program{campaigns: map[string]string{"hello": "live: true\nstart: joins\nclass: service\nsteps:\n  - mail: hello\n"}}
	each(t, p, func(t *testing.T, s *shop) {
		s.work()
		s.harm("passages", "insert", "new.member_id <= 8")
		for m := range int64(20) {
			s.eventLater("member.joined", m+1, joining(m+1))
		}
		s.work()
		s.do(func(tx *store.Tx) error { return tx.RetrySetbacks() })
		s.work()
		s.want("the ledger", s.ledger(), "12 hello queued")
		s.heal()
		s.retry()
		s.work()
		s.want("the ledger after the mend", s.ledger(), "20 hello queued")
		s.want("set aside after the mend", s.setBack(), "")
	})
}

func TestAnImportMailsNobodyThoughTheNightComesFirst(t *testing.T) {
	p := program{segments: "buyers: orders >= 1\n", campaigns: map[string]string{"bought": "live: true\nstart: {enters: buyers}\nclass: service\nsteps:\n  - mail: bought\n"}}
	for name, harmed := range map[string]bool{"the night comes before anybody reacts": false, "the segment fails meanwhile": true} {
		t.Run(name, func(t *testing.T) {
			each(t, p, func(t *testing.T, s *shop) {
				members := s.join(2)
				s.work()
				if harmed {
					s.harm("segment_members", "insert", "new.segment_id = 1")
				}
				s.eventLater(loyalty.OrderPlaced, members[0], func(e *loyalty.Event) {
					e.At = loyalty.At(s.now.AddDate(0, 0, -20))
					e.Order = &loyalty.Order{ID: "old", Status: loyalty.Paid, Total: 1000, HasTotal: true}
				})
				if harmed {
					s.work()
					s.heal()
					s.retry()
				} else {
					s.now = s.now.Add(24 * time.Hour)
					for _, pass := range []func(context.Context, *store.DB) (int, error){intake.NewDay, s.book.Segments, s.book.Entries} {
						if _, err := pass(context.Background(), s.db); err != nil {
							t.Fatal(err)
						}
					}
				}
				s.work()
				s.want("the ledger", s.ledger(), "")
				s.want("inside", fmt.Sprint(s.number("select count(*) from segment_members where left_at is null")), "1")
			})
		})
	}
}

func TestOneOddMemberSetsNoCampaignAside(t *testing.T) {
	p := program{campaigns: map[string]string{"hello": "live: true\nstart: joins\nclass: service\nsteps:\n  - mail: hello\n  - wait: 1d\n  - mail: again\n"}}
	each(t, p, func(t *testing.T, s *shop) {
		s.work()
		s.harm("passages", "insert", "new.member_id = 1")
		s.event("member.joined", 1, joining(1))
		s.event("member.joined", 1, joining(1))
		s.work()
		s.want("set aside", s.setBack(), "")
		s.want("reactions that wait", fmt.Sprint(s.number("select count(*) from reactions where because like '%harmed%'")), "1")
		s.event("member.joined", 2, joining(2))
		s.work()
		s.want("the ledger", s.ledger(), "1 hello queued")
		s.heal()
		s.retry()
		s.work()
		s.want("the ledger after the mend", s.ledger(), "2 hello queued")
		s.want("reactions after it", fmt.Sprint(s.number("select count(*) from reactions")), "0")
	})
}

func TestOneOddPassageSetsNoCampaignAside(t *testing.T) {
	p := program{campaigns: map[string]string{"hello": "live: true\nstart: joins\nclass: service\nsteps:\n  - wait: 1d\n  - mail: hello\n"}}
	each(t, p, func(t *testing.T, s *shop) {
		s.work()
		s.event("member.joined", 1, joining(1))
		s.now = s.now.Add(time.Hour)
		s.event("member.joined", 2, joining(2))
		s.harm("sends", "insert", "new.member_id = 1")
		s.now = s.now.Add(23*time.Hour + time.Minute)
		s.work()
		s.want("set aside", s.setBack(), "")
		s.want("passages that wait", fmt.Sprint(s.number("select count(*) from passages where reason like 'failed: %harmed%'")), "1")
		s.now = s.now.Add(time.Hour)
		s.work()
		s.want("the ledger", s.ledger(), "1 hello queued")
		s.heal()
		s.now = s.now.Add(50 * time.Hour)
		s.work()
		s.want("the ledger after the mend", s.ledger(), "2 hello queued")
	})
}

func TestASetbackStaysUntilSomethingOfItSucceedsOrNothingIsLeft(t *testing.T) {
	p := program{campaigns: map[string]string{"hello": "live: true\nstart: joins\nclass: service\nsteps:\n  - mail: hello\n"}}
	for name, mended := range map[string]bool{"mended": true, "nothing is left": false} {
		t.Run(name, func(t *testing.T) {
			each(t, p, func(t *testing.T, s *shop) {
				s.work()
				s.harm("passages", "insert", "new.member_id > 0")
				for m := range int64(8) { // as many as are put off
					s.eventLater("member.joined", m+1, joining(m+1))
				}
				s.work()
				s.do(func(tx *store.Tx) error { return tx.RetrySetbacks() })
				s.work()
				s.want("set aside while all wait", fmt.Sprint(s.number("select count(*) from setbacks where scope = 'campaign:1' and work = 'reactions'")), "1")
				s.heal()
				if mended {
					s.retry()
				} else {
					s.do(func(tx *store.Tx) error { _, err := tx.Exec("delete from reactions", nil); return err })
				}
				s.work()
				s.want("set aside after that", s.setBack(), "")
			})
		})
	}
}

func TestABacklogThatTakesTooLongIsDoneInSmallerParts(t *testing.T) {
	p := program{campaigns: map[string]string{"hello": "live: true\nstart: joins\nclass: service\nsteps:\n  - mail: hello\n  - wait: 1d\n  - mail: later\n"}}
	each(t, p, func(t *testing.T, s *shop) {
		s.work()
		for m := range int64(20) {
			s.eventLater("member.joined", m+1, joining(m+1))
		}
		s.book.Slow(3)
		tries := func(most int) {
			for range most {
				s.work()
				s.do(func(tx *store.Tx) error { return tx.RetrySetbacks() })
			}
		}
		tries(1)
		if got := s.setBack(); !strings.Contains(got, "campaign:1 reactions it did not end within") {
			t.Errorf("set aside: %q, want that it takes too long", got)
		}
		tries(6)
		s.want("the ledger", s.ledger(), "20 hello queued")
		s.want("reactions", fmt.Sprint(s.number("select count(*) from reactions")), "0")
		s.do(func(tx *store.Tx) error {
			if _, err := tx.Exec("update sends set state = 'sent', done_at = @now", store.Args{"now": tx.At}); err != nil {
				return err
			}
			if _, err := tx.Exec("delete from due", nil); err != nil {
				return err
			}
			_, err := tx.Exec("update passages set state = 'ready', base_at = @now, wake_at = @now", store.Args{"now": tx.At})
			return err
		})
		tries(8)
		s.now = s.now.Add(25 * time.Hour)
		tries(8)
		s.want("the ledger a day later", s.ledger(), "20 hello sent, 20 later queued")
	})
}
