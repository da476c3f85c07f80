package public

import (
	"time"

	"regulars/internal/patiently"
)

// A machine that stalls for a moment answers like any other.
func init() {
	for _, d := range []*time.Duration{&readyTimeout, &glanceLimit, &touchPatience, &countedWithin, &shopWithin} {
		*d = patiently.AtMost
	}
}

// Patterns returns the site's routes as they stand in the mux.
func (s *Site) Patterns() (patterns []string) {
	for _, r := range append(newServer(s).vitals(), newServer(s).routes()...) {
		patterns = append(patterns, r.pattern)
	}
	return patterns
}
