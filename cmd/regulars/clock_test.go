package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"regulars/internal/patiently"
	"regulars/internal/store"
)

// Fault 31: of two replicas one is a day ahead. Nothing of tomorrow is sent, tomorrow's
// night is not closed, and everybody is told.
func TestAReplicaADayAheadSendsNothing(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("waits for heartbeats")
	}
	each := func(t *testing.T, address string) {
		w := newWatched(t, address)
		for _, day := range []time.Duration{24 * time.Hour, -24 * time.Hour} {
			w.ahead(t, day)
		}
	}
	t.Run("sqlite", func(t *testing.T) { t.Parallel(); each(t, "sqlite:"+t.TempDir()+"/shop.db") })
	t.Run("postgres", func(t *testing.T) { t.Parallel(); each(t, fewConnections(t)) })
}

// ahead runs a replica with the right time and one whose clock is off.
func (w *watched) ahead(t *testing.T, by time.Duration) {
	t.Helper()
	w.begin()
	defer func() { w.stop() }()
	patiently.UntilRight(w.t, func() string {
		if n := w.states(); n["sent"] < 3 {
			return fmt.Sprint(n)
		}
		return ""
	})
	tomorrow := time.Now().Add(23 * time.Hour).UTC().Format(time.RFC3339)
	w.must("enqueue", "launch", "campaign=letter", "about=tomorrow", "--at", tomorrow, "--key", by.String())

	address := patiently.Address(t)
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan int, 1)
	go func() {
		done <- run(ctx, []string{"serve", "--listen", address}, surroundings{out: io.Discard, err: io.Discard, env: w.env, timing: patiently.AtMost,
			clock: func() time.Time { return time.Now().Add(by) }})
	}()
	defer func() { stop(); <-done }()

	says := "ahead of the database's: it does no work until they agree"
	if by < 0 {
		says = "behind the database's: it does no work until they agree"
	}
	patiently.UntilRight(w.t, func() string { // 15 s on a machine with nothing else to do
		if got := w.run("status"); got.code != 1 || !strings.Contains(got.out, says) || !strings.Contains(got.out, "24h0m") {
			return got.out + got.err
		}
		answer, err := http.Get("http://" + address + "/readyz")
		if err != nil {
			return err.Error()
		}
		answer.Body.Close()
		if answer.StatusCode != http.StatusServiceUnavailable {
			return "readyz of the replica that is off: " + answer.Status
		}
		if got := w.says("metrics"); !strings.Contains(got, `regulars_trouble{kind="clock"} 1`) {
			return got
		}
		if got := w.says("doctor"); !strings.Contains(got, says) {
			return got
		}
		return ""
	})
	w.stop() // the one that is off is alone now
	time.Sleep(3 * time.Second)
	if n := w.sink.Count(); n != 3 {
		t.Errorf("%d mails went out, want the three of today", n)
	}
	var late int
	today := time.Now().UTC().Unix()/86400 + 1 // at most: the shop is at +2
	err := w.tx(func(tx *store.Tx) error {
		return tx.One(&late, "select count(*) from passes where day > @today", store.Args{"today": today})
	})
	if err != nil || late > 0 && time.Now().UTC().Hour() < 21 {
		t.Errorf("%d nights of tomorrow are closed, %v", late, err)
	}
}
