package segments

import (
	"slices"
	"strings"
)

// nearest returns up to three of the known names that may have been meant by
// name: few letters apart, or one a part of the other.
func nearest(name string, known []string) []string {
	type candidate struct {
		name string
		far  int
	}
	var found []candidate
	for _, k := range known {
		if far := apart(name, k); far <= max(1, min(len(name), len(k))/3) {
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

// apart counts the letters to add, drop, change or swap with their neighbour to
// make b of a. Capitals do not count.
func apart(a, b string) int {
	s, t := []rune(strings.ToLower(a)), []rune(strings.ToLower(b))
	if len(s) > 80 || len(t) > 80 {
		return 80 // nobody mistypes that: and the table stays small
	}
	rows := make([][]int, len(s)+1)
	for i := range rows {
		rows[i] = make([]int, len(t)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(s); i++ {
		for j := 1; j <= len(t); j++ {
			change := rows[i-1][j-1]
			if s[i-1] != t[j-1] {
				change++
			}
			rows[i][j] = min(rows[i-1][j]+1, rows[i][j-1]+1, change)
			if i > 1 && j > 1 && s[i-1] == t[j-2] && s[i-2] == t[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(s)][len(t)]
}
