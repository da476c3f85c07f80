package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"regulars/internal/embedded"
	"regulars/internal/patiently"
	"regulars/internal/report"
	"regulars/jobs"
)

var quietShop = map[string]string{
	"program.yaml": milestoneShop["program.yaml"],
	"segments.yaml": `
quiet-ones: joined and orders == 0
`,
	"pools.yaml": `
back: {kind: generated, pattern: BACK-####-####, percent: 15, valid_for: 14d, checkout: asks_us}
`,
	"campaigns/win-back/campaign.yaml": `
live: true
start: {enters: quiet-ones, existing: all}
quiet: off
steps:
  - mail: 1-back
    coupon: back
`,
	"campaigns/win-back/1-back.en.md": "---\nsubject: We miss you\n---\nCome back:\n\n{{ coupon.code }}\n",
	"campaigns/letter/campaign.yaml": `
live: true
start: {launch: {about: text}}
quiet: off
topic: newsletter
class: offer
steps:
  - mail: letter
    coupon: back
`,
	"campaigns/letter/letter.en.md": "---\nsubject: News of {{ launch.about }}\n---\nHere is the news.\n\n{{ coupon.code }}\n",
}

// TestKilledInTheMiddle kills a replica with SIGKILL in the middle of two
// thousand single mails and of a run, flushes its Redis, and starts it again:
// what it had in hand is taken up at once, nobody gets a mail twice, and the ledger
// accounts for everybody.
func TestKilledInTheMiddle(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("builds the binary and sends thousands of mails")
	}
	eachShop(t, func(t *testing.T, s shop) {
		const members = 1000
		sink, err := embedded.NewSink(embedded.SinkOptions{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { sink.Close() })
		redis := ownRedis(t)
		s.env = append(s.env, "SMTP_URL=smtp://"+sink.Addr()+"?tls=off", "BASE_URL=https://mail.shop.example",
			"SECRET_KEY="+rand.Text()+rand.Text(), "REDIS_URL="+redis, "LISTEN=127.0.0.1:0", "LOG_LEVEL=error",
			"HOME="+t.TempDir()) // where the wire log is on Postgres; on SQLite it is beside the file
		s.must("import", "members", manyMembers(t, members), "--consent", "offers,newsletter", "--consent-source", "test", "--consent-at", "2026-01-01")
		s.must("apply", directory(t, quietShop))
		s.must("campaign", "launch", "letter", "about=spring", "--yes")

		for _, mails := range []int64{200, 900} {
			p := s.start()
			wait(t, sink, mails)
			if err := p.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			_ = p.Wait() // killed: its status says nothing
			flush(t, redis)
		}
		// It would wait in vain for leases of its own: they last for an hour.
		s.sql("update chunks set lease_until = "+s.hours(1)+" where lease_until is not null",
			"update due set retry_at = "+s.hours(1)+" where retry_at is not null and exists (select 1 from sends s where s.id = due.send_id and s.state in ('claimed', 'handing'))")
		p := s.start()
		s.finished(2 * members)
		patiently.UntilRight(t, func() string { // what came after the mails is done, too
			if got := s.run("doctor"); got.code != 0 {
				return got.out
			}
			return ""
		})
		if err := p.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		if err := p.Wait(); err != nil {
			t.Errorf("the last replica did not stop in order: %v", err)
		}
		s.account(sink, 2*members)
	})
}

// manyMembers writes a file of members with addresses.
func manyMembers(t *testing.T, n int) string {
	t.Helper()
	var b strings.Builder
	b.WriteString("member,email,first_name,joined_at\n")
	for i := range n {
		fmt.Fprintf(&b, "M-%05d,m-%05d@example.test,Ana,2026-01-01\n", i, i)
	}
	file := filepath.Join(t.TempDir(), "members.csv")
	if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

// start runs a worker as a process of its own.
func (s shop) start() *exec.Cmd {
	s.t.Helper()
	p := exec.Command(built(s.t), "serve")
	p.Env = s.env
	p.Dir = s.t.TempDir()
	p.Stderr = os.Stderr
	if err := p.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = p.Process.Kill() }) // it has ended where the test went well
	return p
}

func wait(t *testing.T, sink *embedded.Sink, mails int64) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patiently.AtMost)
	defer cancel()
	if err := sink.Wait(ctx, mails); err != nil {
		t.Fatalf("%d of %d mails came: %v", sink.Count(), mails, err)
	}
}

func flush(t *testing.T, address string) {
	t.Helper()
	client, err := jobs.Connect(address)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if err := client.FlushDB(context.Background()).Err(); err != nil {
		t.Fatal(err)
	}
}

// states counts the sends of the ledger by state.
func (s shop) states() map[string]int {
	s.t.Helper()
	var sends []report.Send
	if err := json.Unmarshal([]byte(s.must("sends", "list", "--limit", "100000", "--json")), &sends); err != nil {
		s.t.Fatal(err)
	}
	n := map[string]int{}
	for _, send := range sends {
		n[send.State]++
	}
	return n
}

// finished waits until all sends are there and none is pending.
func (s shop) finished(all int) {
	s.t.Helper()
	patiently.UntilRight(s.t, func() string {
		n := s.states()
		if n["sent"]+n["unknown"] == all {
			return ""
		}
		time.Sleep(time.Second) // each question costs those who are waited for their time
		return fmt.Sprint(n)
	})
}

// account holds the ledger to the sink.
func (s shop) account(sink *embedded.Sink, all int) {
	s.t.Helper()
	n := s.states()
	// Two kills, each with at most 12 connections that have a body on the wire.
	if bound := 2 * 12; n["unknown"] > bound || n["sent"]+n["unknown"] != all {
		s.t.Errorf("the ledger says %v, want %d in all and at most %d unknown", n, all, bound)
	}
	if twice := sink.Twice(); len(twice) > 0 {
		s.t.Errorf("%d mails came twice", len(twice))
	}
	came := int(sink.Count())
	if came < n["sent"] || came > n["sent"]+n["unknown"] {
		s.t.Errorf("%d mails came, the ledger says %v", came, n)
	}
	s.t.Logf("%d mails came, the ledger says %v", came, n)
	codes := map[string]bool{}
	for _, m := range sink.Mails() {
		for _, word := range strings.Fields(m.Text()) {
			if strings.HasPrefix(word, "BACK-") {
				codes[word] = true
			}
		}
	}
	if len(codes) != came {
		s.t.Errorf("%d codes in %d mails, want one each", len(codes), came)
	}
	if got := s.run("doctor"); got.code != 0 {
		s.t.Errorf("doctor: %s", got.out)
	}
}
