// Package watched knows whether tests run under the race detector. That takes minutes
// for a real history, which shares nothing between goroutines: .ci/run has these tried
// without it.
package watched

import "testing"

// Skip skips a test of a real history under the race detector.
func Skip(t testing.TB) {
	t.Helper()
	if On {
		t.Skip("a real history, and the race detector is on")
	}
}
