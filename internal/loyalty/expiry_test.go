package loyalty_test

import (
	"encoding/csv"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"regulars/internal/loyalty"
	"regulars/internal/store/storetest/watched"
)

// wallet is a member's, moved by hand.
type wallet struct {
	expire  loyalty.Expiry
	lots    []*loyalty.Lot
	debts   []*loyalty.Debt
	active  loyalty.Day
	expired int64
	rows    int
	n       int64
}

// pass is what the nights up to a day do.
func (w *wallet) pass(today loyalty.Day) {
	for _, l := range w.lots {
		if l.Last = w.expire.LastDay(l.Opens, w.active); l.Ended(today) && l.Remains > 0 {
			w.expired += l.Remains
			w.rows++
			l.Remains = 0
		}
	}
	w.lots = slices.DeleteFunc(w.lots, func(l *loyalty.Lot) bool { return l.Remains == 0 })
}

// move earns or spends on a day.
func (w *wallet) move(day loyalty.Day, n int64) {
	w.pass(day)
	w.active, w.n = day, w.n+1
	if n > 0 {
		w.lots = append(w.lots, &loyalty.Lot{ID: w.n, Opens: day, Remains: n})
		loyalty.Settle(w.debts, w.lots, day)
	} else if _, short := loyalty.Spend(w.lots, w.n, -n, day, 0); short > 0 {
		w.debts = append(w.debts, &loyalty.Debt{ID: w.n, Day: day, Rest: short})
	}
	w.pass(day)
}

func (w *wallet) balance() (sum int64) {
	for _, l := range w.lots {
		sum += l.Remains
	}
	for _, d := range w.debts {
		sum -= d.Rest
	}
	return sum
}

func dayOf(s string) loyalty.Day {
	d, err := loyalty.ParseDay(s)
	if err != nil {
		panic(err)
	}
	return d
}

type move struct {
	day string
	n   int64
}

func months(n int) loyalty.Period { return loyalty.Period{Months: n} }
func days(n int) loyalty.Period   { return loyalty.Period{Days: n} }

func TestExpiry(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		id      string
		expire  loyalty.Expiry
		moves   []move
		on      string
		expired int64
		left    int64
		rows    int
	}{
		{"X1 the day before", loyalty.Expiry{After: days(30)}, []move{{"2026-03-01", 100}, {"2026-03-15", 50}, {"2026-03-20", -80}}, "2026-03-31", 0, 70, 0},
		{"X1 oldest first", loyalty.Expiry{After: days(30)}, []move{{"2026-03-01", 100}, {"2026-03-15", 50}, {"2026-03-20", -80}}, "2026-04-01", 20, 50, 1},
		{"X2", loyalty.Expiry{After: months(12)}, []move{{"2026-01-10", 100}, {"2026-03-10", 150}, {"2026-04-10", -120}}, "2026-04-10", 0, 130, 0},
		{"X3 only what is oldest ends", loyalty.Expiry{After: months(1)}, []move{{"2026-01-01", 100}, {"2026-01-10", 200}, {"2026-01-20", 300}}, "2026-02-02", 100, 500, 1},
		{"X5", loyalty.Expiry{}, []move{{"2026-01-01", 50}, {"2026-01-02", 50}, {"2026-01-03", -70}}, "2026-01-04", 0, 30, 0},
		{"X6 a debt is paid first", loyalty.Expiry{}, []move{{"2026-01-01", 50}, {"2026-01-02", -80}, {"2026-01-03", 100}}, "2026-01-04", 0, 70, 0},
		{"X7 one row for a lot", loyalty.Expiry{After: months(1)}, []move{{"2026-01-01", 100}, {"2026-02-01", 40}}, "2026-02-02", 100, 40, 1},
		{"X20 nothing for a year", loyalty.Expiry{Unused: months(12)}, []move{{"2023-01-01", 40}}, "2024-01-02", 40, 0, 1},
		{"X20 its last day", loyalty.Expiry{Unused: months(12)}, []move{{"2023-01-01", 40}}, "2024-01-01", 0, 40, 0},
		{"X21 all together", loyalty.Expiry{Unused: months(12)}, []move{{"2023-01-01", 40}, {"2023-01-05", 40}}, "2024-01-06", 80, 0, 2},
		{"X22 spending is activity", loyalty.Expiry{Unused: months(12)}, []move{{"2023-01-01", 40}, {"2023-01-08", -20}}, "2024-01-09", 20, 0, 1},
		{"X22 … to its last day", loyalty.Expiry{Unused: months(12)}, []move{{"2023-01-01", 40}, {"2023-01-08", -20}}, "2024-01-08", 0, 20, 0},
		{"R12 more taken back than is there", loyalty.Expiry{}, []move{{"2026-01-01", 150}, {"2026-01-02", -100}, {"2026-01-03", -150}}, "2026-01-03", 0, -100, 0},
		{"R16 taken back after it was spent", loyalty.Expiry{}, []move{{"2026-01-01", 100}, {"2026-01-02", -100}, {"2026-01-03", -100}}, "2026-01-03", 0, -100, 0},
		{"R13", loyalty.Expiry{}, []move{{"2026-01-01", 59}, {"2026-01-02", -50}, {"2026-01-03", 56}}, "2026-01-03", 0, 65, 0},
		{"R17", loyalty.Expiry{}, []move{{"2026-01-01", 50}, {"2026-01-02", -50}, {"2026-01-02", 21}, {"2026-01-03", -21}, {"2026-01-04", 50}}, "2026-01-04", 0, 50, 0},
	} {
		t.Run(c.id, func(t *testing.T) {
			w := wallet{expire: c.expire}
			for _, m := range c.moves {
				w.move(dayOf(m.day), m.n)
			}
			w.pass(dayOf(c.on))
			if got := w.balance(); w.expired != c.expired || got != c.left || w.rows != c.rows {
				t.Errorf("on %s %d expired in %d rows, %d left; want %d in %d, %d left", c.on, w.expired, w.rows, got, c.expired, c.rows, c.left)
			}
		})
	}
}

