package intake

import (
	"fmt"
	"strings"
	"sync"

	"golang.org/x/text/language"
	"golang.org/x/text/language/display"
	"golang.org/x/text/unicode/norm"

	"regulars/internal/loyalty"
)

// readCountry returns a country's two letters: of its code in two letters or
// three, or of its name in English or in one of the program's languages.
func (s Shop) readCountry(text string) (string, error) {
	if len(text) == 2 || len(text) == 3 {
		if region, err := language.ParseRegion(text); err == nil && region.IsCountry() {
			return region.Canonicalize().String(), nil
		}
	}
	for _, in := range s.tongues() {
		if code := namesIn(in).countries[folded(text)]; code != "" {
			return code, nil
		}
	}
	return "", fmt.Errorf("%s is neither a country's letters, like FI (ISO 3166), nor its name in English or a language of the program", loyalty.Quoted(text))
}

// readLanguage returns the tag of a language: of its tag, or of its name in
// English, in itself or in one of the program's languages.
func (s Shop) readLanguage(text string) (string, error) {
	if tag, err := language.Parse(text); err == nil && tag != language.Und {
		return tag.String(), nil
	}
	for _, in := range s.tongues() {
		if tag := namesIn(in).languages[folded(text)]; tag != "" {
			return tag, nil
		}
	}
	return "", fmt.Errorf("%s is neither a language's tag, like fi or pt-BR (BCP 47), nor its name in English, in itself or in a language of the program", loyalty.Quoted(text))
}

// readZone returns the name of a time zone: of its name in any case, of its city,
// of an offset in whole hours, or of what people call it.
func readZone(text string) (string, error) {
	zone, err := loyalty.ZoneNamed(text)
	if err != nil {
		return "", fmt.Errorf("%s is not a time zone like Europe/Helsinki (IANA)%s", loyalty.Quoted(text), meantZone(text))
	}
	return zone, nil
}

func meantZone(text string) string {
	if near := loyalty.NearestZone(text); near != "" {
		return "; did you mean " + near + "?"
	}
	return ""
}

// tongues are the languages in which names are looked for.
func (s Shop) tongues() []string { return append([]string{"en"}, s.languages...) }

// placeNames are the names of countries and languages in one language, folded.
type placeNames struct{ countries, languages map[string]string }

// known keeps them: they never change, and there are many.
var known sync.Map // language → *placeNames

// namesIn returns the names of countries and languages as CLDR has them in a
// language.
func namesIn(in string) *placeNames {
	if names, ok := known.Load(in); ok {
		return names.(*placeNames)
	}
	names := &placeNames{map[string]string{}, map[string]string{}}
	tag := language.Make(in)
	if regions := display.Regions(tag); regions != nil {
		for code := range 26 * 26 {
			region, err := language.ParseRegion(string([]byte{'A' + byte(code/26), 'A' + byte(code%26)}))
			if err != nil || !region.IsCountry() {
				continue
			}
			if name := folded(regions.Name(region)); name != "" {
				names.countries[name] = region.Canonicalize().String()
			}
		}
	}
	if in == "en" {
		for name, code := range calledInEnglish {
			names.countries[name] = code
		}
	}
	tongues := display.Languages(tag)
	for _, base := range display.Supported.BaseLanguages() {
		one := language.Make(base.String())
		names.languages[folded(display.Self.Name(one))] = one.String()
		if tongues != nil {
			names.languages[folded(tongues.Name(one))] = one.String()
		}
	}
	delete(names.languages, "")
	known.Store(in, names)
	return names
}

// calledInEnglish are names of countries that people write and CLDR does not.
var calledInEnglish = map[string]string{
	"uk": "GB", "u.k.": "GB", "great britain": "GB", "england": "GB", "scotland": "GB", "wales": "GB", "northern ireland": "GB",
	"u.s.": "US", "u.s.a.": "US", "united states of america": "US", "czech republic": "CZ", "republic of ireland": "IE",
	"russian federation": "RU", "korea": "KR", "republic of korea": "KR", "macedonia": "MK", "north macedonia": "MK", "türkiye": "TR", "viet nam": "VN",
	"holland": "NL", "hong kong": "HK", "macau": "MO", "swaziland": "SZ", "ivory coast": "CI",
}

// folded is a name without what people write in different ways.
func folded(name string) string {
	name = strings.Join(strings.Fields(strings.ToLower(norm.NFC.String(name))), " ")
	return strings.TrimPrefix(name, "the ")
}
