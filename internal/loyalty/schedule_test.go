package loyalty_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"regulars/internal/loyalty"
)

func schedule(t rapid.TB, s string) loyalty.Schedule {
	t.Helper()
	sch, err := loyalty.ParseSchedule(s)
	if err != nil {
		t.Fatal(err)
	}
	return sch
}

func TestScheduleAfter(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, schedule, after, want string }{
		{"every day is the next one", "day 08:00", "2026-02-28", "2026-03-01"},
		{"a weekday skips the weekend", "weekday 08:00", "2026-05-01", "2026-05-04"},
		{"strictly after a monday is the next monday", "monday 08:00", "2026-05-04", "2026-05-11"},
		{"the nearer of two days", "monday,thursday 08:00", "2026-05-04", "2026-05-07"},
		{"the first of the month", "day 1 08:00", "2026-05-01", "2026-06-01"},
		{"the 31st of a short month is its last day", "day 31 08:00", "2026-04-01", "2026-04-30"},
		{"the 30th of February", "day 30 08:00", "2026-02-01", "2026-02-28"},
		{"the 29th of a leap year's February", "day 29 08:00", "2028-02-01", "2028-02-29"},
		{"the last day", "day last 08:00", "2028-02-01", "2028-02-29"},
		{"the 2nd tuesday", "2nd tuesday 08:00", "2026-05-01", "2026-05-12"},
		{"the 2nd tuesday when the month begins with one", "2nd tuesday 08:00", "2026-09-01", "2026-09-08"},
		{"the last friday", "last friday 08:00", "2026-05-01", "2026-05-29"},
		{"the 31st right after the 31st", "day 31 08:00", "2026-01-31", "2026-02-28"},
	} {
		if got := schedule(t, tt.schedule).After(day(t, tt.after)); got.String() != tt.want {
			t.Errorf("%s: %q after %s = %s, want %s", tt.name, tt.schedule, tt.after, got, tt.want)
		}
	}
	if got := (loyalty.Schedule{}).After(0); got != loyalty.Never {
		t.Errorf("a schedule without days after 0 = %d, want Never", got)
	}
}

func TestScheduleNext(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, schedule, zone, after, day, at string }{
		{"later today", "day 08:00", "Europe/Helsinki", "2026-05-04T07:59:59+03:00", "2026-05-04", "2026-05-04T08:00:00+03:00"},
		{"exactly now is tomorrow", "day 08:00", "Europe/Helsinki", "2026-05-04T08:00:00+03:00", "2026-05-05", "2026-05-05T08:00:00+03:00"},
		{"in the gap the first instant after", "day 03:30", "Europe/Helsinki", "2026-03-28T12:00:00+02:00", "2026-03-29", "2026-03-29T04:00:00+03:00"},
		{"in the fold the first of the two", "day 03:30", "Europe/Helsinki", "2026-10-24T12:00:00+03:00", "2026-10-25", "2026-10-25T03:30:00+03:00"},
		{"and not the second", "day 03:30", "Europe/Helsinki", "2026-10-25T03:30:00+03:00", "2026-10-26", "2026-10-26T03:30:00+02:00"},
		{"midnight that did not exist", "day 00:00", "America/Sao_Paulo", "2018-11-03T12:00:00-03:00", "2018-11-04", "2018-11-04T01:00:00-02:00"},
		{"half an hour's gap", "sunday 02:15", "Australia/Lord_Howe", "2026-10-03T12:00:00+10:30", "2026-10-04", "2026-10-04T02:30:00+11:00"},
		{"the day that Apia left out still has its run", "day 10:00", "Pacific/Apia", "2011-12-29T10:00:00-10:00", "2011-12-30", "2011-12-31T00:00:00+14:00"},
	} {
		d, at := schedule(t, tt.schedule).Next(moment(t, tt.after), zone(t, tt.zone))
		if d.String() != tt.day || !at.Equal(moment(t, tt.at)) {
			t.Errorf("%s: Next(%s) = %s %s, want %s %s", tt.name, tt.after, d, at.Format(time.RFC3339), tt.day, tt.at)
		}
	}
}

