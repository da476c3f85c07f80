package campaign_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"regulars/internal/campaign"
	"regulars/internal/consent"
	"regulars/internal/loyalty"
	"regulars/internal/store"
)

var update = flag.Bool("update", false, "write the golden files")

// why is the chain as a person reads it.
func (s *shop) why(member int64, name string) string {
	s.t.Helper()
	var text strings.Builder
	s.do(func(tx *store.Tx) error {
		lines, err := s.book.Why(tx, member, name, 0)
		text.Reset()
		for _, l := range lines {
			mark := "no "
			if l.OK {
				mark = "yes"
			}
			fmt.Fprintf(&text, "  %s %-9s %s\n", mark, l.About, l.Text)
		}
		return err
	})
	return text.String()
}

func TestEveryNoHasAReason(t *testing.T) {
	p := winBackWith("none")
	p.more = "caps: [1 per 16h]\nquiet: 21:00-08:00\n"
	p.campaigns["win-back"] = "holdout: 10%\nexcept: country == \"FI\"\n" + p.campaigns["win-back"]
	p.campaigns["welcome"] = "live: true\nstart: joins\nsteps:\n  - mail: hello\n"
	p.campaigns["fifth"] = "live: true\nstart: {milestone: orders, at: [2]}\nsteps:\n  - mail: second\n"
	p.campaigns["news"] = "live: true\nstart: {every: monday 08:00}\nfor: orders >= 1\nsteps:\n  - mail: news\n"
	p.campaigns["care"] = "live: true\nstart: {event: order.fulfilled}\nsteps:\n  - mail: tips\n"
	p.campaigns["birthday"] = "live: true\nstart: {yearly: birthday, before: 3d}\nsteps:\n  - mail: happy\n"
	p.campaigns["draft"] = "start: {launch: {}}\nsteps:\n  - mail: x\n"
	each(t, p, func(t *testing.T, s *shop) {
		members := s.join(30)
		s.bought(members[:10], 2, 90)
		s.work()
		s.at("2027-03-04 10:00")
		s.deliver("sent")
		s.order(2, 1000)
		s.do(func(tx *store.Tx) error {
			if err := consent.Set(tx, 3, loyalty.Offers, false, consent.How{Source: "page"}); err != nil {
				return err
			}
			if err := consent.Suppress(tx, []byte("M-4"), "hard_bounce", "relay"); err != nil {
				return err
			}
			if err := consent.Hold(tx, consent.HoldCampaign(s.number("select id from campaigns where name = 'news'")), "wrong price", "anna"); err != nil {
				return err
			}
			_, err := tx.Exec("update sends set state = 'failed', smtp_code = 550, smtp_text = '5.1.1 no such user' where member_id = 5", nil)
			return err
		})
		s.at("2027-03-08 08:00")
		var text strings.Builder
		for _, about := range []struct {
			campaign string
			members  []int64
		}{
			{"win-back", []int64{1, 2, 3, 5, 20}}, {"welcome", []int64{1}}, {"fifth", []int64{1, 20}}, {"news", []int64{1, 4, 20}},
			{"care", []int64{1}}, {"birthday", []int64{1}}, {"draft", []int64{1}},
		} {
			for _, m := range about.members {
				fmt.Fprintf(&text, "why M-%d %s\n%s\n", m, about.campaign, s.why(m, about.campaign))
			}
		}
		golden(t, "why.txt", text.String())
	})
}

func TestQuietHoursOnlyDelayWhatIsEarned(t *testing.T) {
	p := winBackWith("none")
	p.more = "quiet: 21:00-08:00\n"
	p.campaigns["welcome"] = "live: true\nstart: joins\nsteps:\n  - mail: hello\n"
	each(t, p, func(t *testing.T, s *shop) {
		s.at("2027-03-04 22:30")
		member := s.join(1)[0]
		for campaign, want := range map[string]string{
			"welcome":  "yes quiet     it is quiet hours for this member until 08:00: only what they themselves did just now brings a mail before that",
			"win-back": "no  quiet     it is quiet hours for this member until 08:00",
		} {
			if got := s.why(member, campaign); !strings.Contains(got, "  "+want+"\n") {
				t.Errorf("why %s at half past ten says\n%swant %s", campaign, got, want)
			}
		}
	})
}

// golden compares with a file under testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s has changed; got\n%s\nwant\n%s", name, got, want)
	}
}

func TestAPlanSaysWhomItTouches(t *testing.T) {
	each(t, program{segments: lapsed, pools: backPool}, func(t *testing.T, s *shop) {
		s.bought(s.join(7), 2, 200)
		s.bought(s.join(2), 2, 10)
		for existing, want := range map[string]string{
			"none":      "0: 7 members are in lapsed; they get nothing (existing: none)",
			"all":       "7: 7 members are in lapsed and get its mails (existing: all)",
			"5 per day": "7: 7 members are in lapsed and get its mails, 5 a day",
		} {
			p := winBackWith(existing)
			s.do(func(tx *store.Tx) error {
				touches, err := s.book.Touches(tx, loaded(t, p))
				if len(touches) != 1 {
					t.Fatalf("Touches with existing: %s = %v, %v", existing, touches, err)
				}
				s.want(existing, fmt.Sprintf("%d: %s", touches[0].Members, touches[0].Text), want)
				return err
			})
		}
		s.apply(winBackWith("all"))
		s.do(func(tx *store.Tx) error {
			touches, err := s.book.Touches(tx, loaded(t, winBackWith("5 per day")))
			s.want("once it is live", fmt.Sprint(touches), fmt.Sprint([]campaign.Touch(nil)))
			return err
		})
	})
}
