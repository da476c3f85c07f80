package delivery

import (
	"encoding/json"
	"fmt"

	"regulars/internal/loyalty"
	"regulars/internal/store"
	"regulars/segments"
)

// started is what set a passage off: its order and its event, as mails show them
// and rules read them. The zero value is nothing.
type started struct {
	order *startOrder
	event *startEvent
}

type startOrder struct {
	ID         int64
	ExternalID string
	Day        loyalty.Day
	Status     string
	Counts     bool
	Total      int64
	Refunded   int64
	Discount   int64
	Quantity   int64
	Shop       string
	lines      []loyalty.Line
}

type startEvent struct {
	ID         int64
	Type       string
	Day        loyalty.Day
	Properties string
	values     map[string]any
	err        error // why the properties cannot be read
}

// rule returns the order as rules read it.
func (s started) rule() *segments.Order {
	o := s.order
	if o == nil {
		return nil
	}
	return &segments.Order{Day: o.Day, Counts: o.Counts, Total: o.Total, Refunded: o.Refunded,
		Discount: o.Discount, Quantity: o.Quantity, Shop: o.Shop, Lines: o.lines}
}

// happened returns the event's properties.
func (s started) happened() map[string]any {
	if s.event == nil {
		return nil
	}
	return s.event.values
}

func ordersOf(tx *store.Tx, ids []int64) (map[int64]*startOrder, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	args := store.Args{"ids": store.JSON(ids)}
	var rows []startOrder
	err := tx.All(&rows, `
		select id, external_id, day, status, counts, total, refunded, discount, quantity, shop
		from   orders
		where  id in (select value from `+tx.JSONEach("@ids")+`)`, args)
	if err != nil {
		return nil, err
	}
	orders := map[int64]*startOrder{}
	for i := range rows {
		orders[rows[i].ID] = &rows[i]
	}
	var lines []struct {
		OrderID                        int64
		Product, Name, Category, Brand string
		Labels                         loyalty.Labels
		Quantity, Total                int64
	}
	err = tx.All(&lines, `
		select order_id, product, name, category, brand, cast(labels as text) as labels, quantity, total
		from   order_lines
		where  order_id in (select value from `+tx.JSONEach("@ids")+`)
		order  by order_id, n`, args)
	for _, l := range lines {
		if o := orders[l.OrderID]; o != nil {
			o.lines = append(o.lines, loyalty.Line{Product: l.Product, Name: l.Name, Category: l.Category, Brand: l.Brand, Labels: l.Labels, Quantity: l.Quantity, Total: l.Total})
		}
	}
	return orders, err
}

func eventsOf(tx *store.Tx, ids []int64) (map[int64]*startEvent, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	var rows []startEvent
	err := tx.All(&rows, `
		select id, type, day, cast(properties as text) as properties
		from   events
		where  id in (select value from `+tx.JSONEach("@ids")+`)`, store.Args{"ids": store.JSON(ids)})
	if err != nil {
		return nil, err
	}
	events := map[int64]*startEvent{}
	for i := range rows {
		e := &rows[i]
		if e.values, err = values(e.Properties); err != nil {
			e.err = fmt.Errorf("properties of event %d: %w", e.ID, err)
		}
		events[e.ID] = e
	}
	return events, nil
}

// values reads a JSON object as rules and mails take it: whole numbers stay whole.
func values(text string) (map[string]any, error) {
	var raw map[string]any
	if text == "" || text == "{}" {
		return nil, nil
	}
	if err := json.Unmarshal([]byte(text), &raw); err != nil {
		return nil, err
	}
	for name, v := range raw {
		if f, ok := v.(float64); ok && f == float64(int64(f)) {
			raw[name] = int64(f)
		}
	}
	return raw, nil
}

// data returns what a mail reads as order.….
func (o *startOrder) data() map[string]any {
	lines := make([]map[string]any, len(o.lines))
	for i, l := range o.lines {
		lines[i] = map[string]any{"product": l.Product, "name": l.Name, "category": l.Category, "brand": l.Brand,
			"quantity": l.Quantity, "total": l.Total}
	}
	return map[string]any{"id": o.ExternalID, "date": o.Day, "total": o.Total - o.Refunded, "discount": o.Discount,
		"quantity": o.Quantity, "status": o.Status, "shop": o.Shop, "lines": lines}
}

// data returns what a mail reads as event.….
func (e *startEvent) data() map[string]any {
	d := map[string]any{"type": e.Type, "at": e.Day}
	for name, v := range e.values {
		if _, ours := d[name]; !ours {
			d[name] = v
		}
	}
	return d
}
