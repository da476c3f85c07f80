package main

import (
	"encoding/json"
	"strings"
	"testing"

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
	where := storetest.Where(t)
	for _, engine := range []string{store.SQLite, store.Postgres} {
		for _, group := range []string{"stop", "kill,kill-often,flush,storm", "term,redis,cut,slow", "postgres"} {
			t.Run(engine+" "+group, func(t *testing.T) {
				t.Parallel()
				s := shop{t: t, env: []string{"TEST_DATABASE_URL=" + where, "PATH=/usr/bin:/bin:/usr/sbin:/sbin"}, binary: built(t)}
				got := s.run("bench", "faults", "--engine", engine, "--only", group, "--mails", "600", "--for", "12s", "--json")
				var trials []bench.Trial
				if err := json.Unmarshal([]byte(got.out), &trials); err != nil {
					t.Fatalf("exit %d: %v\n%s%s", got.code, err, got.out, got.err)
				}
				for _, x := range trials {
					if x.Mails == 0 {
						t.Logf("%s: left out", x.Fault)
						continue
					}
					for _, wrong := range x.Wrong {
						if !strings.Contains(wrong, "without an answer") { // how many those are is for the benchmark itself, on a machine of its own
							t.Errorf("%s: %s", x.Fault, wrong)
						}
					}
					t.Logf("%s: %d times, %d of %d mails sent, %d unknown", x.Fault, x.Times, x.Sent, x.Mails, x.Unknown)
				}
			})
		}
	}
}
