package why_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"regulars/internal/importer"

	"regulars/internal/consent"
	"regulars/internal/intake"
	"regulars/internal/loyalty"
	"regulars/internal/runs"
	"regulars/internal/shoptest"
	"regulars/internal/store"
	"regulars/internal/why"
)

var update = flag.Bool("update", false, "write the golden files")

// why is the chain as a person reads it.
func (s *shop) why(member int64, name string) string {
	s.T.Helper()
	var text strings.Builder
	s.Do(func(tx *store.Tx) error {
		lines, err := why.Chain(tx, member, name, 0)
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

// startsOfAllKinds is a program with a campaign of each kind of start, and what
// narrows it down.
func startsOfAllKinds() shoptest.Program {
	p := shoptest.WinBack("none")
	p.More = "caps: [1 per 16h]\nattributes: {renewal: date}\n"
	p.Segments += "buyers: orders >= 1\n"
	live := func(start, more string) string {
		return "live: true\nstart: " + start + "\n" + more + "steps:\n  - mail: m\n"
	}
	for name, text := range map[string]string{
		"welcome": live("joins", ""), "welcome-fi": live("joins", "for: country == \"FI\"\n"), "second": live("{milestone: orders, at: [2]}", ""),
		"second-rich": live("{milestone: orders, at: [2]}", "for: spent >= 900\n"), "birthday": live("{yearly: birthday, before: 3d}", ""),
		"renewal": live("{date: renewal, before: 3d}", "again: never\n"), "care": live("{event: order.fulfilled}", "for: order.total >= 500\n"),
		"wish": live("{event: wishlist.added, where: event.size >= 42}", "class: service\n"), "once": live("{event: order.placed}", ""),
		"christmas": live("{at: 2027-03-08 08:00}", "for: orders >= 1\n"), "news": live("{every: monday 08:00}", "except: orders >= 1\n"),
		"news-once": live("{every: monday 09:00}", "again: never\n"), "by-hand": live("{launch: {category: text}}", "for: bought_category(launch.category)\n"),
		"by-hand-once": live("{launch: {}}", "again: never\n"), "piloted": live("{launch: {}}", "pilot: {size: 2, then: by hand}\n"),
		"waves": live("{launch: {}}", "waves: {size: 2, every: 2h}\n"), "held": live("joins", ""), "draft": "start: joins\nsteps:\n  - mail: m\n",
		"draft-launch": "start: {launch: {}}\nsteps:\n  - mail: m\n", "new-buyers": live("{enters: buyers}", ""),
		"buyers-daily": live("{enters: buyers, existing: 2 per day}", ""),
		"conditional":  "live: true\nstart: {launch: {}}\nsteps:\n  - mail: m\n    if: orders >= 1\n",
		"late-flow":    "live: true\nstart: {launch: {}}\nfor: orders >= 1\nsteps:\n  - wait: 2d\n  - mail: m\n",
		"by-clocks":    live("{at: 2027-03-08 10:00, zone: member}", "for: orders >= 1\n"),
	} {
		p.Campaigns[name] = text
	}
	return p
}

func TestEveryNoHasAReason(t *testing.T) {
	p := startsOfAllKinds()
	each(t, p, func(t *testing.T, s *shop) {
		file := filepath.Join(t.TempDir(), "members.csv")
		text := "member,email,first_name,joined,consent.offers,consent.newsletter\nOLD-1,old-1@example.test,Ada,2020-01-01,yes,yes\nOLD-2,old-2@example.test,Bo,2020-01-01,no,no\n"
		orders := filepath.Join(t.TempDir(), "orders.csv")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(orders, []byte("order,member,at,total\nO-1,OLD-1,2026-12-01,20\nO-2,OLD-1,2026-12-02,20\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		s.Bought(s.Join(6), 2, 90)
		s.Work()
		door := importer.New(s.DB)
		for _, im := range []importer.File{{Kind: "members", Path: file}, {Kind: "orders", Path: orders}} {
			if _, err := door.Import(context.Background(), im); err != nil {
				t.Fatal(err)
			}
		}
		s.Work()
		s.Event(loyalty.MemberJoined, 40, shoptest.Joining(40))
		s.Event(loyalty.MemberJoined, 41, func(e *loyalty.Event) { // told a month late
			shoptest.Joining(41)(e)
			e.At = loyalty.At(s.Now.AddDate(0, -1, 0))
		})
		s.Order(40, 1000, shoptest.Boots())
		s.Order(40, 1000)
		s.Event(loyalty.OrderFulfilled, 40, func(e *loyalty.Event) {
			e.Order = &loyalty.Order{ID: "order-x", Status: loyalty.Paid, Total: 100, HasTotal: true}
		})
		s.Event("wishlist.added", 40, func(e *loyalty.Event) { e.Properties = map[string]any{"size": 36} })
		s.Event("wishlist.added", 1, func(e *loyalty.Event) { e.Properties = map[string]any{"size": 44} })
		s.Do(func(tx *store.Tx) error {
			if err := consent.Suppress(tx, []byte("M-4"), "hard_bounce", "relay"); err != nil {
				return err
			}
			if _, err := tx.Exec("update members set attributes = '{\"renewal\": \"2027-03-11\"}', birth_month = 3, birth_date = 11, changed_at = @now where id = 2", store.Args{"now": tx.At}); err != nil {
				return err
			}
			return consent.Hold(tx, consent.HoldCampaign(s.Number("select id from campaigns where name = 'held'")), "wrong price", "anna")
		})
		s.Work()
		s.Deliver("sent")
		launch := func(r runs.LaunchRequest) {
			s.Do(func(tx *store.Tx) error { _, err := runs.Launch(tx, r); return err })
		}
		s.At("2027-03-08 08:00")
		for _, r := range []runs.LaunchRequest{
			{Campaign: "by-hand", Values: map[string]string{"category": "Boots"}}, {Campaign: "by-hand", Values: map[string]string{"category": "Hats"}},
			{Campaign: "by-hand-once", Limit: 2}, {Campaign: "piloted"}, {Campaign: "waves"}, {Campaign: "conditional"}, {Campaign: "late-flow"},
		} {
			launch(r)
		}
		s.Work()
		s.Do(func(tx *store.Tx) error { // what is out by now; the pilot and the first wave among them
			_, err := tx.Exec(`update sends set state = 'sent', done_at = @now, handed_at = @now where state = 'queued' and run_id is not null and exists
				(select 1 from chunks k where k.run_id = sends.run_id and k.lo <= sends.id and k.hi >= sends.id and k.not_before <= @now)`, store.Args{"now": tx.At})
			return err
		})
		launch(runs.LaunchRequest{Campaign: "by-hand-once", Key: "again"})
		s.Event(loyalty.MemberJoined, 42, shoptest.Joining(42)) // after the launches
		s.At("2027-03-09 10:00")
		s.everybodyHasAReason()
	})
}

// everybodyHasAReason asks about each member and campaign: without a mail that
// went out, a line says why, and another than that there is none.
func (s *shop) everybodyHasAReason() {
	s.T.Helper()
	var names, members []string
	s.All(&names, "select name from campaigns order by name", nil)
	s.All(&members, "select external_id from members order by id", nil)
	asked := 0
	s.Do(func(tx *store.Tx) error {
		for _, name := range names {
			for _, m := range members {
				id, err := intake.Find(tx, m)
				if err != nil {
					return err
				}
				var out int
				if err := tx.One(&out, "select count(*) from sends s join campaigns c on c.id = s.campaign_id where c.name = @name and s.member_id = @member and s.state = 'sent'",
					store.Args{"name": name, "member": id}); err != nil {
					return err
				}
				for _, day := range []loyalty.Day{0, loyalty.Date(2027, 3, 3), loyalty.Date(2027, 3, 8), loyalty.Date(2027, 3, 9)} {
					lines, err := why.Chain(tx, id, name, day)
					if err != nil {
						return fmt.Errorf("why %s %s: %w", m, name, err)
					}
					reasons, text := 0, ""
					for _, l := range lines {
						if !l.OK && l.Text != "nothing of it began for this member" {
							reasons++
						}
						text += fmt.Sprintf("  %v %s %s\n", l.OK, l.About, l.Text)
					}
					if asked++; out == 0 && reasons == 0 {
						s.T.Errorf("why %s %s on %s gives no reason:\n%s", m, name, day, text)
					}
				}
			}
		}
		return nil
	})
	if asked < 200 {
		s.T.Errorf("only %d chains were asked for", asked)
	}
}

func TestWhyNamesWhatStoodInTheWay(t *testing.T) {
	p := startsOfAllKinds()
	each(t, p, func(t *testing.T, s *shop) {
		s.Bought(s.Join(3), 2, 90)
		s.Join(1)
		s.Work()
		s.Event("wishlist.added", 1, func(e *loyalty.Event) { e.Properties = map[string]any{"size": 36} })
		s.Order(2, 1000)
		s.Order(2, 1000)
		s.At("2027-03-08 08:00")
		s.Do(func(tx *store.Tx) error {
			_, err := runs.Launch(tx, runs.LaunchRequest{Campaign: "by-hand", Values: map[string]string{"category": "Hats"}})
			if err == nil {
				_, err = runs.Launch(tx, runs.LaunchRequest{Campaign: "by-hand-once", Limit: 1})
			}
			return err
		})
		s.At("2027-03-08 09:00")
		s.Do(func(tx *store.Tx) error {
			_, err := runs.Launch(tx, runs.LaunchRequest{Campaign: "by-hand-once", Key: "again"})
			return err
		})
		for _, tt := range []struct {
			member   int64
			campaign string
			want     string
		}{
			{4, "welcome", "no  start     came in with an import, which mails nobody"},
			{1, "by-hand", `no  for       for members who bought something of the category launch.category: no`},
			{1, "wish", "no  where"},
			{2, "once", "no  again     the order.placed of 2027-03-03 12:00: it started on 2027-03-03"},
			{1, "by-hand-once", "the launch again: it started on 2027-03-08, and starts once per member"},
			{3, "by-hand-once", "was limited to 1 mails, and others came first"},
			{4, "christmas", "no  for       for members who have at least 1 order: no"},
			{1, "birthday", "no  start     no birthday of this member is known"},
			{1, "news", "no  except"},
			{1, "draft", "no  campaign"},
		} {
			if got := s.why(tt.member, tt.campaign); !strings.Contains(got, tt.want) {
				t.Errorf("why M-%d %s says\n%swant %q", tt.member, tt.campaign, got, tt.want)
			}
		}
	})
}

func TestTheChainReadsLikeThis(t *testing.T) {
	p := shoptest.WinBack("none")
	p.More = "caps: [1 per 16h]\nquiet: 21:00-08:00\n"
	p.Campaigns["win-back"] = "holdout: 10%\nexcept: country == \"FI\"\n" + p.Campaigns["win-back"]
	p.Campaigns["welcome"] = "live: true\nstart: joins\nsteps:\n  - mail: hello\n"
	p.Campaigns["fifth"] = "live: true\nstart: {milestone: orders, at: [2]}\nsteps:\n  - mail: second\n"
	p.Campaigns["news"] = "live: true\nstart: {every: monday 08:00}\nfor: orders >= 1\nsteps:\n  - mail: news\n"
	p.Campaigns["care"] = "live: true\nstart: {event: order.fulfilled}\nsteps:\n  - mail: tips\n"
	p.Campaigns["birthday"] = "live: true\nstart: {yearly: birthday, before: 3d}\nsteps:\n  - mail: happy\n"
	p.Campaigns["draft"] = "start: {launch: {}}\nsteps:\n  - mail: x\n"
	each(t, p, func(t *testing.T, s *shop) {
		members := s.Join(30)
		s.Bought(members[:10], 2, 90)
		s.Work()
		s.At("2027-03-04 10:00")
		s.Deliver("sent")
		s.Order(2, 1000)
		s.Do(func(tx *store.Tx) error {
			if err := consent.Set(tx, 3, loyalty.Offers, false, consent.How{Source: "page"}); err != nil {
				return err
			}
			if err := consent.Suppress(tx, []byte("M-4"), "hard_bounce", "relay"); err != nil {
				return err
			}
			if err := consent.Hold(tx, consent.HoldCampaign(s.Number("select id from campaigns where name = 'news'")), "wrong price", "anna"); err != nil {
				return err
			}
			_, err := tx.Exec("update sends set state = 'failed', smtp_code = 550, smtp_text = '5.1.1 no such user' where member_id = 5", nil)
			return err
		})
		s.At("2027-03-08 08:00")
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

func TestWhySaysWhatTheLedgerNoLongerKnows(t *testing.T) {
	p := shoptest.WinBack("none")
	p.Campaigns["welcome"] = "live: true\nstart: joins\nsteps:\n  - mail: hello\n"
	p.Campaigns["news"] = "live: true\nstart: {launch: {}}\nsteps:\n  - mail: news\n"
	each(t, p, func(t *testing.T, s *shop) {
		s.Event(loyalty.MemberJoined, 1, func(e *loyalty.Event) {
			yes := true
			e.Member.Joined, e.Member.Email, e.Member.Consent = &yes, "ana@example.test", map[string]bool{"program": true}
		})
		s.Do(func(tx *store.Tx) error { _, err := runs.Launch(tx, runs.LaunchRequest{Campaign: "news"}); return err })
		s.Deliver("sent")
		s.Work()
		s.Do(func(tx *store.Tx) error { // as retention does
			if _, err := tx.Exec("delete from sends", nil); err != nil {
				return err
			}
			return store.SetLedgerSince(tx, loyalty.DayOf(s.Now, time.UTC)+1)
		})
		const want = "who had which mail is kept from 2027-03-04 on, and older ones are deleted"
		for _, campaign := range []string{"welcome", "news"} {
			if got := s.why(1, campaign); !strings.Contains(got, want) || strings.Contains(got, "none of its steps") {
				t.Errorf("why %s says\n%swant %q", campaign, got, want)
			}
		}
	})
}

func TestQuietHoursOnlyDelayWhatIsEarned(t *testing.T) {
	p := shoptest.WinBack("none")
	p.More = "quiet: 21:00-08:00\n"
	p.Campaigns["welcome"] = "live: true\nstart: joins\nsteps:\n  - mail: hello\n"
	each(t, p, func(t *testing.T, s *shop) {
		s.At("2027-03-04 22:30")
		member := s.Join(1)[0]
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
