package intake

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"regulars/internal/loyalty"
	"regulars/internal/store"
)

// Two systems that number their orders alike must not make one order of two, and
// nobody's order becomes another's unsaid.

// identity is by what a person is told from others; "" and nil say nothing.
type identity struct {
	id, email, card, phone string
	ids                    map[string]string // source → its id
}

// identity is what an item says of who it is about.
func (it *item) identity() identity {
	m := it.Member
	return identity{m.ID, it.folded, strings.TrimSpace(m.Card), loyalty.FoldPhone(m.Phone), m.IDs}
}

// identity is what is known of a person, whose row is read; ids are their sources'.
func (who *person) identity(ids map[string]string) identity {
	m := who.member
	i := identity{email: strings.ToLower(m.Email), card: strings.TrimSpace(m.Card), phone: loyalty.FoldPhone(m.Phone), ids: ids}
	if who.named {
		i.id = who.external
	}
	return i
}

// differs names what both say and say differently, as the sender names it; "": nothing.
func (i identity) differs(from identity) string {
	pairs := [][3]string{{"member.id", i.id, from.id}}
	for _, source := range slices.Sorted(maps.Keys(i.ids)) {
		pairs = append(pairs, [3]string{"member.ids." + source, i.ids[source], from.ids[source]})
	}
	pairs = append(pairs, [3]string{"member.email", i.email, from.email}, [3]string{"member.card", i.card, from.card}, [3]string{"member.phone", i.phone, from.phone})
	for _, p := range pairs {
		if p[1] != "" && p[2] != "" && p[1] != p[2] {
			return p[0]
		}
	}
	return ""
}

// keepApart refuses what tells of an order that is somebody else's, and a second
// placing on another day. Only a change may give an order to another, and that is said.
func (b *batch) keepApart() error {
	ids, err := b.readSourceIDs()
	if err != nil {
		return err
	}
	before := map[*order]*item{} // what told first of an order that is not in the table
	for _, it := range b.items {
		if !it.about() || it.follows != nil || it.nameless() {
			continue
		}
		o := it.order
		earlier := before[o]
		if o.ID == 0 && earlier == nil {
			before[o] = it
			continue
		}
		whose, field := it.who, ""
		if o.ID != 0 && o.MemberID != it.who.id {
			whose = b.people.byID[o.MemberID]
			field = it.identity().differs(whose.identity(ids[whose.id]))
		} else if o.ID == 0 && earlier.who != it.who {
			whose = earlier.who
			field = it.identity().differs(earlier.identity())
		}
		placed, day, err := b.placedBefore(it, earlier)
		if err != nil {
			return err
		}
		const ownSource = "if it is another system's, name its source, by ?source= or a token with a source of its own"
		switch {
		case field != "" && it.Type != loyalty.OrderChanged && (it.Type != loyalty.OrderPlaced || placed):
			b.refuse(it, field, fmt.Sprintf("is another member's than %s, whose order %s of %s is: %s; if the order is theirs after all, send order.changed",
				whose.external, o.ExternalID, day, ownSource))
		case it.Type == loyalty.OrderPlaced && placed && it.Order.Version == 0 && (b.dayOf(it) < day-1 || b.dayOf(it) > day+1) && !it.belowZero():
			b.refuse(it, "order.id", fmt.Sprintf("order %s was placed on %s, and this says %s: %s; if it is the same order, send order.changed",
				o.ExternalID, day, b.dayOf(it), ownSource))
		case whose != it.who && (it.Type == loyalty.OrderChanged || it.Type == loyalty.OrderPlaced):
			it.Note("member", "order %s was %s's: it is this member's now", o.ExternalID, whose.external)
		}
	}
	b.left()
	return nil
}

// placedBefore reports whether an item's order has been placed already, and on which
// day. What is only known from a later change, a refund or a cancellation has not been.
func (b *batch) placedBefore(it, earlier *item) (bool, loyalty.Day, error) {
	o := it.order
	switch {
	case o.ID == 0:
		return earlier.Type == loyalty.OrderPlaced, b.dayOf(earlier), nil
	case it.Type != loyalty.OrderPlaced || o.hollow():
		return false, o.Day, nil
	case o.Fingerprint != nil:
		return true, o.Day, nil
	case b.dayOf(it) == o.Day && o.MemberID == it.who.id:
		return true, o.Day, nil
	}
	var n int
	err := b.tx.One(&n, "select count(*) from events where member_id = @member and order_id = @order and type = '"+loyalty.OrderPlaced+"'",
		store.Args{"member": o.MemberID, "order": o.ID})
	return n > 0, o.Day, err
}

// dayOf is the shop's day on which an item says that its order was placed.
func (b *batch) dayOf(it *item) loyalty.Day {
	at := it.At
	if !it.Order.At.IsZero() {
		at = it.Order.At
	}
	return loyalty.DayOf(at.Time, b.shop.Zone)
}

// readSourceIDs reads by which ids of other systems the owners of orders are known
// that an item says are somebody else's.
func (b *batch) readSourceIDs() (map[int64]map[string]string, error) {
	var owners []int64
	for _, it := range b.items {
		if it.about() && it.order.ID != 0 && it.order.MemberID != it.who.id && len(it.Member.IDs) > 0 {
			owners = append(owners, it.order.MemberID)
		}
	}
	all := map[int64]map[string]string{}
	if owners == nil {
		return all, nil
	}
	var rows []struct {
		MemberID    int64
		Kind, Value string
	}
	err := b.tx.All(&rows, "select member_id, kind, value from member_keys where kind like 'source:%' and member_id in (select value from "+b.tx.JSONEach("@ids")+")",
		store.Args{"ids": store.JSON(owners)})
	if err != nil {
		return nil, fmt.Errorf("ids of the owners of orders: %w", err)
	}
	for _, row := range rows {
		if all[row.MemberID] == nil {
			all[row.MemberID] = map[string]string{}
		}
		all[row.MemberID][strings.TrimPrefix(row.Kind, keySource)] = row.Value
	}
	return all, nil
}
