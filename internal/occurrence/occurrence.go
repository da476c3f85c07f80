// Package occurrence keeps the starts of campaigns. It promises that each is one row,
// by a key that is unique in its campaign: of workers who open the same one, one is
// told that it is new.
package occurrence

import (
	"errors"
	"fmt"

	"regulars/internal/loyalty"
	"regulars/internal/store"
)

// The two decisions about an occurrence.
const (
	Started = "started"
	Skipped = "skipped"
)

// Occurrence is one start of a campaign.
type Occurrence struct {
	Campaign int64
	Key      string // unique in the campaign: what makes two workers start it once
	Day      loyalty.Day
	Decision string // "": started
	Reason   string
	Vars     map[string]any // launch.… values
	By       string         // who started it; "": nobody, it came by itself
}

// Open records an occurrence and returns its id, and whether it is new. One that
// was there stays as it is.
func Open(tx *store.Tx, o Occurrence) (id int64, fresh bool, err error) {
	if id, err = ID(tx, o.Campaign, o.Key); !errors.Is(err, store.ErrNotFound) {
		return id, false, err
	}
	if o.Decision == "" {
		o.Decision = Started
	}
	if o.Vars == nil {
		o.Vars = map[string]any{}
	}
	err = tx.One(&id, `
		insert into occurrences (campaign_id, key, day, at, decision, reason, vars, started_by)
		values (@campaign, @key, @day, @now, @decision, @reason, `+tx.JSONParam("@vars")+`, @by)
		on conflict (campaign_id, key) do nothing
		returning id`,
		store.Args{"campaign": o.Campaign, "key": o.Key, "day": int64(o.Day), "now": tx.At,
			"decision": o.Decision, "reason": o.Reason, "vars": store.JSON(o.Vars), "by": o.By})
	if errors.Is(err, store.ErrNotFound) { // another transaction was first
		id, err = ID(tx, o.Campaign, o.Key)
		return id, false, err
	}
	if err != nil {
		return 0, false, fmt.Errorf("occurrence %s of campaign %d: %w", o.Key, o.Campaign, err)
	}
	return id, true, nil
}

func ID(tx *store.Tx, campaign int64, key string) (id int64, err error) {
	err = tx.One(&id, "select id from occurrences where campaign_id = @campaign and key = @key",
		store.Args{"campaign": campaign, "key": key})
	return id, err
}

func Skip(tx *store.Tx, id int64, reason string) error {
	_, err := tx.Change(&store.OccurrenceRow{ID: id}, store.Args{"decision": "skipped", "reason": reason})
	return err
}

// Late is the reason of one that is skipped because its moment is over.
const Late = "late"