func TestLastDay(t *testing.T) {
	t.Parallel()
	yearly := loyalty.Expiry{Month: 12, Date: 31}
	graced := loyalty.Expiry{Month: 12, Date: 31, Grace: days(90)}
	for _, c := range []struct {
		id           string
		expire       loyalty.Expiry
		opens, after string // active
		want         string
	}{
		{"X9 to the end of a month", loyalty.Expiry{After: months(12), Round: "month"}, "2020-07-06", "", "2021-07-31"},
		{"X10 a month", loyalty.Expiry{After: months(1)}, "2026-01-25", "", "2026-02-25"},
		{"X11 a shorter month", loyalty.Expiry{After: months(1)}, "2026-01-31", "", "2026-02-28"},
		{"X12 the end of a shorter month", loyalty.Expiry{After: months(1), Round: "month"}, "2026-01-15", "", "2026-02-28"},
		{"X13 a date", yearly, "2025-03-01", "", "2025-12-31"},
		{"X13 on that date", yearly, "2025-12-31", "", "2025-12-31"},
		{"X13 the day after it", yearly, "2026-01-01", "", "2026-12-31"},
		{"the last day before grace", graced, "2025-10-02", "", "2025-12-31"},
		{"the first day of grace", graced, "2025-10-03", "", "2026-12-31"},
		{"X16 a year unused", loyalty.Expiry{Unused: months(12)}, "2013-01-02", "2013-01-02", "2014-01-02"},
		// The source counts the first day for the second of these and ends it on 2021-08-09.
		// By our rule, as in the first, the last day is the 365th after the day it opens.
		{"X18 in days", loyalty.Expiry{After: days(365)}, "2020-01-05", "", "2021-01-04"},
		{"X18 in days, too", loyalty.Expiry{After: days(365)}, "2020-08-10", "", "2021-08-10"},
		{"X18 in months", loyalty.Expiry{After: months(12)}, "2020-01-05", "", "2021-01-05"},
		{"X18 in months, too", loyalty.Expiry{After: months(12)}, "2020-08-10", "", "2021-08-10"},
		{"X19 ninety days", loyalty.Expiry{After: days(90)}, "2025-01-01", "", "2025-04-01"},
		{"X19 in a leap year", loyalty.Expiry{After: days(90)}, "2024-01-01", "", "2024-03-31"},
		{"X24 in days", loyalty.Expiry{After: days(365)}, "2025-01-01", "", "2026-01-01"},
		{"to the end of a year", loyalty.Expiry{After: months(12), Round: "year"}, "2025-05-05", "", "2026-12-31"},
		{"half a year from the end of August", loyalty.Expiry{Unused: months(6)}, "1997-08-31", "1997-08-31", "1998-02-28"},
		{"a leap day each year", loyalty.Expiry{Month: 2, Date: 29}, "2026-01-01", "", "2026-02-28"},
	} {
		t.Run(c.id, func(t *testing.T) {
			var active loyalty.Day
			if c.after != "" {
				active = dayOf(c.after)
			}
			if got := c.expire.LastDay(dayOf(c.opens), active); got != dayOf(c.want) {
				t.Errorf("LastDay(%s) = %s, want %s", c.opens, got, c.want)
			}
		})
	}
	if got := (loyalty.Expiry{}).LastDay(dayOf("2026-01-01"), 0); got != 0 {
		t.Errorf("without an end LastDay = %s, want none", got)
	}
}

