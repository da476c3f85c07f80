package segments_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"regulars/internal/loyalty"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
	"regulars/segments"
)

// fourteen are the conditions for segments of Open Loyalty, as we say them, and
// whom of five members they keep.
var fourteen = []struct{ condition, rule, keeps string }{
	{"anniversary of birthday", `birthday_in("7d")`, "ana ben"},
	{"anniversary of joining", `joined_anniversary_in("7d")`, "ben"},
	{"average order", `average_order >= 50`, "ana cleo"},
	{"point of sale", `bought_at("till-4")`, "ana ben"},
	{"product labels", `bought_label("organic")`, "ana dora"},
	{"brands", `bought_brand("Musti")`, "ana dora"},
	{"SKU", `bought_product("SKU-1")`, "ana ben"},
	{"SKU, in short", `bought("SKU-1")`, "ana ben"},
	{"custom list", `member_id in ("ana", "eva")`, "ana eva"},
	{"member label", `tag("club")`, "cleo eva"},
	{"days since last order", `days_since_last_order > 30`, "ben cleo"},
	{"order in a period", `orders("2027-01-01", "2027-01-31") >= 1`, "ben cleo"},
	{"number of orders", `orders >= 2`, "ana ben"},
	{"share at a point of sale", `share_of_orders_at("till-4") >= 50`, "ana ben"},
	{"share of the amount at a point of sale", `share_of_spend_at("till-4") > 50`, "ana"},
	{"order value", `largest_order >= 80`, "ana cleo"},
	{"order value, the smallest", `smallest_order < 10`, "ben"},
	// The opposites, and what they read like in a campaign.
	{"never bought the brand", `orders > 0 and not bought_brand("Musti")`, "ben cleo"},
	{"birthday before long, but not this week", `birthday_in("1m") and not birthday_in("7d")`, "dora"},
}

// theFive are members as of 3 March 2027.
func theFive(t *testing.T) []*person {
	on := func(s string) loyalty.Day { return day(t, s) }
	order := func(d, shop string, total int64, lines ...loyalty.Line) segments.Order {
		return segments.Order{Day: on(d), Counts: true, Total: total, Shop: shop, Quantity: 1, Lines: lines}
	}
	line := func(product, brand string, labels ...string) loyalty.Line {
		return loyalty.Line{Product: product, Category: "dog food", Brand: brand, Labels: labels, Quantity: 1, Total: 1000}
	}
	five := []*person{
		{Known: segments.Known{ExternalID: "ana", Birthday: loyalty.Birthday{Month: 3, Date: 3}, Orders: []segments.Order{
			order("2027-02-20", "till-4", 9000, line("SKU-1", "Musti", "organic")), order("2027-02-25", "till-5", 2000)}}},
		{Known: segments.Known{ExternalID: "ben", Birthday: loyalty.Birthday{Month: 3, Date: 9}, Orders: []segments.Order{
			order("2027-01-31", "till-4", 500, line("SKU-1", "Other", "sale")), order("2026-12-31", "web", 1000)}}},
		{Known: segments.Known{ExternalID: "cleo", Tags: []string{"club"}, Orders: []segments.Order{order("2027-01-01", "web", 8000)}}},
		{Known: segments.Known{ExternalID: "dora", Birthday: loyalty.Birthday{Month: 3, Date: 10}, Orders: []segments.Order{
			order("2027-02-28", "web", 1000, line("SKU-2", "Musti", "sale", "organic"))}}},
		{Known: segments.Known{ExternalID: "eva", Tags: []string{"club", "vip"}, Orders: []segments.Order{{Day: on("2027-03-01"), Total: 99999, Shop: "till-4"}}}},
	}
	for i, p := range five {
		p.id = int64(i + 1)
		p.ID = p.id
	}
	joined := on("2025-03-05")
	five[1].JoinedDay = &joined
	lately := on("2027-02-28")
	five[2].JoinedDay = &lately
	return five
}

func TestFourteenConditionsOfTheField(t *testing.T) {
	t.Parallel()
	five, scope := theFive(t), segments.Scope{Currency: "EUR"}
	for _, c := range fourteen {
		r := mustParse(t, c.rule, scope)
		var keeps []string
		for _, p := range five {
			if r.Eval(p.asOf(today)) {
				keeps = append(keeps, p.ExternalID)
			}
		}
		if got := strings.Join(keeps, " "); got != c.keeps {
			t.Errorf("%s: %s keeps %q in Go, want %q", c.condition, c.rule, got, c.keeps)
		}
	}
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		err := db.Update(context.Background(), func(tx *store.Tx) error {
			if err := save(tx, five, nil); err != nil {
				return err
			}
			if _, err := tx.Exec("insert into facts "+segments.FactsSelect(tx.Engine(), ""), store.Args{"day": today}); err != nil {
				return err
			}
			for _, c := range fourteen {
				where, args := mustParse(t, c.rule, scope).SQL(segments.Query{Engine: tx.Engine(), Day: today})
				var keeps []string
				if err := tx.All(&keeps, "select m.external_id from facts f join members m on m.id = f.member_id where "+where, args); err != nil {
					return err
				}
				slices.Sort(keeps)
				if got := strings.Join(keeps, " "); got != c.keeps {
					t.Errorf("%s: %s keeps %q on %s, want %q", c.condition, c.rule, got, tx.Engine(), c.keeps)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}
