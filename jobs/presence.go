package jobs

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"slices"
	"sync"
	"time"

	"regulars/internal/store"
)

// Presence keeps a replica's row: that it is there, how its clock stands to the
// database's, and what it sees amiss from where it stands. Readers judge the row by
// the database's clock.
type Presence struct {
	DB             *store.DB
	Clock          *store.Clock // nil: business time is stepped by hand, and no clock is held against the database's
	Version, Roles string
	Senses         []func(context.Context) []store.Trouble // asked every few seconds, all at once; each takes 3 s at most
	Lock           *store.Presence                         // a worker's, kept too; nil: none
	Rate           func() (limits string, up bool)         // how many mails it hands over at most, and whether some wait for that; nil: no limit
	Log            *slog.Logger

	mu       sync.Mutex
	sees     []store.Trouble
	measured time.Time
	apart    bool
}

// presence is how often a replica says that it is there.
const presence = 2 * time.Second

// Sees returns what the replica saw amiss a moment ago.
func (p *Presence) Sees() []store.Trouble {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.sees)
}

// Run keeps the row until ctx ends, and takes it away then.
func (p *Presence) Run(ctx context.Context) error {
	r := Here(p.Version, p.Roles)
	tick := time.NewTicker(presence)
	defer tick.Stop()
	for blind := false; ; {
		err := p.pass(ctx, r)
		if err != nil && ctx.Err() == nil && !blind {
			p.Log.Warn("this replica cannot say that it is here", "err", err)
		}
		blind = err != nil
		if p.Lock != nil {
			keep, cancel := context.WithTimeout(ctx, 3*time.Second)
			if err := p.Lock.Keep(keep); err != nil {
				p.Log.Debug("saying that this worker is here", "err", err)
			}
			cancel()
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			end, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
			defer cancel()
			_ = p.DB.Update(end, func(tx *store.Tx) error { return store.SayGone(tx, r.ID) }) // it would count as lost in a moment
			return nil
		}
	}
}

// Here is this process as a replica: its machine's name and a random part.
func Here(version, roles string) store.Replica {
	host, _ := os.Hostname() // a replica without a name is still told by its random part
	random := make([]byte, 4)
	rand.Read(random)
	return store.Replica{ID: host + "-" + hex.EncodeToString(random), Host: host, Version: version, Roles: roles}
}

// pass looks around and writes the row.
func (p *Presence) pass(ctx context.Context, r store.Replica) error {
	p.measure(ctx)
	found := make([][]store.Trouble, len(p.Senses))
	var asked sync.WaitGroup
	for i, sense := range p.Senses {
		asked.Go(func() {
			ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
			defer cancel()
			found[i] = sense(ctx)
		})
	}
	asked.Wait()
	r.Troubles = slices.Concat(found...)
	p.mu.Lock()
	p.sees = r.Troubles
	p.mu.Unlock()
	if p.Rate != nil {
		r.Rate, r.Rationed = p.Rate()
	}
	if p.Clock != nil {
		r.Ahead = p.Clock.Ahead()
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	return p.DB.Update(ctx, func(tx *store.Tx) error { return store.SayHere(tx, r) })
}

// measure holds the clock against the database's every now and then, and says when
// they part and when they agree again.
func (p *Presence) measure(ctx context.Context) {
	if p.Clock == nil || time.Since(p.measured) < store.MeasureEvery {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	if err := p.Clock.Measure(ctx, p.DB); err != nil {
		return // the row cannot be written either, which is told
	}
	p.measured = time.Now()
	ahead := p.Clock.Ahead()
	apart := ahead.Abs() > store.ClockApart
	switch {
	case apart && p.Clock.TooFar():
		p.Log.Error("this machine's clock and the database's are too far apart: this replica does no work until they agree", "ahead", ahead.Round(time.Second))
	case apart:
		p.Log.Warn("this machine's clock and the database's are apart", "ahead", ahead.Round(100*time.Millisecond))
	case p.apart:
		p.Log.Info("this machine's clock and the database's agree again")
	}
	p.apart = apart
}

// RedisSense says when Redis does not answer.
func RedisSense(r Redis) func(context.Context) []store.Trouble {
	return func(ctx context.Context) []store.Trouble {
		if Asks(ctx, r) == nil || ctx.Err() != nil && context.Cause(ctx) == context.Canceled {
			return nil
		}
		return []store.Trouble{{Kind: "redis", What: "Redis does not answer",
			Do: "see whether it runs, and whether REDIS_URL names it; nothing is lost: workers find what is due by themselves, a few seconds later"}}
	}
}

// DiskSense says when the database takes no writes. A refusal counts until a trial
// shows that it takes them again.
func DiskSense(db *store.DB) func(context.Context) []store.Trouble {
	return func(ctx context.Context) []store.Trouble {
		words, _ := db.Ill()
		if words == "" || db.Trial(ctx) == nil {
			db.Recovered()
			return nil
		}
		return []store.Trouble{{Kind: "disk", What: words, Do: "make room on the database's disk; what could not be stored was answered so, and comes again"}}
	}
}

// Failing says which kinds of work of this worker have failed again and again. Those of
// the night count as one.
func (w *Worker) Failing(context.Context) (all []store.Trouble) {
	const do = "it is tried again by itself; the log of `regulars serve` says more, and `regulars doctor` whether the database is sound"
	failing := w.limiter.failing()
	night := false
	for _, kind := range slices.Sorted(maps.Keys(failing)) {
		if t, _ := taskOf(kind); t.queue != Nightly {
			all = append(all, store.Trouble{Kind: "work", What: fmt.Sprintf("work keeps failing (%s): %s", kind, failing[kind]), Do: do})
		} else if !night {
			night = true
			all = append(all, store.Trouble{Kind: "night", What: fmt.Sprintf("the nightly pass keeps failing (%s): %s", kind, failing[kind]), Do: do})
		}
	}
	return all
}
