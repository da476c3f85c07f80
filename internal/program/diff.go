package program

import (
	"maps"
	"slices"
	"strings"
)

// FileChange is how one file differs between two versions.
type FileChange struct {
	File  string
	New   bool // it was not there before
	Gone  bool // it is not there any more
	Lines []LineChange
}

// LineChange is a line of a file: taken away, put in, or one beside them that stays.
type LineChange struct {
	Mark string // "-", "+", or " "
	N    int    // its number: in the new file, and of a line that is taken away in the old one
	Text string
}

const (
	around       = 2    // lines that stay, shown beside those that change
	mostCompared = 2000 // lines between the first and the last change that are compared one by one
)

// Differences returns what is different in the files, by name.
func Differences(old, next map[string]string) (changes []FileChange) {
	names := map[string]bool{}
	for name := range old {
		names[name] = true
	}
	for name := range next {
		names[name] = true
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		was, before := old[name]
		is, after := next[name]
		if was != is || before != after {
			changes = append(changes, FileChange{name, !before, !after, lineChanges(was, is)})
		}
	}
	return changes
}

// lineChanges returns the lines that differ, with a few of those around them.
func lineChanges(was, is string) []LineChange {
	a, b := linesOf(was), linesOf(is)
	first := 0
	for first < min(len(a), len(b)) && a[first] == b[first] {
		first++
	}
	last := 0
	for last < min(len(a), len(b))-first && a[len(a)-1-last] == b[len(b)-1-last] {
		last++
	}
	var all []LineChange
	for i := range first {
		all = append(all, LineChange{" ", i + 1, b[i]})
	}
	all = append(all, between(a[first:len(a)-last], b[first:len(b)-last], first)...)
	for i := len(b) - last; i < len(b); i++ {
		all = append(all, LineChange{" ", i + 1, b[i]})
	}
	return near(all)
}

// linesOf are the lines of a text; of an empty one none.
func linesOf(text string) []string {
	if text = strings.TrimSuffix(text, "\n"); text == "" {
		return nil
	}
	return strings.Split(text, "\n")
}

// between compares lines by their longest common sequence; so many lines stand before
// them in both files.
func between(a, b []string, before int) (all []LineChange) {
	if len(a) > mostCompared || len(b) > mostCompared {
		a, b = a[:min(len(a), mostCompared)], b[:min(len(b), mostCompared)]
	}
	longest := make([][]int32, len(a)+1) // of a[i:] and b[j:]
	for i := range longest {
		longest[i] = make([]int32, len(b)+1)
	}
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			if longest[i][j] = max(longest[i+1][j], longest[i][j+1]); a[i] == b[j] {
				longest[i][j] = longest[i+1][j+1] + 1
			}
		}
	}
	for i, j := 0, 0; i < len(a) || j < len(b); {
		switch {
		case i < len(a) && j < len(b) && a[i] == b[j]:
			all = append(all, LineChange{" ", before + j + 1, b[j]})
			i, j = i+1, j+1
		case i < len(a) && (j == len(b) || longest[i+1][j] >= longest[i][j+1]):
			all = append(all, LineChange{"-", before + i + 1, a[i]})
			i++
		default:
			all = append(all, LineChange{"+", before + j + 1, b[j]})
			j++
		}
	}
	return all
}

// near leaves out the lines that stay and are not beside one that changes.
func near(all []LineChange) (kept []LineChange) {
	for i, line := range all {
		beside := all[max(0, i-around):min(len(all), i+around+1)]
		if slices.ContainsFunc(beside, func(l LineChange) bool { return l.Mark != " " }) {
			kept = append(kept, line)
		}
	}
	return kept
}
