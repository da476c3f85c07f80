package segments_test

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"regulars/segments"
)

func loyaltyScope() segments.Scope {
	return segments.Scope{Tiers: []string{"silver", "gold", "black"}, Cards: map[string]int64{"coffee": 10},
		Rewards: map[string]segments.Price{"latte": {Points: 300}}, Segments: map[string]string{"buyers": `missing_for_tier("black") < 3`},
		TierRules: map[string]string{"silver": `spent("12m") >= 250.00`, "gold": `spent >= 600.00 and orders >= 4`, "black": `in_segment("buyers")`}}
}

// Tiers have a rank, and stand with quotes or without.
func TestTiersAreCompared(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ rule, words string }{
		{`tier == gold`, `Members whose tier is "gold".`},
		{`tier >= gold`, `Members whose tier is "gold" or "black".`},
		{`tier > "silver"`, `Members whose tier is "gold" or "black".`},
		{`tier < gold`, `All members except those whose tier is "gold" or "black".`},
		{`tier <= gold`, `All members except those whose tier is "black".`},
		{`tier != gold`, `All members except those whose tier is "gold".`},
		{`tier > black`, `No member.`},
		{`"gold" <= tier`, `Members whose tier is "gold" or "black".`},
		{`tier in (silver, black)`, `Members whose tier is "silver" or "black".`},
		{`known(tier)`, `Members whose tier is known.`},
		{`tier >= gild`, `there is no tier called gild; did you mean gold?`},
		{`tier == "platinum"`, `there is no tier called platinum; there are black, gold, silver`},
		{`tier == none`, `whether a member holds a tier is asked with known(tier), or not known(tier)`},
		{`tier >= 3`, `tier is the name of one: tier >= silver`},
		{`tier_progress >= 80`, `the segments go round in a circle: tier black → buyers → tier black; one of them must do without the other`},
		{`missing_for_tier("silver") <= 50.00`, `Members who lack at most 50.00 EUR for the tier "silver".`},
		{`missing_for_tier("gold") <= 50.00`, `Members who lack at most 50.00 EUR of spent for the tier "gold".`},
		{`missing_for_tier("gold") <= orders`, `missing_for_tier is an amount of money and orders is a number: they cannot be compared`},
		{`missing_for_tier("glod") <= 50`, `there is no tier called glod; did you mean gold?`},
		{`missing_for_tier("black") <= 5`, `the segments go round in a circle: tier black → buyers → tier black; one of them must do without the other`},
		{`stamps("cofee") >= 3`, `there is no card called cofee; did you mean coffee?`},
		{`can_claim("tea")`, `there is no reward called tea; there are latte`},
		{`stamps_missing("coffee") <= 2`, `Members who lack at most 2 stamps on the card "coffee".`},
		{`cards_filled("coffee", "12m") >= 1`, `Members who filled the card "coffee" in the last 12 months at least 1 time.`},
		{`points_expiring("30d") > 0`, `Members who have more than 0 points that end within 30 days.`},
		{`points_earned("this year") >= 500`, `Members who earned at least 500 points this year.`},
		{`points_expiring("this year") > 0`, `this year is over as far as it lies behind, and points_expiring looks ahead: points_expiring("7d")`},
		{`not can_claim("latte")`, `Members who cannot claim "latte".`},
		{`weekday == "Monday"`, `weekday can be read only in a condition on how points are earned, in loyalty.yaml`},
	} {
		got := ""
		if r, err := segments.Parse(tt.rule, loyaltyScope()); err != nil {
			got = err.(*segments.Error).Message
		} else {
			got = r.Words()
		}
		if got != tt.words {
			t.Errorf("%s\n got %s\nwant %s", tt.rule, got, tt.words)
		}
	}
}

func TestTheWayToTheNextTier(t *testing.T) {
	t.Parallel()
	s := loyaltyScope()
	s.TierRules["black"] = `orders >= 10 or bought_product("SKU-CLUB")`
	none := s
	none.Tiers = []string{}
	for _, tt := range []struct {
		rule, words string
		scope       segments.Scope
	}{
		{`tier_progress >= 80`, `Members who have gone at least 80 percent of the way to the next tier.`, s},
		{`tier_progress >= 120`, `tier_progress goes from 0 to 100`, s},
		{`progress_to_tier >= 80`, `there is no field called progress_to_tier; did you mean tier_progress?`, s},
		{`tier_progress >= 80`, `the program has no tiers: they are written in loyalty.yaml`, none},
	} {
		got := ""
		if r, err := segments.Parse(tt.rule, tt.scope); err != nil {
			got = err.(*segments.Error).Message
		} else {
			got = r.Words()
		}
		if got != tt.words {
			t.Errorf("%s\n got %s\nwant %s", tt.rule, got, tt.words)
		}
	}
}

