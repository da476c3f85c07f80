// Package remote says from where a request came.
package remote

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// Address is the address that a request came from: evidence beside a consent or a try to
// sign in, not proof. When a machine of our own network hands it on, that is a proxy, and
// the last address that it was told is the visitor's. "": the request does not say.
func Address(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return ""
	}
	peer, err := netip.ParseAddr(host)
	if err != nil || !(peer.IsPrivate() || peer.IsLoopback()) {
		return host
	}
	told := strings.Split(r.Header.Get("X-Forwarded-For"), ",")
	visitor, err := netip.ParseAddr(strings.TrimSpace(told[len(told)-1]))
	if err != nil {
		return host
	}
	return visitor.String()
}
