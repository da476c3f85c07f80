package intake

import (
	"context"
	"sync"

	"regulars/internal/loyalty"
	"regulars/internal/store"
)

// Deliveries of many events that arrive together are taken in together as well. Of so
// many members some are in several of them, and some are locked by a worker: so they are
// not kept apart, and wait for locks. On Postgres a group is two transactions side by side,
// which have no member, order or event in common: while one waits for the database, the
// other computes.
//
//	Deliver ─ queue ─ lead: a group ─ apart ┬ share, one transaction ┬ each its own answer
//	                                        └ share, one transaction ┘
//
// If one of the two fails, the delivery was taken in by half, and its sender is told that
// it failed: when it comes again, the half that was stored is known.

// sharesOfMany is in how many transactions Postgres takes a group in.
const sharesOfMany = 2

// share is what of a delivery is in one transaction.
type share struct {
	delivery
	whole *delivery
	at    []int // where its events stand in the whole
}

// deliverMany is Deliver of many events.
func (in *Intake) deliverMany(ctx context.Context, d *delivery) ([]Result, error) {
	in.many.join(d)
	if <-d.told == lead {
		in.many.lead(d, func(group []*delivery) map[*delivery]outcome {
			in.takeMany(ctx, group)
			return nil // all are answered
		})
		<-d.told
	}
	return d.answer()
}

// takeMany takes some deliveries in.
func (in *Intake) takeMany(ctx context.Context, group []*delivery) {
	ctx, cancel := context.WithTimeout(ctx, in.groupTime)
	defer cancel()
	for _, d := range group {
		d.err, d.results = nil, make([]Result, len(d.events))
	}
	n := 1
	if in.db.Engine() == store.Postgres {
		n = sharesOfMany
	}
	parts := cut(group, n)
	var taken sync.WaitGroup
	for _, part := range parts {
		taken.Go(func() { in.takeShares(ctx, part) })
	}
	taken.Wait()
	for _, part := range parts {
		for _, s := range part {
			if s.err != nil {
				s.whole.err = s.err
				continue
			}
			for i, at := range s.at {
				s.whole.results[at] = s.results[i]
			}
		}
	}
}

// cut cuts the events of deliveries into n parts that may be taken in side by side.
func cut(group []*delivery, n int) [][]*share {
	type place struct {
		d  *delivery
		at int
	}
	var places []place
	for _, d := range group {
		for at := range d.events {
			places = append(places, place{d, at})
		}
	}
	partOf := apart(len(places), n, func(keys []subject, i int) []subject { p := places[i]; return appendNames(keys, p.d.events[p.at]) })
	parts := make([][]*share, n)
	for part := range parts {
		var s *share // of the delivery that comes now
		for i, p := range places {
			if partOf[i] != part {
				continue
			}
			if s == nil || s.whole != p.d {
				room := min(len(p.d.events), 3*len(p.d.events)/(2*n))
				s = &share{delivery: delivery{currency: p.d.currency, events: make([]loyalty.Event, 0, room)}, whole: p.d, at: make([]int, 0, room)}
				parts[part] = append(parts[part], s)
			}
			s.events, s.at = append(s.events, p.d.events[p.at]), append(s.at, p.at)
		}
	}
	return parts
}

// takeShares takes shares in as one transaction, or one after the other when that fails:
// then what fails is alone.
func (in *Intake) takeShares(ctx context.Context, shares []*share) {
	all := make([]*delivery, len(shares))
	for i, s := range shares {
		all[i] = &s.delivery
	}
	if len(all) == 0 {
		return
	}
	_, err := in.applyTogether(ctx, in.db, all, false)
	alone := err != nil && len(all) > 1 && !store.Away(err) && ctx.Err() == nil
	for _, d := range all {
		if alone {
			_, err = in.applyTogether(ctx, in.db, []*delivery{d}, false)
		}
		if err != nil {
			d.err = err
		}
	}
}
