package address

import (
	"math/rand/v2"
	"testing"
)

// TestPlainDomainsAreWhatIdnaMakesOfThem: what need not be looked into stays as it is.
func TestPlainDomainsAreWhatIdnaMakesOfThem(t *testing.T) {
	t.Parallel()
	const letters = "abcxyz019.-nN_é"
	r := rand.New(rand.NewPCG(5, 6))
	plain := 0
	for range 100_000 {
		b := make([]rune, 1+r.IntN(12))
		for i := range b {
			b[i] = []rune(letters)[r.IntN(len(letters)-1)]
		}
		s := string(b)
		if !plainDomain(s) {
			continue
		}
		plain++
		got, err := hostname(s)
		domain, wrong := punycode(s)
		if err == nil && (wrong != nil || domain != s || got != s) {
			t.Fatalf("hostname(%q) = %q, but idna says %q, %v", s, got, domain, wrong)
		}
		if wrong != nil && err == nil {
			t.Fatalf("hostname(%q) is taken, but idna says %v", s, wrong)
		}
	}
	if plain < 1000 {
		t.Errorf("%d domains were plain: too few to tell", plain)
	}
}
