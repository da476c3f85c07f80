package intake_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"regulars/internal/flows"
	"regulars/internal/importer"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
)

// What files tell of a member waits to be reacted to once, however many of them come
// before somebody does; what comes after that is reacted to, too.
func TestWhatFilesTellOfAMemberWaitsOnce(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		d := newDoor(t, db)
		d.program("", map[string]string{"segments.yaml": "loyal: orders >= 2\nfriend: orders >= 7000\n"})
		bring := func(first, n int) (learned, segments string) {
			var text strings.Builder
			text.WriteString("order,member,at,order_total\n")
			for i := range n {
				fmt.Fprintf(&text, "O-%d,M-1,2027-03-01,10.00\n", first+i)
			}
			d.Take(importer.File{Kind: "orders", Path: file(t, fmt.Sprint(first, ".csv"), text.String())})
			learned = d.One("select count(*) from happenings where kind = 'learned'")
			for done := 1; done > 0; {
				var err error
				if done, err = flows.React(context.Background(), d.DB); err != nil {
					t.Fatal(err)
				}
			}
			return learned, d.One("select count(*) from segment_members where left_at is null")
		}
		if learned, segments := bring(0, 6000); learned != "1" || segments != "1" {
			t.Errorf("after a file in two pieces %s happenings, and the member is in %s segments, want 1 and 1", learned, segments)
		}
		if learned, segments := bring(6000, 1000); learned != "2" || segments != "2" {
			t.Errorf("after another %s happenings, and the member is in %s segments, want 2 and 2", learned, segments)
		}
	})
}
