package intake

import (
	"bytes"
	"fmt"
	"slices"

	"regulars/internal/happenings"
	"regulars/internal/loyalty"
)

// outcome is what a batch of a file did with an item.
type outcome int

const (
	isNew outcome = iota
	isUpdated
	isUnchanged
	isRefused
)

// fileBatch returns a batch for rows of a file, which are history.
func fileBatch(b *batch) *batch {
	b.mode, b.file = History, true
	return b
}

// takeMembers takes rows of a members file in. Each item's outcome is noted;
// lines says in which line of the file a person came already.
func (b *batch) takeMembers(lines map[int64]int) error {
	if err := b.findPeople(); err != nil {
		return err
	}
	b.dropAgain(lines)
	for _, it := range b.items {
		switch {
		case it.who.id == 0:
			it.outcome = isNew
		case bytes.Equal(it.who.print, it.print):
			it.outcome, it.out = isUnchanged, true
		default:
			it.outcome = isUpdated
		}
	}
	b.left()
	if err := b.makePeople(); err != nil {
		return err
	}
	if err := b.lock(); err != nil {
		return err
	}
	if err := b.profiles(); err != nil {
		return err
	}
	if err := b.savePoints(b.items); err != nil {
		return err
	}
	return b.refreshFile()
}

// dropAgain refuses rows of people who stand in the file already with something
// else: which of the two is right, nobody can tell. A row that says the same is
// unchanged.
func (b *batch) dropAgain(lines map[int64]int) {
	here := map[*person]*item{}
	for _, it := range b.items {
		line, print := lines[it.who.id], it.who.print
		if before := here[it.who]; before != nil {
			line, print = before.line, before.print
		}
		switch {
		case line == 0:
			here[it.who] = it
			continue
		case bytes.Equal(print, it.print):
			it.outcome = isUnchanged
		default:
			it.outcome = isRefused
			it.why = wrong{"member", fmt.Sprintf("the same person stands in line %d with other values", line)}
		}
		it.out = true
	}
	b.left()
}

// takeOrders takes the orders of a file in.
func (b *batch) takeOrders() error {
	if err := b.loadOrders(); err != nil {
		return err
	}
	known := false
	for _, it := range b.items {
		if bytes.Equal(it.order.Fingerprint, it.print) {
			it.outcome, it.out = isUnchanged, true
		}
		known = known || it.order.ID != 0 && !it.out
	}
	b.left()
	if err := b.findPeople(); err != nil || len(b.items) == 0 {
		return err
	}
	b.dropOthers()
	if err := b.makePeople(); err != nil {
		return err
	}
	if err := b.lock(); err != nil {
		return err
	}
	if known {
		if err := b.readOrders(); err != nil {
			return err
		}
	}
	if err := b.profiles(); err != nil {
		return err
	}
	if err := b.unite(b.items); err != nil {
		return err
	}
	var list []*order
	var told []*item // of what was given back on orders that we know
	for _, it := range b.items {
		it.outcome = isUpdated
		if it.order.ID == 0 {
			it.outcome = isNew
		}
		if it.back(); it.told != nil {
			told = append(told, it)
			continue
		}
		it.order.state(it, b.shop)
		list = append(list, it.order)
	}
	if err := b.writeOrders(list); err != nil {
		return err
	}
	if err := b.saveOrders(told); err != nil {
		return err
	}
	if err := b.giveBack(b.items); err != nil {
		return err
	}
	if err := b.redeem(b.items); err != nil {
		return err
	}
	if err := b.refreshFile(); err != nil {
		return err
	}
	return b.takeEarly()
}

// dropOthers refuses orders whose number is that of one we have, of somebody else
// and of another day: a file may correct either of an order, but both make it
// another order.
func (b *batch) dropOthers() {
	for _, it := range b.items {
		day := loyalty.DayOf(it.At.Time, b.shop.zone)
		if o := it.order; o.ID != 0 && o.MemberID != it.who.id && o.Day != day {
			it.outcome, it.out = isRefused, true
			it.why = wrong{"order", fmt.Sprintf("%s is known already, of another member and of %s: if numbers begin anew, use --order-key %s", o.ExternalID, o.Day, NumberDayShop)}
		}
	}
	b.left()
	touched := b.touched()
	b.people.made = slices.DeleteFunc(b.people.made, func(who *person) bool { return !touched[who] })
}

