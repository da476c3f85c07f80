package post

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"regulars/internal/loyalty"
	"regulars/internal/outbox"
	"regulars/internal/store"
	"regulars/internal/webhook"
)

// Config is what a Poster needs.
type Config struct {
	DB      *store.DB
	Secrets map[string][]string // of destinations, by loyalty.HookKey of their names, whsec_…; all of them sign
	Allow   []netip.Prefix      // networks inside that may be reached
	Local   bool                // so may this machine, by destinations that name it
	Now     func() time.Time    // of the signature; nil: the machine's
	Log     *slog.Logger        // nil: none
}

// Poster sends webhooks. It is safe for concurrent use.
type Poster struct {
	c      Config
	keys   map[string][]*standardwebhooks.Webhook
	names  []string
	world  *http.Client
	here   *http.Client
	mu     sync.Mutex
	atWork map[int64]bool
}

// How much goes on at once for one destination, and how much one claim takes: all of it
// is on its way before the lease is over.
const (
	atOnce = 8
	aClaim = 64
)

// pauses are how long a delivery waits after each attempt that failed: after the last it
// is dead, a day and a half after the first.
var pauses = []time.Duration{5 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute, time.Hour, 3 * time.Hour, 8 * time.Hour, 24 * time.Hour}

// How long a destination is spared of which nothing was taken: twice as long each time.
const (
	firstRest   = 5 * time.Second
	longestRest = 5 * time.Minute
	// longestAsked is how long one may ask to be spared (Retry-After).
	longestAsked = 24 * time.Hour
	// tooOld is after how long what waited behind a destination that failed all the time
	// is given up with its next attempt, however few it had.
	tooOld = 3 * 24 * time.Hour
)

// New returns a Poster for the destinations that have a secret. What is wrong with one is
// an error that does not repeat it.
func New(c Config) (*Poster, error) {
	p := &Poster{c: c, keys: map[string][]*standardwebhooks.Webhook{}, atWork: map[int64]bool{}, world: client(c.Allow), here: client(append(slices.Clone(c.Allow), inside...))}
	if p.c.Log == nil {
		p.c.Log = slog.New(slog.DiscardHandler)
	}
	if p.c.Now == nil {
		p.c.Now = time.Now
	}
	for name, secrets := range c.Secrets {
		for _, secret := range secrets {
			key, err := webhook.StandardKey(secret)
			if err != nil {
				return nil, fmt.Errorf("the secret of %s %w", name, err)
			}
			p.keys[name] = append(p.keys[name], key)
		}
		p.names = append(p.names, name)
	}
	slices.Sort(p.names)
	return p, nil
}

// Names are the destinations that have a secret, as settings name them.
func (p *Poster) Names() []string { return p.names }

// Post sends a bounded piece of what waits for a destination, 0: for each of them, and
// returns how many deliveries it dealt with. What fails at a destination is no error: it
// is written down with it.
func (p *Poster) Post(ctx context.Context, destination int64) (did int, err error) {
	ids := []int64{destination}
	if destination == 0 {
		err = p.c.DB.View(ctx, func(tx *store.Tx) error { ids, err = outbox.DueNow(tx, p.names); return err })
		if err != nil {
			return 0, err
		}
	}
	for _, id := range ids {
		if !p.begin(id) {
			continue // this process is at it
		}
		n, broken := p.piece(ctx, id)
		p.end(id)
		did, err = did+n, errors.Join(err, broken)
	}
	return did, err
}

func (p *Poster) begin(id int64) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.atWork[id] {
		return false
	}
	p.atWork[id] = true
	return true
}

func (p *Poster) end(id int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.atWork, id)
}

// piece claims some deliveries, sends them and records what came of it. Who is told to
// stop begins none more, and brings those on the wire to their end.
func (p *Poster) piece(ctx context.Context, id int64) (int, error) {
	var to outbox.Destination
	var all []outbox.Delivery
	err := p.c.DB.Update(ctx, func(tx *store.Tx) (err error) {
		to, all, err = outbox.Claim(tx, id, aClaim, p.names)
		return err
	})
	if err != nil || len(all) == 0 {
		return 0, err
	}
	results := p.send(ctx, to, all)
	rest := restAfter(results, to.Failures)
	err = p.c.DB.Update(context.WithoutCancel(ctx), func(tx *store.Tx) error { return outbox.Record(tx, id, results, rest) })
	if rest.Because != "" && to.Failures == 0 || rest.Gone != "" {
		p.c.Log.WarnContext(ctx, "webhooks are not taken", "destination", to.Name, "because", rest.Because+rest.Gone)
	}
	for _, r := range results {
		if r.State == outbox.Dead {
			p.c.Log.WarnContext(ctx, "a webhook is given up", "destination", to.Name, "delivery", r.Delivery.ID, "because", r.Because)
		}
	}
	return len(all), err
}

// send posts deliveries, some at once, in their order. Once one finds nobody there, or is
// asked to wait, no other is begun.
func (p *Poster) send(ctx context.Context, to outbox.Destination, all []outbox.Delivery) []outbox.Result {
	results := make([]outbox.Result, len(all))
	var next atomic.Int64
	var halt atomic.Bool
	var senders sync.WaitGroup
	for range min(atOnce, len(all)) {
		senders.Go(func() {
			for i := int(next.Add(1) - 1); i < len(all); i = int(next.Add(1) - 1) {
				if halt.Load() || ctx.Err() != nil {
					results[i] = outbox.Result{Delivery: all[i], State: outbox.Waiting, Unsent: true}
					continue
				}
				a := p.attempt(context.WithoutCancel(ctx), to, all[i])
				if results[i] = a.result(all[i]); a.halts() {
					halt.Store(true)
				}
			}
		})
	}
	senders.Wait()
	return results
}

