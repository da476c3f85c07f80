package templates

import (
	"strings"

	"regulars/internal/loyalty"
)

// nearest returns the name that word was probably meant to be, "" when none is near.
func nearest(word string, names []string) string {
	best, found := "", len(word)/3+1
	for _, n := range names {
		if d := loyalty.Apart(plainName(word), plainName(n)); d < found || (d == 0 && found == 0) {
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
