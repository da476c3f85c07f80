package bench

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

// poster posts signed deliveries, as a shop does: one that is told to come again later,
// of which nothing was stored, does so.
type poster struct {
	to, name string
	members  int
	client   *http.Client
	took     []time.Duration // of each delivery, with its waiting
	again    atomic.Int64
}

// comesAgain is how often one delivery comes again.
const comesAgain = 10

// post posts so many bodies of so many orders over so many connections.
func (p *poster) post(ctx context.Context, connections, bodies, orders int, tick func(int64)) error {
	defer p.client.CloseIdleConnections()
	p.took = make([]time.Duration, bodies)
	var next atomic.Int64
	g, ctx := errgroup.WithContext(ctx)
	for w := range connections {
		random := rand.New(rand.NewPCG(1, uint64(w)))
		g.Go(func() error {
			for {
				i := int(next.Add(1)) - 1
				if i >= bodies {
					return nil
				}
				began := time.Now()
				if err := p.deliver(ctx, random, i, orders); err != nil {
					return err
				}
				p.took[i] = time.Since(began)
				tick(1)
			}
		})
	}
	return g.Wait()
}

func (p *poster) deliver(ctx context.Context, random *rand.Rand, n, orders int) error {
	var body bytes.Buffer
	now := time.Now().UTC()
	for k := range orders {
		if orders > 1 {
			body.WriteString(map[bool]string{true: "[", false: ","}[k == 0])
		}
		who, id := random.IntN(p.members), fmt.Sprintf("%s-%d-%d", p.name, n, k)
		fmt.Fprintf(&body, `{"type":"order.placed","id":"e-%s","at":"%s","member":{"id":"M-%d","email":"m%[3]d@example.test","language":"en"},`+
			`"order":{"id":"%[1]s","status":"paid","total":"%[4]d.90","lines":[{"product":"P-%[5]d","name":"Green tea","category":"tea","quantity":1,"total":"%[4]d.90"}]}}`,
			id, now.Format(time.RFC3339Nano), who, 1+random.IntN(80), random.IntN(1000))
	}
	if orders > 1 {
		body.WriteString("]")
	}
	id := fmt.Sprintf("d-%s-%d", p.name, n)
	for try := 0; ; try++ {
		stored, known, wait, err := p.send(ctx, id, body.Bytes())
		switch {
		case err == nil && (stored == orders || try > 0 && stored+known == orders): // a part may have been stored before
			return nil
		case err == nil:
			return fmt.Errorf("delivery %s: %d of %d orders were stored", id, stored, orders)
		case wait == nil || try == comesAgain:
			return err
		}
		p.again.Add(1)
		select {
		case <-time.After(*wait):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// send posts a body and returns how many of its orders were stored, and known before. With an
// error, wait is after what time the server asks for it again; nil: it does not.
func (p *poster) send(ctx context.Context, id string, body []byte) (stored, known int, wait *time.Duration, err error) {
	at := strconv.FormatInt(time.Now().Unix(), 10)
	sum := hmac.New(sha256.New, hookKey)
	fmt.Fprintf(sum, "%s.%s.", id, at)
	sum.Write(body)
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, p.to, bytes.NewReader(body))
	if err != nil {
		return 0, 0, nil, err
	}
	r.Header.Set("webhook-id", id)
	r.Header.Set("webhook-timestamp", at)
	r.Header.Set("webhook-signature", "v1,"+base64.StdEncoding.EncodeToString(sum.Sum(nil)))
	answer, err := p.client.Do(r)
	if err != nil {
		return 0, 0, nil, err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return 0, 0, nil, err
	}
	if answer.StatusCode == http.StatusAccepted {
		return bytes.Count(text, []byte(`"stored"`)), bytes.Count(text, []byte(`"duplicate"`)), nil, nil
	}
	if seconds, bad := strconv.Atoi(answer.Header.Get("Retry-After")); bad == nil && answer.StatusCode == http.StatusServiceUnavailable {
		after := time.Duration(seconds) * time.Second
		wait = &after
	}
	return 0, 0, wait, fmt.Errorf("delivery %s: %s %.300s", id, answer.Status, text)
}

func (p *poster) quantile(q float64) time.Duration {
	sorted := slices.Sorted(slices.Values(p.took))
	return sorted[min(len(sorted)-1, int(float64(len(sorted))*q))]
}
