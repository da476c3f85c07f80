// Package watched knows whether tests run under the race detector. That takes minutes
// for what shares nothing between goroutines, and sees nothing of other processes:
// .ci/run has such tests tried without it.
package watched

import "testing"

// Skip skips a test under the race detector that it has nothing to see in.
func Skip(t testing.TB) {
	t.Helper()
	if On {
		t.Skip("the race detector is on, and has nothing to see here")
	}
}
