package program_test

import (
	"strings"
	"testing"

	"regulars/internal/program"
)

func TestNoCapsAreWritten(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ caps, says string }{
		{"none", ""},
		{"[]", "write caps: none"},
		{"off", "write caps: none"},
		{"[none]", "write caps: none"},
		{"[0 per 1d]", "write caps: none"},
	} {
		files := right(t)
		var kept []string
		for line := range strings.Lines(files["program.yaml"]) {
			if !strings.HasPrefix(line, "caps:") {
				kept = append(kept, line)
			}
		}
		files["program.yaml"] = strings.Join(kept, "") + "caps: " + tt.caps + "\n"
		p, _, problems := program.Load(files)
		said := lines(problems)
		if tt.says == "" && (strings.Contains(said, "caps") || len(p.Caps) > 0) || !strings.Contains(said, tt.says) || strings.Contains(said, "delete the line") {
			t.Errorf("caps: %s is answered %q with %v, want %q", tt.caps, said, p.Caps, tt.says)
		}
	}
}
