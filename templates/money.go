package templates

import (
	"fmt"
	"strings"

	"regulars/internal/loyalty"
)

// env is what showing a value needs to know of the mail it stands in.
type env struct {
	lang     string
	words    words
	currency string
	brand    Brand
}

// amount is money that shows itself in the mail's language.
type amount struct {
	minor int64
	env   *env
}

// String writes the amount with its symbol: €59.90, 59,90 €, € 59,90.
func (a amount) String() string {
	return a.env.words.money(loyalty.FormatMoney(a.minor, a.env.currency), a.env.currency, a.env.lang)
}

// round writes it without decimals when there are none to see: €5.
func (a amount) round() string {
	digits := loyalty.FormatMoney(a.minor, a.env.currency)
	if whole, fraction, _ := strings.Cut(digits, "."); strings.Trim(fraction, "0") == "" {
		digits = whole
	}
	return a.env.words.money(digits, a.env.currency, a.env.lang)
}

func (w words) money(digits, currency, lang string) string {
	sign, number := "", w.marked(digits)
	if rest, negative := strings.CutPrefix(number, "\u2212"); negative {
		sign, number = "\u2212", rest
	}
	symbol, space := symbolOf(currency, lang), w.euroSpace
	if symbol == currency { // letters need a space wherever they stand
		space = nbsp
	}
	if w.euroFirst && !afterwards(currency) {
		return sign + symbol + space + number
	}
	if space == "" {
		space = nbsp
	}
	return sign + number + space + symbol
}

// afterwards are the currencies whose symbol follows the number in every language.
func afterwards(currency string) bool {
	return strings.Contains("SEK NOK DKK ISK MKD CZK PLN HUF", currency) && currency != ""
}

func symbolOf(currency, lang string) string {
	switch currency {
	case "EUR":
		return "€"
	case "GBP":
		return "£"
	case "USD":
		if strings.HasPrefix(lang, "zh") {
			return "US$"
		}
		return "$"
	case "TWD":
		return "NT$"
	case "JPY":
		return "¥"
	case "MKD":
		return "ден."
	case "SEK", "NOK", "DKK", "ISK":
		return "kr"
	case "CZK":
		return "Kč"
	case "PLN":
		return "zł"
	case "HUF":
		return "Ft"
	}
	return currency
}

// gives says in words what a code is worth: 15% off, €5 off, Free shipping.
func (e *env) gives(coupon map[string]any) string {
	percent, hasPercent := number(coupon["percent"])
	value, hasAmount := e.minor(coupon["amount"])
	points, hasPoints := number(coupon["points"])
	switch {
	case hasPercent && percent > 0:
		return e.percentOff(percent)
	case hasAmount && value > 0:
		return fmt.Sprintf(e.words.off, amount{value, e}.round())
	case coupon["free_shipping"] == true:
		return e.words.shipping
	case hasPoints && points > 0:
		form := e.words.points[1]
		if e.words.single(points) {
			form = e.words.points[0]
		}
		return fmt.Sprintf(form, e.words.number(points))
	}
	if perk := clean(coupon["perk"]); perk != "" {
		return perk
	}
	return clean(coupon["item"])
}

// percentOff writes a discount; Chinese names what is left to pay, in tenths.
func (e *env) percentOff(percent float64) string {
	if e.words.yourCode == chinese().yourCode {
		left := 100 - percent
		if left == float64(int(left/10)*10) {
			left /= 10
		}
		return e.words.number(left) + " 折"
	}
	return fmt.Sprintf(e.words.off, fmt.Sprintf(e.words.percent, e.words.number(percent)))
}
