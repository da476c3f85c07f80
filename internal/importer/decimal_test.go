package importer

import "testing"

func TestAmountsAsPeopleWriteThem(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, text string
		decimal    Decimal
		want       string // "": refused
	}{
		{"plain", "1234.50", "", "1234.50"},
		{"with an exponent", "1e3", "", "1e3"},
		{"below zero", "-.5", "", "-.5"},
		{"a comma before the decimals", "1234,50", comma, "1234.50"},
		{"points between thousands", "1.234.567,50", comma, "1234567.50"},
		{"a point between thousands alone", "1.234", comma, "1234"},
		{"commas between thousands", "1,234,567.50", point, "1234567.50"},
		{"a comma between thousands alone", "1,234", point, "1234"},
		{"spaces between thousands", "1 234,50", comma, "1234.50"},
		{"narrow spaces between thousands", "1\u202f234,50", comma, "1234.50"},
		{"apostrophes between thousands", "1'234.50", point, "1234.50"},
		{"the sign of the currency before", "€12.50", "", "12.50"},
		{"the sign of the currency behind", "12,50 €", comma, "12.50"},
		{"the code of the currency", "EUR 12.50", "", "12.50"},
		{"below zero before the sign", "-€12.50", "", "-12.50"},
		{"below zero behind the sign", "€-12.50", "", "-12.50"},
		{"below zero in brackets", "(€12.50)", "", "-12.50"},
		{"below zero behind", "12.50-", "", "-12.50"},
		{"a long minus", "\u221212.50", "", "-12.50"},
		{"a comma that may be either", "1,234", "", ""},
		{"a comma before decimals that nobody spoke of", "10,50", "", ""},
		{"a comma between two of thousands", "10,50", point, ""},
		{"a point before decimals where a comma is", "10.50", comma, ""},
		{"thousands of four digits", "1.2345,50", comma, ""},
		{"of another currency", "$12.50", "", ""},
		{"of a currency that there is not", "12.50 apples", "", ""},
		{"a percentage", "10 %", "", ""},
	}
	for _, tt := range tests {
		if got, err := amount(tt.text, tt.decimal, "EUR"); got != tt.want || (err != nil) != (tt.want == "") {
			t.Errorf("%s: amount(%q, %q) = %q, %v, want %q", tt.name, tt.text, tt.decimal, got, err, tt.want)
		}
	}
}

func TestWhatAnAmountTellsOfItsDecimalMark(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]Decimal{
		"10": "", "10.5": point, "10,5": comma, "1,234": "", "1.234": "", "0,234": comma, "1.234,50": comma, "1,234.50": point,
		"1,234,567": point, "1.234.567": comma, "€ 1 234,50": comma, "1'234.50": point, "": "", "nothing": "", "-,5": comma,
	} {
		if got := marksOf(text); got != want {
			t.Errorf("marksOf(%q) = %q, want %q", text, got, want)
		}
	}
}

// FuzzAmount holds that a number is read as itself or refused, and that what is
// written with thousands is the same without them.
func FuzzAmount(f *testing.F) {
	for _, seed := range []string{"1234.50", "1.234,50", "(€1'234.50)", "-12,5 kr", "1,2,3", "e", "..", "\u00a0"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, decimal := range []Decimal{"", point, comma} {
			got, err := amount(text, decimal, "EUR")
			if err != nil {
				continue
			}
			if again, err := amount(got, "", "EUR"); bare.MatchString(got) && (err != nil || again != got) {
				t.Errorf("amount(%q) = %q, and that is %q, %v", text, got, again, err)
			}
		}
	})
}
