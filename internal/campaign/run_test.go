package campaign_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"regulars/internal/campaign"
	"regulars/internal/coupon"
	"regulars/internal/store"
)

const (
	newsletter = "live: true\nstart: {every: monday 08:00}\ntopic: newsletter\nquiet: off\nsteps:\n  - mail: news\n"
	vip        = "vip: orders >= 1\n"
	summer     = "summer: {kind: imported, amount: 5.00, valid_until: 2027-08-31}\n"
)

func TestARunHasARowForEverybodyOfTheSegment(t *testing.T) {
	p := program{segments: vip, campaigns: map[string]string{
		"news": "live: true\nstart: {every: monday 08:00}\nfor: vip\ntopic: offers\nholdout: 20%\nsteps:\n  - mail: news\n"}}
	each(t, p, func(t *testing.T, s *shop) {
		members := s.join(100)
		s.bought(members[:90], 1, 10)
		s.do(func(tx *store.Tx) error {
			for _, text := range []string{
				"update member_topics set granted = false where member_id <= 3 and topic = 'offers'",
				"update members set email = '', email_key = null where id = 4",
				"insert into suppressions (email_key, reason, at) select email_key, 'manual', changed_at from members where id = 5",
				"update members set email_key = (select email_key from members where id = 6) where id in (7, 8)",
				"update members set erased_at = changed_at where id = 9",
				"delete from facts where member_id = 9",
			} {
				if _, err := tx.Exec(text, nil); err != nil {
					return err
				}
			}
			return nil
		})
		s.at("2027-03-08 08:00")
		out := s.number("select count(*) from sends where reason = 'holdout'")
		same := s.number("select count(*) from sends where reason = 'same_address'")
		if out < 8 || out > 28 {
			t.Errorf("%d of 84 are in a holdout of 20%%", out)
		}
		s.want("left out", s.counted("select reason as what, count(*) as n from sends where reason not in ('', 'holdout', 'same_address') group by 1"),
			"1 no_address, 3 no_consent, 1 suppressed")
		s.want("mailed", fmt.Sprint(s.number("select count(*) from sends where state = 'queued'")), fmt.Sprint(89-5-out-same))
		s.want("one address", fmt.Sprint(s.number("select count(*) from sends s join members m on m.id = s.member_id where s.state = 'queued' and m.id in (6, 7, 8)")),
			fmt.Sprint(min(1, 3-s.number("select count(*) from sends where reason = 'holdout' and member_id in (6, 7, 8)"))))
		s.want("audience", fmt.Sprint(s.number("select audience from runs")), "89")
	})
}

func TestARunIsCutIntoChunksAndFinishedWhenNothingIsPending(t *testing.T) {
	each(t, program{campaigns: map[string]string{"news": newsletter}}, func(t *testing.T, s *shop) {
		s.join(4500)
		s.at("2027-03-08 08:00")
		s.want("chunks", s.counted("select cast(n as text) || ': ' || (select count(*) from sends s where s.run_id = k.run_id and s.id between k.lo and k.hi) as what, 1 as n from chunks k"),
			"1 0: 2000, 1 1: 2000, 1 2: 500")
		s.want("run", s.counted("select state as what, count(*) as n from runs group by 1"), "1 sending")
		s.deliver("sent")
		s.work()
		s.want("run", s.counted("select state as what, count(*) as n from runs group by 1"), "1 finished")
	})
}

func TestWhatIsLateIsSkippedAndTheRunIsFinished(t *testing.T) {
	each(t, program{campaigns: map[string]string{"news": newsletter}}, func(t *testing.T, s *shop) {
		s.join(10)
		s.at("2027-03-08 08:00")
		s.at("2027-03-09 08:00")
		s.want("a day later", s.ledger(), "10 news queued")
		s.at("2027-03-09 08:01")
		s.want("after a day", s.ledger(), "10 news skipped late")
		s.want("run", s.counted("select state as what, count(*) as n from runs group by 1"), "1 finished")
	})
}

