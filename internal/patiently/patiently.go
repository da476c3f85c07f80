// Package patiently waits, in tests, for what another goroutine or process does, for as
// long as a machine may take that is busy with much else. No test depends on a clock's
// speed: what is asserted is what happens, not how soon.
package patiently

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// AtMost is how long a test waits before it fails. Nothing takes nearly as long, but on a
// machine that stalls.
const AtMost = 5 * time.Minute

// Until waits until something holds.
func Until(t testing.TB, what string, holds func() bool) {
	t.Helper()
	UntilRight(t, func() string {
		if holds() {
			return ""
		}
		return what
	})
}

// UntilRight waits until there is nothing wrong: wrong says what is. It asks less often
// the longer it waits: many tests do at once, and each question costs those who are
// waited for their time.
func UntilRight(t testing.TB, wrong func() string) {
	t.Helper()
	deadline := time.Now().Add(AtMost)
	for pause := 10 * time.Millisecond; ; pause = min(pause*3/2, 250*time.Millisecond) {
		late := time.Now().After(deadline) // looked at first: after a stall it is asked once more
		is := wrong()
		if is == "" {
			return
		}
		if late {
			t.Fatalf("waited %s in vain: %s", AtMost, is)
		}
		time.Sleep(pause)
	}
}

// Main runs the tests of a package and fails when goroutines are left, for which it
// waits as well: goleak itself gives them a second.
func Main(m *testing.M, options ...goleak.Option) {
	goleak.VerifyTestMain(tests{m, options}, options...)
}

type tests struct {
	*testing.M
	options []goleak.Option
}

// Run implements goleak.TestingM.
func (m tests) Run() int {
	code := m.M.Run()
	for deadline := time.Now().Add(time.Minute); code == 0 && goleak.Find(m.options...) != nil && time.Now().Before(deadline); {
		time.Sleep(100 * time.Millisecond)
	}
	return code
}

// ports are those that Port has given in this process; each is given once.
var ports struct {
	sync.Mutex
	last int
}

// Port returns a port of 127.0.0.1 on which nobody listens, which no other test of this
// process gets, and which the system gives to no connection meanwhile (Linux gives those
// from 32768).
func Port(t testing.TB) int {
	t.Helper()
	const first, many = 15_000, 15_000
	ports.Lock()
	defer ports.Unlock()
	if ports.last == 0 {
		ports.last = first + rand.IntN(many) // other packages are at their tests, too
	}
	for range many {
		ports.last = first + (ports.last-first+1)%many
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", ports.last))
		if err == nil {
			l.Close()
			return ports.last
		}
		if !errors.Is(err, syscall.EADDRINUSE) {
			t.Fatal(err)
		}
	}
	t.Fatal("no port is free")
	return 0
}

// Address is Port as host:port.
func Address(t testing.TB) string {
	t.Helper()
	return fmt.Sprintf("127.0.0.1:%d", Port(t))
}
