package templates

import (
	"math"
	"strconv"
	"strings"
	"unicode"

	"regulars/internal/loyalty"
)

const nbsp = "\u00a0"

// Number writes a count with the language's marks: 1,234.
func (w Words) Number(n int64) string { return w.number(float64(n)) }

// Digits writes a figure that is digits with a decimal point: 12,345.60.
func (w Words) Digits(s string) string { return w.marked(s) }

// Change writes by how much a number has changed, with its sign: +12,345.
func (w Words) Change(n int64) string { return w.change(float64(n)) }

func (w Words) change(v float64) string {
	if v > 0 {
		return "+" + w.number(v)
	}
	return w.number(v)
}

func (w Words) number(v float64) string { return w.marked(plainDigits(v)) }

// Points writes a number of points: 1 point, 5 points.
func (w Words) Points(n int64) string { return w.sayOf("mails.points", float64(n)) }

// PointsCalled is what stands after a number of points: points.
func (w Words) PointsCalled() string {
	return strings.TrimFunc(w.Points(5), func(r rune) bool { return !unicode.IsLetter(r) })
}

// plainDigits are a number's digits with a decimal point.
func plainDigits(v float64) string {
	if v == math.Trunc(v) && math.Abs(v) < 1e15 {
		return strconv.FormatInt(int64(v), 10)
	}
	return strconv.FormatFloat(v, 'f', -1, 64)
}

// marked puts the language's marks into digits with a decimal point.
func (w Words) marked(s string) string {
	sign := ""
	if strings.HasPrefix(s, "-") {
		sign, s = "\u2212", s[1:]
	}
	whole, fraction, has := strings.Cut(s, ".")
	whole = loyalty.Thousands(whole, w.Say("writing.thousands"))
	if has {
		whole += w.Say("writing.decimal") + fraction
	}
	return sign + whole
}
