package segments_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"regulars/segments"
)

func TestNamesAreThoseThatComeInAndNoOthers(t *testing.T) {
	t.Parallel()
	scope := segments.Scope{Order: true, Event: true, Launch: map[string]segments.Type{"sort": segments.Text}, Attributes: map[string]segments.Type{"plan": segments.Text},
		Segments: map[string]string{"cups": `bought_category("Cups")`, "both": `in_segment("cups") and tag("vip")`}}
	for rule, want := range map[string]string{
		`bought_category("Coffee", "90d") or orders_of_brand("Moka") >= 3`:                `category Coffee, brand Moka`,
		`not (bought_product("P-1") and spent_on_label("organic") > 20)`:                  `product P-1, label organic`,
		`share_of_spend_on_category("Tea") < 50 and days_since_bought_product("P-2") > 9`: `category Tea, product P-2`,
		`tag("vip") or "club" in tags or tags in ("a", "b")`:                              `tag vip, tag club, tag a, tag b`,
		`country == "FI" or country in ("SE", "NO") or country != "DE"`:                   `country FI, country SE, country NO, country DE`,
		`favourite_category == "Tea" and favourite_brand in ("Moka", "Bialetti")`:         `category Tea, brand Moka, brand Bialetti`,
		`events("review.written", stars >= 4) > 0 and days_since_event("visit") < 9`:      `event review.written, event visit`,
		`events("review.written", product == "P-1" and order.category("Tea")) > 0`:        `event review.written, category Tea`,
		`bought_at("Till 3") or order.shop == "Kallio" or share_of_orders_at("Web") > 50`: `point of sale Till 3, point of sale Kallio, point of sale Web`,
		`order.items("Tea") >= 2 and order.product("P-1") and order.label("sale")`:        `product or category Tea, product P-1, label sale`,
		`bought_category(launch.sort) and event.category == "Tea"`:                        ``,
		`plan == "gold" and language == "fi" and orders >= 2 and consent("offers")`:       ``,
		`in_segment("both") and tag("new")`:                                               `category Cups in cups, tag vip in both, tag new`,
		`tag("cafe` + "\u0301" + `")`:                                                     `tag café`,
	} {
		r, err := segments.Parse(rule, scope)
		if err != nil {
			t.Errorf("%s: %v", rule, err)
			continue
		}
		var got []string
		for _, n := range r.Names() {
			words := fmt.Sprintf("%s %s", n.Kind, n.Text)
			if n.Segment != "" {
				words += " in " + n.Segment
			} else if at := rule[n.Offset:]; !strings.HasPrefix(at, `"`+n.Text+`"`) && !strings.Contains(rule, "\u0301") {
				t.Errorf("%s: %s is said to stand at %q", rule, words, at)
			}
			got = append(got, words)
		}
		if strings.Join(got, ", ") != want {
			t.Errorf("%s names %s, want %s", rule, strings.Join(got, ", "), want)
		}
	}
}

// TestEveryFunctionThatTakesANameIsAsked holds the catalogue to it that no field
// with a text in brackets is forgotten: its text is declared somewhere, or a name.
func TestEveryFunctionThatTakesANameIsAsked(t *testing.T) {
	t.Parallel()
	declared := []string{"unused", "holds_code", "days_until_code_expires", "used_code", "mails_from", "opened", "clicked", "consent", "in_segment", "stamps", "stamps_missing", "cards_filled", "can_claim", "missing_for_tier"}
	asked := 0
	for _, f := range segments.Catalogue() {
		if !strings.HasPrefix(f.Usage, f.Name+`("…"`) || slices.Contains(declared, f.Name) {
			continue
		}
		r, err := segments.Parse(f.Example, segments.Scope{Order: true})
		if err != nil {
			t.Errorf("%s: %v", f.Example, err)
		} else if len(r.Names()) != 1 {
			t.Errorf("%s names %v, want the text in its brackets", f.Example, r.Names())
		}
		asked++
	}
	if asked < 30 {
		t.Errorf("%d functions take a name, want at least 30", asked)
	}
}
