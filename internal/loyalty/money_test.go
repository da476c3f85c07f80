package loyalty_test

import (
	"crypto/rand"
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"regulars/internal/loyalty"
)

func TestParseMoney(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		text, currency string
		want           int64
		refused        string
	}{
		{"59.90", "EUR", 5990, ""},
		{"59.9", "EUR", 5990, ""},
		{"-5", "EUR", -500, ""},
		{"+.5", "EUR", 50, ""},
		{"5.", "EUR", 500, ""},
		{"1e3", "EUR", 100000, ""},
		{"1.5E+2", "EUR", 15000, ""},
		{"4.440892e-16", "EUR", 0, ""},
		{"-4.440892e-16", "EUR", 0, ""},
		{"1.005", "EUR", 101, ""},
		{"-1.005", "EUR", -101, ""},
		{"1.00499999999999999999999", "EUR", 100, ""},
		{"9.995", "EUR", 1000, ""},
		{"0.5", "JPY", 1, ""},
		{"1500", "JPY", 1500, ""},
		{"1.2345", "KWD", 1235, ""},
		{"  7 ", "EUR", 700, ""},
		{"0", "EUR", 0, ""},
		{"000012.30", "EUR", 1230, ""},
		{"0e999999", "EUR", 0, ""},
		{"92233720368547758.07", "EUR", 9223372036854775807, ""},
		{"92233720368547758.08", "EUR", 0, "larger than we can count"},
		{"92233720368547758.075", "EUR", 0, "larger than we can count"},
		{"1e300", "EUR", 0, "larger than we can count"},
		{"1e99999999", "EUR", 0, "not a number"},
		{"59,90", "EUR", 0, "write it with a point"},
		{"", "EUR", 0, "not a number"},
		{".", "EUR", 0, "not a number"},
		{"e5", "EUR", 0, "not a number"},
		{"--5", "EUR", 0, "not a number"},
		{"+-5", "EUR", 0, "not a number"},
		{"1_000", "EUR", 0, "not a number"},
		{"0x10", "EUR", 0, "not a number"},
		{"NaN", "EUR", 0, "not a number"},
		{"Inf", "EUR", 0, "not a number"},
		{"5 €", "EUR", 0, "not a number"},
	} {
		got, err := loyalty.ParseMoney(tt.text, tt.currency)
		if tt.refused != "" {
			if err == nil || !strings.Contains(err.Error(), tt.refused) {
				t.Errorf("ParseMoney(%q) = %d, %v, want an error with %q", tt.text, got, err, tt.refused)
			}
			continue
		}
		if got != tt.want || err != nil {
			t.Errorf("ParseMoney(%q, %s) = %d, %v, want %d", tt.text, tt.currency, got, err, tt.want)
		}
	}
}

// halfAway rounds exactly: the reference for ParseDecimal.
func halfAway(s string, places int) (*big.Int, bool) {
	r, ok := new(big.Rat).SetString(s)
	if !ok {
		return nil, false
	}
	r.Mul(r, new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(places)), nil)))
	twice := new(big.Int).Mul(new(big.Int).Abs(r.Num()), big.NewInt(2))
	twice.Add(twice, r.Denom())
	n := twice.Quo(twice, new(big.Int).Mul(r.Denom(), big.NewInt(2)))
	if r.Sign() < 0 {
		n.Neg(n)
	}
	return n, true
}

func TestParseDecimalAgainstRationals(t *testing.T) {
	t.Parallel()
	number := rapid.StringMatching(`-?[0-9]{1,12}(\.[0-9]{0,12})?([eE][+-]?[0-9])?`)
	rapid.Check(t, func(t *rapid.T) {
		s, places := number.Draw(t, "number"), rapid.IntRange(0, 4).Draw(t, "places")
		want, ok := halfAway(s, places)
		if !ok {
			t.Skip("not a rational")
		}
		got, err := loyalty.ParseDecimal(s, places)
		if !want.IsInt64() {
			if err == nil {
				t.Fatalf("ParseDecimal(%q, %d) = %d, want an error", s, places, got)
			}
			return
		}
		if err != nil || got != want.Int64() {
			t.Fatalf("ParseDecimal(%q, %d) = %d, %v, want %s", s, places, got, err, want)
		}
	})
}

func TestMoneyIsReadAsItIsWritten(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.Int64Range(-9223372036854775807, 9223372036854775807).Draw(t, "amount")
		currency := rapid.SampledFrom([]string{"EUR", "JPY", "KWD", "CLF"}).Draw(t, "currency")
		text := loyalty.FormatMoney(n, currency)
		if got, err := loyalty.ParseMoney(text, currency); err != nil || got != n {
			t.Fatalf("ParseMoney(FormatMoney(%d) = %q) = %d, %v", n, text, got, err)
		}
	})
}

func TestFormatMoney(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		minor    int64
		currency string
		want     string
	}{
		{5990, "EUR", "59.90"}, {-5, "EUR", "-0.05"}, {0, "EUR", "0.00"}, {1500, "JPY", "1500"}, {1, "KWD", "0.001"},
		{-9223372036854775808, "EUR", "-92233720368547758.08"},
	} {
		if got := loyalty.FormatMoney(tt.minor, tt.currency); got != tt.want {
			t.Errorf("FormatMoney(%d, %s) = %q, want %q", tt.minor, tt.currency, got, tt.want)
		}
	}
}

