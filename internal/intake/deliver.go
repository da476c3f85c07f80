package intake

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"regulars/internal/loyalty"
	"regulars/internal/store"
)

// Deliveries that arrive together are taken in together: while a group is being
// committed the next gathers, so that on a quiet server nobody waits for others and on
// a busy one a commit is shared by as many as came meanwhile. Where that are many, a second
// group goes beside the first: while one waits for the database, the other computes.
//
//	Deliver ─ queue ─ lead: a group ─ takeGroup, one transaction ─ each its own answer
//	                    │                 └ a locked member: the delivery comes again
//	                    └ the first in the queue leads the next
//
// A group is led by the first of it, who hands the lead on to the first of the next. Of a
// member, an order or an event there is one delivery under way, so what one delivery does
// cannot depend on which others are beside it. Deliveries of many events gather in a queue
// of their own: see many.go.

// gathering is a queue of deliveries.
type gathering struct {
	most    int // events of a group, give or take one delivery
	abreast int // so many groups are under way at most
	enough  int // deliveries that wait make a group beside another

	mu       sync.Mutex
	queue    []*delivery
	underWay int              // groups
	taken    map[subject]bool // what they are about
}

// delivery is what one caller brings.
type delivery struct {
	events   []loyalty.Event
	currency string
	keys     []subject    // no other delivery under way has one of these
	told     chan outcome // one at a time: the caller reads each
	leads    []*delivery  // the group that is its caller's to lead

	results []Result
	err     error
}

// outcome is what a caller is told.
type outcome int

const (
	answered outcome = iota // results and err are there
	lead                    // a group is the caller's to lead
	locked                  // somebody else has locked the member
	byItself                // take it in without the others: together they wait for a lock
)

const (
	// A group is of so many events, give or take one delivery. One that brings more than
	// fewEvents is one of many.
	mostOfFew  = 200
	mostOfMany = 2000
	fewEvents  = 20

	// A second group takes from what the first leaves of a computer. One of fewer deliveries
	// than that is better off with those who come while it waits: half of a
	// transaction's cost does not depend on how many are in it.
	groupsOfFew = 2
	enoughOfFew = 16

	// groupWait is how long a group waits for a lock that is not a member's.
	groupWait = 300 * time.Millisecond

	// lockedWait is how long a delivery comes again whose member is locked.
	lockedWait = 2 * time.Second

	// groupTime bounds a group's transaction, whatever becomes of its callers.
	groupTime = 20 * time.Second

	// aloneAtOnce is how many deliveries may wait for locks by themselves.
	aloneAtOnce = 4
)

// errUnanswered is what a delivery ends with whose group broke off.
var errUnanswered = errors.New("the group broke off")

// CurrencyError says that the program's currency is not that in which amounts were
// read: nothing was stored, and they are to be read again.
type CurrencyError struct{ Now string }

func (e *CurrencyError) Error() string { return "the program's currency is " + e.Now + " now" }

// Currency returns in what currency amounts are to be read: the program's, as far as
// this process knows. Deliver says whether it still is.
func (in *Intake) Currency(ctx context.Context) (string, error) {
	if currency := in.currency.Load(); currency != nil {
		return *currency, nil
	}
	shop, err := in.Shop(ctx)
	if err == nil {
		in.currency.Store(&shop.Currency)
	}
	return shop.Currency, err
}

// IsCurrency makes sure that a currency is still the program's.
func (in *Intake) IsCurrency(ctx context.Context, currency string) error {
	shop, err := in.Shop(ctx)
	if err != nil {
		return err
	}
	if in.currency.Store(&shop.Currency); shop.Currency != currency {
		return &CurrencyError{shop.Currency}
	}
	return nil
}

