package public

import (
	"context"
	"math"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"regulars/internal/coupon"
	"regulars/internal/loyalty"
	"regulars/internal/report"
	"regulars/internal/store"
)

// Metrics are counted from the database when they are asked for, so that every
// replica says the same and nothing is lost by a restart. Counting a large ledger
// takes its time: what was counted is shown again for twenty times as long as
// that took, and for 5 s at least. The names are stable.
type Metrics struct {
	db     *store.DB
	relays func() map[string]bool

	oldest, sends, unknown, held, breaker, pool, nightly, parked, findings *prometheus.Desc

	mu    sync.Mutex
	kept  []prometheus.Metric
	until time.Time // machine time
}

// NewMetrics returns a collector to register. relays says of each relay whether
// its breaker is open; nil: there is none.
func NewMetrics(db *store.DB, relays func() map[string]bool) *Metrics {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc(name, help, labels, nil)
	}
	return &Metrics{db: db, relays: relays,
		oldest:   desc("regulars_oldest_due_seconds", "How long the oldest due row of a queue has been waiting.", "queue"),
		sends:    desc("regulars_sends_total", "Sends that are over, by state and class; sent counts those that came back later, too.", "state", "class"),
		unknown:  desc("regulars_unknown", "Mails whose outcome nobody knows."),
		held:     desc("regulars_held", "Things that a person stopped."),
		breaker:  desc("regulars_breaker_open", "1 while a relay is spared.", "relay"),
		pool:     desc("regulars_pool_left", "Codes that a pool can still give; +Inf without a limit.", "pool"),
		nightly:  desc("regulars_nightly_age_seconds", "How long ago the last nightly pass came to its end."),
		parked:   desc("regulars_hooks_parked", "Webhooks that wait for a person."),
		findings: desc("regulars_doctor_findings", "What the cheap checks of `regulars doctor` find."),
	}
}

// Describe implements prometheus.Collector.
func (m *Metrics) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{m.oldest, m.sends, m.unknown, m.held, m.breaker, m.pool, m.nightly, m.parked, m.findings} {
		out <- d
	}
}

// Collect implements prometheus.Collector.
func (m *Metrics) Collect(out chan<- prometheus.Metric) {
	if m.relays != nil {
		for relay, open := range m.relays() {
			out <- gauge(m.breaker, map[bool]float64{true: 1}[open], relay)
		}
	}
	counted, err := m.counted()
	if err != nil {
		out <- prometheus.NewInvalidMetric(m.sends, err)
	}
	for _, metric := range counted {
		out <- metric
	}
}

func gauge(d *prometheus.Desc, v float64, labels ...string) prometheus.Metric {
	return prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
}

// counted returns what is in the database, or was a moment ago.
func (m *Metrics) counted() ([]prometheus.Metric, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	began := time.Now()
	if began.Before(m.until) {
		return m.kept, nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	var all []prometheus.Metric
	err := m.db.View(ctx, func(tx *store.Tx) error {
		all = nil
		for _, part := range []func(*store.Tx) ([]prometheus.Metric, error){m.status, m.ledger, m.pools} {
			some, err := part(tx)
			if err != nil {
				return err
			}
			all = append(all, some...)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	m.kept, m.until = all, time.Now().Add(max(5*time.Second, 20*time.Since(began)))
	return all, nil
}

func (m *Metrics) status(tx *store.Tx) ([]prometheus.Metric, error) {
	status, err := report.Look(tx)
	if err != nil {
		return nil, err
	}
	findings, err := report.Findings(tx)
	if err != nil {
		return nil, err
	}
	all := []prometheus.Metric{
		gauge(m.unknown, float64(status.Unknown)), gauge(m.held, float64(len(status.Holds))), gauge(m.findings, float64(findings)),
	}
	for _, o := range status.Oldest {
		all = append(all, gauge(m.oldest, o.Seconds, o.Queue))
	}
	if at := status.Midnight.FinishedAt; !at.IsZero() {
		all = append(all, gauge(m.nightly, tx.At.Sub(at.Time).Seconds()))
	}
	var parked float64
	err = tx.One(&parked, "select count(*) from hooks where state = 'parked'", nil)
	return append(all, gauge(m.parked, parked)), err
}

// ledger counts what never becomes less: what is on its way is seen by its queue.
func (m *Metrics) ledger(tx *store.Tx) (all []prometheus.Metric, err error) {
	var sends []struct {
		State, Class string
		N            float64
	}
	err = tx.All(&sends, `
		select state, class, count(*) as n from sends where state in ('failed', 'skipped', 'bounced', 'complained') group by state, class
		union all
		select 'sent', class, count(*) from sends where state in ('sent', 'bounced', 'complained') group by class`, nil)
	for _, s := range sends {
		all = append(all, prometheus.MustNewConstMetric(m.sends, prometheus.CounterValue, s.N, s.State, s.Class))
	}
	return all, err
}

func (m *Metrics) pools(tx *store.Tx) (all []prometheus.Metric, err error) {
	zone, err := tx.Zone()
	if err != nil {
		return nil, err
	}
	pools, err := coupon.Statuses(tx, loyalty.DayOf(tx.At.Time, zone))
	for _, p := range pools {
		left := float64(p.Left)
		if p.Left < 0 {
			left = math.Inf(1)
		}
		all = append(all, gauge(m.pool, left, p.Name))
	}
	return all, err
}
