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

	mu   sync.Mutex
	open map[net.Conn]bool
	shut bool
}

func newGate(to string) (*gate, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	g := &gate{listener: l, to: to, open: map[net.Conn]bool{}}
	go g.accept()
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
	go func() {
		g.carry(server, c)
		server.Close()
	}()
	g.carry(c, server)
}

// carry copies what comes in to the other side, after its time on the way.
func (g *gate) carry(to io.Writer, from io.Reader) {
	if g.delay == 0 {
		io.Copy(to, from)
		return
	}
	type piece struct {
		due  time.Time
		data []byte
	}
	way := make(chan piece, 1024)
	go func() {
		defer close(way)
		for {
			data := make([]byte, 16<<10)
			n, err := from.Read(data)
			if n > 0 {
				way <- piece{time.Now().Add(g.delay), data[:n]}
			}
			if err != nil {
				return
			}
		}
	}()
	for p := range way {
		time.Sleep(time.Until(p.due))
		if _, err := to.Write(p.data); err != nil {
			break
		}
	}
	for range way { // until the other end has seen it, too
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
}
