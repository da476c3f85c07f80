package campaign_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"regulars/internal/campaign"
	"regulars/internal/intake"
	"regulars/internal/loyalty"
	plan "regulars/internal/program"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
)

// together runs f in so many goroutines and waits for them.
func together(t *testing.T, n int, f func(i int) error) {
	t.Helper()
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			if err := f(i); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

// until runs a pass until it finds nothing to do.
func until(db *store.DB, pass func(context.Context, *store.DB) (int, error)) error {
	for {
		n, err := pass(context.Background(), db)
		if n == 0 || err != nil {
			return err
		}
	}
}

func TestManyWorkersQueueEachMailOnce(t *testing.T) {
	p := winBackWith("all")
	p.campaigns["win-back"] = "live: true\nstart: {enters: lapsed, existing: all}\nsteps:\n  - mail: a\n    coupon: back\n  - mail: b\n    coupon: back\n"
	each(t, p, func(t *testing.T, s *shop) {
		const members = 3000
		s.bought(s.join(members), 2, 200)
		together(t, 3, func(int) error { return until(s.db, campaign.NewBook(s.db).Segments) })
		together(t, 3, func(int) error { return until(s.db, campaign.NewBook(s.db).Settle) })
		s.work()
		for _, mail := range []string{"a", "b"} {
			together(t, 4, func(int) error { return until(s.db, campaign.NewBook(s.db).Advance) })
			s.want("mail "+mail, fmt.Sprint(s.number("select count(*) from sends where step = '"+mail+"'")), fmt.Sprint(members))
			s.deliver("sent")
		}
		together(t, 4, func(int) error { return until(s.db, campaign.NewBook(s.db).Advance) })
		s.want("passages", s.passages(), fmt.Sprintf("%d done", members))
		s.want("codes", fmt.Sprint(s.number("select count(*) from codes")), fmt.Sprint(members))
		s.want("codes by member", fmt.Sprint(s.number("select count(distinct member_id) from codes")), fmt.Sprint(members))
	})
}

func TestAnOrderEndsAPassageWhileItIsTakenOn(t *testing.T) {
	each(t, winBackWith("all"), func(t *testing.T, s *shop) {
		members := s.join(60)
		s.bought(members, 2, 200)
		s.work()
		s.now = helsinki(t, "2027-03-04 10:00")
		together(t, 3, func(i int) error {
			if i > 0 {
				return until(s.db, campaign.NewBook(s.db).Advance)
			}
			for _, m := range members {
				e := loyalty.Event{Source: "test", Type: loyalty.OrderPlaced, ID: fmt.Sprint("e", m), At: loyalty.At(s.now)}
				e.Member.ID = fmt.Sprintf("M-%d", m)
				e.Order = &loyalty.Order{ID: fmt.Sprint("o", m), Status: loyalty.Paid, Total: 1000, HasTotal: true}
				if _, err := intake.New(s.db, s.book).Apply(context.Background(), []loyalty.Event{e}, intake.Live); err != nil {
					return err
				}
			}
			return nil
		})
		s.work()
		s.want("passages that have ended", fmt.Sprint(s.number("select count(*) from passages where state = 'exited' and reason in ('order', 'leaves')")), "60")
		s.want("queued", fmt.Sprint(s.number("select count(*) from sends where state = 'queued'")), "0")
		s.want("due", fmt.Sprint(s.number("select count(*) from due")), "0")
		s.want("inside", fmt.Sprint(s.number("select count(*) from segment_members where left_at is null")), "0")
	})
}

func TestFiveOrdersAtOnceReachOneMilestone(t *testing.T) {
	each(t, program{campaigns: map[string]string{"well": "live: true\nstart: {milestone: orders, at: [5]}\nsteps:\n  - mail: fifth\n"}},
		func(t *testing.T, s *shop) {
			members := s.join(20)
			together(t, 5, func(i int) error {
				for _, m := range members {
					e := loyalty.Event{Source: "test", Type: loyalty.OrderPlaced, ID: fmt.Sprint("e", m, "-", i), At: loyalty.At(s.now)}
					e.Member.ID = fmt.Sprintf("M-%d", m)
					e.Order = &loyalty.Order{ID: fmt.Sprint("o", m, "-", i), Status: loyalty.Paid, Total: 1000, HasTotal: true}
					if _, err := intake.New(s.db, s.book).Apply(context.Background(), []loyalty.Event{e}, intake.Live); err != nil {
						return err
					}
				}
				return nil
			})
			s.react()
			s.want("the ledger", s.ledger(), "20 fifth queued")
		})
}

// calendar is a program of n campaigns with timetables: one every day, some each
// week at the hours that clock changes jump over or repeat, some each month, the
// rest on one date, a Sunday, which is when the clocks change.
func calendar(zone string, n int) program {
	p := program{zone: zone, campaigns: map[string]string{}}
	nights := []string{"day 02:15", "sunday 00:30", "sunday 01:45", "sunday 02:15", "sunday 03:30", "saturday 23:30"}
	for i := range n {
		clock := fmt.Sprintf("%02d:%02d", []int{2, 1, 3, 0, 12, 23}[i%6], i%4*15)
		start := fmt.Sprintf("at: %s %s", (loyalty.DayOf(storetest.Start, time.UTC) + loyalty.Day(7*(i-15)+4)).String(), clock)
		weekday := strings.ToLower(time.Weekday(i % 7).String())
		switch {
		case i < len(nights):
			start = "every: " + nights[i]
		case i < 8:
			start = "every: 2nd " + weekday + " " + clock
		case i < 11:
			start = "every: last " + weekday + " " + clock
		case i < 12:
			start = "every: day last " + clock
		case i < 15:
			start = fmt.Sprintf("every: day %d %s", 27+i%5, clock)
		}
		p.campaigns[fmt.Sprintf("c-%03d", i)] = "live: true\nstart: {" + start + "}\nsteps:\n  - mail: x\n"
	}
	return p
}

// A year of 200 timetables in four zones, three replicas: one run per date.
func TestEachDateHasOneRunUnderThreeReplicas(t *testing.T) {
	for _, zone := range []string{"Europe/Helsinki", "America/New_York", "Australia/Lord_Howe", "America/Santiago"} {
		t.Run(zone, func(t *testing.T) {
			p := calendar(zone, 50)
			t.Parallel()
			storetest.Each(t, func(t *testing.T, db *store.DB) {
				yearOf(t, open(t, db, p), zone)
			})
		})
	}
}

func yearOf(t *testing.T, s *shop, zone string) {
	begin, end := s.now, s.now.AddDate(1, 0, 0)
	books := []*campaign.Book{campaign.NewBook(s.db), campaign.NewBook(s.db), campaign.NewBook(s.db)}
	for {
		together(t, len(books), func(i int) error { return until(s.db, books[i].Timetable) })
		var next time.Time
		s.do(func(tx *store.Tx) (err error) { next, _, err = s.book.NextDue(tx); return err })
		if next.After(end) || t.Failed() {
			break
		}
		s.now = next
	}
	location, err := time.LoadLocation(zone)
	if err != nil {
		t.Fatal(err)
	}
	s.do(func(tx *store.Tx) error {
		v, err := s.book.Active(tx)
		if err != nil {
			return err
		}
		jumped, repeated := 0, 0
		for _, c := range v.Program.Campaigns {
			j, r := checkDates(t, s, c, location, begin, end)
			jumped, repeated = jumped+j, repeated+r
		}
		if jumped == 0 || repeated == 0 {
			t.Errorf("%d dates fell into the hour that the clocks leave out, %d into the one that they repeat: want some of each", jumped, repeated)
		}
		return nil
	})
	s.want("runs beside their dates", fmt.Sprint(s.number("select count(*) from runs")), fmt.Sprint(s.number("select count(*) from occurrences")))
	s.want("dates without a run", fmt.Sprint(s.number("select count(*) from occurrences o where not exists (select 1 from runs r where r.occurrence_id = o.id)")), "0")
}

// checkDates compares the runs of a campaign with its dates, each at the moment
// that the clocks in the shop show it. It counts the dates whose hour did not
// exist, and those whose hour came twice.
func checkDates(t *testing.T, s *shop, c *plan.Campaign, zone *time.Location, begin, end time.Time) (jumped, repeated int) {
	var rows []struct {
		Key string
		At  loyalty.Instant
	}
	s.all(&rows, "select o.key, o.at from occurrences o join campaigns c on c.id = o.campaign_id where c.name = @name order by o.id", store.Args{"name": c.Name})
	day, at := c.Start.Date, c.Start.Clock.On(c.Start.Date, zone)
	if c.Start.Schedule != nil {
		day, at = c.Start.Schedule.Next(begin, zone)
	}
	for _, row := range rows {
		if row.Key != day.String() || !row.At.Equal(at) {
			t.Errorf("%s (%s): a run %s at %s, want %s at %s", c.Name, c.Start.Spec, row.Key, row.At.In(zone), day, at.In(zone))
			return jumped, repeated
		}
		switch shown := row.At.In(zone).Format("15:04"); {
		case !strings.HasSuffix(c.Start.Spec, shown):
			jumped++
		case row.At.In(zone).Add(30*time.Minute).Format("15:04") == shown, row.At.In(zone).Add(time.Hour).Format("15:04") == shown:
			repeated++
		}
		day, at = loyalty.Never, end.Add(1)
		if c.Start.Schedule != nil {
			day = c.Start.Schedule.After(must(loyalty.ParseDay(row.Key)))
			at = c.Start.Schedule.At.On(day, zone)
		}
	}
	if !at.After(end) {
		t.Errorf("%s (%s): no run on %s", c.Name, c.Start.Spec, day)
	}
	return jumped, repeated
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
