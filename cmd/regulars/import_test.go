package main

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
)

// exports are small examples of what other systems export.
const exports = "../../internal/importer/testdata/"

func TestImportSaysWhatItTookAFileFor(t *testing.T) {
	t.Parallel()
	s := shop{t: t, env: []string{"DATABASE_URL=sqlite:" + filepath.Join(t.TempDir(), "shop.db")}}
	tests := []struct {
		args string
		code int
		says []string
	}{
		{"orders " + exports + "shopify.orders.csv", 0, []string{
			"shopify.orders.csv: taken for Shopify's orders (--format shopify)",
			"  it has Name as order, Email, Financial Status as status, ", "Id as order.id",
			"columns that are no field of ours are left out: Paid at, ",
			"shopify.orders.csv:7: member: is empty: nobody can be found by this row",
			"orders are known by Id, or else by Name: the same order by webhook or API is one with it",
			"6 read, 4 new, 0 updated, 0 unchanged, 1 refused"}},
		{"orders " + exports + "woocommerce.items.csv --source woo", 0, []string{`orders are known by order_id, as of source "woo"`, "?source=woo"}},
		{"members " + exports + "mailchimp.cleaned.csv", 0, []string{"taken for Mailchimp's cleaned members", "1 suppressed"}},
		{"orders " + exports + "shopify.orders.csv --format csv", failed, []string{"taken for a table with our own names"}},
		{"members " + exports + "shopify.orders.csv", failed, []string{"it is Shopify's orders, by its header: import it as orders"}},
		{"orders " + exports + "woocommerce.analytics.csv", failed, []string{"it is the orders of WooCommerce's Analytics: it does not say whose an order is"}},
		{"orders " + exports + "shopify.orders.csv --format square", failed, []string{"no table that square exports has this header"}},
		{"orders x.csv --format shopfiy", misuse, []string{"--format takes auto, csv, klaviyo, mailchimp, shopify, square, woocommerce"}},
		{"orders x.csv --decimal 5", misuse, []string{`--decimal: "5" is neither a comma`}},
		{"orders x.csv --encoding ebcdic", misuse, []string{`--encoding: "ebcdic" is none of utf-8, utf-16 and windows-1252`}},
		{"orders x.csv --status done=over", misuse, []string{`--status: "over" is no status: WORD=pending|paid|cancelled|refunded|test`}},
		{"orders x.csv --dates ymd", misuse, []string{`--dates: "ymd" is neither dmy`, "nor serial"}},
		{"orders x.csv --map a", misuse, []string{`stands in quotes, as in 'name="Item, long"'`}},
		{"members x.csv --refused sms", misuse, []string{`--refused: "sms": topics are offers, newsletter and program`}},
		{"orders x.csv --refused offers", misuse, []string{"--refused is about a file of members"}},
	}
	for _, tt := range tests {
		got := s.run(append([]string{"import"}, strings.Fields(tt.args)...)...)
		for _, says := range tt.says {
			if got.code != tt.code || !strings.Contains(got.err+got.out, says) {
				t.Errorf("import %s: exit %d\n%s%s\nwant exit %d and %q", tt.args, got.code, got.err, got.out, tt.code, says)
			}
		}
	}
}

func TestADryRunPrintsTheFirstRows(t *testing.T) {
	t.Parallel()
	s := shop{t: t, env: []string{"DATABASE_URL=sqlite:" + filepath.Join(t.TempDir(), "shop.db")}}
	got := s.must("import", "orders", exports+"square.items.csv", "--dry-run")
	if want := "line 2, new: order TX1 of member M-1, square SQANA on 2026-02-01 15:00, paid, 1027.40 EUR, tax 4.90, discount 2.50, given back 4.65, 2 × SKU-1 9.30, 1 × SKU-2 1018.10\n"; !strings.HasPrefix(got, want) {
		t.Errorf("a dry run prints\n%s\nwant first\n%s", got, want)
	}
	var said struct {
		New   int
		First []struct {
			Line        int
			State, Says string
		}
	}
	text := s.must("import", "orders", exports+"square.items.csv", "--dry-run", "--json")
	if err := json.Unmarshal([]byte(text), &said); err != nil || said.New != 2 || len(said.First) != 2 || said.First[1].State != "new" {
		t.Errorf("as JSON: %s, %v", text, err)
	}
	if got := s.must("import", "orders", exports+"square.items.csv"); !strings.HasSuffix(got, "5 read, 2 new, 0 updated, 0 unchanged, 1 refused\n") {
		t.Errorf("the dry run has left something: %s", got)
	}
}
