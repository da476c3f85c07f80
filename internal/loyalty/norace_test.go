//go:build !race

package loyalty_test

// watched says that the race detector is on: it takes minutes for a real history, which
// shares nothing between goroutines. .ci/run has these tried without it.
const watched = false
