package public

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// healthz says that the process answers.
func (s *server) healthz(w http.ResponseWriter, _ *http.Request) error {
	return writeJSON(w, http.StatusOK, map[string]string{"status": "ok"})
}

// readiness is the body of /readyz.
type readiness struct {
	Status   string   `json:"status"` // ready | degraded | or why it is not ready
	Degraded []string `json:"degraded"`
}

// readyTimeout bounds each question, so that the platform gets its answer.
const readyTimeout = 3 * time.Second

// readyz says whether this replica can take requests: the database answers and
// its schema is not older than this binary. Redis or the relay away only makes
// it degraded: nothing is lost by that.
func (s *server) readyz(w http.ResponseWriter, r *http.Request) error {
	if why := s.unready(r.Context()); why != "" {
		return writeJSON(w, http.StatusServiceUnavailable, readiness{Status: why, Degraded: []string{}})
	}
	answer := readiness{Status: "ready", Degraded: s.degraded(r.Context())}
	if len(answer.Degraded) > 0 {
		answer.Status = "degraded"
	}
	return writeJSON(w, http.StatusOK, answer)
}

// unready says why this replica can take no requests, "" when it can.
func (s *server) unready(ctx context.Context) string {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	if s.DB.Ping(ctx) != nil {
		return "the database does not answer"
	}
	have, want, err := s.DB.Schema(ctx)
	switch {
	case err != nil:
		return "the database does not answer"
	case have < want:
		return "the schema is older than this binary: run `regulars migrate`"
	}
	return ""
}

// degraded names what is away.
func (s *server) degraded(ctx context.Context) []string {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	away := []string{}
	if s.Redis != nil && s.Redis(ctx) != nil {
		away = append(away, "redis")
	}
	if s.Relays != nil {
		relays := s.Relays()
		for _, relay := range slices.Sorted(maps.Keys(relays)) {
			if relays[relay] {
				away = append(away, "relay "+relay)
			}
		}
	}
	return away
}

// metrics answers Prometheus. What cannot be counted just now is left out.
func (s *server) metrics() http.Handler {
	return promhttp.HandlerFor(s.Registry, promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError})
}
