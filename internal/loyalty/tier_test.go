package loyalty_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"regulars/internal/loyalty"
)

// climb is one member's way: what counts for the tiers, on which days.
type climb struct {
	at     []int64        // what each tier asks for
	window loyalty.Period // so far back it counts; zero: for ever
	year   bool           // … or in this calendar year
	ladder loyalty.Ladder
}

func tenures(n int, t loyalty.Tenure) loyalty.Ladder {
	return loyalty.Ladder{Tiers: slices.Repeat([]loyalty.Tenure{t}, n)}
}

// holds is the highest tier whose rule holds as of a day, of what was bought by then.
func (c climb) holds(moves []move, day loyalty.Day) (tier int) {
	var sum int64
	y, _, _ := day.Civil()
	for _, m := range moves {
		d := dayOf(m.day)
		in := d <= day
		switch back := (loyalty.Period{Days: -c.window.Days, Months: -c.window.Months}); {
		case c.year:
			in = in && d >= loyalty.Date(y, 1, 1)
		case c.window != loyalty.Period{}:
			in = in && d > back.After(day)
		}
		if in {
			sum += m.n
		}
	}
	for i, at := range c.at {
		if sum >= at {
			tier = i + 1
		}
	}
	return tier
}

// walk goes through the days of one member to the end of a day, and notes what becomes
// of the stays: amount is of the order by which it does, also by "" nothing.
func (c climb) walk(moves []move, to loyalty.Day, note func(what string, was, is loyalty.Stay, amount int64)) loyalty.Stay {
	var s loyalty.Stay
	tell := func(is loyalty.Stay, what string, amount int64) {
		if note != nil {
			note(what, s, is, amount)
		}
		s = is
	}
	if len(moves) == 0 {
		return s
	}
	next := 0
	for d := dayOf(moves[0].day); d <= to; d++ {
		for ; next < len(moves) && dayOf(moves[next].day) == d; next++ {
			is, what := loyalty.TierUp(c.ladder, s, c.holds(moves[:next+1], d), d)
			tell(is, what, moves[next].n)
		}
		if s.Tier > 0 && (s.Last == 0 || d >= s.Last) {
			is, what := loyalty.TierAfter(c.ladder, s, c.holds(moves[:next], d), d)
			tell(is, what, 0)
		}
	}
	return s
}

