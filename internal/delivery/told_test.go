package delivery

import (
	"testing"

	"regulars/internal/loyalty"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
)

// A record or a mark whose answer was lost is made again. What it gave back of the day's
// places is given back once.
func TestPlacesOfTheWarmupAreGivenBackOnce(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		day := loyalty.DayOf(db.Now(), db.Now().Location())
		update := func(f func(tx *store.Tx) error) {
			t.Helper()
			if err := db.Update(t.Context(), f); err != nil {
				t.Fatal(err)
			}
		}
		places := func(when string, want int64) {
			t.Helper()
			var n int64
			update(func(tx *store.Tx) error {
				return tx.One(&n, "select mails from warmup_days where day = @day", store.Args{"day": day})
			})
			if n != want {
				t.Errorf("%s: %d places are taken, want %d", when, n, want)
			}
		}
		sends := make([]*send, 3)
		b := &batch{sends: sends, landed: map[int64]bool{}}
		update(func(tx *store.Tx) error {
			for _, text := range []string{
				"insert into campaigns (id, name, live) values (1, 'letter', true)",
				"insert into occurrences (id, campaign_id, key, day, at, decision) values (1, 1, 'a', @day, @now, 'started')",
				"insert into members (id, external_id, created_at, changed_at) values (1, 'M-1', @now, @now), (2, 'M-2', @now, @now), (3, 'M-3', @now, @now)",
			} {
				if _, err := tx.Exec(text, store.Args{"day": day, "now": tx.At}); err != nil {
					return err
				}
			}
			for i := range sends {
				sends[i] = &send{warmed: day}
				sends[i].Member, sends[i].Class = int64(i+1), loyalty.Earned
				err := tx.One(&sends[i].Send, `
					insert into sends (day, occurrence_id, step, member_id, campaign_id, version_id, run_id, class, topic, state, queued_at)
					values (@day, 1, 'mail', @member, 1, 1, 1, 'earned', 'program', 'queued', @now) returning id`,
					store.Args{"day": day, "member": i + 1, "now": tx.At})
				if err != nil {
					return err
				}
			}
			if _, err := tx.Exec("insert into warmup_days (day, mails) values (@day, 3)", store.Args{"day": day}); err != nil {
				return err
			}
			return tx.One(&b.id, "insert into batches (run_id, chunk, fence, send_ids, marked_at) values (1, 1, 0, "+tx.JSONParam("@ids")+", @now) returning id",
				store.Args{"ids": store.JSON(idsOf(sends)), "now": tx.At})
		})
		c := &chunkClaim{d: &Sender{}, chunk: chunk{RunID: 1, N: 1}}
		back := []result{{s: sends[0], state: queued, due: true}}
		b.landed[sends[0].Send] = true
		for range 2 {
			update(func(tx *store.Tx) error { _, err := c.record(tx, b, back); return err })
			places("one of three went back", 2)
		}
		for range 2 { // nobody knows of the mark
			update(func(tx *store.Tx) error { return c.chunk.withdraw(tx, nil) })
			places("the mark was withdrawn", 0)
		}
	})
}
