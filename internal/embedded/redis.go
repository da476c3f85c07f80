package embedded

import (
	"context"
	"fmt"
	"time"

	"github.com/alicebob/miniredis/v2"
)

// Redis is a Redis in this process, on a loopback port.
type Redis struct {
	server *miniredis.Miniredis
	addr   string
	stop   context.CancelFunc
	done   chan struct{}
}

// StartRedis starts one; it lives until ctx ends or Close.
func StartRedis(ctx context.Context) (*Redis, error) {
	server := miniredis.NewMiniRedis()
	if err := server.StartAddr("127.0.0.1:0"); err != nil {
		return nil, fmt.Errorf("start the in-process redis: %w", err)
	}
	ctx, stop := context.WithCancel(ctx)
	r := &Redis{server: server, addr: server.Addr(), stop: stop, done: make(chan struct{})}
	go r.run(ctx)
	return r, nil
}

// Addr returns host:port.
func (r *Redis) Addr() string { return r.addr }

// Close stops it and forgets all that it held.
func (r *Redis) Close() {
	r.stop()
	<-r.done
}

// run lets keys grow old by a second each second. The server can keep time by
// itself, but then walks all keys on each command.
func (r *Redis) run(ctx context.Context) {
	defer close(r.done)
	defer r.server.Close()
	second := time.NewTicker(time.Second)
	defer second.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-second.C:
			r.server.FastForward(time.Second)
		}
	}
}

// Flush forgets all that it holds, as FLUSHALL does.
func (r *Redis) Flush() error {
	r.server.FlushAll()
	return nil
}
