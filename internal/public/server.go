package public

import (
	"cmp"
	"context"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/semaphore"

	"regulars/internal/consent"
	"regulars/internal/delivery"
	"regulars/internal/intake"
	"regulars/internal/mailnews"
	"regulars/internal/store"
	"regulars/internal/webhook"
)

// Site answers requests from the world.
type Site struct {
	DB       *store.DB
	Quick    *store.DB    // for readiness, unsubscribes and reads, which must not wait for the others; nil: DB
	Live     *store.Clock // business time, held against the database's; nil: it is stepped by hand
	Intake   *intake.Intake
	Links    *consent.Links
	Sources  []webhook.Source                                                 // whose webhooks are taken; nil: webhook.Sources
	Secrets  map[string][]string                                              // source → what it signs with; without any, its hook is closed
	Learn    func(context.Context, []mailnews.News) ([]delivery.Heard, error) // what mail providers tell; nil: their hooks are closed
	Fetch    func(address string) ([]byte, error)                             // gets their certificates, and confirms subscriptions; nil: it cannot
	Wake     func(job int64, kind string)                                     // tells a worker of a new job and returns at once; nil: the poll finds it
	Relays   func() map[string]bool                                           // relay → its breaker is open; nil: none
	Sees     func() []store.Trouble                                           // what this replica sees amiss; nil: nothing
	Registry *prometheus.Registry
	Log      *slog.Logger

	// Clock is the machine's, by which a signature is fresh or stale: a sender
	// knows nothing of a business time that is stepped. nil: time.Now.
	Clock func() time.Time

	// MetricsElsewhere leaves /metrics to an address of its own: see Metrics.
	MetricsElsewhere bool

	// Inbox, if not nil, is mounted under /inbox: the built-in sink's pages. It is
	// given whole paths.
	Inbox http.Handler

	// Console, if not nil, is mounted under /console: the marketers' pages. It is given
	// whole paths, and finds out itself who asks.
	Console http.Handler

	glance glance
	closed atomic.Pointer[closedHook] // the last webhook that was refused for want of a secret
}

func (s *Site) quick() *store.DB { return cmp.Or(s.Quick, s.DB) }

// server is a site with what its handlers share.
type server struct {
	*Site
	reads   *store.DB // Quick, or DB where there is none
	pages   *pages
	origins *http.CrossOriginProtection
	refused *refusals
	turns   turns               // of touches of one member
	spare   *semaphore.Weighted // bytes of bodies that may be held at once

	guesses guesses              // of codes, at the API
	joins   tries                // of addresses, on the page on which friends join
	known   atomic.Pointer[shop] // as last seen
}

// handler answers a request, or returns the error for answer to put into words.
type handler func(http.ResponseWriter, *http.Request) error

// route is a pattern of net/http, the largest body that it takes, and who answers.
type route struct {
	pattern string
	body    int64 // bytes
	answer  handler
}

// Handler returns everything that the site answers.
func (s *Site) Handler() http.Handler {
	in := newServer(s)
	mux := in.mux(append(in.vitals(), in.routes()...))
	if s.Inbox != nil {
		mux.Handle("/inbox", s.Inbox)
		mux.Handle("/inbox/", s.Inbox)
	}
	if s.Console != nil {
		mux.Handle("/console", s.Console)
		mux.Handle("/console/", s.Console)
	}
	return in.guard(in.inWords(mux))
}

// Vitals returns the answers to the platform's questions alone, for a replica
// that only works.
func (s *Site) Vitals() http.Handler {
	in := newServer(s)
	return in.guard(in.inWords(in.mux(in.vitals())))
}

func (s *server) mux(routes []route) *http.ServeMux {
	mux := http.NewServeMux()
	for _, r := range routes {
		mux.Handle(r.pattern, s.answered(r))
	}
	if !s.MetricsElsewhere {
		mux.Handle("GET /metrics", s.metrics()) // Prometheus
	}
	return mux
}

// Metrics returns /metrics alone, for an address that the world does not reach.
func (s *Site) Metrics() http.Handler {
	in := newServer(s)
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", in.metrics())
	return in.guard(mux)
}

