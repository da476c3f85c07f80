package runs_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"regulars/internal/coupon"
	"regulars/internal/runs"
	"regulars/internal/shoptest"
	"regulars/internal/store"
	"regulars/internal/versions"
)

const (
	newsletter = "live: true\nstart: {every: monday 08:00}\ntopic: newsletter\nquiet: off\nsteps:\n  - mail: news\n"
	vip        = "vip: orders >= 1\n"
	summer     = "summer: {kind: imported, amount: 5.00, valid_until: 2027-08-31}\n"
)

func TestARunHasARowForEverybodyOfTheSegment(t *testing.T) {
	p := shoptest.Program{Segments: vip, Campaigns: map[string]string{
		"news": "live: true\nstart: {every: monday 08:00}\nfor: vip\ntopic: offers\nholdout: 20%\nsteps:\n  - mail: news\n"}}
	each(t, p, func(t *testing.T, s *shop) {
		members := s.Join(100)
		s.Bought(members[:90], 1, 10)
		s.Do(func(tx *store.Tx) error {
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
		s.At("2027-03-08 08:00")
		out := s.Number("select count(*) from sends where reason = 'holdout'")
		same := s.Number("select count(*) from sends where reason = 'same_address'")
		if out < 8 || out > 28 {
			t.Errorf("%d of 84 are in a holdout of 20%%", out)
		}
		s.Want("left out", s.Counted("select reason as what, count(*) as n from sends where reason not in ('', 'holdout', 'same_address') group by 1"),
			"1 no_address, 3 no_consent, 1 suppressed")
		s.Want("mailed", fmt.Sprint(s.Number("select count(*) from sends where state = 'queued'")), fmt.Sprint(89-5-out-same))
		s.Want("one address", fmt.Sprint(s.Number("select count(*) from sends s join members m on m.id = s.member_id where s.state = 'queued' and m.id in (6, 7, 8)")),
			fmt.Sprint(min(1, 3-s.Number("select count(*) from sends where reason = 'holdout' and member_id in (6, 7, 8)"))))
		s.Want("audience", fmt.Sprint(s.Number("select audience from runs")), "89")
	})
}

// chunksOf is how some mails are cut, as Counted says it.
func chunksOf(mails, size int) string {
	var all []string
	for n := 0; n*size < mails; n++ {
		all = append(all, fmt.Sprintf("1 %d: %d", n, min(size, mails-n*size)))
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}

func TestARunIsCutIntoChunksAndFinishedWhenNothingIsPending(t *testing.T) {
	each(t, shoptest.Program{Campaigns: map[string]string{"news": newsletter}}, func(t *testing.T, s *shop) {
		s.Join(4500)
		s.At("2027-03-08 08:00")
		s.Want("chunks", s.Counted("select cast(n as text) || ': ' || (select count(*) from sends s where s.run_id = k.run_id and s.id between k.lo and k.hi) as what, 1 as n from chunks k"),
			chunksOf(4500, 100))
		s.Want("run", s.Counted("select state as what, count(*) as n from runs group by 1"), "1 sending")
		s.Deliver("sent")
		s.Work()
		s.Want("run", s.Counted("select state as what, count(*) as n from runs group by 1"), "1 finished")
	})
}

func TestWhatIsLateIsSkippedAndTheRunIsFinished(t *testing.T) {
	each(t, shoptest.Program{Campaigns: map[string]string{"news": newsletter}}, func(t *testing.T, s *shop) {
		s.Join(10)
		s.At("2027-03-08 08:00")
		s.At("2027-03-09 08:00")
		s.Want("a day later", s.Ledger(), "10 news queued")
		s.At("2027-03-09 08:01")
		s.Want("after a day", s.Ledger(), "10 news skipped late")
		s.Want("run", s.Counted("select state as what, count(*) as n from runs group by 1"), "1 finished")
	})
}

func TestACancelledRunSkipsTheRestAndFreesItsCodes(t *testing.T) {
	p := shoptest.Program{Pools: summer, Campaigns: map[string]string{
		"drop": "live: true\nstart: {launch: {}}\nsteps:\n  - mail: a\n    coupon: summer\n  - wait: 3d\n  - mail: b\n"}}
	each(t, p, func(t *testing.T, s *shop) {
		s.Join(5)
		s.Stock("summer", 7)
		launched := s.launch(runs.LaunchRequest{Campaign: "drop", By: "anna"})
		s.Do(func(tx *store.Tx) error { return runs.Pause(tx, launched.Run, "wrong price") })
		s.Do(func(tx *store.Tx) error { return runs.Cancel(tx, launched.Run, "wrong price") })
		s.Work()
		s.Want("ledger", s.Ledger(), "5 a skipped cancelled")
		s.Want("codes", s.Counted("select state as what, count(*) as n from codes group by 1"), "7 free")
		s.Want("passages", s.Passages(), "5 exited cancelled by hand")
		err := s.DB.Update(t.Context(), func(tx *store.Tx) error { return runs.Resume(tx, launched.Run, false) })
		if !errors.Is(err, runs.ErrRunState) {
			t.Errorf("Resume of a cancelled run = %v, want ErrRunState", err)
		}
	})
}

func (s *shop) launch(r runs.LaunchRequest) (done runs.Launched) {
	s.T.Helper()
	s.Do(func(tx *store.Tx) (err error) { done, err = runs.Launch(tx, r); return err })
	return done
}

func TestALaunchIsPreviewedAndDoneOnce(t *testing.T) {
	p := shoptest.Program{Segments: vip, Campaigns: map[string]string{
		"price-drop": "live: true\nstart: {launch: {category: text, link: url, ends: date}}\nfor: bought_category(launch.category)\nsteps:\n  - mail: price-drop\n",
		"draft":      "start: {launch: {}}\nsteps:\n  - mail: x\n",
		"hello":      "live: true\nstart: joins\nsteps:\n  - mail: y\n",
	}}
	each(t, p, func(t *testing.T, s *shop) {
		s.Join(3)
		s.Order(1, 1000, shoptest.Boots())
		s.Order(2, 1000, shoptest.Boots())
		values := map[string]string{"category": "Boots", "link": "https://shop.example/boots", "ends": "2027-04-01"}
		request := runs.LaunchRequest{Campaign: "price-drop", Values: values, By: "anna"}
		s.Do(func(tx *store.Tx) error {
			a, err := runs.PreviewLaunch(tx, request)
			s.Want("preview", fmt.Sprint(a.Mailed, a.LeftOut), "2 map[]")
			return err
		})
		s.Want("after the preview", s.Ledger(), "")
		s.launch(request)
		s.Want("after the launch", s.Ledger(), "2 price-drop queued")
		s.refused(request, runs.ErrLaunched)
		request.Key = "again"
		first := s.launch(request)
		if second := s.launch(request); !second.Again || second.Run != first.Run {
			t.Errorf("the same key again = %+v, want run %d again", second, first.Run)
		}
		s.Want("with a key", s.Ledger(), "4 price-drop queued")
		for _, wrong := range []runs.LaunchRequest{
			{Campaign: "price-drop", Values: map[string]string{"category": "Boots"}},
			{Campaign: "price-drop", Values: map[string]string{"category": "Boots", "link": "x", "ends": "2027-04-01"}},
			{Campaign: "price-drop", Values: map[string]string{"category": "Boots", "link": "https://a.example", "ends": "soon"}},
			{Campaign: "price-drop", Values: map[string]string{"kategory": "Boots"}},
			{Campaign: "draft"},
			{Campaign: "hello"},
		} {
			var mistake *runs.Mistake
			if err := s.try(wrong); !errors.As(err, &mistake) {
				t.Errorf("Launch(%+v) = %v, want a mistake in words", wrong, err)
			}
		}
		s.refused(runs.LaunchRequest{Campaign: "nothing"}, versions.ErrNoCampaign)
		request.Key, request.Limit = "limited", 1
		s.launch(request)
		s.Want("with a limit", s.Ledger(), "5 price-drop queued")
	})
}

func (s *shop) try(r runs.LaunchRequest) error {
	return s.DB.Update(s.T.Context(), func(tx *store.Tx) error { _, err := runs.Launch(tx, r); return err })
}

func (s *shop) refused(r runs.LaunchRequest, want error) {
	s.T.Helper()
	if err := s.try(r); !errors.Is(err, want) {
		s.T.Errorf("Launch(%+v) = %v, want %v", r, err, want)
	}
}

func TestADropStartsWithEnoughCodesOrNotAtAll(t *testing.T) {
	p := shoptest.Program{Pools: summer, Campaigns: map[string]string{
		"drop":   "live: true\nstart: {launch: {}}\nsteps:\n  - mail: a\n    coupon: summer\n",
		"weekly": "live: true\nstart: {every: monday 08:00}\ntopic: offers\nsteps:\n  - mail: a\n    coupon: summer\n"}}
	each(t, p, func(t *testing.T, s *shop) {
		s.Join(20)
		s.Stock("summer", 15)
		var short *coupon.Short
		if err := s.try(runs.LaunchRequest{Campaign: "drop"}); !errors.As(err, &short) || short.Have != 15 || short.Need != 20 {
			t.Errorf("Launch = %v, want 15 codes of 20", err)
		}
		s.At("2027-03-08 08:00")
		s.Want("ledger", s.Ledger(), "")
		s.Want("occurrences", s.Counted("select decision || ' ' || reason as what, count(*) as n from occurrences group by 1"),
			"1 skipped short of stock: pool summer has 15 codes, 20 are needed")
		s.Want("codes", s.Counted("select state as what, count(*) as n from codes group by 1"), "15 free")
		s.Do(func(tx *store.Tx) error {
			_, err := coupon.Import(tx, "summer", func(yield func(string) bool) {
				for i := range 10 {
					yield(fmt.Sprintf("more-%d", i))
				}
			})
			return err
		})
		s.At("2027-03-15 08:00")
		s.Want("the week after", s.Ledger(), "20 a queued")
		s.Want("codes", fmt.Sprint(s.Number("select count(distinct code_id) from sends")), "20")
	})
}

func TestAnIssueIsSentOnItsDate(t *testing.T) {
	p := shoptest.Program{Campaigns: map[string]string{"news": "live: true\nstart: {every: monday 08:00}\nquiet: off\nsteps:\n  - mail: issues/*\n"},
		Extra: map[string]string{"campaigns/news/issues/2027-03-15.en.md": "---\nsubject: News\n---\nHello.\n"}}
	each(t, p, func(t *testing.T, s *shop) {
		s.Join(2)
		s.At("2027-03-08 08:00")
		s.Want("without an issue", s.Counted("select key || ' ' || decision || ' ' || reason as what, count(*) as n from occurrences group by 1"),
			"1 2027-03-08 skipped no_issue")
		s.At("2027-03-15 08:00")
		s.Want("with an issue", s.Ledger(), "2 issues queued")
	})
}

func TestTheFlowGoesOnAfterARun(t *testing.T) {
	p := shoptest.Program{Campaigns: map[string]string{
		"drop": "live: true\nstart: {launch: {}}\nuntil: order\nsteps:\n  - if: orders == 0\n    mail: a\n  - wait: 3d\n  - mail: b\n"}}
	each(t, p, func(t *testing.T, s *shop) {
		members := s.Join(4)
		s.Bought(members[3:], 1, 10)
		s.launch(runs.LaunchRequest{Campaign: "drop"})
		s.Want("the run", s.Ledger(), "3 a queued")
		s.Deliver("sent")
		s.Work()
		s.At("2027-03-03 13:00")
		s.Order(1, 1000)
		s.At("2027-03-06 13:00")
		s.Want("three days later", s.Ledger(), "3 a sent, 3 b queued")
		s.Want("passages", s.Passages(), "1 exited order, 3 sending")
	})
}

func TestRunsOfAnotherZoneFollowItsClocks(t *testing.T) {
	p := shoptest.Program{Campaigns: map[string]string{
		"summer": "live: true\nstart: {at: 2027-03-05 09:00, zone: member}\nquiet: off\nsteps:\n  - mail: a\n"}}
	each(t, p, func(t *testing.T, s *shop) {
		s.Join(4)
		s.Do(func(tx *store.Tx) error {
			_, err := tx.Exec("update members set time_zone = case id when 1 then 'Asia/Taipei' when 2 then 'America/New_York' when 3 then 'Mars/Olympus' else '' end", nil)
			return err
		})
		s.Apply(shoptest.Program{Campaigns: map[string]string{"summer": p.Campaigns["summer"], "x": "start: joins\nsteps:\n  - mail: b\n"}})
		s.newDay("2027-03-04 00:00")
		for _, step := range []struct{ at, want string }{
			{"2027-03-05 02:59", ""},
			{"2027-03-05 03:00", "1 1"},
			{"2027-03-05 09:00", "1 1, 1 3, 1 4"},
			{"2027-03-05 16:00", "1 1, 1 2, 1 3, 1 4"},
		} {
			s.At(step.at)
			s.Want("mailed by "+step.at, s.Counted("select cast(member_id as text) as what, count(*) as n from sends group by 1"), step.want)
		}
	})
}

// newDay lets a midnight pass.
func (s *shop) newDay(at string) { s.At(at) }

func TestALaunchCountsWhoHasReachedACap(t *testing.T) {
	p := shoptest.Program{More: "caps: [2 per 7d, 1 per 16h]\n", Campaigns: map[string]string{
		"offer":  "live: true\nstart: {launch: {}}\nsteps:\n  - mail: m\n",
		"defer":  "live: true\nstart: {launch: {}}\ncapped: defer 24h\nsteps:\n  - mail: m\n",
		"notice": "live: true\nstart: {launch: {}}\nclass: service\nsteps:\n  - mail: m\n",
	}}
	each(t, p, func(t *testing.T, s *shop) {
		s.Join(5)
		s.Do(func(tx *store.Tx) error {
			for member, at := range map[int64][2]int{1: {1, 200}, 2: {20, 100}, 3: {20, 200}} { // hours ago
				_, err := tx.Exec("insert into recent_mails (member_id, at1, at2) values (@member, @a, @b)", store.Args{"member": member,
					"a": tx.At.Plus(-time.Duration(at[0]) * time.Hour), "b": tx.At.Plus(-time.Duration(at[1]) * time.Hour)})
				if err != nil {
					return err
				}
			}
			for name, want := range map[string]int64{"offer": 2, "defer": 2, "notice": 0} {
				a, err := runs.PreviewLaunch(tx, runs.LaunchRequest{Campaign: name})
				if err != nil || a.Mailed != 5 || a.Capped != want || a.CappedWait != (name == "defer") {
					t.Errorf("PreviewLaunch(%s) = %+v, %v, want %d of 5 capped", name, a, err, want)
				}
				done, err := runs.Launch(tx, runs.LaunchRequest{Campaign: name})
				if err != nil || done.Audience.Capped != want {
					t.Errorf("Launch(%s) = %+v, %v, want %d capped", name, done.Audience, err, want)
				}
			}
			return nil
		})
	})
}
