package marketing

import (
	"context"
	"fmt"
	"strings"

	"regulars/internal/intake"
	"regulars/internal/staff"
	"regulars/internal/store"
	"regulars/internal/tiers"
)

// SetTier gives a member a tier, or takes theirs away, and returns how they stand.
func (m Marketer) SetTier(ctx context.Context, member string, h tiers.Hand) (tiers.Shown, error) {
	return update(ctx, m.DB, func(tx *store.Tx) (shown tiers.Shown, err error) {
		id, err := intake.Find(tx, member)
		if err != nil {
			return shown, err
		}
		before, err := tiers.Show(tx, id)
		if err != nil {
			return shown, err
		}
		if err := tiers.Set(tx, id, h); err != nil {
			return shown, err
		}
		shown, err = tiers.Show(tx, id)
		if err != nil {
			return shown, err
		}
		return shown, m.note(tx, staff.Act{By: h.By, Act: "tier", About: fmt.Sprintf("member %d", id), Before: before.Tier, After: strings.TrimSpace(h.Tier + " " + h.Because)})
	})
}
