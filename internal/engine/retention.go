package engine

import (
	"context"
	"time"

	"regulars/internal/loyalty"
	"regulars/internal/store"
)

// For how long things are kept that nothing is computed from: raw bodies of
// webhooks hold personal data, and jobs name members.
const (
	keepHooks = 30 * 24 * time.Hour
	keepJobs  = 90 * 24 * time.Hour
)

// retainAtOnce bounds how many rows of a table one transaction deletes.
const retainAtOnce = 1000

// kept says of a table how old its rows may become, and since when they count as
// old.
type kept struct {
	table, over string
	keep        time.Duration
}

// A webhook that waits for a person stays until it was dealt with: nobody has
// taken its contents in yet. A job that is not over is never old.
var retention = []kept{
	{"hooks", "state <> 'parked' and received_at < @before", keepHooks},
	{"jobs", "state in ('done', 'failed', 'cancelled') and finished_at < @before", keepJobs},
}

// retain throws away what was kept long enough, once a shop day. It does a
// bounded piece and returns how many rows that were.
func retain(ctx context.Context, db *store.DB) (int, error) {
	return daily(ctx, db, PassRetain, func(tx *store.Tx, _ loyalty.Day) (did int, more bool, err error) {
		for _, k := range retention {
			n, err := k.delete(tx)
			if err != nil {
				return 0, false, err
			}
			did, more = did+n, more || n == retainAtOnce
		}
		return did, more, nil
	})
}

// delete throws away the oldest rows, but not all at once.
func (k kept) delete(tx *store.Tx) (int, error) {
	n, err := tx.Exec("delete from "+k.table+" where id in (select id from "+k.table+" where "+k.over+" order by id limit @most)",
		store.Args{"before": loyalty.At(tx.At.Add(-k.keep)), "most": retainAtOnce})
	return int(n), err
}
