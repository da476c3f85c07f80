package importer_test

import (
	"fmt"
	"strings"
	"testing"

	"regulars/internal/importer"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
)

// Of a file of many batches, in which now and then a row names what others of several
// lanes name, each order is taken in once, for one person, and in its sequence.
func TestALargeFileOfOrdersIsTakenInSideBySide(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		d := newDoor(t, db)
		var b strings.Builder
		b.WriteString("order,member,card,at,total,coupon\n")
		for n := range 16_000 {
			member, card := n%900, ""
			if n%3000 == 2999 {
				card = "C-1" // several people have it
			}
			fmt.Fprintf(&b, "O-%d,M-%d,%s,2026-%02d-%02d,1.50,\n", n, member, card, 1+n/4000, 1+n/200%28)
		}
		path := file(t, "o.csv", b.String())
		for _, want := range []string{"16000 read, 16000 new, 0 updated, 0 unchanged, 0 refused", "16000 read, 0 new, 0 updated, 16000 unchanged, 0 refused"} {
			if got, refused := d.Take(importer.File{Kind: "orders", Path: path}); got != want || len(refused) != 0 {
				t.Errorf("Import = %s, want %s", got, want)
			}
		}
		for query, want := range map[string]string{
			"select count(*) || ' ' || count(distinct external_id) from orders":                                     "16000 16000",
			"select cast(sum(orders) as bigint) || ' ' || cast(sum(spent) as bigint) || ' ' || count(*) from facts": "16000 2400000 900",
			"select count(*) from members": "900",
		} {
			if got := d.One(query); got != want {
				t.Errorf("%s: %s, want %s", query, got, want)
			}
		}
	})
}
