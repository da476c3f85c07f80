package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"regulars/internal/embedded"
	"regulars/internal/intake"
	"regulars/internal/public"
	"regulars/internal/store"
	"regulars/jobs"
)

// serveFlags are the flags of serve.
type serveFlags struct {
	roles, listen, pprof string
	noMigrate            bool
}

func (a *app) serveCommand() *cobra.Command {
	var f serveFlags
	c := &cobra.Command{
		Use: "serve", Short: "Run the service: the worker, the hooks, the API and the pages",
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return a.serve(c.Context(), f) },
	}
	c.Flags().StringVar(&f.roles, "roles", "web,worker", "what this replica does")
	c.Flags().StringVar(&f.listen, "listen", "", "host:port (default: LISTEN; :8080, and with the built-in inbox 127.0.0.1:8080)")
	c.Flags().StringVar(&f.pprof, "pprof", "", "host:port for Go's profiles, on this machine (default: PPROF_LISTEN, none)")
	c.Flags().BoolVar(&f.noMigrate, "no-migrate", false, "leave the schema alone, and refuse to start when it is older")
	return c
}

func (a *app) serve(ctx context.Context, f serveFlags) error {
	roles := splitList(f.roles)
	for _, r := range roles {
		if r != "web" && r != "worker" {
			return usage("--roles takes web, worker or web,worker, not %q", r)
		}
	}
	if f.listen != "" {
		if err := listenAddress(f.listen); err != nil {
			return usage("--listen %w", err)
		}
		a.config.Listen, a.config.listens = f.listen, true
	}
	if f.pprof != "" {
		if err := listenAddress(f.pprof); err != nil {
			return usage("--pprof %w", err)
		}
		a.config.Pprof = f.pprof
		if err := a.config.pprofAlone(); err != nil {
			return usage("--pprof %w", err)
		}
	}
	if err := a.config.ready(); err != nil {
		a.sayRefused(ctx, err)
		return err
	}
	door, err := a.listen(slices.Contains(roles, "web"))
	if err != nil {
		return err
	}
	defer door.Close()
	if err := a.sideDoors(); err != nil {
		return err
	}
	defer a.closeSideDoors()
	return a.opened(ctx, !f.noMigrate, func(db *store.DB) error {
		log := a.logger()
		h, err := a.furnish(ctx, db.Hasty(0), log)
		if err != nil {
			return err
		}
		defer h.close(ctx)
		return a.live(ctx, h, roles, door)
	})
}

// listen opens the door of the pages, first of all: a port that is taken is said
// at once, and the links in mails know the port that was given for port 0.
//
// A replica without pages answers the platform's questions where --listen or LISTEN
// names a place of its own; by default it has no door, so that it can live beside
// one with pages.
func (a *app) listen(web bool) (net.Listener, error) {
	if !web && !a.config.listens {
		return shut{}, nil
	}
	door, err := net.Listen("tcp", a.config.Listen)
	if err != nil {
		return nil, fmt.Errorf("%w; --listen HOST:PORT names another place", err)
	}
	a.config.Listen = door.Addr().String()
	return door, nil
}

// sideDoors opens the operator's own addresses: of /metrics and of the profiles.
func (a *app) sideDoors() (err error) {
	if a.metricsDoor, err = a.sideDoor("METRICS_LISTEN", a.config.Metrics); err != nil {
		return err
	}
	if a.pprofDoor, err = a.sideDoor("PPROF_LISTEN", a.config.Pprof); err != nil {
		a.closeSideDoors()
	}
	return err
}

func (a *app) sideDoor(name, address string) (net.Listener, error) {
	if address == "" {
		return nil, nil
	}
	door, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return door, nil
}

func (a *app) closeSideDoors() {
	for _, door := range []net.Listener{a.metricsDoor, a.pprofDoor} {
		if door != nil {
			door.Close()
		}
	}
}

// profiles are Go's own, under /debug/pprof/.
func profiles() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	return mux
}

