package delivery

import (
	"context"
	"sync"
)

// run works until the claim or the wish to go on is at its end. It calls fed when nothing
// more is taken up: from then on mails of the claim are at most on the wire.
func (w *worker) run(ctx context.Context, fed func()) {
	stop := every(context.WithoutCancel(ctx), w.claim.keepEvery(), func(ctx context.Context) {
		if err := w.claim.keep(ctx); err != nil {
			w.fail(err)
		}
	})
	defer stop()
	batches, wire, landed := make(chan *batch), make(chan landing), make(chan landing, w.d.c.InFlight)
	var pump, connections, recorder sync.WaitGroup
	pump.Go(func() { w.pump(batches, wire) })
	for range w.d.c.InFlight {
		connections.Go(func() {
			for l := range wire {
				landed <- w.hand(ctx, l)
			}
		})
	}
	recorder.Go(func() { w.settle(landed) })
	w.feed(ctx, batches)
	fed()
	close(batches)
	pump.Wait()
	close(wire)
	connections.Wait()
	close(landed)
	recorder.Wait()
}

// feed prepares and marks batches for the wire. What the rate does not let go yet of
// single mails goes after the others.
func (w *worker) feed(ctx context.Context, batches chan<- *batch) {
	var b *batch
	for !w.over(ctx) && !w.relay.rationed() {
		if b == nil {
			if b = w.prepare(ctx); b == nil {
				return
			}
		}
		late := w.ration(ctx, b)
		w.apart(ctx, b)
		if len(b.sends)+len(b.ended) == 0 {
			return
		}
		marked, err := w.claim.mark(ctx, b)
		if err != nil {
			w.doubt = true
			w.fail(err)
			return
		}
		w.count(marked.ended)
		if len(marked.sends) > 0 {
			marked.landed = make(map[int64]bool, len(marked.sends))
			batches <- marked
		}
		b = late
	}
	if b != nil { // single mails that nobody hands over
		b.only(0, 0)
		if _, err := w.claim.mark(ctx, b); err != nil {
			w.trouble(err)
		}
	}
}
