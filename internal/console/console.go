package console

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"regulars/internal/delivery/dkim"
	"regulars/internal/importer"
	"regulars/internal/marketing"
	"regulars/internal/program"
	"regulars/internal/report"
	"regulars/internal/staff"
	"regulars/internal/store"
	"regulars/segments"
)

// Console answers under /console.
type Console struct {
	DB       *store.DB
	Marketer marketing.Marketer
	Base     string        // BASE_URL, where browsers reach it; "": as they say
	Open     bool          // the embedded default: from this machine nobody is asked who they are
	Inbox    bool          // the built-in inbox is beside it
	Many     int64         // a launch to so many members asks once more who one is; 0: manyMembers
	Live     time.Duration // for so long a report is counted while somebody waits; 0: by how large the shop is
	Log      *slog.Logger

	Surroundings Surroundings

	OIDC        *staff.OIDC // nil: nobody comes in by it
	NoPasswords bool        // with OIDC: nobody comes in by a password

	signIn *staff.SignIn
	pages  *pages
}

// Surroundings are what the environment says beside that, for pages that tell of it. No
// secret can be read from it.
type Surroundings struct {
	BounceDomain string       // of envelope senders; "": mails that come back go to the sender
	DKIM         *dkim.Signer // nil: the relay signs, or nobody
	Doors        []Door       // where other systems post what happens
}

// Door is where another system posts to us.
type Door struct {
	Path    string // /hooks/shopify
	Setting string // that holds its secret
	Open    bool   // it is set: without it every delivery is refused
}

// handler answers a visitor, or returns the error for answer to put into words.
type handler func(http.ResponseWriter, *http.Request, visitor) error

// route is a pattern of net/http, the least role that it needs, and who answers.
type route struct {
	pattern string
	role    staff.Role
	answer  handler
}

