package intake

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"regulars/internal/coupon"
	"regulars/internal/happenings"
	"regulars/internal/loyalty"
	"regulars/internal/store"
)

// readOrders takes the orders that the batch is about, which were asked for, and locks
// their owners, should one of them be somebody else than the event says.
func (b *batch) readOrders() error {
	if err := b.tx.Await(); err != nil {
		return err
	}
	b.nameOrders()
	var others []*person
	for _, it := range b.items {
		o := it.order
		if o == nil || o.ID == 0 {
			continue
		}
		who := b.people.byID[o.MemberID]
		if who == nil {
			who = &person{id: o.MemberID}
			b.people.byID[who.id] = who
		}
		if !who.locked && !slices.Contains(others, who) {
			others = append(others, who)
		}
	}
	if others == nil {
		return nil
	}
	if err := b.lockOwners(others); err != nil {
		return err
	}
	return b.loadOrders() // they may have changed while we waited
}

// lockOwners locks those whose orders the events have named as somebody else's.
func (b *batch) lockOwners(others []*person) error {
	var rows []struct {
		ID         int64
		ExternalID string
		Named      bool
	}
	err := b.tx.All(&rows, "select id, external_id, named from members where id in (select value from "+b.tx.JSONEach("@ids")+")",
		store.Args{"ids": ids(others, (*person).number)})
	if err != nil {
		return err
	}
	for _, row := range rows {
		who := b.people.byID[row.ID]
		who.external, who.named = row.ExternalID, row.Named
	}
	return b.lockThese(others)
}

// loadOrders reads the orders that the items name, and makes those that are new.
func (b *batch) loadOrders() error {
	if err := b.askOrders(); err != nil {
		return err
	}
	if err := b.tx.Await(); err != nil {
		return err
	}
	b.nameOrders()
	return nil
}

// askOrders asks for the orders that the items name.
func (b *batch) askOrders() error {
	if err := b.nameSources(); err != nil {
		return err
	}
	b.found = nil
	var keys []orderKey
	asked := make(map[orderKey]bool, len(b.items))
	for _, it := range b.items {
		if it.Order == nil || it.Order.ID == "" {
			continue
		}
		if k := (orderKey{it.Source, it.Order.ID}); !asked[k] {
			asked[k] = true
			keys = append(keys, k)
		}
	}
	if keys == nil {
		return nil
	}
	return b.tx.EachLater("reading orders", `
		select o.id, o.source, o.external_id, o.member_id, o.at, o.day, o.status, o.total, o.refunded, o.discount,
		       o.tax, o.shipping, o.quantity, o.shop, o.version, o.changed_at, o.fingerprint, m.erased_at is not null as husk
		from   `+b.tx.Wide(orderKeyColumns...)+`
		join   orders o on o.source = r.source and o.external_id = r.id
		join   members m on m.id = o.member_id
		order  by o.id`, b.tx.Wider(b.sources.rows(keys), orderKeyColumns...), func(scan func(...any) error) error {
		o := &order{}
		err := scan(&o.ID, &o.Source, &o.ExternalID, &o.MemberID, &o.At, &o.Day, &o.Status, &o.Total, &o.Refunded, &o.Discount,
			&o.Tax, &o.Shipping, &o.Quantity, &o.Shop, &o.Version, &o.ChangedAt, &o.Fingerprint, &o.Husk)
		o.owner, o.was, o.ChangedAt = o.MemberID, o.Status, b.heard(o.ChangedAt)
		b.found = append(b.found, o)
		return err
	})
}

// nameOrders has the items know their orders: those that were found, and new ones.
func (b *batch) nameOrders() {
	named := make(map[orderKey]bool, len(b.items))
	for _, it := range b.items {
		if it.Order != nil && it.Order.ID != "" {
			named[orderKey{it.Source, it.Order.ID}] = true
		}
	}
	b.orders = make(map[orderKey][]*order, len(b.items))
	for _, o := range b.found {
		if k := b.sources.key(o.Source, o.ExternalID); named[k] {
			b.orders[k] = append(b.orders[k], o)
		}
	}
	for k, list := range b.orders {
		b.orders[k] = gather(list)
	}
	for _, it := range b.items {
		if it.Order != nil && it.Order.ID != "" {
			it.order = b.orderOf(it)
		}
	}
}