func newServer(s *Site) *server {
	in := &server{Site: s, pages: newPages(), spare: semaphore.NewWeighted(heldBodies)}
	in.refused = newRefusals(s.Registry, s.Log)
	in.origins = http.NewCrossOriginProtection()
	if s.Links != nil && s.Links.Origin() != "" {
		if err := in.origins.AddTrustedOrigin(s.Links.Origin()); err != nil {
			s.Log.Error("BASE_URL is no origin of pages", "err", err)
		}
	}
	if in.Clock == nil {
		in.Clock = time.Now
	}
	if in.Sources == nil {
		in.Sources = webhook.Sources
	}
	in.reads = in.quick()
	return in
}

// vitals are what the platform asks.
func (s *server) vitals() []route {
	return []route{
		{"GET /healthz", smallBody, s.healthz},
		{"GET /readyz", smallBody, s.readyz},
	}
}

// routes are all but those that belong to other handlers. Who calls each:
func (s *server) routes() []route {
	var all []route
	for _, source := range s.Sources { // the shop's systems
		all = append(all, route{"POST /hooks/" + source.Name, largeBody, s.hook(source)})
	}
	for _, p := range mailnews.Providers { // mail providers, and mail servers
		all = append(all, route{"POST /hooks/mail/" + p.Name, mailnews.MaxBody, s.mailHook(p)})
	}
	return append(all, []route{
		{"POST /v1/events", largeBody, s.api("write", s.apiEvents)},
		{"POST /v1/jobs", smallBody, s.api("launch", s.apiEnqueue)}, // marketers' tools
		{"GET /v1/jobs", smallBody, s.api("read", s.apiJobs)},
		{"GET /v1/jobs/{id}", smallBody, s.api("read", s.apiJob)},
		{"GET /v1/members/find", smallBody, s.api("read", s.apiFind)}, // tills
		{"GET /v1/coupons/{code}", smallBody, s.api("redeem", s.apiCoupon)},
		{"POST /v1/coupons/{code}/redeem", smallBody, s.api("redeem", s.apiRedeem)},
		{"POST /v1/quote", smallBody, s.api("read", s.apiQuote)},
		{"POST /v1/rewards/{name}/claim", smallBody, s.api("redeem", s.apiClaim)},
		{"POST /v1/cards/{card}/stamps", smallBody, s.api("redeem", s.apiStamps)},
		{"POST /v1/claims/{id}/{how}", smallBody, s.api("redeem", s.apiEndClaim)},
		{"POST /v1/members/{id}/points", smallBody, s.api("write", s.apiPoints)},
		{"GET /v1/members/{id}/export", smallBody, s.api("read", s.apiExport)}, // whoever answers what people ask under the GDPR
		{"POST /v1/members/{id}/erase", smallBody, s.api("write", s.apiErase)},
		{"POST /v1/members/{id}/merge", smallBody, s.api("write", s.apiMerge)},
		{"GET /v1/openapi.json", smallBody, s.openAPI},

		{"GET /u/{token}", smallBody, s.page(consent.KindUnsubscribe, "preferences", s.preferencesPage)}, // members, and scanners of their mail
		{"POST /u/{token}", smallBody, s.unsubscribe},                                                    // mail programs (RFC 8058), and the page's buttons
		{"GET /m/{token}", smallBody, s.memberAnswer},
		{"POST /m/{token}", smallBody, s.takeReward}, // the page's buttons
		{"GET /c/{token}", smallBody, s.click},       // members, and scanners, of their mail's links
		{"GET /o/{token}", smallBody, s.opened},
		{"GET /pictures/{name}", smallBody, s.picture},
		{"GET /confirm/{token}", smallBody, s.page(consent.KindConfirm, "confirm", s.confirmPage)},
		{"POST /confirm/{token}", smallBody, s.confirm}, // the page's button

		{"GET /join", smallBody, s.joinPage}, // friends whom a member gave their link
		{"POST /join", smallBody, s.join},    // the page's button

		{"GET /{$}", smallBody, s.front},
		{"GET /status", smallBody, s.statusPage}, // the operator, on the embedded default
	}...)
}
