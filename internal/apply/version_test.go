package apply_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"regulars/internal/apply"
	"regulars/internal/loyalty"
	"regulars/internal/shoptest"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
	"regulars/internal/versions"
)

func TestAPassageGoesOnWhereANewVersionWouldHaveIt(t *testing.T) {
	cases := []struct{ name, next, want string }{
		{"a step that is put in comes next", "  - mail: a\n  - mail: a2\n  - wait: 5d\n  - mail: b\n", "1 a sent, 1 a2 queued"},
		{"a wait that was waited for is not waited for again", "  - mail: a\n  - wait: 90d\n  - mail: b\n", "1 a sent, 1 b queued"},
		{"a step that is gone is left out", "  - mail: a\n  - wait: 5d\n  - mail: c\n", "1 a sent, 1 c queued"},
		{"what comes before is not made up for", "  - mail: z\n  - mail: a\n  - wait: 5d\n  - mail: b\n", "1 a sent, 1 b queued"},
		{"the last step passed is gone itself", "  - wait: 5d\n  - mail: b\n", "1 a sent, 1 b queued"},
		{"a step that moved behind is not sent twice", "  - wait: 5d\n  - mail: b\n  - mail: a\n", "1 a sent"},
	}
	for _, tt := range cases {
		t.Run(tt.name, func(t *testing.T) {
			each(t, shoptest.Tour("  - mail: a\n  - wait: 5d\n  - mail: b\n"), func(t *testing.T, s *shop) {
				s.Welcome(1)
				s.Deliver("sent")
				s.Work()
				s.Apply(shoptest.Tour(tt.next))
				s.At("2027-03-08 11:00")
				s.Want("before the wait is over", s.Ledger(), "1 a sent")
				s.At("2027-03-08 12:00")
				s.Want("when it is over", s.Ledger(), tt.want)
			})
		})
	}
}

func TestTheSameFilesAreNoNewVersion(t *testing.T) {
	each(t, shoptest.Tour("  - mail: a\n"), func(t *testing.T, s *shop) {
		if done := s.Apply(shoptest.Tour("  - mail: a\n")); !done.Same || done.Version != 1 {
			t.Errorf("Apply of the same files = %+v, want the same version", done)
		}
		if done := s.Apply(shoptest.Tour("  - mail: b\n")); done.Same || done.Version != 2 {
			t.Errorf("Apply of other files = %+v, want version 2", done)
		}
		s.Do(func(tx *store.Tx) error {
			done, err := apply.Rollback(tx, 1, "anna", "")
			if done.Version != 3 {
				t.Errorf("Rollback(1) = %+v, want version 3", done)
			}
			return err
		})
		s.Do(func(tx *store.Tx) error {
			v, err := versions.Active(tx)
			if v.ID != 3 || v.Program.Campaigns[0].Steps[0].Mail != "a" {
				t.Errorf("in force is version %d with mail %s, want 3 with a", v.ID, v.Program.Campaigns[0].Steps[0].Mail)
			}
			return err
		})
	})
}

func TestWrongFilesAreRefusedWithTheirProblems(t *testing.T) {
	each(t, shoptest.Tour("  - mail: a\n"), func(t *testing.T, s *shop) {
		p := shoptest.Tour("  - mial: a\n")
		err := s.DB.Update(t.Context(), func(tx *store.Tx) error {
			_, err := apply.Apply(tx, p.Files(), "anna", "")
			return err
		})
		var refused *versions.Refused
		if !errors.As(err, &refused) || len(refused.Problems) == 0 {
			t.Errorf("Apply = %v, want the problems", err)
		}
		s.Want("versions", fmt.Sprint(s.Number("select count(*) from versions")), "1")
	})
}

func TestARenamedCampaignMailsNobodyTwice(t *testing.T) {
	each(t, shoptest.WinBack("all"), func(t *testing.T, s *shop) {
		s.Bought(s.Join(5), 2, 200)
		s.Work()
		p := shoptest.WinBack("all")
		p.Campaigns = map[string]string{"we-miss-you": "was: win-back\n" + p.Campaigns["win-back"]}
		s.Apply(p)
		s.At("2027-03-10 12:00")
		s.Want("passages", s.Passages(), "5 sending")
		s.Want("mails", s.Ledger(), "5 1-we-miss-you queued")
		s.Want("campaigns", s.Counted("select name as what, count(*) as n from campaigns group by 1"), "1 we-miss-you")
	})
}

