// Package jobstest gives tests a Redis of their own.
package jobstest

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/url"
	"os"
	"sync"
	"testing"
	"time"

	"regulars/internal/patiently"
	"regulars/jobs"
)

// kept is how long the database of a test that was killed stays taken. Whoever is at
// work says so more often.
const kept = 3 * time.Minute

// Redis returns the address of a database of the test's own on the Redis at
// TEST_REDIS_URL or on localhost's standard port, empty before and after; "" where there
// is none. It waits while other tests, also of other packages and checkouts, have all
// of them.
func Redis(t testing.TB) string {
	t.Helper()
	where := os.Getenv("TEST_REDIS_URL")
	if where == "" {
		where = "redis://127.0.0.1:6379"
	}
	locks := Connect(t, where)
	ctx := context.Background()
	if locks.Ping(ctx).Err() != nil {
		return ""
	}
	u, err := url.Parse(where)
	if err != nil {
		t.Fatal("TEST_REDIS_URL cannot be read")
	}
	lock, mine := "", rand.Text()
	patiently.Until(t, "a database of the Redis for tests that no other test has", func() bool {
		for n := 1; n < 16; n++ {
			lock = fmt.Sprintf("regulars:test:db:%d", n)
			if ok, err := locks.SetNX(ctx, lock, mine, kept).Result(); err == nil && ok {
				u.Path = fmt.Sprint("/", n)
				return true
			}
		}
		return false
	})
	over := make(chan struct{})
	var keeping sync.WaitGroup
	keeping.Go(func() {
		tick := time.NewTicker(kept / 10)
		defer tick.Stop()
		for {
			select {
			case <-over:
				return
			case <-tick.C:
				locks.Expire(ctx, lock, kept) // should that fail, the next does
			}
		}
	})
	own := Connect(t, u.String())
	empty := func() {
		if err := own.FlushDB(ctx).Err(); err != nil {
			t.Error(err)
		}
	}
	empty()
	t.Cleanup(func() {
		empty()
		close(over)
		keeping.Wait()
		if locks.Get(ctx, lock).Val() == mine {
			locks.Del(ctx, lock)
		}
	})
	return u.String()
}

// Connect opens a Redis that closes with the test.
func Connect(t testing.TB, address string) jobs.Redis {
	t.Helper()
	r, err := jobs.Connect(address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}
