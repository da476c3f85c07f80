package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"regulars/internal/store"
)

// locked holds what a statement locks until the function that it returns is called.
func (s shop) locked(statement string) (release func()) {
	s.t.Helper()
	held, end, done := make(chan error, 1), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		err := s.tx(func(tx *store.Tx) error {
			if _, err := tx.Exec(statement, nil); err != nil {
				return err
			}
			held <- nil
			<-end
			return nil
		})
		if err != nil {
			held <- err
		}
	}()
	if err := <-held; err != nil {
		s.t.Fatal(err)
	}
	return sync.OnceFunc(func() { close(end); <-done })
}

var unsubscribeLink = regexp.MustCompile(`(?m)^List-Unsubscribe:\s+<https://mail\.shop\.example(/u/[^>]+)>`)

// Fault 35: a member whose row is locked holds up nobody else, and loses nothing.
func TestALockedMemberHoldsUpNobodyElse(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("waits for locks")
	}
	s, at, sink := replicas(t, 1, quietShop)
	s.must("import", "members", manyMembers(t, 3), "--consent", "offers,newsletter", "--consent-source", "test", "--consent-at", "2026-01-01")
	token := strings.TrimSpace(s.must("token", "create", "till", "--scope", "write"))
	order := func(member string, n int) (int, string) {
		body, _ := json.Marshal(map[string]any{"type": "order.placed", "id": fmt.Sprintf("%s-%d", member, n), "at": time.Now().UTC().Format(time.RFC3339),
			"member": map[string]any{"id": member}, "order": map[string]any{"id": fmt.Sprintf("O-%s-%d", member, n), "status": "paid", "total": "10.00"}})
		r, _ := http.NewRequest("POST", "http://"+at[0]+"/v1/events", bytes.NewReader(body))
		r.Header.Set("Authorization", "Bearer "+token)
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		text, _ := io.ReadAll(answer.Body)
		return answer.StatusCode, answer.Header.Get("Retry-After") + " " + string(text)
	}
	s.must("campaign", "launch", "letter", "about=spring", "--yes")
	wait(t, sink, 3)
	link := unsubscribeLink.FindStringSubmatch(strings.ReplaceAll(string(sink.ByRecipient("m-00001@example.test")[0].Source), "\r\n", "\n"))
	if link == nil {
		t.Fatalf("no link in %s", sink.Mails()[0].Source)
	}

	release := s.locked("update members set changed_at = changed_at where external_id = 'M-00000'")
	defer release()
	var deliveries sync.WaitGroup
	var mu sync.Mutex
	again := []int{}
	for n := range 30 {
		deliveries.Go(func() {
			began := time.Now()
			code, text := order("M-00000", n)
			if took := time.Since(began); took > 30*time.Second { // it would wait for ever
				t.Errorf("delivery %d of the locked member: %d after %s", n, code, took)
			}
			switch {
			case code == http.StatusServiceUnavailable && !strings.HasPrefix(text, " "):
				mu.Lock()
				defer mu.Unlock()
				again = append(again, n)
			case code != http.StatusAccepted:
				t.Errorf("delivery %d of the locked member: %d %s, want 202 or 503 with Retry-After", n, code, text)
			}
		})
	}
	time.Sleep(500 * time.Millisecond) // they wait
	quick := func(what string, f func() (int, error)) {
		began := time.Now()
		code, err := f()
		if took := time.Since(began); err != nil || code >= 300 || took > 20*time.Second { // it would wait for ever
			t.Errorf("%s while another member is locked: %d, %v after %s", what, code, err, took)
		}
	}
	quick("one click", func() (int, error) {
		answer, err := http.PostForm("http://"+at[0]+link[1], url.Values{"List-Unsubscribe": {"One-Click"}})
		if err != nil {
			return 0, err
		}
		answer.Body.Close()
		return answer.StatusCode, nil
	})
	quick("readiness", func() (int, error) {
		answer, err := http.Get("http://" + at[0] + "/readyz")
		if err != nil {
			return 0, err
		}
		answer.Body.Close()
		return answer.StatusCode, nil
	})
	quick("another member's order", func() (int, error) { code, _ := order("M-00002", 1); return code, nil })
	deliveries.Wait()
	if len(again) != 30 {
		t.Errorf("%d of 30 deliveries are to come again, want all: the lock held", len(again))
	}
	release()
	for _, n := range again {
		if code, text := order("M-00000", n); code != http.StatusAccepted {
			t.Errorf("delivery %d, again: %d %s", n, code, text)
		}
	}
	if got := s.must("segment", "members", "orders == 30"); strings.TrimSpace(got) != "M-00000" {
		t.Errorf("with thirty orders: %q, want M-00000: nothing is lost", got)
	}
}

// Fault 52: status and other readers do not hang on a table that somebody has locked.
func TestALockedTableHangsNobody(t *testing.T) {
	t.Parallel()
	s := shop{t: t, env: []string{"DATABASE_URL=" + fewConnections(t)}}
	s.must("migrate")
	for table, says := range map[string]string{"members": "cannot be asked for the members", "holds": "cannot be asked for what is held", "settings": "lock"} {
		release := s.locked("lock table " + table + " in access exclusive mode")
		began := time.Now()
		got := s.run("status")
		if took := time.Since(began); got.code != 1 || took > 25*time.Second || !strings.Contains(got.out+got.err, says) {
			t.Errorf("status with %s locked: exit %d after %s\n%s%s", table, got.code, took, got.out, got.err)
		}
		release()
	}
	for table, args := range map[string][]string{"members": {"member", "find", "ana"}, "runs": {"runs", "list"}, "facts": {"segment", "count", "orders >= 1"}} {
		release := s.locked("lock table " + table + " in access exclusive mode")
		began := time.Now()
		if got := s.run(args...); got.code != 1 || time.Since(began) > 25*time.Second || !strings.Contains(got.err, "somebody else holds a lock") || strings.Contains(got.err, "select") {
			t.Errorf("%v with %s locked: exit %d after %s\n%s", args, table, got.code, time.Since(began), got.err)
		}
		release()
	}
}
