package delivery_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"regulars/internal/coupon"
	"regulars/internal/delivery"
	"regulars/internal/loyalty"
	"regulars/internal/program"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
)

// answers are what a relay may say about a mail, and what becomes of an offer in
// a chunk, an offer by itself and an earned mail by itself.
var answers = []struct {
	name          string
	begun         bool // the body was written
	o             delivery.Outcome
	chunk, single string
	earned        string
	due           int64 // rows due afterwards, of an offer
	dueEarned     int64
	suppressed    int64
}{
	{name: "250 is sent", begun: true, o: accepted(), chunk: "sent", single: "sent", earned: "sent"},
	{name: "451 at RCPT is deferred", o: said(delivery.StageRcpt, 451, "4.3.0"),
		chunk: "deferred not_now", single: "deferred not_now", earned: "deferred not_now", due: 1, dueEarned: 1},
	{name: "451 to the dot is deferred", begun: true, o: said(delivery.StageDot, 451, "4.3.0"),
		chunk: "deferred not_now", single: "deferred not_now", earned: "deferred not_now", due: 1, dueEarned: 1},
	{name: "550 5.1.1 fails and suppresses", o: said(delivery.StageRcpt, 550, "5.1.1"),
		chunk: "failed no_such_address", single: "failed no_such_address", earned: "failed no_such_address", suppressed: 1},
	{name: "552 5.2.2 fails and suppresses nobody", o: said(delivery.StageRcpt, 552, "5.2.2"),
		chunk: "failed mailbox_full", single: "failed mailbox_full", earned: "failed mailbox_full"},
	{name: "a bare 550 fails", o: said(delivery.StageRcpt, 550, ""), chunk: "failed refused", single: "failed refused", earned: "failed refused"},
	{name: "550 5.7.1 fails by policy and suppresses nobody", o: said(delivery.StageRcpt, 550, "5.7.1"),
		chunk: "failed policy", single: "failed policy", earned: "failed policy"},
	{name: "a line that breaks after the dot is unknown, and an earned mail goes again", begun: true,
		o:     delivery.Outcome{Stage: delivery.StageDot, Begun: true, Err: errScript},
		chunk: "unknown no_answer", single: "unknown no_answer", earned: "unknown no_answer", dueEarned: 1},
	{name: "421 to the dot puts the mail off", begun: true, o: said(delivery.StageDot, 421, "4.3.2"),
		chunk: "deferred not_now", single: "deferred not_now", earned: "deferred not_now", due: 1, dueEarned: 1},
}

func TestEachAnswerOfTheRelay(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		for _, tt := range answers {
			t.Run(tt.name, func(t *testing.T) {
				t.Run("to an offer in a chunk", func(t *testing.T) {
					s := newShop(t, empty(t, db))
					s.run("letter", s.members(1), 10)
					s.script(tt.begun, tt.o)
					_, err := s.sender().Work(context.Background(), 0)
					s.checkAnswer(err, tt.chunk, tt.due, tt.suppressed)
				})
				t.Run("to an offer", func(t *testing.T) {
					s := newShop(t, empty(t, db))
					s.single("finland", s.members(1)[0])
					s.script(tt.begun, tt.o)
					_, err := s.sender().Singles(context.Background(), delivery.Bulk, 10)
					s.checkAnswer(err, tt.single, tt.due, tt.suppressed)
				})
				t.Run("to an earned mail", func(t *testing.T) {
					s := newShop(t, empty(t, db))
					s.single("hello", s.members(1)[0])
					s.script(tt.begun, tt.o)
					_, err := s.sender().Singles(context.Background(), delivery.Urgent, 10)
					s.checkAnswer(err, tt.earned, tt.dueEarned, tt.suppressed)
				})
			})
		}
	})
}

// script makes the relay answer so, before or after the body.
func (s *shop) script(begun bool, o delivery.Outcome) {
	if begun {
		s.wire.answer = func(delivery.Message) delivery.Outcome { return o }
		return
	}
	s.wire.before = func(delivery.Message) delivery.Outcome { return o }
}

