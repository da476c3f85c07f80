package intake

import (
	"fmt"
	"slices"
	"strings"

	"regulars/internal/loyalty"
	"regulars/internal/store"
)

// While each door had order numbers of its own, one order could come in twice: as
// a row of a file and by the shop's webhook, or by two tokens. Such rows of one
// member, day and total are doubles, and are made one as soon as anything is said of
// the order, or by the pass of a new day. Others are orders of systems that number
// alike, and stay.

// gather returns the orders of one number, those that are one order as one: the row
// that knows most, with the others as its doubles.
func gather(list []*order) []*order {
	if len(list) < 2 {
		return list
	}
	var all []*order
	slices.SortStableFunc(list, func(x, y *order) int {
		if x.hollow() != y.hollow() {
			return map[bool]int{false: -1, true: 1}[x.hollow()]
		}
		return y.ChangedAt.Compare(x.ChangedAt.Time)
	})
	for _, o := range list {
		i := slices.IndexFunc(all, func(known *order) bool { return known.isDouble(o) })
		if i < 0 {
			all = append(all, o)
			continue
		}
		all[i].doubles = append(all[i].doubles, o)
	}
	return all
}

// isDouble reports whether two rows of one number are one order: of one member, and
// of one total and day, a day over a zone's midnight, unless nobody stated one of them.
func (o *order) isDouble(d *order) bool {
	alike := o.Total == d.Total && max(o.Day-d.Day, d.Day-o.Day) <= 1
	return o.MemberID == d.MemberID && (alike || o.hollow() || d.hollow())
}

// absorb lets the order know what a double of it knows. What the double was told
// later stands.
func (o *order) absorb(d *order) {
	if d.ChangedAt.After(o.ChangedAt.Time) && d.Status != loyalty.Pending {
		o.Status = d.Status
	}
	if o.Fingerprint == nil {
		o.Fingerprint = d.Fingerprint
	}
	o.Version, o.ChangedAt = max(o.Version, d.Version), later(o.ChangedAt, d.ChangedAt)
	o.touched = true
}

// unite makes the orders of items one with their doubles: their refunds, uses of
// codes, events and passages become the order's, and the rows go. The owners are
// locked.
func (b *batch) unite(items []*item) error {
	var doubled []*order
	for _, it := range items {
		if it.order != nil && len(it.order.doubles) > 0 && !slices.Contains(doubled, it.order) {
			doubled = append(doubled, it.order)
		}
	}
	return uniteOrders(b.tx, doubled)
}

func uniteOrders(tx *store.Tx, doubled []*order) error {
	for len(doubled) > 0 {
		if err := uniteRound(tx, doubled); err != nil {
			return fmt.Errorf("making doubles of %d orders one: %w", len(doubled), err)
		}
		doubled = slices.DeleteFunc(slices.Clone(doubled), func(o *order) bool { return len(o.doubles) == 0 })
	}
	return nil
}

// uniteRound makes each order one with the first of its doubles.
func uniteRound(tx *store.Tx, doubled []*order) error {
	var rows [][]any
	for _, o := range doubled {
		if len(o.doubles) > 0 {
			rows = append(rows, []any{o.doubles[0].ID, o.ID})
		}
	}
	if rows == nil {
		return nil
	}
	args := store.Args{"rows": store.Rows(rows)}
	pairs := tx.Values("gone bigint", "kept bigint")
	gone := "(select r.gone from " + pairs + ")"
	for _, text := range []string{
		`insert into refunds (order_id, external_id, at, total, lines)
		 select r.kept, f.external_id, f.at, f.total, f.lines
		 from   ` + pairs + ` join refunds f on f.order_id = r.gone
		 where  true
		 on conflict (order_id, external_id) do nothing`,
		`delete from refunds where order_id in ` + gone,
		`delete from redemptions
		 where  order_id in ` + gone + `
		 and    exists (select 1 from ` + pairs + ` join redemptions k on k.order_id = r.kept
		                where r.gone = redemptions.order_id and k.code_id = redemptions.code_id)`,
		`update redemptions set order_id = r.kept from ` + pairs + ` where redemptions.order_id = r.gone`,
		`update events set order_id = r.kept from orders o, ` + pairs + ` where o.id = r.gone and events.member_id = o.member_id and events.order_id = r.gone`,
		`update passages set order_id = r.kept from orders o, ` + pairs + ` where o.id = r.gone and passages.member_id = o.member_id and passages.order_id = r.gone`,
		`update referrals set order_id = r.kept from ` + pairs + ` where referrals.order_id = r.gone`,
		`update entries set order_id = r.kept from ` + pairs + ` where entries.order_id = r.gone`,
		`delete from order_lines where order_id in ` + gone,
		`delete from orders where id in ` + gone,
	} {
		if _, err := tx.Exec(text, args); err != nil {
			return err
		}
	}
	var sums []struct{ OrderID, Total int64 }
	err := tx.All(&sums, "select order_id, cast(sum(total) as bigint) as total from refunds where order_id in (select r.kept from "+pairs+") group by order_id", args)
	if err != nil {
		return err
	}
	back := map[int64]int64{}
	for _, s := range sums {
		back[s.OrderID] = s.Total
	}
	for _, o := range doubled {
		if len(o.doubles) == 0 {
			continue
		}
		o.absorb(o.doubles[0])
		o.Refunded, o.refunds, o.doubles = back[o.ID], nil, o.doubles[1:]
		o.Status = o.settled(o.Status)
	}
	return nil
}

