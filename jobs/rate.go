package jobs

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"regulars/internal/delivery"
	"regulars/internal/loyalty"
	"regulars/internal/store"
)

// Rate lets no more mails go than a relay takes in a length of time, whatever the
// number of replicas: through Redis, and by its clock, all of them together. While
// Redis does not answer each replica lets its share go. It is a delivery.Limiter.
//
// It is the generic cell rate algorithm (ITU-T I.371): what is kept is the moment at
// which all that was let go would have gone one by one. A mail may go ahead of it by a
// quarter of a second, so that in any ten seconds no more than 105 % of the rate go;
// an urgent one by another quarter, so that a run never holds it up.
type Rate struct {
	limit  loyalty.Rate
	key    string        // in Redis
	idle   time.Duration // the moment is kept there after it has passed
	others *others

	mu     sync.Mutex
	next   time.Time // when all that this replica let go would have gone, at its share
	usedUp time.Time // when it last let less go than was asked for
	queue  time.Time // when all that was told to wait will have gone, at its share
}

// others are the replicas with which rates are shared.
type others struct {
	db     *store.DB
	within time.Duration // Redis has to answer, and the database how many there are

	mu      sync.Mutex
	redis   redis.UniversalClient // nil: none yet
	again   time.Time             // Redis, which did not answer, is not asked before
	share   int                   // of how many replicas it is one
	counted time.Time             // when they were counted
}

func newOthers(db *store.DB) *others { return &others{db: db, within: rateWithin, share: 1} }

// NewRate returns a rate that every replica keeps for itself until it shares a Redis.
func NewRate(limit loyalty.Rate, db *store.DB) *Rate {
	return &Rate{limit: limit, key: "regulars:rate", idle: keptForIdle, others: newOthers(db)}
}

// Through shares the rate with all replicas that use the same Redis.
func (r *Rate) Through(shared Redis) { r.others.through(shared) }

func (o *others) through(shared Redis) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.redis = shared.UniversalClient
}

// Used says how high the rate is, and whether mails wait for it.
func (r *Rate) Used() (limit string, up bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.limit.String(), time.Since(r.usedUp) < usedUpFor
}

const (
	ahead       = 250 * time.Millisecond // by which a mail may go before its moment
	usedUpFor   = 5 * time.Second        // a rate counts as used up after it has let less go
	rateWithin  = time.Second            // Redis has to answer, and is not asked for when it did not
	shareFor    = 2 * time.Second        // the number of replicas counts for so long
	keptForIdle = time.Hour              // the moment is kept in Redis after it has passed
)

// letGo answers how many mails may go now, and after how many microseconds the next.
// A Redis that knows nothing may have forgotten: nothing goes ahead then. Fewer than
// none come back.
var letGo = redis.NewScript(`
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local every, ahead, n = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local next = tonumber(redis.call('GET', KEYS[1]) or now + ahead - every)
if next < now then next = now end
local go = math.max(0, math.min(n, math.floor((now + ahead - next) / every)))
if n < 0 then go = n end
next = next + go * every
redis.call('SET', KEYS[1], string.format('%.3f', next), 'PX', math.max(0, math.ceil((next - now) / 1000)) + tonumber(ARGV[4]))
return {go, math.max(0, math.ceil(next + every - ahead - now))}`)

// Take implements delivery.Limiter.
func (r *Rate) Take(ctx context.Context, lane string, n int) (granted int, wait time.Duration, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	granted, wait = r.take(ctx, lane, n)
	return granted, wait, nil
}

// Return implements delivery.Limiter.
func (r *Rate) Return(ctx context.Context, lane string, n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.take(ctx, lane, -n)
}

func (r *Rate) take(ctx context.Context, lane string, n int) (granted int, wait time.Duration) {
	early := max(ahead, r.limit.Every())
	if lane == delivery.Urgent {
		early *= 2
	}
	granted, wait, err := r.together(ctx, early, n)
	if err != nil {
		granted, wait = r.alone(ctx, early, n)
	}
	if granted < n {
		r.usedUp = time.Now()
	}
	return granted, wait
}

// together asks Redis.
func (r *Rate) together(ctx context.Context, early time.Duration, n int) (granted int, wait time.Duration, err error) {
	shared := r.others.answering()
	if shared == nil {
		return 0, 0, redis.ErrClosed
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), r.others.within)
	defer cancel()
	micros := func(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }
	every := micros(r.limit.Per) / float64(r.limit.N)
	said, err := letGo.Run(ctx, shared, []string{r.key}, every, micros(early), n, r.idle.Milliseconds()).Int64Slice()
	if err != nil || len(said) != 2 {
		r.others.silent()
		return 0, 0, fmt.Errorf("asking for the rate: %w", err)
	}
	// Should Redis be away the next time, nothing goes ahead: it may just have.
	r.next = time.Now().Add(2 * early)
	return int(said[0]), time.Duration(said[1]) * time.Microsecond, nil
}

// alone lets the share of this replica go.
func (r *Rate) alone(ctx context.Context, early time.Duration, n int) (granted int, wait time.Duration) {
	every := r.ours(ctx)
	early = max(early, every)
	now := time.Now()
	if r.next.Before(now) {
		r.next = now
	}
	granted = max(0, min(n, int(now.Add(early).Sub(r.next)/every)))
	if n < 0 {
		granted = n
	}
	r.next = r.next.Add(time.Duration(granted) * every)
	return granted, max(0, r.next.Add(every-early).Sub(now))
}

// ours is how long a mail takes at the share of this replica.
func (r *Rate) ours(ctx context.Context) time.Duration {
	return time.Duration(float64(r.limit.Per) / float64(r.limit.N) * float64(r.others.count(ctx)))
}

// answering returns the shared Redis, nil when there is none or it did not answer of late.
func (o *others) answering() redis.UniversalClient {
	o.mu.Lock()
	defer o.mu.Unlock()
	if time.Now().Before(o.again) {
		return nil
	}
	return o.redis
}

// silent says that Redis did not answer.
func (o *others) silent() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.again = time.Now().Add(rateWithin)
}

// count returns how many replicas share the rate. Where nobody can be asked it stays.
func (o *others) count(ctx context.Context) int {
	o.mu.Lock()
	defer o.mu.Unlock()
	if time.Since(o.counted) < shareFor {
		return o.share
	}
	o.counted = time.Now()
	ctx, cancel := context.WithTimeout(ctx, o.within)
	defer cancel()
	_ = o.db.View(ctx, func(tx *store.Tx) error {
		var n int
		err := tx.One(&n, "select count(*) from replicas where roles like '%worker%' and seen_at > "+tx.MachineIn(-store.Seen), nil)
		if err == nil {
			o.share = max(1, n)
		}
		return err
	})
	return o.share
}