func (s *shop) checkAnswer(err error, want string, due, suppressed int64) {
	s.t.Helper()
	var rest *delivery.Rest
	if err != nil && !errors.As(err, &rest) {
		s.t.Fatal(err)
	}
	s.want("after the answer", map[string]int{want: 1})
	if n := s.number("select count(*) from due", nil); n != due {
		s.t.Errorf("%d rows are due, want %d", n, due)
	}
	if n := s.number("select count(*) from suppressions", nil); n != suppressed {
		s.t.Errorf("%d addresses are suppressed, want %d", n, suppressed)
	}
	if n := s.number("select count(*) from batches", nil); n != 0 {
		s.t.Errorf("%d batches are open, want none", n)
	}
	today := int64(loyalty.DayOf(storetest.Start, s.program.Zone))
	if n := s.number("select count(*) from sends where (handed_at is null) <> (sent_day is null) or sent_day <> @today", store.Args{"today": today}); n != 0 {
		s.t.Errorf("%d sends have another day than that of their hand-over", n)
	}
	if n := s.number("select max(attempts) from sends", nil); n != 1 {
		s.t.Errorf("%d attempts are counted, want 1", n)
	}
	wantAwake := int64(0)
	if due == 0 {
		wantAwake = s.number("select count(*) from passages", nil)
	}
	if n := s.number("select count(*) from passages where state = 'ready'", nil); n != wantAwake {
		s.t.Errorf("%d passages go on, want %d", n, wantAwake)
	}
}

func TestARelayThatIsAwayTouchesNothing(t *testing.T) {
	t.Parallel()
	away := delivery.Outcome{Stage: delivery.StageConnect, Err: errScript, Wait: 4 * time.Minute}
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		check := func(s *shop, n int, err error) {
			t.Helper()
			var rest *delivery.Rest
			if !errors.As(err, &rest) || rest.Wait != 4*time.Minute || n != 0 {
				t.Errorf("= %d, %v, want nothing done and a rest of 4 minutes", n, err)
			}
			s.want("after the relay was away", map[string]int{"queued": 40})
			if n := s.number("select max(attempts) from sends", nil); n != 0 {
				t.Errorf("%d attempts are counted, want none", n)
			}
			s.wire.before = nil
			s.singles(s.sender(), delivery.Bulk)
			s.work(s.sender())
			s.want("when it is back", map[string]int{"sent": 40})
		}
		s := newShop(t, empty(t, db))
		s.script(false, away)
		s.run("letter", s.members(40), 20)
		n, err := s.sender().Work(context.Background(), 0)
		check(s, n, err)

		s = newShop(t, empty(t, db))
		s.script(false, away)
		for _, m := range s.members(40) {
			s.single("finland", m)
		}
		n, err = s.sender().Singles(context.Background(), delivery.Bulk, 100)
		check(s, n, err)
	})
}

func TestADeferredMailGoesAgainWhenItsTimeHasCome(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := newShop(t, db)
		run := s.run("letter", s.members(3), 10)
		s.script(false, said(delivery.StageRcpt, 451, "4.7.1"))
		begun := s.machineNow()
		s.work(s.sender())
		s.want("at first", map[string]int{"deferred not_now": 3})
		const pause = int64(5 * time.Minute / time.Microsecond)
		for _, at := range s.again("bulk") {
			if now := s.machineNow(); at < begun+pause || at > now+pause {
				t.Errorf("begun at %d, a mail goes again at %d by %d, want it 5 minutes later", begun, at, now)
			}
		}
		if n := len(s.again("bulk")); n != 3 {
			t.Errorf("%d sends go again, want 3", n)
		}
		s.exec("update due set retry_at = "+s.machine(time.Hour), nil)
		s.wire.before = nil
		s.singles(s.sender(), delivery.Bulk)
		s.want("before its time", map[string]int{"deferred not_now": 3})
		s.exec("update due set retry_at = "+s.machine(-time.Second), nil)
		s.singles(s.sender(), delivery.Bulk)
		s.want("after its time", map[string]int{"sent": 3})
		if n := s.number("select count(*) from sends where attempts = 2 and fence = 2 and run_id = @run", store.Args{"run": run}); n != 3 {
			t.Errorf("%d sends have two attempts under a risen fence, want 3", n)
		}
	})
}