func TestCurrencies(t *testing.T) {
	t.Parallel()
	for code, digits := range map[string]int{"EUR": 2, "AED": 2, "ZWG": 2, "JPY": 0, "XPF": 0, "BHD": 3, "UYW": 4} {
		if !loyalty.IsCurrency(code) || loyalty.CurrencyDigits(code) != digits {
			t.Errorf("%s: known %v, %d digits, want %d", code, loyalty.IsCurrency(code), loyalty.CurrencyDigits(code), digits)
		}
	}
	for _, code := range []string{"", "eur", "EURO", "UR ", "XXX", "ED ", "RUS"} {
		if loyalty.IsCurrency(code) {
			t.Errorf("IsCurrency(%q) = true", code)
		}
	}
}

func TestFoldCode(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, code, want string }{
		{"typed in lower case without hyphens", "back7k2m9qxt", "BACK7K2M9QXT"},
		{"as printed", "BACK-7K2M-9QXT", "BACK7K2M9QXT"},
		{"letters for digits", "olI-oLi", "011011"},
		{"a word keeps its sense on both sides", "COFFEE-00", "C0FFEE00"},
		{"pasted with a dash and spaces", " BACK – 7K2M\u00a09QXT\n", "BACK7K2M9QXT"},
		{"a hidden joiner", "BA\u200bCK", "BACK"},
		{"an imported code keeps its other signs", "SAVE+10%", "SAVE+10%"},
	} {
		if got := loyalty.FoldCode(tt.code); got != tt.want {
			t.Errorf("%s: FoldCode(%q) = %q, want %q", tt.name, tt.code, got, tt.want)
		}
	}
}

func TestFoldingTwiceIsFoldingOnce(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.String().Draw(t, "code")
		once := loyalty.FoldCode(s)
		if twice := loyalty.FoldCode(once); twice != once {
			t.Fatalf("FoldCode(%q) = %q, folded again %q", s, once, twice)
		}
	})
}

func TestCodePattern(t *testing.T) {
	t.Parallel()
	checkWritten(t, "ParseCodePattern", loyalty.ParseCodePattern, func(p loyalty.CodePattern) string { return string(p) }, []written{
		{text: "BACK-####-####", want: "BACK-####-####"},
		{text: " hi# ", want: "hi#"},
		{text: "SUMMER", refused: "has no #"},
		{text: "BACK ####", refused: `may not have ' '`},
		{text: "ÄLÄ-####", refused: `may not have 'Ä'`},
		{text: strings.Repeat("#", 41), refused: "longer than 40"},
	})
	p := loyalty.CodePattern("BACK-####-####")
	if p.Bits() != 40 {
		t.Errorf("%s has %d bits, want 40", p, p.Bits())
	}
	code, err := p.Expand(strings.NewReader("\x00\x01\x1f\x20\xff\x10\x11\x12"))
	if want := "BACK-01Z0-ZGHJ"; code != want || err != nil {
		t.Errorf("Expand = %q, %v, want %q", code, err, want)
	}
	if _, err := p.Expand(strings.NewReader("short")); err == nil {
		t.Error("Expand without enough randomness went through")
	}
	seen := map[string]bool{}
	for range 1000 {
		code, err := p.Expand(rand.Reader)
		if err != nil || len(code) != len(p) || seen[code] {
			t.Fatalf("Expand = %q, %v: want a new code of %d characters", code, err, len(p))
		}
		seen[code] = true
	}
}

func TestHoldoutGroupsAreEvenAndIndependent(t *testing.T) {
	t.Parallel()
	const members, permille = 100_000, 100
	both, each := 0, map[int64]int{}
	for m := int64(1); m <= members; m++ {
		in := map[int64]bool{}
		for _, campaign := range []int64{1, 2} {
			b := loyalty.Bucket(campaign, m)
			if b < 0 || b >= loyalty.Buckets || b != loyalty.Bucket(campaign, m) {
				t.Fatalf("Bucket(%d, %d) = %d", campaign, m, b)
			}
			if in[campaign] = b < permille; in[campaign] {
				each[campaign]++
			}
		}
		if in[1] && in[2] {
			both++
		}
	}
	for campaign, n := range each { // five standard deviations of a fair draw: 5 × 95
		if n < 10_000-475 || n > 10_000+475 {
			t.Errorf("campaign %d holds out %d of %d, want about 10000", campaign, n, members)
		}
	}
	if both < 1000-158 || both > 1000+158 {
		t.Errorf("%d are held out of both campaigns, want about 1000", both)
	}
}

func TestBucketOfHugeIds(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c, m := rapid.Int64Range(0, 1<<62).Draw(t, "campaign"), rapid.Int64Range(0, 1<<62).Draw(t, "member")
		if b := loyalty.Bucket(c, m); b < 0 || b >= loyalty.Buckets {
			t.Fatalf("Bucket(%d, %d) = %d", c, m, b)
		}
	})
}
