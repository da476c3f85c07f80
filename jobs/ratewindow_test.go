package jobs_test

import (
	"context"
	"fmt"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"regulars/internal/delivery"
	"regulars/internal/delivery/smtp"
	"regulars/internal/embedded"
	"regulars/internal/loyalty"
	"regulars/internal/store/storetest"
	"regulars/jobs"
)

// Four workers keep 100/s together, and go on doing so when Redis dies half-way: by the
// sink's time stamps no ten seconds have more than 105 % of the rate. It takes 24 s, and
// so runs only where RATE_WINDOW is set.
func TestNoTenSecondsHaveMoreThanTheRate(t *testing.T) {
	if os.Getenv("RATE_WINDOW") == "" {
		t.Skip("takes 24 s: RATE_WINDOW=1 runs it")
	}
	db := storetest.Postgres(t)
	sink, err := embedded.NewSink(embedded.SinkOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer sink.Close()
	server, err := embedded.StartRedis(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	shared, err := jobs.Connect("redis://" + server.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer shared.Close()
	o, err := smtp.ParseURL("smtp://" + sink.Addr())
	if err != nil {
		t.Fatal(err)
	}
	began, end := time.Now(), time.Now().Add(24*time.Second)
	var workers sync.WaitGroup
	for k := range 4 {
		r, relay := jobs.NewRate(loyalty.Rate{N: 100, Per: time.Second}, db), smtp.New(o)
		defer relay.Close(context.Background())
		r.Through(shared)
		workers.Go(func() {
			for n := 0; time.Now().Before(end); {
				granted, wait, _ := r.Take(context.Background(), delivery.Bulk, 20)
				for range granted {
					n++
					m := delivery.Message{From: "a@shop.example", To: fmt.Sprintf("m%d.%d@example.test", k, n), Body: []byte("Subject: Hello\r\n\r\nHello\r\n")}
					if out := relay.Hand(context.Background(), m, nil); out.Err != nil {
						t.Error(out.Err)
					}
				}
				if granted == 0 {
					time.Sleep(wait)
				}
			}
		})
	}
	for killed := false; time.Now().Before(end); time.Sleep(time.Second) {
		here(t, db, 4)
		if !killed && time.Since(began) > 12*time.Second {
			server.Close()
			killed = true
		}
	}
	workers.Wait()
	var at []time.Time
	for _, m := range sink.Mails() {
		at = append(at, m.At)
	}
	slices.SortFunc(at, time.Time.Compare)
	most := 0
	for i, j := 0, 0; j < len(at); j++ {
		for at[j].Sub(at[i]) > 10*time.Second {
			i++
		}
		most = max(most, j-i+1)
	}
	t.Logf("%d mails in 24 s, at most %d in ten seconds", len(at), most)
	if most > 1050 || len(at) < 1500 {
		t.Errorf("%d mails in 24 s, at most %d in ten seconds; want at most 1050, and nearly the rate", len(at), most)
	}
}
