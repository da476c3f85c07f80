package public

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"regulars/internal/intake"
)

// refusals leaves a trace of what was refused at a door of machines: a count for
// the metrics and a line for the log, with neither a value nor a name of anybody.
type refusals struct {
	log   *slog.Logger
	count *prometheus.CounterVec

	mu    sync.Mutex
	since map[[2]string]*untold // source and reason
}

// untold is what was not logged because it is the same as a moment ago.
type untold struct {
	next time.Time // machine time
	n    int
}

// sayAgain is how long one reason of one source is not logged again: anybody can
// knock at a hook as often as they like.
const sayAgain = 10 * time.Second

func newRefusals(registry *prometheus.Registry, log *slog.Logger) *refusals {
	r := &refusals{log: log, since: map[[2]string]*untold{}, count: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "regulars_hooks_refused_total", Help: "Deliveries and events that were refused, by source and reason or field.",
	}, []string{"source", "reason"})}
	if registry == nil {
		return r
	}
	var known prometheus.AlreadyRegisteredError
	if err := registry.Register(r.count); errors.As(err, &known) {
		r.count, _ = known.ExistingCollector.(*prometheus.CounterVec)
	}
	return r
}

// delivery notes a whole delivery that was refused.
func (r *refusals) delivery(ctx context.Context, source, reason string) {
	r.note(ctx, "a delivery is refused", source, reason)
}

// events notes the events of a delivery that were refused, by their field.
func (r *refusals) events(ctx context.Context, source string, answers []eventAnswer) {
	for _, a := range answers {
		if a.State == intake.Refused {
			r.note(ctx, "an event is refused", source, fieldOnly(a.Field))
		}
	}
}

// fieldOnly is a field without what the sender named in it: the names of
// attributes and ids are not ours, and places in lists are without number.
func fieldOnly(field string) string {
	var b strings.Builder
	for i, part := range strings.Split(field, ".") {
		if i == 2 {
			break
		}
		if name, _, list := strings.Cut(part, "["); list {
			part = name + "[]"
		}
		if i == 1 && !fields[part] {
			part = "…"
		}
		if i > 0 {
			b.WriteByte('.')
		}
		b.WriteString(part)
	}
	if first, _, _ := strings.Cut(b.String(), "."); !fields[first] {
		return "event"
	}
	return b.String()
}

// fields are the names that a metric may show: ours.
var fields = map[string]bool{
	"event": true, "id": true, "type": true, "at": true, "member": true, "order": true, "refund": true, "points": true, "properties": true,
	"ids": true, "email": true, "phone": true, "card": true, "first_name": true, "last_name": true, "language": true, "country": true,
	"time_zone": true, "birthday": true, "tags": true, "joined": true, "joined_at": true, "referred_by": true, "consent": true,
	"consent_source": true, "consent_text": true, "consent_at": true, "version": true, "status": true, "total": true, "discount": true,
	"currency": true, "shop": true, "quantity": true, "coupons[]": true, "lines": true, "lines[]": true, "balance": true, "delta": true,
}

func (r *refusals) note(ctx context.Context, what, source, reason string) {
	r.count.WithLabelValues(source, reason).Inc()
	r.mu.Lock()
	u := r.since[[2]string{source, reason}]
	if u == nil {
		u = &untold{}
		r.since[[2]string{source, reason}] = u
	}
	now := time.Now()
	if u.n++; now.Before(u.next) {
		r.mu.Unlock()
		return
	}
	n := u.n
	u.n, u.next = 0, now.Add(sayAgain)
	r.mu.Unlock()
	r.log.WarnContext(ctx, what, "source", source, "reason", reason, "times", n)
}
