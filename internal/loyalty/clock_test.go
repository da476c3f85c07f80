package loyalty_test

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"regulars/internal/loyalty"
)

// written is a table case of a parser: what is written, and what it means when
// printed again, or a part of the refusal.
type written struct{ text, want, refused string }

func checkWritten[T any](t *testing.T, name string, parse func(string) (T, error), print func(T) string, cases []written) {
	t.Helper()
	for _, tt := range cases {
		got, err := parse(tt.text)
		switch {
		case tt.refused != "" && (err == nil || !strings.Contains(err.Error(), tt.refused)):
			t.Errorf("%s(%q) = %v, %v, want an error with %q", name, tt.text, got, err, tt.refused)
		case tt.refused == "" && err != nil:
			t.Errorf("%s(%q): %v, want %q", name, tt.text, err, tt.want)
		case tt.refused == "" && print(got) != tt.want:
			t.Errorf("%s(%q) = %q, want %q", name, tt.text, print(got), tt.want)
		}
	}
}

func TestWrittenForms(t *testing.T) {
	t.Parallel()
	checkWritten(t, "ParseTimeOfDay", loyalty.ParseTimeOfDay, loyalty.TimeOfDay.String, []written{
		{text: "9:00", want: "09:00"},
		{text: " 23:59 ", want: "23:59"},
		{text: "24:00", refused: `"24:00" is not a time of day like 09:30`},
		{text: "9:5", refused: "like 09:30"},
		{text: "9", refused: "like 09:30"},
		{text: "+9:00", refused: "like 09:30"},
		{text: "9:00 am", refused: "like 09:30"},
	})
	checkWritten(t, "ParseSpan", loyalty.ParseSpan, loyalty.Span, []written{
		{text: "90m", want: "90m"},
		{text: "36h", want: "36h"},
		{text: "48h", want: "2d"},
		{text: "7d", want: "7d"},
		{text: "0h", want: "0h"},
		{text: "7", refused: "like 90m, 36h or 7d"},
		{text: "-1h", refused: "like 90m, 36h or 7d"},
		{text: "1.5h", refused: "like 90m, 36h or 7d"},
		{text: "36501d", refused: "like 90m, 36h or 7d"},
		{text: "9999999d", refused: "like 90m, 36h or 7d"},
	})
	checkWritten(t, "ParseCap", loyalty.ParseCap, loyalty.Cap.String, []written{
		{text: "1 per 16h", want: "1 per 16h"},
		{text: "3  per 7d", want: "3 per 7d"},
		{text: "0 per 7d", refused: "would stop every offer"},
		{text: "11 per 7d", refused: "at most 10"},
		{text: "3 per week", refused: `"week" is not a length of time`},
		{text: "3 per 0h", refused: "no length of time"},
		{text: "3/7d", refused: "not a cap like 1 per 16h"},
		{text: "three per 7d", refused: `"three" is not a number of mails`},
	})
	checkWritten(t, "ParseQuietHours", loyalty.ParseQuietHours, loyalty.QuietHours.String, []written{
		{text: "21:00-08:00", want: "21:00-08:00"},
		{text: "21:00 - 8:00", want: "21:00-08:00"},
		{text: "00:00-08:00", want: "00:00-08:00"},
		{text: "off", want: "off"},
		{text: "21-8", refused: "like 21:00-08:00 or off"},
		{text: "21:00-21:00", refused: "write off for never"},
	})
	checkWritten(t, "ParseSchedule", loyalty.ParseSchedule, loyalty.Schedule.String, []written{
		{text: "day 08:00", want: "day 08:00"},
		{text: "weekday 8:00", want: "weekday 08:00"},
		{text: "Thursday, monday 08:00", want: "monday,thursday 08:00"},
		{text: "saturday,sunday 10:30", want: "saturday,sunday 10:30"},
		{text: "day 1 08:00", want: "day 1 08:00"},
		{text: "day last 08:00", want: "day last 08:00"},
		{text: "2nd tuesday 08:00", want: "2nd tuesday 08:00"},
		{text: "last friday 08:00", want: "last friday 08:00"},
		{text: "monday", refused: "not a timetable like monday 08:00"},
		{text: "mondey 08:00", refused: `"mondey" is not a day of the week; did you mean monday?`},
		{text: "day 32 08:00", refused: "1 to 31, or last"},
		{text: "5th tuesday 08:00", refused: "1st, 2nd, 3rd, 4th or last"},
		{text: "monday 8", refused: "has no time"},
	})
	checkWritten(t, "ParseWait", loyalty.ParseWait, loyalty.Wait.String, []written{
		{text: "7d", want: "7d"},
		{text: "7d at 10:00", want: "7d at 10:00"},
		{text: "36h", want: "36h"},
		{text: "until friday 10:00", want: "until friday 10:00"},
		{text: "3d before coupon ends", want: "3d before coupon ends"},
		{text: "3d  before coupon ends at 9:00", want: "3d before coupon ends at 09:00"},
		{text: "0d", refused: "is no wait"},
		{text: "0h", refused: "not a wait like 7d"},
		{text: "36h at 10:00", refused: "write days, like 2d at 10:00"},
		{text: "until friday", refused: "write until friday 10:00"},
		{text: "until frday 10:00", refused: "not a day of the week"},
		{text: "a week", refused: "not a wait like 7d"},
	})
	checkWritten(t, "ParseFigure", loyalty.ParseFigure, loyalty.Figure.String, []written{
		{text: "orders", want: "orders"},
		{text: "spent", want: "spent"},
		{text: `items("Coffee")`, want: `items("Coffee")`},
		{text: `items()`, refused: `write items("Coffee")`},
		{text: `items("")`, refused: `write items("Coffee")`},
		{text: "referrals", want: "referrals"},
		{text: "referals", refused: "did you mean referrals?"},
		{text: "friends", refused: `"friends" is not a rising figure`},
	})
	checkWritten(t, "ParseBirthday", loyalty.ParseBirthday, loyalty.Birthday.String, []written{
		{text: "1980-02-28", want: "1980-02-28"},
		{text: "--02-29", want: "--02-29"},
		{text: "1981-02-29", refused: "not a birthday"},
		{text: "--02-30", refused: "not a birthday"},
		{text: "28.2.1980", refused: "like 1980-02-28 or --02-28"},
	})
	local := func(s string) (string, error) {
		d, c, err := loyalty.ParseLocal(s)
		return d.String() + " " + c.String(), err
	}
	checkWritten(t, "ParseLocal", local, strings.Clone, []written{
		{text: "2027-06-21 09:00", want: "2027-06-21 09:00"},
		{text: "2027-06-21T9:00", want: "2027-06-21 09:00"},
		{text: "2027-06-21", refused: "not a date and time like"},
		{text: "2027-06-31 09:00", refused: "not a date like"},
	})
	if n, err := loyalty.ParseDays("14d"); n != 14 || err != nil {
		t.Errorf("ParseDays(14d) = %d, %v, want 14", n, err)
	}
	if _, err := loyalty.ParseDays("14"); err == nil {
		t.Error("ParseDays(14) went through")
	}
}