// machineNow is machine time, in microseconds.
func (s *shop) machineNow() (now int64) {
	s.t.Helper()
	s.view(func(tx *store.Tx) error { return tx.One(&now, "select "+tx.Micros(tx.Machine()), nil) })
	return now
}

// again is when the mails of a lane go again, in microseconds of machine time.
func (s *shop) again(lane string) (at []int64) {
	s.t.Helper()
	s.view(func(tx *store.Tx) error {
		return tx.All(&at, "select "+tx.Micros("retry_at")+" + 0 from due where lane = @lane and retry_at is not null", store.Args{"lane": lane})
	})
	return at
}

// machine is machine time from now, as SQL.
func (s *shop) machine(d time.Duration) (expr string) {
	s.view(func(tx *store.Tx) error { expr = tx.MachineIn(d); return nil })
	return expr
}

func TestRetriesEndWhenItWouldBeTooLate(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := newShop(t, db)
		m := s.members(2)
		s.single("finland", m[0])
		s.single("hello", m[1])
		s.exec("update sends set expires_at = @t where class = 'offer'", store.Args{"t": storetest.Start.Add(time.Minute)})
		s.exec("update sends set queued_at = @t where class = 'earned'", store.Args{"t": storetest.Start.Add(-5 * 24 * time.Hour)})
		s.script(false, said(delivery.StageRcpt, 451, "4.3.0"))
		s.singles(s.sender(), delivery.Bulk)
		s.singles(s.sender(), delivery.Urgent)
		s.want("at the last try", map[string]int{"failed gave_up": 2})
	})
}

func TestAnUnknownEarnedMailGoesAgainOnce(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := newShop(t, db)
		s.single("hello", s.members(1)[0])
		s.script(true, delivery.Outcome{Stage: delivery.StageDot, Begun: true, Err: errScript})
		begun := s.machineNow()
		s.singles(s.sender(), delivery.Urgent)
		s.want("the first time", map[string]int{"unknown no_answer": 1})
		if at := s.again("urgent"); len(at) != 1 || at[0] < begun+int64(15*time.Minute/time.Microsecond) {
			t.Error("it does not wait for 15 minutes")
		}
		s.exec("update due set retry_at = "+s.machine(-time.Second), nil)
		s.singles(s.sender(), delivery.Urgent)
		s.want("the second time", map[string]int{"unknown no_answer": 1})
		if n := s.number("select count(*) from due", nil); n != 0 {
			t.Error("it would go a third time")
		}
		if got := s.word("select state from passages", nil); got != "ready" {
			t.Errorf("the passage is %s, want ready", got)
		}
	})
}

func TestAPersonResolvesAnUnknownMail(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := newShop(t, db)
		m := s.members(2)
		first, second := s.single("finland", m[0]), s.single("finland", m[1])
		s.script(true, delivery.Outcome{Stage: delivery.StageDot, Begun: true, Err: errScript})
		d := s.sender()
		s.singles(d, delivery.Bulk)
		resolve := func(send int64, as string) error {
			return s.db.Update(context.Background(), func(tx *store.Tx) error { return d.Resolve(tx, send, as, "ana") })
		}
		if err := resolve(first, "perhaps"); err == nil {
			t.Error("a send is resolved as perhaps")
		}
		if err := errors.Join(resolve(first, delivery.WasSent), resolve(second, delivery.Again)); err != nil {
			t.Fatal(err)
		}
		s.want("after the decisions", map[string]int{"sent resolved": 1, "queued again": 1})
		if err := resolve(first, delivery.Again); !errors.Is(err, delivery.ErrNotUnknown) {
			t.Errorf("Resolve of a sent one = %v, want ErrNotUnknown", err)
		}
		s.singles(d, delivery.Bulk)
		s.want("when it was unknown again", map[string]int{"sent resolved": 1, "unknown no_answer": 1})
		if err := resolve(second, delivery.Again); err != nil {
			t.Fatal(err)
		}
		s.wire.answer = nil
		s.singles(d, delivery.Bulk)
		s.want("at the end", map[string]int{"sent": 1, "sent resolved": 1})
	})
}