// routes are all that there is. What viewers may open shows no member's name or address
// to them; what is about one member's person alone is for marketers.
func (c *Console) routes() []route {
	return []route{
		{"GET /console/look/{name}", staff.Nobody, c.file},
		{"GET /console/sign-in", staff.Nobody, c.signInPage},
		{"POST /console/sign-in", staff.Nobody, c.signInWith},
		{"POST /console/passkey", staff.Nobody, c.askPasskey}, // by our script: what the browser is to be asked
		{"POST /console/sign-in/passkey", staff.Nobody, c.signInByPasskey},
		{"GET /console/oidc", staff.Nobody, c.toOIDC},
		{"GET " + OIDCBack, staff.Nobody, c.fromOIDC},
		{"GET /console/welcome/{link}", staff.Nobody, c.welcomePage}, // the link of `regulars user add`
		{"POST /console/welcome/{link}", staff.Nobody, c.choosePassword},
		{"POST /console/sign-out", staff.Viewer, c.signOut},

		{"GET /console/{$}", staff.Viewer, c.today},
		{"GET /console/figures/{figure}", staff.Viewer, c.figure},
		{"GET /console/unknown", staff.Viewer, c.unknown}, // mails of which nobody knows whether they went out

		{"GET /console/campaigns", staff.Viewer, c.campaigns},
		{"GET /console/campaigns/{name}", staff.Viewer, c.campaign},
		{"GET /console/campaigns/{name}/mails/{figure}/{mail...}", staff.Viewer, c.mailRows}, // the rows behind a figure
		{"POST /console/campaigns/{name}/hold", staff.Launcher, c.holdCampaign},
		{"POST /console/campaigns/{name}/release", staff.Launcher, c.releaseCampaign},
		{"GET /console/campaigns/{name}/launch", staff.Launcher, c.launch},
		{"POST /console/campaigns/{name}/launch", staff.Launcher, c.previewLaunch}, // values stand in no address
		{"POST /console/campaigns/{name}/launch/start", staff.Launcher, c.startLaunch},
		{"POST /console/hold", staff.Launcher, c.holdAll},
		{"POST /console/release", staff.Launcher, c.releaseAll},
		{"GET /console/mail/{name}/{mail...}", staff.Viewer, c.mail},
		{"POST /console/mail/{name}/{mail...}", staff.Marketer, c.mailAs},
		{"GET /console/mail-body/{name}/{mail...}", staff.Viewer, c.mailBody}, // the frame in the page before
		{"POST /console/send-test/{name}/{mail...}", staff.Marketer, c.sendTest},

		{"GET /console/runs", staff.Viewer, c.runs},
		{"GET /console/runs/{run}", staff.Viewer, c.run},
		{"POST /console/runs/{run}/pause", staff.Launcher, c.pauseRun},
		{"POST /console/runs/{run}/resume", staff.Launcher, c.resumeRun},
		{"POST /console/runs/{run}/cancel", staff.Launcher, c.cancelRun},
		{"POST /console/runs/{run}/resolve", staff.Launcher, c.resolveRun},

		{"GET /console/members", staff.Marketer, c.members},
		{"POST /console/members", staff.Marketer, c.members}, // what is looked for stands in no address
		{"GET /console/members/{member}", staff.Viewer, c.member},
		{"GET /console/members/{member}/why/{name}", staff.Marketer, c.why},
		{"POST /console/members/{member}/topics", staff.Marketer, c.setTopics},
		{"POST /console/members/{member}/suppress", staff.Marketer, c.suppress},
		{"POST /console/members/{member}/unsuppress", staff.Launcher, c.unsuppress},
		{"POST /console/members/{member}/points", staff.Launcher, c.givePoints},
		{"POST /console/members/{member}/void", staff.Launcher, c.voidCode},
		{"POST /console/members/{member}/code", staff.Launcher, c.giveCode},
		{"POST /console/members/{member}/export", staff.Marketer, c.exportMember},
		{"GET /console/members/{member}/merge", staff.Launcher, c.askMerge},
		{"POST /console/members/{member}/merge", staff.Launcher, c.merge},
		{"GET /console/members/{member}/erase", staff.Admin, c.askErase},
		{"POST /console/members/{member}/erase", staff.Admin, c.erase},
		{"POST /console/members/{member}/again", staff.Marketer, c.sendAgain}, // what was meant to go out
		{"POST /console/members/{member}/resolve", staff.Launcher, c.resolveMail},

		{"GET /console/segments", staff.Viewer, c.segments},
		{"POST /console/segments", staff.Marketer, c.segments},        // a rule that is tried
		{"POST /console/segments/count", staff.Marketer, c.countRule}, // while it is typed
		{"GET /console/segments/{segment}", staff.Viewer, c.oneSegment},

		{"GET /console/codes", staff.Viewer, c.codes},
		{"POST /console/codes", staff.Marketer, c.codes}, // a code that is looked up
		{"POST /console/codes/void", staff.Launcher, c.endCode},
		{"GET /console/codes/{pool}", staff.Viewer, c.pool},
		{"POST /console/codes/{pool}/stock", staff.Launcher, c.stockCodes},
		{"POST /console/codes/{pool}/export", staff.Launcher, c.exportCodes},
		{"GET /console/loyalty", staff.Viewer, c.loyalty},
		{"POST /console/referrals/{referral}", staff.Launcher, c.decideReferral},

		{"GET /console/month", staff.Viewer, c.month},
		{"GET /console/month/file", staff.Viewer, c.monthFile},
		{"POST /console/month/count", staff.Viewer, c.countMonth},
		{"GET /console/reports", staff.Viewer, c.reports},
		{"GET /console/reports/{name}", staff.Viewer, c.report},
		{"GET /console/reports/{name}/file", staff.Viewer, c.reportFile},
		{"POST /console/reports/{name}/count", staff.Viewer, c.countReport}, // what takes too long for a page

		{"GET /console/deliverability", staff.Viewer, c.deliverability},
		{"POST /console/deliverability/count", staff.Viewer, c.countDomains},

		{"GET /console/program", staff.Viewer, c.program},
		{"GET /console/program/versions/{version}", staff.Marketer, c.version},
		{"GET /console/program/versions/{version}/zip", staff.Marketer, c.archive},
		{"GET /console/program/versions/{version}/files/{file...}", staff.Marketer, c.versionFile},
		{"GET /console/program/versions/{version}/rollback", staff.Launcher, c.askRollback},
		{"POST /console/program/versions/{version}/rollback", staff.Launcher, c.rollback},
		{"POST /console/proposals", staff.Marketer, c.begin},
		{"GET /console/proposals/{proposal}", staff.Marketer, c.proposal},
		{"POST /console/proposals/{proposal}/new", staff.Marketer, c.newFile},
		{"GET /console/proposals/{proposal}/campaign", staff.Marketer, c.campaignForm},
		{"POST /console/proposals/{proposal}/campaign", staff.Marketer, c.setCampaign},
		{"GET /console/proposals/{proposal}/campaign/{name}", staff.Marketer, c.campaignForm},
		{"POST /console/proposals/{proposal}/campaign/{name}", staff.Marketer, c.setCampaign},
		{"POST /console/proposals/{proposal}/pictures", staff.Marketer, c.addPicture},
		{"GET /console/proposals/{proposal}/library", staff.Marketer, c.library},
		{"GET /console/proposals/{proposal}/library/{entry}", staff.Marketer, c.libraryEntry},
		{"POST /console/proposals/{proposal}/library/{entry}", staff.Marketer, c.takeEntry},
		{"GET /console/library-mail/{proposal}/{entry}/{mail...}", staff.Marketer, c.libraryMail}, // the frames in the page before
		{"GET /console/proposals/{proposal}/files/{file...}", staff.Marketer, c.proposedFile},
		{"POST /console/proposals/{proposal}/files/{file...}", staff.Marketer, c.saveFile},
		{"POST /console/check/{proposal}/files/{file...}", staff.Marketer, c.checkFile},           // while it is typed
		{"GET /console/proposed-mail/{proposal}/files/{file...}", staff.Marketer, c.proposedMail}, // the frame in the page of a file
		{"POST /console/send-proposed/{proposal}/files/{file...}", staff.Marketer, c.testProposed},
		{"GET /console/proposals/{proposal}/rehearsal", staff.Marketer, c.rehearsal},
		{"POST /console/proposals/{proposal}/rehearse", staff.Marketer, c.rehearse},
		{"POST /console/proposals/{proposal}/rehearsal/cancel", staff.Marketer, c.cancelRehearsal},
		{"POST /console/proposals/{proposal}/propose", staff.Marketer, c.propose},
		{"POST /console/proposals/{proposal}/withdraw", staff.Marketer, c.withdraw},
		{"POST /console/proposals/{proposal}/drop", staff.Marketer, c.drop},
		{"POST /console/proposals/{proposal}/refuse", staff.Launcher, c.refuseProposal},
		{"POST /console/proposals/{proposal}/apply", staff.Launcher, c.applyProposal},

		{"GET /console/jobs", staff.Viewer, c.jobs},
		{"GET /console/jobs/new", staff.Launcher, c.newJob},
		{"POST /console/jobs/new", staff.Launcher, c.enqueue},
		{"POST /console/jobs/{job}/retry", staff.Launcher, c.retryJob},
		{"POST /console/jobs/{job}/cancel", staff.Launcher, c.cancelJob},

		{"GET /console/import", staff.Marketer, c.importPage},
		{"POST /console/import", staff.Marketer, c.importFile},
		{"GET /console/import/{upload}", staff.Marketer, c.upload},
		{"POST /console/import/{upload}/look", staff.Marketer, c.lookUpload}, // once more, read in another way
		{"POST /console/import/{upload}/start", staff.Marketer, c.startUpload},
		{"POST /console/import/{upload}/cancel", staff.Marketer, c.cancelUpload},
		{"POST /console/import/{upload}/again", staff.Marketer, c.againUpload},
		{"POST /console/import/{upload}/drop", staff.Marketer, c.dropUpload},
		{"GET /console/import/{upload}/refused.csv", staff.Marketer, c.refusedRows},

		{"GET /console/settings", staff.Admin, c.settings},
		{"POST /console/settings/tokens", staff.Admin, c.makeToken},
		{"POST /console/settings/tokens/end", staff.Admin, c.endToken},

		{"GET /console/webhooks", staff.Admin, c.webhooks},
		{"GET /console/webhooks/{hook}", staff.Admin, c.webhook}, // with its body
		{"POST /console/webhooks/{hook}/replay", staff.Admin, c.replayHook},
		{"POST /console/webhooks/{hook}/done", staff.Admin, c.endHook},
		{"POST /console/webhooks/told", staff.Admin, c.steerTold},

		{"GET /console/users", staff.Admin, c.users},
		{"POST /console/users", staff.Admin, c.addUser},
		{"POST /console/users/role", staff.Admin, c.setRole},
		{"POST /console/users/remove", staff.Admin, c.removeUser},
		{"GET /console/me", staff.Viewer, c.me},
		{"POST /console/me/password", staff.Viewer, c.changePassword},
		{"POST /console/me/password/remove", staff.Viewer, c.removePassword},
		{"POST /console/me/passkey", staff.Viewer, c.askNewPasskey}, // by our script: what the browser is to be asked
		{"POST /console/me/passkeys", staff.Viewer, c.addPasskey},
		{"POST /console/me/passkeys/{passkey}/remove", staff.Viewer, c.removePasskey},
		{"POST /console/me/sessions", staff.Viewer, c.outElsewhere},

		{"GET /console/help", staff.Viewer, c.topics},
		{"GET /console/help/{topic}", staff.Viewer, c.topic},

		{"GET /console/audit", staff.Admin, c.audit},
		{"GET /console/audit.csv", staff.Admin, c.auditFile},
	}
}

