package bench

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"regulars/internal/loyalty"
	"regulars/internal/store"
)

// Beside is how long a mail takes that a webhook sets off while a run is sent: from the
// first byte of the member's fifth order to the moment at which the relay's answer to the
// mail is written down.
type Beside struct {
	Mails  int           `json:"mails"` // set off so
	Run    int           `json:"run"`   // mails of the run
	Median time.Duration `json:"median_ns"`
	P99    time.Duration `json:"p99_ns"`
	Target string        `json:"target"`
	Met    bool          `json:"met"`
}

const (
	fifthEvery = 50 * time.Millisecond
	fifthMost  = time.Second // of 99 in 100
	mostFifths = 5000
)

// fifth is the campaign of the fifth order.
var fifth = map[string]string{
	"campaigns/fifth/campaign.yaml": "live: true\nstart: {milestone: orders, at: [5]}\nquiet: off\nclass: service\nsteps:\n  - mail: a\n",
	"campaigns/fifth/a.en.md":       "---\nsubject: Your fifth order\n---\nHello {{ member.first_name }}, thank you.\n",
}

// beside has members place their fifth orders while a run of all is sent, one every
// fifthEvery, and tells how long their mails took.
func (m *sending) beside(ctx context.Context) (*Beside, error) {
	n := min(mostFifths, m.Mails/4)
	if err := m.fourOrders(ctx, n); err != nil {
		return nil, err
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	at := fmt.Sprintf("127.0.0.1:%d", port)
	r, err := m.replica(ctx, m.relay, m.Connections, "LISTEN="+at, "HOOK_SECRET_STANDARD="+hookSecret)
	if err != nil {
		return nil, err
	}
	posted, err := m.fifthOrders(ctx, "http://"+at, n)
	if err == nil {
		err = m.finished(ctx)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("fifth orders beside a run: %w", err), r.end())
	}
	b, err := m.fifthMails(ctx, posted)
	return b, errors.Join(err, r.end())
}

// fourOrders gives the first n members the four orders before.
func (m *sending) fourOrders(ctx context.Context, n int) error {
	var file strings.Builder
	file.WriteString("order,at,member,total\n")
	for i := range n {
		for k := range 4 {
			fmt.Fprintf(&file, "F-%d-%d,2026-0%d-01,M-%07d,9.90\n", i, k, k+1, i)
		}
	}
	if err := os.WriteFile(filepath.Join(m.dir, "orders.csv"), []byte(file.String()), 0o644); err != nil {
		return err
	}
	if out, err := m.command(ctx, "127.0.0.1:1", 1, "import", "orders", "orders.csv").CombinedOutput(); err != nil {
		return fmt.Errorf("importing orders: %w\n%s", err, out)
	}
	return nil
}

// fifthOrders launches a run and posts fifth orders to the replica until it is at its
// end, or n are posted, and returns when each member's was.
func (m *sending) fifthOrders(ctx context.Context, site string, n int) (map[string]time.Time, error) {
	p := &poster{to: site + "/hooks/standard", client: &http.Client{Timeout: time.Minute}}
	defer p.client.CloseIdleConnections()
	if err := p.awake(ctx, site); err != nil {
		return nil, err
	}
	if err := m.launch(ctx, "plain"); err != nil {
		return nil, err
	}
	ended := make(chan error, 1)
	go func() { ended <- m.finished(ctx) }()
	tick := m.watch("fifth orders beside a run", int64(n))
	every := time.NewTicker(fifthEvery)
	defer every.Stop()
	posted := map[string]time.Time{}
	for i := range n {
		select {
		case err := <-ended:
			return posted, err
		case <-every.C:
		}
		member, now := fmt.Sprintf("M-%07d", i), time.Now()
		body := fmt.Sprintf(`{"type":"order.placed","id":"fifth-%s","at":"%s","member":{"id":"%[1]s"},"order":{"id":"fifth-%[1]s","status":"paid","total":"9.90"}}`,
			member, now.UTC().Format(time.RFC3339Nano))
		stored, _, _, err := p.send(ctx, "fifth-"+member, []byte(body))
		if err != nil || stored != 1 {
			return nil, fmt.Errorf("%d orders were stored: %w", stored, err)
		}
		posted[member] = now
		tick(1)
	}
	return posted, <-ended
}

// awake waits until the site answers.
func (p *poster) awake(ctx context.Context, site string) error {
	for {
		answer, err := p.client.Get(site + "/healthz")
		if err == nil {
			return answer.Body.Close()
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			return err
		}
	}
}

// fifthMails waits for the mails and tells how long each took.
func (m *sending) fifthMails(ctx context.Context, posted map[string]time.Time) (*Beside, error) {
	type mail struct {
		Name   string
		DoneAt loyalty.Instant
	}
	var mails []mail
	for deadline := time.Now().Add(peace); len(mails) < len(posted); {
		mails = nil
		err := m.db.View(ctx, func(tx *store.Tx) error {
			return tx.All(&mails, `
				select m.external_id as name, s.done_at
				from   sends s
				join   campaigns c on c.id = s.campaign_id
				join   members m   on m.id = s.member_id
				where  c.name = 'fifth' and s.state = 'sent'`, nil)
		})
		switch {
		case err != nil:
			return nil, err
		case len(mails) < len(posted) && time.Now().After(deadline):
			return nil, fmt.Errorf("%d members placed their fifth order, and %d got a mail", len(posted), len(mails))
		}
		time.Sleep(50 * time.Millisecond)
	}
	var took []time.Duration
	for _, mail := range mails {
		took = append(took, mail.DoneAt.Sub(posted[mail.Name]))
	}
	slices.Sort(took)
	b := &Beside{Mails: len(took), Run: m.Mails, Median: took[len(took)/2], P99: took[len(took)*99/100], Target: fmt.Sprint("p99 < ", fifthMost)}
	b.Met = b.P99 < fifthMost
	return b, nil
}
