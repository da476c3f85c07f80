package smtp

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"regulars/internal/delivery"
)

// pool keeps the connections to one relay. A place is held by each mail under way and
// by each connection that is being renewed; connections that wait for their next mail
// hold none, and are used before a new one is dialed.
//
// There are as many places as the options say, or as the relay lets us have: one that
// refuses a further connection while others work is used at its limit, and asked for
// more a little later. Mails of the first lane are served first, and the second never
// has all places.
type pool struct {
	o       Options
	base    context.Context
	stop    context.CancelFunc // ends base: nothing new begins
	goodbye sync.WaitGroup     // QUITs under way

	mu      sync.Mutex
	held    [lanes]int       // places
	waiting [lanes][]*waiter // for one, oldest first
	freed   chan struct{}    // closed when a place is next given back; nil: nobody waits for that
	idle    []*conn          // the one used last is last
	live    map[*conn]bool   // all of them

	dialing int           // connections under way that are not live yet
	ceiling int           // of all places: what the relay lets us have
	refused int           // connections that there were when it last refused one more
	pause   time.Duration // from one try for more to the next
	raise   time.Time     // the next try
}

// The lanes of a pool.
const (
	first = iota // urgent mails
	second
	lanes
)

// How long a relay that limits connections is not asked for one more.
const (
	firstPause = 2 * time.Second // it may just not have heard yet that one was closed
	lastPause  = time.Minute
)

// waiter is a mail that waits for a place.
type waiter struct {
	mail  delivery.Message
	lane  int
	given chan *conn // its place has come, with a connection; nil: it is to dial
	left  bool       // it waits no more, though a connection speaks of it already
}

func newPool(o Options) *pool {
	p := &pool{o: o, live: map[*conn]bool{}, ceiling: o.Connections}
	p.base, p.stop = context.WithCancel(context.Background())
	return p
}

// acquire waits for a place, and returns the connection that comes with it, or nil.
func (p *pool) acquire(ctx context.Context, m delivery.Message, lane int) (*conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	w := &waiter{mail: m, lane: lane, given: make(chan *conn, 1)}
	p.mu.Lock()
	if p.base.Err() != nil {
		p.mu.Unlock()
		return nil, errClosed
	}
	p.waiting[lane] = append(p.waiting[lane], w)
	p.admit()
	p.mu.Unlock()
	var err error
	select {
	case c := <-w.given:
		return c, nil
	case <-ctx.Done():
		err = ctx.Err()
	case <-p.base.Done():
		err = errClosed
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case c := <-w.given: // in that moment
		return c, nil
	default:
	}
	w.left = true
	p.waiting[lane] = slices.DeleteFunc(p.waiting[lane], func(v *waiter) bool { return v == w })
	return nil, err
}

// admit gives places to those who wait. The caller holds the lock.
func (p *pool) admit() {
	if p.base.Err() != nil {
		return // they hear of it by themselves
	}
	if now := p.o.Now(); p.ceiling < p.o.Connections && !now.Before(p.raise) {
		p.ceiling++
		p.raise = now.Add(p.pause)
	}
	for w := p.next(0, 0); w != nil; w = p.next(0, 0) {
		p.held[w.lane]++
		w.given <- p.take()
	}
}

// next takes the mail out that is to have the next place, if there is one beside so
// many that are to become free. The caller holds the lock.
func (p *pool) next(ofFirst, ofSecond int) *waiter {
	held := [lanes]int{p.held[first] - ofFirst, p.held[second] - ofSecond}
	if held[first]+held[second] >= p.ceiling {
		return nil
	}
	for lane := range lanes {
		if lane == second && held[second] >= p.o.Connections-p.o.kept() || len(p.waiting[lane]) == 0 {
			continue
		}
		w := p.waiting[lane][0]
		p.waiting[lane] = p.waiting[lane][1:]
		return w
	}
	return nil
}

// tie takes the mail out that is to have the place of one in a lane that comes to its
// end, so that the connection can speak of it already; nil: none waits.
func (p *pool) tie(lane int) *waiter {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.base.Err() != nil {
		return nil
	}
	of := [lanes]int{}
	of[lane] = 1
	return p.next(of[first], of[second])
}

// give hands a place over to the mail that was tied to it, with the connection.
func (p *pool) give(c *conn, lane int, w *waiter) {
	if c.broken {
		p.cut(c)
		c = nil
	}
	p.mu.Lock()
	if !w.left {
		p.held[lane]--
		p.held[w.lane]++
		w.given <- c
		p.mu.Unlock()
		return
	}
	p.mu.Unlock()
	p.refuse(c, lane)
}

// refuse gives back a place, and a connection that is not used: one that speaks of a
// mail already cannot be used for another.
func (p *pool) refuse(c *conn, lane int) {
	switch {
	case c == nil:
		p.release(lane)
	case len(c.said) > 0:
		p.cut(c)
		p.release(lane)
	default:
		p.put(c, lane)
	}
}

// release gives a place back.
func (p *pool) release(lane int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.free(lane)
}

func (p *pool) free(lane int) {
	p.held[lane]--
	if p.freed != nil {
		close(p.freed)
		p.freed = nil
	}
	p.admit()
}

