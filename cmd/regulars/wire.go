package main

import (
	"cmp"
	"context"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"sync"
	"time"

	"regulars/internal/consent"
	"regulars/internal/delivery"
	"regulars/internal/delivery/dkim"
	"regulars/internal/delivery/smtp"
	"regulars/internal/embedded"
	"regulars/internal/engine"
	"regulars/internal/intake"
	"regulars/internal/marketing"
	"regulars/internal/store"
	"regulars/internal/versions"
	"regulars/jobs"
)

// wiring is every room, wired over one database.
type wiring struct {
	db     *store.DB
	clock  *store.Clock // its business time; nil: it is stepped by hand
	sender *delivery.Sender
	door   *intake.Intake
	engine *engine.Engine
	links  *consent.Links
	alerts *marketing.Alerts
	sink   *embedded.Sink // nil: a real relay
	relays []*smtp.Relay  // that of SMTP_URL, and that of SMTP_FALLBACK_URL if there is one
	hints  *jobs.Hints    // nil until there is a Redis
	rate   *jobs.Rate     // nil: the relay takes all
	rates  *jobs.DomainRates
	log    *slog.Logger
	uncut  func() // ends the wait for the end of ctx
}

// wire builds the rooms over a database. It connects to no Redis and to the
// relay only with the first mail.
func (a *app) wire(ctx context.Context, db *store.DB, log *slog.Logger) (*wiring, error) {
	w := &wiring{db: db, clock: a.clock, log: log}
	db.LogTo(log)
	w.door = intake.New(db)
	key, err := secretKey(ctx, db, a.config.SecretKey)
	if err != nil {
		return nil, err
	}
	w.links = consent.NewLinks(a.baseURL(), linkKeys(key, a.config.SecretKey))
	first, err := a.relays(w)
	if err != nil {
		return nil, err
	}
	transports := w.transports()
	if a.config.dkim != nil {
		for lane, t := range transports {
			transports[lane] = dkim.Transport{Transport: t, Signer: a.config.dkim}
		}
	}
	w.rates = jobs.NewDomainRates(db)
	var limiter delivery.Limiter
	if first.Rate.N > 0 {
		w.rate = jobs.NewRate(first.Rate, db)
		limiter = w.rate
	}
	// For each connection a mail whose body is on the wire, and one whose envelope goes with it.
	w.sender = delivery.New(delivery.Config{
		DB: db, Programs: versions.Programs{DB: db}, Transports: transports, Links: w.links,
		Secret: derive(key, "message ids"), OldSecrets: keysFor("message ids", key, a.config.SecretKey)[1:], ReturnDomain: a.config.BounceDomain,
		MailOnlyTo: a.config.mailOnlyTo, Sink: w.sink != nil,
		InFlight: 2 * w.connections(), Limiter: limiter, Domains: w.rates, WireLog: a.wireLog(db), Log: log,
	})
	w.alerts = &marketing.Alerts{DB: db, Transport: transports[delivery.Urgent], Secret: derive(key, "message ids"), MailOnlyTo: a.config.mailOnlyTo, Log: log}
	w.engine = engine.New(db, w.sender)
	w.uncut = w.cutAfter(ctx, a.grace)
	return w, nil
}

// relays makes the relays that the settings name, and returns what they say of the
// first.
func (a *app) relays(w *wiring) (first smtp.Options, err error) {
	address := a.config.SMTPURL
	if address == inbox {
		if w.sink, err = embedded.NewSink(embedded.SinkOptions{Now: w.db.Now}); err != nil {
			return first, err
		}
		address = "smtp://" + w.sink.Addr() + "?tls=off"
	}
	for i, address := range []string{address, a.config.FallbackURL} {
		if address == "" {
			continue
		}
		o, err := smtp.ParseURL(address)
		if err != nil {
			return first, err
		}
		o.Log = w.log
		if u, err := url.Parse(a.config.BaseURL); err == nil && w.sink == nil {
			o.Hello = cmp.Or(o.Hello, u.Hostname()) // that of the pages, "" when they have none yet
		}
		if i > 0 {
			o.Setting = fallbackURL
		} else {
			first = o
		}
		w.relays = append(w.relays, smtp.New(o))
	}
	return first, nil
}

// rationed says how many mails are handed over at most, and whether some wait for it.
func (w *wiring) rationed() (limits string, up bool) {
	var all []string
	if w.rate != nil {
		limit, used := w.rate.Used()
		all, up = append(all, limit), used
	}
	if limits, used := w.rates.Used(); used {
		all, up = append(all, limits), true
	}
	return strings.Join(all, ", "), up
}

// transports are the ways to the relays, by lane.
func (w *wiring) transports() map[string]delivery.Transport {
	bulk, urgent := w.relays[0], w.relays[0].Urgent()
	if len(w.relays) == 1 {
		return map[string]delivery.Transport{delivery.Bulk: bulk, delivery.Urgent: urgent}
	}
	second := w.relays[1]
	return map[string]delivery.Transport{
		delivery.Bulk:   smtp.Fallback{First: bulk, Second: second},
		delivery.Urgent: smtp.Fallback{First: urgent, Second: second.Urgent()},
	}
}

