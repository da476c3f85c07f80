package happenings

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"

	"regulars/internal/loyalty"
	"regulars/internal/outbox"
	"regulars/internal/store"
	"regulars/internal/versions"
)

// OwnSource is whose events are that Regulars itself tells: what became of a tier, a card
// that is full.
const OwnSource = "regulars"

// Own is such an event. Its key is its id: the same one is told once.
type Own struct {
	Member     int64
	Type, Key  string
	Order      int64 // by which it came; 0: by none
	Properties map[string]any
	News       bool // campaigns start by it
}

// storedEvent is one that was stored just now.
type storedEvent struct {
	ID         int64
	ExternalID string
}

// Tell stores events of our own that are not stored yet, in their order, and has
// campaigns hear of them. today is the shop's day. The caller holds the locks of the
// members.
func Tell(tx *store.Tx, today loyalty.Day, all []Own) error {
	if len(all) == 0 {
		return nil
	}
	byKey, rows := map[string]Own{}, make([][]any, len(all))
	for i, e := range all {
		var order any
		if e.Order != 0 {
			order = e.Order
		}
		rows[i] = []any{i, e.Key, e.Member, e.Type, order, json.RawMessage(store.JSON(e.Properties))}
		byKey[e.Key] = e
	}
	columns := []string{"n bigint", "external_id text", "member_id bigint", "type text", "order_id bigint", "properties jsonb"}
	args := tx.Wider(rows, columns...)
	args["now"], args["today"] = tx.At, int64(today)
	insert := `
		insert into events (source, external_id, member_id, type, at, day, received_at, order_id, properties)
		select '` + OwnSource + `', r.external_id, r.member_id, r.type, ` + tx.Instant("@now") + `, cast(@today as bigint), ` + tx.Instant("@now") + `, r.order_id, r.properties
		from   ` + tx.Wide(columns...) + `
		where  true
		order  by r.n
		on conflict (source, external_id) do nothing`
	doing := fmt.Sprintf("telling %d events of our own", len(all))
	heard, err := anyHears(tx, all)
	if err != nil {
		return err
	}
	if !heard {
		return tx.Later(doing, insert, args)
	}
	var stored []storedEvent
	err = tx.Each(insert+" returning id, external_id", args, func(scan func(into ...any) error) error {
		var s storedEvent
		err := scan(&s.ID, &s.ExternalID)
		stored = append(stored, s)
		return err
	})
	if err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	slices.SortFunc(stored, func(a, b storedEvent) int { return cmp.Compare(a.ID, b.ID) })
	told := make([]Own, len(stored))
	for i, s := range stored {
		told[i] = byKey[s.ExternalID]
	}
	if err := tellOfOwn(tx, told); err != nil {
		return err
	}
	var news, history []Happened
	for _, s := range stored {
		e := byKey[s.ExternalID]
		if h := e.happened(tx, s.ID); e.News {
			news = append(news, h)
		} else {
			history = append(history, h)
		}
	}
	if err := HearHistory(tx, history); err != nil {
		return err
	}
	return Hear(tx, news)
}

// anyHears reports whether a campaign, a segment or another system may hear of an event of
// our own. Of one that nobody hears of, it is of no account whether it was stored before.
func anyHears(tx *store.Tx, all []Own) (bool, error) {
	v, err := versions.Active(tx)
	if err = versions.IgnoreNoProgram(err); err != nil {
		return false, err
	}
	for _, e := range all {
		if e.News {
			if wanted, err := outbox.Wants(tx, e.Type); wanted || err != nil {
				return wanted, err
			}
		}
		if v != nil && e.happened(tx, 0).mayBeHeard(v, e.News, tx.At) {
			return true, nil
		}
	}
	return false, nil
}

// happened is the event as campaigns hear of it.
func (e Own) happened(tx *store.Tx, event int64) Happened {
	return Happened{Member: e.Member, Event: event, Type: e.Type, At: tx.At}
}

// tellOfOwn tells other systems of events of our own that are news, in their order, a
// statement for each type that is wanted.
func tellOfOwn(tx *store.Tx, all []Own) error {
	byType := map[string][]outbox.News{}
	var types []string
	for _, e := range all {
		if !e.News {
			continue
		}
		if byType[e.Type] == nil {
			types = append(types, e.Type)
		}
		byType[e.Type] = append(byType[e.Type], outbox.News{Member: e.Member, Detail: e.Properties})
	}
	for _, kind := range types {
		if err := outbox.Tell(tx, kind, byType[kind]); err != nil {
			return err
		}
	}
	return nil
}