// most is how many bytes a request may bring.
func (r route) most() int64 {
	switch {
	case r.pattern == "POST /console/import":
		return importer.MostUpload + mostBody
	case strings.HasSuffix(r.pattern, "/stock"):
		return mostCodes
	case strings.HasSuffix(r.pattern, "/pictures"):
		return program.LargestPicture + mostBody
	case strings.HasPrefix(r.pattern, "POST ") && strings.HasSuffix(r.pattern, "/files/{file...}"):
		return mostFile
	}
	return mostBody
}

// Handler returns everything under /console.
func (c *Console) Handler() http.Handler {
	c.signIn, c.pages = staff.NewSignIn(c.DB), newPages()
	mux := http.NewServeMux()
	for _, r := range c.routes() {
		mux.Handle(r.pattern, c.answered(r))
	}
	mux.Handle("GET /console", http.RedirectHandler("/console/", http.StatusSeeOther))
	mux.Handle("/console/", c.answered(route{"/console/", staff.Nobody, func(http.ResponseWriter, *http.Request, visitor) error { return store.ErrNotFound }}))
	origins := http.NewCrossOriginProtection()
	if c.Base != "" {
		if err := origins.AddTrustedOrigin(originOf(c.Base)); err != nil {
			c.Log.Error("BASE_URL is no origin of pages", "err", err)
		}
	}
	origins.SetDenyHandler(c.answered(route{"another site", staff.Nobody, func(http.ResponseWriter, *http.Request, visitor) error {
		return refuse(http.StatusForbidden, c.pages.words.Say("wrong.other_site"))
	}}))
	return guard(origins.Handler(mux))
}

