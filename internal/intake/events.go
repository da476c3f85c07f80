package intake

import (
	"encoding/json"
	"fmt"
	"strings"

	"regulars/internal/loyalty"
	"regulars/internal/store"
)

// saveEvents stores the events themselves, which makes a second delivery of any
// of them known.
func (b *batch) saveEvents(wave []*item) error {
	write := b.insertEvents
	if len(wave) >= store.Copied {
		write = b.copyEvents
	}
	if err := write(wave); err != nil {
		return fmt.Errorf("storing events: %w", err)
	}
	for _, it := range wave {
		it.Result = Result{State: Stored, Member: it.who.id}
	}
	return nil
}

var eventColumns = []string{
	"source text", "external_id text", "member_id bigint", "type text", "at timestamptz", "day bigint", "received_at timestamptz", "order_id bigint", "properties jsonb",
}

// eventValues adds those columns to a row.
func (b *batch) eventValues(row []any, it *item) []any {
	var order any
	if it.order != nil && it.order.ID != 0 {
		order = it.order.ID
	}
	return append(row, it.Source, it.Event.ID, it.who.id, it.Type, it.At, int64(loyalty.DayOf(it.At.Time, b.shop.Zone)), b.tx.At, order, b.properties(it))
}

func (b *batch) insertEvents(wave []*item) error {
	rows := make([][]any, len(wave))
	byID := map[orderKey]*item{}
	for i, it := range wave {
		rows[i] = b.eventValues(make([]any, 0, len(eventColumns)), it)
		rows[i][len(eventColumns)-1] = json.RawMessage(rows[i][len(eventColumns)-1].(string))
		byID[orderKey{it.Source, it.Event.ID}] = it
	}
	return b.tx.Each(`
		insert into events (`+names(eventColumns, "")+`)
		select `+names(eventColumns, "r.")+`
		from   `+b.tx.Wide(eventColumns...)+`
		order  by r.source, r.external_id
		returning id, source, external_id`, b.tx.Wider(rows, eventColumns...), func(scan func(...any) error) error {
		var id int64
		var k orderKey
		if err := scan(&id, &k.source, &k.id); err != nil {
			return err
		}
		byID[k].event = id
		return nil
	})
}

// copyEvents is insertEvents of many, as copyOrders is of orders.
func (b *batch) copyEvents(wave []*item) error {
	ids, err := b.tx.TakeIDs("events", len(wave))
	if err != nil {
		return err
	}
	n, row := 0, make([]any, 0, len(eventColumns)+1)
	_, err = b.tx.Stream("events", append(strings.Split(names(eventColumns, ""), ", "), "id"), func() ([]any, error) {
		if n == len(wave) {
			return nil, nil
		}
		wave[n].event = ids[n]
		row = append(b.eventValues(row[:0], wave[n]), ids[n])
		n++
		return row, nil
	})
	return err
}
