package jobs_test

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"regulars/internal/patiently"
	"regulars/jobs/jobstest"
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

// given returns the address of a database of its own on the Redis at TEST_REDIS_URL or
// on localhost's standard port, empty before and after.
func given(t *testing.T) string {
	t.Helper()
	where := jobstest.Redis(t)
	if where == "" {
		missing(t, "no Redis at TEST_REDIS_URL or on localhost:6379: this test did not run")
	}
	return where
}

// server is a Redis process of the test's own, which it may stop and start again.
type server struct {
	t    *testing.T
	port int
	args []string
	cmd  *exec.Cmd
}

// aPort stands in arguments for a further port that nobody else has.
const aPort = "a port"

// newServer starts one with more arguments; it is killed with the test.
func newServer(t *testing.T, args ...string) *server {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		missing(t, "no redis-server on this machine: this test did not run")
	}
	s := &server{t: t, port: patiently.Port(t)}
	s.args = append([]string{"--port", fmt.Sprint(s.port), "--bind", "127.0.0.1", "--dir", t.TempDir(), "--save", "", "--appendonly", "no"}, args...)
	for i, arg := range s.args {
		if arg == aPort {
			s.args[i] = fmt.Sprint(patiently.Port(t))
		}
	}
	s.start()
	t.Cleanup(s.kill)
	return s
}

func (s *server) start() {
	s.t.Helper()
	s.cmd = exec.Command("redis-server", s.args...)
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} // not to outlive a test that crashed
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	patiently.Until(s.t, "redis-server", func() bool {
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
