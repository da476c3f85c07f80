package main

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"regulars/internal/embedded"
	"regulars/internal/patiently"
	"regulars/jobs/jobstest"
)

// hookKey signs the deliveries of these tests.
var hookKey = []byte("a-key-that-only-tests-sign-with!")

// replicas starts n replicas of serve over one Postgres, one Redis and one sink,
// with a program in force, and returns where they answer.
func replicas(t *testing.T, n int, program map[string]string) (shop, []string, *embedded.Sink) {
	t.Helper()
	sink, err := embedded.NewSink(embedded.SinkOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { sink.Close() })
	s := shop{t: t, env: []string{
		"DATABASE_URL=" + fewConnections(t), "REDIS_URL=" + ownRedis(t), "SMTP_URL=smtp://" + sink.Addr() + "?tls=off",
		"BASE_URL=https://mail.shop.example", "SECRET_KEY=" + rand.Text() + rand.Text(), "LOG_LEVEL=error",
		"HOOK_SECRET_STANDARD=whsec_" + base64.StdEncoding.EncodeToString(hookKey),
	}}
	s.must("migrate")
	s.must("apply", directory(t, program))
	var addresses []string
	for range n {
		addresses = append(addresses, s.serve())
	}
	return s, addresses, sink
}

// directory writes a program to a folder of the test's own.
func directory(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// ownRedis is the Redis of the machine in a database of the test's own, or one in the
// process where there is none.
func ownRedis(t *testing.T) string {
	t.Helper()
	t.Helper()
	if address := jobstest.Redis(t); address != "" {
		return address
	}
	if os.Getenv("CI") == "true" {
		t.Fatal("no Redis at TEST_REDIS_URL or on localhost:6379")
	}
	inside, err := embedded.StartRedis(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(inside.Close)
	return "redis://" + inside.Addr()
}

// serve runs a replica until the test ends, and returns where it answers.
func (s shop) serve(flags ...string) string {
	s.t.Helper()
	address := patiently.Address(s.t)
	ctx, stop := context.WithCancel(context.Background())
	var out, errs bytes.Buffer
	code, done := 0, make(chan struct{})
	go func() {
		defer close(done)
		code = run(ctx, append([]string{"serve", "--listen", address}, flags...), surroundings{out: &out, err: &errs, env: s.env, timing: patiently.AtMost})
	}()
	s.t.Cleanup(func() {
		stop()
		if <-done; code != 0 {
			s.t.Errorf("serve ended with exit %d: %s", code, errs.String())
		}
	})
	patiently.UntilRight(s.t, func() string {
		select {
		case <-done:
			s.t.Fatalf("serve ended by itself: %s", errs.String())
		default:
		}
		return answers("http://" + address + "/readyz")
	})
	return address
}

func TestAWorkerAnswersThePlatformAlone(t *testing.T) {
	t.Parallel()
	s := shop{t: t, env: []string{"DATABASE_URL=sqlite:" + filepath.Join(t.TempDir(), "shop.db")}}
	address := s.serve("--roles", "worker")
	for path, want := range map[string]int{"/healthz": 200, "/readyz": 200, "/metrics": 200, "/status": 404, "/inbox/": 404, "/v1/openapi.json": 404} {
		answer, err := http.Get("http://" + address + path)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode != want {
			t.Errorf("GET %s of a worker: %d, want %d", path, answer.StatusCode, want)
		}
	}
}

// deliver posts a signed delivery and returns the status and the body.
func deliver(address, id string, body []byte) (int, string, error) {
	at := fmt.Sprint(time.Now().Unix())
	mac := hmac.New(sha256.New, hookKey)
	fmt.Fprintf(mac, "%s.%s.%s", id, at, body)
	q, err := http.NewRequest(http.MethodPost, "http://"+address+"/hooks/standard", bytes.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	q.Header.Set("Content-Type", "application/json")
	q.Header.Set("webhook-id", id)
	q.Header.Set("webhook-timestamp", at)
	q.Header.Set("webhook-signature", "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	answer, err := http.DefaultClient.Do(q)
	if err != nil {
		return 0, "", err
	}
	defer answer.Body.Close()
	var b bytes.Buffer
	_, err = b.ReadFrom(answer.Body)
	return answer.StatusCode, b.String(), err
}

// order is the delivery of one paid order of a member.
func order(member string, n int) []byte {
	b, err := json.Marshal(map[string]any{
		"type": "order.placed", "id": fmt.Sprintf("evt-%s-%d", member, n), "at": time.Now().UTC().Format(time.RFC3339Nano),
		"member": map[string]any{"id": member}, "order": map[string]any{"id": fmt.Sprintf("%s-%d", member, n), "total": "10.00", "currency": "EUR"},
	})
	if err != nil {
		panic(err)
	}
	return b
}

// joined is the delivery of a member who joins.
func joined(member string) []byte {
	b, err := json.Marshal(map[string]any{
		"type": "member.joined", "id": "evt-" + member, "at": time.Now().UTC().Format(time.RFC3339Nano),
		"member": map[string]any{"id": member, "email": strings.ToLower(member) + "@example.test", "joined": true},
	})
	if err != nil {
		panic(err)
	}
	return b
}

// accepted delivers, again where the answer is to do so, as senders of webhooks do,
// and fails the test unless it is stored or known in the end.
func accepted(t *testing.T, address, id string, body []byte) {
	t.Helper()
	status, said, err := deliver(address, id, body)
	for end := time.Now().Add(patiently.AtMost); err == nil && status == http.StatusServiceUnavailable && time.Now().Before(end); {
		time.Sleep(time.Second) // sooner than its Retry-After asks
		status, said, err = deliver(address, id, body)
	}
	if err != nil || status != http.StatusAccepted {
		t.Errorf("delivery %s: %d %s %v, want 202", id, status, said, err)
	}
}

var milestoneShop = map[string]string{
	"program.yaml": `
shop:      {name: Corner Shop, url: https://shop.example, address: "Corner Street 1, 00100 Helsinki"}
mail:      {from: "Corner Shop <hello@shop.example>", alerts: hello@shop.example}
languages: [en]
currency:  EUR
zone:      Europe/Helsinki
`,
	"campaigns/fifth/campaign.yaml": `
live: true
start: {milestone: orders, at: [5]}
quiet: off
steps:
  - mail: thanks
`,
	"campaigns/fifth/thanks.en.md": "---\nsubject: Your fifth order\n---\nThank you for coming back.\n",
}

func TestAFifthOrderIsThankedForOnce(t *testing.T) {
	t.Parallel()
	_, at, sink := replicas(t, 2, milestoneShop)
	accepted(t, at[0], "j", joined("M-1"))
	for n := range 4 {
		accepted(t, at[n%2], fmt.Sprint("o", n), order("M-1", n))
	}
	if got := sink.Count(); got != 0 {
		t.Fatalf("%d mails before the fifth order", got)
	}
	fifth := order("M-1", 5)
	var all sync.WaitGroup
	for i := range 50 { // the sender is impatient and delivers the same again and again
		all.Go(func() { accepted(t, at[i%2], "same", fifth) })
	}
	all.Wait()
	began := time.Now()
	wait(t, sink, 1)
	t.Logf("the mail came %s after the last answer", time.Since(began).Round(time.Millisecond))
	settled(t, sink, 1)
}

func TestOrdersAtOnceMakeOneFifthOrderEach(t *testing.T) {
	t.Parallel()
	s, at, sink := replicas(t, 2, milestoneShop)
	const members = 200
	inParallel(members, func(m int) { accepted(t, at[m%2], fmt.Sprint("j", m), joined(fmt.Sprint("M-", m))) })
	var all sync.WaitGroup
	slots := make(chan bool, 40)
	for m := range members {
		for n := range 5 {
			slots <- true
			all.Go(func() {
				defer func() { <-slots }()
				accepted(t, at[n%2], fmt.Sprint("o", m, "-", n), order(fmt.Sprint("M-", m), n))
			})
		}
	}
	all.Wait()
	settled(t, sink, members)
	for m := range members {
		if got := len(sink.ByRecipient(fmt.Sprintf("m-%d@example.test", m))); got != 1 {
			t.Errorf("member %d got %d mails, want one", m, got)
		}
	}
	s.must("doctor")
}

// settled waits until the sink has n mails and the replicas have had time for
// one too many.
func settled(t *testing.T, sink *embedded.Sink, n int64) {
	t.Helper()
	wait(t, sink, n)
	time.Sleep(1500 * time.Millisecond) // longer than the watch takes to find what is left
	if got := sink.Count(); got != n {
		t.Errorf("%d mails came, want %d", got, n)
	}
	for _, m := range sink.Mails() {
		if len(m.Faults) > 0 {
			t.Errorf("a strict relay would refuse the mail to %v: %v", m.To, m.Faults)
		}
	}
}

func inParallel(n int, f func(int)) {
	var all sync.WaitGroup
	slots := make(chan bool, 20)
	for i := range n {
		slots <- true
		all.Go(func() { defer func() { <-slots }(); f(i) })
	}
	all.Wait()
}