// uniteSome makes the doubles of the next members one, of whose orders nothing is
// said any more, and computes their facts anew. It returns how many members.
func uniteSome(tx *store.Tx, name string, today loyalty.Day) (int, error) {
	members, doubled, err := findDoubles(tx)
	if err != nil {
		return 0, err
	}
	if len(members) == 0 {
		return 0, passed(tx, name, today)
	}
	if err := uniteOrders(tx, doubled); err != nil {
		return 0, err
	}
	b := &batch{tx: tx}
	if err := b.writeOrders(doubled); err != nil {
		return 0, err
	}
	if err := bookAgain(tx, ordersOf(doubled)); err != nil {
		return 0, err
	}
	_, err = refreshFacts(tx, today, members)
	return len(members), err
}

// findDoubles locks the next members who have doubles, and returns these orders.
func findDoubles(tx *store.Tx) (members []int64, doubled []*order, err error) {
	s, err := readSources(tx, []string{OwnSource})
	if err != nil || len(s.names[OwnSource]) == 1 {
		return nil, nil, err
	}
	var rows [][]any
	for _, name := range s.names[OwnSource] {
		rows = append(rows, []any{name})
	}
	args := store.Args{"rows": store.Rows(rows)}
	named := "o.source in (select r.name from " + tx.Values("name text") + ")"
	if err = tx.All(&members, fmt.Sprintf(`
		select distinct o.member_id
		from   orders o join orders p on p.member_id = o.member_id and p.external_id = o.external_id and p.id > o.id
		where  %s and %s and (p.total = o.total and p.day between o.day - 1 and o.day + 1 or `+hollowRow("o")+` or `+hollowRow("p")+`)
		order  by o.member_id limit %d`, named, strings.ReplaceAll(named, "o.source", "p.source"), perCall/10), args); err != nil || len(members) == 0 {
		return nil, nil, err
	}
	args["members"] = store.JSON(members)
	some := "(select value from " + tx.JSONEach("@members") + ")"
	if err = tx.HoldMembers(members); err != nil {
		return nil, nil, err
	}
	var found []*order
	if err = tx.All(&found, `
		select o.id, o.source, o.external_id, o.member_id, o.at, o.day, o.status, o.total, o.refunded, o.discount,
		       o.tax, o.shipping, o.quantity, o.shop, o.version, o.changed_at, o.fingerprint
		from   orders o
		where  o.member_id in `+some+` and `+named+`
		order  by o.id`, args); err != nil {
		return nil, nil, err
	}
	byNumber := map[doubleKey][]*order{}
	for _, o := range found {
		o.owner, o.was = o.MemberID, o.Status
		k := doubleKey{o.MemberID, o.ExternalID}
		byNumber[k] = append(byNumber[k], o)
	}
	for _, list := range byNumber {
		for _, o := range gather(list) {
			if len(o.doubles) > 0 {
				doubled = append(doubled, o)
			}
		}
	}
	return members, doubled, nil
}

// hollowRow is order.hollow of a row, as SQL.
func hollowRow(o string) string {
	return "(" + o + ".fingerprint is null and " + o + ".total = 0 and " + o + ".quantity = 0 and " + o + ".status not in ('paid', 'test'))"
}

type doubleKey struct {
	member int64
	number string
}