// Deliver takes the events of one delivery in, with those of others that arrive
// meanwhile, and answers each of them once they have lasted. Their amounts were read in
// currency; a CurrencyError says that it is another now. The delivery counts though its
// caller goes away. store.ErrLocked says that its member is locked: nothing was stored, and
// of many events not all.
func (in *Intake) Deliver(ctx context.Context, currency string, events []loyalty.Event) ([]Result, error) {
	d := &delivery{events: events, currency: currency, told: make(chan outcome, 1)}
	ctx = context.WithoutCancel(ctx)
	if len(events) > fewEvents {
		return in.deliverMany(ctx, d)
	}
	d.keys = keysOf(events)
	var since time.Time // the member is locked
	for pause := 2 * time.Millisecond; ; pause = min(2*pause, 50*time.Millisecond) {
		in.few.join(d)
		told := <-d.told
		if told == lead {
			in.few.lead(d, func(group []*delivery) map[*delivery]outcome {
				told := map[*delivery]outcome{}
				in.takeGroup(ctx, group, told)
				return told
			})
			told = <-d.told
		}
		switch told {
		case byItself:
			return in.waitAlone(ctx, d)
		case answered:
			return d.answer()
		}
		if since.IsZero() {
			since = time.Now()
		}
		if time.Since(since) > in.lockedWait {
			return nil, fmt.Errorf("taking in %d events: %w", len(events), store.ErrLocked)
		}
		time.Sleep(pause)
	}
}

func (d *delivery) answer() ([]Result, error) {
	if d.err != nil {
		return nil, d.err
	}
	return d.results, nil
}

// join puts a delivery into the queue.
func (g *gathering) join(d *delivery) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.queue = append(g.queue, d)
	g.begin()
}

// lead has take take in the group that is d's to lead, hands the lead on and tells everybody
// of the group.
func (g *gathering) lead(d *delivery, take func([]*delivery) map[*delivery]outcome) {
	group := d.leads
	var told map[*delivery]outcome
	for _, d := range group {
		d.err, d.leads = errUnanswered, nil
	}
	defer func() {
		g.end(group)
		for _, d := range group {
			d.told <- told[d]
		}
	}()
	told = take(group)
}

// begin gives the next groups to their first, while there may be more under way.
func (g *gathering) begin() {
	for g.underWay == 0 || g.underWay < g.abreast && len(g.queue) >= g.enough {
		group := g.next()
		if group == nil {
			return
		}
		g.underWay++
		for _, d := range group {
			for _, k := range d.keys {
				g.taken[k] = true
			}
		}
		group[0].leads = group
		group[0].told <- lead
	}
}

// end says that a group is no longer under way.
func (g *gathering) end(group []*delivery) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.underWay--
	for _, d := range group {
		for _, k := range d.keys {
			delete(g.taken, k)
		}
	}
	g.begin()
}

// next takes the next group out of the queue: of deliveries with a key in common only
// the first, whom no other overtakes, and none that has one with a group under way.
func (g *gathering) next() (group []*delivery) {
	events, rest, passed := 0, g.queue[:0], map[subject]bool{}
	for _, d := range g.queue {
		if events >= g.most || slices.ContainsFunc(d.keys, func(k subject) bool { return passed[k] || g.taken[k] }) {
			rest = append(rest, d)
		} else {
			group, events = append(group, d), events+len(d.events)
		}
		for _, k := range d.keys {
			passed[k] = true
		}
	}
	clear(g.queue[len(rest):])
	g.queue = rest
	return group
}

// takeGroup takes some deliveries in as one transaction. One that fails as a whole is
// tried again in halves, until what fails is alone.
func (in *Intake) takeGroup(ctx context.Context, group []*delivery, told map[*delivery]outcome) {
	ctx, cancel := context.WithTimeout(ctx, in.groupTime)
	defer cancel()
	db := in.db
	if db.Engine() == store.Postgres {
		db = db.Hasty(in.groupWait)
	}
	busy, err := in.applyTogether(ctx, db, group, true)
	for _, d := range group {
		told[d] = answered
		if busy[d] {
			told[d] = locked
		}
	}
	switch {
	case err == nil:
	case errors.Is(err, store.ErrLocked) && in.db.Engine() == store.Postgres:
		for _, d := range group {
			told[d] = byItself
		}
	case len(group) == 1, store.Away(err), errors.Is(err, store.ErrLocked), ctx.Err() != nil:
		for _, d := range group {
			d.err = err
		}
	default:
		in.takeGroup(ctx, group[:len(group)/2], told)
		in.takeGroup(ctx, group[len(group)/2:], told)
	}
}

// waitAlone takes a delivery in by itself that its group found something locked with:
// few wait at once, for each has a connection.
func (in *Intake) waitAlone(ctx context.Context, d *delivery) ([]Result, error) {
	late := time.NewTimer(in.lockedWait)
	defer late.Stop()
	select {
	case in.alone <- struct{}{}:
		defer func() { <-in.alone }()
		return in.deliverAlone(ctx, d)
	case <-late.C:
		return nil, store.ErrLocked
	}
}