// Going from date to date leaves none out and repeats none, and its moments
// never go back, whatever the clocks do; starting anew anywhere joins the same row.
func TestTimetableIsWholeOverTheYears(t *testing.T) {
	t.Parallel()
	texts := []string{"day 02:30", "day 00:00", "weekday 03:15", "monday,thursday 23:45", "day 31 01:30", "day last 02:00", "2nd sunday 02:30", "last sunday 03:30"}
	rapid.Check(t, func(t *rapid.T) {
		s := schedule(t, rapid.SampledFrom(texts).Draw(t, "schedule"))
		z := zone(t, rapid.SampledFrom(zones).Draw(t, "zone"))
		from := time.Unix(rapid.Int64Range(1262304000, 1893456000).Draw(t, "from"), 0)
		d, at := s.Next(from, z)
		if !at.After(from) || s.At.On(d, z) != at {
			t.Fatalf("%s: Next(%s) = %s %s, not after", s, from, d, at)
		}
		for range 40 {
			next := s.After(d)
			moved := s.At.On(next, z)
			if moved.Before(at) || next <= d {
				t.Fatalf("%s in %s: after %s %s comes %s %s", s, z, d, at, next, moved)
			}
			if dn, an := s.Next(at, z); moved.After(at) && (dn != next || !an.Equal(moved)) {
				t.Fatalf("%s in %s: Next(%s) = %s %s, want %s %s", s, z, at, dn, an, next, moved)
			}
			d, at = next, moved
		}
	})
}

func TestBirthdays(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, birthday, after string
		before                int
		notice, kept          string
	}{
		{"three days before", "1980-06-21", "2026-06-01", 3, "2026-06-18", "2026-06-21"},
		{"on the day itself", "--06-21", "2026-06-20", 0, "2026-06-21", "2026-06-21"},
		{"strictly after the day", "--06-21", "2026-06-21", 0, "2027-06-21", "2027-06-21"},
		{"notice given before new year", "1980-01-02", "2026-12-01", 3, "2026-12-30", "2027-01-02"},
		{"notice already over, so next year's", "1980-01-02", "2026-12-30", 3, "2027-12-30", "2028-01-02"},
		{"29 February in a year without", "1980-02-29", "2026-02-01", 0, "2026-02-28", "2026-02-28"},
		{"29 February in a leap year", "1980-02-29", "2028-02-01", 0, "2028-02-29", "2028-02-29"},
	} {
		b, err := loyalty.ParseBirthday(tt.birthday)
		if err != nil {
			t.Fatal(err)
		}
		notice, kept := b.Next(day(t, tt.after), tt.before)
		if notice.String() != tt.notice || kept.String() != tt.kept {
			t.Errorf("%s: %s after %s = %s %s, want %s %s", tt.name, b, tt.after, notice, kept, tt.notice, tt.kept)
		}
	}
}

// Everybody is kept once a year: on the day that In says, and on no other.
func TestKeepingAgreesWithIn(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"--02-28", "--02-29", "--03-01", "--12-31"} {
		b, err := loyalty.ParseBirthday(text)
		if err != nil {
			t.Fatal(err)
		}
		for d := day(t, "2024-01-01"); d <= day(t, "2028-12-31"); d++ {
			year, _, _ := d.Civil()
			kept := slices.Contains(loyalty.Keeping(d), b)
			if kept != (b.In(year) == d) {
				t.Errorf("Keeping(%s) has %s: %v, but it is kept on %s", d, b, kept, b.In(year))
			}
		}
	}
}

func TestWaitEnds(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, wait, zone, base, ends, want string }{
		{"days keep the time of day", "7d", "Europe/Helsinki", "2026-05-04T11:20:30+03:00", "", "2026-05-11T11:20:30+03:00"},
		{"days over a change of clocks", "7d", "Europe/Helsinki", "2026-03-25T11:20:00+02:00", "", "2026-04-01T11:20:00+03:00"},
		{"days at a time", "7d at 10:00", "Europe/Helsinki", "2026-05-04T23:59:00+03:00", "", "2026-05-11T10:00:00+03:00"},
		{"calendar days on the member's clock", "1d at 10:00", "Asia/Taipei", "2026-05-04T23:00:00Z", "", "2026-05-06T10:00:00+08:00"},
		{"days at a time in the gap", "1d at 03:30", "Europe/Helsinki", "2026-03-28T12:00:00+02:00", "", "2026-03-29T04:00:00+03:00"},
		{"hours are hours", "36h", "Europe/Helsinki", "2026-03-28T12:00:00+02:00", "", "2026-03-30T01:00:00+03:00"},
		{"until friday", "until friday 10:00", "Europe/Helsinki", "2026-05-04T12:00:00+03:00", "", "2026-05-08T10:00:00+03:00"},
		{"until friday, on friday morning", "until friday 10:00", "Europe/Helsinki", "2026-05-08T09:59:00+03:00", "", "2026-05-08T10:00:00+03:00"},
		{"until friday, on friday at ten", "until friday 10:00", "Europe/Helsinki", "2026-05-08T10:00:00+03:00", "", "2026-05-15T10:00:00+03:00"},
		{"before the coupon ends, at the time of the step before", "3d before coupon ends", "Europe/Helsinki", "2026-05-04T12:00:00+03:00", "2026-05-18", "2026-05-15T12:00:00+03:00"},
		{"before the coupon ends at a time", "3d before coupon ends at 09:00", "Europe/Helsinki", "2026-05-04T12:00:00+03:00", "2026-05-18", "2026-05-15T09:00:00+03:00"},
		{"already too late is now", "3d before coupon ends", "Europe/Helsinki", "2026-05-17T12:00:00+03:00", "2026-05-18", "2026-05-17T12:00:00+03:00"},
		{"a coupon without end is not waited for", "3d before coupon ends", "Europe/Helsinki", "2026-05-17T12:00:00+03:00", "", "2026-05-17T12:00:00+03:00"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w, err := loyalty.ParseWait(tt.wait)
			if err != nil {
				t.Fatal(err)
			}
			var ends *loyalty.Day
			if tt.ends != "" {
				d := day(t, tt.ends)
				ends = &d
			}
			if got := w.End(moment(t, tt.base), zone(t, tt.zone), ends); !got.Equal(moment(t, tt.want)) {
				t.Errorf("%q from %s = %s, want %s", tt.wait, tt.base, got.Format(time.RFC3339), tt.want)
			}
		})
	}
}

