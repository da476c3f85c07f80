package smtp

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"
)

// pool keeps the connections of one transport. A place is held by each mail under
// way and by each connection that is being renewed; connections that wait for
// their next mail hold none, and are used before a new one is dialed.
type pool struct {
	o       Options
	places  chan struct{} // one element per place held
	base    context.Context
	stop    context.CancelFunc // ends base: nothing new begins
	goodbye sync.WaitGroup     // QUITs under way

	mu   sync.Mutex
	idle []*conn        // the one used last is last
	live map[*conn]bool // all of them
}

func newPool(o Options) *pool {
	p := &pool{o: o, places: make(chan struct{}, o.Connections), live: map[*conn]bool{}}
	p.base, p.stop = context.WithCancel(context.Background())
	return p
}

// acquire waits for a place.
func (p *pool) acquire(ctx context.Context) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if p.base.Err() != nil {
		return errClosed
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-p.base.Done():
		return errClosed
	case p.places <- struct{}{}:
		return nil
	}
}

func (p *pool) release() { <-p.places }

// take returns the kept connection that was used last, or nil.
func (p *pool) take() *conn {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.idle) == 0 {
		return nil
	}
	c := p.idle[len(p.idle)-1]
	p.idle = p.idle[:len(p.idle)-1]
	c.aging.Stop()
	return c
}

// add makes a connection known, so that Close can cut it.
func (p *pool) add(c *conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.live[c] = true
}

// put gives a connection and its place back after a mail. One that has carried
// enough mails keeps its place until the relay has heard the QUIT. Once it lies
// idle it is the next mail's: it is not looked at again here.
func (p *pool) put(c *conn) {
	switch {
	case c.broken:
		p.cut(c)
		p.release()
	case p.keep(c):
		p.release()
	case p.renew(c):
	default: // we are closing: whoever waits for the place waits for the QUIT too
		p.quit(c)
		p.release()
	}
}

// keep puts a connection where the next mail finds it, unless it is to be renewed
// or the pool is closing.
func (p *pool) keep(c *conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.base.Err() != nil || c.mails >= p.o.PerConnection {
		return false
	}
	p.idle = append(p.idle, c)
	c.aging = time.AfterFunc(p.o.KeepIdle, func() { p.retire(c) })
	return true
}

// renew sees to it that the next mail dials, unless the pool is closing. The place
// is given back when the good-byes are said.
func (p *pool) renew(c *conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.base.Err() != nil {
		return false
	}
	p.goodbye.Go(func() { p.quit(c); p.release() })
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
	for range cap(p.places) {
		select {
		case p.places <- struct{}{}:
			defer p.release()
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// errClosed and errResting are why a mail was not even tried.
var (
	errClosed  = errors.New("the transport is closed")
	errResting = errors.New("the relay was away and is left alone for a while")
)
