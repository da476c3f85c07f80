package program_test

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"regulars/internal/loyalty"
	"regulars/internal/program"
)

func loyal(t *testing.T) map[string]string {
	t.Helper()
	_, files, _ := unpack(t, "testdata/loyalty/right.txt")
	return files
}

// loyalOf is the program of the example with another loyalty.yaml.
func loyalOf(t *testing.T, text string) (*program.Loyalty, []program.Problem) {
	t.Helper()
	files := loyal(t)
	if files["loyalty.yaml"] = text; !strings.Contains(text, "gold:") {
		files["segments.yaml"] = "buyers: orders >= 1\n"
	}
	p, _, problems := program.Load(files)
	return p.Loyalty, problems
}

func TestTheExampleOfLoyaltyLoads(t *testing.T) {
	t.Parallel()
	p, _, problems := program.Load(loyal(t))
	if len(problems) > 0 {
		t.Fatalf("Load has problems:\n%s", lines(problems))
	}
	l := p.Loyalty
	coffee := loyalty.Of{Kind: "category", Name: "Coffee"}
	month := loyalty.Period{Days: 30}
	var earn []loyalty.Earn
	for _, e := range l.Points.Earn {
		earn = append(earn, e.Earn)
	}
	if want := []loyalty.Earn{
		{N: 1, Per: 100}, {N: 1, Per: 100, Of: coffee}, {N: 50, For: "joined"},
		{N: 20, For: "event", Event: "review.written", AtMost: loyalty.Limit{N: 1, Per: month}}, {N: 100, For: "birthday"},
	}; !slices.Equal(earn, want) {
		t.Errorf("earn lines are\n%+v, want\n%+v", earn, want)
	}
	for _, tt := range []struct {
		what      string
		got, want any
	}{
		{"since", l.Points.Since.String(), "2026-01-01"},
		{"called", l.Points.Called["fi"], "papua"},
		{"called over a statement", p.Said()["en"]["statement.points"], "Beans"},
		{"called after a number", p.Said()["fi"]["mails.points.other"], "%s papua"},
		{"worth of 0.01 EUR in thousandths of a cent", l.Points.Worth, int64(1000)},
		{"not_on", l.Points.NotOn[0], loyalty.Of{Kind: "category", Name: "Gift cards"}},
		{"pending", l.Points.Pending, 14},
		{"expire", l.Points.Expire, loyalty.Expiry{Unused: loyalty.Period{Months: 12}}},
		{"silver's multiplier", l.Tiers[0].Percent, int64(125)},
		{"gold's rule", l.Tiers[1].When.Text(), `spent("12m") >= 600.00 and orders("12m") >= 4`},
		{"gold's grace", l.Tiers[1].Grace, month},
		{"gold's stay", l.Tiers[1].Keep, loyalty.Period{Months: 12}},
		{"the coffee card's stamp", l.Cards[0].Stamp, loyalty.Earn{N: 1, For: "item", Of: loyalty.Of{Kind: "category", Name: "Coffee drinks"}}},
		{"its limit", l.Cards[0].AtMost, loyalty.Limit{N: 4, In: "order"}},
		{"the visits' stamp", l.Cards[1].Stamp, loyalty.Earn{N: 1, For: "order", Minimum: 1500}},
		{"the visits' end", l.Cards[1].Expire, loyalty.Expiry{Unused: loyalty.Period{Months: 6}}},
		{"latte", l.Rewards[0].Gives, "free-coffee"},
		{"delivery's tiers", strings.Join(l.Rewards[1].Tiers, " "), "silver gold"},
		{"euros", fmt.Sprint(l.Rewards[2].Price, l.Rewards[2].Amount, l.Rewards[2].Steps, l.Rewards[2].Most), "100 100 10 50"},
		{"referral", fmt.Sprint(*l.Referral), fmt.Sprint(program.Referral{Friend: "hello-10", ReferrerPoints: 500, Minimum: 2500, Within: loyalty.Period{Days: 90},
			AtMost: loyalty.Limit{N: 10, Per: loyalty.Period{Days: 365}}, AlsoRefuse: []string{"address"}})},
	} {
		if tt.got != tt.want {
			t.Errorf("%s: %v, want %v", tt.what, tt.got, tt.want)
		}
	}
}

// What README shows is what check takes.
func TestTheLoyaltyOfTheReadmeLoads(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(readme), "## Points, tiers, cards and rewards")
	_, after, _ = strings.Cut(after, "```yaml\n")
	text, _, _ := strings.Cut(after, "```")
	l, problems := loyalOf(t, text)
	if len(problems) > 0 {
		t.Fatal(lines(problems))
	}
	if len(l.Points.Earn) != 5 || len(l.Tiers) != 2 || len(l.Rewards) != 2 || l.Referral == nil {
		t.Errorf("README's loyalty.yaml is read as %+v", l)
	}
}

