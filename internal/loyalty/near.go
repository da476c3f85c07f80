package loyalty

import "strings"

// Nearest returns the name that was probably meant, "" when none is near.
func Nearest(name string, names []string) string {
	best, near := (len(name)+1)/3, ""
	for _, candidate := range names {
		if d := distance(strings.ToLower(name), strings.ToLower(candidate)); d <= best && d < len(candidate) {
			best, near = d-1, candidate
		}
	}
	return near
}

// Apart counts the letters to change, add, drop or swap to make b of a, whatever
// their case.
func Apart(a, b string) int { return distance(strings.ToLower(a), strings.ToLower(b)) }

// distance counts the letters to change, add, drop or swap with their neighbour
// to make b of a.
func distance(a, b string) int {
	x, y := []rune(a), []rune(b)
	if len(x) > 100 || len(y) > 100 { // no name is that long: not worth the square
		return 100
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
