package jobs

import (
	"context"
	"fmt"

	"regulars/internal/intake"
	"regulars/internal/membership"
	"regulars/internal/store"
)

// refreshJob brings a segment up to date now instead of at midnight, and starts
// what entering it starts. Put by marketers. Running it again finds nothing left
// to do. It gives up when there is no such segment.
var refreshJob = kind{
	about: "bring a segment up to date",
	queue: Chores,
	fields: []field{{name: "segment", about: "its name; all segments without it"}, {name: "facts", about: "true: first compute the figures of all members anew"},
		{name: "counts", about: "true: first set right how many mails are counted, and how many moved in segments"}},
	settle: func(tx *store.Tx, v map[string]string) error {
		for _, name := range []string{"facts", "counts"} {
			if v[name] != "" && v[name] != "true" {
				return ordered(fmt.Errorf("%s is true or left out, not %q", name, v[name]))
			}
		}
		if v["segment"] == "" {
			return nil
		}
		return ordered(membership.CheckSegment(tx, v["segment"]))
	},
	do: func(ctx context.Context, r Rooms, row Row) (said string, err error) {
		figures := ""
		if row.Values()["facts"] == "true" {
			n, err := intake.RebuildFacts(ctx, r.DB)
			if err != nil {
				return "", err
			}
			figures = fmt.Sprintf("facts of %d members computed anew; ", n)
		}
		if row.Values()["counts"] == "true" {
			mails, days, err := recount(ctx, r.DB)
			if err != nil {
				return "", err
			}
			figures += fmt.Sprintf("%d counts of mails and %d days of segments set right; ", mails, days)
		}
		err = r.DB.Update(ctx, func(tx *store.Tx) error {
			n, err := membership.Refresh(tx, row.Values()["segment"], false)
			said = figures + fmt.Sprintf("%d entered, %d left", n.Entered, n.Left)
			return err
		})
		return said, final(err)
	},
}

// recount sets right what is counted by triggers.
func recount(ctx context.Context, db *store.DB) (mails, days int64, err error) {
	err = db.Update(ctx, func(tx *store.Tx) (err error) { mails, err = store.Recount(tx); return err })
	if err == nil {
		err = db.Update(ctx, func(tx *store.Tx) (err error) { days, err = store.RecountSegments(tx); return err })
	}
	return mails, days, err
}