// beside answers at one of the operator's addresses until ctx ends.
func (a *app) beside(ctx context.Context, what string, door net.Listener, handler http.Handler, log *slog.Logger) error {
	log.Info("serving "+what, "address", door.Addr().String())
	server := &http.Server{Handler: handler, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug)}
	return public.Serve(ctx, server, func() error { return server.Serve(door) })
}

// shut is no door.
type shut struct{ net.Listener }

func (shut) Close() error { return nil }

// live runs a furnished house until ctx ends, and lets it come to rest.
func (a *app) live(ctx context.Context, h *house, roles []string, door net.Listener) error {
	redis, closeRedis, err := a.redis(ctx, h)
	if err != nil {
		return err
	}
	defer closeRedis()
	h.hints = jobs.NewHints(redis, h.log)
	h.db.OnWake(h.hints.Put)

	// Readiness, unsubscribes and the replica's own row must be answered while every
	// other connection waits for a lock.
	quick, err := h.db.Beside(ctx, quickConnections)
	if err != nil {
		return err
	}
	defer quick.Close()
	quick = quick.Hasty(webLockWait)
	presence := &jobs.Presence{DB: quick, Clock: h.clock, Version: version(), Roles: strings.Join(roles, ","), Log: h.log,
		Senses: []func(context.Context) []store.Trouble{jobs.RedisSense(redis), jobs.DiskSense(h.db)}}

	outside := a.outside(h, redis)
	if err := outside.beats.Start(ctx); err != nil { // before anything is sent
		return err
	}
	site, err := a.site(h, quick)
	if err != nil {
		return err
	}
	if slices.Contains(roles, "worker") {
		if presence.Lock, err = h.db.Enter(ctx, func() error { return jobs.TakeBack(ctx, h.db, h.log) }); err != nil {
			return err
		}
		defer presence.Lock.Leave()
	}

	work, ctx := errgroup.WithContext(ctx)
	work.Go(func() error { return outside.beats.Run(ctx) })
	if outside.journal != nil {
		presence.Senses = append(presence.Senses, outside.journal.Sense)
		work.Go(func() error { return outside.journal.Run(ctx) })
	}
	if slices.Contains(roles, "worker") {
		w := jobs.Worker{
			Rooms: jobs.Rooms{DB: h.db, Desk: h.desk, Intake: h.door, Engine: h.engine, ImportDir: a.config.ImportDir},
			Redis: redis, Hints: h.hints, Log: h.log, Idle: h.idle, Grace: a.grace + recording, Count: countTasks(site.Registry),
		}
		presence.Senses = append(presence.Senses, w.Failing)
		if h.sink == nil {
			presence.Senses = append(presence.Senses, h.relaySense)
			work.Go(func() error { return h.lookAtRelay(ctx) })
		}
		work.Go(func() error { return w.Run(ctx) })
	}
	if _, none := door.(shut); !none {
		site.Sees = presence.Sees
		presence.Senses = append(presence.Senses, site.Senses)
		work.Go(func() error { return a.web(ctx, h, site, door, slices.Contains(roles, "web")) })
	}
	if a.metricsDoor != nil {
		work.Go(func() error { return a.beside(ctx, "metrics", a.metricsDoor, site.Metrics(), h.log) })
	}
	if a.pprofDoor != nil {
		work.Go(func() error { return a.beside(ctx, "profiles", a.pprofDoor, profiles(), h.log) })
	}
	work.Go(func() error { return presence.Run(ctx) })
	err = work.Wait()
	h.hints.Close()
	return err
}

// countTasks returns what counts the tasks that a worker ran, for /metrics.
func countTasks(registry *prometheus.Registry) func(kind, outcome string) {
	tasks := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "regulars_tasks_total",
		Help: "Tasks that this worker ran, by kind and outcome: done, nothing, later, failed or stopped."}, []string{"kind", "outcome"})
	registry.MustRegister(tasks)
	return func(kind, outcome string) { tasks.WithLabelValues(kind, outcome).Inc() }
}