func TestTiers(t *testing.T) {
	t.Parallel()
	keep := func(n int) loyalty.Tenure { return loyalty.Tenure{Keep: months(n)} }
	yearly := loyalty.Tenure{Year: true}
	graced := loyalty.Tenure{Keep: months(12), Grace: days(30)}
	lifelong := func(at ...int64) climb { return climb{at: at, ladder: tenures(len(at), keep(12))} }
	rolling := func(t loyalty.Tenure, at ...int64) climb {
		return climb{at: at, window: months(12), ladder: tenures(len(at), t)}
	}
	calendar := func(t loyalty.Tenure, at ...int64) climb {
		return climb{at: at, year: true, ladder: tenures(len(at), t)}
	}
	for _, c := range []struct {
		id    string
		climb climb
		moves []move
		on    string
		want  string // tier since last
	}{
		{"T1 the first order", lifelong(0, 10000, 20000), []move{{"2026-01-01", 6000}}, "2026-01-01", "1 2026-01-01 2027-01-01"},
		{"T1 silver", lifelong(0, 10000, 20000), []move{{"2026-01-01", 15000}}, "2026-01-01", "2 2026-01-01 2027-01-01"},
		{"T1 gold at once", lifelong(0, 10000, 20000), []move{{"2026-01-01", 25000}}, "2026-01-01", "3 2026-01-01 2027-01-01"},
		{"T1 4,000 and 500", lifelong(0, 10000, 20000), []move{{"2026-01-01", 4000}, {"2026-01-02", 500}}, "2026-01-02", "1 2026-01-01 2027-01-01"},
		{"T1 8,000 and 3,000", lifelong(0, 10000, 20000), []move{{"2026-01-01", 8000}, {"2026-01-02", 3000}}, "2026-01-02", "2 2026-01-02 2027-01-02"},
		{"T1 18,000 and 3,000", lifelong(0, 10000, 20000), []move{{"2026-01-01", 18000}, {"2026-01-02", 3000}}, "2026-01-02", "3 2026-01-02 2027-01-02"},
		{"T1 22,000 and 5,000", lifelong(0, 10000, 20000), []move{{"2026-01-01", 22000}, {"2026-01-02", 5000}}, "2026-01-02", "3 2026-01-01 2027-01-01"},
		{"T2 the first level", lifelong(10, 30, 100), []move{{"2026-01-01", 10}}, "2026-01-01", "1 2026-01-01 2027-01-01"},
		{"T2 the second", lifelong(10, 30, 100), []move{{"2026-01-01", 10}, {"2026-01-05", 20}}, "2026-01-05", "2 2026-01-05 2027-01-05"},
		{"T3 5 earned", calendar(yearly, 10, 30, 100), []move{{"2026-05-01", 100}, {"2027-05-01", 5}}, "2027-12-31", "0 2028-01-01 -"},
		{"T3 10 earned", calendar(yearly, 10, 30, 100), []move{{"2026-05-01", 100}, {"2027-05-01", 10}}, "2027-12-31", "1 2028-01-01 2028-12-31"},
		{"T3 30 earned", calendar(yearly, 10, 30, 100), []move{{"2026-05-01", 100}, {"2027-05-01", 30}}, "2027-12-31", "2 2028-01-01 2028-12-31"},
		{"T4 499", lifelong(500), []move{{"2026-01-01", 499}}, "2026-01-01", "0 - -"},
		{"T4 500", lifelong(500), []move{{"2026-01-01", 499}, {"2026-01-01", 1}}, "2026-01-01", "1 2026-01-01 2027-01-01"},
		{"T5 earned, not left", lifelong(100, 500), []move{{"2023-01-10", 100}, {"2023-02-15", 0}}, "2023-02-15", "1 2023-01-10 2024-01-10"},
		{"T5 gold", lifelong(100, 500), []move{{"2023-01-10", 100}, {"2023-02-15", 0}, {"2023-02-25", 500}}, "2023-02-25", "2 2023-02-25 2024-02-25"},
		{"T6 300 spent", lifelong(500), []move{{"2026-01-01", 150}, {"2026-01-02", 50}, {"2026-01-03", 100}}, "2026-01-03", "0 - -"},
		{"T6 500 spent", lifelong(500), []move{{"2026-01-01", 150}, {"2026-01-02", 50}, {"2026-01-03", 100}, {"2026-01-04", 200}}, "2026-01-04", "1 2026-01-04 2027-01-04"},
		{"T7 points that were used", lifelong(200), []move{{"2023-01-01", 200}, {"2023-02-01", 0}}, "2023-02-01", "1 2023-01-01 2024-01-01"},
		{"T8 silver", lifelong(1000, 5000), []move{{"2026-01-01", 1200}}, "2026-01-01", "1 2026-01-01 2027-01-01"},
		{"T8 gold", lifelong(1000, 5000), []move{{"2026-01-01", 9000}}, "2026-01-01", "2 2026-01-01 2027-01-01"},
		{"T10 the grace", rolling(graced, 1000, 5000), []move{{"2025-07-05", 5000}, {"2026-07-01", 1200}}, "2026-08-03", "2 2025-07-05 2026-07-05"},
		{"T11 it is over", rolling(graced, 1000, 5000), []move{{"2025-05-31", 5000}, {"2026-05-01", 1200}}, "2026-07-06", "1 2026-07-01 2027-06-30"},
		{"T12 in time", rolling(graced, 1000, 5000), []move{{"2025-06-19", 5000}, {"2026-07-06", 6000}}, "2026-07-06", "2 2025-06-19 2027-07-06"},
		{"T13 one silver at 1,000", lifelong(1000), []move{{"2026-01-01", 500}, {"2026-01-01", 700}}, "2026-01-01", "1 2026-01-01 2027-01-01"},
		{"T14", calendar(yearly, 100), []move{{"2018-11-10", 100}}, "2018-11-10", "1 2018-11-10 2019-12-31"},
		{"T15", rolling(keep(12), 100), []move{{"2019-03-03", 100}}, "2019-03-03", "1 2019-03-03 2020-03-03"},
		{"T16", calendar(yearly, 100), []move{{"2025-11-01", 100}}, "2025-11-01", "1 2025-11-01 2026-12-31"},
		{"T17 the last day", rolling(keep(12), 200, 500), []move{{"2024-01-01", 200}}, "2024-12-31", "1 2024-01-01 2025-01-01"},
		{"T17 too little", rolling(keep(12), 200, 500), []move{{"2024-01-01", 200}}, "2025-01-01", "0 2025-01-02 -"},
		{"T17 silver before", rolling(keep(12), 200, 500), []move{{"2024-01-01", 200}, {"2024-12-20", 500}}, "2025-01-02", "2 2024-12-20 2025-12-20"},
		{"T18 up", lifelong(100, 200), []move{{"2024-04-15", 100}}, "2024-04-15", "1 2024-04-15 2025-04-15"},
		{"T18 up again", lifelong(100, 200), []move{{"2024-04-15", 100}, {"2024-10-25", 100}}, "2024-10-25", "2 2024-10-25 2025-10-25"},
		{"T19 gold", rolling(keep(12), 500), []move{{"2018-03-04", 150}, {"2018-09-10", 400}}, "2019-09-09", "1 2018-09-10 2019-09-10"},
		{"T19 nothing for a year", rolling(keep(12), 500), []move{{"2018-03-04", 150}, {"2018-09-10", 400}}, "2019-09-10", "0 2019-09-11 -"},
		{"T20", rolling(keep(12), 300, 600), []move{{"2026-01-10", 300}, {"2026-06-10", 300}}, "2026-06-10", "2 2026-06-10 2027-06-10"},
		{"T21 diamond", calendar(loyalty.Tenure{Year: true, Grace: days(31)}, 5000, 15000), []move{{"2018-06-01", 15000}, {"2019-06-01", 5000}}, "2020-01-30", "2 2018-06-01 2019-12-31"},
		{"T21 then platinum", calendar(loyalty.Tenure{Year: true, Grace: days(31)}, 5000, 15000), []move{{"2018-06-01", 15000}, {"2019-06-01", 5000}}, "2021-01-30", "1 2020-02-01 2020-12-31"},
		{"T21 then nothing", calendar(loyalty.Tenure{Year: true, Grace: days(31)}, 5000, 15000), []move{{"2018-06-01", 15000}, {"2019-06-01", 5000}}, "2021-01-31", "0 2021-02-01 -"},
		{"T22 15,000 again", calendar(loyalty.Tenure{Year: true, Grace: days(31)}, 5000, 15000), []move{{"2018-06-01", 15000}, {"2019-06-01", 15000}}, "2021-01-30", "2 2018-06-01 2020-12-31"},
		{"T23 50,000 in half a year", climb{at: []int64{10000, 50000}, window: months(6), ladder: tenures(2, loyalty.Tenure{})}, []move{{"2016-05-05", 40000}, {"2016-10-01", 10000}}, "2016-11-03", "2 2016-10-01 -"},
		{"T23 10,000", climb{at: []int64{10000, 50000}, window: months(6), ladder: tenures(2, loyalty.Tenure{})}, []move{{"2016-05-05", 40000}, {"2016-10-01", 10000}}, "2016-12-04", "1 2016-11-06 -"},
		{"T24 at once", lifelong(100), []move{{"2026-03-10", 100}}, "2026-03-10", "1 2026-03-10 2027-03-10"},
		{"T25 points that were taken", lifelong(200), []move{{"2026-07-20", 200}, {"2026-07-25", 0}}, "2026-07-25", "1 2026-07-20 2027-07-20"},
		{"T26 a month of grace", rolling(loyalty.Tenure{Keep: months(12), Grace: months(1)}, 100), []move{{"2025-07-20", 100}}, "2026-08-19", "1 2025-07-20 2026-07-20"},
		{"T26 the last of it", rolling(loyalty.Tenure{Keep: months(12), Grace: months(1)}, 100), []move{{"2025-07-20", 100}}, "2026-08-20", "0 2026-08-21 -"},
		{"the orders of the last day count", rolling(keep(12), 100), []move{{"2025-01-10", 100}, {"2026-01-10", 100}}, "2026-01-10", "1 2025-01-10 2027-01-10"},
		{"those of the day after begin anew", rolling(keep(12), 100), []move{{"2025-01-10", 100}, {"2026-01-11", 100}}, "2026-01-11", "1 2026-01-11 2027-01-11"},
		{"one step at a time", climb{at: []int64{1, 2, 3}, window: months(1), ladder: loyalty.Ladder{Tiers: slices.Repeat([]loyalty.Tenure{keep(1)}, 3), DownOne: true}},
			[]move{{"2026-01-10", 3}}, "2026-03-09", "2 2026-02-11 2026-03-10"},
	} {
		t.Run(c.id, func(t *testing.T) {
			s := c.climb.walk(c.moves, dayOf(c.on), nil)
			if got := shown(s); got != c.want {
				t.Errorf("on the evening of %s %s, want %s", c.on, got, c.want)
			}
		})
	}
	t.Run("T9 what is not held any more is lost by no order, only by the end of a day", func(t *testing.T) {
		s := loyalty.Stay{Tier: 2, Since: dayOf("2026-01-01"), Last: dayOf("2026-06-01")}
		if got, what := loyalty.TierUp(tenures(2, keep(12)), s, 1, dayOf("2026-06-01")); got != s || what != "" {
			t.Errorf("%s %q, want it unchanged", shown(got), what)
		}
	})
}

