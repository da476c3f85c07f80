package intake

import (
	"cmp"
	"encoding/hex"
	"fmt"
	"slices"

	"regulars/internal/coupon"
	"regulars/internal/loyalty"
	"regulars/internal/store"
)

// Many tills and shops write a return as an order below zero, under a number of its
// own. It is no order, for no count and no milestone: what it gives back is taken
// off the orders that its member placed up to its day, those with the same products
// first, then one of just that amount, then the latest. Each part stands in refunds,
// and is reckoned anew whenever an order or a return of the member comes or changes,
// so that they may come in any sequence.

// below reports whether an order is a return.
func (o *order) below() bool { return o.Total < 0 || o.Total == 0 && o.Quantity < 0 }

// back turns an item below zero that tells of an order which we know into what it
// says: something of that order was given back.
func (it *item) back() {
	o, own := it.Order, it.order
	total := o.Total
	if !o.HasTotal {
		total = linesTotal(o)
	}
	if it.told != nil || !it.belowZero() || own.unstated || own.Total <= 0 {
		return
	}
	id := it.Event.ID
	if it.Fingerprint != nil {
		id = hex.EncodeToString(it.Fingerprint)
	}
	e := it.Event
	e.Type, e.Refund = loyalty.OrderRefunded, &loyalty.Refund{ID: id, Total: -total}
	e.Order = &loyalty.Order{ID: o.ID, Version: o.Version}
	it.told = &e
	it.Note("order.total", "order %s is known: what is below zero was given back of it", o.ID)
}

// belowZero reports whether an item tells of a return.
func (it *item) belowZero() bool {
	return it.Order.HasTotal && it.Order.Total < 0 || !it.Order.HasTotal && linesTotal(it.Order) < 0
}

func linesTotal(o *loyalty.Order) (total int64) {
	for _, l := range o.Lines {
		total += l.Total
	}
	return total
}

// tells is the event as it is to be understood.
func (it *item) tells() *loyalty.Event {
	if it.told != nil {
		return it.told
	}
	return &it.Event
}

// returned is a return, and an order that it may be taken off.
type returned struct {
	ID       int64
	MemberID int64
	At       loyalty.Instant
	Day      loyalty.Day
	Status   string
	Total    int64
	Refunded int64

	products []string
	parts    map[int64]int64 // return → what of it was taken off this order
	was      map[int64]int64
}

// open is what can still be taken off an order, or of a return.
func (r *returned) open() int64 { return r.Total - r.Refunded }

// giveBack reckons the returns of members anew, and of those who may have had some, and
// returns which orders are others by it, and whose orders it looked at.
// Their rows are locked; held are the orders that the batch has in hand.
func giveBack(tx *store.Tx, members, had []int64, held map[int64]*order) (changed, of []int64, err error) {
	orders, err := readReturned(tx, members, had)
	if err != nil || len(orders) == 0 {
		return nil, nil, err
	}
	byMember := map[int64][]*returned{}
	for _, o := range orders {
		byMember[o.MemberID] = append(byMember[o.MemberID], o)
	}
	was := map[int64]returned{}
	for _, o := range orders {
		was[o.ID] = *o
	}
	for id, list := range byMember {
		of = append(of, id)
		reckon(list)
	}
	for _, o := range orders {
		if w := was[o.ID]; w.Refunded != o.Refunded || w.Status != o.Status {
			changed = append(changed, o.ID)
		}
	}
	return changed, of, writeReturned(tx, orders, was, held)
}