// Limits of a request: what it may bring, and how long it may take.
const (
	mostBody = 64 << 10
	mostFile = 256 << 10 // the same of a file that is written, where a letter may take many bytes
	patience = 30 * time.Second
	askFor   = 10 * time.Second // of that, a question over many rows

	liveFor    = 150 * time.Millisecond // a report of a large shop, before it is left to a worker
	figuresFor = 3 * time.Second        // figures that the page can do without, and a report of a small shop
)

// refusal is an answer that is the person's to mend, in words for them.
type refusal struct {
	status int
	words  string
}

func (r *refusal) Error() string { return r.words }

func refuse(status int, words string) error { return &refusal{status, words} }

// wrong is a refusal of what somebody typed.
func wrong(words string) error { return refuse(http.StatusUnprocessableEntity, words) }

// answered finds out who asks and whether they may, and turns the error of a handler
// into a page and a log line: the one place that does. The route is logged, never the
// path or what was sent.
func (c *Console) answered(to route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), patience)
		defer cancel()
		r = r.WithContext(ctx)
		r.Body = http.MaxBytesReader(w, r.Body, to.most())
		u, err := c.visitor(r)
		switch {
		case err != nil:
		case u.role == staff.Nobody && to.role != staff.Nobody:
			http.Redirect(w, r, "/console/sign-in", http.StatusSeeOther)
			return
		case !u.role.May(to.role):
			err = refuse(http.StatusForbidden, c.pages.words.Say("wrong.role", string(u.role), string(to.role)))
		default:
			if err = parsed(r); err == nil {
				err = to.answer(w, r, u)
			}
		}
		if err == nil {
			return
		}
		c.say(w, r, u, to, err)
	})
}

// parsed reads the form of a request; what is no form is empty.
func parsed(r *http.Request) error {
	var large *http.MaxBytesError
	if err := r.ParseForm(); errors.As(err, &large) {
		return err
	}
	return nil
}

