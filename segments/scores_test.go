package segments_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"regulars/internal/loyalty"
	"regulars/segments"
)

func TestStagesFollowTheDaysSinceTheLastOrder(t *testing.T) {
	t.Parallel()
	own := segments.Lifecycle{Recent: 1, AtRisk: 2, Lost: 3}
	for _, tt := range []struct {
		claim string
		by    segments.Lifecycle
		days  int
		want  string
	}{
		{"today", segments.Lifecycle{}, 0, "recent"},
		{"the last recent day", segments.Lifecycle{}, 39, "recent"},
		{"forty days are not recent", segments.Lifecycle{}, 40, "needs nurturing"},
		{"ninety days still need nurturing", segments.Lifecycle{}, 90, "needs nurturing"},
		{"more are a risk", segments.Lifecycle{}, 91, "at risk"},
		{"to the hundred and eightieth", segments.Lifecycle{}, 180, "at risk"},
		{"and more a loss", segments.Lifecycle{}, 181, "about to lose"},
		{"a shop's own days", own, 0, "recent"},
		{"one after the other", own, 1, "needs nurturing"},
		{"two belong to the stage that ends", own, 2, "needs nurturing"},
		{"three as well", own, 3, "at risk"},
		{"four", own, 4, "about to lose"},
	} {
		for _, stage := range segments.Stages() {
			r, err := segments.Parse(`lifecycle == "`+stage+`"`, segments.Scope{Lifecycle: tt.by})
			if err != nil {
				t.Fatal(err)
			}
			k := segments.Known{Day: today, Orders: []segments.Order{{Day: today - loyalty.Day(tt.days), Counts: true}}}
			if got := r.Eval(k); got != (stage == tt.want) {
				t.Errorf("%s: %s after %d days = %v, want %s", tt.claim, r.Text(), tt.days, got, tt.want)
			}
		}
	}
	none := mustParse(t, `lifecycle == "no order yet"`, segments.Scope{})
	if k := (segments.Known{Day: today, Orders: []segments.Order{{Day: today, Counts: false}}}); !none.Eval(k) {
		t.Error("an order that does not count makes a stage")
	}
}

// TestAStageIsFixedWhereTheRuleStands: the days are those of the program that the
// rule was read with, inside another segment too.
func TestAStageIsFixedWhereTheRuleStands(t *testing.T) {
	t.Parallel()
	s := segments.Scope{Lifecycle: segments.Lifecycle{Recent: 5, AtRisk: 6, Lost: 7}, Segments: map[string]string{"new": `lifecycle == "recent"`}}
	r := mustParse(t, `in_segment("new")`, s)
	k := segments.Known{Day: today, Orders: []segments.Order{{Day: today - 5, Counts: true}}}
	if r.Eval(k) {
		t.Error("five days are recent where recent is below five")
	}
	if r.Norms() != 0 {
		t.Error("a stage needs the figures of all others")
	}
}

// TestEveryScoreHasOneGroup reads the 27 combinations through rules.
func TestEveryScoreHasOneGroup(t *testing.T) {
	t.Parallel()
	got := map[string][]string{}
	for code, k := range everyScore() {
		for _, group := range segments.Groups() {
			if mustParse(t, `rfm_group == "`+group+`" and rfm == "`+code+`"`, segments.Scope{}).Eval(k) {
				got[group] = append(got[group], code)
			}
		}
	}
	want := map[string]string{
		"Champions": "323 332 333", "Loyal": "232 233 321 322 331", "Recent": "222 223 311 312 313",
		"Needs attention": "123 132 133 213 221", "At risk": "122 131 211 212 231", "Inactive": "111 112 113 121",
	}
	n := 0
	for group, codes := range got {
		slices.Sort(codes)
		if n += len(codes); strings.Join(codes, " ") != want[group] {
			t.Errorf("%s = %v, want %s", group, codes, want[group])
		}
	}
	if n != 27 {
		t.Errorf("%d combinations have a group, want 27", n)
	}
}

// everyScore makes a member for each combination of scores.
func everyScore() map[string]segments.Known {
	norms := &segments.Norms{Day: today, Buyers: 9, Recency: segments.Cuts{Low: 10, High: 20}, Frequency: segments.Cuts{Low: 1, High: 2}, Monetary: segments.Cuts{Low: 100, High: 200}}
	all := map[string]segments.Known{}
	for r, ago := range map[int]int{3: 10, 2: 20, 1: 21} {
		for f := 1; f <= 3; f++ {
			for m := int64(1); m <= 3; m++ {
				orders := make([]segments.Order, f)
				for i := range orders {
					orders[i] = segments.Order{Day: today - loyalty.Day(ago+i), Counts: true}
				}
				orders[0].Total = m * 100
				all[fmt.Sprintf("%d%d%d", r, f, m)] = segments.Known{Day: today, Norms: norms, Orders: orders}
			}
		}
	}
	return all
}

// TestWithoutNormsNobodyIsScored: a rule over scores says why it cannot be asked.
func TestWithoutNormsNobodyIsScored(t *testing.T) {
	t.Parallel()
	r := mustParse(t, `rfm_group == "Champions" or orders >= 1`, segments.Scope{})
	if err := r.Ready(nil); err == nil || !strings.Contains(err.Error(), "rfm_group cannot be said yet") {
		t.Errorf("Ready(nil) = %v, want that rfm_group cannot be said yet", err)
	}
	if err := r.Ready(&segments.Norms{Day: today}); err != nil {
		t.Errorf("Ready with the norms of a shop without orders = %v", err)
	}
	k := segments.Known{Day: today, Norms: &segments.Norms{Day: today}, Orders: []segments.Order{{Day: today, Counts: true}}}
	for _, rule := range []string{`known(rfm_group)`, `recency_score >= 1`, `rfm != "111"`} {
		if mustParse(t, rule, segments.Scope{}).Eval(k) {
			t.Errorf("%s holds while nobody had ordered when the norms were computed", rule)
		}
	}
}
