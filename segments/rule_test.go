package segments_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"regulars/internal/loyalty"
	"regulars/segments"
)

func mustParse(t testing.TB, text string, s segments.Scope) *segments.Rule {
	t.Helper()
	r, err := segments.Parse(text, s)
	if err != nil {
		t.Fatalf("Parse(%s): %v", text, err)
	}
	return r
}

func TestPositionsCountCharactersOfTheLine(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat("(", 60) + "joined" + strings.Repeat(")", 60)
	tests := []struct {
		name, rule           string
		offset, line, column int
		says                 string
	}{
		{"letters of two bytes are one column", `tag("größe") and ordrs > 3`, 19, 1, 18, "ordrs"},
		{"emoji are one column", `tag("🐶") and ordrs > 3`, 16, 1, 14, "ordrs"},
		{"the second line counts anew", "orders >= 3\n  and ordrs > 3", 18, 2, 7, "ordrs"},
		{"an empty rule", "", 0, 1, 1, "empty"},
		{"a rule of blanks", "  \n ", 4, 2, 2, "empty"},
		{"not UTF-8", "orders >= \xff", 0, 1, 1, "UTF-8"},
		{"a line break in a text", "tag(\"a\nb\")", 6, 1, 7, "control characters"},
		{"a zero byte in a text", "tag(\"a\x00b\")", 6, 1, 7, "control characters"},
		{"too long", "joined" + strings.Repeat(" ", 4000), 4000, 1, 4001, "longer than 4000 bytes"},
		{"too deep", deep, 40, 1, 41, "more than 40 deep"},
		{"too many parts", "joined" + strings.Repeat(" or joined", 300), 3000, 1, 3001, "too many parts"},
		{"too many words not", strings.Repeat("not ", 60) + "joined", 160, 1, 161, "more than 40 deep"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := segments.Parse(tt.rule, segments.Scope{})
			var e *segments.Error
			if !errors.As(err, &e) {
				t.Fatalf("Parse(%.40q) = %v, want an *Error", tt.rule, err)
			}
			if e.Offset != tt.offset || e.Line != tt.line || e.Column != tt.column || !strings.Contains(e.Message, tt.says) {
				t.Errorf("Parse(%.40q) = offset %d, line %d, column %d, %q; want %d, %d, %d, …%s…",
					tt.rule, e.Offset, e.Line, e.Column, e.Message, tt.offset, tt.line, tt.column, tt.says)
			}
		})
	}
}

func TestNearestNamesComeAsValues(t *testing.T) {
	t.Parallel()
	tests := []struct {
		rule string
		want []string
	}{
		{"ordrs > 3", []string{"orders"}},
		{"bougt_brand(\"x\")", []string{"bought_brand"}},
		{"last_order > 3", []string{"days_since_last_order"}},
		{"revenue > 3", []string{"spent"}},
		{`in_segment("VIPS")`, []string{"vip"}},
		{"xyzzy > 3", nil},
	}
	for _, tt := range tests {
		_, err := segments.Parse(tt.rule, richScope())
		var e *segments.Error
		if !errors.As(err, &e) || !slices.Equal(e.Near, tt.want) {
			t.Errorf("Parse(%s) = %v near %q, want near %q", tt.rule, err, e.Near, tt.want)
		}
	}
}

func TestSegmentsWrittenOutHaveABound(t *testing.T) {
	t.Parallel()
	s := segments.Scope{Segments: map[string]string{"s0": "joined"}}
	for i := 1; i < 30; i++ { // each doubles the one before
		s.Segments[fmt.Sprint("s", i)] = fmt.Sprintf(`in_segment("s%d") or in_segment("s%d")`, i-1, i-1)
	}
	_, err := segments.Parse(`in_segment("s29")`, s)
	if err == nil || !strings.Contains(err.Error(), "more than 1500 parts") {
		t.Errorf("Parse of a rule of 2^29 parts = %v, want an error that names the bound", err)
	}
}