// reckon takes the returns of one member off the orders.
func reckon(list []*returned) {
	for _, o := range list {
		byReturns := o.Refunded >= o.Total // and not because the shop said so of a part
		o.was, o.parts = o.parts, map[int64]int64{}
		for _, n := range o.was {
			o.Refunded -= n
		}
		switch {
		case o.Status == loyalty.Returned:
			o.Refunded = 0
		case o.Status == loyalty.Refunded && byReturns && len(o.was) > 0 && o.open() > 0:
			o.Status = loyalty.Paid
		}
	}
	slices.SortFunc(list, func(x, y *returned) int { return cmp.Or(x.At.Compare(y.At.Time), cmp.Compare(x.ID, y.ID)) })
	for _, r := range list {
		if r.Status != loyalty.Returned {
			continue
		}
		var fit []*returned
		for _, o := range list {
			if o.Status == loyalty.Paid && o.Day <= r.Day && o.open() > 0 {
				fit = append(fit, o)
			}
		}
		slices.SortStableFunc(fit, func(x, y *returned) int {
			return cmp.Or(sooner(r.shares(x), r.shares(y)), sooner(x.open() == -r.open(), y.open() == -r.open()), y.At.Compare(x.At.Time))
		})
		for _, o := range fit {
			part := min(o.open(), -r.open())
			if part == 0 {
				break
			}
			o.parts[r.ID] += part
			o.Refunded += part
			r.Refunded -= part
			if o.open() == 0 {
				o.Status = loyalty.Refunded
			}
		}
	}
}

func sooner(x, y bool) int {
	switch {
	case x == y:
		return 0
	case x:
		return -1
	}
	return 1
}

// shares reports whether a return has a product of the order.
func (r *returned) shares(o *returned) bool {
	return slices.ContainsFunc(r.products, func(p string) bool { return slices.Contains(o.products, p) })
}

// readReturned reads the orders of those of the members who have returns, with what
// was taken off them before.
func readReturned(tx *store.Tx, members, had []int64) ([]*returned, error) {
	args := store.Args{"members": store.JSON(members)}
	members = slices.Clone(had)
	if err := tx.Each(`
		select distinct member_id from orders
		where  status = 'returned' and member_id in (select value from `+tx.JSONEach("@members")+`)`, args, func(scan func(...any) error) error {
		members = append(members, 0)
		return scan(&members[len(members)-1])
	}); err != nil {
		return nil, fmt.Errorf("finding returns: %w", err)
	}
	if len(members) == 0 {
		return nil, nil
	}
	args["members"] = store.JSON(members)
	some := "in (select value from " + tx.JSONEach("@members") + ")"
	var orders []*returned
	if err := tx.All(&orders, "select id, member_id, at, day, status, total, refunded from orders where member_id "+some+" order by id", args); err != nil {
		return nil, fmt.Errorf("reading the orders of who gave back: %w", err)
	}
	byID := map[int64]*returned{}
	for _, o := range orders {
		o.parts = map[int64]int64{}
		byID[o.ID] = o
	}
	var lines []struct {
		OrderID int64
		Product string
	}
	if err := tx.All(&lines, "select order_id, product from order_lines where member_id "+some+" and product <> ''", args); err != nil {
		return nil, err
	}
	for _, l := range lines {
		if o := byID[l.OrderID]; o != nil {
			o.products = append(o.products, l.Product)
		}
	}
	var parts []struct{ OrderID, Of, Total int64 }
	if err := tx.All(&parts, `
		select f.order_id, cast(substr(f.external_id, 8) as bigint) as of, f.total
		from   orders o join refunds f on f.order_id = o.id
		where  o.member_id `+some+` and f.external_id like 'return %'`, args); err != nil {
		return nil, err
	}
	for _, p := range parts {
		byID[p.OrderID].parts[p.Of] = p.Total
	}
	return orders, nil
}

