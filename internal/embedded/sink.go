package embedded

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"hash/maphash"
	"net"
	"sync"
	"time"
)

// SinkOptions are what a sink may be told; the zero value is a friendly server
// on a free loopback port that offers PIPELINING, 8BITMIME and SMTPUTF8.
type SinkOptions struct {
	Addr      string           // host:port to listen on; "": a free port of 127.0.0.1
	Name      string           // the server's name in its banner; "": sink.localhost
	Keep      int              // how many mails stay readable; 0: 10,000
	KeepBytes int              // and how many bytes of them; 0: 128 MiB
	Now       func() time.Time // stamps mails; nil: time.Now
	Plain     bool             // offers no extension, and refuses their parameters
	User      string           // not empty: nothing is taken without AUTH
	Password  string
	Auth      string      // mechanisms offered when there is a user; "": PLAIN LOGIN
	TLS       *tls.Config // not nil: offers STARTTLS
	Implicit  bool        // speaks TLS from the first byte, for smtps
	Script    Script      // nil: friendly
}

// Sink is an SMTP server on loopback that keeps what it is given. It counts
// every mail and keeps the newest ones; it is safe for concurrent use. It is the
// inbox of the program and the mail server of the tests, which alone script it.
type Sink struct {
	opts     SinkOptions
	listener net.Listener
	sessions sync.WaitGroup

	mu       sync.Mutex
	open     map[net.Conn]bool // nil once closed
	accepted int64
	script   Script
	kept     []Mail // oldest first
	bytes    int    // of kept
	count    int64
	seed     maphash.Seed
	copies   map[uint64]int32 // by hash of the Message-ID
	twice    []string
	arrived  chan struct{} // closed at the next mail; nil while nobody waits
}

// NewSink starts a sink. Close ends it.
func NewSink(o SinkOptions) (*Sink, error) {
	o.defaults()
	l, err := net.Listen("tcp", o.Addr)
	if err != nil {
		return nil, fmt.Errorf("start the mail sink: %w", err)
	}
	if o.Implicit {
		l = tls.NewListener(l, o.TLS)
	}
	s := &Sink{opts: o, listener: l, script: o.Script, open: map[net.Conn]bool{},
		seed: maphash.MakeSeed(), copies: map[uint64]int32{}}
	s.sessions.Go(s.accept)
	return s, nil
}

func (o *SinkOptions) defaults() {
	if o.Addr == "" {
		o.Addr = "127.0.0.1:0"
	}
	if o.Name == "" {
		o.Name = "sink.localhost"
	}
	if o.Keep == 0 {
		o.Keep = 10_000
	}
	if o.KeepBytes == 0 {
		o.KeepBytes = 128 << 20
	}
	if o.Auth == "" {
		o.Auth = "PLAIN LOGIN"
	}
	if o.Now == nil {
		o.Now = time.Now
	}
}

// Addr returns host:port.
func (s *Sink) Addr() string { return s.listener.Addr().String() }

// Script makes the sink behave so from the next answer on; nil: friendly again.
func (s *Sink) Script(f Script) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.script = f
}

// Mails returns the mails that are kept, oldest first.
func (s *Sink) Mails() []Mail {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Mail(nil), s.kept...)
}

// ByRecipient returns the kept mails to one envelope address, oldest first.
func (s *Sink) ByRecipient(address string) []Mail {
	var out []Mail
	for _, m := range s.Mails() {
		if m.To == address {
			out = append(out, m)
		}
	}
	return out
}

// Find returns the kept mail with a number.
func (s *Sink) Find(seq int64) (Mail, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.kept) == 0 {
		return Mail{}, false
	}
	if i := seq - s.kept[0].Seq; i >= 0 && i < int64(len(s.kept)) {
		return s.kept[i], true
	}
	return Mail{}, false
}

// Count returns how many mails were taken, those no longer kept included.
func (s *Sink) Count() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.count
}

// Twice returns Message-IDs that were taken more than once, a thousand at most.
func (s *Sink) Twice() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.twice...)
}

// Connections returns how many connections are open and how many were accepted.
func (s *Sink) Connections() (open int, accepted int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.open), s.accepted
}

// Wait returns when n mails have been taken since the start, or with ctx's error.
func (s *Sink) Wait(ctx context.Context, n int64) error {
	for {
		s.mu.Lock()
		if s.count >= n {
			s.mu.Unlock()
			return nil
		}
		if s.arrived == nil {
			s.arrived = make(chan struct{})
		}
		arrived, count := s.arrived, s.count
		s.mu.Unlock()
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for %d mails, %d came: %w", n, count, ctx.Err())
		case <-arrived:
		}
	}
}

// Close ends the sink and waits for its connections. The mails stay readable.
func (s *Sink) Close() error {
	err := s.listener.Close()
	s.mu.Lock()
	for c := range s.open {
		c.Close()
	}
	s.open = nil
	s.mu.Unlock()
	s.sessions.Wait()
	if errors.Is(err, net.ErrClosed) {
		return nil // closed before
	}
	return err
}

// accept serves connections until the listener is closed.
func (s *Sink) accept() {
	for {
		c, err := s.listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			time.Sleep(10 * time.Millisecond) // out of descriptors, say
			continue
		}
		s.sessions.Go(func() { s.serve(c) })
	}
}

func (s *Sink) serve(c net.Conn) {
	defer c.Close()
	s.mu.Lock()
	if s.open == nil {
		s.mu.Unlock()
		return
	}
	s.open[c] = true
	s.accepted++
	s.mu.Unlock()
	newSession(s, c).run()
	s.mu.Lock()
	delete(s.open, c)
	s.mu.Unlock()
}

// answer asks the script.
func (s *Sink) answer(stage Stage, rcpt string) Reply {
	s.mu.Lock()
	script := s.script
	s.mu.Unlock()
	if script == nil {
		return Reply{}
	}
	return script(stage, rcpt)
}

// keep takes a mail.
func (s *Sink) keep(m Mail) {
	m.At = s.opts.Now()
	m.Subject = m.Header("Subject")
	m.MessageID = trimAngles(m.Header("Message-ID"))
	s.mu.Lock()
	defer s.mu.Unlock()
	s.count++
	m.Seq = s.count
	s.kept = append(s.kept, m)
	s.bytes += len(m.Source)
	for len(s.kept) > s.opts.Keep || s.bytes > s.opts.KeepBytes && len(s.kept) > 1 {
		s.bytes -= len(s.kept[0].Source)
		s.kept[0] = Mail{} // let go of its bytes: the array lives on under the slice
		s.kept = s.kept[1:]
	}
	id := maphash.String(s.seed, m.MessageID)
	if s.copies[id]++; s.copies[id] == 2 && len(s.twice) < 1000 {
		s.twice = append(s.twice, m.MessageID)
	}
	if s.arrived != nil {
		close(s.arrived)
		s.arrived = nil
	}
}
