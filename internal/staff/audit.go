package staff

import (
	"fmt"
	"strings"

	"regulars/internal/loyalty"
	"regulars/internal/store"
)

// Act is a row of the audit: who did what, to what, when, and what it was before and
// after. Members are named by their number here, never by name or address.
type Act struct {
	ID     int64           `json:"id"`
	At     loyalty.Instant `json:"at"`
	By     string          `json:"by" gorm:"column:by_whom"`
	Act    string          `json:"act"`
	About  string          `json:"about"`
	Before string          `json:"before"`
	After  string          `json:"after"`
}

// longestNote bounds what is kept of a before or an after.
const longestNote = 2000

// Note writes an act down, in the transaction in which it is done.
func Note(tx *store.Tx, a Act) error {
	if a.By == "" {
		a.By = "somebody"
	}
	_, err := tx.Exec(`
		insert into audit (at, by_whom, act, about, before, after) values (@now, @by, @act, @about, @before, @after)`,
		store.Args{"now": tx.At, "by": a.By, "act": a.Act, "about": a.About, "before": cut(a.Before), "after": cut(a.After)})
	if err != nil {
		return fmt.Errorf("the audit of %s: %w", a.Act, err)
	}
	return nil
}

// cut bounds a text, at the end of a letter.
func cut(s string) string {
	if len(s) <= longestNote {
		return s
	}
	return strings.ToValidUTF8(s[:longestNote], "") + "…"
}

// Audit returns acts, the newest first, from before a row on; 0 is from the newest.
func Audit(tx *store.Tx, before int64, limit int) (acts []Act, err error) {
	err = tx.All(&acts, `
		select id, at, by_whom, act, about, before, after
		from   audit
		where  @before = 0 or id < @before
		order  by id desc
		limit  @limit`, store.Args{"before": before, "limit": limit})
	return acts, err
}
