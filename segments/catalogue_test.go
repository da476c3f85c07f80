package segments_test

import (
	"fmt"
	"strings"
	"testing"

	"regulars/internal/loyalty"
	"regulars/segments"
)

// inUse are conditions for those fields whose example has to be filled in.
var inUse = map[string]string{
	"country": `country == "FI"`, "language": `language == "fi"`, "consent": `consent("offers")`, "lifecycle": `lifecycle == "recent"`,
	"rfm_group": `rfm_group == "Champions"`, "rfm": `rfm == "333"`, "in_segment": `in_segment("vip")`, "known": `known(country)`,
}

// TestWhatEachFieldReads keeps, for every field of the catalogue, whether it
// has a past, whether it is held against all members,
// and by which events it is changed.
func TestWhatEachFieldReads(t *testing.T) {
	t.Parallel()
	scope := richScope()
	scope.Pools, scope.AllPools, scope.Campaigns = []string{"…"}, nil, nil
	var b strings.Builder
	for _, f := range segments.Catalogue() {
		for _, rule := range forms(f) {
			r := mustParse(t, rule, scope)
			var by []string
			for _, event := range []string{"member.changed", "order.placed", "points.changed", "visit", "…"} {
				if r.ChangedBy(event) {
					by = append(by, event)
				}
			}
			fmt.Fprintf(&b, "%s\n    history %v, norms %v, changed by %s\n", rule, len(r.WithoutHistory()) == 0, r.Norms() != 0, strings.Join(by, " "))
		}
	}
	compareGolden(t, "reads", b.String())
}

// forms are the field in a condition, and once more in a time span.
func forms(f segments.Field) []string {
	rule := f.Example
	if use := inUse[f.Name]; use != "" {
		rule = use
	}
	if !f.Window || strings.Contains(rule, `d"`) {
		return []string{rule}
	}
	if open, rest, called := strings.Cut(rule, ")"); called {
		return []string{rule, open + `, "90d")` + rest}
	}
	return []string{rule, strings.Replace(rule, f.Name, f.Name+`("90d")`, 1), strings.Replace(rule, f.Name, f.Name+`("2027-01-01", "2027-03-31")`, 1)}
}

// TestEveryNameIsOne looks for names that two fields have, and for other names
// that are a field's own.
func TestEveryNameIsOne(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, f := range segments.Catalogue() {
		if seen[f.Name] {
			t.Errorf("%s is in the catalogue twice", f.Name)
		}
		seen[f.Name] = true
		if f.Words == "" || !strings.HasPrefix(f.Usage, f.Name) || f.Type == 0 {
			t.Errorf("%s is not described: %+v", f.Name, f)
		}
	}
}

func TestWindowsBetweenDates(t *testing.T) {
	t.Parallel()
	order := func(d string) segments.Order { return segments.Order{Day: day(t, d), Counts: true, Total: 1000} }
	orders := []segments.Order{order("2026-12-31"), order("2027-01-01"), order("2027-02-10"), order("2027-03-31"), order("2027-04-01")}
	tests := []struct {
		name, today, rule string
		want              bool
	}{
		{"both ends are in it", "2027-06-01", `orders("2027-01-01", "2027-03-31") == 3`, true},
		{"one day is a span", "2027-06-01", `orders("2027-02-10", "2027-02-10") == 1`, true},
		{"what is after the day asked about is not seen", "2027-02-10", `orders("2027-01-01", "2027-03-31") == 2`, true},
		{"a span that has not begun is empty", "2026-12-31", `orders("2027-01-01", "2027-03-31") == 0`, true},
		{"sums", "2027-06-01", `spent("2027-01-01", "2027-03-31") == 30`, true},
		{"the first order of the span", "2027-06-01", `days_since_first_order("2027-01-01", "2027-03-31") == 151`, true},
		{"the last order of the span", "2027-06-01", `days_since_last_order("2027-01-01", "2027-03-31") == 62`, true},
		{"no order in the span", "2027-06-01", `days_since_last_order("2027-04-02", "2027-05-31") >= 0`, false},
		{"the first order of the last months", "2027-04-01", `days_since_first_order("2m") == 50`, true},
	}
	for _, tt := range tests {
		r := mustParse(t, tt.rule, segments.Scope{})
		if got := r.Eval(segments.Known{Day: day(t, tt.today), Orders: orders}); got != tt.want {
			t.Errorf("%s: %s on %s = %v, want %v", tt.name, tt.rule, tt.today, got, tt.want)
		}
	}
}

