package campaign

import (
	"context"
	"fmt"
	"slices"

	"regulars/internal/loyalty"
	"regulars/internal/store"
)

// entry is a stay that no campaign has seen yet.
type entry struct {
	SegmentID int64
	MemberID  int64
	EnteredAt loyalty.Instant
}

// Entries starts the campaigns that entering a segment sets off, for those whom
// the nightly pass let in, and returns how many stays it dealt with.
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
		claimed, err := claimEntries(tx)
		if err != nil {
			return err
		}
		n = len(claimed)
		return b.handle(tx, v, claimed)
	})
	if err != nil {
		return 0, fmt.Errorf("starting campaigns of those who entered segments: %w", err)
	}
	return n, nil
}

// claimEntries locks the members first, as an event does, and then takes their
// stays: whoever comes second finds them taken.
func claimEntries(tx *store.Tx) (claimed []entry, err error) {
	var waiting []int64
	err = tx.All(&waiting, "select member_id from segment_members where not handled order by segment_id, member_id limit @most",
		store.Args{"most": stride})
	if err != nil || len(waiting) == 0 {
		return nil, err
	}
	locked, err := lockMembers(tx, waiting)
	if err != nil {
		return nil, err
	}
	err = tx.All(&claimed, `
		update segment_members
		set    handled = true
		where  not handled and member_id in `+inList(tx, "@ids")+`
		returning segment_id, member_id, entered_at`, store.Args{"ids": array(locked)})
	return claimed, err
}

// handle starts campaigns for stays, all of one segment and moment at once.
func (b *Book) handle(tx *store.Tx, v *Version, claimed []entry) error {
	for _, s := range v.segments {
		moments := map[loyalty.Instant][]int64{}
		for _, e := range claimed {
			if e.SegmentID == s.id {
				moments[e.EnteredAt] = append(moments[e.EnteredAt], e.MemberID)
			}
		}
		for at, members := range moments {
			slices.Sort(members)
			if _, err := b.entered(tx, v, s, members, at); err != nil {
				return err
			}
		}
	}
	return nil
}

// entered starts the campaigns that entering a segment at a moment sets off, for
// those who are still inside. Who entered before a campaign went live is not its
// affair.
func (b *Book) entered(tx *store.Tx, v *Version, s segment, members []int64, at loyalty.Instant) (begun []int64, err error) {
	for _, c := range v.live("enters") {
		if c.Start.Segment != s.Name || at.Before(c.Since.Time) {
			continue
		}
		key := c.occasion("enters", fmt.Sprintf("enters:%d", at.UnixMicro()), v.Day(tx.At))
		ids, err := b.start(tx, v, begin{c: c, key: key, wake: c.at(tx.At, v), members: members, rule: s.Rule})
		if err != nil {
			return nil, err
		}
		begun = append(begun, ids...)
	}
	return begun, nil
}
