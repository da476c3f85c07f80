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
	"sync/atomic"
	"testing"
	"time"

	"regulars/internal/patiently"
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
	var seen atomic.Bool // what others do meanwhile
	defer seen.Store(true)
	for n := range 30 {
		deliveries.Go(func() { // its lock never ends, each delivery does, and comes again
			for again := true; again; again = !seen.Load() {
				if code, text := order("M-00000", n); code != http.StatusServiceUnavailable || strings.HasPrefix(text, " ") {
					t.Errorf("delivery %d of the locked member: %d %s, want 503 with Retry-After", n, code, text)
					return
				}
			}
		})
	}
	time.Sleep(500 * time.Millisecond) // they wait
	quick := func(what string, f func() (int, error)) {
		patiently.UntilRight(t, func() string {
			if code, err := f(); err != nil || code >= 300 {
				return fmt.Sprintf("%s while another member is locked: %d, %v", what, code, err)
			}
			return ""
		})
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
	seen.Store(true)
	deliveries.Wait()
	release()
	for n := range 30 {
		patiently.UntilRight(t, func() string {
			if code, text := order("M-00000", n); code != http.StatusAccepted {
				return fmt.Sprintf("delivery %d, again: %d %s", n, code, text)
			}
			return ""
		})
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
		if got := s.run("status"); got.code != 1 || !strings.Contains(got.out+got.err, says) { // it would wait for ever
			t.Errorf("status with %s locked: exit %d\n%s%s", table, got.code, got.out, got.err)
		}
		release()
	}
	for table, args := range map[string][]string{"members": {"member", "find", "ana"}, "runs": {"runs", "list"}, "facts": {"segment", "count", "orders >= 1"}} {
		release := s.locked("lock table " + table + " in access exclusive mode")
		if got := s.run(args...); got.code != 1 || !strings.Contains(got.err, "somebody else holds a lock") || strings.Contains(got.err, "select") { // it would wait for ever
			t.Errorf("%v with %s locked: exit %d\n%s", args, table, got.code, got.err)
		}
		release()
	}
}
