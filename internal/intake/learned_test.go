package intake_test

import (
	"context"
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
		d.program("", map[string]string{"segments.yaml": "loyal: orders >= 2\nfriend: orders >= 3\n"})
		react := func() {
			for done := 1; done > 0; {
				var err error
				if done, err = flows.React(context.Background(), d.DB); err != nil {
					t.Fatal(err)
				}
			}
		}
		bring := func(order string) {
			d.Take(importer.File{Kind: "orders", Path: file(t, order+".csv", "order,member,at,order_total\n"+order+",M-1,2027-03-01,10.00\n")})
		}
		segments := func() string {
			return d.One("select count(*) from segment_members where left_at is null")
		}
		react()
		bring("O-1")
		bring("O-2")
		if got := d.One("select count(*) from reactions where campaign_id = 0"); got != "1" {
			t.Errorf("%s reactions wait after two files, want 1", got)
		}
		if react(); segments() != "1" {
			t.Errorf("the member is in %s segments after two orders, want 1", segments())
		}
		bring("O-3")
		if react(); segments() != "2" {
			t.Errorf("the member is in %s segments after three orders, want 2", segments())
		}
	})
}
