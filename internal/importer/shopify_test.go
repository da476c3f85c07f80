package importer_test

import (
	"slices"
	"testing"

	"regulars/internal/importer"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
)

func TestAnExportOfShopifyIsReadByItsOwnColumns(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		d := newDoor(t, db)
		f := importer.File{Kind: "orders", Path: "testdata/shopify.orders.csv", Format: "shopify"}
		if got, refused := d.take(f); got != "3 read, 2 new, 0 updated, 0 unchanged, 0 refused" {
			t.Errorf("the import: %s %q", got, refused)
		}
		if got, _ := d.take(f); got != "3 read, 0 new, 0 updated, 2 unchanged, 0 refused" {
			t.Errorf("again: %s", got)
		}
		got := d.rows("select m.email || ' ' || m.country || ' ' || o.external_id || ' ' || o.status || ' ' || o.total || '-' || o.discount || ' x' || o.quantity || ' ' || l.product || ':' || l.brand || ':' || l.total from orders o join members m on m.id = o.member_id join order_lines l on l.order_id = o.id order by o.external_id, l.n")
		want := []string{
			"ana@example.test FI #1001 paid 2740-250 x3 SKU-1:Purr:1000",
			"ana@example.test FI #1001 paid 2740-250 x3 SKU-2:Climb:1500",
			"bo@example.test FI #1002 cancelled 990-0 x1 SKU-3:Play:990",
		}
		if !slices.Equal(got, want) {
			t.Errorf("orders:\n%q\nwant\n%q", got, want)
		}
	})
}
