package jobs

import (
	"context"
	"log/slog"
	"os"

	"regulars/internal/store"
)

// TakeBack ends the leases of workers that are gone, so that what they had in hand
// is taken up at once and not after a minute. It is called while no other process
// works on the database (store.Enter). On Postgres a worker may be at work that has
// only lost its connection: so nothing is taken back while one was seen lately that
// is not of this host, a name that its restarted process shares. Fences stay as they
// are, and what may have been on the wire still becomes unknown.
func TakeBack(ctx context.Context, db *store.DB, log *slog.Logger) error {
	host, _ := os.Hostname()
	var n int64
	err := db.Update(ctx, func(tx *store.Tx) error {
		n = 0
		ours := store.Args{"host": host + "-", "n": len([]rune(host)) + 1}
		if tx.Postgres() {
			var others int
			err := tx.One(&others, "select count(*) from replicas where seen_at > "+tx.MachineIn(-lease)+" and substr(id, 1, @n) <> @host", ours)
			if err != nil || others > 0 {
				return err
			}
		}
		now := tx.Machine()
		for _, statement := range []string{
			"update jobs     set lease_until = null where state = 'running' and lease_until > " + now,
			"update chunks   set lease_until = " + now + " where not done and lease_until > " + now,
			"update due      set retry_at = " + now + " where retry_at > " + now + `
			 and exists (select 1 from sends s where s.id = due.send_id and s.state in ('claimed', 'handing'))`,
			"delete from replicas where substr(id, 1, @n) = @host and seen_at <= " + now,
		} {
			ended, err := tx.Exec(statement, ours)
			if err != nil {
				return err
			}
			n += ended
		}
		return nil
	})
	if err == nil && n > 0 {
		log.Info("no other worker is here: what the last one had in hand when it ended is taken up at once")
	}
	return err
}