// orderKeyColumns are the names that orders are looked for by.
var orderKeyColumns = []string{"source text", "id text"}

// orderOf returns the order that an item names, a new one when there is none. Of
// several that stand under names from when each door had its own, it is the one of
// the item's person.
func (b *batch) orderOf(it *item) *order {
	k := orderKey{it.Source, it.Order.ID}
	list := b.orders[k]
	for _, o := range list {
		if it.who != nil && o.MemberID == it.who.id || it.Fingerprint != nil && bytes.Equal(it.Fingerprint, o.Fingerprint) {
			return o
		}
	}
	if len(list) > 0 {
		return list[0]
	}
	if !it.about() {
		return nil
	}
	b.orders[k] = []*order{newOrder(k.source, k.id)}
	return b.orders[k][0]
}

// saveOrders applies what the events of a wave say to their orders and writes
// them with their lines and refunds.
func (b *batch) saveOrders(wave []*item) error {
	var about []*item
	for _, it := range wave {
		if it.about() {
			about = append(about, it)
		}
	}
	if about == nil {
		return nil
	}
	for _, it := range about {
		it.back()
		it.states = stated(it.tells(), it.who.id)
	}
	if err := b.unite(about); err != nil {
		return err
	}
	if err := b.readRefunds(about); err != nil {
		return err
	}
	claims, err := b.readClaims(about)
	if err != nil {
		return err
	}
	var refunds []*order
	var changed []*order
	for _, it := range about {
		if it.Type != loyalty.OrderPlaced && it.order.hollow() {
			it.Note("order.id", "nobody has told us of order %s yet: this is kept, and applied when the order comes", it.order.ExternalID)
		}
		e, o, s := it.tells(), it.order, it.states
		if r := e.Refund; r != nil && !r.All && e.Type == loyalty.OrderRefunded {
			o.refund(refund{ExternalID: r.ID, At: it.At, Total: r.Total, lines: r.Lines})
			refunds = append(refunds, o)
		}
		if it.Order.HasRefunded {
			o.refundedInAll(it.Order.Refunded, b.tx.At)
			refunds = append(refunds, o)
		}
		it.late = s.says(saysCoupons) && !newest(s.claim, saysCoupons, claims[o.ID])
		o.apply(s, claims[o.ID])
		if it.Fingerprint != nil {
			o.Fingerprint = it.Fingerprint
		}
		o.Day = loyalty.DayOf(o.At.Time, b.shop.Zone)
		it.news = it.news && o.Status != loyalty.Returned // it starts nothing that an order starts
		changed = append(changed, o)
	}
	if err := b.writeOrders(changed); err != nil {
		return err
	}
	if err := b.writeRefunds(refunds); err != nil {
		return err
	}
	return b.giveBack(about)
}

// readRefunds reads what was given back before on orders that something is given
// back on now.
func (b *batch) readRefunds(about []*item) error {
	var list []int64
	for _, it := range about {
		back := it.tells().Type == loyalty.OrderRefunded || it.Order.HasRefunded
		if back && it.order.ID != 0 && it.order.refunds == nil {
			list = append(list, it.order.ID)
			it.order.refunds = map[string]refund{}
		}
	}
	if list == nil {
		return nil
	}
	var rows []refund
	err := b.tx.All(&rows, "select order_id, external_id, at, total from refunds where order_id in (select value from "+b.tx.JSONEach("@ids")+")",
		store.Args{"ids": store.JSON(list)})
	if err != nil {
		return fmt.Errorf("reading refunds: %w", err)
	}
	for _, it := range about {
		for _, r := range rows {
			if r.OrderID == it.order.ID {
				it.order.refunds[r.ExternalID] = r
			}
		}
	}
	return nil
}

