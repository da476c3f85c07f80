package demo_test

import (
	"bytes"
	"context"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"regulars/internal/consent"
	"regulars/internal/delivery"
	"regulars/internal/delivery/smtp"
	"regulars/internal/demo"
	"regulars/internal/embedded"
	"regulars/internal/engine"
	"regulars/internal/intake"
	"regulars/internal/store"
	"regulars/internal/versions"
)

// play plays a shop over a real sink, as the command does.
func play(t *testing.T, days, people int) (demo.Summary, *embedded.Sink, *store.DB) {
	t.Helper()
	ctx := context.Background()
	end := time.Date(2027, 3, 3, 10, 0, 0, 0, time.UTC)
	clock := engine.NewClock(end)
	db, err := store.Open(ctx, "sqlite:"+filepath.Join(t.TempDir(), "demo.db"), store.Options{Create: true, Now: clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	if err := db.Migrate(ctx); err != nil {
		t.Fatal(err)
	}
	sink, err := embedded.NewSink(embedded.SinkOptions{Now: clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { sink.Close() })
	o, err := smtp.ParseURL("smtp://" + sink.Addr() + "?tls=off")
	if err != nil {
		t.Fatal(err)
	}
	relay := smtp.New(o)
	t.Cleanup(func() { relay.Close(ctx) })
	sender := delivery.New(delivery.Config{
		DB: db, Programs: versions.Programs{DB: db}, Transports: map[string]delivery.Transport{"urgent": relay, "bulk": relay},
		Links: consent.NewLinks("http://localhost:8080", [][]byte{bytes.Repeat([]byte{7}, 32)}), Secret: []byte("secret"), Sink: true,
	})
	summary, err := demo.Play{
		DB: db, Clock: clock, Intake: intake.New(db), Engine: engine.New(db, sender),
		Days: days, People: people, Seed: 7, End: end,
	}.Run(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if filled, full := sender.Letters(); filled == 0 || full > 0 {
		t.Errorf("%d letters were filled in, %d were made in full, want all filled in", filled, full)
	}
	return summary, sink, db
}

func TestTheDemoPlaysThroughTheRealEngine(t *testing.T) {
	t.Parallel()
	summary, sink, _ := play(t, 30, 150)
	var out strings.Builder
	summary.Print(&out)
	if summary.Mails == 0 || summary.Mails != sink.Count() {
		t.Errorf("the ledger says %d mails, the sink has %d\n%s", summary.Mails, sink.Count(), &out)
	}
	if b := summary.Beans; b.Earned == 0 || b.Cards == 0 || b.Friends == 0 || len(b.Tiers) == 0 || b.Earned != b.Spent+b.Expired+b.Left+b.Pending {
		t.Errorf("beans do not add up: %+v", b)
	}
	if twice := sink.Twice(); len(twice) > 0 {
		t.Errorf("mails that came twice: %v", twice)
	}
	for _, m := range sink.Mails() {
		if len(m.Faults) > 0 {
			t.Errorf("mail to %v, %q: a strict relay would refuse it: %v", m.To, m.Subject, m.Faults)
		}
	}
	t.Log(out.String())
}