func TestCrossed(t *testing.T) {
	t.Parallel()
	orders := loyalty.Milestones{At: []int64{1, 5, 10}, Every: 10}
	for _, tt := range []struct {
		name          string
		m             loyalty.Milestones
		before, after int64
		want          []int64
	}{
		{"the first order", orders, 0, 1, []int64{1}},
		{"nothing between", orders, 1, 4, nil},
		{"reaching is crossing", orders, 4, 5, []int64{5}},
		{"standing still", orders, 5, 5, nil},
		{"a fall crosses nothing", orders, 6, 3, nil},
		{"several at once", orders, 0, 12, []int64{1, 5, 10}},
		{"then every ten", orders, 19, 41, []int64{20, 30, 40}},
		{"multiples go on beyond the last value", loyalty.Milestones{At: []int64{1, 25}, Every: 10}, 0, 45, []int64{1, 25, 30, 40}},
		{"every alone", loyalty.Milestones{Every: 3}, 0, 7, []int64{3, 6}},
		{"a negative figure rises to the first", orders, -5, 1, []int64{1}},
	} {
		if got := tt.m.Crossed(tt.before, tt.after); !slices.Equal(got, tt.want) {
			t.Errorf("%s: Crossed(%d, %d) = %v, want %v", tt.name, tt.before, tt.after, got, tt.want)
		}
	}
	if got := (loyalty.Milestones{Every: 1}).Crossed(0, 1<<40); len(got) != 1000 || got[999] != 1<<40 {
		t.Errorf("a huge rise crosses %d values up to %d, want the highest 1000", len(got), got[len(got)-1])
	}
}

// A rise in steps crosses what a rise at once crosses.
func TestCrossedInSteps(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		at := rapid.SliceOfN(rapid.Int64Range(1, 50), 0, 5).Draw(t, "at")
		slices.Sort(at)
		m := loyalty.Milestones{At: slices.Compact(at), Every: rapid.Int64Range(0, 12).Draw(t, "every")}
		stops := rapid.SliceOfN(rapid.Int64Range(0, 120), 2, 6).Draw(t, "stops")
		slices.Sort(stops)
		var steps []int64
		for i := range stops[1:] {
			steps = append(steps, m.Crossed(stops[i], stops[i+1])...)
		}
		if once := m.Crossed(stops[0], stops[len(stops)-1]); !slices.Equal(once, steps) {
			t.Fatalf("%+v over %v: at once %v, in steps %v", m, stops, once, steps)
		}
	})
}

func FuzzParsers(f *testing.F) {
	for _, s := range []string{"1 per 16h", "21:00-08:00", "2nd tuesday 08:00", "until friday 10:00", `items("Coffee")`, "--02-29", "3d before coupon ends at 10:00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if v, err := loyalty.ParseSchedule(s); err == nil {
			if again, err := loyalty.ParseSchedule(v.String()); err != nil || again != v {
				t.Errorf("ParseSchedule(%q) = %+v, but its text %q is read as %+v, %v", s, v, v, again, err)
			}
		}
		if v, err := loyalty.ParseWait(s); err == nil {
			if again, err := loyalty.ParseWait(v.String()); err != nil || again.String() != v.String() {
				t.Errorf("ParseWait(%q) = %s, read again as %s, %v", s, v, again, err)
			}
		}
		if v, err := loyalty.ParseQuietHours(s); err == nil {
			if again, err := loyalty.ParseQuietHours(v.String()); err != nil || again != v {
				t.Errorf("ParseQuietHours(%q) = %s, read again as %s, %v", s, v, again, err)
			}
		}
		if v, err := loyalty.ParseFigure(s); err == nil && !strings.HasPrefix(v.String(), v.Kind) {
			t.Errorf("ParseFigure(%q) = %s", s, v)
		}
		_, _ = loyalty.ParseCap(s)
		_, _ = loyalty.ParseBirthday(s)
	})
}