// take returns the kept connection that was used last, or nil. The caller holds the
// lock.
func (p *pool) take() *conn {
	if len(p.idle) == 0 {
		return nil
	}
	c := p.idle[len(p.idle)-1]
	p.idle = p.idle[:len(p.idle)-1]
	c.aging.Stop()
	return c
}

// dial says that a connection is on its way to become live.
func (p *pool) dial() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.dialing++
}

// dialed says how that ended. A connection is made known, so that Close can cut it;
// nil: there is none. One more than the relay refused asks for the next at once.
func (p *pool) dialed(c *conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.dialing--
	if c == nil {
		return
	}
	p.live[c] = true
	if p.ceiling < p.o.Connections && len(p.live) > p.refused {
		p.pause, p.raise = 0, time.Time{}
		p.admit()
	}
}

// limited takes note that the relay answered 421 to a further connection, late or
// instead of a banner, and reports whether that is a limit: others are there, and the
// mail can wait for one of them. Late, only those count that have carried a mail, for
// the relay may say so to all.
func (p *pool) limited(late bool) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	others := len(p.live) + p.dialing
	if late {
		others = 0
		for c := range p.live {
			if c.works.Load() {
				others++
			}
		}
	}
	p.refused = others
	p.ceiling = min(p.ceiling, max(1, others))
	now := p.o.Now()
	if now.Before(p.raise) {
		return others > 0 // refused with those before it
	}
	p.pause = min(max(2*p.pause, firstPause), lastPause)
	p.raise = now.Add(p.pause)
	time.AfterFunc(p.pause, func() { // those who wait may have nobody else to tell them
		p.mu.Lock()
		defer p.mu.Unlock()
		p.admit()
	})
	return others > 0
}

// put gives a connection and its place back after a mail. One that has carried
// enough mails keeps its place until the relay has heard the QUIT. Once it lies
// idle it is the next mail's: it is not looked at again here.
func (p *pool) put(c *conn, lane int) {
	switch {
	case c.broken:
		p.cut(c)
		p.release(lane)
	case p.keep(c, lane):
	case p.renew(c, lane):
	default: // we are closing: whoever waits for the place waits for the QUIT too
		p.quit(c)
		p.release(lane)
	}
}

// keep puts a connection where the next mail finds it, unless it is to be renewed
// or the pool is closing.
func (p *pool) keep(c *conn, lane int) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.base.Err() != nil || c.mails >= p.o.PerConnection {
		return false
	}
	p.idle = append(p.idle, c)
	c.aging = time.AfterFunc(p.o.KeepIdle, func() { p.retire(c) })
	p.free(lane)
	return true
}

// renew sees to it that the next mail dials, unless the pool is closing. The place
// is given back when the good-byes are said.
func (p *pool) renew(c *conn, lane int) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.base.Err() != nil {
		return false
	}
	p.goodbye.Go(func() { p.quit(c); p.release(lane) })
	return true
}

// retire says good-bye to a connection that nobody needed for long.
func (p *pool) retire(c *conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if i := slices.Index(p.idle, c); i >= 0 {
		p.idle = slices.Delete(p.idle, i, i+1)
		p.goodbye.Go(func() { p.quit(c) })
	}
}

// quit says good-bye; what the relay makes of it no longer matters.
func (p *pool) quit(c *conn) {
	c.quit(p.o.Deadlines.Quit)
	p.cut(c)
}

// cut ends a connection without a word.
func (p *pool) cut(c *conn) {
	c.raw.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.live, c)
}

// forget cuts all connections that wait.
func (p *pool) forget() {
	p.mu.Lock()
	old := p.idle
	p.idle = nil
	p.mu.Unlock()
	for _, c := range old {
		c.aging.Stop()
		p.cut(c)
	}
}

// close lets nothing begin and waits for what is under way; when ctx ends first,
// all connections are cut, also those that wait for the answer to a QUIT.
func (p *pool) close(ctx context.Context) error {
	p.stop()
	err := p.drain(ctx)
	if err != nil {
		p.cutAll()
	}
	p.mu.Lock()
	for _, c := range p.idle {
		c.aging.Stop()
		p.goodbye.Go(func() { p.quit(c) })
	}
	p.idle = nil
	p.mu.Unlock()
	defer context.AfterFunc(ctx, p.cutAll)()
	p.goodbye.Wait()
	return err
}

// cutAll ends all connections without a word, and lets nothing begin.
func (p *pool) cutAll() {
	p.stop()
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.live {
		c.raw.Close()
	}
}

// drain returns when no place is held.
func (p *pool) drain(ctx context.Context) error {
	for {
		p.mu.Lock()
		if p.held == [lanes]int{} {
			p.mu.Unlock()
			return nil
		}
		if p.freed == nil {
			p.freed = make(chan struct{})
		}
		freed := p.freed
		p.mu.Unlock()
		select {
		case <-freed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// errClosed, errResting and errLimited are why a mail was not even tried.
var (
	errClosed  = errors.New("the transport is closed")
	errResting = errors.New("the relay was away and is left alone for a while")
	errLimited = errors.New("the relay takes no further connection")
)
