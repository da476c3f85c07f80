package importer

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"regulars/internal/loyalty"
)

// Decimal is what stands before the decimals of an amount.
type Decimal string

// The two marks that there are; the other one of the two stands between thousands.
const (
	point Decimal = "."
	comma Decimal = ","
)

// ParseDecimal reads a mark as --decimal takes it; "" is neither.
func ParseDecimal(text string) (Decimal, error) {
	switch strings.ToLower(text) {
	case "":
		return "", nil
	case ".", "point", "dot":
		return point, nil
	case ",", "comma":
		return comma, nil
	}
	return "", fmt.Errorf("%q is neither a comma, for 1.234,50, nor a point, for 1,234.50", text)
}

var (
	bare    = regexp.MustCompile(`^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$`)
	body    = regexp.MustCompile(`\d[\d.,' \x{00a0}\x{202f}\x{2009}\x{2019}]*\d|[.,]?\d+`)
	spacing = strings.NewReplacer("'", "", "\u2019", "", " ", "", "\u00a0", "", "\u202f", "", "\u2009", "")
)

// marksOf returns which decimal mark an amount must have, "" where either reading, or
// none, makes sense. A point alone, as in 1.234, proves nothing either.
func marksOf(text string) Decimal {
	number := spacing.Replace(body.FindString(text))
	c, p := strings.LastIndexByte(number, ','), strings.LastIndexByte(number, '.')
	mark, at, other := comma, c, point
	if p > c {
		mark, at, other = point, p, comma
	}
	alone := strings.Count(number, string(mark)) == 1
	switch {
	case at < 0:
		return ""
	case min(c, p) >= 0 && alone:
		return mark
	case !alone:
		return other
	case len(number)-at-1 != 3 || strings.TrimLeft(number[:at], "0") == "":
		return mark
	}
	return ""
}

// amount brings an amount, as people and programs write one, into the form in which
// we read it: without the sign of its currency, with a point before its decimals and
// nothing between thousands. What may be two numbers is refused.
func amount(text string, decimal Decimal, currency string) (string, error) {
	if bare.MatchString(text) && (decimal != comma || !strings.Contains(text, ".")) {
		return text, nil
	}
	found := body.FindStringIndex(text)
	if found == nil {
		return text, nil // whoever reads the number says what is wrong with it
	}
	number := spacing.Replace(text[found[0]:found[1]])
	around := strings.TrimSpace(text[:found[0]]) + strings.TrimSpace(text[found[1]:])
	unit := strings.Trim(strings.NewReplacer("(", "", ")", "", "-", "", "+", "", "\u2212", "", " ", "", "\u00a0", "").Replace(around), ".")
	if unit != "" && !isOf(unit, currency) {
		return "", fmt.Errorf("%s is not an amount in the program's %s, like 1234.50", loyalty.Quoted(text), currency)
	}
	if decimal == "" && strings.Contains(number, ",") {
		if marksOf(number) == "" {
			return "", fmt.Errorf("%s may be two amounts: say --decimal , where the comma stands before decimals, --decimal . where it stands between thousands", loyalty.Quoted(text))
		}
		return "", fmt.Errorf("%s is not an amount like the others of the file: say --decimal , where a comma stands before decimals, --decimal . where a point does", loyalty.Quoted(text))
	}
	mark, between := string(cmp.Or(decimal, point)), string(comma)
	if decimal == comma {
		between = string(point)
	}
	whole, fraction, _ := strings.Cut(number, mark)
	if groups := strings.Split(whole, between); len(groups) > 1 {
		if len(groups[0]) > 3 || groups[0] == "" || slices.ContainsFunc(groups[1:], func(g string) bool { return len(g) != 3 }) {
			return "", fmt.Errorf("%s is not an amount with %q before its decimals", loyalty.Quoted(text), mark)
		}
		whole = strings.Join(groups, "")
	}
	if strings.ContainsAny(fraction, ".,") {
		return "", fmt.Errorf("%s is not an amount with %q before its decimals", loyalty.Quoted(text), mark)
	}
	sign := ""
	if strings.ContainsAny(around, "-\u2212") || strings.Contains(around, "(") && strings.Contains(around, ")") {
		sign = "-"
	}
	if fraction != "" {
		fraction = "." + fraction
	}
	return sign + whole + fraction, nil
}

// isOf reports whether a unit of an amount is the currency's: its code, or a sign that
// it may have.
func isOf(unit, currency string) bool {
	if strings.EqualFold(unit, currency) {
		return true
	}
	return slices.Contains(strings.Fields(signs[strings.ToLower(unit)]), currency)
}

// signs are what amounts are marked with, each with the currencies that have it.
var signs = map[string]string{
	"$": "USD CAD AUD NZD SGD HKD MXN TWD ARS CLP COP BRL", "us$": "USD", "ca$": "CAD", "a$": "AUD", "nz$": "NZD", "c$": "CAD", "s$": "SGD", "r$": "BRL", "mx$": "MXN",
	"\u20ac": "EUR", "\u00a3": "GBP EGP", "\u00a5": "JPY CNY", "kr": "SEK NOK DKK ISK", "fr": "CHF", "sfr": "CHF", "z\u0142": "PLN", "k\u010d": "CZK", "ft": "HUF",
	"\u20b9": "INR", "rs": "INR PKR LKR NPR", "\u20ba": "TRY", "\u20bd": "RUB", "\u20b4": "UAH", "\u20a9": "KRW", "\u20aa": "ILS", "\u20ab": "VND", "\u0e3f": "THB", "r": "ZAR", "\u20b1": "PHP", "rm": "MYR", "lei": "RON", "ден": "MKD", "din": "RSD",
}
