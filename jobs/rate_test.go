package jobs_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"regulars/internal/delivery"
	"regulars/internal/embedded"
	"regulars/internal/loyalty"
	"regulars/internal/patiently"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
	"regulars/jobs"
)

// most is how many mails may go in so long a time: those of the rate, and those that
// may go ahead of their moment.
func most(r loyalty.Rate, took time.Duration) int {
	return int(float64(r.N)*took.Seconds()/r.Per.Seconds()) + int(r.N)/2 + 1
}

// take has each of the rates asked again and again for so long by two askers, and until
// something was let go, and returns how many mails were.
func take(t *testing.T, rates []*jobs.Rate, d time.Duration) (n int, took time.Duration) {
	t.Helper()
	var mu sync.Mutex
	var askers sync.WaitGroup
	began := time.Now()
	asked := func(granted int) (enough bool) {
		mu.Lock()
		defer mu.Unlock()
		n += granted
		return time.Since(began) > d && n > 0 || time.Since(began) > patiently.AtMost
	}
	for _, r := range rates {
		for range 2 {
			askers.Go(func() {
				for {
					granted, wait, err := r.Take(context.Background(), delivery.Bulk, 50)
					if err != nil || granted < 0 || granted > 50 {
						t.Errorf("Take(50) = %d, %s, %v", granted, wait, err)
						return
					}
					if asked(granted) {
						return
					}
					time.Sleep(min(wait, 20*time.Millisecond))
				}
			})
		}
	}
	askers.Wait()
	return n, time.Since(began)
}

// inside starts a Redis in this process, which a test may close before its end, and
// connects to it.
func inside(t *testing.T) (*embedded.Redis, jobs.Redis) {
	t.Helper()
	server, err := embedded.StartRedis(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	shared, err := jobs.ConnectPatiently("redis://" + server.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { shared.Close() })
	return server, shared
}

func TestAllReplicasTogetherKeepToTheRate(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		rate := loyalty.Rate{N: 200, Per: time.Second}
		server, shared := inside(t)
		here(t, db, 2)
		rates := []*jobs.Rate{jobs.NewRate(rate, db).Patiently(), jobs.NewRate(rate, db).Patiently()}
		for _, r := range rates {
			r.Through(shared)
		}
		if n, took := take(t, rates, 2*time.Second); n > most(rate, took) || n == 0 {
			t.Errorf("%d mails were let go in %s, want at most %d, and some", n, took, most(rate, took))
		}
		useUp := func() { // more than may go at once: some wait
			if n, _, err := rates[0].Take(context.Background(), delivery.Bulk, 200); n >= 200 || err != nil {
				t.Errorf("of 200 at once %d go, %v", n, err)
			}
		}
		patiently.UntilRight(t, func() string {
			useUp()
			if limit, up := rates[0].Used(); limit != "200 per second" || !up {
				return fmt.Sprintf("Used() = %q, %t, want 200 per second that are used up", limit, up)
			}
			return ""
		})
		useUp()
		granted, _, err := rates[1].Take(context.Background(), delivery.Urgent, 1)
		if err != nil || granted != 1 {
			t.Errorf("an urgent mail beside a run that uses the rate up: %d, %v, want it to go", granted, err)
		}

		server.Close()
		if n, took := take(t, rates, 3*time.Second); n > most(rate, took) || n == 0 {
			t.Errorf("without Redis %d mails were let go in %s, want at most %d, and some", n, took, most(rate, took))
		}
	})
}

// here says that so many workers are there, and will be until the test has ended.
func here(t *testing.T, db *store.DB, n int) {
	t.Helper()
	err := db.Update(context.Background(), func(tx *store.Tx) error {
		for i := range n {
			if err := store.SayHere(tx, store.Replica{ID: fmt.Sprintf("r%d", i), Roles: "web,worker"}); err != nil {
				return err
			}
		}
		_, err := tx.Exec("update replicas set seen_at = "+tx.MachineIn(time.Hour), nil)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A mail of a slow rate goes at once, and the next when its time has come.
func TestASlowRateSaysWhenTheNextMailGoes(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		r := jobs.NewRate(loyalty.Rate{N: 24, Per: 24 * time.Hour}, db).Patiently()
		if n, _, err := r.Take(context.Background(), delivery.Bulk, 10); n != 1 || err != nil {
			t.Errorf("the first: %d, %v, want 1", n, err)
		}
		n, wait, err := r.Take(context.Background(), delivery.Bulk, 10)
		if n != 0 || wait < 50*time.Minute || wait > time.Hour || err != nil {
			t.Errorf("the next: %d, %s, %v, want none for an hour", n, wait, err)
		}
	})
}
