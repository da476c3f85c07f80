//go:build race

package storetest

// Watched says that the race detector is on: it takes minutes for a real history, which
// shares nothing between goroutines. .ci/run has these tried without it.
const Watched = true
