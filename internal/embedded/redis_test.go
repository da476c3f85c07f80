package embedded_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"testing"

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
