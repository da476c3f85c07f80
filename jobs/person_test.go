package jobs_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"regulars/internal/intake"
	"regulars/internal/patiently"
	"regulars/internal/person"
	"regulars/internal/store"
	"regulars/jobs"
)

// heard is a log that a test reads.
type heard struct {
	sync.Mutex
	bytes.Buffer
}

func (h *heard) Write(p []byte) (int, error) {
	h.Lock()
	defer h.Unlock()
	return h.Buffer.Write(p)
}

func (h *heard) text() string {
	h.Lock()
	defer h.Unlock()
	return h.String()
}

// Neither Redis nor the log ever says who somebody is; erasing beside a worker that mails
// them holds nothing up.
func TestRedisAndTheLogNameNobody(t *testing.T) {
	onEach(t, func(t *testing.T, s *shop, redis string) {
		log := &heard{}
		s.db.LogTo(slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})))
		s.hinting(redis)
		s.work(redis, func(w *jobs.Worker) {
			w.Log = slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
		})
		s.join(4)
		drop := s.enqueue(jobs.Order{Kind: "drop", Values: values{"campaign": "drop"}})
		for n := range 2 { // while their mails go out
			s.do(func(tx *store.Tx) error {
				id, err := intake.Find(tx, fmt.Sprintf("m-%d", n+1))
				if err == nil {
					_, err = person.Erase(tx, id, "anna")
				}
				return err
			})
			person.Shred(context.Background(), s.db)
		}
		s.ended(drop, "done")
		patiently.Until(t, "all mails to come to their end", func() bool {
			return s.counted("select 'open' as what, count(*) as n from sends where state in ('queued', 'claimed', 'handing', 'deferred')") == "0 open"
		})
		if got := s.counted("select 'unknown' as what, count(*) as n from sends where state in ('unknown', 'failed')"); got != "0 unknown" {
			t.Errorf("%s: %s", got, s.ledger())
		}
		for key, text := range contents(t, asking(t, redis)) {
			if strings.Contains(key+text, "example.test") || strings.Contains(key+text, "m-1") {
				t.Errorf("Redis says who: %s %s", key, text)
			}
		}
		if strings.Contains(log.text(), "example.test") {
			t.Errorf("the log says who: %s", log.text())
		}
	})
}

// contents is all that a Redis holds.
func contents(t *testing.T, r jobs.Redis) map[string]string {
	t.Helper()
	ctx := context.Background()
	keys, err := r.Keys(ctx, "*").Result()
	if err != nil || len(keys) == 0 {
		t.Fatalf("keys of Redis: %v, %v", keys, err)
	}
	all := map[string]string{}
	for _, key := range keys {
		kind, err := r.Type(ctx, key).Result()
		if err != nil {
			t.Fatal(err)
		}
		switch kind {
		case "string":
			all[key] = r.Get(ctx, key).String()
		case "hash":
			all[key] = r.HGetAll(ctx, key).String()
		case "list":
			all[key] = r.LRange(ctx, key, 0, -1).String()
		case "set":
			all[key] = r.SMembers(ctx, key).String()
		case "zset":
			all[key] = r.ZRange(ctx, key, 0, -1).String()
		}
	}
	return all
}
