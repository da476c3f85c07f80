package main

import (
	"encoding/json"
	"strings"
	"testing"

	"golang.org/x/sync/errgroup"

	"regulars/internal/bench"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
)

// A short form of the benchmark: each fault while a small run is sent. Nothing is lost
// and nothing comes twice.
func TestNoFaultLosesAMailOrSendsItTwice(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("sends thousands of mails")
	}
	s := shop{t: t, env: []string{"TEST_DATABASE_URL=" + storetest.Where(t), "PATH=/usr/bin:/bin:/usr/sbin:/sbin"}, binary: built(t)}
	var trials errgroup.Group
	trials.SetLimit(3) // of waiting, most of it, but a server has so many connections
	for _, group := range []string{"kill,kill-often,flush,storm", "term,redis,cut,slow", "stop", "postgres"} {
		for _, engine := range []string{store.Postgres, store.SQLite} {
			trials.Go(func() error { s.tryFaults(engine, group); return nil })
		}
	}
	_ = trials.Wait()
}

func (s shop) tryFaults(engine, group string) {
	got := s.run("bench", "faults", "--engine", engine, "--only", group, "--mails", "600", "--for", "12s", "--json")
	var trials []bench.Trial
	if err := json.Unmarshal([]byte(got.out), &trials); err != nil {
		s.t.Errorf("%s, %s: exit %d: %v\n%s%s", engine, group, got.code, err, got.out, got.err)
		return
	}
	for _, x := range trials {
		if x.Mails == 0 {
			s.t.Logf("%s, %s: left out", engine, x.Fault)
			continue
		}
		for _, wrong := range x.Wrong {
			if !strings.Contains(wrong, "without an answer") { // how many those are is for the benchmark itself, on a machine of its own
				s.t.Errorf("%s, %s: %s", engine, x.Fault, wrong)
			}
		}
		s.t.Logf("%s, %s: %d times, %d of %d mails sent, %d unknown", engine, x.Fault, x.Times, x.Sent, x.Mails, x.Unknown)
	}
}