func TestAFailedMailGoesAgainWithItsCode(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := newShop(t, db)
		members := s.members(3)
		run := s.run("drop", members, 10)
		s.give(run)
		s.wire.before = func(m delivery.Message) delivery.Outcome {
			if m.To != "m2@example.test" {
				return said(delivery.StageRcpt, 550, "5.3.0")
			}
			return delivery.Outcome{}
		}
		d := s.sender()
		s.work(d)
		s.want("after the drop", map[string]int{"sent": 1, "failed refused": 2})
		id := func(m int) int64 {
			return s.number("select id from sends where member_id = @m", store.Args{"m": members[m]})
		}
		code := func(m int) string {
			return s.word("select code || ' ' || state from codes where member_id = @m", store.Args{"m": members[m]})
		}
		resolve := func(m int, as string) error {
			return s.db.Update(context.Background(), func(tx *store.Tx) error { return d.Resolve(tx, id(m), as, "ana") })
		}
		for m, as := range map[int]string{0: delivery.WasSent, 2: delivery.Again} {
			if err := resolve(m, as); !errors.Is(err, delivery.ErrNotUnknown) {
				t.Errorf("member %d, %s: %v, want ErrNotUnknown", m, as, err)
			}
		}
		had := strings.TrimSuffix(code(0), " void")
		if err := resolve(0, delivery.Again); err != nil || code(0) != had+" reserved" {
			t.Fatalf("the mail of member 0: %v, its code is %s", err, code(0))
		}
		s.exec("update codes set occurrence_id = null where member_id = @m", store.Args{"m": members[1]}) // as a recall of the pool leaves it
		if err := resolve(1, delivery.Again); err == nil || !strings.Contains(err.Error(), "cannot be given again") {
			t.Errorf("a mail whose code was recalled: %v", err)
		}
		s.wire.before = nil
		s.singles(d, delivery.Bulk)
		s.want("at the end", map[string]int{"sent": 2, "failed refused": 1})
		if code(0) != had+" issued" || !strings.Contains(s.wire.bodies["m0@example.test"], had) {
			t.Errorf("the mail does not show %s, which is %s", had, code(0))
		}
	})
}

func TestAPersonResolvesAllUnknownMailsOfARun(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := newShop(t, db)
		members := s.members(1103)
		run := s.run("letter", members[:1101], 1200)
		other := s.run("drop", members[1101:], 10)
		s.exec("update sends set state = 'unknown', reason = 'lease_over' where id % 3 <> 0 or run_id = @other", store.Args{"other": other})
		unknown := s.number("select count(*) from sends where run_id = @run and state = 'unknown'", store.Args{"run": run})
		d := s.sender()
		resolve := func(as string) (all int) {
			for after := int64(0); ; {
				var n int
				s.update(func(tx *store.Tx) (err error) { n, after, err = d.ResolveRun(tx, run, after, as, "ana"); return err })
				if all += n; after == 0 {
					return all
				}
			}
		}
		if n := resolve(delivery.Again); int64(n) != unknown {
			t.Errorf("%d sends go again, want %d", n, unknown)
		}
		s.want("after again", map[string]int{"queued": 1101 - int(unknown), "queued again": int(unknown), "unknown lease_over": 2})
		if due := s.number("select count(*) from due", nil); due != unknown {
			t.Errorf("%d sends are due, want %d", due, unknown)
		}
		s.exec("update sends set state = 'unknown' where reason = 'again'", nil)
		if n := resolve(delivery.WasSent); int64(n) != unknown {
			t.Errorf("%d sends were sent, want %d", n, unknown)
		}
		s.want("after sent", map[string]int{"queued": 1101 - int(unknown), "sent resolved": int(unknown), "unknown lease_over": 2})
	})
}

