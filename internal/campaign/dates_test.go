package campaign_test

import (
	"testing"

	"regulars/internal/store"
)

func TestBirthdaysAreKept(t *testing.T) {
	p := program{campaigns: map[string]string{
		"birthday": "live: true\nstart: {yearly: birthday, before: 3d, time: 09:00, zone: member}\ntopic: offers\nlate: 1d\nsteps:\n  - mail: happy-birthday\n"}}
	each(t, p, func(t *testing.T, s *shop) {
		s.join(5)
		s.do(func(tx *store.Tx) error {
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
			s.want("mailed by "+step.at, s.counted("select cast(member_id as text) as what, count(*) as n from sends group by 1"), step.want)
		}
	})
}

// days lets the midnights pass up to a moment.
func (s *shop) days(until string) {
	s.t.Helper()
	end := helsinki(s.t, until)
	for {
		next := s.now.Truncate(0).In(end.Location()).AddDate(0, 0, 1)
		if next.After(end) {
			break
		}
		s.now = next
		s.work()
	}
	s.at(until)
}

func TestA29thOfFebruaryIsKeptOnThe28th(t *testing.T) {
	p := program{campaigns: map[string]string{"birthday": "live: true\nstart: {yearly: birthday}\nsteps:\n  - mail: happy-birthday\n"}}
	each(t, p, func(t *testing.T, s *shop) {
		s.join(1)
		s.do(func(tx *store.Tx) error {
			_, err := tx.Exec("update members set birth_month = 2, birth_date = 29", nil)
			return err
		})
		s.now = helsinki(t, "2028-02-28 09:00")
		s.work()
		s.want("on the 28th of a leap year", s.ledger(), "")
		s.at("2028-02-29 09:00")
		s.want("on the 29th", s.ledger(), "1 happy-birthday queued")
		s.at("2029-02-28 09:00")
		s.want("on the 28th of the next", s.ledger(), "2 happy-birthday queued")
	})
}

func TestADateThatMovesIsAnotherOne(t *testing.T) {
	p := program{more: "attributes: {trial_ends: date}\n", campaigns: map[string]string{
		"trial": "live: true\nstart: {date: trial_ends, before: [7d, 1d], time: 10:00}\ntopic: offers\nsteps:\n  - mail: trial-ends\n  - wait: 2d\n  - mail: tips\n"}}
	each(t, p, func(t *testing.T, s *shop) {
		s.join(2)
		ends := func(day string) {
			s.do(func(tx *store.Tx) error {
				_, err := tx.Exec("update members set attributes = "+tx.JSONParam("@a"), store.Args{"a": `{"trial_ends": "` + day + `"}`})
				return err
			})
		}
		ends("2027-03-12")
		s.days("2027-03-05 10:00")
		s.want("a week before", s.ledger(), "2 trial-ends queued")
		s.deliver("sent")
		ends("2027-03-15")
		s.days("2027-03-08 09:00")
		s.want("it has moved: what was planned is off", s.ledger(), "2 trial-ends sent")
		s.want("passages", s.passages(), "2 exited date moved, 2 ready")
		s.days("2027-03-08 10:00")
		s.want("a week before the new one", s.ledger(), "2 trial-ends queued, 2 trial-ends sent")
		s.days("2027-03-14 12:00")
		s.want("a day before", s.ledger(), "4 trial-ends queued, 2 trial-ends sent")
	})
}

func TestADayThatDowntimeSkippedIsMadeUpForUnlessLate(t *testing.T) {
	p := program{campaigns: map[string]string{
		"birthday": "live: true\nstart: {yearly: birthday, time: 09:00}\nlate: 30h\nsteps:\n  - mail: happy-birthday\n"}}
	each(t, p, func(t *testing.T, s *shop) {
		s.join(4)
		s.do(func(tx *store.Tx) error {
			_, err := tx.Exec("update members set birth_month = 3, birth_date = 3 + id", nil)
			return err
		})
		s.work()
		s.at("2027-03-07 12:00")
		s.want("on the 7th, after three days of downtime", s.counted("select cast(member_id as text) as what, count(*) as n from sends group by 1"), "1 3, 1 4")
	})
}
