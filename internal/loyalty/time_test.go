package loyalty_test

import (
	"encoding/json"
	"testing"
	"time"
	_ "time/tzdata"

	"pgregory.net/rapid"

	"regulars/internal/loyalty"
)

const minute = "2006-01-02T15:04"

// zone loads a time zone that the test depends on.
func zone(t rapid.TB, name string) *time.Location {
	t.Helper()
	z, err := time.LoadLocation(name)
	if err != nil {
		t.Fatalf("LoadLocation(%q): %v", name, err)
	}
	return z
}

// day reads 2006-01-02.
func day(t rapid.TB, s string) loyalty.Day {
	t.Helper()
	d, err := loyalty.ParseDay(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// moment reads 2006-01-02T15:04:05Z07:00.
func moment(t rapid.TB, s string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, s)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func TestWall(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, zone, day, clock, want string }{
		{"an ordinary day", "Europe/Helsinki", "2026-06-21", "09:00", "2026-06-21T06:00:00Z"},
		{"Helsinki's spring gap ends at four", "Europe/Helsinki", "2026-03-29", "03:30", "2026-03-29T01:00:00Z"},
		{"the last minute before the gap", "Europe/Helsinki", "2026-03-29", "02:59", "2026-03-29T00:59:00Z"},
		{"the first minute after the gap", "Europe/Helsinki", "2026-03-29", "04:00", "2026-03-29T01:00:00Z"},
		{"the first of Helsinki's two half past threes", "Europe/Helsinki", "2026-10-25", "03:30", "2026-10-25T00:30:00Z"},
		{"the minute after the fold", "Europe/Helsinki", "2026-10-25", "04:00", "2026-10-25T02:00:00Z"},
		{"New York's gap, west of Greenwich", "America/New_York", "2026-03-08", "02:30", "2026-03-08T07:00:00Z"},
		{"New York's fold", "America/New_York", "2026-11-01", "01:30", "2026-11-01T05:30:00Z"},
		{"São Paulo had no midnight in spring", "America/Sao_Paulo", "2018-11-04", "00:00", "2018-11-04T03:00:00Z"},
		{"nor half past", "America/Sao_Paulo", "2018-11-04", "00:30", "2018-11-04T03:00:00Z"},
		{"and the hour before midnight twice in autumn", "America/Sao_Paulo", "2018-02-17", "23:30", "2018-02-18T01:30:00Z"},
		{"Lord Howe's gap is half an hour", "Australia/Lord_Howe", "2026-10-04", "02:15", "2026-10-03T15:30:00Z"},
		{"so is its fold", "Australia/Lord_Howe", "2026-04-05", "01:45", "2026-04-04T14:45:00Z"},
		{"Apia left a day out: its noon is the next midnight", "Pacific/Apia", "2011-12-30", "12:00", "2011-12-30T10:00:00Z"},
		{"and so is its midnight", "Pacific/Apia", "2011-12-30", "00:00", "2011-12-30T10:00:00Z"},
		{"the day after the date line", "Pacific/Apia", "2011-12-31", "12:00", "2011-12-30T22:00:00Z"},
		{"Kathmandu counts quarters", "Asia/Kathmandu", "2026-01-01", "09:00", "2026-01-01T03:15:00Z"},
		{"far in the future by the rule", "Europe/Helsinki", "2099-03-29", "03:30", "2099-03-29T01:00:00Z"},
		{"UTC never jumps", "UTC", "2026-03-29", "03:30", "2026-03-29T03:30:00Z"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c, err := loyalty.ParseTimeOfDay(tt.clock)
			if err != nil {
				t.Fatal(err)
			}
			got := c.On(day(t, tt.day), zone(t, tt.zone))
			if want := moment(t, tt.want); !got.Equal(want) {
				t.Errorf("%s on %s in %s = %s, want %s", tt.clock, tt.day, tt.zone, got.UTC().Format(time.RFC3339), tt.want)
			}
		})
	}
}

var zones = []string{"Europe/Helsinki", "America/New_York", "America/Sao_Paulo", "Australia/Lord_Howe", "Pacific/Apia",
	"Asia/Kathmandu", "Africa/Casablanca", "Europe/Dublin", "Asia/Tehran", "America/St_Johns", "Pacific/Kiritimati", "UTC"}