// What ends by inactivity is moved until it has ended: what somebody does afterwards brings
// nothing back.
func TestLastDayOfWhatWasMoved(t *testing.T) {
	t.Parallel()
	unused := loyalty.Expiry{Unused: months(6)}
	for _, c := range []struct {
		says   string
		expire loyalty.Expiry
		active []string
		want   string
	}{
		{"the day on which it opens", unused, nil, "1997-07-15"},
		{"moved on its last day", unused, []string{"1997-01-15", "1997-07-15"}, "1998-01-15"},
		{"not on the day after", unused, []string{"1997-01-15", "1997-07-16"}, "1997-07-15"},
		{"from one to the next", unused, []string{"1997-01-15", "1997-05-01", "1997-10-30", "1998-06-01"}, "1998-04-30"},
		{"what was before it opened does not count", unused, []string{"1996-12-01"}, "1997-07-15"},
		{"what ends by age is not moved", loyalty.Expiry{After: months(12)}, []string{"1997-05-01"}, "1998-01-15"},
	} {
		var active []loyalty.Day
		for _, day := range c.active {
			active = append(active, dayOf(day))
		}
		if got := c.expire.LastDayOf(dayOf("1997-01-15"), active); got != dayOf(c.want) {
			t.Errorf("%s: LastDayOf(%v) = %s, want %s", c.says, c.active, got, c.want)
		}
	}
}

func TestSpend(t *testing.T) {
	t.Parallel()
	lots := func() []*loyalty.Lot {
		return []*loyalty.Lot{
			{ID: 1, Order: 7, Opens: dayOf("2026-01-01"), Remains: 10},
			{ID: 2, Opens: dayOf("2026-01-02"), Last: dayOf("2026-12-31"), Remains: 20},
			{ID: 3, Opens: dayOf("2026-01-03"), Last: dayOf("2026-06-01"), Remains: 30},
			{ID: 4, Order: 8, Opens: dayOf("2026-09-01"), Remains: 40},                           // pending
			{ID: 5, Opens: dayOf("2025-01-01"), Last: dayOf("2026-02-28"), Remains: 50},          // ended
			{ID: 6, Order: 9, Opens: dayOf("2026-01-01"), Last: dayOf("2026-06-01"), Remains: 5}, // as 3, and older
		}
	}
	for _, c := range []struct {
		id    string
		n     int64
		own   int64
		want  string
		short int64
	}{
		{"X4 what ends soonest first, what never ends last", 65, 0, "[6:5 3:30 2:20 1:10]", 0},
		{"its own order's first", 12, 7, "[1:10 6:2]", 0},
		{"its own order's before they open", 45, 8, "[4:40 6:5]", 0},
		{"more than is there", 100, 0, "[6:5 3:30 2:20 1:10]", 35},
	} {
		t.Run(c.id, func(t *testing.T) {
			draws, short := loyalty.Spend(lots(), 99, c.n, dayOf("2026-03-01"), c.own)
			var got []string
			for _, d := range draws {
				got = append(got, fmt.Sprintf("%d:%d", d.Credit, d.N))
			}
			if fmt.Sprint(got) != c.want || short != c.short {
				t.Errorf("Spend(%d) = %v, %d short; want %s, %d", c.n, got, short, c.want, c.short)
			}
		})
	}
}

