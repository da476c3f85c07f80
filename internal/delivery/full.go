package delivery

import (
	"fmt"
	"time"

	"regulars/internal/consent"
	"regulars/internal/store"
)

// When an address whose mailbox is full is given up.
const (
	mostFull  = 5
	leastFull = 14 * 24 * time.Hour
)

// full counts a mailbox that was full for a send, each send once, and reports whether
// the address is given up for it.
func full(tx *store.Tx, key []byte, send int64, source string) (bool, error) {
	var row struct {
		N    int
		Long bool
	}
	err := tx.One(&row, `
		insert into soft_bounces (n, email_key, first_at, last_at, send_id)
		values (1, @key, `+tx.Instant("@now")+`, `+tx.Instant("@now")+`, @send)
		on conflict (email_key) do update
		set    n       = soft_bounces.n + case when soft_bounces.send_id = excluded.send_id and excluded.send_id <> 0 then 0 else 1 end,
		       last_at = excluded.last_at,
		       send_id = excluded.send_id
		returning n, first_at <= `+tx.Instant("@before")+` as long`,
		store.Args{"key": key, "send": send, "now": tx.At, "before": tx.At.Plus(-leastFull)})
	if err != nil {
		return false, fmt.Errorf("counting a full mailbox: %w", err)
	}
	if row.N < mostFull || !row.Long {
		return false, nil
	}
	return true, consent.Suppress(tx, key, consent.SoftBounces, source)
}

// emptied forgets full mailboxes of an address at which a mail arrived.
func emptied(tx *store.Tx, key []byte) error {
	_, err := tx.Exec("delete from soft_bounces where email_key = @key", store.Args{"key": key})
	return err
}

// countFull counts the mailboxes that the relay itself said are full.
func countFull(tx *store.Tx, results []result) error {
	for _, e := range results {
		if e.state == failed && e.reason == mailboxOut && len(e.s.EmailKey) > 0 {
			if _, err := full(tx, e.s.EmailKey, e.s.Send, "smtp"); err != nil {
				return err
			}
		}
	}
	return nil
}
