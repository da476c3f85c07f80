package flows

import (
	"context"
	"time"

	"regulars/internal/isolation"
	"regulars/internal/loyalty"
	"regulars/internal/store"
)

// Advance takes passages that are due as far as they can go now: to their next
// mail, to a wait, or to their end. It returns how many it took. Many workers may
// call it at once: each passage is claimed first. Those of a draft wait until it is
// live again.
func Advance(ctx context.Context, db *store.DB) (int, error) {
	due := func(columns, among string) string {
		return "select " + columns + " from passages where campaign_id = @campaign and wake_at <= @now and state = 'ready' " + among + " order by wake_at, id limit @most "
	}
	return isolation.Each(ctx, db, isolation.Work{
		Name: "passages", Limit: isolation.Quick, PutOff: putOff,
		Failed: "select 1 from passages where campaign_id = @campaign and member_id <> @member and state = 'ready' and reason >= 'failed: ' and reason < 'failed;'",
		Due: func(tx *store.Tx) (ids []int64, err error) {
			err = tx.All(&ids, `
				select id
				from  (select c.id, (select min(p.wake_at) from passages p where p.campaign_id = c.id and p.wake_at <= @now) as first
				       from campaigns c where c.live) w
				where  first is not null
				order  by first, id`, store.Args{"now": tx.At})
			return ids, err
		},
		Pieces: func(tx *store.Tx, campaign int64, most int) (all []isolation.Piece, err error) {
			err = tx.All(&all, due("id, member_id", ""), store.Args{"campaign": campaign, "now": tx.At, "most": most})
			return all, err
		},
		Do: func(t isolation.Turn, only []int64) (int, error) {
			among := ""
			if only != nil {
				among = "and id in " + t.Tx.In("@only")
			}
			var ids []int64
			err := t.Tx.All(&ids, due("id", among)+t.Tx.SkipLocked(),
				store.Args{"campaign": t.ID, "now": t.Tx.At, "most": t.Most, "only": store.IDs(only)})
			if err != nil {
				return 0, err
			}
			return len(ids), takeSteps(t, ids, false)
		},
	})
}

// putOff lets a passage that fails by itself wait, the longer the longer it has been
// due, and keeps the reason, by which an apply knows it (apply/retry.go).
func putOff(tx *store.Tx, _, passage int64, why error) error {
	var base loyalty.Instant
	err := tx.One(&base, "select base_at from passages where id = @id", store.Args{"id": passage})
	if err != nil {
		return store.IgnoreNotFound(err)
	}
	pause := min(6*time.Hour, max(time.Minute, tx.At.Sub(base.Time)))
	_, err = tx.Exec("update passages set wake_at = @wake, reason = @why where id = @id and state = 'ready'",
		store.Args{"id": passage, "wake": tx.At.Plus(pause), "why": "failed: " + store.Brief(why)})
	return err
}

// AskAgain lets the passages that found no code ask for one at once.
func AskAgain(tx *store.Tx) error {
	_, err := tx.Exec("update passages set wake_at = @now where state = 'ready' and reason = 'out_of_codes' and wake_at > @now", store.Args{"now": tx.At})
	return err
}
