//go:build !race

package watched

// On says that the race detector is on.
const On = false
