package jobs

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"regulars/internal/delivery"
	"regulars/internal/loyalty"
	"regulars/internal/store"
)

// DomainRates let no more mails go to a domain than it takes: each domain has a Rate of
// its own, which all replicas keep together. They are a delivery.DomainLimiter.
type DomainRates struct {
	others *others

	mu    sync.Mutex
	rates map[string]*Rate // by domain
}

// NewDomainRates returns rates that every replica keeps for itself until it shares a Redis.
func NewDomainRates(db *store.DB) *DomainRates {
	return &DomainRates{others: newOthers(db), rates: map[string]*Rate{}}
}

// Through shares the rates with all replicas that use the same Redis.
func (d *DomainRates) Through(shared Redis) { d.others.through(shared) }

const (
	keptDomains   = 10_000      // that are remembered, beside those that are in use
	domainForIdle = time.Minute // the moment of a domain is kept in Redis after it has passed
)

// TakeFor implements delivery.DomainLimiter.
func (d *DomainRates) TakeFor(ctx context.Context, lane, domain string, limit loyalty.Rate, n int, behind bool) (granted int, waits []time.Duration) {
	r := d.of(domain, limit)
	r.mu.Lock()
	defer r.mu.Unlock()
	granted, wait := r.take(ctx, lane, n)
	if granted == n {
		return n, nil
	}
	now := time.Now()
	at := now.Add(wait)
	if behind && r.queue.After(at) {
		at = r.queue
	}
	every := r.ours(ctx)
	for range n - granted {
		waits = append(waits, at.Sub(now))
		at = at.Add(every)
	}
	if behind {
		r.queue = at
	}
	return granted, waits
}

// of returns the rate of a domain. A program with another limit begins anew.
func (d *DomainRates) of(domain string, limit loyalty.Rate) *Rate {
	d.mu.Lock()
	defer d.mu.Unlock()
	r := d.rates[domain]
	if r == nil || r.limit != limit {
		if len(d.rates) >= keptDomains {
			maps.DeleteFunc(d.rates, func(_ string, r *Rate) bool { return r.over() })
		}
		before := r
		r = &Rate{limit: limit, key: "regulars:rate:" + domain, idle: domainForIdle, others: d.others}
		if before != nil {
			r.next = before.moment()
		}
		d.rates[domain] = r
	}
	return r
}

// over reports that nothing of a rate need be remembered.
func (r *Rate) over() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	return r.next.Before(now) && r.queue.Before(now)
}

func (r *Rate) moment() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.next
}

// Used says to which domains mails wait for their rates, and how high these are.
func (d *DomainRates) Used() (limits string, up bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	var all []string
	for _, domain := range slices.Sorted(maps.Keys(d.rates)) {
		if limit, used := d.rates[domain].Used(); used {
			all = append(all, limit+" to "+domain)
		}
	}
	if len(all) > namedDomains {
		all = append(all[:namedDomains], "and more")
	}
	return strings.Join(all, ", "), len(all) > 0
}

// namedDomains is how many domains are told of at once.
const namedDomains = 5

var (
	_ delivery.Limiter       = (*Rate)(nil)
	_ delivery.DomainLimiter = (*DomainRates)(nil)
)
