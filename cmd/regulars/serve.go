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

	"regulars/internal/console"
	"regulars/internal/embedded"
	"regulars/internal/intake"
	"regulars/internal/mailnews"
	"regulars/internal/marketing"
	"regulars/internal/public"
	"regulars/internal/staff"
	"regulars/internal/store"
	"regulars/internal/webhook"
	"regulars/jobs"
)

// serveFlags are the flags of serve.
type serveFlags struct {
	roles, listen, pprof string
	noMigrate            bool
}

func (a *app) serveCommand() *cobra.Command {
	var f serveFlags
	c := newCommand("serve", "Run the service: the worker, the hooks, the API and the pages", func(c *cobra.Command, _ []string) error { return a.serve(c.Context(), f) })
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
	if a.metricsDoor, err = sideDoor("METRICS_LISTEN", a.config.Metrics); err != nil {
		return err
	}
	if a.metricsDoor != nil {
		defer a.metricsDoor.Close()
	}
	if a.inboundDoor, err = sideDoor("INBOUND_LISTEN", a.config.Inbound); err != nil {
		return err
	}
	if a.inboundDoor != nil {
		defer a.inboundDoor.Close()
	}
	if a.pprofDoor, err = sideDoor("PPROF_LISTEN", a.config.Pprof); err != nil {
		return err
	}
	if a.pprofDoor != nil {
		defer a.pprofDoor.Close()
	}
	return a.opened(ctx, !f.noMigrate, func(db *store.DB) error {
		log := a.logger()
		w, err := a.wire(ctx, db.Hasty(0), log)
		if err != nil {
			return err
		}
		defer w.close(ctx)
		return a.live(ctx, w, roles, door)
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

// sideDoor opens one of the operator's own addresses: of /metrics, of the profiles. nil
// where none is named.
func sideDoor(name, address string) (net.Listener, error) {
	if address == "" {
		return nil, nil
	}
	door, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return door, nil
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

// answerAt answers at an address until ctx ends.
func answerAt(ctx context.Context, door net.Listener, handler http.Handler, log *slog.Logger) error {
	server := &http.Server{Handler: handler, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug)}
	return public.Serve(ctx, server, func() error { return server.Serve(door) })
}

// shut is no door.
type shut struct{ net.Listener }

func (shut) Close() error { return nil }

// live runs the wired rooms until ctx ends, and lets it come to rest.
func (a *app) live(ctx context.Context, w *wiring, roles []string, door net.Listener) error {
	redis, closeRedis, err := a.redis(ctx, w)
	if err != nil {
		return err
	}
	defer closeRedis()
	w.hints = jobs.NewHints(redis, w.log)
	w.db.OnWake(w.hints.Put)
	if w.rate != nil {
		w.rate.Through(redis)
	}
	w.rates.Through(redis)

	// Readiness, unsubscribes and the replica's own row must be answered while every
	// other connection waits for a lock.
	quick, err := w.db.Beside(ctx, quickConnections)
	if err != nil {
		return err
	}
	defer quick.Close()
	quick = quick.Hasty(webLockWait)
	presence := &jobs.Presence{DB: quick, Clock: w.clock, Version: version(), Roles: strings.Join(roles, ","), Rate: w.rationed, Log: w.log,
		Senses: []func(context.Context) []store.Trouble{jobs.RedisSense(redis), jobs.DiskSense(w.db)}}

	outside := a.outside(w, redis)
	if err := outside.beats.Start(ctx); err != nil { // before anything is sent
		return err
	}
	site, err := a.site(ctx, w, quick)
	if err != nil {
		return err
	}
	if slices.Contains(roles, "worker") {
		if presence.Lock, err = w.db.Enter(ctx, func() error { return jobs.TakeBack(ctx, w.db, w.log) }); err != nil {
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
		poster, err := a.poster(w)
		if err != nil {
			return err
		}
		w.engine.Tells(poster)
		if a.config.WireLog == "" && a.wireLog(w.db) == "" {
			w.log.Warn("WIRE_LOG is not set, and there is no home: should this process be killed, up to a second's mails are unknown instead of a few")
		}
		w.sender.OpenWireLog(ctx) // before anything is claimed
		presence.Senses = append(presence.Senses, w.wireSense)
		work.Go(func() error { return w.sender.KeepWireLog(ctx) })
		presence.Senses = append(presence.Senses, w.secretsSense(poster))
		worker := jobs.Worker{
			Rooms: jobs.Rooms{DB: w.db, Sender: w.sender, Intake: w.door, Engine: w.engine, ImportDir: a.config.ImportDir},
			Redis: redis, Hints: w.hints, Log: w.log, Idle: w.idle, Grace: a.grace + a.recording, Count: countTasks(site.Registry),
		}
		presence.Senses = append(presence.Senses, worker.Failing)
		if w.sink == nil {
			presence.Senses = append(presence.Senses, w.relaySense)
			work.Go(func() error { return w.lookAtRelays(ctx) })
		}
		work.Go(func() error { return worker.Run(ctx) })
		work.Go(func() error { return w.alerts.Run(ctx) })
	}
	if _, none := door.(shut); !none {
		site.Sees = presence.Sees
		presence.Senses = append(presence.Senses, site.Senses)
		w.log.Info("serving", "address", door.Addr().String(), "base_url", a.baseURL())
		handler := site.Vitals() // without pages only the platform's questions are answered
		if slices.Contains(roles, "web") {
			handler = site.Handler()
			if site.Inbox != nil {
				fmt.Fprintf(a.err, "pages: http://%s/console/ (for marketers)  http://%[1]s/inbox/ (every mail)  http://%[1]s/status\n", reachable(a.config.Listen))
			}
		}
		work.Go(func() error { return answerAt(ctx, door, handler, w.log) })
	}
	if a.metricsDoor != nil {
		w.log.Info("serving metrics", "address", a.metricsDoor.Addr().String())
		work.Go(func() error { return answerAt(ctx, a.metricsDoor, site.Metrics(), w.log) })
	}
	if a.inboundDoor != nil {
		w.log.Info("taking mails", "address", a.inboundDoor.Addr().String(), "domain", a.config.BounceDomain)
		work.Go(func() error { return a.inbound(w).Run(ctx, a.inboundDoor) })
	}
	if a.pprofDoor != nil {
		w.log.Info("serving profiles", "address", a.pprofDoor.Addr().String())
		work.Go(func() error { return answerAt(ctx, a.pprofDoor, profiles(), w.log) })
	}
	work.Go(func() error { return presence.Run(ctx) })
	a.lean(roles)
	err = work.Wait()
	w.hints.Close()
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
func (a *app) redis(ctx context.Context, w *wiring) (r jobs.Redis, closer func(), err error) {
	address, stop := a.config.RedisURL, func() {}
	if address == "" {
		// It must outlive the worker that comes to rest after ctx has ended.
		inside, err := embedded.StartRedis(context.WithoutCancel(ctx))
		if err != nil {
			return r, nil, err
		}
		address, stop = "redis://"+inside.Addr(), inside.Close
		if w.db.Engine() == store.Postgres {
			w.log.Warn("Postgres without REDIS_URL: this replica wakes only itself; others find work by their poll")
		}
	}
	r, err = jobs.Connect(address)
	if err != nil {
		stop()
		return r, nil, err
	}
	for _, warning := range jobs.Warnings(ctx, r) {
		w.log.Warn(warning)
	}
	return r, func() { r.Close(); stop() }, nil
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

// consoleTransactions are those of the console's pages, which may ask much at once.
const consoleTransactions = 4

// quickConnections are those of readiness, unsubscribes and reads; webLockWait is how
// long a request waits for a lock that somebody else holds.
const (
	quickConnections = 4
	webLockWait      = 2 * time.Second
)

func (a *app) site(ctx context.Context, w *wiring, quick *store.DB) (site *public.Site, err error) {
	registry := prometheus.NewRegistry()
	web := w.db.Share(webTransactions).Hasty(webLockWait) // a burst of webhooks leaves the workers their connections
	site = &public.Site{
		Clock: time.Now, DB: web, Quick: quick, Live: w.clock, Intake: intake.New(web), Links: w.links, Registry: registry, Log: w.log, Relays: w.spared, Secrets: a.config.hookSecrets,
		MetricsElsewhere: a.metricsDoor != nil,
		Wake:             w.hints.Job,
		Learn:            w.sender.Learn,
		Fetch:            fetcher(),
	}
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		public.NewMetrics(w.db, w.spared, site.Amiss))
	if w.sink != nil {
		site.Inbox = embedded.NewInbox(w.sink, embedded.InboxOptions{Base: "/inbox", Status: "/status", Zone: shopZone(web)})
	}
	people := w.db.Share(consoleTransactions).Hasty(webLockWait)
	pages := &console.Console{DB: people, Marketer: marketing.Marketer{DB: people, Sender: w.sender}, Base: a.config.BaseURL, Open: a.embeddedDefault(w), Inbox: w.sink != nil, Log: w.log, NoPasswords: a.config.noPasswords, Surroundings: a.surroundingsTold()}
	if pages.OIDC, err = a.oidc(ctx, w.log); err != nil {
		return nil, err
	}
	site.Console = pages.Handler()
	return site, nil
}

// surroundingsTold is what the environment says, for pages that tell of it.
func (a *app) surroundingsTold() console.Surroundings {
	s := console.Surroundings{BounceDomain: a.config.BounceDomain, DKIM: a.config.dkim}
	door := func(name, setting string) {
		s.Doors = append(s.Doors, console.Door{Path: "/hooks/" + name, Setting: setting, Open: len(a.config.hookSecrets[name]) > 0})
	}
	for _, source := range webhook.Sources {
		door(source.Name, source.Setting())
	}
	for _, p := range mailnews.Providers {
		door("mail/"+p.Name, p.Setting())
	}
	return s
}

// oidc is the provider by which users come in; nil without one.
func (a *app) oidc(ctx context.Context, log *slog.Logger) (*staff.OIDC, error) {
	if a.config.oidc.Issuer == "" {
		return nil, nil
	}
	provider, unreached, err := staff.NewOIDC(ctx, a.config.oidc, a.baseURL()+console.OIDCBack)
	if unreached != nil {
		log.WarnContext(ctx, "the provider of OIDC does not answer: it is asked again when somebody signs in", "err", unreached)
	}
	return provider, err
}

// embeddedDefault reports whether nothing but this machine is touched: SQLite, and mails
// into the built-in inbox.
func (a *app) embeddedDefault(w *wiring) bool { return w.db.Engine() == store.SQLite && w.sink != nil }

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