// redis connects to the Redis of the environment, or starts one in the process.
func (a *app) redis(ctx context.Context, h *house) (r jobs.Redis, closer func(), err error) {
	address, stop := a.config.RedisURL, func() {}
	if address == "" {
		// It must outlive the worker that comes to rest after ctx has ended.
		inside, err := embedded.StartRedis(context.WithoutCancel(ctx))
		if err != nil {
			return r, nil, err
		}
		address, stop = "redis://"+inside.Addr(), inside.Close
		if h.db.Engine() == store.Postgres {
			h.log.Warn("Postgres without REDIS_URL: this replica wakes only itself; others find work by their poll")
		}
	}
	r, err = jobs.Connect(address)
	if err != nil {
		stop()
		return r, nil, err
	}
	for _, warning := range jobs.Warnings(ctx, r) {
		h.log.Warn(warning)
	}
	return r, func() { r.Close(); stop() }, nil
}

// web answers requests until ctx ends: all of them, or without pages only those
// of the platform.
func (a *app) web(ctx context.Context, h *house, site *public.Site, door net.Listener, pages bool) error {
	h.log.Info("serving", "address", door.Addr().String(), "base_url", a.baseURL())
	if pages && site.Inbox != nil {
		fmt.Fprintf(a.err, "pages: http://%s/inbox/ (every mail)  http://%[1]s/status\n", reachable(a.config.Listen))
	}
	handler := site.Vitals()
	if pages {
		handler = site.Handler()
	}
	server := &http.Server{Handler: handler, ErrorLog: slog.NewLogLogger(h.log.Handler(), slog.LevelDebug)}
	return public.Serve(ctx, server, func() error { return server.Serve(door) })
}

// reachable is the host:port at which this machine reaches what listens on an
// address: all of its addresses include localhost.
func reachable(listen string) string {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return listen
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	return net.JoinHostPort(host, port)
}

// webTransactions is how many transactions the pages and hooks of a replica may
// have open at once.
const webTransactions = 8

// quickConnections are those of readiness, unsubscribes and reads; webLockWait is how
// long a request waits for a lock that somebody else holds.
const (
	quickConnections = 4
	webLockWait      = 2 * time.Second
)

func (a *app) site(h *house, quick *store.DB) (*public.Site, error) {
	registry := prometheus.NewRegistry()
	web := h.db.Share(webTransactions).Hasty(webLockWait) // a burst of webhooks leaves the workers their connections
	site := &public.Site{
		Clock: time.Now, DB: web, Quick: quick, Live: h.clock, Intake: intake.New(web), Links: h.links, Registry: registry, Log: h.log, Relays: h.relays, Secrets: a.config.hookSecrets,
		MetricsElsewhere: a.metricsDoor != nil,
		Wake:             h.hints.Job,
	}
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		public.NewMetrics(h.db, h.relays, site.Amiss))
	if h.sink != nil {
		site.Inbox = embedded.NewInbox(h.sink, embedded.InboxOptions{Base: "/inbox", Status: "/status", Zone: shopZone(web)})
	}
	return site, nil
}

// shopZone asks for the zone of the program in force; UTC when it can't be told.
func shopZone(db *store.DB) func(context.Context) *time.Location {
	return func(ctx context.Context) *time.Location {
		zone := time.UTC
		err := db.View(ctx, func(tx *store.Tx) (err error) { zone, err = tx.Zone(); return err })
		if err != nil {
			return time.UTC // times of an inbox are not worth an error
		}
		return zone
	}
}

// healthcheckCommand lets a container without a shell ask itself.
func (a *app) healthcheckCommand() *cobra.Command {
	return &cobra.Command{
		Use: "healthcheck", Short: "Ask the replica on this machine whether it is ready", Hidden: true,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			request, err := http.NewRequestWithContext(c.Context(), http.MethodGet, "http://"+reachable(a.config.Listen)+"/readyz", nil)
			if err != nil {
				return err
			}
			client := http.Client{Timeout: 4 * time.Second}
			answer, err := client.Do(request)
			if err != nil {
				return err
			}
			answer.Body.Close()
			if answer.StatusCode != http.StatusOK {
				return fmt.Errorf("not ready: %s", answer.Status)
			}
			return nil
		},
	}
}
