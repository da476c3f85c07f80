package flows_test

import (
	"fmt"
	"testing"

	"regulars/internal/loyalty"
	"regulars/internal/shoptest"
	"regulars/internal/store"
)

func TestBirthdaysAreKept(t *testing.T) {
	p := shoptest.Program{Campaigns: map[string]string{
		"birthday": "live: true\nstart: {yearly: birthday, before: 3d, time: 09:00, zone: member}\ntopic: offers\nlate: 1d\nsteps:\n  - mail: happy-birthday\n"}}
	each(t, p, func(t *testing.T, s *shop) {
		s.Join(5)
		s.Do(func(tx *store.Tx) error {
			_, err := tx.Exec(`
				update members
				set    birth_month = case id when 2 then 4 else 3 end, birth_date = case id when 4 then 9 else 8 end,
				       time_zone = case id when 3 then 'Asia/Taipei' else '' end`, nil)
			return err
		})
		for _, step := range []struct{ at, want string }{
			{"2027-03-05 02:59", ""},
			{"2027-03-05 03:00", "1 3"},
			{"2027-03-05 09:00", "1 1, 1 3, 1 5"},
			{"2027-03-06 09:00", "1 1, 1 3, 1 4, 1 5"},
			{"2027-04-05 09:00", "1 1, 1 2, 1 3, 1 4, 1 5"},
			{"2028-03-05 08:59", "1 1, 1 2, 2 3, 1 4, 1 5"},
			{"2028-03-05 09:00", "2 1, 1 2, 2 3, 1 4, 2 5"},
		} {
			s.days(step.at)
			s.Want("mailed by "+step.at, s.Counted("select cast(member_id as text) as what, count(*) as n from sends group by 1"), step.want)
		}
	})
}

// days lets the midnights pass up to a moment.
func (s *shop) days(until string) {
	s.T.Helper()
	end := shoptest.Helsinki(s.T, until)
	for {
		next := s.Now.Truncate(0).In(end.Location()).AddDate(0, 0, 1)
		if next.After(end) {
			break
		}
		s.Now = next
		s.Work()
	}
	s.At(until)
}

func TestA29thOfFebruaryIsKeptOnThe28th(t *testing.T) {
	p := shoptest.Program{Campaigns: map[string]string{"birthday": "live: true\nstart: {yearly: birthday}\nsteps:\n  - mail: happy-birthday\n"}}
	each(t, p, func(t *testing.T, s *shop) {
		s.Join(1)
		s.Do(func(tx *store.Tx) error {
			_, err := tx.Exec("update members set birth_month = 2, birth_date = 29", nil)
			return err
		})
		s.Now = shoptest.Helsinki(t, "2028-02-28 09:00")
		s.Work()
		s.Want("on the 28th of a leap year", s.Ledger(), "")
		s.At("2028-02-29 09:00")
		s.Want("on the 29th", s.Ledger(), "1 happy-birthday queued")
		s.At("2029-02-28 09:00")
		s.Want("on the 28th of the next", s.Ledger(), "2 happy-birthday queued")
	})
}

func TestADateThatMovesIsAnotherOne(t *testing.T) {
	p := shoptest.Program{More: "attributes: {trial_ends: date}\n", Campaigns: map[string]string{
		"trial": "live: true\nstart: {date: trial_ends, before: [7d, 1d], time: 10:00}\ntopic: offers\nsteps:\n  - mail: trial-ends\n  - wait: 2d\n  - mail: tips\n"}}
	each(t, p, func(t *testing.T, s *shop) {
		s.Join(2)
		ends := func(day string) {
			s.Do(func(tx *store.Tx) error {
				_, err := tx.Exec("update members set attributes = "+tx.JSONParam("@a"), store.Args{"a": `{"trial_ends": "` + day + `"}`})
				return err
			})
		}
		ends("2027-03-12")
		s.days("2027-03-05 10:00")
		s.Want("a week before", s.Ledger(), "2 trial-ends queued")
		s.Deliver("sent")
		ends("2027-03-15")
		s.days("2027-03-08 09:00")
		s.Want("it has moved: what was planned is off", s.Ledger(), "2 trial-ends sent")
		s.Want("passages", s.Passages(), "2 exited date moved, 2 ready")
		s.days("2027-03-08 10:00")
		s.Want("a week before the new one", s.Ledger(), "2 trial-ends queued, 2 trial-ends sent")
		s.days("2027-03-14 12:00")
		s.Want("a day before", s.Ledger(), "4 trial-ends queued, 2 trial-ends sent")
	})
}

func TestADayThatDowntimeSkippedIsMadeUpForUnlessLate(t *testing.T) {
	p := shoptest.Program{Campaigns: map[string]string{
		"birthday": "live: true\nstart: {yearly: birthday, time: 09:00}\nlate: 30h\nsteps:\n  - mail: happy-birthday\n"}}
	each(t, p, func(t *testing.T, s *shop) {
		s.Join(4)
		s.Do(func(tx *store.Tx) error {
			_, err := tx.Exec("update members set birth_month = 3, birth_date = 3 + id", nil)
			return err
		})
		s.Work()
		s.At("2027-03-07 12:00")
		s.Want("on the 7th, after three days of downtime", s.Counted("select cast(member_id as text) as what, count(*) as n from sends group by 1"), "1 3, 1 4")
	})
}

func TestMembersHearBeforeTheirPointsEnd(t *testing.T) {
	p := shoptest.Program{Extra: map[string]string{"loyalty.yaml": "points: {earn: [1 per 1.00], expire: {after: 30d}}\n"}, Campaigns: map[string]string{
		"ending": "live: true\nstart: {date: points_expire_on, before: [7d, 1d], time: 10:00}\nsteps:\n  - mail: points-end\n  - wait: 2d\n  - mail: once-more\n"}}
	each(t, p, func(t *testing.T, s *shop) {
		s.Join(3)
		s.At("2027-03-03 12:00")
		s.Order(1, 5000)
		s.Order(2, 5000)
		second := s.N
		s.days("2027-03-05 12:00")
		s.Order(1, 2000)
		s.days("2027-03-26 09:00")
		s.Want("before the week", s.Ledger(), "")
		s.days("2027-03-26 10:00")
		s.Want("a week before the first points end", s.Ledger(), "2 points-end queued")
		s.Deliver("sent")
		s.Event(loyalty.OrderRefunded, 2, func(e *loyalty.Event) {
			e.Order = &loyalty.Order{ID: fmt.Sprintf("order-%d", second)}
			e.Refund = &loyalty.Refund{ID: "r-1", Total: 5000}
		})
		s.days("2027-03-28 11:00")
		s.Want("who has none left that end is left alone; the next points have a mail of their own", s.Counted(
			"select step || ' ' || cast(member_id as text) as what, count(*) as n from sends group by 1"), "1 once-more 1, 2 points-end 1, 1 points-end 2")
		s.Want("passages", s.Counted("select cast(member_id as text) || ' ' || reason as what, count(*) as n from passages where state = 'exited' group by 1"), "1 2 date moved")
	})
}
