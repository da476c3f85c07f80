package intake

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"regulars/internal/coupon"
	"regulars/internal/loyalty"
	"regulars/internal/store"
)

// orderColumns are what is written of an order, in the order of order.values.
var orderColumns = []string{
	"source text", "external_id text", "member_id bigint", "at timestamptz", "day bigint", "status text", "counts boolean",
	"total bigint", "refunded bigint", "discount bigint", "tax bigint", "shipping bigint", "quantity bigint", "shop text", "version bigint",
	"changed_at timestamptz", "fingerprint bytea",
}

// values are those columns, with room for an id after them.
func (o *order) values() []any { return o.after(make([]any, 0, len(orderColumns)+1)) }

// after adds those columns to a row.
func (o *order) after(row []any) []any {
	return append(row,
		o.Source, o.ExternalID, o.MemberID, o.At, int64(o.Day), o.Status, o.counts(),
		o.Total, o.Refunded, o.Discount, o.Tax, o.Shipping, o.Quantity, o.Shop, o.Version,
		o.ChangedAt, o.Fingerprint)
}

// counts reports whether the order is in figures.
func (o *order) counts() bool { return o.Status == loyalty.Paid }

// writeOrders adds and changes orders with their lines.
func (b *batch) writeOrders(list []*order) error {
	var made, changed []*order
	for _, o := range list {
		if o.ID == 0 {
			made = append(made, o)
		} else if o.touched {
			changed = append(changed, o)
		}
	}
	if err := b.addOrders(made); err != nil {
		return fmt.Errorf("adding %d orders: %w", len(made), err)
	}
	if err := b.changeOrders(changed); err != nil {
		return fmt.Errorf("changing %d orders: %w", len(changed), err)
	}
	return b.followUses(list)
}

// followUses lets the uses of codes follow the orders that stand no longer, or again.
func (b *batch) followUses(list []*order) error {
	var gone, back []int64
	for _, o := range list {
		switch was := undone(o.was); {
		case o.ID == 0 || was == o.undone():
		case o.undone():
			gone = append(gone, o.ID)
		default:
			back = append(back, o.ID)
		}
		if o.was == loyalty.Returned && o.Status != loyalty.Returned {
			b.unreturned = append(b.unreturned, o.MemberID)
		}
		o.was = o.Status
	}
	return coupon.Follow(b.tx, gone, back)
}

func (b *batch) addOrders(list []*order) error {
	if len(list) == 0 {
		return nil
	}
	write := b.copyOrders
	if len(list) < store.Copied {
		write = b.insertOrders
	}
	if err := write(list); err != nil {
		return err
	}
	for _, o := range list {
		o.owner, o.touched = o.MemberID, false
		o.made, o.adds, b.fresh = true, true, append(b.fresh, o.key())
		if b.shop.points != nil {
			o.placed = &loyalty.Order{At: o.At, Status: o.Status, Total: o.Total, Discount: o.Discount, Tax: o.Tax, Shipping: o.Shipping,
				Quantity: o.Quantity, Shop: o.Shop, Lines: o.lines}
		}
	}
	return b.addLines(list)
}

func (b *batch) insertOrders(list []*order) error {
	rows := make([][]any, len(list))
	byKey := map[orderKey]*order{}
	for i, o := range list {
		rows[i], byKey[o.key()] = o.values(), o
	}
	return b.tx.Each(`
		insert into orders (`+names(orderColumns, "")+`)
		select `+names(orderColumns, "r.")+` from `+b.tx.Values(orderColumns...)+`
		order  by r.source, r.external_id
		returning id, source, external_id`, store.Args{"rows": store.Rows(rows)}, func(scan func(...any) error) error {
		var id int64
		var k orderKey
		if err := scan(&id, &k.source, &k.id); err != nil {
			return err
		}
		byKey[k].ID = id
		return nil
	})
}

// copyOrders adds many orders in bulk, under ids that it takes for them. Their rows are
// made while the database writes those before them.
func (b *batch) copyOrders(list []*order) error {
	ids, err := b.tx.TakeIDs("orders", len(list))
	if err != nil {
		return err
	}
	n, row := 0, make([]any, 0, len(orderColumns)+1)
	_, err = b.tx.Stream("orders", append(strings.Split(names(orderColumns, ""), ", "), "id"), func() ([]any, error) {
		if n == len(list) {
			return nil, nil
		}
		list[n].ID = ids[n]
		row = append(list[n].after(row[:0]), ids[n])
		n++
		return row, nil
	})
	return err
}

