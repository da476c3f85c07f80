package templates

import (
	"strings"

	"regulars/internal/loyalty"
)

// env is what showing a value needs to know of the mail it stands in.
type env struct {
	lang     string
	words    Words
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
	return a.env.words.Money(a.minor, a.env.currency)
}

// round writes it without decimals when there are none to see: €5.
func (a amount) round() string {
	digits := loyalty.FormatMoney(a.minor, a.env.currency)
	if whole, fraction, _ := strings.Cut(digits, "."); strings.Trim(fraction, "0") == "" {
		digits = whole
	}
	return a.env.words.money(digits, a.env.currency)
}

// Money writes an amount in minor units: €59.90, 59,90 €, € 59,90.
func (w Words) Money(minor int64, currency string) string {
	return w.money(loyalty.FormatMoney(minor, currency), currency)
}

func (w Words) money(digits, currency string) string {
	sign, number := "", w.marked(digits)
	if rest, negative := strings.CutPrefix(number, "\u2212"); negative {
		sign, number = "\u2212", rest
	}
	symbol, layout := w.symbol(currency), w.Say("writing.money")
	switch {
	case afterwards(currency):
		layout = "N S"
	case symbol == currency && !strings.Contains(layout, " "): // letters need a space wherever they stand
		layout = strings.Replace(strings.Replace(layout, "SN", "S N", 1), "NS", "N S", 1)
	}
	b := strings.Builder{}
	b.WriteString(sign)
	for _, c := range layout {
		switch c {
		case 'S':
			b.WriteString(symbol)
		case 'N':
			b.WriteString(number)
		case ' ':
			b.WriteString(nbsp)
		default:
			b.WriteRune(c)
		}
	}
	return b.String()
}

// afterwards are the currencies whose symbol follows the number in every language.
func afterwards(currency string) bool {
	return strings.Contains("SEK NOK DKK ISK MKD CZK PLN HUF", currency) && currency != ""
}

func (w Words) symbol(currency string) string {
	switch currency {
	case "EUR":
		return "€"
	case "GBP":
		return "£"
	case "USD":
		return w.Say("writing.dollar")
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
func (e *env) gives(coupon func(field string) any) string {
	percent, hasPercent := number(coupon("percent"))
	value, hasAmount := e.minor(coupon("amount"))
	points, hasPoints := number(coupon("points"))
	switch {
	case hasPercent && percent > 0:
		return e.words.percentOff(percent)
	case hasAmount && value > 0:
		return e.words.Say("mails.off", amount{value, e}.round())
	case coupon("free_shipping") == true:
		return e.words.Say("mails.shipping")
	case hasPoints && points > 0:
		return e.words.sayOf("mails.points", points)
	}
	if perk := clean(coupon("perk")); perk != "" {
		return perk
	}
	return clean(coupon("item"))
}

// percentOff writes a discount: what is taken off, or as some languages have it what
// is left to pay, in tenths.
func (w Words) percentOff(percent float64) string {
	left := 100 - percent
	if left == float64(int(left/10)*10) {
		left /= 10
	}
	text := w.Say("mails.percent_off", w.Say("writing.percent", w.number(percent)))
	return strings.Replace(text, "%l", w.number(left), 1)
}