func TestCodesGoWithTheirMails(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := newShop(t, db)
		members := s.members(4)
		run := s.run("drop", members, 10)
		s.give(run)
		s.refuse(members[1])
		s.wire.before = func(m delivery.Message) delivery.Outcome {
			if strings.HasPrefix(m.To, "m2@") {
				return said(delivery.StageRcpt, 550, "5.1.1")
			}
			return delivery.Outcome{}
		}
		s.wire.answer = func(m delivery.Message) delivery.Outcome {
			if strings.HasPrefix(m.To, "m3@") {
				return delivery.Outcome{Stage: delivery.StageDot, Begun: true, Err: errScript}
			}
			return accepted()
		}
		s.work(s.sender())
		s.want("after the drop", map[string]int{"sent": 1, "skipped no_consent": 1, "failed no_such_address": 1, "unknown no_answer": 1})
		until := loyalty.DayOf(storetest.Start, s.program.Zone) + 14
		for m, want := range []string{"issued", "void", "void", "reserved"} {
			got := s.word("select state from codes where member_id = @m", store.Args{"m": members[m]})
			if got != want {
				t.Errorf("the code of member %d is %s, want %s", m, got, want)
			}
		}
		if n := s.number("select count(*) from codes where valid_until = @day and state in ('issued', 'reserved')", store.Args{"day": until}); n != 2 {
			t.Errorf("%d of the codes that went out end in 14 days, want 2", n)
		}
		code := s.word("select code from codes where member_id = @m", store.Args{"m": members[0]})
		if body := s.wire.bodies["m0@example.test"]; !strings.Contains(body, code) || !strings.Contains(body, "17 March 2027") {
			t.Errorf("the mail does not show %s and its last day 17 March 2027:\n%s", code, body)
		}
	})
}

// give gives each send of a run a code.
func (s *shop) give(run int64) {
	s.t.Helper()
	s.update(func(tx *store.Tx) error {
		if err := coupon.Apply(tx, s.program.Pools); err != nil {
			return err
		}
		_, err := coupon.GiveAll(tx, "gift", run, day(s, tx), rand.Reader)
		return err
	})
}

func TestTheLimiterRationsALane(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		for _, lane := range []string{"singles", "chunks"} {
			s := newShop(t, empty(t, db))
			members := s.members(20)
			l := &limiter{left: 7}
			d := s.sender(func(c *delivery.Config) { c.Limiter = l })
			call := func() (int, error) { return d.Work(context.Background(), 0) }
			if lane == "singles" {
				call = func() (int, error) { return d.Singles(context.Background(), delivery.Bulk, 100) }
				for _, m := range members {
					s.single("finland", m)
				}
			} else {
				s.run("letter", members, 20)
			}
			n, err := call()
			var rest *delivery.Rest
			if !errors.As(err, &rest) || rest.Wait != time.Hour || n != 7 {
				t.Errorf("%s: %d, %v, want 7 and a rest of an hour", lane, n, err)
			}
			s.want(lane+" at first", map[string]int{"sent": 7, "queued": 13})
			l.left = 100
			s.exec("update due set retry_at = null", nil)
			if _, err = call(); err != nil {
				t.Error(err)
			}
			s.want(lane+" then", map[string]int{"sent": 20})
		}
	})
}