// Wall is the first moment whose clock shows the time, found here by walking all
// the minutes of three days; and if none does, the first that shows a later one.
func TestWallAgainstEveryMinute(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		z := zone(t, rapid.SampledFrom(zones).Draw(t, "zone"))
		d := loyalty.Date(rapid.IntRange(1990, 2060).Draw(t, "year"), 1, rapid.IntRange(1, 366).Draw(t, "day"))
		if rapid.Bool().Draw(t, "near a change") {
			if _, end := d.UTC().In(z).ZoneBounds(); !end.IsZero() {
				d = loyalty.DayOf(end, z)
			}
		}
		c := loyalty.TimeOfDay{Hour: rapid.IntRange(0, 23).Draw(t, "hour"), Minute: rapid.IntRange(0, 59).Draw(t, "minute")}
		got := c.On(d, z)
		shown := d.String() + "T" + c.String()
		var later time.Time
		for at := d.UTC().Add(-30 * time.Hour); at.Before(d.UTC().Add(60 * time.Hour)); at = at.Add(time.Minute) {
			clock := at.In(z).Format(minute)
			if clock == shown {
				if !got.Equal(at) {
					t.Fatalf("%s in %s = %s, want %s", shown, z, got, at.In(z))
				}
				return
			}
			if later.IsZero() && clock > shown {
				later = at
			}
		}
		if !got.Equal(later) {
			t.Fatalf("%s in %s = %s, want %s, the first after the gap", shown, z, got, later.In(z))
		}
	})
}

// On this day Go's stretches of constant offset end before they begin.
func TestWallOnTheLastDayOfALeapYear(t *testing.T) {
	t.Parallel()
	for _, year := range []int{2036, 2040, 2044, 2096} {
		for _, name := range zones {
			z := zone(t, name)
			for hour := -24; hour < 72; hour++ {
				shown := time.Date(year, 12, 31, hour, 30, 0, 0, time.UTC)
				got := loyalty.Wall(loyalty.Date(shown.Year(), shown.Month(), shown.Day()), shown.Hour(), 30, z)
				if want := time.Date(year, 12, 31, hour, 30, 0, 0, z); !got.Equal(want) {
					t.Errorf("%s in %s = %s, want %s", shown.Format(minute), name, got, want)
				}
			}
		}
	}
}

func TestDays(t *testing.T) {
	t.Parallel()
	helsinki := zone(t, "Europe/Helsinki")
	if got := loyalty.DayOf(moment(t, "2026-06-20T21:00:00Z"), helsinki).String(); got != "2026-06-21" {
		t.Errorf("DayOf(midnight in Helsinki) = %s, want 2026-06-21", got)
	}
	if got := loyalty.Date(1970, 1, 1); got != 0 {
		t.Errorf("Date(1970-01-01) = %d, want 0", got)
	}
	if got := day(t, "1969-12-31"); got != -1 || got.String() != "1969-12-31" || got.Weekday() != time.Wednesday {
		t.Errorf("the day before 1970 = %d %s %s, want -1 1969-12-31 Wednesday", got, got, got.Weekday())
	}
	if _, err := loyalty.ParseDay("2026-02-30"); err == nil {
		t.Error("ParseDay(2026-02-30) went through")
	}
}

func TestInstantIsNullWhenZero(t *testing.T) {
	t.Parallel()
	if v, _ := (loyalty.Instant{}).Value(); v != nil {
		t.Errorf("Value of no instant = %v, want nil", v)
	}
	if b, _ := json.Marshal(loyalty.Instant{}); string(b) != "null" {
		t.Errorf("no instant in JSON = %s, want null", b)
	}
	var i loyalty.Instant
	if err := i.Scan(int64(1_000_001)); err != nil || !i.Equal(time.UnixMicro(1_000_001)) {
		t.Errorf("Scan(1000001) = %v, %v, want microsecond 1000001", i, err)
	}
	if err := i.Scan("2026"); err == nil {
		t.Error("Scan of a text went through")
	}
	if got := (loyalty.Instant{}).Plus(time.Hour); !got.IsZero() {
		t.Errorf("no instant plus an hour = %v, want none", got)
	}
}
