package templates

import "strings"

// nearest returns the name that word was probably meant to be, "" when none is near.
func nearest(word string, names []string) string {
	best, found := "", len(word)/3+1
	for _, n := range names {
		if d := distance(plainName(word), plainName(n)); d < found || (d == 0 && found == 0) {
			best, found = n, d
		}
	}
	return best
}

// meant asks whether a name was meant, "" for none.
func meant(name string) string {
	if name == "" {
		return ""
	}
	return "did you mean " + name + "?"
}

// plainName makes FirstName, firstName and first_name alike.
func plainName(s string) string {
	return strings.ToLower(strings.NewReplacer("_", "", "-", "", " ", "").Replace(s))
}

// distance counts the letters to add, drop, change or swap to get from a to b.
func distance(a, b string) int {
	x, y := []rune(a), []rune(b)
	if len(x) > 60 || len(y) > 60 { // no name is that long: not worth the square
		return 60
	}
	rows := make([][]int, len(x)+1)
	for i := range rows {
		rows[i] = make([]int, len(y)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(x); i++ {
		for j := 1; j <= len(y); j++ {
			cost := 1
			if x[i-1] == y[j-1] {
				cost = 0
			}
			rows[i][j] = min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+cost)
			if i > 1 && j > 1 && x[i-1] == y[j-2] && x[i-2] == y[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(x)][len(y)]
}