// say answers with an error.
func (c *Console) say(w http.ResponseWriter, r *http.Request, u visitor, to route, err error) {
	say := c.pages.words.Say
	var bad *refusal
	var large *http.MaxBytesError
	var unready *segments.Unready
	var people interface{ ForPeople() bool }
	switch {
	case errors.As(err, &bad):
	case errors.As(err, &large):
		bad = &refusal{http.StatusRequestEntityTooLarge, say("wrong.large")}
	case errors.As(err, &people) && people.ForPeople(), errors.As(err, &unready):
		bad = &refusal{http.StatusUnprocessableEntity, err.Error()}
	case errors.Is(err, store.ErrNotFound):
		bad = &refusal{http.StatusNotFound, say("wrong.lost")}
	case errors.Is(err, store.ErrTooLong), errors.Is(err, context.DeadlineExceeded):
		bad = &refusal{http.StatusServiceUnavailable, say("wrong.long")}
	case errors.Is(err, store.ErrLocked):
		bad = &refusal{http.StatusServiceUnavailable, say("wrong.busy")}
	case r.Context().Err() != nil:
		w.WriteHeader(http.StatusServiceUnavailable) // the browser has gone away
		return
	default:
		c.Log.ErrorContext(r.Context(), "a page of the console failed", "route", to.pattern, "err", err)
		bad = &refusal{http.StatusInternalServerError, say("wrong.ours")}
	}
	if bad.status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "5")
	}
	f := c.frameWithout(r, u, say("wrong.title"))
	if u.name != "" && bad.status < http.StatusInternalServerError { // else the shop may not be there to ask
		_ = c.DB.Ask(r.Context(), liveFor, func(tx *store.Tx) error { // the page can do without
			of, err := c.frame(tx, r, u, "", say("wrong.title"))
			if err == nil {
				f = of
			}
			return err
		})
	}
	page := struct {
		frame
		Text string
	}{f, bad.words}
	if err := c.pages.show(w, bad.status, "wrong", page); err != nil {
		c.Log.ErrorContext(r.Context(), "the page of an error failed", "route", to.pattern, "err", err)
		http.Error(w, bad.words, bad.status)
	}
}

// guard sets what holds for every answer. The frame with a mail brings a policy of its own.
func guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Cache-Control", "no-store")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("X-Robots-Tag", "noindex")
		next.ServeHTTP(w, r)
	})
}

// policy lets a browser use our style sheet and our script, and nothing else.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; frame-src 'self'; frame-ancestors 'none'; base-uri 'none'"

// read reads what a page shows, bounded in time.
func (c *Console) read(ctx context.Context, f func(*store.Tx) error) error {
	return c.DB.Ask(ctx, askFor, f)
}

// figures reads what a page can do without: in a large shop counting may take too long,
// and whoever came to stop something must not wait for it.
func (c *Console) figures(r *http.Request, f func(*store.Tx) error) error {
	err := c.DB.Ask(r.Context(), figuresFor, f)
	if errors.Is(err, store.ErrTooLong) {
		return nil
	}
	return err
}

// quick is figures for a page that names the report which says the same.
func (c *Console) quick(r *http.Request, f func(*store.Tx) error) error {
	err := c.DB.Ask(r.Context(), c.soon(r), func(tx *store.Tx) error {
		if err := tx.AboutEverybody(); err != nil {
			return err
		}
		return f(tx)
	})
	if errors.Is(err, store.ErrTooLong) {
		return nil
	}
	return err
}

// quickly has parts of a page read side by side, each as quick does: what takes long keeps
// none of the others from being shown.
func (c *Console) quickly(r *http.Request, parts ...func(*store.Tx) error) error {
	var all errgroup.Group
	for _, part := range parts {
		all.Go(func() error { return c.quick(r, part) })
	}
	return all.Wait()
}

// patience is for how long a page that opens may count; for longest where somebody
// pressed the button that says so.
func (c *Console) patience(r *http.Request, longest time.Duration) time.Duration {
	if r.FormValue("count") == "now" {
		return longest
	}
	return c.soon(r)
}

// soon is for how long a page that opens may count. In a small shop all is quick, and
// where the machine is busy it is worth a wait.
func (c *Console) soon(r *http.Request) time.Duration {
	if c.Live > 0 {
		return c.Live
	}
	large := true
	_ = c.DB.Ask(r.Context(), liveFor, func(tx *store.Tx) (err error) { large, err = report.Large(tx); return err }) // then it is taken for large
	if large {
		return liveFor
	}
	return figuresFor
}

// back sends the browser to a page of ours after something was done; done names what
// the page says about it.
func back(w http.ResponseWriter, r *http.Request, path, done string) error {
	http.Redirect(w, r, path+"?done="+done, http.StatusSeeOther)
	return nil
}

// numbered reads a number of a path.
func numbered(r *http.Request, name string) (int64, error) {
	var n int64
	if _, err := fmt.Sscanf(r.PathValue(name), "%d", &n); err != nil || fmt.Sprint(n) != r.PathValue(name) || n <= 0 {
		return 0, store.ErrNotFound
	}
	return n, nil
}
