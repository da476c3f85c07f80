package jobs_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"regulars/internal/delivery"
	"regulars/internal/loyalty"
	"regulars/internal/patiently"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
	"regulars/jobs"
)

// Each domain has its own rate, which all replicas keep together, with Redis and without.
func TestEachDomainHasARateOfItsOwn(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		server, shared := inside(t)
		limits := map[string]loyalty.Rate{"gmail.example": {N: 200, Per: time.Second}, "gmx.example": {N: 50, Per: time.Second}}
		here(t, db, 2)
		replicas := []*jobs.DomainRates{jobs.NewDomainRates(db).Patiently(), jobs.NewDomainRates(db).Patiently()}
		for _, r := range replicas {
			r.Through(shared)
		}
		ask := func(what string) {
			t.Helper()
			var mu sync.Mutex
			var all sync.WaitGroup
			got := map[string]int{}
			began := time.Now()
			asked := func(domain string, n int) (enough bool) {
				mu.Lock()
				defer mu.Unlock()
				got[domain] += n
				return time.Since(began) > time.Second && got[domain] > 0 || time.Since(began) > patiently.AtMost
			}
			for domain, limit := range limits {
				for _, r := range replicas {
					all.Go(func() {
						for {
							n, waits := r.TakeFor(context.Background(), delivery.Bulk, domain, limit, 20, false)
							if n+len(waits) != 20 {
								t.Errorf("%d of 20 go and %d wait", n, len(waits))
								return
							}
							if asked(domain, n) {
								return
							}
							if len(waits) > 0 {
								time.Sleep(min(waits[0], 20*time.Millisecond))
							}
						}
					})
				}
			}
			all.Wait()
			took := time.Since(began)
			for domain, limit := range limits {
				if got[domain] == 0 || got[domain] > most(limit, took) {
					t.Errorf("%s: %d mails to %s in %s, want at most %d, and some", what, got[domain], domain, took, most(limit, took))
				}
			}
		}
		ask("with Redis")
		patiently.UntilRight(t, func() string {
			for domain, limit := range limits { // more than may go at once: some wait
				replicas[0].TakeFor(context.Background(), delivery.Bulk, domain, limit, int(limit.N), false)
			}
			if limits, up := replicas[0].Used(); limits != "200 per second to gmail.example, 50 per second to gmx.example" || !up {
				return fmt.Sprintf("Used() = %q, %t", limits, up)
			}
			return ""
		})
		server.Close()
		ask("without Redis")
	})
}

// Mails that come for the first time stand behind those that wait, so that they do not
// all come back at one moment.
func TestMailsThatWaitForADomainStandInLine(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		r := jobs.NewDomainRates(db).Patiently()
		limit := loyalty.Rate{N: 24, Per: 24 * time.Hour} // one an hour, in which the test has long ended
		take := func(n int, behind bool) []time.Duration {
			_, waits := r.TakeFor(context.Background(), delivery.Bulk, "gmail.example", limit, n, behind)
			return waits
		}
		if waits := take(11, true); len(waits) != 10 || waits[9]-waits[0] != 9*time.Hour {
			t.Errorf("the first eleven wait for %v, want one to go and each of the others an hour longer", waits)
		}
		if waits := take(1, true); len(waits) != 1 || waits[0] < 10*time.Hour {
			t.Errorf("who comes next waits for %v, want more than ten hours", waits)
		}
		if waits := take(1, false); len(waits) != 1 || waits[0] > 2*time.Hour {
			t.Errorf("who has waited asks again in %v, want an hour", waits)
		}
	})
}

// What is given back goes to others.
func TestLeaveThatIsGivenBackGoesToOthers(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		_, shared := inside(t)
		for _, with := range []bool{true, false} {
			r := jobs.NewRate(loyalty.Rate{N: 24, Per: 24 * time.Hour}, db).Patiently()
			if with {
				r.Through(shared)
			}
			for _, want := range []int{1, 0} {
				if n, _, err := r.Take(context.Background(), delivery.Bulk, 1); n != want || err != nil {
					t.Errorf("with Redis %t: Take() = %d, %v, want %d", with, n, err, want)
				}
			}
			r.Return(context.Background(), delivery.Bulk, 1)
			if n, _, err := r.Take(context.Background(), delivery.Bulk, 1); n != 1 || err != nil {
				t.Errorf("with Redis %t: Take() after Return() = %d, %v, want 1", with, n, err)
			}
		}
	})
}
