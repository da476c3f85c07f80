package report

import (
	"strings"
	"unicode"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// letters are those that are one letter to Unicode and two, or another one, to who
// types a name without having it on the keyboard.
var letters = strings.NewReplacer("ı", "i", "ł", "l", "ø", "o", "đ", "d", "ð", "d", "æ", "ae", "œ", "oe", "þ", "th")

// fold returns a text as searches compare it: without case and accents, so that
// ÅSTRÖM, åström and astrom are one, as are GROSS and Groß, ΓΙΏΡΓΟΣ and Γιώργος,
// İnan and inan.
func fold(text string) string {
	plain := true
	for i := range len(text) {
		plain = plain && text[i] < 0x80
	}
	if plain {
		return strings.ToLower(text)
	}
	folded := strings.Map(func(c rune) rune {
		if unicode.Is(unicode.Mn, c) {
			return -1
		}
		return c
	}, norm.NFKD.String(cases.Fold().String(norm.NFKD.String(text))))
	return letters.Replace(folded)
}