func TestMoneyIsInUnitsOfTheCurrency(t *testing.T) {
	t.Parallel()
	order := segments.Order{Day: 1, Counts: true, Total: 5990}
	tests := []struct {
		name, currency, rule string
		want                 bool
		fails                bool
	}{
		{"cents", "EUR", "spent == 59.90", true, false},
		{"cents without their zero", "EUR", "spent == 59.9", true, false},
		{"whole yen", "JPY", "spent == 5990", true, false},
		{"thousandths of a dinar", "BHD", "spent == 5.990", true, false},
		{"yen have no decimals", "JPY", "spent == 59.90", false, true},
		{"zeros are no decimals", "JPY", "spent == 5990.00", true, false},
		{"no currency is the euro", "", "spent == 59.90", true, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r, err := segments.Parse(tt.rule, segments.Scope{Currency: tt.currency})
			if (err != nil) != tt.fails {
				t.Fatalf("Parse(%s) in %s: %v", tt.rule, tt.currency, err)
			}
			if err == nil {
				if got := r.Eval(segments.Known{Day: 1, Orders: []segments.Order{order}}); got != tt.want {
					t.Errorf("%s in %s with 5990 minor units = %v, want %v", tt.rule, tt.currency, got, tt.want)
				}
			}
		})
	}
}

func TestWindowsEndToday(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, today, window, order string
		want                       bool
	}{
		{"today is in it", "2027-03-03", "1d", "2027-03-03", true},
		{"yesterday is not in one day", "2027-03-03", "1d", "2027-03-02", false},
		{"89 days ago is in 90 days", "2027-03-31", "90d", "2027-01-01", true},
		{"90 days ago is not", "2027-03-31", "90d", "2026-12-31", false},
		{"tomorrow is not", "2027-03-03", "90d", "2027-03-04", false},
		{"12 weeks are 84 days", "2027-03-31", "12w", "2027-01-07", true},
		{"and not 85", "2027-03-31", "12w", "2027-01-06", false},
		{"a month goes back to the same day", "2027-03-15", "1m", "2027-02-16", true},
		{"which is no longer in it", "2027-03-15", "1m", "2027-02-15", false},
		{"a shorter month ends early", "2027-03-31", "1m", "2027-03-01", true},
		{"on its last day", "2027-03-31", "1m", "2027-02-28", false},
		{"a leap year's February too", "2028-03-31", "1m", "2028-02-29", false},
		{"six months", "2027-08-31", "6m", "2027-03-01", true},
		{"six months to the end of February", "2027-08-31", "6m", "2027-02-28", false},
		{"a year from 29 February", "2028-02-29", "1y", "2027-03-01", true},
		{"is from 28 February", "2028-02-29", "1y", "2027-02-28", false},
		{"twelve months are a year", "2027-03-03", "12m", "2026-03-03", false},
		{"over new year", "2027-01-15", "2m", "2026-11-16", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := mustParse(t, `orders("`+tt.window+`") == 1`, segments.Scope{})
			k := segments.Known{Day: day(t, tt.today), Orders: []segments.Order{{Day: day(t, tt.order), Counts: true}}}
			if got := r.Eval(k); got != tt.want {
				t.Errorf("on %s, %s with an order on %s = %v, want %v", tt.today, r.Text(), tt.order, got, tt.want)
			}
		})
	}
}

