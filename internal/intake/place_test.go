package intake

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"regulars/segments"
)

func TestPlacesInWords(t *testing.T) {
	t.Parallel()
	s := Shop{languages: []string{"fi", "zh-Hant"}}
	for _, tt := range []struct {
		read             func(string) (string, error)
		name, text, want string
	}{
		{s.readCountry, "letters", "fi", "FI"},
		{s.readCountry, "three letters", "FIN", "FI"},
		{s.readCountry, "letters that people use", "UK", "GB"},
		{s.readCountry, "English", "Finland", "FI"},
		{s.readCountry, "English in capitals, with its article", "THE NETHERLANDS", "NL"},
		{s.readCountry, "a longer English name", "United States of America", "US"},
		{s.readCountry, "a language of the program", "Suomi", "FI"},
		{s.readCountry, "an accent in two parts", "Co\u0302te d\u2019Ivoire", "CI"},
		{s.readCountry, "another language of it", "芬蘭", "FI"},
		{s.readCountry, "a language that the program has not", "Finnland", ""},
		{s.readCountry, "nowhere", "XX", ""},
		{s.readLanguage, "a tag", "pt-br", "pt-BR"},
		{s.readLanguage, "English", "Finnish", "fi"},
		{s.readLanguage, "itself", "suomi", "fi"},
		{s.readLanguage, "itself, without the program having it", "Deutsch", "de"},
		{s.readLanguage, "a language of the program", "ruotsi", "sv"},
		{s.readLanguage, "none", "Klingonese", ""},
		{readZone, "its name", "Europe/Helsinki", "Europe/Helsinki"},
		{readZone, "its name in small letters", "europe/helsinki", "Europe/Helsinki"},
		{readZone, "its city", "New York", "America/New_York"},
		{readZone, "what people call it", "Eastern Time (US & Canada)", "America/New_York"},
		{readZone, "what Windows calls it", "FLE Standard Time", "Europe/Kyiv"},
		{readZone, "an offset", "UTC+02:00", "Etc/GMT-2"},
		{readZone, "an offset without minutes", "GMT -5", "Etc/GMT+5"},
		{readZone, "none", "Middle Earth", ""},
	} {
		if got, err := tt.read(tt.text); got != tt.want || (err == nil) != (tt.want != "") {
			t.Errorf("%s: %q = %q, %v, want %q", tt.name, tt.text, got, err, tt.want)
		}
	}
}

func TestAttributesAreOfTheirType(t *testing.T) {
	t.Parallel()
	helsinki, err := time.LoadLocation("Europe/Helsinki")
	if err != nil {
		t.Fatal(err)
	}
	s := Shop{Zone: helsinki}
	for _, tt := range []struct {
		name  string
		value any
		typ   segments.Type
		want  string // "": none
	}{
		{"a date", "2026-12-24", segments.Date, "2026-12-24"},
		{"a moment is the shop's day", "2026-12-23T22:00:00.000Z", segments.Date, "2026-12-24"},
		{"a time without an offset", "2026-12-24 10:00:00", segments.Date, "2026-12-24"},
		{"a date of another form", "24.12.2026", segments.Date, ""},
		{"a date and something", "2026-12-24abc", segments.Date, ""},
		{"a day that there is not", "2026-02-30", segments.Date, ""},
		{"a number for a date", json.Number("46380"), segments.Date, ""},
		{"a number", json.Number("42.5"), segments.Number, "42.5"},
		{"a number in quotes", " 42.5 ", segments.Number, "42.5"},
		{"a number with an exponent", json.Number("1e3"), segments.Number, "1e3"},
		{"a comma", "42,5", segments.Number, ""},
		{"a number with letters", "EU 42", segments.Number, ""},
		{"a number beyond counting", json.Number("1e300"), segments.Number, ""},
		{"yes for a number", true, segments.Number, ""},
		{"an amount", "59.90", segments.Money, "59.90"},
		{"a text", "gold", segments.Text, "gold"},
		{"a number for a text", json.Number("42.5"), segments.Text, "42.5"},
		{"a list for a text", []any{"a"}, segments.Text, ""},
		{"a list", []any{"a", json.Number("1")}, segments.List, "[a 1]"},
		{"a text for a list", "a,b", segments.List, ""},
		{"a list of lists", []any{[]any{"a"}}, segments.List, ""},
	} {
		got, err := s.readAttribute(tt.value, tt.typ)
		if (err == nil) != (tt.want != "") || err == nil && fmt.Sprint(got) != tt.want {
			t.Errorf("%s: %v = %v, %v, want %s", tt.name, tt.value, got, err, tt.want)
		}
	}
}