func (b *batch) changeOrders(list []*order) error {
	if len(list) == 0 {
		return nil
	}
	var rows [][]any
	for _, o := range list {
		rows = append(rows, append(o.values(), o.ID))
	}
	table := b.tx.Values(append(slices.Clone(orderColumns), "id bigint")...)
	args := store.Args{"rows": store.Rows(rows)}
	if err := b.tx.Later("changing orders", "update orders set "+assign(orderColumns, "r")+" from "+table+" where orders.id = r.id", args); err != nil {
		return err
	}
	// What lines copy of their order, for those that keep their lines.
	if err := b.tx.Later("changing lines of orders", `
		update order_lines
		set    member_id = r.member_id, day = r.day, counts = r.counts
		from   `+table+`
		where  order_lines.order_id = r.id
		and   (order_lines.member_id <> r.member_id or order_lines.day <> r.day or order_lines.counts <> r.counts)`, args); err != nil {
		return err
	}
	if err := b.moveEvents(list); err != nil {
		return err
	}
	return b.relineOrders(list)
}

// moveEvents lets the events of an order that turned out to be somebody else's
// follow it.
func (b *batch) moveEvents(list []*order) error {
	var rows [][]any
	for _, o := range list {
		if o.owner != o.MemberID {
			rows = append(rows, []any{o.ID, o.owner, o.MemberID})
			b.disowned = append(b.disowned, o.owner)
			b.unreturned = append(b.unreturned, o.owner, o.MemberID)
			o.owner = o.MemberID
		}
	}
	if rows == nil {
		return nil
	}
	return b.tx.Later("moving events of orders", `
		update events
		set    member_id = r.now
		from   `+b.tx.Values("order_id bigint", "was bigint", "now bigint")+`
		where  events.member_id = r.was and events.order_id = r.order_id`, store.Args{"rows": store.JSON(rows)})
}

func (b *batch) relineOrders(list []*order) error {
	relined := slices.DeleteFunc(slices.Clone(list), func(o *order) bool { return !o.relined })
	if len(relined) == 0 {
		return nil
	}
	err := b.tx.Later("dropping lines of orders", "delete from order_lines where order_id in (select value from "+b.tx.JSONEach("@ids")+")",
		store.Args{"ids": ids(relined, func(o *order) int64 { return o.ID })})
	if err != nil {
		return err
	}
	return b.addLines(relined)
}

func (b *batch) addLines(list []*order) error {
	n := 0
	for _, o := range list {
		n += len(o.lines)
	}
	write := b.insertLines
	if n >= store.Copied {
		write = b.copyLines
	}
	if n > 0 {
		if err := write(list); err != nil {
			return err
		}
	}
	for _, o := range list {
		o.lines, o.relined = nil, false
	}
	return nil
}

// line adds the columns of the n-th line to a row, with what of it is JSON.
func (o *order) line(row []any, n int) []any {
	l := &o.lines[n]
	return append(row, o.ID, n+1, o.MemberID, int64(o.Day), o.counts(), l.Product, l.Name, l.Category, l.Brand, l.Quantity, l.Total, l.Labels.JSON())
}

func (b *batch) insertLines(list []*order) error {
	var rows [][]any
	for _, o := range list {
		for n := range o.lines {
			row := o.line(nil, n)
			last := len(row) - 1
			row[last] = json.RawMessage(row[last].(string))
			rows = append(rows, row)
		}
	}
	columns := names(lineColumns, "")
	return b.tx.Later("adding lines of orders", "insert into order_lines ("+columns+") select "+columns+" from "+b.tx.Values(lineColumns...), store.Args{"rows": store.Rows(rows)})
}

// copyLines adds many lines in bulk, as copyOrders does orders.
func (b *batch) copyLines(list []*order) error {
	i, n, row := 0, 0, make([]any, 0, len(lineColumns))
	_, err := b.tx.Stream("order_lines", strings.Split(names(lineColumns, ""), ", "), func() ([]any, error) {
		for i < len(list) && n == len(list[i].lines) {
			i, n = i+1, 0
		}
		if i == len(list) {
			return nil, nil
		}
		row = list[i].line(row[:0], n)
		n++
		return row, nil
	})
	return err
}

var lineColumns = []string{
	"order_id bigint", "n integer", "member_id bigint", "day bigint", "counts boolean", "product text", "name text",
	"category text", "brand text", "quantity bigint", "total bigint", "labels jsonb",
}

func (b *batch) writeRefunds(list []*order) error {
	var rows [][]any
	for _, o := range list {
		for id, r := range o.refunds {
			var lines any
			if r.lines != nil {
				lines = store.JSON(r.lines)
			}
			rows = append(rows, []any{o.ID, id, r.At, r.Total, lines})
		}
	}
	if rows == nil {
		return nil
	}
	return b.tx.Later("keeping refunds", `
		insert into refunds (order_id, external_id, at, total, lines)
		select r.order_id, r.external_id, r.at, r.total, `+b.tx.JSONParam("r.lines")+`
		from   `+b.tx.Values("order_id bigint", "external_id text", "at timestamptz", "total bigint", "lines text")+`
		where  true
		on conflict (order_id, external_id) do update
		set    at = excluded.at, total = excluded.total, lines = coalesce(excluded.lines, refunds.lines)`, store.Args{"rows": store.Rows(rows)})
}