func TestACancelledRunSkipsTheRestAndFreesItsCodes(t *testing.T) {
	p := program{pools: summer, campaigns: map[string]string{
		"drop": "live: true\nstart: {launch: {}}\nsteps:\n  - mail: a\n    coupon: summer\n  - wait: 3d\n  - mail: b\n"}}
	each(t, p, func(t *testing.T, s *shop) {
		s.join(5)
		s.stock("summer", 7)
		launched := s.launch(campaign.LaunchRequest{Campaign: "drop", By: "anna"})
		s.do(func(tx *store.Tx) error { return s.book.Pause(tx, launched.Run, "wrong price") })
		s.do(func(tx *store.Tx) error { return s.book.Cancel(tx, launched.Run, "wrong price") })
		s.work()
		s.want("ledger", s.ledger(), "5 a skipped cancelled")
		s.want("codes", s.counted("select state as what, count(*) as n from codes group by 1"), "7 free")
		s.want("passages", s.passages(), "5 exited cancelled by hand")
		err := s.db.Update(t.Context(), func(tx *store.Tx) error { return s.book.Resume(tx, launched.Run, false) })
		if !errors.Is(err, campaign.ErrRunState) {
			t.Errorf("Resume of a cancelled run = %v, want ErrRunState", err)
		}
	})
}

// stock puts codes into an imported pool.
func (s *shop) stock(pool string, n int) {
	s.t.Helper()
	s.do(func(tx *store.Tx) error {
		_, err := coupon.Import(tx, pool, func(yield func(string) bool) {
			for i := range n {
				if !yield(fmt.Sprintf("%s-%04d", pool, i)) {
					return
				}
			}
		})
		return err
	})
}

func (s *shop) launch(r campaign.LaunchRequest) (done campaign.Launched) {
	s.t.Helper()
	s.do(func(tx *store.Tx) (err error) { done, err = s.book.Launch(tx, r); return err })
	return done
}

func TestALaunchIsPreviewedAndDoneOnce(t *testing.T) {
	p := program{segments: vip, campaigns: map[string]string{
		"price-drop": "live: true\nstart: {launch: {category: text, link: url, ends: date}}\nfor: bought_category(launch.category)\nsteps:\n  - mail: price-drop\n",
		"draft":      "start: {launch: {}}\nsteps:\n  - mail: x\n",
		"hello":      "live: true\nstart: joins\nsteps:\n  - mail: y\n",
	}}
	each(t, p, func(t *testing.T, s *shop) {
		s.join(3)
		s.order(1, 1000, boots())
		s.order(2, 1000, boots())
		values := map[string]string{"category": "Boots", "link": "https://shop.example/boots", "ends": "2027-04-01"}
		request := campaign.LaunchRequest{Campaign: "price-drop", Values: values, By: "anna"}
		s.do(func(tx *store.Tx) error {
			a, err := s.book.PreviewLaunch(tx, request)
			s.want("preview", fmt.Sprint(a.Mailed, a.LeftOut), "2 map[]")
			return err
		})
		s.want("after the preview", s.ledger(), "")
		s.launch(request)
		s.want("after the launch", s.ledger(), "2 price-drop queued")
		s.refused(request, campaign.ErrLaunched)
		request.Key = "again"
		first := s.launch(request)
		if second := s.launch(request); !second.Again || second.Run != first.Run {
			t.Errorf("the same key again = %+v, want run %d again", second, first.Run)
		}
		s.want("with a key", s.ledger(), "4 price-drop queued")
		for _, wrong := range []campaign.LaunchRequest{
			{Campaign: "price-drop", Values: map[string]string{"category": "Boots"}},
			{Campaign: "price-drop", Values: map[string]string{"category": "Boots", "link": "x", "ends": "2027-04-01"}},
			{Campaign: "price-drop", Values: map[string]string{"category": "Boots", "link": "https://a.example", "ends": "soon"}},
			{Campaign: "price-drop", Values: map[string]string{"kategory": "Boots"}},
			{Campaign: "draft"},
			{Campaign: "hello"},
		} {
			var mistake *campaign.Mistake
			if err := s.try(wrong); !errors.As(err, &mistake) {
				t.Errorf("Launch(%+v) = %v, want a mistake in words", wrong, err)
			}
		}
		s.refused(campaign.LaunchRequest{Campaign: "nothing"}, campaign.ErrNoCampaign)
		request.Key, request.Limit = "limited", 1
		s.launch(request)
		s.want("with a limit", s.ledger(), "5 price-drop queued")
	})
}

