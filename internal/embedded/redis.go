package embedded

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/alicebob/miniredis/v2/server"
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
	inside := miniredis.NewMiniRedis()
	if err := inside.StartAddr("127.0.0.1:0"); err != nil {
		return nil, fmt.Errorf("start the in-process redis: %w", err)
	}
	ctx, stop := context.WithCancel(ctx)
	r := &Redis{server: inside, addr: inside.Addr(), stop: stop, done: make(chan struct{})}
	inside.Server().SetPreHook(r.emptyQueue)
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

// emptyQueue answers what asynq asks some fifty times a second while nothing is to be
// done: whether a task waits in a queue, and whether the time of one that was put off has
// come. Both are scripts, for each run of which the server makes an interpreter anew, and
// that cost an idle worker most of its time. Where the key that such a script begins with
// is not there, it finds nothing.
func (r *Redis) emptyQueue(c *server.Peer, command string, args ...string) bool {
	if command != "EVALSHA" || len(args) < 4 {
		return false
	}
	from, next := args[2], args[3]
	asksNext := args[1] == "4" && strings.HasSuffix(from, ":pending") && strings.HasSuffix(next, ":paused")
	asksLater := args[1] == "2" && (strings.HasSuffix(from, ":scheduled") || strings.HasSuffix(from, ":retry")) && strings.HasSuffix(next, ":pending")
	if !asksNext && !asksLater || r.server.Exists(from) {
		return false
	}
	if asksNext {
		c.WriteNull()
	} else {
		c.WriteInt(0)
	}
	return true
}

// Flush forgets all that it holds, as FLUSHALL does.
func (r *Redis) Flush() error {
	r.server.FlushAll()
	return nil
}
