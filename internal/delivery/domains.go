package delivery

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"regulars/internal/address"
	"regulars/internal/loyalty"
	"regulars/internal/store"
)

// apart takes mails out of a batch that their domains' rates do not let go yet, so that
// the others go on. They are due when their domain takes them: those of a chunk, from
// then on, by themselves. What the lane has given for them goes back.
func (w *worker) apart(ctx context.Context, b *batch) {
	if w.d.c.Domains == nil || len(b.sends) == 0 {
		return
	}
	table, err := w.d.domainRates(ctx)
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
			b.ended = append(b.ended, result{s: s, state: queued, due: true, wait: wait}.keep())
		default:
			b.ended = append(b.ended, result{s: s, state: queued, due: true, until: w.d.now().Plus(wait)}.keep())
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
		domain := address.Domain(s.letter.message.To)
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

// inForce keeps the rates of the program in force for a moment.
type inForce struct {
	mu    sync.Mutex
	asked time.Time
	rates loyalty.DomainRates
}

// ratesFor is how long rates are kept without asking which program is in force.
const ratesFor = time.Second

// domainRates are those of the program in force. While nobody can be asked they stay.
func (d *Sender) domainRates(ctx context.Context) (loyalty.DomainRates, error) {
	f := &d.inForce
	f.mu.Lock()
	defer f.mu.Unlock()
	if time.Since(f.asked) < ratesFor {
		return f.rates, nil
	}
	active, err := d.plans.active(ctx)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return f.rates, err
	}
	prog, _, err := d.c.Programs.Version(ctx, active)
	if err != nil {
		return f.rates, fmt.Errorf("version %d: %w", active, err)
	}
	f.asked, f.rates = time.Now(), prog.Rate
	return f.rates, nil
}
