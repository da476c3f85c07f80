package public

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"regulars/internal/report"
	"regulars/internal/store"
)

// healthz says that the process answers.
func (s *server) healthz(w http.ResponseWriter, _ *http.Request) error {
	return writeJSON(w, http.StatusOK, map[string]string{"status": "ok"})
}

// readiness is the body of /readyz.
type readiness struct {
	Status   string          `json:"status"` // ready | degraded | or why it is not ready
	Degraded []string        `json:"degraded"`
	Troubles []store.Trouble `json:"troubles,omitempty"` // what is amiss, here or anywhere, and what to do
}

// readyTimeout bounds the whole answer: a platform gives it a second.
var readyTimeout = 900 * time.Millisecond

// glanceFor is how long what was amiss is told again: readiness is asked often, and by
// anybody.
const glanceFor = 2 * time.Second

// readyz says whether this replica can take requests: the database answers, its
// schema is not older than this binary, and the clocks agree. Whatever else is amiss
// only makes it degraded, in words: nothing is lost by that. The database alone is
// asked; of everything else the process knows already.
func (s *server) readyz(w http.ResponseWriter, r *http.Request) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), readyTimeout) // what it finds is told to others too
	defer cancel()
	if why := s.unready(ctx); why != "" {
		return writeJSON(w, http.StatusServiceUnavailable, readiness{Status: why, Degraded: []string{}, Troubles: s.amiss(ctx)})
	}
	answer := readiness{Status: "ready", Troubles: s.amiss(ctx)}
	answer.Degraded = s.degraded(answer.Troubles)
	if len(answer.Degraded)+len(answer.Troubles) > 0 {
		answer.Status = "degraded"
	}
	return writeJSON(w, http.StatusOK, answer)
}

// unready says why this replica can take no requests, "" when it can.
func (s *server) unready(ctx context.Context) string {
	if s.Live != nil && s.Live.TooFar() {
		return fmt.Sprintf("this machine's clock is %s from the database's: set it by NTP", s.Live.Ahead().Abs().Round(time.Second))
	}
	if s.reads.Ping(ctx) != nil {
		return "the database does not answer"
	}
	have, want, err := s.reads.Schema(ctx)
	switch {
	case err != nil:
		return "the database does not answer"
	case have < want:
		return "the schema is older than this binary: run `regulars migrate`"
	}
	return ""
}

// degraded names what is away.
func (s *server) degraded(troubles []store.Trouble) []string {
	away := []string{}
	if slices.ContainsFunc(troubles, func(t store.Trouble) bool { return t.Kind == "redis" }) {
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

// Senses are the troubles that requests have shown lately.
func (s *Site) Senses(context.Context) []store.Trouble {
	hook := s.closed.Load()
	if hook == nil || time.Since(hook.at) > 10*time.Minute {
		return nil
	}
	return []store.Trouble{{Kind: "secret", What: "webhooks to /hooks/" + hook.Name + " are refused: " + hook.Setting() + " is not set",
		Do: "set it, or " + hook.Setting() + "_FILE, to the secret that the shop signs with, and restart serve; the shop sends again what was refused"}}
}

// Amiss is what is amiss, here or anywhere, a moment ago at most.
func (s *Site) Amiss() []store.Trouble {
	ctx, cancel := context.WithTimeout(context.Background(), readyTimeout)
	defer cancel()
	return s.amiss(ctx)
}

// amiss is what the database knows of and what this replica sees itself.
func (s *Site) amiss(ctx context.Context) []store.Trouble {
	all := slices.Clone(s.glanced(ctx))
	if s.Sees != nil {
		for _, t := range s.Sees() {
			if !slices.Contains(all, t) {
				all = append(all, t)
			}
		}
	}
	return all
}

// glanceLimit bounds a look, which goes on when nobody waits for it any more: a busy
// database that answers late is no trouble, and the next to ask is told.
var glanceLimit = 5 * time.Second

// glanced is what was seen at the last look. One that is no news any more is made
// anew, for which it waits as long as ctx lets it.
func (s *Site) glanced(ctx context.Context) []store.Trouble {
	if last := s.glance.last.Load(); last != nil && time.Now().Before(last.until) {
		return last.all
	}
	looked := s.glance.look(func() []store.Trouble {
		limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), glanceLimit)
		defer cancel()
		return report.Glance(limited, s.quick())
	})
	select {
	case <-looked:
	case <-ctx.Done():
	}
	if last := s.glance.last.Load(); last != nil {
		return last.all
	}
	return nil // nobody has seen anything yet
}

// glance is what was amiss when it was last looked at.
type glance struct {
	mu      sync.Mutex
	looking chan struct{} // closed when the look under way is done; nil: there is none
	last    atomic.Pointer[seen]
}

// look begins a look, unless one is under way, and returns what is closed when it is
// done.
func (g *glance) look(ask func() []store.Trouble) <-chan struct{} {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.looking == nil {
		done := make(chan struct{})
		g.looking = done
		go func() {
			all := ask()
			g.last.Store(&seen{all, time.Now().Add(glanceFor)})
			g.mu.Lock()
			g.looking = nil
			g.mu.Unlock()
			close(done)
		}()
	}
	return g.looking
}

type seen struct {
	all   []store.Trouble
	until time.Time // machine time
}

// metrics answers Prometheus. What cannot be counted just now is left out.
func (s *server) metrics() http.Handler {
	return promhttp.HandlerFor(s.Registry, promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError})
}
