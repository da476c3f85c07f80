package post

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"time"

	"code.dny.dev/ssrf"
)

const (
	// patience is for how long an attempt may take in all.
	patience = 10 * time.Second
	// mostHeaders and mostBody bound what an answer may say. Nothing of it is kept.
	mostHeaders = 16 << 10
	mostBody    = 16 << 10
)

// client returns what posts to addresses of the world, and to those of some networks.
// The guard is asked with the address that is about to be dialled.
func client(allow []netip.Prefix) *http.Client {
	var v4, v6 []netip.Prefix
	for _, p := range allow {
		if p.Addr().Is4() {
			v4 = append(v4, p)
		} else {
			v6 = append(v6, p)
		}
	}
	guard := ssrf.New(ssrf.WithAnyPort(), ssrf.WithAllowedV4Prefixes(v4...), ssrf.WithAllowedV6Prefixes(v6...))
	dialer := &net.Dialer{Timeout: 5 * time.Second, Control: guard.Safe}
	return &http.Client{
		Timeout:       patience,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			Proxy:                  nil, // that of the environment would be asked for addresses that we must not reach
			DialContext:            dialer.DialContext,
			TLSHandshakeTimeout:    5 * time.Second,
			MaxResponseHeaderBytes: mostHeaders,
			MaxIdleConnsPerHost:    atOnce,
			MaxConnsPerHost:        atOnce,
			IdleConnTimeout:        30 * time.Second,
			ForceAttemptHTTP2:      true,
		},
	}
}

// inside are the networks of this machine itself.
var inside = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}

// wordsOf says what went wrong on the wire, without the address: that may hold a key.
func wordsOf(err error) string {
	var dns *net.DNSError
	var timeout net.Error
	switch {
	case errors.Is(err, ssrf.ErrProhibitedIP), errors.Is(err, ssrf.ErrProhibitedNetwork):
		return "its address is inside a network that webhooks are not sent to: HOOK_OUT_ALLOW names those that they are"
	case errors.As(err, &dns):
		return "its name cannot be resolved"
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return "it did not answer within 10 s"
	}
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "dial" {
		return "it takes no connection"
	}
	if isTLS(err) {
		return "its certificate does not hold"
	}
	return "the connection broke off"
}
