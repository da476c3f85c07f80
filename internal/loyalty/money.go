package loyalty

import (
	"errors"
	"fmt"
	"math/big"
	"strconv"
	"strings"
)

// Most is the largest number that may come in: an amount in minor units, a quantity,
// points. A million of them can be added up.
const Most = int64(1e13)

// ParseMoney reads an amount as shops write it, 59.90, -5, .5 or 1e3, and
// returns minor units of the currency, rounded half away from zero.
func ParseMoney(s, currency string) (int64, error) { return ParseDecimal(s, CurrencyDigits(currency)) }

// ParseDecimal reads a decimal number, with an exponent or without, as a whole
// number of units of 10^-places, rounded half away from zero. It computes in
// decimal: 1.005 in places of 2 is 101, and 4.440892e-16 is 0.
func ParseDecimal(s string, places int) (int64, error) {
	text := strings.TrimSpace(s)
	unsigned := strings.TrimPrefix(strings.TrimPrefix(text, "+"), "-")
	if len(text)-len(unsigned) > 1 {
		return 0, notNumber(s)
	}
	digits, point, err := decimal(unsigned)
	if err != nil {
		return 0, notNumber(s)
	}
	n, err := rounded(digits, point+places)
	if err != nil {
		return 0, fmt.Errorf("%q is larger than we can count", s)
	}
	if strings.HasPrefix(text, "-") {
		n = -n
	}
	return n, nil
}

// ParseExact is ParseDecimal that says whether the number has no more places than
// that. What a computer's arithmetic leaves far behind the point, as in
// 19.990000000000002, is none.
func ParseExact(s string, places int) (n int64, exact bool, err error) {
	n, err = ParseDecimal(s, places)
	if err != nil {
		return 0, false, err
	}
	fine, err := ParseDecimal(s, places+3)
	return n, err != nil || fine%1000 == 0, nil
}

// ParsePieces reads how many pieces of something were sold. What is sold by
// weight, 0.4 or 2.5, is one piece, however much it weighs.
func ParsePieces(s string) (n int64, weighed bool, err error) {
	n, exact, err := ParseExact(s, 0)
	if err != nil || exact {
		return n, false, err
	}
	if strings.HasPrefix(strings.TrimSpace(s), "-") {
		return -1, true, nil
	}
	return 1, true, nil
}

// Times returns the amount of so many pieces, or so much, at a price, both as they
// are written, in units of 10^-places, rounded half away from zero once.
func Times(price, quantity string, places int) (int64, error) {
	product := big.NewRat(1, 1)
	for _, text := range []string{price, quantity} {
		text = strings.TrimSpace(text)
		if _, err := ParseDecimal(text, 0); err != nil {
			return 0, err
		}
		factor, ok := new(big.Rat), false
		if len(text) <= 40 && !strings.ContainsAny(text, "eE") {
			_, ok = factor.SetString(text)
		}
		if !ok {
			return 0, notNumber(text)
		}
		product.Mul(product, factor)
	}
	return ParseDecimal(product.FloatString(places+9), places)
}

func notNumber(s string) error {
	if strings.Contains(s, ",") {
		return fmt.Errorf("%q is not an amount: write it with a point and without separators, like 1234.50", s)
	}
	return fmt.Errorf("%q is not a number like 59.90", s)
}

var errNotDecimal = errors.New("not a decimal number")

// decimal returns the digits of an unsigned number without leading zeros, and
// where its point stands: the number is 0.DIGITS × 10^point.
func decimal(s string) (digits string, point int, err error) {
	mantissa, exponent := s, 0
	if i := strings.IndexAny(s, "eE"); i >= 0 {
		mantissa = s[:i]
		if exponent, err = strconv.Atoi(s[i+1:]); err != nil {
			return "", 0, errNotDecimal
		}
	}
	whole, fraction, _ := strings.Cut(mantissa, ".")
	all := whole + fraction
	if all == "" || strings.Trim(all, "0123456789") != "" || exponent > 1e6 || exponent < -1e6 {
		return "", 0, errNotDecimal
	}
	digits = strings.TrimLeft(all, "0")
	return digits, len(whole) + exponent - (len(all) - len(digits)), nil
}

// rounded returns 0.DIGITS × 10^point as a whole number, half rounded up.
func rounded(digits string, point int) (int64, error) {
	switch {
	case digits == "" || point < 0:
		return 0, nil
	case point > 19:
		return 0, strconv.ErrRange
	case point < len(digits):
		n, err := strconv.ParseInt("0"+digits[:point], 10, 64)
		if err == nil && digits[point] >= '5' {
			if n++; n < 0 {
				return 0, strconv.ErrRange
			}
		}
		return n, err
	}
	return strconv.ParseInt(digits+strings.Repeat("0", point-len(digits)), 10, 64)
}

// FormatMoney writes minor units as ParseMoney reads them: 59.90. How a language
// writes money is left to the mails.
func FormatMoney(minor int64, currency string) string {
	return FormatDecimal(minor, CurrencyDigits(currency))
}

// FormatDecimal writes n units of 10^-places with all its places.
func FormatDecimal(n int64, places int) string {
	text, negative := strings.CutPrefix(strconv.FormatInt(n, 10), "-")
	if places > 0 {
		text = strings.Repeat("0", max(0, places+1-len(text))) + text
		text = text[:len(text)-places] + "." + text[len(text)-places:]
	}
	if negative {
		return "-" + text
	}
	return text
}

// Count writes a number as people read it: 1,234.
func Count(n int64) string { return Thousands(strconv.FormatInt(n, 10), ",") }

// Thousands puts a mark between the thousands of a figure, which may have a sign and
// decimals behind a point: 1,234.50.
func Thousands(digits, mark string) string {
	sign, fraction := "", ""
	if strings.HasPrefix(digits, "-") {
		sign, digits = "-", digits[1:]
	}
	if i := strings.IndexByte(digits, '.'); i >= 0 {
		digits, fraction = digits[:i], digits[i:]
	}
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + mark + digits[i:]
	}
	return sign + digits + fraction
}

// The currencies of ISO 4217 in use, by how many decimals their amounts have.
const (
	noDigits    = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
	threeDigits = "BHD IQD JOD KWD LYD OMR TND"
	fourDigits  = "CLF UYW"
	twoDigits   = "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BOV BRL BSD BTN BWP " +
		"BYN BZD CAD CDF CHE CHF CHW CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS " +
		"GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL " +
		"MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR " +
		"RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS " +
		"UAH USD USN UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG"
)

// CurrencyDigits returns how many decimals the currency's amounts have, 2 for one
// that is not in the list.
func CurrencyDigits(code string) int {
	for digits, codes := range [...]string{0: noDigits, 3: threeDigits, 4: fourDigits} {
		if listed(code, codes) {
			return digits
		}
	}
	return 2
}

// IsCurrency reports whether code is an ISO 4217 code in use.
func IsCurrency(code string) bool { return CurrencyDigits(code) != 2 || listed(code, twoDigits) }

func listed(code, codes string) bool {
	at := strings.Index(codes, code)
	return len(code) == 3 && at >= 0 && at%4 == 0
}
