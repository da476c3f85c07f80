package bench

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strconv"
)

// signed measures what it costs to sign the mails of a run, with each kind of key.
func (m *sending) signed(ctx context.Context, near float64) (paces []Pace, err error) {
	_, short, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	long, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, err
	}
	for _, with := range []struct {
		kind string
		key  crypto.PrivateKey
	}{{"Ed25519", short}, {"RSA of 2048 bits", long}} {
		p, err := m.signedBy(ctx, with.key, Pace{Work: "a run signed with " + with.kind, N: max(1, m.Mails/loopShare)})
		if err != nil {
			return nil, fmt.Errorf("%s: %w", p.Work, err)
		}
		p.Ratio, p.Peer = p.PerSecond/near, "the run without it"
		paces = append(paces, p)
	}
	return paces, nil
}

func (m *sending) signedBy(ctx context.Context, key crypto.PrivateKey, p Pace) (_ Pace, err error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return p, err
	}
	r, err := m.replica(ctx, m.relay, m.Connections, "DKIM_DOMAIN=shop.example", "DKIM_SELECTOR=bench",
		"DKIM_KEY="+string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})))
	if err != nil {
		return p, err
	}
	defer func() { err = errors.Join(err, r.end()) }()
	for range m.Rounds {
		if err := m.run(ctx, r, &p, "plain", "--limit", strconv.Itoa(p.N)); err != nil {
			return p, err
		}
	}
	p.PerSecond = median(p.rates)
	return p, nil
}
