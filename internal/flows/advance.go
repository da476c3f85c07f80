package flows

import (
	"context"
	"time"

	"regulars/internal/isolation"
	"regulars/internal/loyalty"
	"regulars/internal/store"
)

// advancedAtOnce is how many passages one transaction takes on.
const advancedAtOnce = 1000

// duePassages asks for passages of @campaign that are due, some of them perhaps.
func duePassages(among string) string {
	return "select id from passages where campaign_id = @campaign and wake_at <= @now and state = 'ready' " + among + " order by wake_at, id limit @most "
}

// Advance takes passages that are due as far as they can go now: to their next
// mail, to a wait, or to their end. It returns how many it took. Many workers may
// call it at once: each passage is claimed first. Those of a draft wait until it is
// live again.
func Advance(ctx context.Context, db *store.DB) (int, error) {
	args := func(tx *store.Tx, campaign int64, only []int64) store.Args {
		return store.Args{"campaign": campaign, "now": tx.At, "most": advancedAtOnce, "only": store.IDs(only)}
	}
	return isolation.Each(ctx, db, isolation.Work{
		Name: "passages", Limit: isolation.Quick,
		Due: func(tx *store.Tx) (ids []int64, err error) {
			err = tx.All(&ids, `
				select id
				from  (select c.id, (select min(p.wake_at) from passages p where p.campaign_id = c.id and p.wake_at <= @now) as first
				       from campaigns c where c.live) w
				where  first is not null
				order  by first, id`, store.Args{"now": tx.At})
			return ids, err
		},
		Do: func(t isolation.Turn, only []int64) (int, error) {
			among := ""
			if only != nil {
				among = "and id in " + t.Tx.In("@only")
			}
			var ids []int64
			if err := t.Tx.All(&ids, duePassages(among)+t.Tx.SkipLocked(), args(t.Tx, t.ID, only)); err != nil {
				return 0, err
			}
			return len(ids), takeSteps(t, ids, false)
		},
		Pieces: func(tx *store.Tx, campaign int64) (ids []int64, err error) {
			err = tx.All(&ids, duePassages(""), args(tx, campaign, nil))
			return ids, err
		},
		PutOff: putOff,
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