// A condition on how points are earned is answered from the order or event alone.
func TestConditionsOnEarningAreGiven(t *testing.T) {
	t.Parallel()
	s := loyaltyScope()
	s.Earning, s.Order = true, true
	monday := segments.Query{Tier: "gold", Moment: time.Date(2027, 3, 1, 9, 30, 0, 0, time.UTC), Order: &segments.Order{Total: 5000, Shop: "till-4"}}
	plain := monday
	plain.Tier = ""
	for _, tt := range []struct {
		rule           string
		gold, nobodies bool
	}{
		{`tier >= silver`, true, false},
		{`tier < gold`, false, true},
		{`tier in (silver, gold)`, true, false},
		{`not known(tier)`, false, true},
		{`weekday == "Monday"`, true, true},
		{`weekday in ("Saturday", "Sunday")`, false, false},
		{`hour < 9`, false, false},
		{`hour >= 9 and hour < 10 and tier == gold`, true, false},
		{`order.total >= 50.00 or order.shop == "till-5"`, true, true},
	} {
		r, err := segments.Parse(tt.rule, s)
		if err != nil {
			t.Errorf("Parse(%s) = %v", tt.rule, err)
			continue
		}
		if got := r.Given(monday); got != tt.gold {
			t.Errorf("%s of a gold member's order = %t, want %t", tt.rule, got, tt.gold)
		}
		if got := r.Given(plain); got != tt.nobodies {
			t.Errorf("%s of an order without a tier = %t, want %t", tt.rule, got, tt.nobodies)
		}
	}
	for rule, want := range map[string]string{
		`orders >= 3`:         "orders is about the member",
		`weekday == "Mondag"`: `did you mean "Monday"?`,
		`wekday == "Monday"`:  "there is no field called wekday",
	} {
		if _, err := segments.Parse(rule, s); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Parse(%s) = %v, want %q", rule, err, want)
		}
	}
}

// What the program books follows orders and events; a balance from outside only what
// was told us.
func TestPointsThatAreBookedFollowOrders(t *testing.T) {
	t.Parallel()
	s := loyaltyScope()
	outside, err := segments.Parse(`points >= 100`, s)
	if err != nil {
		t.Fatal(err)
	}
	s.Booked = true
	booked, err := segments.Parse(`points >= 100`, s)
	if err != nil {
		t.Fatal(err)
	}
	for event, want := range map[string]bool{"order.placed": true, "review.written": true, "points.changed": true} {
		if got := booked.TouchedBy(segments.Of(event)); got != want {
			t.Errorf("booked points are touched by %s: %t, want %t", event, got, want)
		}
		if got := outside.TouchedBy(segments.Of(event)); got != (event == "points.changed") {
			t.Errorf("points from outside are touched by %s: %t", event, got)
		}
	}
}

// Goals are the figures that a member can raise to meet the rule.
func TestGoalsOfARule(t *testing.T) {
	t.Parallel()
	for rule, want := range map[string]string{
		`spent("12m") >= 600.00 and orders("12m") >= 4`: `spent("12m") 60000, orders("12m") 4`,
		`orders > 3`:                                     `orders 4`,
		`points_earned("this year") >= 500`:              `points_earned("this year") 500`,
		`orders >= 3 or spent >= 100`:                    ``,
		`days_since_last_order >= 3 and country == "FI"`: ``,
		`bought_product("SKU-CLUB", "12m")`:              ``,
	} {
		r, err := segments.Parse(rule, loyaltyScope())
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, g := range r.Goals() {
			got = append(got, g.Field+" "+strconv.FormatInt(g.At, 10))
		}
		if strings.Join(got, ", ") != want {
			t.Errorf("%s has the goals %s, want %s", rule, strings.Join(got, ", "), want)
		}
	}
}