// A debt is paid by what opened while it stood, even when the night comes late and the
// lot has ended since.
func TestSettleIsAsOfTheDay(t *testing.T) {
	t.Parallel()
	lots := []*loyalty.Lot{{ID: 1, Opens: dayOf("2026-01-10"), Last: dayOf("2026-01-12"), Remains: 100}, {ID: 2, Opens: dayOf("2026-01-20"), Remains: 100}}
	debts := []*loyalty.Debt{{ID: 9, Day: dayOf("2026-01-05"), Rest: 30}}
	if draws := loyalty.Settle(debts, lots, dayOf("2026-01-15")); len(draws) != 1 || draws[0] != (loyalty.Draw{Debit: 9, Credit: 1, N: 30}) || debts[0].Rest != 0 {
		t.Errorf("Settle = %v, rest %d; want 30 of credit 1", draws, debts[0].Rest)
	}
}

// bought is a row of CDNOW.
type bought struct {
	member string
	day    loyalty.Day
	order  loyalty.Order
}

func cdnow(t *testing.T) (rows []bought) {
	t.Helper()
	watched.Skip(t)
	dir := os.Getenv("REGULARS_DATA")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared")
	}
	file, err := os.Open(filepath.Join(dir, "data", "cdnow", "orders.csv"))
	if err != nil {
		t.Skipf("no shared data at %s: this test did not run (REGULARS_DATA names the folder that holds it)", dir)
	}
	defer file.Close()
	all, err := csv.NewReader(file).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range all[1:] {
		total, err := loyalty.ParseMoney(r[3], "USD")
		if err != nil {
			t.Fatal(err)
		}
		quantity, err := strconv.ParseInt(r[2], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, bought{r[0], dayOf(r[1]), loyalty.Order{Status: loyalty.Paid, Total: total, Quantity: quantity}})
	}
	return rows
}

// The figures O1 to O6 were computed by independent scripts.
func TestEarningOfCDNOW(t *testing.T) {
	t.Parallel()
	rows := cdnow(t)
	sum := func(earned func(i int, b bought) int64) (n int64) {
		for i, b := range rows {
			n += earned(i+1, b)
		}
		return n
	}
	target := func(r loyalty.Rates) func(int, bought) int64 {
		return func(_ int, b bought) int64 { return loyalty.Target(b.order, nil, r) }
	}
	carried := func(r loyalty.Rates) (n int64) {
		exact := map[string][]*big.Rat{}
		for _, b := range rows {
			exact[b.member] = append(exact[b.member], loyalty.Exact(b.order, nil, r))
		}
		for _, all := range exact {
			for _, k := range loyalty.Carry(all) {
				n += k
			}
		}
		return n
	}
	one, ten := rates(per(1, 100)), rates(per(1, 1000))
	every := func(n int, back func(total int64) int64) func(int, bought) int64 {
		return func(i int, b bought) int64 {
			if i%n != 0 {
				return loyalty.Target(b.order, nil, one)
			}
			return loyalty.Target(b.order, []loyalty.Refund{{Total: back(b.order.Total)}}, one)
		}
	}
	for _, c := range []struct {
		id        string
		got, want int64
	}{
		{"O1 1 per 1.00", sum(target(one)), 2_453_159},
		{"O1 carried", carried(one), 2_486_122},
		{"O2 1 per 10.00", sum(target(ten)), 214_614},
		{"O2 carried", carried(ten), 238_080},
		{"O3 times 1.25", sum(target(testRates(one).times(125))), 3_087_587},
		{"O3 times 1.5", sum(target(testRates(one).times(150))), 3_712_275},
		{"O4 twice as much from 1998 on", sum(func(_ int, b bought) int64 {
			r := one
			if b.day >= dayOf("1998-01-01") {
				r = rates(per(2, 100))
			}
			return loyalty.Target(b.order, nil, r)
		}), 2_927_384},
		{"O5 every seventh given back", sum(every(7, func(total int64) int64 { return total })), 2_103_447},
		{"O6 every tenth by half", sum(every(10, func(total int64) int64 { return total / 2 })), 2_327_277},
	} {
		if c.got != c.want {
			t.Errorf("%s = %d, want %d", c.id, c.got, c.want)
		}
	}
}

