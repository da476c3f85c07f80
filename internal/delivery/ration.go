package delivery

import (
	"context"
	"time"

	"regulars/internal/loyalty"
)

// lookEvery is how soon a hold is seen.
const lookEvery = 250 * time.Millisecond

// waitsFor is how long a worker waits for its rate, with what it has taken up.
const waitsFor = 2 * time.Second

// ration waits until the limiter lets some of a batch go, and returns what of single
// mails has to wait on. Where that takes long, all of it goes back and the lane rests.
func (w *worker) ration(ctx context.Context, b *batch) (late *batch) {
	for {
		granted, wait, err := w.d.leave(ctx, w.lane, len(b.sends))
		switch {
		case err != nil:
			w.trouble(err)
		case granted == len(b.sends):
			return nil
		case granted == 0 && wait <= waitsFor:
			if w.pass(ctx, wait); !w.over(ctx) {
				continue
			}
			wait = 0
		case granted > 0 && wait <= waitsFor:
			if w.d.pace.Store(int64(granted)); b.single {
				late = &batch{single: true, sends: b.sends[granted:], stuff: b.stuff}
				b.sends = b.sends[:granted:granted]
				return late
			}
			b.only(granted, wait)
			return nil
		}
		b.only(granted, wait)
		w.relay.ration(wait)
		return nil
	}
}

// apart takes mails out of a batch that their domains' rates do not let go yet, so that
// the others go on. They are due when their domain takes them: those of a chunk, from
// then on, by themselves. What the lane has given for them goes back.
func (w *worker) apart(ctx context.Context, b *batch) {
	if w.d.c.Domains == nil || len(b.sends) == 0 {
		return
	}
	table, err := w.d.plans.domainRates(ctx)
	if err != nil {
		w.trouble(err)
	}
	if len(table) == 0 {
		return
	}
	waits := w.domainWaits(ctx, b, table)
	going := make([]*send, 0, len(b.sends))
	for _, s := range b.sends {
		wait, waiting := waits[s]
		switch {
		case !waiting:
			going = append(going, s)
		case b.single:
			b.ended = append(b.ended, result{s: s, state: queued, due: true, wait: wait, domain: rated(s)}.keep())
		default:
			b.ended = append(b.ended, result{s: s, state: queued, due: true, until: w.d.now().Plus(wait), domain: rated(s)}.keep())
		}
	}
	if late := len(b.sends) - len(going); late > 0 && w.d.c.Limiter != nil {
		w.d.c.Limiter.Return(ctx, w.lane, late)
	}
	b.sends = going
}

// domainWaits says for how long sends wait for their domains, in whole seconds; the
// others go.
func (w *worker) domainWaits(ctx context.Context, b *batch, table loyalty.DomainRates) map[*send]time.Duration {
	byDomain := map[string][]*send{}
	for _, s := range b.sends {
		domain := rated(s)
		byDomain[domain] = append(byDomain[domain], s)
	}
	all := map[*send]time.Duration{}
	for domain, sends := range byDomain {
		limit, limited := table.Of(domain)
		if !limited {
			continue
		}
		granted, waits := w.d.c.Domains.TakeFor(ctx, w.lane, domain, limit, len(sends), !b.single)
		for i, s := range sends[granted:] {
			all[s] = (waits[i] + time.Second - 1).Truncate(time.Second)
		}
	}
	return all
}

// pass lets some time pass, in pieces in which a hold or the end is seen.
func (w *worker) pass(ctx context.Context, d time.Duration) {
	for end := time.Now().Add(d); !w.over(ctx); {
		left := time.Until(end)
		if left <= 0 {
			return
		}
		time.Sleep(min(left, lookEvery))
	}
}
