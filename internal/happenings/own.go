package happenings

import (
	"encoding/json"
	"fmt"
	"slices"

	"regulars/internal/store"
)

// Source is whose our own events are.
const Source = "regulars"

// Own is an event of ours: what became of a member by what they did.
type Own struct {
	Member     int64
	ID, Type   string
	Order      int64 // orders.id; 0: none
	Properties map[string]any
	Past       bool // nothing starts by it
}

// Tell stores events of ours that are not stored yet, at the transaction's moment, and
// has campaigns hear of them. The members are locked.
func Tell(tx *store.Tx, all []Own) error {
	if len(all) == 0 {
		return nil
	}
	today, err := tx.Today()
	if err != nil {
		return err
	}
	byID, rows := map[string]Own{}, make([][]any, len(all))
	for i, e := range all {
		var order any
		if e.Order != 0 {
			order = e.Order
		}
		rows[i] = []any{i, e.ID, e.Member, e.Type, order, json.RawMessage(store.JSON(e.Properties))}
		byID[e.ID] = e
	}
	var stored []struct {
		ID         int64
		ExternalID string
	}
	err = tx.All(&stored, `
		insert into events (source, external_id, member_id, type, at, day, received_at, order_id, properties)
		select '`+Source+`', r.external_id, r.member_id, r.type, `+tx.Instant("@now")+`, cast(@today as bigint), `+tx.Instant("@now")+`, r.order_id, r.properties
		from   `+tx.Values("n bigint", "external_id text", "member_id bigint", "type text", "order_id bigint", "properties jsonb")+`
		where  true
		order  by r.n
		on conflict (source, external_id) do nothing
		returning id, external_id`, store.Args{"rows": store.Rows(rows), "now": tx.At, "today": int64(today)})
	if err != nil {
		return fmt.Errorf("storing events of our own: %w", err)
	}
	var news, history []Happened
	for _, s := range stored {
		e := byID[s.ExternalID]
		h := Happened{Member: e.Member, Event: s.ID, Type: e.Type, At: tx.At}
		if e.Past {
			history = append(history, h)
		} else {
			news = append(news, h)
		}
	}
	byEvent := func(a, b Happened) int { return int(a.Event - b.Event) }
	slices.SortFunc(news, byEvent)
	slices.SortFunc(history, byEvent)
	if err := HearHistory(tx, history); err != nil {
		return err
	}
	return Hear(tx, news)
}
