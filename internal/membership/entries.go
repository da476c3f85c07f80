package membership

import (
	"context"
	"errors"
	"fmt"

	"regulars/internal/loyalty"
	"regulars/internal/store"
	"regulars/internal/versions"
)

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

// entry is a stay that no campaign has seen yet.
type entry struct {
	SegmentID int64
	MemberID  int64
	EnteredAt loyalty.Instant
}

// entriesAtOnce is how many stays one transaction deals with.
const entriesAtOnce = 1000

// Entries writes down for campaigns whom the nightly pass let into their segments,
// and returns how many stays it dealt with.
func Entries(ctx context.Context, db *store.DB) (n int, err error) {
	if idle, err := nothing(ctx, db, "select 1 from segment_members where not handled"); idle || err != nil {
		return 0, err
	}
	err = db.Update(ctx, func(tx *store.Tx) error {
		n = 0
		v, err := versions.Active(tx)
		if err != nil {
			return versions.IgnoreNoProgram(err)
		}
		var claimed []entry
		err = tx.All(&claimed, `
			update segment_members
			set    handled = true
			where  not handled and (segment_id, member_id, entered_at) in (
				select segment_id, member_id, entered_at from segment_members where not handled
				order  by segment_id, member_id limit @most `+tx.SkipLocked()+`)
			returning segment_id, member_id, entered_at`, store.Args{"most": entriesAtOnce})
		if n = len(claimed); n == 0 || err != nil {
			return err
		}
		return hearEntered(tx, v, claimed)
	})
	if err != nil {
		return 0, fmt.Errorf("who entered segments: %w", err)
	}
	return n, nil
}
