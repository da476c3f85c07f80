package intake

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"

	"regulars/internal/happenings"
	"regulars/internal/loyalty"
	"regulars/internal/store"
)

// Row is a member or an order as a row of a file, or several, state it.
type Row struct {
	loyalty.Event
	Fingerprint []byte // of what its rows say
	Line        int    // of the file; 0: it is no row of one
	Result      Result // what became of it

	folded   string // the e-mail address as it is known
	birthday loyalty.Birthday
}

// Note adds to what is said beside that the row is taken.
func (r *Row) Note(field, reason string, args ...any) {
	r.Notes = append(r.Notes, loyalty.Note{Field: field, Reason: fmt.Sprintf(reason, args...), Line: r.Line})
}

// Taking says how rows of a file are taken in.
type Taking struct {
	News   bool // they have just happened, and are live events: otherwise they are history
	DryRun bool // nothing is changed
	Grown  bool // the tables have grown by much since the planner looked at them

	// Stood is the line of a file of members in which somebody stood already; 0: they did not.
	Stood func(member int64) int
}

// errDry ends a transaction that is only to show what it would do.
var errDry = errors.New("dry run")

// Take takes rows of a file in, of members or of orders, all in one transaction, and
// notes with each what became of it. Shop.Check has found nothing wrong with them.
func (in *Intake) Take(ctx context.Context, rows []*Row, how Taking) error {
	var items []*item
	mode := History
	if how.News {
		mode = Live
	}
	err := in.update(ctx, func(tx *store.Tx, pepper []byte) error {
		b, err := in.newBatch(tx, mode, pepper)
		if err != nil {
			return err
		}
		items = make([]*item, len(rows))
		for i, r := range rows {
			items[i] = &item{Row: *r, stated: true} // the transaction may be run again
		}
		b.items, b.file, b.grown = slices.Clone(items), !how.News, how.Grown
		switch {
		case how.News:
			err = b.takeNews()
		case rows[0].Order != nil:
			err = b.takeOrders()
		default:
			err = b.takeMembers(how.Stood)
		}
		if err == nil && how.DryRun {
			err = errDry
		}
		return err
	})
	if err != nil && !errors.Is(err, errDry) {
		return err
	}
	for i, it := range items {
		if rows[i].Result = it.Result; it.who != nil {
			rows[i].Result.Member, rows[i].Result.Past = it.who.id, it.past
		}
	}
	return nil
}

// takeMembers takes rows of a members file in; stood says in which line of the file a
// person came already.
func (b *batch) takeMembers(stood func(member int64) int) error {
	return inSteps(
		b.findPeople,
		func() error { return b.dropAgain(stood) },
		b.makePeople,
		b.lock,
		b.profiles,
		func() error { return b.savePoints(b.items) },
		func() error { return b.book(b.items) },
		b.refreshFile)
}

