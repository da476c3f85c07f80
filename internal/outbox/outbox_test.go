package outbox_test

import (
	"context"
	"testing"

	"regulars/internal/loyalty"
	"regulars/internal/outbox"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
)

// TestTellingCostsNothingWhereNobodyWantsIt takes the tables away: what asks them fails.
func TestTellingCostsNothingWhereNobodyWantsIt(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		err := db.Update(context.Background(), func(tx *store.Tx) error {
			if err := outbox.Sync(tx, []outbox.Destination{{Name: "shop", URL: "https://shop.example", Events: []string{loyalty.ToldSent}}}); err != nil {
				return err
			}
			if wanted, err := outbox.Wants(tx, loyalty.ToldSent); !wanted || err != nil { // reads who wants what, for two seconds
				t.Errorf("Wants = %v, %v, want true", wanted, err)
			}
			for _, table := range []string{"hook_destinations", "hook_deliveries"} {
				if _, err := tx.Exec("drop table "+table, nil); err != nil {
					return err
				}
			}
			for range 1000 {
				if err := outbox.Tell(tx, loyalty.ToldIssued, []outbox.News{{Member: 1}}); err != nil {
					return err
				}
			}
			return outbox.TellOf(tx, loyalty.ToldIssued, "select 1 as n, 1 as member_id, '{}' as detail", nil)
		})
		if err != nil {
			t.Errorf("telling what nobody wants to hear of: %v", err)
		}
	})
}