// writeReturned writes what has changed.
func writeReturned(tx *store.Tx, orders []*returned, was map[int64]returned, held map[int64]*order) error {
	var changed, drops, adds [][]any
	var gone, back []int64
	for _, o := range orders {
		if w := was[o.ID]; w.Refunded != o.Refunded || w.Status != o.Status {
			changed = append(changed, []any{o.ID, o.Status, o.Status == loyalty.Paid, o.Refunded})
			if h := held[o.ID]; h != nil {
				h.Status, h.was, h.Refunded, h.refunds = o.Status, o.Status, o.Refunded, nil
			}
			if undone(w.Status) && !undone(o.Status) {
				back = append(back, o.ID)
			} else if !undone(w.Status) && undone(o.Status) {
				gone = append(gone, o.ID)
			}
		}
		for of := range o.was {
			if o.parts[of] == 0 {
				drops = append(drops, []any{o.ID, returnID(of)})
			}
		}
		for of, n := range o.parts {
			if o.was[of] != n {
				adds = append(adds, []any{o.ID, returnID(of), was[of].At, n})
			}
		}
	}
	for _, some := range []struct {
		rows [][]any
		text string
	}{
		{changed, "update orders set status = r.status, counts = r.counts, refunded = r.refunded from " +
			tx.Values("id bigint", "status text", "counts boolean", "refunded bigint") + " where orders.id = r.id"},
		{changed, "update order_lines set counts = r.counts from " +
			tx.Values("id bigint", "status text", "counts boolean") + " where order_lines.order_id = r.id and order_lines.counts <> r.counts"},
		{drops, "delete from refunds where (order_id, external_id) in (select r.order_id, r.external_id from " +
			tx.Values("order_id bigint", "external_id text") + ")"},
		{adds, `insert into refunds (order_id, external_id, at, total)
			select r.order_id, r.external_id, r.at, r.total
			from   ` + tx.Values("order_id bigint", "external_id text", "at timestamptz", "total bigint") + `
			where  true
			on conflict (order_id, external_id) do update set at = excluded.at, total = excluded.total`},
	} {
		if some.rows == nil {
			continue
		}
		if _, err := tx.Exec(some.text, store.Args{"rows": store.Rows(some.rows)}); err != nil {
			return fmt.Errorf("taking returns off orders: %w", err)
		}
	}
	return coupon.Follow(tx, gone, back)
}

// returnID is what a return is known by among the refunds of an order.
func returnID(of int64) string { return fmt.Sprintf("return %d", of) }

// giveBack reckons the returns of those whose orders the items tell of.
func (b *batch) giveBack(items []*item) error {
	held := map[int64]*order{}
	seen := map[int64]bool{}
	var members []int64
	for _, it := range items {
		if it.order == nil || it.order.ID == 0 {
			continue
		}
		held[it.order.ID] = it.order
		for _, id := range append([]int64{it.order.MemberID}, b.disowned...) {
			if !seen[id] {
				seen[id] = true
				members = append(members, id)
			}
		}
	}
	for _, it := range b.items { // of later waves, too
		if it.order != nil && it.order.ID != 0 {
			held[it.order.ID] = it.order
		}
	}
	if members == nil {
		return nil
	}
	had := b.unreturned
	b.unreturned = nil
	changed, of, err := giveBack(b.tx, members, had, held)
	b.reckoned = append(b.reckoned, changed...)
	for _, id := range of {
		if b.returning == nil {
			b.returning = map[int64]bool{}
		}
		b.returning[id] = true
	}
	return err
}

// returnSome makes the next orders below zero returns that were taken for orders
// before, and computes the facts of their members anew.
func returnSome(tx *store.Tx, name string, today loyalty.Day) (int, error) {
	var members []int64
	err := tx.All(&members, fmt.Sprintf("select distinct member_id from orders where counts and total < 0 order by member_id limit %d", perCall/10), nil)
	if err != nil {
		return 0, err
	}
	if len(members) == 0 {
		return 0, passed(tx, name, today)
	}
	args := store.Args{"members": store.JSON(members)}
	some := "in (select value from " + tx.JSONEach("@members") + ")"
	if err := tx.HoldMembers(members); err != nil {
		return 0, err
	}
	for _, text := range []string{
		"update order_lines set counts = false from orders o where o.id = order_lines.order_id and o.member_id " + some + " and o.counts and o.total < 0",
		"update orders set status = 'returned', counts = false where member_id " + some + " and counts and total < 0",
	} {
		if _, err := tx.Exec(text, args); err != nil {
			return 0, err
		}
	}
	changed, _, err := giveBack(tx, members, nil, nil)
	if err != nil {
		return 0, err
	}
	if err := bookAgain(tx, changed); err != nil {
		return 0, err
	}
	_, err = refreshFacts(tx, today, members)
	return len(members), err
}
