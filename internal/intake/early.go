package intake

import (
	"encoding/json"
	"fmt"
	"strings"

	"regulars/internal/loyalty"
	"regulars/internal/store"
)

// Shops tell of refunds and cancellations without saying whose the order is. When
// such an event comes before its order, nobody can be found: it is kept in
// early_events and taken in together with the order. That of an order which never
// comes is thrown away when it is old (engine/retention.go).

// keepEarly keeps events of orders that nobody knows yet.
func (b *batch) keepEarly(early []*item) error {
	if len(early) == 0 {
		return nil
	}
	rows := make([][]any, len(early))
	for i, it := range early {
		rows[i] = []any{it.Source, it.Event.ID, it.Order.ID, it.At, json.RawMessage(store.JSON(it.Event))}
	}
	var kept []struct{ Source, ExternalID string }
	err := b.tx.All(&kept, `
		insert into early_events (source, external_id, order_id, at, received_at, event)
		select r.source, r.external_id, r.order_id, r.at, `+b.tx.Instant("@now")+`, r.event
		from   `+b.tx.Values("source text", "external_id text", "order_id text", "at timestamptz", "event jsonb")+`
		where  true
		order  by r.source, r.external_id
		on conflict (source, external_id) do nothing
		returning source, external_id`, store.Args{"rows": store.Rows(rows), "now": b.tx.At})
	if err != nil {
		return fmt.Errorf("keeping %d events of orders that are yet to come: %w", len(early), err)
	}
	fresh := map[orderKey]bool{}
	for _, k := range kept {
		fresh[orderKey{k.Source, k.ExternalID}] = true
	}
	for _, it := range early {
		b.early = append(b.early, orderKey{it.Source, it.Order.ID})
		if it.known(); fresh[orderKey{it.Source, it.Event.ID}] {
			it.Note("order.id", "nobody has told us of order %s yet: this is kept, and applied when the order comes", it.Order.ID)
			it.Result = Result{State: Stored}
		}
	}
	return nil
}

// meet has events and the orders that they came before find each other though both
// are under way: the name of an order is locked by who makes it and by who keeps an
// event for it, and whoever is second sees what the first has committed.
func (b *batch) meet() error {
	if len(b.early)+len(b.fresh) == 0 {
		return nil
	}
	names := map[string]bool{}
	for _, k := range b.fresh {
		names[k.source+" "+k.id] = false
	}
	var rows [][]any
	for _, k := range b.early {
		names[k.source+" "+k.id] = true
		rows = append(rows, []any{k.source, k.id})
	}
	if err := b.tx.LockNames("orders", names); err != nil || rows == nil {
		return err
	}
	var come int
	err := b.tx.One(&come, `
		select count(*)
		from   `+b.tx.Values("source text", "id text")+`
		join   orders o on o.source = r.source and o.external_id = r.id
		join   early_events e on e.source = r.source and e.order_id = r.id`, store.Args{"rows": store.Rows(rows)})
	if err == nil && come > 0 {
		err = errAgain
	}
	return err
}

// takeEarly takes in what was told before of the orders of the batch.
func (b *batch) takeEarly() error {
	if err := b.meet(); err != nil {
		return err
	}
	var rows [][]any
	for k := range b.orders {
		rows = append(rows, []any{k.source, k.id})
	}
	if rows == nil {
		return nil
	}
	if len(rows) >= store.Copied { // there is hardly ever one
		var some bool
		if err := b.tx.One(&some, "select exists (select 1 from early_events)", nil); err != nil || !some {
			return err
		}
	}
	args := store.Args{"rows": store.Rows(rows)}
	table := b.tx.Values("source text", "id text")
	type told struct{ source, event string }
	var early []told
	err := b.tx.Each(`
		select e.source, cast(e.event as text) as event
		from   `+table+`
		join   early_events e on e.source = r.source and e.order_id = r.id
		order  by e.at, e.external_id`, args, func(scan func(...any) error) error {
		var t told
		err := scan(&t.source, &t.event)
		early = append(early, t)
		return err
	})
	if err != nil || len(early) == 0 {
		return err
	}
	if _, err := b.tx.Exec("delete from early_events where (source, order_id) in (select r.source, r.id from "+table+")", args); err != nil {
		return err
	}
	then := &batch{tx: b.tx, shop: b.shop, mode: b.mode}
	for _, row := range early {
		var e loyalty.Event
		d := json.NewDecoder(strings.NewReader(row.event))
		d.UseNumber()
		if err := d.Decode(&e); err != nil {
			return fmt.Errorf("an event that was kept for its order: %w", err)
		}
		e.Source = row.source
		then.add(&item{Row: Row{Event: e}})
	}
	return then.take()
}