func TestOverdueGoesByTheMembersOwnRhythm(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		days   []loyalty.Day // of orders
		gap    float64       // the program's
		today  loyalty.Day
		usual  string // rules that hold
		overdu string
	}{
		{"one order: the program's gap", []loyalty.Day{0}, 20, 30, "not known(usual_gap)", "overdue == 1.5"},
		{"two orders: half own, half the program's", []loyalty.Day{0, 10}, 20, 40, "usual_gap == 10", "overdue == 2"},
		{"three orders: their own", []loyalty.Day{0, 10, 20}, 500, 35, "usual_gap == 10", "overdue == 1.5"},
		{"an even number of gaps is exact to half a day", []loyalty.Day{0, 10, 25}, 0, 50, "usual_gap == 12.5", "overdue == 2"},
		{"the median and not the mean", []loyalty.Day{0, 1, 4, 100}, 0, 103, "usual_gap == 3", "overdue == 1"},
		{"several orders of a day are one", []loyalty.Day{0, 0, 10, 10, 20}, 0, 30, "usual_gap == 10", "overdue == 1"},
		{"nobody ordered twice: nothing can be said", []loyalty.Day{0}, 0, 500, "not known(usual_gap)", "not known(overdue)"},
		{"two orders without the program's gap: nothing yet", []loyalty.Day{0, 10}, 0, 500, "usual_gap == 10", "not known(overdue)"},
		{"no order at all", nil, 20, 500, "not known(usual_gap)", "not known(overdue)"},
		{"the day of the order", []loyalty.Day{0, 10, 20}, 20, 20, "usual_gap == 10", "overdue == 0"},
	}
	for _, tt := range tests {
		k := segments.Known{Day: tt.today, Norms: &segments.Norms{Gap: tt.gap}}
		for _, d := range tt.days {
			k.Orders = append(k.Orders, segments.Order{Day: d, Counts: true})
		}
		for _, rule := range []string{tt.usual, tt.overdu} {
			if !mustParse(t, rule, segments.Scope{}).Eval(k) {
				t.Errorf("%s: orders on %v, the program's gap %v, on day %d: %s does not hold", tt.name, tt.days, tt.gap, tt.today, rule)
			}
		}
	}
	if err := mustParse(t, "overdue > 1", segments.Scope{}).Ready(nil); err == nil {
		t.Error("overdue without norms is ready, want an error")
	}
}

