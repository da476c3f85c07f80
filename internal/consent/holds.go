package consent

import (
	"fmt"
	"strconv"

	"regulars/internal/loyalty"
	"regulars/internal/store"
)

// Holds is what persons have stopped, by scope.
type Holds map[string]HoldRow

// HoldRow is one thing that is stopped.
type HoldRow struct {
	Scope   string `gorm:"primaryKey"`
	Because string
	ByWhom  string
	At      loyalty.Instant
}

// TableName is of GORM.
func (HoldRow) TableName() string { return "holds" }

// The scopes of a hold, beside Campaign.
const (
	HoldAll    = "all"
	HoldOffers = "offers"
	// HoldUnsure is Regulars' own: bulk mails and offers wait until it is known
	// whether the database was restored from a copy.
	HoldUnsure = "unsure"
)

// ByItself is who holds what Regulars has stopped without a person.
const ByItself = "regulars"

// HoldCampaign is the scope of one campaign.
func HoldCampaign(id int64) string { return "campaign:" + strconv.FormatInt(id, 10) }

// Held returns all holds. It is asked before each batch, so that a hold works
// within a second in every replica: the table has a row per hold and is mostly empty.
func Held(tx *store.Tx) (Holds, error) {
	var rows []HoldRow
	if err := tx.All(&rows, "select scope, because, by_whom, at from holds", nil); err != nil {
		return nil, fmt.Errorf("reading what is held: %w", err)
	}
	held := Holds{}
	for _, row := range rows {
		held[row.Scope] = row
	}
	return held, nil
}

// Stops returns the hold that stops a mail of that campaign and class, if one does;
// bulk says that it is one of a run.
func (h Holds) Stops(campaign int64, class string, bulk bool) (HoldRow, bool) {
	scopes := []string{HoldAll, HoldCampaign(campaign)}
	if class == loyalty.Offer {
		scopes = append(scopes, HoldOffers)
	}
	if class == loyalty.Offer || bulk {
		scopes = append(scopes, HoldUnsure)
	}
	for _, scope := range scopes {
		if row, ok := h[scope]; ok {
			return row, true
		}
	}
	return HoldRow{}, false
}

// Hold stops a scope until it is released. Holding it again replaces the reason.
func Hold(tx *store.Tx, scope, because, byWhom string) error {
	there, err := tx.Change(&HoldRow{Scope: scope}, store.Args{"because": because, "by_whom": byWhom})
	if err == nil && !there {
		err = tx.Put(&HoldRow{Scope: scope, Because: because, ByWhom: byWhom, At: tx.At})
	}
	if err != nil {
		return fmt.Errorf("holding %s: %w", scope, err)
	}
	return nil
}

// Release ends a hold and reports whether there was one.
func Release(tx *store.Tx, scope string) (bool, error) {
	there, err := tx.Remove(&HoldRow{Scope: scope})
	if err != nil {
		return false, fmt.Errorf("releasing %s: %w", scope, err)
	}
	return there, nil
}