// Each sentence and each way to end, as it is written and as it is understood.
func TestWhatLoyaltyUnderstands(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		line string
		want loyalty.Earn
	}{
		{`50 per order, minimum 25.00`, loyalty.Earn{N: 50, For: "order", Minimum: 2500}},
		{`50 per order, minimum 25.00, at most 1 per day`, loyalty.Earn{N: 50, For: "order", Minimum: 2500, AtMost: loyalty.Limit{N: 1, Per: loyalty.Period{Days: 1}}}},
		{`5 per order of brand "Moka, the best"`, loyalty.Earn{N: 5, For: "order", Of: loyalty.Of{Kind: "brand", Name: "Moka, the best"}}},
		{`2 per 0.50 of product "SKU-1" if tier >= silver`, loyalty.Earn{N: 2, Per: 50, Of: loyalty.Of{Kind: "product", Name: "SKU-1"}}},
		{`1 per 1.00 of label "bio" if weekday == "Monday" and hour < 12`, loyalty.Earn{N: 1, Per: 100, Of: loyalty.Of{Kind: "label", Name: "bio"}}},
		{`10 for event "quiz.done", at most 2 per 1y if event.score >= 8`, loyalty.Earn{N: 10, For: "event", Event: "quiz.done", AtMost: loyalty.Limit{N: 2, Per: loyalty.Period{Months: 12}}}},
	} {
		l, problems := loyalOf(t, "points:\n  earn:\n    - "+tt.line+"\ntiers: {silver: {when: orders >= 2}, gold: {when: orders >= 9}}\n")
		if len(problems) > 0 {
			t.Errorf("%s: %s", tt.line, lines(problems))
			continue
		}
		if e := l.Points.Earn[0]; e.Earn != tt.want || e.Spec != tt.line || (e.If != nil) != strings.Contains(tt.line, " if ") {
			t.Errorf("%s is %+v if %v, want %+v", tt.line, e.Earn, e.If, tt.want)
		}
	}
	for written, want := range map[string]loyalty.Expiry{
		"never":                      {},
		"{after: 12m}":               {After: loyalty.Period{Months: 12}},
		"{after: 12m, round: month}": {After: loyalty.Period{Months: 12}, Round: "month"},
		"{after: 365d}":              {After: loyalty.Period{Days: 365}},
		"{after: 8w}":                {After: loyalty.Period{Days: 56}},
		"{unused: 1y}":               {Unused: loyalty.Period{Months: 12}},
		"{each: 12-31}":              {Month: 12, Date: 31},
		"{each: 06-30, grace: 90d}":  {Month: 6, Date: 30, Grace: loyalty.Period{Days: 90}},
	} {
		l, problems := loyalOf(t, "points: {earn: [1 per 1.00], expire: "+written+"}\n")
		if len(problems) > 0 || l.Points.Expire != want {
			t.Errorf("expire: %s is %+v, want %+v\n%s", written, l.Points.Expire, want, lines(problems))
		}
	}
	l, problems := loyalOf(t, "points: {earn: [1 per 1.00], base: before discounts, carry: true, debt: none, down: one step}\n"+
		"tiers: {club: {called: {en: The Club}, when: 'bought_product(\"SKU-CLUB\", \"12m\")', keep: year, ends: with the order}}\n")
	if p := l.Points; p.Base != "before discounts" || !p.Carry || !p.NoDebt || !p.DownOne || p.Expire.Unused.Months != 12 {
		t.Errorf("the optional keys are %+v", p)
	}
	if c := l.Tiers[0]; !c.KeepYear || !c.WithOrder || c.Called["en"] != "The Club" {
		t.Errorf("the paid tier is %+v", c)
	}
	if program.Blocked(problems) {
		t.Error(lines(problems))
	}
	for stamp, want := range map[string]loyalty.Earn{
		"item": {N: 1, For: "item"}, "10.00": {N: 1, Per: 1000}, `5 of category "Tea"`: {N: 1, Per: 500, Of: loyalty.Of{Kind: "category", Name: "Tea"}},
	} {
		l, problems := loyalOf(t, "cards: {one: {stamp: "+stamp+", of: 5, gives: thank-you, at_most: 3 per order}}\n")
		if len(problems) > 0 || l.Cards[0].Stamp != want {
			t.Errorf("stamp: %s is %+v, want %+v\n%s", stamp, l.Cards[0].Stamp, want, lines(problems))
		}
	}
}

// The answers to wrong files are read in review: line, column, what is wrong, what
// would be right.
func TestWrongLoyalty(t *testing.T) {
	t.Parallel()
	_, cases, _ := unpack(t, "testdata/loyalty/wrong.txt")
	number := func(name string) int { n, _ := strconv.Atoi(strings.Fields(name)[0]); return n }
	names := slices.SortedFunc(maps.Keys(cases), func(a, b string) int { return cmp.Compare(number(a), number(b)) })
	if len(names) < 40 {
		t.Errorf("%d wrong files, want at least 40", len(names))
	}
	var got strings.Builder
	for _, name := range names {
		_, problems := loyalOf(t, cases[name])
		if len(problems) == 0 {
			t.Errorf("%s: no problem", name)
		}
		got.WriteString("== " + name + "\n" + lines(problems) + "\n")
	}
	golden(t, "testdata/loyalty/wrong.golden", got.String())
}

