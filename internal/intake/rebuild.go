package intake

import (
	"context"
	"fmt"

	"regulars/internal/store"
)

// RebuildFacts computes the facts of all members anew, a few at a time under the locks
// of their rows, and returns of how many. Running it again changes nothing; campaigns
// hear nothing of it.
func RebuildFacts(ctx context.Context, db *store.DB) (n int, err error) {
	for last := int64(0); ; {
		var ids []int64
		err := db.Update(ctx, func(tx *store.Tx) error {
			ids = nil
			err := tx.All(&ids, `
				select id from members
				where  id > @last and merged_into is null and erased_at is null
				order  by id limit @n `+tx.ForUpdate(), store.Args{"last": last, "n": factsAtOnce})
			if err != nil || len(ids) == 0 {
				return err
			}
			return RefreshFacts(tx, ids)
		})
		if err != nil {
			return n, fmt.Errorf("rebuilding facts after member %d: %w", last, err)
		}
		if len(ids) == 0 {
			return n, nil
		}
		n, last = n+len(ids), ids[len(ids)-1]
	}
}
