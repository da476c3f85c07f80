package post

import (
	"net/netip"
	"strings"
	"testing"
	"time"
)

// TestNoAddressInsideIsDialled asks for each class of address whether it is refused
// before anything is sent there.
func TestNoAddressInsideIsDialled(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ claim, address string }{
		{"loopback", "127.0.0.1"},
		{"loopback in other words", "127.1.2.3"},
		{"this network", "0.0.0.0"},
		{"private, class A", "10.1.2.3"},
		{"private, class B", "172.16.0.1"},
		{"private, class C", "192.168.1.1"},
		{"shared with a carrier", "100.64.0.1"},
		{"link-local, and what clouds say of their machines", "169.254.169.254"},
		{"multicast", "224.0.0.1"},
		{"broadcast", "255.255.255.255"},
		{"reserved", "240.0.0.1"},
		{"documentation", "192.0.2.1"},
		{"benchmarks", "198.18.0.1"},
		{"IPv6 loopback", "[::1]"},
		{"IPv6 unspecified", "[::]"},
		{"IPv6 link-local", "[fe80::1]"},
		{"IPv6 unique local", "[fd00:ec2::254]"},
		{"IPv6 multicast", "[ff02::1]"},
		{"IPv4 mapped", "[::ffff:127.0.0.1]"},
		{"IPv4 compatible", "[::127.0.0.1]"},
		{"NAT64", "[64:ff9b::7f00:1]"},
		{"NAT64 of one's own", "[64:ff9b:1::1]"},
		{"6to4", "[2002:7f00:1::1]"},
		{"Teredo", "[2001::1]"},
		{"a name of this machine", "localhost"},
	} {
		_, err := client(nil).Get("http://" + tt.address + ":9/")
		if err == nil || !strings.Contains(wordsOf(err), "HOOK_OUT_ALLOW") {
			t.Errorf("%s: Get(%s) = %v, want it refused before it is dialled", tt.claim, tt.address, err)
		}
	}
}

func TestAnOpenedNetworkIsDialled(t *testing.T) {
	t.Parallel()
	_, err := client([]netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}).Get("http://127.0.0.1:9/")
	if err == nil || wordsOf(err) != "it takes no connection" {
		t.Errorf("Get of an opened network = %v, want it dialled", err)
	}
}

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		claim, value string
		want         time.Duration
	}{
		{"nothing is asked for", "", 0},
		{"seconds", "120", 2 * time.Minute},
		{"less than none", "-5", 0},
		{"longer than a day is a day", "99999999", 24 * time.Hour},
		{"a date", "Mon, 02 Mar 2026 12:01:00 GMT", time.Minute},
		{"a date that is over", "Mon, 02 Mar 2026 11:00:00 GMT", 0},
		{"nonsense", "soon", 0},
	} {
		if got := retryAfter(tt.value, now); got != tt.want {
			t.Errorf("%s: retryAfter(%q) = %s, want %s", tt.claim, tt.value, got, tt.want)
		}
	}
}
