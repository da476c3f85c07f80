package embedded_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"regulars/internal/embedded"
	"regulars/internal/patiently"
)

// ask sends one command and returns the first line of the answer.
func ask(t *testing.T, addr string, words ...string) string {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprintf(c, "*%d\r\n", len(words))
	for _, w := range words {
		fmt.Fprintf(c, "$%d\r\n%s\r\n", len(w), w)
	}
	line, _ := bufio.NewReader(c).ReadString('\n')
	return line
}

func TestRedisAnswersUntilClosed(t *testing.T) {
	t.Parallel()
	r, err := embedded.StartRedis(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got := ask(t, r.Addr(), "PING"); got != "+PONG\r\n" {
		t.Errorf("PING answered %q, want +PONG", got)
	}
	r.Close()
	if _, err := net.Dial("tcp", r.Addr()); err == nil {
		t.Error("it still listens after Close")
	}
}

func TestRedisKeysGrowOld(t *testing.T) {
	t.Parallel()
	r, err := embedded.StartRedis(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	ask(t, r.Addr(), "SET", "k", "v", "PX", "500")
	patiently.Until(t, "a key of half a second to be gone", func() bool { return ask(t, r.Addr(), "GET", "k") == "$-1\r\n" })
}

// TestAnIdleWorkerRunsNoScripts asks again what an idle asynq worker asked many times,
// under the name of a script that is not there: what is answered all the same cost none.
func TestAnIdleWorkerRunsNoScripts(t *testing.T) {
	t.Parallel()
	r, err := embedded.StartRedis(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	client := redis.NewClient(&redis.Options{Addr: r.Addr()})
	defer client.Close()
	asked := &scripts{asked: map[string][]any{}, times: map[string]int{}}
	client.AddHook(asked)
	worker := asynq.NewServerFromRedisClient(client, asynq.Config{Queues: map[string]int{"q": 1}, TaskCheckInterval: time.Millisecond, DelayedTaskCheckInterval: time.Millisecond, LogLevel: asynq.FatalLevel})
	if err := worker.Start(asynq.HandlerFunc(func(context.Context, *asynq.Task) error { return nil })); err != nil {
		t.Fatal(err)
	}
	patiently.Until(t, "the worker to ask for what is to be done now, later and once more", func() bool { return len(asked.often()) == 3 })
	worker.Shutdown()
	for key, args := range asked.often() {
		args[1] = strings.Repeat("0", 40)
		if err := client.Do(t.Context(), args...).Err(); err != nil && !errors.Is(err, redis.Nil) {
			t.Errorf("what stands in %s is asked by a script while nothing does: %v", key, err)
		}
		if err := client.RPush(t.Context(), key, "a task").Err(); err != nil {
			t.Fatal(err)
		}
		if err := client.Do(t.Context(), args...).Err(); err == nil || !strings.HasPrefix(err.Error(), "NOSCRIPT") {
			t.Errorf("with a task in %s no script is run: %v", key, err)
		}
	}
}

// scripts notes which scripts a client has run, by the key that each begins with.
type scripts struct {
	mu    sync.Mutex
	asked map[string][]any
	times map[string]int
}

func (*scripts) DialHook(next redis.DialHook) redis.DialHook { return next }
func (*scripts) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

func (s *scripts) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, c redis.Cmder) error {
		if args := c.Args(); args[0] == "evalsha" {
			s.mu.Lock()
			s.asked[args[3].(string)] = slices.Clone(args)
			s.times[args[3].(string)]++
			s.mu.Unlock()
		}
		return next(ctx, c)
	}
}

// often are the scripts that were run ten times or more.
func (s *scripts) often() map[string][]any {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := maps.Clone(s.asked)
	maps.DeleteFunc(all, func(key string, _ []any) bool { return s.times[key] < 10 })
	return all
}

func TestRedisEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	r, err := embedded.StartRedis(ctx)
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	r.Close() // waits for the end, whoever asked for it
}
