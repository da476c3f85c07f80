package runs_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"regulars/internal/loyalty"
	plan "regulars/internal/program"
	"regulars/internal/runs"
	"regulars/internal/shoptest"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
	"regulars/internal/store/storetest/watched"
	"regulars/internal/versions"
)

// calendar is a program of n campaigns with timetables: one every day, some each
// week at the hours that clock changes jump over or repeat, some each month, the
// rest on one date, a Sunday, which is when the clocks change.
func calendar(zone string, n int) shoptest.Program {
	p := shoptest.Program{Zone: zone, Campaigns: map[string]string{}}
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
		p.Campaigns[fmt.Sprintf("c-%03d", i)] = "live: true\nstart: {" + start + "}\nsteps:\n  - mail: x\n"
	}
	return p
}

// A year of 200 timetables in four zones, three replicas: one run per date.
func TestEachDateHasOneRunUnderThreeReplicas(t *testing.T) {
	zones := []string{"Europe/Helsinki", "Australia/Lord_Howe", "America/New_York", "America/Santiago"}
	if watched.On {
		zones = zones[:1] // .ci/run has the others without the race detector
	}
	for _, zone := range zones {
		t.Run(zone, func(t *testing.T) {
			p := calendar(zone, 50)
			t.Parallel()
			storetest.Each(t, func(t *testing.T, db *store.DB) {
				yearOf(t, &shop{shoptest.Open(t, db, p)}, zone)
			})
		})
	}
}

func yearOf(t *testing.T, s *shop, zone string) {
	begin, end := s.Now, s.Now.AddDate(1, 0, 0)
	for {
		shoptest.Together(t, 3, func(int) error { return shoptest.Until(s.DB, runs.Timetable) })
		next := s.NextDue()
		if next.After(end) || t.Failed() {
			break
		}
		s.Now = next
	}
	location, err := time.LoadLocation(zone)
	if err != nil {
		t.Fatal(err)
	}
	s.Do(func(tx *store.Tx) error {
		v, err := versions.Active(tx)
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
	s.Want("runs beside their dates", fmt.Sprint(s.Number("select count(*) from runs")), fmt.Sprint(s.Number("select count(*) from occurrences")))
	s.Want("dates without a run", fmt.Sprint(s.Number("select count(*) from occurrences o where not exists (select 1 from runs r where r.occurrence_id = o.id)")), "0")
}

// checkDates compares the runs of a campaign with its dates, each at the moment
// that the clocks in the shop show it. It counts the dates whose hour did not
// exist, and those whose hour came twice.
func checkDates(t *testing.T, s *shop, c *plan.Campaign, zone *time.Location, begin, end time.Time) (jumped, repeated int) {
	var rows []struct {
		Key string
		At  loyalty.Instant
	}
	s.All(&rows, "select o.key, o.at from occurrences o join campaigns c on c.id = o.campaign_id where c.name = @name order by o.id", store.Args{"name": c.Name})
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