// Whatever an earn line and a stamp say, check answers and points into the file.
func FuzzSentences(f *testing.F) {
	for _, line := range []string{`1 per 1.00`, `1 per 1.00 of category "Coffee"`, `20 for event "review.written", at most 1 per 30d`, `50 per order, minimum 25.00`,
		`2 per 1.00 if tier >= silver`, `1 per 1.00 if weekday == "Monday"`, `1 for 1,00`, `of category “Tea”`, `1 per order if`, `5 of brand ''`, "1 per\u00a01.00"} {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line string) {
		quoted := "'" + strings.ReplaceAll(line, "'", "''") + "'"
		text := "points:\n  earn:\n    - " + quoted + "\ncards:\n  one:\n    stamp: " + quoted + "\n    of: 5\n    gives: thank-you\n"
		l, problems := loyalOf(t, text)
		for _, p := range problems {
			if p.Message == "" || p.File == "loyalty.yaml" && (p.Line < 1 || p.Line > strings.Count(text, "\n")+1 || p.Column < 1) {
				t.Errorf("%q: %s is outside of the file", line, p)
			}
		}
		if program.Blocked(problems) {
			return
		}
		if e := l.Points.Earn[0]; e.N < 1 || e.Per < 0 || (e.Per == 0) == (e.For == "") {
			t.Errorf("%q is read as %+v", line, e)
		}
	})
}

// The words of plan for a loyalty.yaml that is new, and for one that changes.
func TestPlanSaysWhatLoyaltyChanges(t *testing.T) {
	t.Parallel()
	with := func(change ...string) map[string]string {
		files := loyal(t)
		for i := 0; i < len(change); i += 2 {
			if !strings.Contains(files["loyalty.yaml"], change[i]) {
				t.Fatalf("loyalty.yaml has no %q", change[i])
			}
			files["loyalty.yaml"] = strings.Replace(files["loyalty.yaml"], change[i], change[i+1], 1)
		}
		return files
	}
	without := loyal(t)
	delete(without, "loyalty.yaml")
	without["segments.yaml"] = "buyers: orders >= 1\n"
	removed := with()
	delete(removed, "loyalty.yaml")
	removed["segments.yaml"] = "golden: orders >= 1\n"
	var got strings.Builder
	for _, tt := range []struct {
		claim     string
		old, next map[string]string
	}{
		{"new", without, with()},
		{"nothing changes", with(), with()},
		{"rates", with(), with("1 per 1.00 of category", "3 per 1.00 of category", "earn: 1.5x", "earn: 2x")},
		{"how long", with(), with("{unused: 12m}", "{after: 12m, round: month}", "pending: 14d", "pending: 30d", "worth:   0.01", "worth:   0.0125")},
		{"tiers", with(), with(`spent("12m") >= 250.00`, `spent("12m") >= 300.00`, "keep: 12m, grace: 30d", "keep: year")},
		{"cards, rewards, referral", with(), with("of: 10", "of: 8", "{price: 300,", "{price: 250,", "latte:", "cappuccino:", "referrer: 500", "referrer: thank-you", "within: 90d", "within: 30d",
			"also_refuse: [address]", "also_refuse: [address, postcode]")},
		{"a budget", with(), with("referral:\n", "budget: {liability: 5000.00, rewards: 300 a month, stop: [rewards]}\nreferral:\n")},
		{"another budget", with("referral:\n", "budget: {liability: 5000.00, rewards: 300 a month}\nreferral:\n"),
			with("referral:\n", "budget: {rewards: 1200.00 EUR a month, warn: 90%, stop: rewards}\nreferral:\n")},
		{"gone", with(), removed},
	} {
		got.WriteString("== " + tt.claim + "\n" + sentences(program.Plan(version(t, tt.old), version(t, tt.next))))
	}
	golden(t, "testdata/loyalty/plan.golden", got.String())
}

// Two ways to end that others have and we do not.
func TestWaysToEndThatAreRefused(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ what, expire, want string }{
		{"X14 at once", "{after: 0m}", "0m"},
		{"X25 bit by bit", "{unused: 12w, each: week, part: 5%}", "part"},
	} {
		t.Run(tt.what, func(t *testing.T) {
			_, problems := loyalOf(t, "points: {earn: [1 per 1.00], expire: "+tt.expire+"}\n")
			if !program.Blocked(problems) || !strings.Contains(lines(problems), tt.want) {
				t.Errorf("expire: %s is answered with\n%s", tt.expire, lines(problems))
			}
		})
	}
}
