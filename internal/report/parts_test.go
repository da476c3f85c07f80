package report_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"regulars/internal/loyalty"
	"regulars/internal/report"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
	"regulars/segments"
)

var funnelScope = segments.Scope{Currency: "EUR", Attributes: map[string]segments.Type{"plan": segments.Text}, Segments: map[string]string{
	"vip": `orders >= 2 and days_since_last_order <= 90`, "asked": `consent("offers") or joined`, "both": `in_segment("vip") and in_segment("asked")`,
}}

func parsed(t testing.TB, text string) *segments.Rule {
	t.Helper()
	r, err := segments.ParseNamed(text, funnelScope)
	if err != nil {
		t.Fatal(segments.FormatError(text, err))
	}
	return r
}

// show prints parts as "3 who …", with brackets around what they are made of.
func show(parts []report.Kept) string {
	var all []string
	for _, k := range parts {
		s := fmt.Sprint(k.Members, " ", k.Says())
		if k.Parts != nil {
			s += " [" + show(k.Parts) + "]"
		}
		all = append(all, s)
	}
	return strings.Join(all, "; ")
}

func TestAFunnelSaysWhatEachPartKeeps(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		people(t, db)
		for _, tt := range []struct {
			rule string
			past bool
			want string
		}{
			{`orders >= 1`, false, "3 → 3: 3 have at least 1 order"},
			{`orders >= 1 and consent("offers") and days_since_last_order < 10`, false,
				`3 → 1: 3 have at least 1 order; 2 agreed to "offers"; 1 last ordered less than 10 days ago`},
			{`orders >= 2 or days_since_last_order == 20`, false, `3 → 2: 1 have at least 2 orders; 1 last ordered exactly 20 days ago`},
			{`joined and (orders >= 2 or spent < 25)`, false,
				`3 → 2: 2 have joined; 2 meet at least one of these: [1 have at least 2 orders; 1 have spent less than 25.00 EUR]`},
			{`vip`, false, `3 → 1: 1 have at least 2 orders; 1 last ordered at most 90 days ago`},
			{`consent("offers") and not in_segment("vip")`, false,
				`3 → 1: 2 agreed to "offers"; 1 are not among those who are in the segment vip [1 have at least 2 orders; 1 last ordered at most 90 days ago]`},
			{`both`, false, `3 → 1: 1 are in the segment vip [1 have at least 2 orders; 1 last ordered at most 90 days ago]; ` +
				`1 meet at least one of these: [1 agreed to "offers"; 1 have joined]`},
			{`orders >= 1 and joined`, true, `2 → 1: 1 have at least 1 order; 1 have joined`},
		} {
			a := report.Audience{Rule: parsed(t, tt.rule), Day: today}
			if tt.past {
				a.Day, a.Past = today-30, true
			}
			f := see(t, db, a.Funnel)
			if got := fmt.Sprintf("%d → %d: %s", f.Members, f.Kept, show(f.Parts)); got != tt.want {
				t.Errorf("%s\n got %s\nwant %s", tt.rule, got, tt.want)
			}
			if n := see(t, db, a.Count); n != f.Kept {
				t.Errorf("%s keeps %d, but Count says %d", tt.rule, f.Kept, n)
			}
		}
	})
}

// A funnel agrees with what is said of each member, and the whole rule with its
// parts, over random rules.
func TestAFunnelAgreesWithItsMembers(t *testing.T) {
	t.Parallel()
	leaves := []string{`orders >= 2`, `joined`, `spent("30d") < 25`, `days_since_last_order > 10`, `consent("offers")`, `in_segment("vip")`,
		`in_segment("both")`, `not in_segment("asked")`, `average_order > largest_order("10d")`, `bought_category("x")`, `country == "FI"`, `not (orders >= 1 and joined)`,
		`points in (0, 3)`, `events("visit") == 0`}
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		people(t, db)
		random := rand.New(rand.NewPCG(3, 4))
		for range 60 {
			var text strings.Builder
			for i := range 1 + random.IntN(4) {
				if i > 0 {
					text.WriteString([]string{" and ", " and ", " or "}[random.IntN(3)])
				}
				leaf := leaves[random.IntN(len(leaves))]
				if random.IntN(4) == 0 {
					leaf = "(" + leaf + " or " + leaves[random.IntN(len(leaves))] + ")"
				}
				text.WriteString(leaf)
			}
			a := report.Audience{Rule: parsed(t, text.String()), Day: today - loyalty.Day(random.IntN(2)), Past: random.IntN(2) == 0}
			if !a.Past {
				a.Day = today
			}
			f := see(t, db, a.Funnel)
			kept := int64(0)
			parts := blank(f.Parts)
			for id := int64(1); id <= 3; id++ {
				see(t, db, func(tx *store.Tx) (bool, error) {
					holds, known, answers, err := a.Of(tx, id)
					if !known {
						return false, err
					}
					if holds {
						kept++
					}
					if all := add(parts, answers, true); all != holds {
						t.Errorf("%s of member %d: %v, but its parts say %v: %+v", text.String(), id, holds, all, answers)
					}
					return true, err
				})
			}
			if got, want := show(f.Parts), show(parts); got != want || f.Kept != kept {
				t.Errorf("%s (%s)\n the statement says %d: %s\nthe members say %d: %s", text.String(), db.Engine(), f.Kept, got, kept, want)
			}
		}
	})
}

func blank(parts []report.Kept) []report.Kept {
	parts = slices.Clone(parts)
	for i := range parts {
		parts[i].Members, parts[i].Parts = 0, blank(parts[i].Parts)
	}
	if len(parts) == 0 {
		return nil
	}
	return parts
}

