package bench

import (
	"io"
	"net"
	"sync"
	"time"
)

// gate stands before a server on loopback. It can cut all connections, and refuse
// new ones until it is opened again.
type gate struct {
	listener net.Listener
	to       string
	delay    time.Duration // what passes is on its way for so long, each way
	way      chan piece    // what is on its way; without a delay it stays empty
	over     chan struct{} // closed at the end

	mu   sync.Mutex
	open map[net.Conn]bool
	shut bool
}

func newGate(to string, delay time.Duration) (*gate, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	g := &gate{listener: l, to: to, delay: delay, way: make(chan piece, 1024), over: make(chan struct{}), open: map[net.Conn]bool{}}
	go g.accept()
	go g.carry()
	return g, nil
}

func (g *gate) addr() string { return g.listener.Addr().String() }

func (g *gate) accept() {
	for {
		c, err := g.listener.Accept()
		if err != nil {
			return
		}
		g.mu.Lock()
		shut := g.shut
		if !shut {
			g.open[c] = true
		}
		g.mu.Unlock()
		if shut {
			c.Close()
			continue
		}
		go g.serve(c)
	}
}

func (g *gate) serve(c net.Conn) {
	defer func() {
		c.Close()
		g.mu.Lock()
		delete(g.open, c)
		g.mu.Unlock()
	}()
	server, err := net.Dial("tcp", g.to)
	if err != nil {
		return
	}
	go g.pass(server, c)
	g.pass(c, server)
}

// pass hands over what comes in to the other side, after its time on the way, and closes
// that side when all of it has arrived.
func (g *gate) pass(to io.WriteCloser, from io.Reader) {
	defer to.Close()
	if g.delay == 0 {
		io.Copy(to, from)
		return
	}
	for {
		p := piece{to: to, data: pieces.Get().(*[16 << 10]byte)}
		n, err := from.Read(p.data[:])
		p.n, p.due = n, time.Now().Add(g.delay)
		if err != nil {
			p.last = make(chan struct{})
		}
		select {
		case g.way <- p:
		case <-g.over:
			return
		}
		if err != nil {
			select {
			case <-p.last:
			case <-g.over:
			}
			return
		}
	}
}

// piece is some bytes on their way.
type piece struct {
	to   io.Writer
	due  time.Time
	data *[16 << 10]byte
	n    int
	last chan struct{} // closed when it has arrived, where nothing comes after it
}

var pieces = sync.Pool{New: func() any { return new([16 << 10]byte) }}

// carry delivers what is on its way. All of it takes the same time, so that it arrives in
// the order in which it was sent: one goroutine, which sleeps once for all connections,
// takes little from the processors that are measured.
func (g *gate) carry() {
	for {
		select {
		case p := <-g.way:
			time.Sleep(time.Until(p.due))
			p.to.Write(p.data[:p.n]) // what is closed has read enough
			pieces.Put(p.data)
			if p.last != nil {
				close(p.last)
			}
		case <-g.over:
			return
		}
	}
}

// cut ends all connections.
func (g *gate) cut() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for c := range g.open {
		c.Close()
	}
}

// close cuts all connections and, until open, those that come.
func (g *gate) close() {
	g.mu.Lock()
	g.shut = true
	g.mu.Unlock()
	g.cut()
}

func (g *gate) reopen() {
	g.mu.Lock()
	g.shut = false
	g.mu.Unlock()
}

// end closes the gate for good.
func (g *gate) end() {
	g.listener.Close()
	g.close()
	close(g.over)
}