// inSteps does one step after another.
func inSteps(steps ...func() error) error {
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// dropAgain refuses rows of people who stand in the file already with something
// else: which of the two is right, nobody can tell. A row that says the same is
// unchanged.
func (b *batch) dropAgain(stood func(member int64) int) error {
	here := map[*person]*item{}
	for _, it := range b.items {
		line, known := stood(it.who.id), it.who.fingerprint
		if before := here[it.who]; before != nil {
			line, known = before.Line, before.Fingerprint
		}
		switch {
		case line == 0:
			here[it.who] = it
			continue
		case bytes.Equal(known, it.Fingerprint):
			it.Result.State = Duplicate
		default:
			b.refuse(it, "member", fmt.Sprintf("the same person stands in line %d with other values", line))
		}
		it.out = true
	}
	b.left()
	for _, it := range b.items {
		switch {
		case it.who.id == 0:
			it.Result.State = Stored
		case bytes.Equal(it.who.fingerprint, it.Fingerprint):
			it.Result.State, it.out = Duplicate, true
		default:
			it.Result.State = Updated
		}
	}
	b.left()
	return nil
}

// takeOrders takes the orders of a file in.
func (b *batch) takeOrders() error {
	if err := b.loadOrders(); err != nil {
		return err
	}
	known := false
	for _, it := range b.items {
		if bytes.Equal(it.order.Fingerprint, it.Fingerprint) {
			it.Result.State, it.out = Duplicate, true
		}
		known = known || it.order.ID != 0 && !it.out
	}
	b.left()
	if err := b.findPeople(); err != nil || len(b.items) == 0 {
		return err
	}
	b.dropOthers()
	if err := inSteps(b.makePeople, b.lock); err != nil {
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
	if err := b.readRefunds(b.items); err != nil {
		return err
	}
	var list []*order
	var refunded []*order
	var told []*item // of what was given back on orders that we know
	for _, it := range b.items {
		it.Result.State = Updated
		if it.order.ID == 0 {
			it.Result.State = Stored
		}
		if it.back(); it.told != nil {
			told = append(told, it)
			continue
		}
		if it.Order.HasRefunded {
			it.order.refundedInAll(it.Order.Refunded, b.tx.At)
			refunded = append(refunded, it.order)
		}
		it.order.state(it, b.shop)
		list = append(list, it.order)
	}
	return inSteps(
		func() error { return b.writeOrders(list) },
		func() error { return b.writeRefunds(refunded) },
		func() error { return b.saveOrders(told) },
		func() error { return b.giveBack(b.items) },
		func() error { return b.redeem(b.items) },
		func() error {
			now, err := b.leavePast(b.items)
			if err != nil {
				return err
			}
			return b.book(now)
		},
		b.refreshFile,
		b.takeEarly)
}

// dropOthers refuses orders whose number is that of one we have, of somebody else
// and of another day: a file may correct either of an order, but both make it
// another order.
func (b *batch) dropOthers() {
	for _, it := range b.items {
		day := loyalty.DayOf(it.At.Time, b.shop.Zone)
		if o := it.order; o.ID != 0 && o.MemberID != it.who.id && o.Day != day {
			b.refuse(it, "order", fmt.Sprintf("%s is known already, of another member and of %s: if numbers begin anew, use --order-key number+day+shop", o.ExternalID, o.Day))
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
		tables := []string{"members", "member_keys", "orders"}
		if b.shop.points != nil {
			tables = append(tables, "entries", "lots")
		}
		for _, table := range tables {
			if err := b.tx.Analyze(table); err != nil {
				return err
			}
		}
	}
	if err := b.sameZone(); err != nil {
		return err
	}
	members := slices.Clone(b.disowned)
	if err := b.bringUp(b.items); err != nil {
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
	if err == nil && zone.String() != b.shop.Zone.String() {
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
	var changes []*item
	for _, it := range b.items {
		known, before, name := it.who.id != 0, it.who.fingerprint, it.Member.ID
		if it.Order != nil {
			known, before, name = it.order.ID != 0, it.order.Fingerprint, it.Order.ID
			it.Order.At = it.At
		} else {
			it.Type, it.At = loyalty.MemberJoined, it.Member.JoinedAt
		}
		it.ID = fmt.Sprintf("import %s %x", name, it.Fingerprint)
		switch {
		case known && bytes.Equal(before, it.Fingerprint):
			it.known()
		case known:
			changes = append(changes, it)
			if it.Order != nil {
				it.Type, it.At = loyalty.OrderChanged, b.tx.At
			}
		}
		it.stated, it.who, it.order = false, nil, nil
		it.news = b.tx.At.Sub(it.At.Time) <= b.shop.NewsWithin
	}
	b.left()
	if err := b.take(); err != nil {
		return err
	}
	for _, it := range changes {
		if it.Result.State == Stored {
			it.Result.State = Updated
		}
	}
	return nil
}

// state makes the order what a file says it is now. What the file is silent about
// stays as it was.
func (o *order) state(it *item, s Shop) {
	f, hollow := it.Order, o.hollow()
	o.MemberID, o.At, o.Day = it.who.id, it.At, loyalty.DayOf(it.At.Time, s.Zone)
	if f.HasTotal {
		o.Total = f.Total
	}
	if f.HasDiscount {
		o.Discount = f.Discount
	}
	if f.HasTax {
		o.Tax = f.Tax
	}
	if f.HasShipping {
		o.Shipping = f.Shipping
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
	o.Fingerprint, o.touched, o.unstated = it.Fingerprint, true, false
}
