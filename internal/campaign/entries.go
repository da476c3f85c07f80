package campaign

import (
	"context"
	"fmt"

	"regulars/internal/loyalty"
	"regulars/internal/store"
)

// entry is a stay that no campaign has seen yet.
type entry struct {
	SegmentID int64
	MemberID  int64
	EnteredAt loyalty.Instant
}

// Entries writes down for campaigns whom the nightly pass let into their segments,
// and returns how many stays it dealt with.
func (b *Book) Entries(ctx context.Context, db *store.DB) (n int, err error) {
	if idle, err := nothing(ctx, db, "select 1 from segment_members where not handled"); idle || err != nil {
		return 0, err
	}
	err = db.Update(ctx, func(tx *store.Tx) error {
		n = 0
		v, err := b.Active(tx)
		if err != nil {
			return ignoreNoProgram(err)
		}
		var claimed []entry
		err = tx.All(&claimed, `
			update segment_members
			set    handled = true
			where  not handled and (segment_id, member_id, entered_at) in (
				select segment_id, member_id, entered_at from segment_members where not handled
				order  by segment_id, member_id limit @most `+tx.SkipLocked()+`)
			returning segment_id, member_id, entered_at`, store.Args{"most": stride})
		if n = len(claimed); n == 0 || err != nil {
			return err
		}
		return b.hearEntered(tx, v, claimed)
	})
	if err != nil {
		return 0, fmt.Errorf("who entered segments: %w", err)
	}
	return n, nil
}
