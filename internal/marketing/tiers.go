package marketing

import (
	"context"

	"regulars/internal/intake"
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
		if err := tiers.Set(tx, id, h); err != nil {
			return shown, err
		}
		return tiers.Show(tx, id)
	})
}
