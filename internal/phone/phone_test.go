package phone

import "testing"

func TestRead(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, number, country, want string }{
		{"international", "+358 40 555 0101", "FI", "+358405550101"},
		{"with the prefix to call abroad", "00358 40 555 0101", "FI", "+358405550101"},
		{"national", "040 555 0101", "FI", "+358405550101"},
		{"national, with brackets and hyphens", "(040) 555-0101", "FI", "+358405550101"},
		{"the trunk zero in brackets", "+358 (0)40 555 0101", "FI", "+358405550101"},
		{"full-width digits", "０４０ ５５５ ０１０１", "FI", "+358405550101"},
		{"of another country, written at home", "+49 30 901820", "FI", "+4930901820"},
		{"American", "(415) 555-2671", "US", "+14155552671"},
		{"American, to call abroad", "011 358 40 555 0101", "US", "+358405550101"},
		{"a zero that stays", "06 6982", "IT", "+39066982"},
		{"without a country", "040 555 0101", "", "0405550101"},
		{"without a country, but to abroad", "00358405550101", "", "+358405550101"},
		{"in small letters", "040 555 0101", "fi", "+358405550101"},
		{"no number", "n/a", "FI", ""},
		{"too short for one", "12", "FI", "12"},
		{"nothing", "", "FI", ""},
	} {
		got := Read(tt.number, tt.country)
		if got != tt.want || Read(got, tt.country) != got {
			t.Errorf("%s: Read(%q, %q) = %q, want %q, and the same again", tt.name, tt.number, tt.country, got, tt.want)
		}
	}
}

func TestCountryOf(t *testing.T) {
	t.Parallel()
	for zone, want := range map[string]string{"Europe/Helsinki": "FI", "America/New_York": "US", "Asia/Taipei": "TW", "UTC": "", "": ""} {
		if got := CountryOf(zone); got != want {
			t.Errorf("CountryOf(%s) = %q, want %q", zone, got, want)
		}
	}
}
