package templates

import (
	"math/rand/v2"
	"net/url"
	"strings"
	"testing"

	"regulars/internal/loyalty"
)

// TestLinksAndLinesThatNeedNoSecondLook: the quick answers are the slow ones.
func TestLinksAndLinesThatNeedNoSecondLook(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(3, 4))
	pieces := []string{"https://", "http://", "shop", ".", "-", "/", "//", "~", "_", "A", "0", "?", "=", "&", "#", "%", "%20", " ", "  ", ":", "@", "é", "\n", "\x00", ":8080", "[::1]", "…", "\u00a0", "+", "'"}
	quickLinks, quickLines := 0, 0
	for range 200_000 {
		var b strings.Builder
		if r.IntN(2) == 0 {
			b.WriteString("https://shop.example")
		}
		for range r.IntN(5) {
			b.WriteString(pieces[r.IntN(len(pieces))])
		}
		s := b.String()
		if plainLink(s) {
			quickLinks++
			u, err := url.Parse(s)
			if err != nil || u.Host == "" || u.String() != s || escapedLink(s, true) != s || !safeLink(s) {
				t.Fatalf("plainLink(%q) = true, but it is read as %v, %v", s, u, err)
			}
		}
		if loyalty.Plain(s) {
			quickLines++
			if strings.TrimSpace(s) != s || strings.Join(strings.Fields(s), " ") != s {
				t.Fatalf("Plain(%q) = true", s)
			}
		}
	}
	if quickLinks < 1000 || quickLines < 1000 {
		t.Errorf("%d links and %d lines were simple: too few to tell", quickLinks, quickLines)
	}
}