// A rate that is used up for a moment is waited for with what was taken up: all goes,
// in the same call.
func TestAWorkerWaitsForItsRate(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		for _, lane := range []string{"singles", "chunks"} {
			s := newShop(t, empty(t, db))
			members := s.members(20)
			d := s.sender(func(c *delivery.Config) { c.Limiter = &dripping{} })
			call := func() (int, error) { return d.Work(context.Background(), 0) }
			if lane == "singles" {
				call = func() (int, error) { return d.Singles(context.Background(), delivery.Bulk, 100) }
				for _, m := range members {
					s.single("finland", m)
				}
			} else {
				s.run("letter", members, 20)
			}
			if n, err := call(); err != nil || n < 20 {
				t.Errorf("%s: %d, %v, want all 20", lane, n, err)
			}
			s.want(lane, map[string]int{"sent": 20})
		}
	})
}

// dripping lets three go, then none, then three …
type dripping struct{ asked int }

func (l *dripping) Take(_ context.Context, _ string, n int) (int, time.Duration, error) {
	if l.asked++; l.asked%2 == 0 {
		return 0, time.Millisecond, nil
	}
	return min(n, 3), time.Millisecond, nil
}

type limiter struct{ left int }

func (l *limiter) Take(_ context.Context, _ string, n int) (int, time.Duration, error) {
	n = min(n, l.left)
	l.left -= n
	return n, time.Hour, nil
}

func TestMailsToTheSinkSaySo(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := newShop(t, db)
		s.run("letter", s.members(2), 10)
		s.work(s.sender(func(c *delivery.Config) { c.Sink = true }))
		s.want("over the built-in sink", map[string]int{"sent inbox": 2})
	})
}

func TestARenamedCampaignGoesOnWithItsOldVersion(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := newShop(t, db)
		s.run("letter", s.members(2), 10)
		s.next = &program.Program{Campaigns: []*program.Campaign{{Name: "newsy", Was: "letter"}}}
		s.exec("update settings set value = '2' where key = 'active_version'", nil)
		s.exec("update campaigns set name = 'newsy' where name = 'letter'", nil)
		s.work(s.sender())
		s.want("after it was renamed", map[string]int{"sent": 2})
	})
}

func TestACampaignThatGotItsOldNameBackGoesOn(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := newShop(t, db, func(files map[string]string) {
			files["campaigns/letter/campaign.yaml"] = "was: first-letter\n" + files["campaigns/letter/campaign.yaml"]
		})
		s.run("letter", s.members(2), 10)
		s.next = &program.Program{Campaigns: []*program.Campaign{{Name: "first-letter"}}}
		s.exec("update settings set value = '2' where key = 'active_version'", nil)
		s.exec("update campaigns set name = 'first-letter' where name = 'letter'", nil)
		s.work(s.sender())
		s.want("after a rollback behind its new name", map[string]int{"sent": 2})
	})
}

func TestASendWhoseCampaignIsGoneIsCancelled(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := newShop(t, db)
		s.single("finland", s.members(1)[0])
		s.exec("update campaigns set name = 'something else' where name = 'finland'", nil)
		s.singles(s.sender(), delivery.Bulk)
		s.want("without its campaign", map[string]int{"skipped cancelled": 1})
	})
}

func TestEachMemberReadsTheirLanguage(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := newShop(t, db)
		members := s.members(4)
		for i, lang := range []string{"fi-FI", "", "en-GB", "ja"} {
			s.exec("update members set language = @l where id = @m", store.Args{"l": lang, "m": members[i]})
		}
		s.run("letter", members, 10)
		s.work(s.sender())
		for i, want := range []string{"Subject: Uutisia", "Subject: News for Ana1", "Subject: News for Ana2", "Subject: News for Ana3"} {
			if body := s.wire.bodies[fmt.Sprintf("m%d@example.test", i)]; !strings.Contains(body, want) {
				t.Errorf("the mail to member %d has no %q:\n%s", i, want, body)
			}
		}
	})
}

func (*dripping) Return(context.Context, string, int) {}

func (*limiter) Return(context.Context, string, int) {}
