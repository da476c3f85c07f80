package segments_test

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"regulars/segments"
)

var update = flag.Bool("update", false, "write the golden files anew")

// richScope is a campaign's step in which everything may be read.
func richScope() segments.Scope {
	return segments.Scope{
		Currency:   "EUR",
		Attributes: map[string]segments.Type{"plan": segments.Text, "shoe_size": segments.Number, "trial_ends": segments.Date, "pets": segments.List},
		Segments: map[string]string{
			"vip":        `orders >= 5 and days_since_last_order <= 90`,
			"lapsed":     `orders >= 2 and days_since_last_order > 90`,
			"dog-people": `bought_category("dog food", "365d") and not in_segment("lapsed")`,
			"broken":     `orders >= 3 and ordrs > 3`,
			"round":      `in_segment("about")`,
			"about":      `joined or in_segment("round")`,
			"myself":     `joined`,
		},
		Self:   "myself",
		Launch: map[string]segments.Type{"category": segments.Text, "amount": segments.Money, "ends": segments.Date},
		Order:  true, Event: true, Pools: []string{"win-back", "gift"},
		AllPools: []string{"win-back", "gift", "summer"}, Campaigns: []string{"welcome", "win-back"},
	}
}

// golden answers each rule of testdata/NAME.rules and compares with NAME.golden.
func golden(t *testing.T, name string, answer func(rule string) string) {
	t.Helper()
	src, err := os.ReadFile(filepath.Join("testdata", name+".rules"))
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, rule := range strings.Split(string(src), "\n") {
		if rule != "" && !strings.HasPrefix(rule, "# ") {
			b.WriteString(answer(rule) + "\n\n")
		}
	}
	compareGolden(t, name, b.String())
}

// compareGolden compares with testdata/NAME.golden, or with -update writes it.
func compareGolden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	compareText(t, path, got, string(want))
}

// compareText reports the first line that differs.
func compareText(t *testing.T, path, got, want string) {
	t.Helper()
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range max(len(g), len(w)) {
		if i >= len(g) || i >= len(w) || g[i] != w[i] {
			t.Fatalf("%s, line %d\n got %q\nwant %q\n(-update writes it anew)", path, i+1, lineAt(g, i), lineAt(w, i))
		}
	}
}

func lineAt(lines []string, i int) string {
	if i < len(lines) {
		return lines[i]
	}
	return ""
}

func TestWrongRules(t *testing.T) {
	t.Parallel()
	golden(t, "wrong", func(rule string) string {
		r, err := segments.Parse(rule, richScope())
		if err == nil {
			t.Errorf("Parse(%s) = %q, want an error", rule, r.Words())
			return rule
		}
		return segments.FormatError(rule, err)
	})
}

// jargon is what a marketer should not have to read in a message.
var jargon = regexp.MustCompile(`(?i)\b(sql|syntax|token|parse|identifier|operand|operator|expression|argument|nil|invalid|unexpected|boolean|string|integer|float|regexp|byte|%!)\b|0x[0-9a-f]|\\u[0-9a-f]`)

// Two hundred different wrong rules at least, each answered with its place and
// words that somebody can act on.
func TestWrongRulesAreAnsweredInWords(t *testing.T) {
	t.Parallel()
	src, err := os.ReadFile("testdata/wrong.rules")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, rule := range strings.Split(string(src), "\n") {
		if rule == "" || strings.HasPrefix(rule, "# ") || seen[rule] {
			continue
		}
		seen[rule] = true
		var e *segments.Error
		if _, err := segments.Parse(rule, richScope()); !errors.As(err, &e) {
			t.Errorf("Parse(%s) = %v, want an error about the rule", rule, err)
			continue
		}
		if e.Column < 1 || e.Column > len([]rune(rule))+1 || e.Offset > len(rule) {
			t.Errorf("Parse(%s): column %d is not in the rule", rule, e.Column)
		}
		if word := jargon.FindString(strings.ReplaceAll(e.Message, rule, "")); word != "" && !strings.Contains(rule, word) {
			t.Errorf("Parse(%s) speaks of %q: %s", rule, word, e.Message)
		}
		if len(e.Message) < 12 || len(e.Message) > 260 || strings.Contains(e.Message, "\n") {
			t.Errorf("Parse(%s) answers in %d bytes: %s", rule, len(e.Message), e.Message)
		}
	}
	if len(seen) < 200 {
		t.Errorf("%d wrong rules, want 200 at least", len(seen))
	}
}

// What the messages propose is itself right.
func TestProposedRulesAreRight(t *testing.T) {
	t.Parallel()
	for wrong, right := range map[string]string{
		`country == "FI" or "SE"`: `country in ("FI", "SE")`, `tag == "club"`: `tag("club")`, `in_segment(vip)`: `in_segment("vip")`,
		`bought_category("90d", "dog food")`: `bought_category("dog food", "90d")`, `"club" not in tag`: `tag("club")`,
		`orders between 2 and 5`: `orders >= 2 and orders <= 5`, `pets != "dog"`: `"dog" not in pets`, `spent >= "€1.000,50"`: `1000.50`,
		`trial_ends < "21.6.2027"`: `"2027-06-21"`, `days_since_last_order > "3 months"`: `90`,
		`orders == 1 or 5`: `orders in (1, 5)`, `member.orders >= 3`: `orders`, `VIP`: `in_segment("vip")`,
	} {
		_, err := segments.Parse(wrong, richScope())
		if err == nil || !strings.Contains(err.Error(), right) {
			t.Errorf("Parse(%s) = %v, want it to propose %s", wrong, err, right)
		}
		if _, err := segments.Parse(right, richScope()); err != nil && strings.ContainsAny(right, "=<>(") {
			t.Errorf("what is proposed for %s is wrong itself: %v", wrong, err)
		}
	}
}

func TestWords(t *testing.T) {
	t.Parallel()
	golden(t, "words", func(rule string) string {
		r, err := segments.Parse(rule, richScope())
		if err != nil {
			t.Errorf("Parse(%s): %v", rule, err)
			return rule
		}
		return rule + "\n" + r.Words()
	})
}

// TestCatalogue keeps the list of fields as people read it.
func TestCatalogue(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	for _, f := range segments.Catalogue() {
		past := ""
		if !f.History {
			past = ", today's value whatever the day"
		}
		fmt.Fprintf(&b, "%s\n    %s: %s%s\n", f.Usage, f.Type, f.Words, past)
	}
	compareGolden(t, "catalogue", b.String())
}
