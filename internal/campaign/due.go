package campaign

import (
	"context"
	"errors"
	"fmt"
	"time"

	"regulars/internal/loyalty"
	"regulars/internal/store"
)

// NextDue returns the first moment after the transaction's at which a date comes,
// a passage goes on, or a run ends, and whether there is one. The shop's midnight
// is not among them.
func (b *Book) NextDue(tx *store.Tx) (time.Time, bool, error) {
	var first loyalty.Instant
	err := tx.One(&first, `
		select min(t)
		from  (select min(next_at) as t from timetable where next_at > @now
		       union all
		       select min((select min(p.wake_at) from passages p where p.campaign_id = c.id and p.wake_at > @now)) from campaigns c
		       union all
		       select min(expires_at) from runs where state = 'sending' and expires_at > @now) due`,
		store.Args{"now": tx.At})
	return first.Time, !first.IsZero(), err
}

// nothing reports whether a query finds no row: a pass that has nothing to do is
// not to take the lock of a writer.
func nothing(ctx context.Context, db *store.DB, query string) (bool, error) {
	var one int
	err := db.View(ctx, func(tx *store.Tx) error { return tx.One(&one, query+" limit 1", store.Args{"now": tx.At}) })
	if errors.Is(err, store.ErrNotFound) {
		return true, nil
	}
	if err != nil {
		return false, fmt.Errorf("looking for work: %w", err)
	}
	return false, nil
}
