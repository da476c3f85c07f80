package runs_test

import (
	"fmt"
	"testing"

	"regulars/internal/runs"
	"regulars/internal/shoptest"
	"regulars/internal/store"
)

func TestDowntimeIsCaughtUpAsTheCampaignSays(t *testing.T) {
	cases := []struct{ name, says, back, want string }{
		{"within late, it runs", "late: 6h", "2027-03-04 13:00", "1 2027-03-04 started"},
		{"later than late, it is skipped", "late: 6h", "2027-03-04 14:01", "1 2027-03-04 skipped late"},
		{"once runs the last of several", "late: 7d\ncatch_up: once", "2027-03-06 12:00",
			"1 2027-03-04 skipped caught up by a later date, 1 2027-03-05 skipped caught up by a later date, 1 2027-03-06 started"},
		{"all runs every one", "late: 7d\ncatch_up: all", "2027-03-06 12:00", "1 2027-03-04 started, 1 2027-03-05 started, 1 2027-03-06 started"},
		{"skip runs none that was missed", "late: 7d\ncatch_up: skip", "2027-03-05 12:00", "1 2027-03-04 skipped missed, 1 2027-03-05 skipped missed"},
		{"skip runs what a restart delayed", "late: 7d\ncatch_up: skip", "2027-03-04 08:10", "1 2027-03-04 started"},
		{"all does not run what is too late", "late: 30h\ncatch_up: all", "2027-03-06 12:00",
			"1 2027-03-04 skipped late, 1 2027-03-05 started, 1 2027-03-06 started"},
	}
	for _, tt := range cases {
		t.Run(tt.name, func(t *testing.T) {
			p := shoptest.Program{Campaigns: map[string]string{"daily": "live: true\nstart: {every: day 08:00}\n" + tt.says + "\nsteps:\n  - mail: x\n"}}
			each(t, p, func(t *testing.T, s *shop) {
				s.At(tt.back)
				s.Want("dates", s.Counted("select key || ' ' || decision || case when reason <> '' then ' ' || reason else '' end as what, count(*) as n from occurrences group by 1"), tt.want)
				s.Want("next", s.Counted("select next_key as what, count(*) as n from timetable group by 1"), "1 "+nextAfter(tt.back))
			})
		})
	}
}

func nextAfter(at string) string {
	var y, m, d int
	fmt.Sscanf(at, "%d-%d-%d", &y, &m, &d)
	return fmt.Sprintf("%d-%02d-%02d", y, m, d+1)
}

func TestALateDropWaitsForAPerson(t *testing.T) {
	p := shoptest.Program{Pools: summer, Campaigns: map[string]string{
		"drop": "live: true\nstart: {at: 2027-03-05 09:00}\nsteps:\n  - mail: a\n    coupon: summer\n"}}
	each(t, p, func(t *testing.T, s *shop) {
		s.Join(2)
		s.Stock("summer", 2)
		s.At("2027-03-05 12:00")
		s.Want("runs", s.Counted("select state as what, count(*) as n from runs group by 1"), "1 paused")
		s.Want("ledger", s.Ledger(), "2 a queued")
		s.Do(func(tx *store.Tx) error { return runs.Resume(tx, 1, true) })
		s.Deliver("sent")
		s.Work()
		s.Want("after a person said so", s.Counted("select state as what, count(*) as n from runs group by 1"), "1 finished")
	})
}

func TestADateThatWasOverIsRecordedAndNotRun(t *testing.T) {
	p := shoptest.Program{Campaigns: map[string]string{"past": "live: true\nstart: {at: 2027-03-03 09:00}\nsteps:\n  - mail: a\n"}}
	each(t, p, func(t *testing.T, s *shop) {
		s.Join(2)
		s.Work()
		s.Want("dates", s.Counted("select key || ' ' || decision || ' ' || reason as what, count(*) as n from occurrences group by 1"),
			"1 2027-03-03 skipped before it went live")
		s.Want("ledger", s.Ledger(), "")
	})
}

func TestAChangedCampaignKeepsItsNextDate(t *testing.T) {
	p := shoptest.Program{Campaigns: map[string]string{"daily": "live: true\nstart: {every: day 08:00}\nsteps:\n  - mail: x\n"}}
	each(t, p, func(t *testing.T, s *shop) {
		s.Now = shoptest.Helsinki(t, "2027-03-04 09:00") // the date of today is due, and nobody has seen it yet
		p := p
		p.Campaigns = map[string]string{"daily": "live: true\nstart: {every: day 08:00}\nlate: 9h\nsteps:\n  - mail: y\n"}
		s.Apply(p)
		s.Want("the same start", s.Counted("select next_key as what, count(*) as n from timetable group by 1"), "1 2027-03-04")
		p.Campaigns = map[string]string{"daily": "live: true\nstart: {every: day 10:00}\nsteps:\n  - mail: y\n"}
		s.Apply(p)
		s.Want("another start", s.Counted("select next_key as what, count(*) as n from timetable group by 1"), "1 2027-03-04")
		s.At("2027-03-04 10:00")
		s.Want("dates", s.Counted("select key || ' ' || decision as what, count(*) as n from occurrences group by 1"), "1 2027-03-04 started")
	})
}

func TestADateThatAnApplyOvertakesLeavesARecord(t *testing.T) {
	p := shoptest.Program{Campaigns: map[string]string{"daily": "live: true\nstart: {every: day 08:00}\nsteps:\n  - mail: x\n"}}
	each(t, p, func(t *testing.T, s *shop) {
		s.Now = shoptest.Helsinki(t, "2027-03-04 08:01")
		p := p
		p.Campaigns = map[string]string{"daily": "live: true\nstart: {every: friday 10:00}\nsteps:\n  - mail: x\n"}
		s.Apply(p)
		s.Want("dates", s.Counted("select key || ' ' || reason as what, count(*) as n from occurrences group by 1"),
			"1 2027-03-04 the campaign was changed before it ran")
	})
}