func TestCapFree(t *testing.T) {
	t.Parallel()
	now := moment(t, "2026-05-04T12:00:00Z")
	ago := func(hours ...int) (recent []loyalty.Instant) {
		for _, h := range hours {
			recent = append(recent, loyalty.At(now.Add(-time.Duration(h)*time.Hour)))
		}
		return append(recent, loyalty.Instant{})
	}
	one, three := loyalty.Cap{N: 1, Per: 16 * time.Hour}, loyalty.Cap{N: 3, Per: 7 * 24 * time.Hour}
	for _, tt := range []struct {
		name   string
		cap    loyalty.Cap
		recent []loyalty.Instant
		want   time.Duration
	}{
		{"nobody mailed yet", one, ago(), 0},
		{"a mail an hour ago", one, ago(1), 15 * time.Hour},
		{"exactly sixteen hours ago no longer counts", one, ago(16), 0},
		{"two of three this week", three, ago(1, 2), 0},
		{"three this week wait for the oldest", three, ago(1, 2, 160), 8 * time.Hour},
		{"three, the oldest more than a week ago", three, ago(1, 2, 170), 0},
	} {
		if got := tt.cap.Free(tt.recent, now).Sub(now); got != tt.want {
			t.Errorf("%s: %s: Free = now + %s, want + %s", tt.name, tt.cap, got, tt.want)
		}
	}
}