func day(t testing.TB, s string) loyalty.Day {
	t.Helper()
	d, err := loyalty.ParseDay(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestNothingIsFalseAndItsNotIsTrue(t *testing.T) {
	t.Parallel()
	tests := []struct {
		rule string
		want bool
	}{
		{"days_since_last_order > 90", false},
		{"days_since_last_order <= 90", false},
		{"days_since_last_order != 90", false},
		{"not (days_since_last_order > 90)", true},
		{"average_order >= 0", false},
		{"not (largest_order < 10)", true},
		{`country != "FI"`, false},
		{`not (country == "FI")`, true},
		{"shoe_size != 42", false},
		{"days_since(trial_ends) >= 0", false},
		{"orders == 0", true},
		{"spent < 10", true},
		{"favourite_category == launch.category", false},
		{"not (favourite_category == launch.category)", true},
	}
	for _, tt := range tests {
		if got := mustParse(t, tt.rule, richScope()).Eval(segments.Known{Day: today}); got != tt.want {
			t.Errorf("%s of somebody of whom nothing is known = %v, want %v", tt.rule, got, tt.want)
		}
	}
}

func TestWhatARuleReads(t *testing.T) {
	t.Parallel()
	tests := []struct {
		rule      string
		reads     string
		noHistory string
		changed   string // by which of the events below
	}{
		{"orders >= 5", "orders", "", "order.placed"},
		{"days_since_last_order > 90", "days_since_last_order", "", "order.placed"},
		{`orders("90d") >= 5`, "orders", "", "order.placed"},
		{`country == "FI" and points > 3`, "country points", "country", "member.changed order.placed points.changed visit"},
		{"points > 3", "points", "", "points.changed"},
		{`events("visit") > 3`, "events", "", "visit"},
		{`events("visit", "30d") > 3`, "events", "", "visit"},
		{`in_segment("lapsed") and joined`, "days_since_last_order joined orders", "", "member.changed order.placed points.changed visit"},
		{`in_segment("dog-people")`, "bought_category days_since_last_order orders", "", "order.placed"},
		{`unused("gift")`, "unused", "unused", "member.changed order.placed points.changed visit"},
		{`order.total > 3 and launch.category == "x" and event.n > 3`, "event.n launch.category order.total", "", ""},
		{"days_since(trial_ends) > 3", "days_since trial_ends", "trial_ends", "member.changed order.placed points.changed visit"},
		{"favourite_category == launch.category", "favourite_category launch.category", "", "order.placed"},
		{"known(shoe_size) or not (plan == \"x\")", "plan shoe_size", "plan shoe_size", "member.changed order.placed points.changed visit"},
		{"true", "", "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.rule, func(t *testing.T) {
			t.Parallel()
			r := mustParse(t, tt.rule, richScope())
			var changed []string
			for _, event := range []string{"member.changed", "order.placed", "points.changed", "visit"} {
				if r.ChangedBy(event) {
					changed = append(changed, event)
				}
			}
			got := fmt.Sprintf("reads %q, no history %q, changed by %q", strings.Join(r.Reads(), " "),
				strings.Join(r.WithoutHistory(), " "), strings.Join(changed, " "))
			want := fmt.Sprintf("reads %q, no history %q, changed by %q", tt.reads, tt.noHistory, tt.changed)
			if got != want {
				t.Errorf("%s\n got %s\nwant %s", tt.rule, got, want)
			}
		})
	}
}

func TestParseNamedTakesASegmentOrARule(t *testing.T) {
	t.Parallel()
	tests := []struct{ text, want string }{
		{"vip", "Members who are in the segment vip."},
		{" dog-people ", "Members who are in the segment dog-people."},
		{`in_segment("vip") and joined`, "Members who are in the segment vip and who have joined."},
		{"vpi", "column 1: there is no field called vpi; did you mean the segment vip?"},
		{" broken", "column 2: the rule of segment broken is wrong itself: column 17: there is no field called ordrs; did you mean orders?"},
	}
	for _, tt := range tests {
		r, err := segments.ParseNamed(tt.text, richScope())
		got := fmt.Sprint(err)
		if err == nil {
			got = r.Words()
		}
		if got != tt.want {
			t.Errorf("ParseNamed(%q)\n got %s\nwant %s", tt.text, got, tt.want)
		}
	}
}

func TestCheckAttribute(t *testing.T) {
	t.Parallel()
	for _, good := range []string{"plan", "shoe_size", "größe", "trialEnds", "size2", "_x"} {
		if err := segments.CheckAttribute(good); err != nil {
			t.Errorf("CheckAttribute(%q) = %v, want none", good, err)
		}
	}
	for _, bad := range []string{"", "orders", "and", "True", "shoe size", "shoe-size", "a.b", "2nd", "launch", "in_segment", `a"b`} {
		if err := segments.CheckAttribute(bad); err == nil {
			t.Errorf("CheckAttribute(%q) = none, want an error", bad)
		}
	}
}

func TestFormatErrorPointsAtThePlace(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, rule, want string }{
		{"wide letters before it", `tag("größe") and ordrs > 3`, `tag("größe") and ordrs > 3` + "\n                 ^\ncolumn 18: there is no field called ordrs; did you mean orders?"},
		{"a tab before it", "\tordrs > 3", "\tordrs > 3\n\t^\ncolumn 2: there is no field called ordrs; did you mean orders?"},
		{"the second line", "joined\n and ordrs > 3", " and ordrs > 3\n     ^\nline 2, column 6: there is no field called ordrs; did you mean orders?"},
	}
	for _, tt := range tests {
		_, err := segments.Parse(tt.rule, segments.Scope{})
		if got := segments.FormatError(tt.rule, err); got != tt.want {
			t.Errorf("%s: FormatError(%q)\n got %q\nwant %q", tt.name, tt.rule, got, tt.want)
		}
	}
	if got := segments.FormatError("x", errors.New("other")); got != "other" {
		t.Errorf("FormatError of another error = %q, want it as it is", got)
	}
}

