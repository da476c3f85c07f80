package rules

import (
	"encoding/json"
	"fmt"
	"strings"

	"regulars/internal/loyalty"
	"regulars/internal/store"
	"regulars/segments"
)

// IsTest reports whether an order is somebody trying the shop out.
func IsTest(tx *store.Tx, order int64) (bool, error) {
	var status string
	err := tx.One(&status, "select status from orders where id = @id", store.Args{"id": order})
	return status == loyalty.Test, err
}

// Trigger is what started a passage, as rules read it.
type Trigger struct {
	Order *segments.Order
	Event map[string]any
}

// Reads says which values beside the member a rule reads: of the order or event
// that started the passage, and of its occurrence (codes, launch values).
func Reads(rule *segments.Rule) (personal, shared bool) {
	for _, field := range rule.Reads() {
		root, _, dotted := strings.Cut(field, ".")
		personal = personal || dotted && (root == "order" || root == "event")
		shared = shared || field == "unused" || dotted && root == "launch"
	}
	return personal, shared
}

// ReadTrigger reads an event and an order; 0: none.
func ReadTrigger(tx *store.Tx, event, order int64) (t Trigger, err error) {
	if order != 0 {
		if t.Order, err = ReadOrder(tx, order); err != nil {
			return t, fmt.Errorf("order %d: %w", order, err)
		}
	}
	if event != 0 {
		var text string
		if err := tx.One(&text, "select cast(properties as text) from events where id = @id", store.Args{"id": event}); err != nil {
			return t, fmt.Errorf("event %d: %w", event, err)
		}
		if t.Event, err = Values(text); err != nil {
			return t, fmt.Errorf("properties of event %d: %w", event, err)
		}
	}
	return t, nil
}

// ReadOrder reads an order as rules see it.
func ReadOrder(tx *store.Tx, id int64) (*segments.Order, error) {
	var row struct {
		Day, Total, Refunded, Discount, Quantity int64
		Counts                                   bool
		Shop                                     string
	}
	err := tx.One(&row, "select day, counts, total, refunded, discount, quantity, shop from orders where id = @id", store.Args{"id": id})
	if err != nil {
		return nil, err
	}
	o := &segments.Order{Day: loyalty.Day(row.Day), Counts: row.Counts, Total: row.Total, Refunded: row.Refunded,
		Discount: row.Discount, Quantity: row.Quantity, Shop: row.Shop}
	err = tx.All(&o.Lines, "select product, name, category, brand, cast(labels as text) as labels, quantity, total from order_lines where order_id = @id order by n",
		store.Args{"id": id})
	return o, err
}

// LaunchValues returns the values that an occurrence was launched with.
func LaunchValues(tx *store.Tx, occurrence int64) (map[string]any, error) {
	var text string
	if err := tx.One(&text, "select cast(vars as text) from occurrences where id = @id", store.Args{"id": occurrence}); err != nil {
		return nil, err
	}
	return Values(text)
}

// Values reads a JSON object as rules take it: whole numbers stay whole.
func Values(text string) (map[string]any, error) {
	var raw map[string]any
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
