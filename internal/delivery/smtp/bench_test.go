package smtp_test

import (
	"testing"

	"regulars/internal/delivery"
	"regulars/internal/embedded"
)

// BenchmarkHand gives small mails to the sink over ten kept connections.
func BenchmarkHand(b *testing.B) {
	sink, err := embedded.NewSink(embedded.SinkOptions{Keep: 1})
	if err != nil {
		b.Fatal(err)
	}
	defer sink.Close()
	o := options(b, sink.Addr())
	o.Connections = 10
	r := newRelay(b, o)
	b.SetParallelism(5)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if o := r.Hand(b.Context(), message("a@example.test"), nil); o.Stage != delivery.StageDone {
				b.Error(o.Err)
			}
		}
	})
}