// The figures O11: points whose last day is at most so far away.
func TestWhatOfCDNOWEndsSoon(t *testing.T) {
	t.Parallel()
	rows := cdnow(t)
	today, e := dayOf("1998-03-01"), loyalty.Expiry{After: months(12)}
	for _, c := range []struct {
		days            loyalty.Day
		points, members int64
	}{{30, 385_345, 9_506}, {7, 111_956, 3_300}} {
		ending := map[string]int64{}
		var points int64
		for _, b := range rows {
			last, n := e.LastDay(b.day, 0), loyalty.Target(b.order, nil, rates(per(1, 100)))
			if b.day <= today && last >= today && last <= today+c.days && n > 0 {
				points, ending[b.member] = points+n, ending[b.member]+n
			}
		}
		if points != c.points || int64(len(ending)) != c.members {
			t.Errorf("O11 within %d days: %d points of %d members, want %d of %d", c.days, points, len(ending), c.points, c.members)
		}
	}
}

// The figures O7 to O18: what ends, and what a reward claimed at once leaves to end.
func TestExpiryOfCDNOW(t *testing.T) {
	t.Parallel()
	rows := cdnow(t)
	after, half, unused, yearly := loyalty.Expiry{After: months(12)}, loyalty.Expiry{After: months(6)}, loyalty.Expiry{Unused: months(6)}, loyalty.Expiry{Month: 12, Date: 31}
	for _, c := range []struct {
		id     string
		expire loyalty.Expiry
		price  int64
		on     string
		want   map[string]int64
	}{
		{"O7", after, 0, "1997-12-31", map[string]int64{"left": 1985751, "expired": 0, "members": 0, "claims": 0}},
		{"O8", after, 0, "1998-01-31", map[string]int64{"left": 1779167, "expired": 281884, "members": 7547}},
		{"O8", after, 0, "1998-03-31", map[string]int64{"left": 1198064, "expired": 1045797, "members": 23500}},
		{"O9", after, 0, "1998-06-30", map[string]int64{"left": 1052919, "expired": 1400240, "members": 23500}},
		{"O12", unused, 0, "1997-09-30", map[string]int64{"left": 1076182, "expired": 614617}},
		{"O13", unused, 0, "1997-12-31", map[string]int64{"left": 1110954, "expired": 874797}},
		{"O13", unused, 0, "1998-06-30", map[string]int64{"left": 1135690, "expired": 1317469, "members": 21662}},
		{"O15", yearly, 0, "1998-06-30", map[string]int64{"left": 467408, "expired": 1985751}},
		{"O16", loyalty.Expiry{}, 100, "1998-06-30", map[string]int64{"claims": 15755}},
		{"O16, O17", after, 100, "1998-06-30", map[string]int64{"left": 322722, "expired": 606937, "claims": 15235}},
		{"O16", half, 100, "1998-06-30", map[string]int64{"claims": 13594}},
		{"O18", loyalty.Expiry{}, 250, "1998-06-30", map[string]int64{"claims": 4029}},
		{"O18", after, 250, "1998-06-30", map[string]int64{"claims": 3740}},
		{"O18", half, 250, "1998-06-30", map[string]int64{"claims": 2909}},
	} {
		wallets := map[string]*wallet{}
		claims := 0
		for _, b := range rows {
			if b.day > dayOf(c.on) {
				continue
			}
			w := wallets[b.member]
			if w == nil {
				w = &wallet{expire: c.expire}
				wallets[b.member] = w
			}
			if n := loyalty.Target(b.order, nil, rates(per(1, 100))); n > 0 {
				w.move(b.day, n)
			}
			for w.pass(b.day); c.price > 0 && w.balance() >= c.price; claims++ {
				w.move(b.day, -c.price)
			}
		}
		var left, expired int64
		members := 0
		for _, w := range wallets {
			w.pass(dayOf(c.on))
			left, expired = left+w.balance(), expired+w.expired
			if w.expired > 0 {
				members++
			}
		}
		got := map[string]int64{"left": left, "expired": expired, "members": int64(members), "claims": int64(claims)}
		for what, n := range c.want {
			if got[what] != n {
				t.Errorf("%s on %s: %d %s, want %d", c.id, c.on, got[what], what, n)
			}
		}
	}
}
