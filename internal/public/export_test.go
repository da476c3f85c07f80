package public

// Patterns returns the site's routes as they stand in the mux.
func (s *Site) Patterns() (patterns []string) {
	for _, r := range append(newServer(s).vitals(), newServer(s).routes()...) {
		patterns = append(patterns, r.pattern)
	}
	return patterns
}
