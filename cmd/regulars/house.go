package main

import (
	"context"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"sync"
	"time"

	"regulars/internal/consent"
	"regulars/internal/delivery"
	"regulars/internal/delivery/smtp"
	"regulars/internal/embedded"
	"regulars/internal/engine"
	"regulars/internal/intake"
	"regulars/internal/store"
	"regulars/internal/versions"
	"regulars/jobs"
)

// house is every room, wired over one database.
type house struct {
	db     *store.DB
	clock  *store.Clock // its business time; nil: it is stepped by hand
	desk   *delivery.Sender
	door   *intake.Intake
	engine *engine.Engine
	links  *consent.Links
	sink   *embedded.Sink // nil: a real relay
	relay  *smtp.Relay
	urgent *smtp.Relay // the same relay, with connections of its own
	hints  *jobs.Hints // nil until there is a Redis
	log    *slog.Logger
	uncut  func() // ends the wait for the end of ctx
}

// Shares of the database's connections and of the relay's, so that no lane
// starves another.
const (
	urgentConnections = 4
	bulkConnections   = 8
)

// furnish builds the rooms over a database. It connects to no Redis and to the
// relay only with the first mail.
func (a *app) furnish(ctx context.Context, db *store.DB, log *slog.Logger) (*house, error) {
	h := &house{db: db, clock: a.clock, log: log}
	db.LogTo(log)
	h.door = intake.New(db)
	key, err := secretKey(ctx, db, a.config.SecretKey)
	if err != nil {
		return nil, err
	}
	h.links = consent.NewLinks(a.baseURL(), linkKeys(key, a.config.SecretKey))
	transports, err := h.transports(a.config.SMTPURL, a.hello(), log)
	if err != nil {
		return nil, err
	}
	h.desk = delivery.New(delivery.Config{
		DB: db, Programs: versions.Programs{DB: db}, Transports: transports, Links: h.links,
		Secret: derive(key, "message ids"), MailOnlyTo: a.config.mailOnlyTo, Sink: h.sink != nil,
		Connections: urgentConnections, Log: log,
	})
	h.engine = engine.New(db, h.desk)
	h.uncut = h.cutAfter(ctx, a.grace)
	return h, nil
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
func (h *house) cutAfter(ctx context.Context, grace time.Duration) (stop func()) {
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
			h.log.Warn("the relay does not answer, and the time for a stop is over: mails on the wire are cut", "relay", h.relay.Name())
			h.urgent.Cut()
			h.relay.Cut()
		case <-over:
		}
	})
	return sync.OnceFunc(func() { close(over); waiting.Wait() })
}

// transports opens the way out: the built-in sink, or a relay with a share of
// connections for each lane.
func (h *house) transports(address, hello string, log *slog.Logger) (map[string]delivery.Transport, error) {
	if address == inbox {
		sink, err := embedded.NewSink(embedded.SinkOptions{Now: h.db.Now})
		if err != nil {
			return nil, err
		}
		h.sink = sink
		address = "smtp://" + sink.Addr() + "?tls=off"
	}
	o, err := smtp.ParseURL(address)
	if err != nil {
		return nil, err
	}
	o.Log = log
	if o.Hello == "" && h.sink == nil {
		o.Hello = hello
	}
	if o.Connections == 0 {
		o.Connections = bulkConnections
	}
	h.relay = smtp.New(o)
	h.urgent = h.relay.Share(urgentConnections)
	return map[string]delivery.Transport{delivery.Bulk: h.relay, delivery.Urgent: h.urgent}, nil
}

// close ends what furnish began, when nothing works any more.
func (h *house) close(ctx context.Context) error {
	h.uncut()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closing)
	defer cancel()
	err := errors.Join(h.urgent.Close(ctx), h.relay.Close(ctx))
	if h.sink != nil {
		err = errors.Join(err, h.sink.Close())
	}
	return err
}

// relays says which relay is spared, for metrics.
func (h *house) relays() map[string]bool {
	return map[string]bool{h.relay.Name(): h.relay.State().Open}
}

// idle reports that this machine's clock and the database's are too far apart for any
// work.
func (h *house) idle() bool { return h.clock != nil && h.clock.TooFar() }

// relaySense says what is wrong with the relay.
func (h *house) relaySense(context.Context) []store.Trouble {
	bad := h.relay.Health()
	if urgent := h.urgent.Health(); bad.Words == "" {
		bad = urgent
	}
	if bad.Words == "" {
		return nil
	}
	return []store.Trouble{{Kind: "relay", What: bad.Words, Do: bad.Do}}
}

// lookAtRelay looks at a relay that is in trouble, or idle, until ctx ends.
func (h *house) lookAtRelay(ctx context.Context) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		h.relay.Look(ctx)
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// secretKey returns SECRET_KEY, or the one that the embedded default made once
// and keeps in its database.
func secretKey(ctx context.Context, db *store.DB, given string) (key []byte, err error) {
	if given != "" {
		first, _, _ := strings.Cut(given, ",")
		return []byte(first), nil
	}
	err = db.Update(ctx, func(tx *store.Tx) error {
		text, err := tx.SettingOr(store.SettingSecret, func() string {
			b := make([]byte, 32)
			rand.Read(b)
			return hex.EncodeToString(b)
		})
		if err != nil {
			return err
		}
		key, err = hex.DecodeString(text)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("the secret key: %w", err)
	}
	return key, nil
}

// linkKeys are the keys of links: the first signs, all are read.
func linkKeys(key []byte, given string) (keys [][]byte) {
	keys = append(keys, derive(key, "links"))
	for _, old := range splitList(given) {
		if old != string(key) {
			keys = append(keys, derive([]byte(old), "links"))
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

// hello is our name in EHLO: that of the pages, "" when they have none yet.
func (a *app) hello() string {
	u, err := url.Parse(a.config.BaseURL)
	if err != nil {
		return ""
	}
	return u.Hostname()
}
