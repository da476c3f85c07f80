package delivery

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"regulars/internal/loyalty"
	"regulars/internal/store"
)

func (d *Desk) now() loyalty.Instant { return loyalty.At(d.c.DB.Now()) }

// persist records what has happened on the wire, whatever has become of the
// caller: the database may be away for a moment, and what is not written down in
// time becomes unknown. f must be harmless when its first run has lasted after all.
func (d *Desk) persist(f func(*store.Tx) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), d.c.Lease)
	defer cancel()
	for wait := 20 * time.Millisecond; ; wait = min(2*wait, time.Second) {
		err := d.c.DB.Update(ctx, f)
		if err == nil || errors.Is(err, errLost) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(wait):
		}
	}
}

// claim runs a transaction that takes something up. It is not cut off in its
// middle by the end of ctx: nobody would know whether it has lasted.
func (d *Desk) claim(ctx context.Context, f func(*store.Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), claimWithin)
	defer cancel()
	return d.c.DB.Update(ctx, f)
}

// claimWithin is well within the time that a stop is given.
const claimWithin = 15 * time.Second

// every calls f again and again until the function that it returns is called,
// which waits for the call under way.
func every(ctx context.Context, d time.Duration, f func(context.Context)) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(d)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				f(ctx)
			}
		}
	}()
	return func() { cancel(); <-done }
}

// handOver gives a mail to the relay of a lane. A panic on the way is the relay's
// failure: before the first byte nothing went out, after it nobody knows.
func (d *Desk) handOver(ctx context.Context, lane string, s *send, begin func(context.Context) error) (o Outcome) {
	begun := false
	defer func() {
		if p := recover(); p != nil {
			d.c.Log.Error("a hand-over panics", "send", s.Send, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			o = Outcome{Stage: StageRcpt, Err: fmt.Errorf("the hand-over panics: %v", p), Begun: begun}
			if begun {
				o.Stage = StageData
			}
		}
	}()
	return d.c.Transports[lane].Hand(ctx, s.letter.message, func(ctx context.Context) error {
		err := begin(ctx)
		begun = err == nil
		return err
	})
}
