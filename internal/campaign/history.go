package campaign

import (
	"fmt"

	"regulars/internal/loyalty"
	"regulars/internal/store"
)

// OnHistory does what is left to do of events that were no news any more when
// they came in: passages end by what came after their start, members enter and
// leave segments without starting anything, and milestones are recorded, so that
// none of them is mailed later. The caller has done as for OnEvents.
func (b *Book) OnHistory(tx *store.Tx, events []Happened) error {
	v, err := b.Active(tx)
	if err != nil || len(events) == 0 {
		return ignoreNoProgram(err)
	}
	if err := b.endBy(tx, v, events); err != nil {
		return fmt.Errorf("ending passages: %w", err)
	}
	if _, err := b.reevaluate(tx, v, changes(tx, v, events), true); err != nil {
		return err
	}
	for _, e := range events {
		for _, c := range v.live("milestone") {
			f := c.Start.Figure
			for _, value := range (loyalty.Milestones{At: c.Start.At, Every: c.Start.Every}).Crossed(e.Before.of(f), e.After.of(f)) {
				err := record(tx, v, c, milestoneKey(f, value), "f.member_id = @member", store.Args{"member": e.Member})
				if err != nil {
					return fmt.Errorf("event %d: %w", e.Event, err)
				}
			}
		}
	}
	return nil
}

// Reached records every milestone that members have reached, after an import:
// none of them is mailed, whatever becomes of the orders.
func (b *Book) Reached(tx *store.Tx) error {
	v, err := b.Active(tx)
	if err != nil {
		return ignoreNoProgram(err)
	}
	for _, c := range v.live("milestone") {
		if err := settleReached(tx, v, c); err != nil {
			return fmt.Errorf("milestones of %s: %w", c.Name, err)
		}
	}
	return nil
}
