package campaign_test

import (
	"fmt"
	"testing"
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
			p := program{campaigns: map[string]string{"daily": "live: true\nstart: {every: day 08:00}\n" + tt.says + "\nsteps:\n  - mail: x\n"}}
			each(t, p, func(t *testing.T, s *shop) {
				s.at(tt.back)
				s.want("dates", s.counted("select key || ' ' || decision || case when reason <> '' then ' ' || reason else '' end as what, count(*) as n from occurrences group by 1"), tt.want)
				s.want("next", s.counted("select next_key as what, count(*) as n from timetable group by 1"), "1 "+nextAfter(tt.back))
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
	p := program{pools: summer, campaigns: map[string]string{
		"drop": "live: true\nstart: {at: 2027-03-05 09:00}\nsteps:\n  - mail: a\n    coupon: summer\n"}}
	each(t, p, func(t *testing.T, s *shop) {
		s.join(2)
		s.stock("summer", 2)
		s.at("2027-03-05 12:00")
		s.want("runs", s.counted("select state as what, count(*) as n from runs group by 1"), "1 paused")
		s.want("ledger", s.ledger(), "2 a queued")
		s.do(func(tx *storeTx) error { return s.book.Resume(tx, 1, true) })
		s.deliver("sent")
		s.work()
		s.want("after a person said so", s.counted("select state as what, count(*) as n from runs group by 1"), "1 finished")
	})
}

func TestADateThatWasOverIsRecordedAndNotRun(t *testing.T) {
	p := program{campaigns: map[string]string{"past": "live: true\nstart: {at: 2027-03-03 09:00}\nsteps:\n  - mail: a\n"}}
	each(t, p, func(t *testing.T, s *shop) {
		s.join(2)
		s.work()
		s.want("dates", s.counted("select key || ' ' || decision || ' ' || reason as what, count(*) as n from occurrences group by 1"),
			"1 2027-03-03 skipped before it went live")
		s.want("ledger", s.ledger(), "")
	})
}

func TestAChangedCampaignKeepsItsNextDate(t *testing.T) {
	p := program{campaigns: map[string]string{"daily": "live: true\nstart: {every: day 08:00}\nsteps:\n  - mail: x\n"}}
	each(t, p, func(t *testing.T, s *shop) {
		s.now = helsinki(t, "2027-03-04 09:00") // the date of today is due, and nobody has seen it yet
		p := p
		p.campaigns = map[string]string{"daily": "live: true\nstart: {every: day 08:00}\nlate: 9h\nsteps:\n  - mail: y\n"}
		s.apply(p)
		s.want("the same start", s.counted("select next_key as what, count(*) as n from timetable group by 1"), "1 2027-03-04")
		p.campaigns = map[string]string{"daily": "live: true\nstart: {every: day 10:00}\nsteps:\n  - mail: y\n"}
		s.apply(p)
		s.want("another start", s.counted("select next_key as what, count(*) as n from timetable group by 1"), "1 2027-03-04")
		s.at("2027-03-04 10:00")
		s.want("dates", s.counted("select key || ' ' || decision as what, count(*) as n from occurrences group by 1"), "1 2027-03-04 started")
	})
}

func TestADateThatAnApplyOvertakesLeavesARecord(t *testing.T) {
	p := program{campaigns: map[string]string{"daily": "live: true\nstart: {every: day 08:00}\nsteps:\n  - mail: x\n"}}
	each(t, p, func(t *testing.T, s *shop) {
		s.now = helsinki(t, "2027-03-04 08:01")
		p := p
		p.campaigns = map[string]string{"daily": "live: true\nstart: {every: friday 10:00}\nsteps:\n  - mail: x\n"}
		s.apply(p)
		s.want("dates", s.counted("select key || ' ' || reason as what, count(*) as n from occurrences group by 1"),
			"1 2027-03-04 the campaign was changed before it ran")
	})
}
