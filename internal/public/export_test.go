package public

// Patterns returns the site's routes as they stand in the mux.
func (s *Site) Patterns() (patterns []string) {
	for _, r := range append(newServer(s).vitals(), newServer(s).routes()...) {
		patterns = append(patterns, r.pattern)
	}
	return patterns
}

// Words returns what pages say in each language, for a test to compare.
func Words() (all []any) {
	for _, lang := range languages() {
		all = append(all, wordsFor(lang))
	}
	return all
}
