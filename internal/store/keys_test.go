package store_test

import (
	"cmp"
	"context"
	"errors"
	"testing"

	"regulars/internal/store"
	"regulars/internal/store/storetest"
)

// The last guard of each promise of once is a unique key: whatever else fails, a second
// row cannot be written.
func TestWhatIsOnceHasAUniqueKey(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		for _, tt := range []struct{ once, row, other, again string }{
			{"a start of a campaign",
				"insert into occurrences (campaign_id, key, day, at, decision) values (1, 'orders:5', 9, @now, 'started')",
				"insert into occurrences (campaign_id, key, day, at, decision) values (1, 'orders:10', 9, @now, 'started')", ""},
			{"a run of a start",
				"insert into runs (occurrence_id, campaign_id, version_id, step, class, state, audience, expires_at, started_at) values (1, 1, 1, 'a', 'offer', 'sending', 0, @now, @now)",
				"insert into runs (occurrence_id, campaign_id, version_id, step, class, state, audience, expires_at, started_at) values (2, 1, 1, 'a', 'offer', 'sending', 0, @now, @now)", ""},
			{"a member's passage of a start",
				"insert into passages (campaign_id, occurrence_id, member_id, version_id, day, started_at, state, base_at) values (1, 1, 1, 1, 9, @now, 'ready', @now)",
				"insert into passages (campaign_id, occurrence_id, member_id, version_id, day, started_at, state, base_at) values (1, 1, 2, 1, 9, @now, 'ready', @now)", ""},
			{"a mail of a start, member and step",
				"insert into sends (day, occurrence_id, step, member_id, campaign_id, version_id, class, topic, state, queued_at) values (9, 1, 'a', 1, 1, 1, 'offer', 'offers', 'queued', @now)",
				"insert into sends (day, occurrence_id, step, member_id, campaign_id, version_id, class, topic, state, queued_at) values (9, 1, 'b', 1, 1, 1, 'offer', 'offers', 'queued', @now)", ""},
			{"a code of a pool, start and member",
				"insert into codes (pool_id, code, folded, state, occurrence_id, member_id) values (1, 'A', 'A', 'reserved', 1, 1)",
				"insert into codes (pool_id, code, folded, state, occurrence_id, member_id) values (1, 'B', 'B', 'reserved', 1, 2)",
				"insert into codes (pool_id, code, folded, state, occurrence_id, member_id) values (1, 'E', 'E', 'reserved', 1, 1)"},
			{"a code by its letters",
				"insert into codes (pool_id, code, folded, state) values (1, 'C', 'C', 'free')",
				"insert into codes (pool_id, code, folded, state) values (1, 'D', 'D', 'free')", ""},
		} {
			write := func(row string) error {
				return db.Update(context.Background(), func(tx *store.Tx) error { _, err := tx.Exec(row, store.Args{"now": tx.At}); return err })
			}
			if err := errors.Join(write(tt.row), write(tt.other)); err != nil {
				t.Errorf("%s: %v", tt.once, err)
			}
			if err := write(cmp.Or(tt.again, tt.row)); !errors.Is(err, store.ErrDuplicate) {
				t.Errorf("%s, a second time: %v, want that its key is taken", tt.once, err)
			}
		}
	})
}