// A rollback goes back behind a renaming without a word from the marketer: the
// old files can't say what their campaign was called later.
func TestARollbackBehindANewNameMailsNobodyTwice(t *testing.T) {
	each(t, shoptest.WinBack("all"), func(t *testing.T, s *shop) {
		s.Bought(s.Join(5), 2, 200)
		s.Work()
		text := shoptest.WinBack("all").Campaigns["win-back"]
		for _, step := range []struct{ name, was string }{{"we-miss-you", "win-back"}, {"come-back", "we-miss-you"}} {
			p := shoptest.WinBack("all")
			p.Campaigns = map[string]string{step.name: "was: " + step.was + "\n" + text}
			s.Apply(p)
		}
		s.rollback(1, "", "")
		s.At("2027-03-10 12:00")
		s.Want("passages", s.Passages(), "5 sending")
		s.Want("mails", s.Ledger(), "5 1-we-miss-you queued")
		s.Want("campaigns", s.Counted("select name as what, count(*) as n from campaigns group by 1"), "1 win-back")
		s.rollback(2, "", "")
		s.rollback(1, "", "")
		s.Want("there and back", s.Counted("select name as what, count(*) as n from campaigns group by 1"), "1 win-back")
		s.Want("passages after that", s.Passages(), "5 sending")
	})
}

// rollback puts a version in force again and holds what went live and was
// removed by it to what is wanted.
func (s *shop) rollback(version int64, live, removed string) {
	s.T.Helper()
	s.Do(func(tx *store.Tx) error {
		done, err := apply.Rollback(tx, version, "anna", "")
		s.Want(fmt.Sprintf("rollback to %d: live", version), strings.Join(done.Live, ", "), live)
		s.Want(fmt.Sprintf("rollback to %d: removed", version), strings.Join(done.Removed, ", "), removed)
		return err
	})
}

func TestACampaignThatIsGoneEndsWhatIsUnderWay(t *testing.T) {
	p := shoptest.Tour("  - mail: a\n  - wait: 5d\n  - mail: b\n")
	p.Campaigns["other"] = "steps:\n  - mail: x\nstart: joins\n"
	each(t, p, func(t *testing.T, s *shop) {
		s.Welcome(1)
		q := shoptest.Program{Campaigns: map[string]string{"other": p.Campaigns["other"]}}
		done := s.Apply(q)
		s.Want("removed", fmt.Sprint(done.Removed), "[tour]")
		s.Want("passages", s.Passages(), "1 exited removed")
		s.Want("mails", s.Ledger(), "1 a skipped cancelled")
	})
}

func TestADraftWaitsUntilItIsLiveAgain(t *testing.T) {
	steps := "  - mail: a\n  - wait: 5d\n  - mail: b\n"
	each(t, shoptest.Tour(steps), func(t *testing.T, s *shop) {
		s.Welcome(1)
		s.Deliver("sent")
		s.Work()
		draft := shoptest.Tour(steps)
		draft.Campaigns["tour"] = "live: false\nstart: joins\nsteps:\n" + steps
		s.Apply(draft)
		s.Welcome(2)
		s.At("2027-03-09 12:00")
		s.Want("as a draft", s.Ledger(), "1 a sent")
		s.Apply(shoptest.Tour(steps))
		s.Work()
		s.Want("live again", s.Ledger(), "1 a sent, 1 b queued")
	})
}

func TestANameThatWasUsedBeforeCanBeTakenAgain(t *testing.T) {
	p := shoptest.WinBack("all")
	old := shoptest.Program{Segments: shoptest.Lapsed, Pools: shoptest.BackPool, Campaigns: map[string]string{"we-miss-you": p.Campaigns["win-back"]}}
	each(t, old, func(t *testing.T, s *shop) {
		s.Apply(p) // we-miss-you is gone, win-back is new
		s.Bought(s.Join(3), 2, 200)
		s.Work()
		s.Apply(shoptest.Program{Segments: shoptest.Lapsed, Pools: shoptest.BackPool, Campaigns: map[string]string{"we-miss-you": "was: win-back\n" + p.Campaigns["win-back"]}})
		s.At("2027-03-10 12:00")
		s.Want("mails", s.Ledger(), "3 1-we-miss-you queued")
		s.Want("campaigns", s.Counted("select name as what, count(*) as n from campaigns group by 1"), "1 we-miss-you, 1 we-miss-you~1")
	})
}

func TestAnApplyKeepsTheWarmup(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := shoptest.Open(t, db, shoptest.Program{More: "warmup: {from: 2027-03-01, start: 500 a day, double: every 2 days, until: 20000 a day}\n"})
		kept := func() (w store.WarmupToday) {
			s.Do(func(tx *store.Tx) (err error) { w, err = tx.Warmup(); return err })
			return w
		}
		want := loyalty.Warmup{From: loyalty.Date(2027, 3, 1), Start: 500, Double: 2, Until: 20000}
		if w := kept(); w.Ramp != want || !w.Limited {
			t.Errorf("kept is %+v, want %+v", w, want)
		}
		s.Apply(shoptest.Program{})
		if w := kept(); w.Limited || w.Ramp != (loyalty.Warmup{}) {
			t.Errorf("a program without one keeps %+v", w)
		}
	})
}
