package intake_test

import (
	"testing"

	"regulars/internal/importer"

	"regulars/internal/loyalty"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
)

// labelsOf are the labels of the lines of all orders, in their order.
const labelsOf = `select o.external_id || ' ' || l.product || ' ' || replace(cast(l.labels as text), ', ', ',')
	from order_lines l join orders o on o.id = l.order_id order by o.external_id, l.n`

func TestLinesHaveLabels(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		d := newDoor(t, db)
		sale := loyalty.Line{Product: "A", Labels: loyalty.Labels{" sale ", "organic", "", "sale"}, Quantity: 1, Total: 1000}
		plain := loyalty.Line{Product: "B", Quantity: 1, Total: 1000}
		want := func(what string, want ...string) {
			t.Helper()
			got := d.Rows(labelsOf)
			for i := range max(len(got), len(want)) {
				if i >= len(got) || i >= len(want) || got[i] != want[i] {
					t.Errorf("%s: lines %q, want %q", what, got, want)
					return
				}
			}
		}
		d.Stored(about(loyalty.OrderPlaced, "e1", 0, lines(sale, plain)))
		want("an order", `O-1 A ["organic","sale"]`, `O-1 B []`)
		d.Stored(about(loyalty.OrderChanged, "e2", 1, lines(plain)))
		want("changed", `O-1 B []`)

		bad := about(loyalty.OrderChanged, "e3", 2, lines(loyalty.Line{Product: "A", Labels: loyalty.Labels{"a\x00b"}}))
		d.Stored(bad)
		want("a label with a zero byte", `O-1 A ["a b"]`)

		clear(t, db)
		content := "order,member,at,total,product,labels\nO-1,M-1,2027-03-01,10,A,sale; organic\nO-1,M-1,2027-03-01,10,B,\nO-2,M-1,2027-03-01,10,A,\"new, sale\"\n"
		if got, refused := d.Take(importer.File{Kind: "orders", Path: file(t, "a.csv", content)}); got != "3 read, 2 new, 0 updated, 0 unchanged, 0 refused" {
			t.Errorf("a file: %s %v", got, refused)
		}
		want("a file", `O-1 A ["organic","sale"]`, `O-1 B []`, `O-2 A ["new","sale"]`)
	})
}

// TestManyLinesHaveLabels takes so many orders at once that they are copied.
func TestManyLinesHaveLabels(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		d := newDoor(t, db)
		content := "order,member,at,total,product,labels\n"
		for i := range 300 {
			content += "O-" + string(rune('A'+i%26)) + string(rune('A'+i/26)) + ",M-1,2027-03-01,10,A,sale\n"
		}
		d.Take(importer.File{Kind: "orders", Path: file(t, "many.csv", content)})
		if got := d.One(`select cast(count(*) as text) from order_lines where cast(labels as text) = '["sale"]'`); got != "300" {
			t.Errorf("%s of 300 lines have their label", got)
		}
	})
}
