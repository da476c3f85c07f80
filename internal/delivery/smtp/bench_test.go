package smtp_test

import (
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"regulars/internal/delivery"
	"regulars/internal/embedded"
)

// BenchmarkHand gives mails of 10 KB to the sink: over ten kept connections beside us,
// and over fifty to a relay that is 20 ms away, there and back again.
func BenchmarkHand(b *testing.B) {
	for _, bb := range []struct {
		name        string
		connections int
		away        time.Duration
	}{{"near", 10, 0}, {"near50", 50, 0}, {"far", 50, 20 * time.Millisecond}} {
		b.Run(bb.name, func(b *testing.B) {
			sink, err := embedded.NewSink(embedded.SinkOptions{Keep: 1})
			if err != nil {
				b.Fatal(err)
			}
			defer sink.Close()
			addr := sink.Addr()
			if bb.away > 0 {
				addr = farFrom(b, addr, bb.away)
			}
			o := options(b, addr)
			o.Connections, o.PerConnection = bb.connections, 1000
			r := newRelay(b, o)
			m := message("a@example.test")
			for len(m.Body) < 10_000 {
				m.Body = append(m.Body, "A line of a mail, as long as quoted-printable makes them, about that long.\r\n"...)
			}
			b.SetParallelism(bb.connections) // times GOMAXPROCS: two mails a connection and more
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if o := r.Hand(b.Context(), m, nil); o.Stage != delivery.StageDone {
						b.Error(o.Err)
					}
				}
			})
		})
	}
}

// farFrom is an address whose bytes take a while to and from another.
func farFrom(b *testing.B, addr string, away time.Duration) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	var all sync.WaitGroup
	b.Cleanup(all.Wait)
	b.Cleanup(func() { l.Close() })
	all.Go(func() {
		for {
			here, err := l.Accept()
			if err != nil {
				return
			}
			there, err := net.Dial("tcp", addr)
			if err != nil {
				here.Close()
				continue
			}
			all.Go(func() { late(there, here, away) })
			all.Go(func() { late(here, there, away) })
		}
	})
	return l.Addr().String()
}

// late copies from one side to the other, each piece a while after it came.
func late(to, from net.Conn, away time.Duration) {
	type piece struct {
		bytes []byte
		due   time.Time
	}
	pieces := make(chan piece, 1024)
	var writer sync.WaitGroup
	writer.Go(func() {
		for p := range pieces {
			time.Sleep(time.Until(p.due))
			to.Write(p.bytes)
		}
		to.Close()
	})
	for {
		b := make([]byte, 32<<10)
		n, err := from.Read(b)
		if n > 0 {
			pieces <- piece{b[:n], time.Now().Add(away)}
		}
		if err != nil {
			if err != io.EOF {
				from.Close()
			}
			break
		}
	}
	close(pieces)
	writer.Wait()
}
