package loyalty

import "testing"

func TestAWarmupGrows(t *testing.T) {
	t.Parallel()
	from := Date(2026, 12, 1)
	two := Warmup{From: from, Start: 500, Double: 2, Until: 4000}
	for _, tt := range []struct {
		name    string
		w       Warmup
		day     Day
		mails   int64
		limited bool
	}{
		{"no warm-up is no limit", Warmup{}, from, 0, false},
		{"the day before is as the first", two, from - 1, 500, true},
		{"long before is as the first", two, 0, 500, true},
		{"the first day", two, from, 500, true},
		{"the second day is as the first", two, from + 1, 500, true},
		{"after two days twice as many", two, from + 2, 1000, true},
		{"after four days four times", two, from + 5, 2000, true},
		{"what reaches the end is no limit", two, from + 6, 4000, false},
		{"and stays none", two, from + 100000, 4000, false},
		{"an end between two steps", Warmup{from, 500, 1, 1500}, from + 1, 1000, true},
		{"is passed by the next", Warmup{from, 500, 1, 1500}, from + 2, 2000, false},
	} {
		if mails, limited := tt.w.LimitOn(tt.day); mails != tt.mails || limited != tt.limited {
			t.Errorf("%s: LimitOn(%s) = %d, %t, want %d, %t", tt.name, tt.day, mails, limited, tt.mails, tt.limited)
		}
	}
}

func TestTheLastDayOfMails(t *testing.T) {
	t.Parallel()
	from := Date(2026, 12, 1)
	two := Warmup{From: from, Start: 500, Double: 2, Until: 4000}
	for _, tt := range []struct {
		name     string
		w        Warmup
		n, taken int64
		days     Day
	}{
		{"without a warm-up all go at once", Warmup{}, 1_000_000, 0, 0},
		{"what the day has places for", two, 500, 0, 0},
		{"one more waits for tomorrow", two, 501, 0, 1},
		{"as it does where a place is taken", two, 500, 1, 1},
		{"a day that is more than full has no place", two, 500, 700, 1},
		{"two days of 500, one of 1000", two, 1900, 0, 2},
		{"on the day without a limit the rest goes", two, 1_000_000, 0, 6},
		{"nothing is out today", two, 0, 500, 0},
	} {
		if got := tt.w.LastDay(tt.n, from, tt.taken); got != from+tt.days {
			t.Errorf("%s: LastDay(%d, %s, %d) = %s, want %s", tt.name, tt.n, from, tt.taken, got, from+tt.days)
		}
	}
}

func TestTheWordsOfAWarmupAreReadAndWritten(t *testing.T) {
	t.Parallel()
	for _, in := range []string{"1 a day", "500 a day", "999999999 a day"} {
		if n, err := ParseDaily(in); err != nil || Daily(n) != in {
			t.Errorf("ParseDaily(%q) = %d (%q), %v", in, n, Daily(n), err)
		}
	}
	for _, in := range []string{"", "500", "0 a day", "-1 a day", "500/day", "500 a month", "1.5 a day", "a day"} {
		if n, err := ParseDaily(in); err == nil {
			t.Errorf("ParseDaily(%q) = %d, want an error", in, n)
		}
	}
	for _, in := range []string{"every day", "every 2 days", "every 30 days"} {
		if n, err := ParseEvery(in); err != nil || Every(n) != in {
			t.Errorf("ParseEvery(%q) = %d (%q), %v", in, n, Every(n), err)
		}
	}
	for _, in := range []string{"", "2 days", "every", "every 0 days", "every 2", "every week", "2d"} {
		if n, err := ParseEvery(in); err == nil {
			t.Errorf("ParseEvery(%q) = %d, want an error", in, n)
		}
	}
}
