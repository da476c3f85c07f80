package loyalty

import "strings"

// FoldPhone returns what a phone number is known by: its digits, with the plus
// before them if there is one. Two numbers that fold alike are one number.
func FoldPhone(number string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' || r == '+' {
			return r
		}
		return -1
	}, number)
}
