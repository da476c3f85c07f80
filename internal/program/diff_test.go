package program_test

import (
	"fmt"
	"strings"
	"testing"

	"regulars/internal/program"
)

func TestDifferencesShowTheLinesThatChange(t *testing.T) {
	t.Parallel()
	lines := func(words string) string { return strings.Join(strings.Fields(words), "\n") + "\n" }
	for _, tt := range []struct {
		name, was, is, want string
	}{
		{"nothing", lines("a b"), lines("a b"), ""},
		{"one line", lines("a b c d e f g h"), lines("a b c d X f g h"), " c3 d4-e5+X5 f6 g7"},
		{"a line more", lines("a b c"), lines("a b x c"), " a1 b2+x3 c4"},
		{"a line less", lines("a b c"), lines("a c"), " a1-b2 c2"},
		{"two places", lines("a b c d e f g h i"), lines("X b c d e f g h Y"), "-a1+X1 b2 c3 g7 h8-i9+Y9"},
		{"moved", lines("a b c"), lines("b c a"), "-a1 b1 c2+a3"},
		{"a new file", "", lines("a"), "+a1"},
		{"an empty one", lines("a"), "", "-a1"},
		{"a long one", strings.Repeat("x\n", 5000), strings.Repeat("y\n", 5000), ""},
	} {
		var got strings.Builder
		changes := program.Differences(map[string]string{"f.md": tt.was, "same.md": "1"}, map[string]string{"f.md": tt.is, "same.md": "1"})
		for _, c := range changes {
			for _, l := range c.Shown {
				fmt.Fprintf(&got, "%s%s%d", l.Mark, l.Text, l.N)
			}
		}
		if tt.name == "a long one" {
			if n := len(changes[0].Shown); n != 4000 {
				t.Errorf("%s: %d lines are shown, want as many as are compared", tt.name, n)
			}
			continue
		}
		if got.String() != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got.String(), tt.want)
		}
	}
	changes := program.Differences(map[string]string{"old.md": "", "b.md": "x"}, map[string]string{"new.md": "", "b.md": "y"})
	if fmt.Sprint(changes) != "[{b.md false false [{- 1 x 0 0 0} {+ 1 y 0 0 0}]} {new.md true false []} {old.md false true []}]" {
		t.Errorf("files that come and go: %v", changes)
	}
}

func TestDifferencesShowWhatIsOtherInALine(t *testing.T) {
	t.Parallel()
	lines := strings.Repeat("as before\n", 9)
	changes := program.Differences(
		map[string]string{"mail.md": lines + "The new harvest is 8.90 today.\nBye.\n" + lines + "one\n"},
		map[string]string{"mail.md": lines + "The new harvest is 9.80 today.\nSee you on the pier.\n" + lines})
	var got []string
	for _, l := range changes[0].Shown {
		parts := l.Parts()
		if l.Mark != " " || l.Left > 0 {
			got = append(got, fmt.Sprintf("%d left, %s%d %s|%s|%s", l.Left, l.Mark, l.N, parts[0], parts[1], parts[2]))
		}
	}
	want := []string{
		"7 left,  8 as before||",
		"0 left, -10 The new harvest is |8.90| today.",
		"0 left, -11 Bye.||",
		"0 left, +10 The new harvest is |9.80| today.",
		"0 left, +11 See you on the pier.||",
		"5 left,  19 as before||",
		"0 left, -21 one||",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if c := changes[0]; c.Lines("+") != 2 || c.Lines("-") != 3 {
		t.Errorf("%d lines are put in and %d taken out", c.Lines("+"), c.Lines("-"))
	}
}
