package campaign_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"regulars/internal/campaign"
	"regulars/internal/store"
)

func tour(steps string) program {
	return program{campaigns: map[string]string{"tour": "live: true\nstart: joins\nsteps:\n" + steps}}
}

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
			each(t, tour("  - mail: a\n  - wait: 5d\n  - mail: b\n"), func(t *testing.T, s *shop) {
				s.welcome(1)
				s.deliver("sent")
				s.work()
				s.apply(tour(tt.next))
				s.at("2027-03-08 11:00")
				s.want("before the wait is over", s.ledger(), "1 a sent")
				s.at("2027-03-08 12:00")
				s.want("when it is over", s.ledger(), tt.want)
			})
		})
	}
}

// welcome has a new member join now.
func (s *shop) welcome(member int64) {
	s.t.Helper()
	s.event("member.joined", member, joining(member))
}

func TestTheSameFilesAreNoNewVersion(t *testing.T) {
	each(t, tour("  - mail: a\n"), func(t *testing.T, s *shop) {
		if done := s.apply(tour("  - mail: a\n")); !done.Same || done.Version != 1 {
			t.Errorf("Apply of the same files = %+v, want the same version", done)
		}
		if done := s.apply(tour("  - mail: b\n")); done.Same || done.Version != 2 {
			t.Errorf("Apply of other files = %+v, want version 2", done)
		}
		s.do(func(tx *store.Tx) error {
			done, err := s.book.Rollback(tx, 1, "anna")
			if done.Version != 3 {
				t.Errorf("Rollback(1) = %+v, want version 3", done)
			}
			return err
		})
		s.do(func(tx *store.Tx) error {
			v, err := s.book.Active(tx)
			if v.ID != 3 || v.Program.Campaigns[0].Steps[0].Mail != "a" {
				t.Errorf("in force is version %d with mail %s, want 3 with a", v.ID, v.Program.Campaigns[0].Steps[0].Mail)
			}
			return err
		})
	})
}

func TestWrongFilesAreRefusedWithTheirProblems(t *testing.T) {
	each(t, tour("  - mail: a\n"), func(t *testing.T, s *shop) {
		p := tour("  - mial: a\n")
		err := s.db.Update(t.Context(), func(tx *store.Tx) error {
			_, err := s.book.Apply(tx, p.files(), "anna", "")
			return err
		})
		var refused *campaign.Refused
		if !errors.As(err, &refused) || len(refused.Problems) == 0 {
			t.Errorf("Apply = %v, want the problems", err)
		}
		s.want("versions", fmt.Sprint(s.number("select count(*) from versions")), "1")
	})
}

func TestARenamedCampaignMailsNobodyTwice(t *testing.T) {
	each(t, winBackWith("all"), func(t *testing.T, s *shop) {
		s.bought(s.join(5), 2, 200)
		s.work()
		p := winBackWith("all")
		p.campaigns = map[string]string{"we-miss-you": "was: win-back\n" + p.campaigns["win-back"]}
		s.apply(p)
		s.at("2027-03-10 12:00")
		s.want("passages", s.passages(), "5 sending")
		s.want("mails", s.ledger(), "5 1-we-miss-you queued")
		s.want("campaigns", s.counted("select name as what, count(*) as n from campaigns group by 1"), "1 we-miss-you")
	})
}

// A rollback goes back behind a renaming without a word from the marketer: the
// old files can't say what their campaign was called later.
func TestARollbackBehindANewNameMailsNobodyTwice(t *testing.T) {
	each(t, winBackWith("all"), func(t *testing.T, s *shop) {
		s.bought(s.join(5), 2, 200)
		s.work()
		text := winBackWith("all").campaigns["win-back"]
		for _, step := range []struct{ name, was string }{{"we-miss-you", "win-back"}, {"come-back", "we-miss-you"}} {
			p := winBackWith("all")
			p.campaigns = map[string]string{step.name: "was: " + step.was + "\n" + text}
			s.apply(p)
		}
		s.rollback(1, "", "")
		s.at("2027-03-10 12:00")
		s.want("passages", s.passages(), "5 sending")
		s.want("mails", s.ledger(), "5 1-we-miss-you queued")
		s.want("campaigns", s.counted("select name as what, count(*) as n from campaigns group by 1"), "1 win-back")
		s.rollback(2, "", "")
		s.rollback(1, "", "")
		s.want("there and back", s.counted("select name as what, count(*) as n from campaigns group by 1"), "1 win-back")
		s.want("passages after that", s.passages(), "5 sending")
	})
}

// rollback puts a version in force again and holds what went live and was
// removed by it to what is wanted.
func (s *shop) rollback(version int64, live, removed string) {
	s.t.Helper()
	s.do(func(tx *store.Tx) error {
		done, err := s.book.Rollback(tx, version, "anna")
		s.want(fmt.Sprintf("rollback to %d: live", version), strings.Join(done.Live, ", "), live)
		s.want(fmt.Sprintf("rollback to %d: removed", version), strings.Join(done.Removed, ", "), removed)
		return err
	})
}

func TestACampaignThatIsGoneEndsWhatIsUnderWay(t *testing.T) {
	p := tour("  - mail: a\n  - wait: 5d\n  - mail: b\n")
	p.campaigns["other"] = "steps:\n  - mail: x\nstart: joins\n"
	each(t, p, func(t *testing.T, s *shop) {
		s.welcome(1)
		delete(p.campaigns, "nothing")
		q := program{campaigns: map[string]string{"other": p.campaigns["other"]}}
		done := s.apply(q)
		s.want("removed", fmt.Sprint(done.Removed), "[tour]")
		s.want("passages", s.passages(), "1 exited removed")
		s.want("mails", s.ledger(), "1 a skipped cancelled")
	})
}

func TestADraftWaitsUntilItIsLiveAgain(t *testing.T) {
	steps := "  - mail: a\n  - wait: 5d\n  - mail: b\n"
	each(t, tour(steps), func(t *testing.T, s *shop) {
		s.welcome(1)
		s.deliver("sent")
		s.work()
		draft := tour(steps)
		draft.campaigns["tour"] = "live: false\nstart: joins\nsteps:\n" + steps
		s.apply(draft)
		s.welcome(2)
		s.at("2027-03-09 12:00")
		s.want("as a draft", s.ledger(), "1 a sent")
		s.apply(tour(steps))
		s.work()
		s.want("live again", s.ledger(), "1 a sent, 1 b queued")
	})
}

func TestANameThatWasUsedBeforeCanBeTakenAgain(t *testing.T) {
	p := winBackWith("all")
	old := program{segments: lapsed, pools: backPool, campaigns: map[string]string{"we-miss-you": p.campaigns["win-back"]}}
	each(t, old, func(t *testing.T, s *shop) {
		s.apply(p) // we-miss-you is gone, win-back is new
		s.bought(s.join(3), 2, 200)
		s.work()
		s.apply(program{segments: lapsed, pools: backPool, campaigns: map[string]string{"we-miss-you": "was: win-back\n" + p.campaigns["win-back"]}})
		s.at("2027-03-10 12:00")
		s.want("mails", s.ledger(), "3 1-we-miss-you queued")
		s.want("campaigns", s.counted("select name as what, count(*) as n from campaigns group by 1"), "1 we-miss-you, 1 we-miss-you~1")
	})
}