func (s *shop) try(r campaign.LaunchRequest) error {
	return s.db.Update(s.t.Context(), func(tx *store.Tx) error { _, err := s.book.Launch(tx, r); return err })
}

func (s *shop) refused(r campaign.LaunchRequest, want error) {
	s.t.Helper()
	if err := s.try(r); !errors.Is(err, want) {
		s.t.Errorf("Launch(%+v) = %v, want %v", r, err, want)
	}
}

func TestADropStartsWithEnoughCodesOrNotAtAll(t *testing.T) {
	p := program{pools: summer, campaigns: map[string]string{
		"drop":   "live: true\nstart: {launch: {}}\nsteps:\n  - mail: a\n    coupon: summer\n",
		"weekly": "live: true\nstart: {every: monday 08:00}\ntopic: offers\nsteps:\n  - mail: a\n    coupon: summer\n"}}
	each(t, p, func(t *testing.T, s *shop) {
		s.join(20)
		s.stock("summer", 15)
		var short *coupon.Short
		if err := s.try(campaign.LaunchRequest{Campaign: "drop"}); !errors.As(err, &short) || short.Have != 15 || short.Need != 20 {
			t.Errorf("Launch = %v, want 15 codes of 20", err)
		}
		s.at("2027-03-08 08:00")
		s.want("ledger", s.ledger(), "")
		s.want("occurrences", s.counted("select decision || ' ' || reason as what, count(*) as n from occurrences group by 1"),
			"1 skipped short of stock: pool summer has 15 codes, 20 are needed")
		s.want("codes", s.counted("select state as what, count(*) as n from codes group by 1"), "15 free")
		s.do(func(tx *store.Tx) error {
			_, err := coupon.Import(tx, "summer", func(yield func(string) bool) {
				for i := range 10 {
					yield(fmt.Sprintf("more-%d", i))
				}
			})
			return err
		})
		s.at("2027-03-15 08:00")
		s.want("the week after", s.ledger(), "20 a queued")
		s.want("codes", fmt.Sprint(s.number("select count(distinct code_id) from sends")), "20")
	})
}

func TestAnIssueIsSentOnItsDate(t *testing.T) {
	p := program{campaigns: map[string]string{"news": "live: true\nstart: {every: monday 08:00}\nquiet: off\nsteps:\n  - mail: issues/*\n"}}
	t.Parallel()
	files := p.files()
	files["campaigns/news/issues/2027-03-15.en.md"] = "---\nsubject: News\n---\nHello.\n"
	eachOf(t, files, func(t *testing.T, s *shop) {
		s.join(2)
		s.at("2027-03-08 08:00")
		s.want("without an issue", s.counted("select key || ' ' || decision || ' ' || reason as what, count(*) as n from occurrences group by 1"),
			"1 2027-03-08 skipped no_issue")
		s.at("2027-03-15 08:00")
		s.want("with an issue", s.ledger(), "2 issues queued")
	})
}

