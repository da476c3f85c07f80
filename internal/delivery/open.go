package delivery

import (
	"context"
	"errors"
	"fmt"

	"regulars/internal/store"
)

// with runs f, which may ask for plans that are not known yet: then they are
// read, and f runs once more. Reading a program takes a transaction of its own,
// which must not wait for a connection inside another.
func (s *plans) with(ctx context.Context, f func(*planner) error) error {
	p := &planner{known: s.known, found: map[planKey]*plan{}, blind: map[planKey]bool{}}
	for {
		p.missing = nil
		if err := f(p); !errors.Is(err, errMissing) {
			return err
		}
		for k := range p.missing {
			found, err := s.read(ctx, k)
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if err != nil && !errors.Is(err, store.ErrNotFound) {
				s.log.Error("a program cannot be read", "version", k.version, "campaign", k.campaign, "err", err)
				p.blind[k] = true
			}
			p.found[k] = found
		}
	}
}

// planner hands plans to one piece of work.
type planner struct {
	known   *store.Recent[planKey, *plan]
	found   map[planKey]*plan
	blind   map[planKey]bool
	missing map[planKey]bool
}

// errMissing says that plans must be read before the work can go on.
var errMissing = errors.New("plans are missing")

// give gives each send its plan. A send whose version or campaign is gone has
// none. One whose program cannot be read now waits, so that it does not hold up
// the others.
func (p *planner) give(sends []*send) error {
	for _, s := range sends {
		k := planKey{s.Version, s.campaign, s.mail()}
		found, ok := p.found[k]
		if known, has := p.known.Get(k); has {
			found, ok = known, true
		}
		if !ok {
			if p.missing == nil {
				p.missing = map[planKey]bool{}
			}
			p.missing[k] = true
		}
		s.plan, s.blind = found, s.blind || p.blind[k]
	}
	if p.missing != nil {
		return errMissing
	}
	return nil
}

// open loads sends with their plans and what started them.
func open(tx *store.Tx, ids []int64, p *planner) ([]*send, error) {
	sends, err := load(tx, ids)
	if err != nil {
		return nil, err
	}
	if err := p.give(sends); err != nil {
		return nil, err
	}
	return sends, startedBy(tx, sends)
}

// startedBy loads what set the passages of the sends off.
func startedBy(tx *store.Tx, sends []*send) error {
	orders, err := ordersOf(tx, some(sends, func(s *send) int64 { return s.order }))
	if err != nil {
		return fmt.Errorf("the orders that started %d sends: %w", len(sends), err)
	}
	events, err := eventsOf(tx, some(sends, func(s *send) int64 { return s.event }))
	if err != nil {
		return fmt.Errorf("the events that started %d sends: %w", len(sends), err)
	}
	for _, s := range sends {
		s.started = started{orders[s.order], events[s.event]}
		if e := s.started.event; e != nil && e.err != nil {
			s.blind, s.failed = true, e.err
		}
	}
	return nil
}
