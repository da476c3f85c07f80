package jobs

import (
	"context"
	"fmt"

	"regulars/internal/campaign"
	"regulars/internal/store"
)

// refreshJob brings a segment up to date now instead of at midnight, and starts
// what entering it starts. Put by marketers. Running it again finds nothing left
// to do. It gives up when there is no such segment.
var refreshJob = kind{
	about:  "bring a segment up to date",
	lane:   Chores,
	fields: []field{{name: "segment", about: "its name; all segments without it"}},
	settle: func(tx *store.Tx, v map[string]string) error {
		if v["segment"] == "" {
			return nil
		}
		return ordered(campaign.CheckSegment(tx, v["segment"]))
	},
	do: func(ctx context.Context, r Rooms, row Row) (said string, err error) {
		err = r.DB.Update(ctx, func(tx *store.Tx) error {
			n, err := r.Book.Refresh(tx, row.Values()["segment"], false)
			said = fmt.Sprintf("%d entered, %d left", n.Entered, n.Left)
			return err
		})
		return said, final(err)
	},
}
