package marketing_test

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"regulars/internal/loyalty"
	"regulars/internal/marketing"
	"regulars/internal/runs"
	"regulars/internal/shoptest"
	"regulars/internal/staff"
	"regulars/internal/store"
)

// desk is a shop with a timetable, a flow that waits, a launch and a draft.
var desk = shoptest.Program{Campaigns: map[string]string{
	"daily":   "live: true\nstart: {every: day 09:00}\nsteps:\n  - mail: news\n",
	"each":    "live: true\nstart: {at: 2027-03-08 08:00, zone: member}\nsteps:\n  - mail: news\n",
	"welcome": "live: true\nstart: joins\nsteps:\n  - mail: hello\n  - wait: 3d at 10:00\n  - mail: more\n",
	"spring":  "live: true\nstart: {launch: {headline: text}}\nsteps:\n  - mail: offer\n",
	"later":   "live: false\nstart: {every: day 10:00}\nsteps:\n  - mail: soon\n",
}}

// TestTheCalendarKnowsWhatIsPlanned stands on Wednesday 3 March 2027, at noon in Helsinki.
func TestTheCalendarKnowsWhatIsPlanned(t *testing.T) {
	shoptest.Each(t, desk, func(t *testing.T, s *shoptest.Shop) {
		s.Work()
		s.Join(2)
		s.Do(func(tx *store.Tx) error { // somebody lives in Tokyo, where it is eight o'clock sooner
			_, err := tx.Exec("insert into timetable (campaign_id, zone, spec, next_at, next_key) select campaign_id, 'Asia/Tokyo', spec, @at, next_key from timetable where campaign_id = @id",
				store.Args{"at": loyalty.At(time.Date(2027, 3, 7, 23, 0, 0, 0, time.UTC)), "id": s.Number("select id from campaigns where name = 'each'")})
			return err
		})
		s.Welcome(3)
		s.Deliver("sent")
		s.Work()
		var got []string
		s.Do(func(tx *store.Tx) error {
			days, err := marketing.Calendar(tx, 7)
			got = nil
			for _, d := range days {
				for _, p := range d.Plans {
					got = append(got, fmt.Sprintf("%s %s %s %d", d.Day, p.Kind, p.Campaign, max(p.Number, int64(p.Zones))))
				}
			}
			return err
		})
		want := []string{
			"2027-03-04 date daily 1", "2027-03-05 date daily 1",
			"2027-03-06 date daily 1", "2027-03-06 step welcome 1", "2027-03-07 date daily 1",
			"2027-03-08 date each 2", "2027-03-08 date daily 1", "2027-03-09 date daily 1",
		}
		s.Want("the calendar", strings.Join(got, "\n"), strings.Join(want, "\n"))
	})
}

func TestACampaignHasOneState(t *testing.T) {
	shoptest.Each(t, desk, func(t *testing.T, s *shoptest.Shop) {
		ctx := context.Background()
		s.Work()
		s.Join(2)
		m := marketing.New(s.DB).As("anna")
		states := func() string {
			var all []string
			s.Do(func(tx *store.Tx) error {
				lines, err := marketing.Campaigns(tx)
				all = nil
				for _, l := range lines {
					all = append(all, l.Name+" "+l.State)
				}
				return err
			})
			return strings.Join(all, ", ")
		}
		s.Want("at first", states(), "daily live, each live, later draft, spring live, welcome live")
		l, err := m.Launch(ctx, marketing.Launch{LaunchRequest: runs.LaunchRequest{Campaign: "spring", Values: map[string]string{"headline": "Spring"}}})
		if err != nil {
			t.Fatal(err)
		}
		if err := m.Pause(ctx, l.Run, "a typo"); err != nil {
			t.Fatal(err)
		}
		s.Do(func(tx *store.Tx) error {
			if err := tx.SetBack(store.ScopeCampaign(s.Number("select id from campaigns where name = 'welcome'")), "mails", fmt.Errorf("broken")); err != nil {
				return err
			}
			return tx.SetBack(store.ScopeCampaign(s.Number("select id from campaigns where name = 'spring'")), "mails", fmt.Errorf("broken"))
		})
		s.Want("with troubles", states(), "daily live, each live, later draft, spring set aside, welcome set aside")
		if err := m.Hold(ctx, marketing.Stop{Campaign: "spring"}, "wait", "anna"); err != nil {
			t.Fatal(err)
		}
		s.Want("with a hold", states(), "daily live, each live, later draft, spring held, welcome set aside")
	})
}

// TestActsLeaveARow does one after the other what people do to a program and a run.
func TestActsLeaveARow(t *testing.T) {
	shoptest.Each(t, desk, func(t *testing.T, s *shoptest.Shop) {
		ctx := context.Background()
		s.Work()
		s.Join(2)
		m := marketing.New(s.DB).As("anna")
		l, err := m.Launch(ctx, marketing.Launch{LaunchRequest: runs.LaunchRequest{Campaign: "spring", Values: map[string]string{"headline": "Spring"}}})
		if err != nil {
			t.Fatal(err)
		}
		second := shoptest.Program{Campaigns: maps.Clone(desk.Campaigns)}
		delete(second.Campaigns, "later")
		s.Apply(second)
		for _, act := range []func() error{
			func() error { return m.Pause(ctx, l.Run, "a typo") },
			func() error { return m.Resume(ctx, l.Run, true) },
			func() error { return m.Cancel(ctx, l.Run, "enough") },
			func() error { return m.Hold(ctx, marketing.Stop{Offers: true}, "", "anna") },
			func() error { _, err := m.Release(ctx, marketing.Stop{Offers: true}, false); return err },
			func() error { _, err := m.Rollback(ctx, 1, "bea", "the prices were wrong"); return err },
		} {
			if err := act(); err != nil {
				t.Fatal(err)
			}
		}
		if err := m.Pause(ctx, l.Run, "too late"); err == nil {
			t.Error("a cancelled run was paused")
		}
		var got []string
		s.Do(func(tx *store.Tx) error {
			acts, err := staff.Audit(tx, 0, 100)
			got = nil
			for _, a := range acts {
				got = append([]string{strings.Join([]string{a.By, a.Act, a.About, a.Before, a.After}, "|")}, got...)
			}
			return err
		})
		want := []string{
			fmt.Sprintf("anna|launch|campaign spring||occurrence %d", l.Occurrence),
			fmt.Sprintf("anna|pause|run %d of spring|sending|by hand: a typo", l.Run),
			fmt.Sprintf("anna|resume|run %d of spring|paused: by hand: a typo|with the texts in force", l.Run),
			fmt.Sprintf("anna|cancel|run %d of spring|sending|enough", l.Run),
			"anna|hold|all offers||" + marketing.NoReason,
			"anna|release|all offers|" + marketing.NoReason + "|",
			"bea|rollback|the program|version 2|version 3, which is that of 1: the prices were wrong",
		}
		s.Want("the audit", strings.Join(got, "\n"), strings.Join(want, "\n"))
	})
}