func TestQuietHoursNext(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, quiet, zone, at, want string }{
		{"noon is not quiet", "21:00-08:00", "Europe/Helsinki", "2026-05-04T12:00:00+03:00", "2026-05-04T12:00:00+03:00"},
		{"evening waits for morning", "21:00-08:00", "Europe/Helsinki", "2026-05-04T23:10:00+03:00", "2026-05-05T08:00:00+03:00"},
		{"the first quiet minute", "21:00-08:00", "Europe/Helsinki", "2026-05-04T21:00:00+03:00", "2026-05-05T08:00:00+03:00"},
		{"the last quiet second", "21:00-08:00", "Europe/Helsinki", "2026-05-05T07:59:59+03:00", "2026-05-05T08:00:00+03:00"},
		{"the end is not quiet", "21:00-08:00", "Europe/Helsinki", "2026-05-05T08:00:00+03:00", "2026-05-05T08:00:00+03:00"},
		{"quiet hours within a day", "12:00-14:00", "Europe/Helsinki", "2026-05-05T13:00:00+03:00", "2026-05-05T14:00:00+03:00"},
		{"off is never quiet", "off", "Europe/Helsinki", "2026-05-05T03:00:00+03:00", "2026-05-05T03:00:00+03:00"},
		{"a short night in spring", "21:00-08:00", "Europe/Helsinki", "2026-03-28T22:00:00+02:00", "2026-03-29T08:00:00+03:00"},
		{"an end in the gap is the end of the gap", "21:00-03:30", "Europe/Helsinki", "2026-03-28T22:00:00+02:00", "2026-03-29T04:00:00+03:00"},
		{"an end in the fold is the first of the two", "21:00-03:30", "Europe/Helsinki", "2026-10-25T03:10:00+03:00", "2026-10-25T03:30:00+03:00"},
		{"and the second time round is not quiet", "21:00-03:30", "Europe/Helsinki", "2026-10-25T03:10:00+02:00", "2026-10-25T03:10:00+02:00"},
		{"hours that begin in the fold take in all of it", "03:30-06:00", "Europe/Helsinki", "2026-10-25T03:10:00+02:00", "2026-10-25T06:00:00+02:00"},
		{"hours that lie in the gap do not come", "03:10-03:40", "Europe/Helsinki", "2026-03-29T04:00:00+03:00", "2026-03-29T04:00:00+03:00"},
		{"Apia's two nights are one", "21:00-08:00", "Pacific/Apia", "2011-12-29T22:00:00-10:00", "2011-12-31T08:00:00+14:00"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			q, err := loyalty.ParseQuietHours(tt.quiet)
			if err != nil {
				t.Fatal(err)
			}
			if got := q.Next(moment(t, tt.at).In(zone(t, tt.zone))); !got.Equal(moment(t, tt.want)) {
				t.Errorf("Next(%s) = %s, want %s", tt.at, got.Format(time.RFC3339), tt.want)
			}
		})
	}
}

func TestNextIsNeverQuietAndNeverEarlier(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		z := zone(t, rapid.SampledFrom(zones).Draw(t, "zone"))
		q := loyalty.QuietHours{From: rapid.IntRange(0, 1439).Draw(t, "from"), To: rapid.IntRange(0, 1439).Draw(t, "to")}
		at := time.Unix(rapid.Int64Range(946684800, 1893456000).Draw(t, "at"), 0).In(z)
		next := q.Next(at)
		switch {
		case next.Before(at):
			t.Fatalf("%s: Next(%s) = %s, earlier", q, at, next)
		case q.Covers(next):
			t.Fatalf("%s: Next(%s) = %s, which is quiet", q, at, next)
		case next.After(at) && !q.Covers(next.Add(-time.Second)):
			t.Fatalf("%s: Next(%s) = %s, later than needed", q, at, next)
		}
	})
}
