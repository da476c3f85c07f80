package loyalty

import (
	"slices"
	"strings"
)

// Nearest returns the name that was probably meant, "" when none is near.
func Nearest(name string, names []string) string {
	best, near := (len(name)+1)/3, ""
	for _, candidate := range names {
		if d := Apart(name, candidate); d <= best && d < len(candidate) {
			best, near = d-1, candidate
		}
	}
	return near
}

// Near returns up to three of the known names that may have been meant, nearest
// first: few letters apart, or one a part of the other.
func Near(name string, known []string) []string {
	type candidate struct {
		name string
		far  int
	}
	var found []candidate
	for _, k := range known {
		if far := Apart(name, k); far <= max(1, min(len(name), len(k))/3) {
			found = append(found, candidate{k, far})
		} else if len(name) > 3 && strings.Contains(strings.ToLower(k), strings.ToLower(name)) {
			found = append(found, candidate{k, 100 + len(k)})
		} else if len(k) > 3 && strings.Contains(strings.ToLower(name), strings.ToLower(k)) {
			found = append(found, candidate{k, 200 - len(k)})
		}
	}
	slices.SortStableFunc(found, func(a, b candidate) int { return a.far - b.far })
	var names []string
	for _, c := range found {
		if c.far > 2*found[0].far {
			break // the first is so much nearer that the others only distract
		}
		if len(names) < 3 && !slices.Contains(names, c.name) {
			names = append(names, c.name)
		}
	}
	return names
}

// Apart counts the letters to change, add, drop or swap with their neighbour to
// make b of a, whatever their case.
func Apart(a, b string) int {
	x, y := []rune(strings.ToLower(a)), []rune(strings.ToLower(b))
	if len(x) > 80 || len(y) > 80 { // no name is that long: not worth the square
		return 80
	}
	before, last, row := make([]int, len(y)+1), make([]int, len(y)+1), make([]int, len(y)+1)
	for j := range row {
		last[j] = j
	}
	for i := 1; i <= len(x); i++ {
		row[0] = i
		for j := 1; j <= len(y); j++ {
			cost := 1
			if x[i-1] == y[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && x[i-1] == y[j-2] && x[i-2] == y[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(y)]
}
