package jobs

import (
	"strings"
	"testing"
)

func TestRedisAddresses(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, url   string
		addrs       string
		master      string
		user, pass  string
		db          int
		cluster     bool
		tls, broken bool
	}{
		{name: "a single server", url: "redis://127.0.0.1:6379/2", addrs: "127.0.0.1:6379", db: 2},
		{name: "with TLS and a password", url: "rediss://u:p%40ss@r.example:6380", addrs: "r.example:6380", user: "u", pass: "p@ss", tls: true},
		{name: "a sentinel", url: "redis-sentinel://:p@a:26379,b:26379/main?db=1", addrs: "a:26379,b:26379", master: "main", pass: "p", db: 1},
		{name: "a cluster", url: "redis-cluster://a:7000,b:7001", addrs: "a:7000,b:7001", cluster: true},
		{name: "a sentinel without its master", url: "redis-sentinel://a:26379", broken: true},
		{name: "another scheme", url: "http://a", broken: true},
		{name: "no scheme", url: "user:a:26379@r.example", broken: true},
		{name: "no hosts", url: "redis-cluster://", broken: true},
	} {
		o, err := redisOptions(tt.url)
		if tt.broken {
			if err == nil || strings.Contains(err.Error(), "a:26379") {
				t.Errorf("%s: error %v, want one that does not repeat the address", tt.name, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		got := strings.Join(o.Addrs, ",")
		if got != tt.addrs || o.MasterName != tt.master || o.Username != tt.user || o.Password != tt.pass ||
			o.DB != tt.db || o.IsClusterMode != tt.cluster || (o.TLSConfig != nil) != tt.tls {
			t.Errorf("%s: redisOptions(%q) = %+v", tt.name, tt.url, o)
		}
	}
}