func TestTheFlowGoesOnAfterARun(t *testing.T) {
	p := program{campaigns: map[string]string{
		"drop": "live: true\nstart: {launch: {}}\nuntil: order\nsteps:\n  - if: orders == 0\n    mail: a\n  - wait: 3d\n  - mail: b\n"}}
	each(t, p, func(t *testing.T, s *shop) {
		members := s.join(4)
		s.bought(members[3:], 1, 10)
		s.launch(campaign.LaunchRequest{Campaign: "drop"})
		s.want("the run", s.ledger(), "3 a queued")
		s.deliver("sent")
		s.work()
		s.at("2027-03-03 13:00")
		s.order(1, 1000)
		s.at("2027-03-06 13:00")
		s.want("three days later", s.ledger(), "3 a sent, 3 b queued")
		s.want("passages", s.passages(), "1 exited order, 3 sending")
	})
}

func TestRunsOfAnotherZoneFollowItsClocks(t *testing.T) {
	p := program{campaigns: map[string]string{
		"summer": "live: true\nstart: {at: 2027-03-05 09:00, zone: member}\nquiet: off\nsteps:\n  - mail: a\n"}}
	each(t, p, func(t *testing.T, s *shop) {
		s.join(4)
		s.do(func(tx *store.Tx) error {
			_, err := tx.Exec("update members set time_zone = case id when 1 then 'Asia/Taipei' when 2 then 'America/New_York' when 3 then 'Mars/Olympus' else '' end", nil)
			return err
		})
		s.apply(program{campaigns: map[string]string{"summer": p.campaigns["summer"], "x": "start: joins\nsteps:\n  - mail: b\n"}})
		s.newDay("2027-03-04 00:00")
		for _, step := range []struct{ at, want string }{
			{"2027-03-05 02:59", ""},
			{"2027-03-05 03:00", "1 1"},
			{"2027-03-05 09:00", "1 1, 1 3, 1 4"},
			{"2027-03-05 16:00", "1 1, 1 2, 1 3, 1 4"},
		} {
			s.at(step.at)
			s.want("mailed by "+step.at, s.counted("select cast(member_id as text) as what, count(*) as n from sends group by 1"), step.want)
		}
	})
}

// newDay lets a midnight pass.
func (s *shop) newDay(at string) { s.at(at) }

func TestALaunchCountsWhoHasReachedACap(t *testing.T) {
	p := program{more: "caps: [2 per 7d, 1 per 16h]\n", campaigns: map[string]string{
		"offer":  "live: true\nstart: {launch: {}}\nsteps:\n  - mail: m\n",
		"defer":  "live: true\nstart: {launch: {}}\ncapped: defer 24h\nsteps:\n  - mail: m\n",
		"notice": "live: true\nstart: {launch: {}}\nclass: service\nsteps:\n  - mail: m\n",
	}}
	each(t, p, func(t *testing.T, s *shop) {
		s.join(5)
		s.do(func(tx *store.Tx) error {
			for member, at := range map[int64][2]int{1: {1, 200}, 2: {20, 100}, 3: {20, 200}} { // hours ago
				_, err := tx.Exec("insert into recent_mails (member_id, at1, at2) values (@member, @a, @b)", store.Args{"member": member,
					"a": tx.At.Plus(-time.Duration(at[0]) * time.Hour), "b": tx.At.Plus(-time.Duration(at[1]) * time.Hour)})
				if err != nil {
					return err
				}
			}
			for name, want := range map[string]int64{"offer": 2, "defer": 2, "notice": 0} {
				a, err := s.book.PreviewLaunch(tx, campaign.LaunchRequest{Campaign: name})
				if err != nil || a.Mailed != 5 || a.Capped != want || a.CappedWait != (name == "defer") {
					t.Errorf("PreviewLaunch(%s) = %+v, %v, want %d of 5 capped", name, a, err, want)
				}
				done, err := s.book.Launch(tx, campaign.LaunchRequest{Campaign: name})
				if err != nil || done.Audience.Capped != want {
					t.Errorf("Launch(%s) = %+v, %v, want %d capped", name, done.Audience, err, want)
				}
			}
			return nil
		})
	})
}