// connections is how many there may be to the relay that has most.
func (w *wiring) connections() (most int) {
	for _, r := range w.relays {
		most = max(most, r.Connections())
	}
	return most
}

// wired runs f on the database with every room wired over it.
func (a *app) wired(ctx context.Context, f func(*wiring) error) error {
	return a.opened(ctx, false, func(db *store.DB) error {
		w, err := a.wire(ctx, db, a.logger())
		if err != nil {
			return err
		}
		defer w.close(ctx)
		return f(w)
	})
}

// marketer does what people ask for, with mails.
func (w *wiring) marketer() marketing.Marketer {
	return marketing.Marketer{DB: w.db, Sender: w.sender}
}

// How long a stop may take. Mails on the wire are brought to their end for as long
// as the grace lasts and are then cut; what became of them is written down, and the
// rest is closed, in the few seconds after it.
const (
	stopGrace = 45 * time.Second
	recording = 3 * time.Second
	closing   = 2 * time.Second
)

// cutAfter ends what is on the wire some time after ctx has ended, whoever waits
// for it: a relay may answer a final dot after ten minutes, or never.
func (w *wiring) cutAfter(ctx context.Context, grace time.Duration) (stop func()) {
	over := make(chan struct{})
	var waiting sync.WaitGroup
	waiting.Go(func() {
		select {
		case <-ctx.Done():
		case <-over:
			return
		}
		t := time.NewTimer(grace)
		defer t.Stop()
		select {
		case <-t.C:
			w.log.Warn("the relay does not answer, and the time for a stop is over: mails on the wire are cut", "relay", w.relays[0].Name())
			for _, r := range w.relays {
				r.Cut()
			}
		case <-over:
		}
	})
	return sync.OnceFunc(func() { close(over); waiting.Wait() })
}

// close ends what wire began, when nothing works any more.
func (w *wiring) close(ctx context.Context) error {
	w.uncut()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closing)
	defer cancel()
	var err error
	for _, r := range w.relays {
		err = errors.Join(err, r.Close(ctx))
	}
	if w.sink != nil {
		err = errors.Join(err, w.sink.Close())
	}
	return errors.Join(err, w.sender.CloseWireLog())
}

// spared says which relays are spared, for metrics.
func (w *wiring) spared() map[string]bool {
	open := map[string]bool{}
	for _, r := range w.relays {
		open[r.Name()] = r.State().Open
	}
	return open
}

// idle reports that this machine's clock and the database's are too far apart for any
// work.
func (w *wiring) idle() bool { return w.clock != nil && w.clock.TooFar() }

// relaySense says what is wrong with the relays.
func (w *wiring) relaySense(context.Context) (all []store.Trouble) {
	for i, r := range w.relays {
		bad := r.Health()
		if bad.Words == "" {
			continue
		}
		if i == 0 && r.State().Open && len(w.relays) > 1 && !w.relays[1].State().Open {
			bad.Words += "; mails go by " + w.relays[1].Name() + " meanwhile"
		}
		all = append(all, store.Trouble{Kind: "relay", What: bad.Words, Do: bad.Do})
	}
	return all
}

// lookAtRelays looks at relays that are in trouble, or idle, until ctx ends.
func (w *wiring) lookAtRelays(ctx context.Context) error {
	var all sync.WaitGroup
	for _, r := range w.relays {
		all.Go(func() {
			tick := time.NewTicker(time.Second)
			defer tick.Stop()
			for {
				r.Look(ctx)
				select {
				case <-tick.C:
				case <-ctx.Done():
					return
				}
			}
		})
	}
	all.Wait()
	return nil
}

// secretKey returns SECRET_KEY, or the one that the embedded default made once
// and keeps in its database.
func secretKey(ctx context.Context, db *store.DB, given string) (key []byte, err error) {
	if given != "" {
		first, _, _ := strings.Cut(given, ",")
		return []byte(first), nil
	}
	err = db.Update(ctx, func(tx *store.Tx) (err error) {
		key, err = tx.Secret(store.SettingSecret, rand.Reader)
		return err
	})
	return key, err
}

// linkKeys are the keys of links: the first signs, all are read.
func linkKeys(key []byte, given string) [][]byte { return keysFor("links", key, given) }

// keysFor are the keys of one purpose, that in use first.
func keysFor(purpose string, key []byte, given string) (keys [][]byte) {
	keys = append(keys, derive(key, purpose))
	for _, old := range splitList(given) {
		if old != string(key) {
			keys = append(keys, derive([]byte(old), purpose))
		}
	}
	return keys
}

// derive makes a key for one purpose (HKDF, RFC 5869).
func derive(key []byte, purpose string) []byte {
	k, err := hkdf.Key(sha256.New, key, nil, "regulars "+purpose, 32)
	if err != nil {
		panic(fmt.Sprintf("deriving a key: %v", err)) // 32 bytes are always to be had
	}
	return k
}

// baseURL is where members reach this service.
func (a *app) baseURL() string {
	if a.config.BaseURL != "" {
		return strings.TrimSuffix(a.config.BaseURL, "/")
	}
	return "http://" + reachable(a.config.Listen)
}
