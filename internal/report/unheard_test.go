package report_test

import (
	"fmt"
	"strings"
	"testing"

	"regulars/internal/loyalty"
	"regulars/internal/report"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
	"regulars/segments"
)

// unheardOf is what is said of a rule's names.
func unheardOf(t *testing.T, db *store.DB, rule string) string {
	t.Helper()
	r, err := segments.Parse(rule, segments.Scope{Order: true})
	if err != nil {
		t.Fatal(err)
	}
	var said []string
	for _, u := range see(t, db, func(tx *store.Tx) ([]report.Unheard, error) { return report.UnheardOf(tx, r.Names()) }) {
		said = append(said, strings.TrimSuffix(u.String()+"; "+u.Hint(), "; "))
	}
	return strings.Join(said, " | ")
}

func TestANameThatNobodyHasIsSaidWithTheNearest(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		order := loyalty.Event{Source: "standard", Type: loyalty.OrderPlaced, ID: "order-1", At: loyalty.At(storetest.Start.AddDate(0, 0, -5)),
			Member: loyalty.Member{ID: "M-1", Country: "FI", Tags: []string{"club", "Caf\u00e9"}}}
		order.Order = &loyalty.Order{ID: "1", Total: 900, HasTotal: true, Shop: "Kallio", Lines: []loyalty.Line{
			{Product: "BEAN-1", Category: "Coffee", Brand: "Moka", Labels: loyalty.Labels{"organic", "sale"}, Quantity: 1, Total: 500},
			{Product: "LEAF-1", Category: "Tea", Quantity: 1, Total: 400},
		}}
		review := loyalty.Event{Source: "standard", Type: "review.written", ID: "review-1", At: loyalty.At(storetest.Start.AddDate(0, 0, -4)), Member: loyalty.Member{ID: "M-1"}}
		takeIn(t, db, order, review)
		for rule, want := range map[string]string{
			`bought_category("Coffee") or bought_category("Tea")`:       "",
			`bought_category("Cofee")`:                                  `nobody bought in a category "Cofee"; there is "Coffee"`,
			`favourite_category == "coffee"`:                            `nobody bought in a category "coffee"; there is "Coffee"`,
			`bought_category("Bicycles")`:                               `nobody bought in a category "Bicycles"`,
			`bought_product("BEAN-1") and not bought_product("BEAM-1")`: `nobody bought a product "BEAM-1"; there is "BEAN-1"`,
			`order.items("Tea") > 0 and order.items("LEAF-1") > 0`:      "",
			`order.items("Teas") > 0`:                                   `nobody bought a product or in a category "Teas"; there is "Tea"`,
			`spent_on_brand("Moka") > 1 or spent_on_brand("Mokka") > 1`: `nobody bought of a brand "Mokka"; there is "Moka"`,
			`bought_label("organic") or bought_label("sale")`:           "",
			`bought_label("orgnic")`:                                    `nobody bought anything labelled "orgnic"; there is "organic"`,
			`bought_at("Kallio") or orders_at("Kalio") > 0`:             `nobody bought at a point of sale "Kalio"; there is "Kallio"`,
			`tag("club") or "clubb" in tags`:                            `nobody has a tag "clubb"; there is "club"`,
			"tag(\"Cafe\u0301\")":                                       "",
			`events("review.written") > 0`:                              "",
			`events("reveiw.written") > 0`:                              `nobody has had an event "reveiw.written"; there is "review.written"`,
			`days_since_event("checkout.started") < 3`:                  "",
			`events("checkout.strated") > 0`:                            `nobody has had an event "checkout.strated"; there is "checkout.started"`,
			`country == "FI"`:                                           "",
			`country in ("FI", "FJ")`:                                   `nobody is in a country "FJ"; there is "FI"`,
			`tag("clib") and bought_category("Te")`:                     `nobody has a tag "clib"; there is "club" | nobody bought in a category "Te"; there is "Tea"`,
		} {
			if got := unheardOf(t, db, rule); got != want {
				t.Errorf("%s\n got %s\nwant %s", rule, got, want)
			}
		}
	})
}

func TestNothingIsSaidOfNamesWhereNothingHasComeInYet(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		const rule = `bought_category("a") or bought_product("b") or bought_brand("c") or bought_label("d") or bought_at("e") or tag("f") or events("g") > 0 or country == "FI" or order.items("h") > 0`
		if got := unheardOf(t, db, rule); got != "" {
			t.Errorf("of an empty shop is said %s", got)
		}
		do(t, db, "insert into member_tags (member_id, tag) values (1, 'vip')")
		if got, want := unheardOf(t, db, rule), `nobody has a tag "f"`; got != want {
			t.Errorf("of a shop that only knows tags is said %s, want %s", got, want)
		}
	})
}

// TestOfManyNamesTheNearestIsFound goes from name to name in the index.
func TestOfManyNamesTheNearestIsFound(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		err := db.Update(t.Context(), func(tx *store.Tx) error {
			var rows [][]any
			for i := range 3000 {
				rows = append(rows, []any{int64(i + 1), fmt.Sprintf("shelf %04d", i%1000)})
			}
			rows = append(rows, []any{int64(9000), "Wickerwork"})
			_, err := tx.Bulk("member_tags", []string{"member_id", "tag"}, rows)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if got, want := unheardOf(t, db, `tag("Wickerwrok") or tag("shelf 0999")`), `nobody has a tag "Wickerwrok"; there is "Wickerwork"`; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	})
}
