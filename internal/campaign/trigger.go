package campaign

import (
	"encoding/json"
	"fmt"
	"strings"

	"regulars/internal/loyalty"
	"regulars/internal/store"
	"regulars/segments"
)

// trigger is what started a passage, as rules read it.
type trigger struct {
	order *segments.Order
	event map[string]any
}

// reads says which values beside the member a rule reads: of the order or event
// that started the passage, and of its occurrence (codes, launch values).
func reads(rule *segments.Rule) (personal, shared bool) {
	for _, field := range rule.Reads() {
		root, _, dotted := strings.Cut(field, ".")
		personal = personal || dotted && (root == "order" || root == "event")
		shared = shared || field == "unused" || dotted && root == "launch"
	}
	return personal, shared
}

// holding returns the passages for whose members a rule holds now: one statement
// for all that stand alike to the rule.
func (j *journey) holding(all []*traveller, rule *segments.Rule) (map[int64]bool, error) {
	type standing struct{ occurrence, event, order int64 }
	personal, shared := reads(rule)
	groups, order := map[standing][]*traveller{}, []standing{}
	for _, t := range all {
		var s standing
		if personal {
			s.event, s.order = t.EventID, t.OrderID
		}
		if shared {
			s.occurrence = t.OccurrenceID
		}
		if groups[s] == nil {
			order = append(order, s)
		}
		groups[s] = append(groups[s], t)
	}
	held := map[int64]bool{}
	for _, s := range order {
		q := ask(j.tx, j.day, store.Args{})
		if err := j.tell(q, s.occurrence, s.event, s.order); err != nil {
			return nil, err
		}
		members, err := whose(q, membersOf(groups[s]), rule)
		if err != nil {
			return nil, err
		}
		for _, t := range groups[s] {
			held[t.ID] = members[t.MemberID]
		}
	}
	return held, nil
}

// tell gives a question what its rules may read beside the member.
func (j *journey) tell(q *question, occurrence, event, order int64) (err error) {
	if q.as.Occurrence = occurrence; occurrence != 0 {
		if q.as.Launch, err = launchValues(j.tx, occurrence); err != nil {
			return err
		}
	}
	if event == 0 && order == 0 {
		return nil
	}
	k := [2]int64{event, order}
	t, known := j.triggers[k]
	if !known {
		if t, err = readTrigger(j.tx, event, order); err != nil {
			return err
		}
		j.triggers[k] = t
	}
	q.as.Order, q.as.Event = t.order, t.event
	return nil
}

// readTrigger reads an event and an order; 0: none.
func readTrigger(tx *store.Tx, event, order int64) (t trigger, err error) {
	if order != 0 {
		if t.order, err = readOrder(tx, order); err != nil {
			return t, fmt.Errorf("order %d: %w", order, err)
		}
	}
	if event != 0 {
		var text string
		if err := tx.One(&text, "select cast(properties as text) from events where id = @id", store.Args{"id": event}); err != nil {
			return t, fmt.Errorf("event %d: %w", event, err)
		}
		if t.event, err = values(text); err != nil {
			return t, fmt.Errorf("properties of event %d: %w", event, err)
		}
	}
	return t, nil
}

func readOrder(tx *store.Tx, id int64) (*segments.Order, error) {
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

// launchValues returns the values that an occurrence was launched with.
func launchValues(tx *store.Tx, occurrence int64) (map[string]any, error) {
	var text string
	if err := tx.One(&text, "select cast(vars as text) from occurrences where id = @id", store.Args{"id": occurrence}); err != nil {
		return nil, err
	}
	return values(text)
}

// values reads a JSON object as rules take it: whole numbers stay whole.
func values(text string) (map[string]any, error) {
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