// TestNothingTypedStandsInSQL looks for the values of rules in their SQL.
func TestNothingTypedStandsInSQL(t *testing.T) {
	t.Parallel()
	rules := []string{
		`orders >= 7777 and spent < 77.77 and orders("7777d") in (7777, 7778)`, `tag("seven'; drop table members")`, `"seven" in pets`,
		`bought_category("seven", "77w") or bought_brand("seven") or favourite_category == "seven"`, `events("seven", "77d") > 77`,
		`plan == "seven" and shoe_size > 77.7 and trial_ends < "2077-07-07" and days_since(trial_ends) < 77`, `language == "sev" and unused("gift")`,
		`launch.category == "seven" or spent > launch.amount or bought_product(launch.category)`,
	}
	for _, rule := range rules {
		r := mustParse(t, rule, richScope())
		for _, engine := range []string{"postgres", "sqlite"} {
			where, args := r.SQL(segments.Query{Engine: engine, Day: 20777, Prefix: "x", Launch: map[string]any{"category": "seven", "amount": "77.77"}})
			for _, typed := range []string{"77", "seven", "drop", "gift", "plan", "shoe", "?", "\x00"} {
				if strings.Contains(where, typed) {
					t.Errorf("SQL of %s holds %q: %s", rule, typed, where)
				}
			}
			for name := range args {
				if !strings.HasPrefix(name, "x") || !strings.Contains(where, "@"+name) {
					t.Errorf("SQL of %s has the parameter %s, which its text lacks or whose prefix is wrong: %s", rule, name, where)
				}
			}
		}
	}
}

func TestParseType(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]segments.Type{"text": segments.Text, "link": segments.Text, "number": segments.Number,
		"money": segments.Money, "date": segments.Date, "list": segments.List} {
		if got, ok := segments.ParseType(name); got != want || !ok {
			t.Errorf("ParseType(%s) = %v, %v, want %v", name, got, ok, want)
		}
	}
	if got, ok := segments.ParseType("string"); ok {
		t.Errorf("ParseType(string) = %v, want none", got)
	}
}

// A text means the same however its accents are typed.
func TestTextsOfARuleAreComposed(t *testing.T) {
	t.Parallel()
	parts, whole := "bought_category(\"Cafe\u0301\")", "bought_category(\"Caf\u00e9\")"
	a, err := segments.Parse(parts, segments.Scope{})
	if err != nil {
		t.Fatal(err)
	}
	b, err := segments.Parse(whole, segments.Scope{})
	if err != nil {
		t.Fatal(err)
	}
	if a.Words() != b.Words() {
		t.Errorf("%q means %s, %q means %s", parts, a.Words(), whole, b.Words())
	}
}
