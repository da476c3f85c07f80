package program_test

import (
	"strings"
	"testing"

	"regulars/internal/program"
)

// What the parser stops at is explained by the line itself, in a marketer's words.
func TestWhatIsNotYAMLIsExplained(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ text, want string }{
		{"a: @x", "1:4: a value cannot begin with @ in YAML"},
		{"a: %x", "1:4: a value cannot begin with % in YAML"},
		{"a: >x y", "1:4: a value cannot begin with > or | in YAML"},
		{"a: - b", "1:4: a - cannot follow a key on the same line"},
		{"a:\n- b: c\n  - c: d\n", "3:3: this - is indented unlike the - above it"},
		{"a:\n  -b: c\n  - d: e\n", "2:3: no blank stands after the -"},
		{"a:\n  b: c\n d: e\n", "3:2: this line is indented like none of those above it"},
		{"a: b\n   c: d\n", "1:4: a second colon with a blank after it, or a line that is indented as if it belonged to this one"},
		{"a: b: c", "1:4: a second colon with a blank after it"},
		{"a: 'x' y", "1:8: text goes on after the closing quote"},
		{"a: 'x\nb: y\n", "1:4: this quote is never closed"},
		{"a: [b, c", "1:4: the list that begins with [ is not closed"},
		{"a: [b,,c]", "1:7: something inside [ ] is no value"},
		{"a: {b: c", "1:4: the group that begins with { is not closed"},
		{"a: {b: c}}", "1:10: this } closes nothing"},
		{"a: b\na: c\n", `2:1: the key "a" stands here a second time`},
		{"a:b\nc: d\n", "1:1: this line is not key: value"},
	} {
		files := right(t)
		files["pools.yaml"] = tt.text
		_, _, problems := program.Load(files)
		if got := lines(problems); !strings.Contains(got, "pools.yaml:"+tt.want) {
			t.Errorf("Load(%q) says\n%swant %s", tt.text, got, tt.want)
		}
	}
}
