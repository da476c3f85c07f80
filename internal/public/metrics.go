package public

import (
	"context"
	"maps"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"regulars/internal/coupon"
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
	amiss  func() []store.Trouble

	oldest, sends, unknown, held, breaker, pool, nightly, parked, hooksWaiting, hooksDead, findings, trouble, skew *prometheus.Desc

	mu    sync.Mutex
	kept  map[string][]prometheus.Metric // by what was counted: what cannot be counted now is shown as it was
	until time.Time                      // machine time
}

// NewMetrics returns a collector to register. relays says of each relay whether
// its breaker is open, amiss what is in trouble; nil: nothing.
func NewMetrics(db *store.DB, relays func() map[string]bool, amiss func() []store.Trouble) *Metrics {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc(name, help, labels, nil)
	}
	return &Metrics{db: db, relays: relays, amiss: amiss, kept: map[string][]prometheus.Metric{},
		oldest:       desc("regulars_oldest_due_seconds", "How long the oldest due row of a queue has been waiting.", "queue"),
		sends:        desc("regulars_sends_total", "Sends that are over, by state and class; sent counts those that came back later, too.", "state", "class"),
		unknown:      desc("regulars_unknown", "Mails whose outcome nobody knows."),
		held:         desc("regulars_held", "Things that a person stopped."),
		breaker:      desc("regulars_breaker_open", "1 while a relay is spared.", "relay"),
		pool:         desc("regulars_pool_left", "Codes that a pool can still give; +Inf without a limit.", "pool"),
		nightly:      desc("regulars_nightly_age_seconds", "How long ago the last nightly pass came to its end."),
		parked:       desc("regulars_hooks_parked", "Webhooks that wait for a person."),
		hooksWaiting: desc("regulars_hooks_out_waiting", "Webhooks that wait to be sent, by destination.", "destination"),
		hooksDead:    desc("regulars_hooks_out_dead", "Webhooks that were given up, by destination, until somebody replays or drops them.", "destination"),
		trouble:      desc("regulars_trouble", "How many things of a kind keep Regulars from its work; /readyz has the words.", "kind"),
		skew:         desc("regulars_clock_skew_seconds", "How far a replica's clock is ahead of the database's.", "replica"),
		findings:     desc("regulars_doctor_findings", "What the cheap checks of `regulars doctor` find."),
	}
}

// Describe implements prometheus.Collector.
func (m *Metrics) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{m.oldest, m.sends, m.unknown, m.held, m.breaker, m.pool, m.nightly, m.parked, m.hooksWaiting, m.hooksDead, m.findings, m.trouble, m.skew} {
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
	if m.amiss != nil {
		kinds := map[string]float64{}
		for _, t := range m.amiss() {
			kinds[t.Kind]++
		}
		for kind, n := range kinds {
			out <- gauge(m.trouble, n, kind)
		}
	}
	for _, metric := range m.counted() {
		out <- metric
	}
}

func gauge(d *prometheus.Desc, v float64, labels ...string) prometheus.Metric {
	return prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
}

// counted returns what is in the database, or was a moment ago. Each part is counted
// by itself and bounded in time: one that cannot be counted leaves the others, and is
// not asked again at once.
func (m *Metrics) counted() (all []prometheus.Metric) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if began := time.Now(); !began.Before(m.until) {
		m.status()
		for name, part := range map[string]func(*store.Tx) ([]prometheus.Metric, error){"ledger": m.ledger, "pools": m.pools, "findings": m.found, "parked": m.waiting} {
			var counted []prometheus.Metric
			err := m.asked(func(tx *store.Tx) (err error) { counted, err = part(tx); return err })
			if err == nil {
				m.kept[name] = counted
			}
		}
		m.until = time.Now().Add(max(5*time.Second, 20*time.Since(began)))
	}
	for _, part := range slices.Sorted(maps.Keys(m.kept)) {
		all = append(all, m.kept[part]...)
	}
	return all
}

// countedWithin is for how long one part may be counted.
var countedWithin = 5 * time.Second

func (m *Metrics) asked(f func(*store.Tx) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), countedWithin)
	defer cancel()
	return m.db.View(ctx, f)
}

func (m *Metrics) status() {
	const unknown, webhooks, held, queues, replicas = "unknown mails and failed jobs", "the webhooks", "what is held", "the queues", "the replicas and the last night"
	status := report.LookAtParts(context.Background(), m.db, unknown, webhooks, held, queues, replicas)
	if status.Told(unknown) {
		m.kept["unknown"] = []prometheus.Metric{gauge(m.unknown, float64(status.Unknown))}
	}
	if status.Told(webhooks) {
		m.kept["webhooks"] = nil
		for _, w := range status.Webhooks {
			m.kept["webhooks"] = append(m.kept["webhooks"], gauge(m.hooksWaiting, float64(w.Waiting), w.Name), gauge(m.hooksDead, float64(w.Dead), w.Name))
		}
	}
	if status.Told(held) {
		m.kept["held"] = []prometheus.Metric{gauge(m.held, float64(len(status.Holds)))}
	}
	if status.Told(queues) {
		m.kept["oldest"] = nil
		for _, o := range status.Oldest {
			m.kept["oldest"] = append(m.kept["oldest"], gauge(m.oldest, o.Seconds, o.Queue))
		}
	}
	if status.Told(replicas) {
		m.kept["replicas"] = nil
		for _, r := range status.Replicas {
			m.kept["replicas"] = append(m.kept["replicas"], gauge(m.skew, r.Ahead, r.ID))
		}
		if at := status.Midnight.FinishedAt; !at.IsZero() {
			m.kept["replicas"] = append(m.kept["replicas"], gauge(m.nightly, status.Now.Sub(at.Time).Seconds()))
		}
	}
}

func (m *Metrics) found(tx *store.Tx) ([]prometheus.Metric, error) {
	n, err := report.Findings(tx)
	return []prometheus.Metric{gauge(m.findings, float64(n))}, err
}

func (m *Metrics) waiting(tx *store.Tx) ([]prometheus.Metric, error) {
	var parked float64
	err := tx.One(&parked, "select count(*) from hooks where state = 'parked'", nil)
	return []prometheus.Metric{gauge(m.parked, parked)}, err
}

// ledger counts what never becomes less: what is on its way is seen by its queue.
func (m *Metrics) ledger(tx *store.Tx) (all []prometheus.Metric, err error) {
	var sends []struct {
		State, Class string
		N            float64
	}
	err = tx.All(&sends, `
		select state, class, sum(n) as n from counted where state in ('sent', 'failed', 'skipped', 'bounced', 'complained')
		group  by state, class having sum(n) > 0`, nil)
	sent := map[string]float64{}
	for _, s := range sends {
		if s.State != "failed" && s.State != "skipped" {
			sent[s.Class] += s.N
		}
		if s.State != "sent" {
			all = append(all, prometheus.MustNewConstMetric(m.sends, prometheus.CounterValue, s.N, s.State, s.Class))
		}
	}
	for class, n := range sent {
		all = append(all, prometheus.MustNewConstMetric(m.sends, prometheus.CounterValue, n, "sent", class))
	}
	return all, err
}

func (m *Metrics) pools(tx *store.Tx) (all []prometheus.Metric, err error) {
	day, err := tx.Today()
	if err != nil {
		return nil, err
	}
	pools, err := coupon.Statuses(tx, day)
	for _, p := range pools {
		left := float64(p.Left)
		if p.Left < 0 {
			left = math.Inf(1)
		}
		all = append(all, gauge(m.pool, left, p.Name))
	}
	return all, err
}