func TestBirthdaysAndAnniversaries(t *testing.T) {
	t.Parallel()
	leap, newYear, march := loyalty.Birthday{Year: 1980, Month: 2, Date: 29}, loyalty.Birthday{Month: 1, Date: 1}, loyalty.Birthday{Year: 2000, Month: 3, Date: 3}
	joined := func(s string) *loyalty.Day { d := day(t, s); return &d }
	tests := []struct {
		name, today, rule string
		birthday          loyalty.Birthday
		joined            *loyalty.Day
		want              bool
	}{
		{"today is in the next days", "2027-03-03", `birthday_in("1d")`, march, nil, true},
		{"tomorrow is not in one day", "2027-03-02", `birthday_in("1d")`, march, nil, false},
		{"the seventh day is in a week", "2027-02-25", `birthday_in("7d")`, march, nil, true},
		{"the eighth is not", "2027-02-24", `birthday_in("7d")`, march, nil, false},
		{"over new year", "2026-12-30", `birthday_in("7d")`, newYear, nil, true},
		{"yesterday is not ahead", "2027-01-02", `birthday_in("7d")`, newYear, nil, false},
		{"and was", "2027-01-02", `had_birthday("2d")`, newYear, nil, true},
		{"29 February is kept on the 28th", "2027-02-28", `birthday_in("1d")`, leap, nil, true},
		{"and not on 1 March", "2027-03-01", `birthday_in("1d")`, leap, nil, false},
		{"in a leap year on the 29th", "2028-02-29", `birthday_in("1d")`, leap, nil, true},
		{"and not on the 28th", "2028-02-28", `birthday_in("1d")`, leap, nil, false},
		{"29 February turns a year older on the 28th", "2027-02-28", `age == 47`, leap, nil, true},
		{"and not a day sooner", "2027-02-27", `age == 46`, leap, nil, true},
		{"in a leap year on the 29th", "2028-02-28", `age == 47`, leap, nil, true},
		{"no year, no age", "2027-03-03", `known(age)`, newYear, nil, false},
		{"no birthday at all", "2027-03-03", `birthday_in("1y")`, loyalty.Birthday{}, nil, false},
		{"a month of birthdays", "2027-06-15", `had_birthday("2027-03-01", "2027-03-31")`, march, nil, true},
		{"a month ahead", "2027-06-15", `birthday_in("2028-03-01", "2028-03-31")`, march, nil, true},
		{"joined a year ago", "2027-03-03", `joined_anniversary_in("1d")`, march, joined("2026-03-03"), true},
		{"the day of joining is no anniversary", "2027-03-03", `joined_anniversary_in("1y")`, march, joined("2027-03-03"), false},
		{"nor are the days after it", "2027-03-05", `had_joined_anniversary("7d")`, march, joined("2027-03-03"), false},
		{"joined on 29 February", "2027-02-28", `joined_anniversary_in("1d")`, march, joined("2024-02-29"), true},
		{"not joined", "2027-02-28", `joined_anniversary_in("1y")`, march, nil, false},
	}
	for _, tt := range tests {
		r := mustParse(t, tt.rule, segments.Scope{})
		if got := r.Eval(segments.Known{Day: day(t, tt.today), Birthday: tt.birthday, JoinedDay: tt.joined}); got != tt.want {
			t.Errorf("%s: %s on %s = %v, want %v", tt.name, tt.rule, tt.today, got, tt.want)
		}
	}
}

// TestBucketsAreEvenAndStayTheSame puts ten thousand members into ten groups.
func TestBucketsAreEvenAndStayTheSame(t *testing.T) {
	t.Parallel()
	sizes, held := map[int]int{}, 0
	groups := make([]*segments.Rule, 10)
	for n := range groups {
		groups[n] = mustParse(t, fmt.Sprintf("bucket(10) == %d", n), segments.Scope{})
	}
	for id := range int64(10000) {
		for n := range 10 {
			if groups[n].Eval(segments.Known{ID: id}) {
				sizes[n]++
				if n == 3 && loyalty.Bucket(1, id) < 100 {
					held++
				}
			}
		}
	}
	total := 0
	for n, size := range sizes {
		if total += size; size < 850 || size > 1150 {
			t.Errorf("group %d of 10 has %d of 10000 members, want about 1000", n, size)
		}
	}
	if total != 10000 {
		t.Errorf("%d of 10000 members are in exactly one group", total)
	}
	if held < 60 || held > 140 {
		t.Errorf("%d of the thousand in group 3 are in a holdout of 10%%, want about a hundred", held)
	}
	if !groups[0].Eval(segments.Known{ID: firstOfBucket}) {
		t.Errorf("member %d has left group 0 of 10: who was sampled must stay so", firstOfBucket)
	}
}

// firstOfBucket is the first member of group 0 of 10.
const firstOfBucket = 1
