package main

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"regulars/internal/embedded"
	"regulars/internal/patiently"
)

// claimAnswer is what a till reads of an answer.
type claimAnswer struct {
	Status int
	ID     int64  `json:"id"`
	Reason string `json:"reason"`
}

// By force: 64 tills ask two processes at once for one balance, and one
// of the processes is killed meanwhile. Exactly what the balance affords is given, each
// key has one answer wherever it is asked again, and doctor finds nothing.
func TestClaimsOfTwoReplicasOneOfWhichIsKilled(t *testing.T) {
	t.Parallel()
	unraced(t)
	if testing.Short() {
		t.Skip("builds the binary")
	}
	sink, err := embedded.NewSink(embedded.SinkOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { sink.Close() })
	s := shop{t: t, env: []string{"SMTP_URL=smtp://" + sink.Addr() + "?tls=off", "DATABASE_URL=" + fewConnections(t), "REDIS_URL=" + ownRedis(t), "BASE_URL=https://mail.shop.example",
		"SECRET_KEY=" + rand.Text() + rand.Text(), "LOG_LEVEL=error"}}
	s.must("migrate")
	s.must("apply", directory(t, loyalShop))
	s.must("import", "members", csvFile(t, "members.csv", "member,joined_at\nM-1,2026-01-01\n"))
	s.must("points", "give", "M-1", "2050", "--because", "for the test")
	token := strings.TrimSpace(s.must("token", "create", "till", "--scope", "redeem"))
	var replicas []*exec.Cmd
	var at []string
	for range 2 {
		p, address := s.process()
		replicas, at = append(replicas, p), append(at, address)
	}

	ask := func(address, key string) (a claimAnswer, err error) {
		q, err := http.NewRequest(http.MethodPost, "http://"+address+"/v1/rewards/latte/claim", strings.NewReader(fmt.Sprintf(`{"member": "M-1", "key": %q}`, key)))
		if err != nil {
			return a, err
		}
		q.Header.Set("Authorization", "Bearer "+token)
		q.Header.Set("Content-Type", "application/json")
		answer, err := http.DefaultClient.Do(q)
		if err != nil {
			return a, err
		}
		defer answer.Body.Close()
		var b bytes.Buffer
		if _, err := b.ReadFrom(answer.Body); err != nil {
			return a, err
		}
		a.Status = answer.StatusCode
		return a, json.Unmarshal(b.Bytes(), &a)
	}
	// settled asks until there is an answer: first one process, then the other.
	settled := func(first int, key string) claimAnswer {
		for try, end := first, time.Now().Add(patiently.AtMost); time.Now().Before(end); try++ {
			a, err := ask(at[try%2], key)
			if err == nil && (a.Status == http.StatusCreated || a.Status == http.StatusOK || a.Status == http.StatusConflict) {
				return a
			}
			if err == nil && a.Status != http.StatusServiceUnavailable {
				t.Errorf("key %s: %+v", key, a)
				return a
			}
			time.Sleep(50 * time.Millisecond)
		}
		t.Errorf("key %s has no answer", key)
		return claimAnswer{}
	}

	const tills = 64
	answers := make([]claimAnswer, tills)
	var given atomic.Int64
	var kill sync.Once
	var all sync.WaitGroup
	for i := range tills {
		all.Go(func() {
			answers[i] = settled(i, fmt.Sprint("key-", i))
			if answers[i].ID != 0 && given.Add(1) == 5 {
				kill.Do(func() { _ = replicas[0].Process.Kill() })
			}
		})
	}
	all.Wait()
	_ = replicas[0].Wait() // killed: its status says nothing
	claims := map[int64]bool{}
	for i, a := range answers {
		if a.ID != 0 {
			claims[a.ID] = true
		} else if a.Reason != "not_enough" {
			t.Errorf("key %d is refused for %q", i, a.Reason)
		}
		if again := settled(1, fmt.Sprint("key-", i)); again.ID != a.ID || again.Reason != a.Reason {
			t.Errorf("key %d again: %+v, was %+v", i, again, a)
		}
	}
	t.Run("C3 two processes give what one balance affords", func(t *testing.T) {
		if len(claims) != 20 || given.Load() != 20 {
			t.Errorf("%d claims for %d keys, want 20 for 2050 points at 100", len(claims), given.Load())
		}
	})
	if got := read[saidPoints](s, "member", "points", "M-1"); got.Balance != 50 {
		t.Errorf("%d points are left, want 50", got.Balance)
	}
	s.must("doctor", "--deep")
}

// answers says why nobody answers at an address; "": somebody does.
func answers(url string) (wrong string) {
	answer, err := http.Get(url)
	if err != nil {
		return err.Error()
	}
	answer.Body.Close()
	return ""
}

// process runs a replica as a process of its own, and returns where it answers.
func (s shop) process() (*exec.Cmd, string) {
	s.t.Helper()
	address := patiently.Address(s.t)
	p := exec.Command(built(s.t), "serve", "--listen", address)
	p.Env, p.Dir, p.Stderr = s.env, s.t.TempDir(), os.Stderr
	if err := p.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = p.Process.Kill(); _ = p.Wait() })
	patiently.UntilRight(s.t, func() string { return answers("http://" + address + "/healthz") })
	return p, address
}