// refreshFile computes the facts of a batch. The planner is first told how the
// tables have grown, where they have by much.
func (b *batch) refreshFile() error {
	if b.grown {
		for _, table := range []string{"members", "member_keys", "orders"} {
			if err := b.tx.Analyze(table); err != nil {
				return err
			}
		}
	}
	if err := b.sameZone(); err != nil {
		return err
	}
	members := slices.Clone(b.disowned)
	if err := b.refresh(b.items); err != nil {
		return err
	}
	for who := range b.touched() {
		members = append(members, who.id)
	}
	// At once, and not at the end of the file: else a pass of the night between
	// two batches would take them for people who have just come so far.
	return happenings.Learned(b.tx, members)
}

// touched are the people of the batch's items, each once.
func (b *batch) touched() map[*person]bool {
	all := map[*person]bool{}
	for _, it := range b.items {
		all[it.who] = true
	}
	return all
}

// sameZone makes sure that the shop's zone is still the one that we compute days in.
func (b *batch) sameZone() error {
	zone, err := b.tx.Zone()
	if err == nil && zone.String() != b.shop.zone.String() {
		err = errAgain
	}
	return err
}

// takeNews takes rows in that have just happened: as live events, each known by
// what its row says, so that the same row again is no second event.
func (b *batch) takeNews() error {
	if err := b.loadOrders(); err != nil {
		return err
	}
	if err := b.findPeople(); err != nil {
		return err
	}
	for _, it := range b.items {
		it.asEvent(b.tx.At)
		it.news = b.tx.At.Sub(it.At.Time) <= b.shop.newsWithin
	}
	all := slices.Clone(b.items)
	b.left()
	if err := b.takeEvents(); err != nil {
		return err
	}
	for _, it := range all {
		if it.result != nil && it.result.State == Duplicate {
			it.outcome = isUnchanged
		}
	}
	return nil
}

// asEvent turns a row into the event that it tells of.
func (it *item) asEvent(now loyalty.Instant) {
	known, print, name := it.who.id != 0, it.who.print, it.Member.ID
	if it.Order != nil {
		known, print, name = it.order.ID != 0, it.order.Fingerprint, it.Order.ID
		it.Order.At = it.At
	} else {
		it.Type, it.At = loyalty.MemberJoined, it.Member.JoinedAt
	}
	it.ID = fmt.Sprintf("import %s %x", name, it.print)
	it.result, it.outcome = &Result{}, isNew
	switch {
	case known && bytes.Equal(print, it.print):
		it.outcome, it.out = isUnchanged, true
	case known:
		it.outcome = isUpdated
		if it.Order != nil {
			it.Type, it.At = loyalty.OrderChanged, now
		}
	}
	it.who, it.order = nil, nil
}

// state makes the order what a file says it is now. What the file is silent about
// stays as it was.
func (o *order) state(it *item, s shop) {
	f, hollow := it.Order, o.hollow()
	o.MemberID, o.At, o.Day = it.who.id, it.At, loyalty.DayOf(it.At.Time, s.zone)
	if f.HasTotal {
		o.Total = f.Total
	}
	if f.HasDiscount {
		o.Discount = f.Discount
	}
	if f.Quantity != 0 || o.unstated {
		o.Quantity = f.Quantity
	}
	if f.Shop != "" {
		o.Shop = f.Shop
	}
	if f.Lines != nil {
		o.lines, o.relined = f.Lines, true
	}
	status := o.Status
	switch {
	case hollow && (status == loyalty.Cancelled || status == loyalty.Refunded): // told before the order itself
	case f.Status != "":
		status = f.Status
	case hollow, status == loyalty.Refunded && o.Refunded > 0:
		status = loyalty.Paid
	}
	o.Status = o.settled(status)
	o.ChangedAt = later(o.ChangedAt, it.At)
	o.Fingerprint, o.touched, o.unstated = it.print, true, false
}
