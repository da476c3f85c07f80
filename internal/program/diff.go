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
	Shown []LineChange
}

// Lines counts the lines with a mark.
func (c FileChange) Lines(mark string) (n int64) {
	for _, l := range c.Shown {
		if l.Mark == mark {
			n++
		}
	}
	return n
}

// LineChange is a line of a file: taken away, put in, or one beside them that stays.
type LineChange struct {
	Mark string // "-", "+", or " "
	N    int    // its number: in the new file, and of a line that is taken away in the old one
	Text string
	Left int64 // so many lines before it stay and are left out

	from, to int // the bytes of Text that are other than in the line in whose place it stands, or which stands in its place
}

// Parts are what of the line is the same before what is other, that, and what is the same
// after it. Where a line stands in no other's place nothing is said to be other.
func (l LineChange) Parts() [3]string {
	if l.to == 0 {
		return [3]string{l.Text}
	}
	return [3]string{l.Text[:l.from], l.Text[l.from:l.to], l.Text[l.to:]}
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
		all = append(all, LineChange{Mark: " ", N: i + 1, Text: b[i]})
	}
	all = append(all, between(a[first:len(a)-last], b[first:len(b)-last], first)...)
	for i := len(b) - last; i < len(b); i++ {
		all = append(all, LineChange{Mark: " ", N: i + 1, Text: b[i]})
	}
	setBeside(all)
	return near(all)
}

// setBeside finds out what is other in lines that were taken away and those that were put in
// their place, one by one, where at least a third of them is the same.
func setBeside(all []LineChange) {
	for i := 0; i < len(all); {
		taken := marked(all[i:], "-")
		put := marked(all[i+taken:], "+")
		for k := range min(taken, put) {
			a, b := &all[i+k], &all[i+taken+k]
			first, last := sameEnds(a.Text, b.Text)
			if 3*(first+last) >= max(len(a.Text), len(b.Text)) {
				a.from, a.to = first, len(a.Text)-last
				b.from, b.to = first, len(b.Text)-last
			}
		}
		i += max(1, taken+put)
	}
}

// marked is how many lines at the beginning have a mark.
func marked(lines []LineChange, mark string) (n int) {
	for n < len(lines) && lines[n].Mark == mark {
		n++
	}
	return n
}

// sameEnds is how many bytes of two texts are the same at the beginning and at the end, in
// whole words.
func sameEnds(a, b string) (first, last int) {
	x, y := strings.SplitAfter(a, " "), strings.SplitAfter(b, " ")
	for len(x) > 0 && len(y) > 0 && x[0] == y[0] {
		first += len(x[0])
		x, y = x[1:], y[1:]
	}
	for len(x) > 0 && len(y) > 0 && x[len(x)-1] == y[len(y)-1] {
		last += len(x[len(x)-1])
		x, y = x[:len(x)-1], y[:len(y)-1]
	}
	if len(x) > 0 && len(y) > 0 && strings.HasSuffix(x[len(x)-1], " ") && strings.HasSuffix(y[len(y)-1], " ") {
		last++
	}
	return first, last
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
			all = append(all, LineChange{Mark: " ", N: before + j + 1, Text: b[j]})
			i, j = i+1, j+1
		case i < len(a) && (j == len(b) || longest[i+1][j] >= longest[i][j+1]):
			all = append(all, LineChange{Mark: "-", N: before + i + 1, Text: a[i]})
			i++
		default:
			all = append(all, LineChange{Mark: "+", N: before + j + 1, Text: b[j]})
			j++
		}
	}
	return all
}

// near leaves out the lines that stay and are not beside one that changes.
func near(all []LineChange) (kept []LineChange) {
	left := int64(0)
	for i, line := range all {
		beside := all[max(0, i-around):min(len(all), i+around+1)]
		if !slices.ContainsFunc(beside, func(l LineChange) bool { return l.Mark != " " }) {
			left++
			continue
		}
		line.Left, left = left, 0
		kept = append(kept, line)
	}
	return kept
}