// readClaims reads what earlier events said of the orders to which something
// comes late, or which are in doubt.
func (b *batch) readClaims(about []*item) (map[int64][]claim, error) {
	var list, owners []int64
	for _, it := range about {
		if !it.order.simple(it.states) {
			list, owners = append(list, it.order.ID), append(owners, it.order.MemberID)
		}
	}
	if list == nil {
		return nil, nil
	}
	var rows []struct {
		ID         int64
		OrderID    int64
		Type       string
		At         loyalty.Instant
		ReceivedAt loyalty.Instant
		Said       string
	}
	err := b.tx.All(&rows, `
		select id, order_id, type, at, received_at, coalesce(properties ->> '`+claimProperty+`', '{}') as said
		from   events
		where  order_id  in (select value from `+b.tx.JSONEach("@ids")+`)
		and    member_id in (select value from `+b.tx.JSONEach("@owners")+`)`,
		store.Args{"ids": store.JSON(list), "owners": store.JSON(owners)})
	if err != nil {
		return nil, fmt.Errorf("reading what was said of orders: %w", err)
	}
	claims := map[int64][]claim{}
	for _, row := range rows {
		kind := slices.Index(aboutOrders, row.Type)
		var said storedClaim
		if err := json.Unmarshal([]byte(row.Said), &said); err != nil {
			return nil, fmt.Errorf("what was said of order %d: %w", row.OrderID, err)
		}
		if row.At.After(row.ReceivedAt.Time) { // taken in before clocks were looked at
			row.At = row.ReceivedAt
		}
		if kind >= 0 {
			claims[row.OrderID] = append(claims[row.OrderID], said.claim(row.At, kind, row.ID))
		}
	}
	return claims, nil
}

// claimProperty is the property under which an event keeps what it said of its
// order: enough to tell later whose claim is newer.
const claimProperty = "_order"

// claimOnly are the properties of an event that has no others.
type claimOnly struct {
	Order storedClaim `json:"_order"`
}

type storedClaim struct {
	Version int64  `json:"version,omitempty"`
	Says    string `json:"says,omitempty"`
	Status  string `json:"status,omitempty"`
}

func (k storedClaim) claim(at loyalty.Instant, kind int, arrival int64) claim {
	return claim{clock: clock{k.Version, at, kind, arrival}, Says: strings.Fields(k.Says), Status: k.Status}
}

// properties is what is stored with an event, as JSON. Most orders of a batch say the same
// things, and have no version.
func (b *batch) properties(it *item) string {
	if it.about() {
		said := storedClaim{it.states.Version, strings.Join(it.states.Says, " "), it.states.Status}
		if len(it.Properties) == 0 || it.who.erased() {
			written, there := b.claims[said]
			if !there {
				written = store.JSON(claimOnly{said})
			}
			if !there && said.Version == 0 {
				if b.claims == nil {
					b.claims = map[storedClaim]string{}
				}
				b.claims[said] = written
			}
			return written
		}
		all := maps.Clone(it.Properties)
		all[claimProperty] = said
		return store.JSON(all)
	}
	if len(it.Properties) == 0 || it.who.erased() {
		return "{}"
	}
	return store.JSON(it.Properties)
}

// redeem records the codes that the orders of a wave used, and undoes the uses of
// those that an order lists no longer. The shop has taken them: a code that we would
// have refused is recorded all the same, one that is not ours is not our affair.
func (b *batch) redeem(wave []*item) error {
	lists := map[int64][]string{}
	for _, it := range wave {
		if !it.about() || it.late || it.told != nil || it.Order.Coupons == nil {
			continue
		}
		if it.order.made { // nothing was listed before
			it.order.made = false
			continue
		}
		lists[it.order.ID] = []string{}
		for _, used := range it.Order.Coupons {
			lists[it.order.ID] = append(lists[it.order.ID], used.Code)
		}
	}
	if err := coupon.TakeOff(b.tx, lists); err != nil {
		return err
	}
	var redeemed []int64
	for _, it := range wave {
		if !it.about() || it.late || it.order.Status == loyalty.Test {
			continue
		}
		for _, used := range it.Order.Coupons {
			r, err := coupon.Redeem(b.tx, coupon.Use{
				Code: used.Code, Order: it.order.ID, Member: it.who.id, At: it.At,
				Day: loyalty.DayOf(it.At.Time, b.shop.Zone), Discount: used.Discount, Accepted: true,
				Undone: it.order.undone(), History: !it.news,
			})
			if refused := (*coupon.Refused)(nil); errors.As(err, &refused) {
				continue
			}
			if err != nil {
				return err
			}
			if !r.Again {
				redeemed = append(redeemed, r.Code.ID)
			}
		}
	}
	if redeemed == nil {
		return nil
	}
	return happenings.CouponUsed(b.tx, redeemed)
}