// add counts a member where the parts before keep them, and returns whether all
// parts, or one of several alternatives, hold.
func add(parts []report.Kept, answers []report.Answer, before bool) bool {
	all, some, or := true, false, false
	for i, a := range answers {
		if before && (all || a.Or) && a.Holds {
			parts[i].Members++
		}
		add(parts[i].Parts, a.Parts, before && (all || a.Or))
		all, some, or = all && a.Holds, some || a.Holds, or || a.Or
	}
	if or {
		return some
	}
	return all
}

func TestAnAnswerSaysWhatTheMemberHas(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		people(t, db)
		for _, tt := range []struct {
			rule   string
			member int64
			past   loyalty.Day
			want   string
		}{
			{`orders >= 2 and days_since_last_order > 90`, 1, 0, `no: + has 2 orders; the rule wants at least 2 orders, - last ordered 2 days ago; the rule wants more than 90 days`},
			{`orders >= 2`, 2, 0, `no: - has 1 order; the rule wants at least 2 orders`},
			{`consent("offers")`, 3, 0, `no: - agreed to "offers"`},
			{`average_order > 30 and country == "FI"`, 1, 0, `no: + average order is 35.00 EUR; the rule wants more than 30.00 EUR, - country: none; the rule wants "FI"`},
			{`not orders >= 2`, 1, 0, `no: - has 2 orders; the rule wants not at least 2 orders`},
			{`spent("10d") > largest_order`, 1, 0, `no: - has spent 30.00 EUR in the last 10 days; the rule wants more than their largest order, and largest order is 40.00 EUR`},
			{`days_since_last_order < 5`, 3, 1, `yes: + last ordered today; the rule wants less than 5 days`},
			{`days_since_last_order < 5`, 3, 2, `unknown`},
			{`days_since_last_order < 5`, 2, 40, `no: - days since the last order: none; the rule wants less than 5 days`},
			{`overdue > 2`, 1, 0, `no: - days since the last order are 0.05 times their usual gap; the rule wants more than 2 times their usual gap`},
			{`share_of_orders_at("till-4") >= 50`, 1, 0, `no: - makes 0 percent of their orders at "till-4"; the rule wants at least 50 percent`},
			{`favourite_category == "x"`, 1, 0, `no: - favourite category: none; the rule wants "x"`},
			{`events("visit", page == "x") >= 1`, 1, 0, `no: - had 0 "visit" events whose page is "x"; the rule wants at least 1 "visit" event whose page is "x"`},
			{`orders("2027-01-01", "2027-03-31") > 2`, 1, 0, `no: - has 2 orders between 2027-01-01 and 2027-03-31; the rule wants more than 2 orders`},
			{`lifecycle == "at risk"`, 1, 0, `no: - lifecycle stage is "recent"; the rule wants "at risk"`},
			{`rfm_group == "Inactive" and recency_score == 3`, 1, 0, `no: - RFM group is "Champions"; the rule wants "Inactive", + recency score is 3; the rule wants exactly 3`},
			{`vip`, 2, 0, `no: - has 1 order; the rule wants at least 2 orders, + last ordered 20 days ago; the rule wants at most 90 days`},
		} {
			a := report.Audience{Rule: parsed(t, tt.rule), Day: today - tt.past, Past: tt.past > 0}
			got := see(t, db, func(tx *store.Tx) (string, error) {
				holds, known, answers, err := a.Of(tx, tt.member)
				if !known {
					return "unknown", err
				}
				var all []string
				for _, p := range answers {
					all = append(all, map[bool]string{true: "+ ", false: "- "}[p.Holds]+p.Says())
				}
				return map[bool]string{true: "yes: ", false: "no: "}[holds] + strings.Join(all, ", "), err
			})
			if got != tt.want {
				t.Errorf("%s of member %d %d days ago\n got %s\nwant %s", tt.rule, tt.member, tt.past, got, tt.want)
			}
		}
	})
}

// Every field of the catalogue can be explained for everybody and for one member.
func TestEveryFieldIsExplained(t *testing.T) {
	t.Parallel()
	scope := segments.Scope{Currency: "EUR", Attributes: map[string]segments.Type{"trial_ends": segments.Date}, Segments: map[string]string{"vip": "orders >= 2", "…": "joined"},
		Tiers: []string{"silver", "gold"}, TierRules: map[string]string{"silver": "spent >= 100.00", "gold": "orders >= 10 and spent >= 500.00"}}
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		people(t, db)
		asked := 0
		for _, f := range segments.Fields(scope) {
			r, err := segments.Parse(f.Example, scope)
			if err != nil {
				continue // it stands only in a campaign, or its example names what is not there
			}
			var unready *segments.Unready
			err = db.View(t.Context(), func(tx *store.Tx) error { _, err := report.Audience{Rule: r, Day: today}.Count(tx); return err })
			if errors.As(err, &unready) {
				continue // too few have ordered here for a forecast
			}
			asked++
			for _, a := range []report.Audience{{Rule: r, Day: today}, {Rule: r, Day: today - 10, Past: true}} {
				funnel := see(t, db, a.Funnel)
				see(t, db, func(tx *store.Tx) (bool, error) {
					holds, _, answers, err := a.Of(tx, 1)
					if len(answers) != len(funnel.Parts) || answers[0].Holds != holds || strings.Contains(answers[0].Says(), "who ") {
						t.Errorf("%s of Ana: %v, %+v", f.Example, holds, answers)
					}
					for _, has := range answers[0].Fields {
						if has.Words == "" || has.Wants == "" || strings.Contains(has.Words, "{") {
							t.Errorf("%s says %+v of Ana", f.Example, has)
						}
					}
					return holds, err
				})
			}
		}
		if asked < 50 {
			t.Errorf("only %d fields were asked", asked)
		}
	})
}
