package jobs_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// Real Redis servers for tests. A test that must not lack one skips plainly, and
// fails with CI=true.

func missing(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatal(what)
	}
	t.Skip(what)
}

// given returns the address of a database of its own on the Redis at
// TEST_REDIS_URL or on localhost's standard port, empty before and after.
func given(t *testing.T) string {
	t.Helper()
	where := os.Getenv("TEST_REDIS_URL")
	if where == "" {
		where = "redis://127.0.0.1:6379"
	}
	o, err := redis.ParseURL(where)
	if err != nil {
		t.Fatalf("TEST_REDIS_URL: %v", err)
	}
	locks := redis.NewClient(o)
	t.Cleanup(func() { locks.Close() })
	ctx := context.Background()
	if err := locks.Ping(ctx).Err(); err != nil {
		missing(t, "no Redis at TEST_REDIS_URL or on localhost:6379: this test did not run")
	}
	for n := 1; n < 16; n++ { // another package, or checkout, may be at its tests too
		lock := fmt.Sprintf("regulars:test:db:%d", n)
		if ok, err := locks.SetNX(ctx, lock, 1, 2*time.Minute).Result(); err != nil || !ok {
			continue
		}
		own := *o
		own.DB = n
		c := redis.NewClient(&own)
		empty := func() {
			if err := c.FlushDB(ctx).Err(); err != nil {
				t.Error(err)
			}
		}
		empty()
		t.Cleanup(func() { empty(); c.Close(); locks.Del(ctx, lock) })
		auth, _, found := strings.Cut(strings.TrimPrefix(where, "redis://"), "@")
		if !found {
			auth = ""
		} else {
			auth += "@"
		}
		return fmt.Sprintf("redis://%s%s/%d", auth, o.Addr, n)
	}
	t.Fatal("all databases of the Redis for tests are taken")
	return ""
}

// server is a Redis process of the test's own, which it may stop and start again.
type server struct {
	t    *testing.T
	port int
	args []string
	cmd  *exec.Cmd
}

// newServer starts one with more arguments; it is killed with the test.
func newServer(t *testing.T, args ...string) *server {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		missing(t, "no redis-server on this machine: this test did not run")
	}
	s := &server{t: t, port: freePort(t)}
	s.args = append([]string{"--port", fmt.Sprint(s.port), "--bind", "127.0.0.1", "--dir", t.TempDir(), "--save", "", "--appendonly", "no"}, args...)
	s.start()
	t.Cleanup(s.kill)
	return s
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

func (s *server) start() {
	s.t.Helper()
	s.cmd = exec.Command("redis-server", s.args...)
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} // not to outlive a test that crashed
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	waitFor(s.t, "redis-server", func() bool {
		c, err := net.Dial("tcp", s.addr())
		if err == nil {
			c.Close()
		}
		return err == nil
	})
}

func (s *server) kill() {
	if s.cmd.ProcessState == nil {
		_ = s.cmd.Process.Kill() // it may have ended by itself
		_ = s.cmd.Wait()
	}
}

func (s *server) addr() string { return fmt.Sprintf("127.0.0.1:%d", s.port) }
func (s *server) url() string  { return "redis://" + s.addr() }

// cli runs redis-cli against the server.
func (s *server) cli(args ...string) string {
	s.t.Helper()
	out, err := exec.Command("redis-cli", append([]string{"-p", fmt.Sprint(s.port)}, args...)...).CombinedOutput()
	if err != nil {
		s.t.Fatalf("redis-cli %v: %v\n%s", args, err, out)
	}
	return string(out)
}
