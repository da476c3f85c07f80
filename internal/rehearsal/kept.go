package rehearsal

import (
	"encoding/json"
	"fmt"

	"regulars/internal/loyalty"
	"regulars/internal/store"
)

// Kept is what came of the last rehearsal of a change of the program.
type Kept struct {
	AsOf    loyalty.Instant
	Seen    string // what stands for the change as it was rehearsed
	Outcome Outcome
}

// Keep keeps what came of the rehearsal of a change; what was kept before is gone.
func Keep(tx *store.Tx, change int64, seen string, o Outcome) error {
	text, err := json.Marshal(o)
	if err != nil {
		return fmt.Errorf("keeping the rehearsal of change %d: %w", change, err)
	}
	_, err = tx.Exec(`
		insert into rehearsals (proposal_id, seen, as_of, body) values (@change, @seen, @now, @body)
		on conflict (proposal_id) do update set seen = excluded.seen, as_of = excluded.as_of, body = excluded.body`,
		store.Args{"change": change, "seen": seen, "now": tx.At, "body": string(text)})
	return err
}

// LastOf returns what was kept of a change, or store.ErrNotFound.
func LastOf(tx *store.Tx, change int64) (k Kept, err error) {
	var row struct {
		AsOf       loyalty.Instant
		Seen, Body string
	}
	if err := tx.One(&row, "select as_of, seen, body from rehearsals where proposal_id = @change", store.Args{"change": change}); err != nil {
		return k, err
	}
	k.AsOf, k.Seen = row.AsOf, row.Seen
	if err := json.Unmarshal([]byte(row.Body), &k.Outcome); err != nil {
		return k, fmt.Errorf("the rehearsal of change %d: %w", change, err)
	}
	return k, nil
}