func shown(s loyalty.Stay) string {
	text := func(d loyalty.Day) string {
		if d == 0 {
			return "-"
		}
		return d.String()
	}
	return fmt.Sprintf("%d %s %s", s.Tier, text(s.Since), text(s.Last))
}

// daily takes the orders of a day together, as the scripts behind O24 do: who gets to
// silver and to gold on one day has jumped.
func daily(moves []move) (days []move) {
	for _, m := range moves {
		if n := len(days); n > 0 && days[n-1].day == m.day {
			days[n-1].n += m.n
		} else {
			days = append(days, m)
		}
	}
	return days
}

// What is told of a whole life at once is what its days would have brought, one by one.
func TestALifeIsWhatItsDaysBring(t *testing.T) {
	t.Parallel()
	keep := func(n int) loyalty.Tenure { return loyalty.Tenure{Keep: months(n)} }
	r := rand.New(rand.NewPCG(4, 4))
	for name, ladder := range map[string]loyalty.Ladder{
		"kept for some months": {Tiers: []loyalty.Tenure{keep(2), keep(3), keep(1)}},
		"as long as it holds":  tenures(3, loyalty.Tenure{}),
		"with grace, a step at a time": {DownOne: true, Tiers: []loyalty.Tenure{
			{Keep: months(2), Grace: days(20)}, {Keep: months(1), Grace: months(1)}, {Year: true, Grace: days(3)}}},
	} {
		for range 200 {
			c := climb{at: []int64{50, 100, 150}, window: []loyalty.Period{{}, months(1), days(40)}[r.IntN(3)], ladder: ladder}
			var moves []move
			day := dayOf("2026-01-01")
			for range 1 + r.IntN(12) {
				day += loyalty.Day(r.IntN(60))
				moves = append(moves, move{day.String(), r.Int64N(90)})
			}
			moves = daily(moves)
			until := day + loyalty.Day(r.IntN(400))
			var want, got []string
			last := c.walk(moves, until, func(what string, was, is loyalty.Stay, _ int64) {
				if what != "" {
					want = append(want, what+" "+shown(was)+" > "+shown(is))
				}
			})
			holds := func(d loyalty.Day) int { return c.holds(moves, d) }
			life := loyalty.Life{Ladder: ladder}
			for _, m := range moves {
				if day := dayOf(m.day); day <= until {
					life.Act(day, holds)
				}
			}
			life.Through(until, holds)
			var is loyalty.Stay
			for _, turn := range life.Turns {
				got, is = append(got, turn.What+" "+shown(turn.Was)+" > "+shown(turn.Is)), turn.Is
			}
			if is.Then, last.Then = 0, 0; !slices.Equal(got, want) || is != last {
				t.Fatalf("%s, %+v until %s:\n%s\nday by day:\n%s", name, moves, until, strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
		}
	}
}

// The figures O21 to O25 and O28 were computed by independent scripts.
func TestTiersOfCDNOW(t *testing.T) {
	t.Parallel()
	rows := cdnow(t)
	ways := map[string][]move{}
	for _, b := range rows {
		ways[b.member] = append(ways[b.member], move{b.day.String(), b.order.Total})
	}
	for _, moves := range ways {
		slices.SortStableFunc(moves, func(a, b move) int { return strings.Compare(a.day, b.day) })
	}
	at := []int64{10000, 25000, 50000}
	year := climb{at: at, window: months(12), ladder: tenures(3, loyalty.Tenure{Keep: months(12)})}
	half := climb{at: at, window: months(6), ladder: tenures(3, loyalty.Tenure{Keep: months(6)})}
	end := dayOf("1998-06-30")

	for _, c := range []struct{ id, on, want string }{
		{"O21", "1997-12-31", "[18350 3574 1192 454]"},
		{"O22", "1998-03-31", "[20278 2115 818 359]"},
		{"O22", "1998-06-30", "[20687 1891 666 326]"},
	} {
		var hold [4]int
		for _, moves := range ways {
			hold[year.holds(moves, dayOf(c.on))]++
		}
		if got := fmt.Sprint(hold); got != c.want {
			t.Errorf("%s: for %s of none, S, G, P it holds on %s, want %s", c.id, got, c.on, c.want)
		}
	}

	var members, sixth [4]int
	counts := map[string]int{}
	one := rates(per(1, 100))
	percent := []int64{100, 125, 150, 200}
	var before, after int64
	for _, moves := range ways {
		members[year.walk(moves, end, func(_ string, was, is loyalty.Stay, amount int64) {
			order := loyalty.Order{Status: loyalty.Paid, Total: amount}
			before += loyalty.Target(order, nil, testRates(one).times(percent[was.Tier]))
			after += loyalty.Target(order, nil, testRates(one).times(percent[is.Tier]))
		}).Tier]++
		year.walk(daily(moves), end, func(what string, was, is loyalty.Stay, _ int64) {
			switch counts[what]++; {
			case what == loyalty.Kept, what == "":
			case what == loyalty.Up && is.Tier-was.Tier > 1:
				counts["jumps"]++
				fallthrough
			default:
				counts[fmt.Sprint(what, is.Tier)]++
			}
		})
		sixth[half.walk(moves, end, nil).Tier]++
	}
	if got, want := fmt.Sprint(members), "[19580 2363 1102 525]"; got != want {
		t.Errorf("O23: %s, want %s", got, want)
	}
	want := map[string]int{"up1": 5761, "up2": 1987, "up3": 600, "down0": 1902, "down1": 138, "down2": 24, "kept": 357, "jumps": 145}
	for what, n := range want {
		if counts[what] != n {
			t.Errorf("O24: %d %s, want %d; all: %v", counts[what], what, n, slices.Sorted(maps.Keys(counts)))
		}
	}
	if got, want := fmt.Sprint(before, after), "3009852 3194084"; got != want {
		t.Errorf("O28: %s, want %s", got, want)
	}
	if got, want := fmt.Sprint(sixth), "[21823 1216 381 150]"; got != want {
		t.Errorf("O25: %s, want %s", got, want)
	}
}