// deliverAlone takes one delivery in by itself, which may wait for locks.
func (in *Intake) deliverAlone(ctx context.Context, d *delivery) ([]Result, error) {
	ctx, cancel := context.WithTimeout(ctx, in.groupTime)
	defer cancel()
	if _, err := in.applyTogether(ctx, in.db, []*delivery{d}, false); err != nil {
		return nil, err
	}
	return d.answer()
}

// applyTogether takes deliveries in, all in one transaction, and notes with each what
// became of it. With skip it waits for no member whom somebody else has locked: their
// deliveries are left out and returned.
func (in *Intake) applyTogether(ctx context.Context, db *store.DB, group []*delivery, skip bool) (busy map[*delivery]bool, err error) {
	busy = map[*delivery]bool{}
	again := true
	for again {
		again = false
		err = in.updateOn(ctx, db, func(tx *store.Tx, pepper []byte) error {
			b, err := in.newBatch(tx, Live, pepper)
			if err != nil {
				return err
			}
			b.skip = skip
			in.currency.Store(&b.shop.Currency)
			var items [][]*item
			for _, d := range group {
				var own []*item
				if d.err = nil; d.currency != b.shop.Currency {
					d.err = &CurrencyError{b.shop.Currency}
				} else if !busy[d] {
					own = b.addAll(d.events)
				}
				items = append(items, own)
			}
			if err := b.take(); err != nil && !errors.Is(err, errHalfLocked) {
				return err
			} else if err != nil {
				again = true
			}
			for i, own := range items {
				if slices.ContainsFunc(own, func(it *item) bool { return it.busy }) {
					busy[group[i]] = true
				}
				group[i].results = resultsOf(own)
			}
			if again { // roll back what was made of those that are left out now
				return errHalfLocked
			}
			return nil
		})
	}
	if err != nil {
		return busy, fmt.Errorf("taking in %d deliveries: %w", len(group), err)
	}
	return busy, nil
}

// addAll puts the events of a delivery into the batch: if one of its members is locked,
// all of them are left out.
func (b *batch) addAll(events []loyalty.Event) []*item {
	items := make([]*item, len(events))
	for i, e := range events {
		if e.Order != nil { // what is brought into our spelling is ours
			own := *e.Order
			e.Order = &own
		}
		items[i] = &item{Row: Row{Event: e}, beside: items}
		b.add(items[i])
	}
	return items
}

func resultsOf(items []*item) []Result {
	results := make([]Result, len(items))
	for i, it := range items {
		if results[i] = it.Result; it.Result.State == Stored {
			results[i].Notes = it.Notes
		}
	}
	return results
}

// errHalfLocked says that a delivery has a locked member and one whom the batch has
// just made: it is all or nothing, so the batch begins again without it.
var errHalfLocked = errors.New("a delivery of which one member is locked has made another")

// leaveOut leaves the deliveries of locked people out of the batch.
func (b *batch) leaveOut(people map[*person]bool) error {
	half := false
	for _, it := range b.items {
		owner := it.who
		if it.order != nil && it.order.ID != 0 {
			owner = b.people.byID[it.order.MemberID]
		}
		if !people[it.who] && !people[owner] {
			continue
		}
		for _, other := range it.beside {
			other.busy, other.out = true, true
			half = half || other.who != nil && other.who.made
		}
	}
	b.left()
	if half {
		return errHalfLocked
	}
	return nil
}

// subject is a member, an order or an event by one of its names.
type subject struct{ kind, source, name string }

// appendSubjects appends the names by which the member and the order of an event are known.
func appendSubjects(keys []subject, e loyalty.Event) []subject {
	m := e.Member
	for _, k := range [...]subject{{"id", "", m.ID}, {"email", "", strings.ToLower(m.Email)}, {"phone", "", m.Phone}, {"card", "", m.Card}} {
		if k.name = strings.TrimSpace(k.name); k.name != "" {
			keys = append(keys, k)
		}
	}
	for source, id := range m.IDs {
		keys = append(keys, subject{"ids", source, id})
	}
	if e.Order != nil && e.Order.ID != "" {
		keys = append(keys, subject{"order", e.Source, e.Order.ID})
	}
	return keys
}