// answer is what came of one attempt.
type answer struct {
	status  int           // 0: none came
	because string        // what went wrong; "": nothing
	asked   time.Duration // for how long the destination asks to be spared
}

func (a answer) gone() bool { return a.status == http.StatusGone }

// halts reports whether there is no use in going on with the destination just now.
func (a answer) halts() bool {
	return a.because != "" && (a.status == 0 || a.gone() || a.status == http.StatusTooManyRequests || a.status == http.StatusServiceUnavailable)
}

// attempt posts one delivery.
func (p *Poster) attempt(ctx context.Context, to outbox.Destination, d outbox.Delivery) answer {
	body, err := d.Body()
	if err != nil {
		return answer{because: "what it tells cannot be written"}
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, to.URL, bytes.NewReader(body))
	if err != nil {
		return answer{because: "its url cannot be used"}
	}
	now := p.c.Now()
	var signatures []string
	for _, key := range p.keys[loyalty.HookKey(to.Name)] {
		signature, err := key.Sign(d.Message(), now, body)
		if err != nil {
			return answer{because: "it cannot be signed"}
		}
		signatures = append(signatures, signature)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", "Regulars")
	request.Header.Set(standardwebhooks.HeaderWebhookID, d.Message())
	request.Header.Set(standardwebhooks.HeaderWebhookTimestamp, strconv.FormatInt(now.Unix(), 10))
	request.Header.Set(standardwebhooks.HeaderWebhookSignature, strings.Join(signatures, " "))
	response, err := p.clientFor(request.URL).Do(request)
	if err != nil {
		return answer{because: wordsOf(err)}
	}
	io.Copy(io.Discard, io.LimitReader(response.Body, mostBody)) // so that the connection can be used again
	response.Body.Close()
	a := answer{status: response.StatusCode, asked: retryAfter(response.Header.Get("Retry-After"), now)}
	switch {
	case a.status/100 == 2:
	case a.status/100 == 3:
		a.because = fmt.Sprintf("it answered %d: redirects are not followed, write the new address into program.yaml", a.status)
	default:
		a.because = strings.TrimSpace(fmt.Sprintf("it answered %d %s", a.status, http.StatusText(a.status)))
	}
	return a
}

// clientFor lets this machine be reached only by a destination that names it.
func (p *Poster) clientFor(u *url.URL) *http.Client {
	host := strings.ToLower(u.Hostname())
	ip := net.ParseIP(host)
	if p.c.Local && (host == "localhost" || ip != nil && ip.IsLoopback()) {
		return p.here
	}
	return p.world
}

// result is what becomes of the delivery. What found that its destination is gone waits,
// as if it had not been sent.
func (a answer) result(d outbox.Delivery) outbox.Result {
	r := outbox.Result{Delivery: d, State: outbox.Delivered, Status: a.status, Because: a.because, Asked: a.asked}
	switch {
	case a.because == "":
	case a.gone():
		r.State, r.Unsent = outbox.Waiting, true
	case d.Attempts > len(pauses) || time.Since(d.WrittenAt.Time) > tooOld:
		r.State = outbox.Dead
	default:
		r.State, r.Pause = outbox.Waiting, max(jittered(pauses[max(d.Attempts, 1)-1]), a.asked)
	}
	return r
}

// restAfter is how long a destination is spared: where nothing was taken and something
// failed, or as long as it asks for.
func restAfter(results []outbox.Result, failures int) (rest outbox.Rest) {
	taken := false
	for _, r := range results {
		taken = taken || r.State == outbox.Delivered
		switch {
		case r.Status == http.StatusGone:
			return outbox.Rest{Gone: "it answered 410 Gone"}
		case r.Because != "":
			rest.Because, rest.Pause = r.Because, max(rest.Pause, r.Asked)
		}
	}
	if taken && rest.Pause == 0 {
		return outbox.Rest{}
	}
	if rest.Because != "" && rest.Pause == 0 {
		rest.Pause = jittered(min(firstRest<<min(failures, 10), longestRest))
	}
	return rest
}

// retryAfter reads that header: seconds, or a date.
func retryAfter(value string, now time.Time) time.Duration {
	var d time.Duration
	if seconds, err := strconv.Atoi(value); err == nil {
		d = time.Duration(min(max(seconds, 0), int(longestAsked/time.Second))) * time.Second
	} else if at, err := http.ParseTime(value); err == nil {
		d = at.Sub(now)
	}
	return min(max(d, 0), longestAsked)
}

// jittered is a pause that is up to a fifth longer, so that what failed together does not
// come back together.
func jittered(d time.Duration) time.Duration { return d + rand.N(d/5) }

// isTLS reports that nobody vouches for whom we speak with.
func isTLS(err error) bool {
	var verify *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	var unknown x509.UnknownAuthorityError
	return errors.As(err, &verify) || errors.As(err, &record) || errors.As(err, &unknown)
}

// Signs reports whether there is a secret for a destination.
func (p *Poster) Signs(name string) bool { return len(p.keys[loyalty.HookKey(name)]) > 0 }
