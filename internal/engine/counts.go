package engine

import (
	"context"

	"regulars/internal/store"
)

// foldCounts adds up what was counted of mails, a bounded piece of it, and returns how
// many changes that were.
func foldCounts(ctx context.Context, db *store.DB) (n int, err error) {
	err = db.Update(ctx, func(tx *store.Tx) error {
		n, err = store.FoldCounts(tx)
		return err
	})
	return n, err
}
