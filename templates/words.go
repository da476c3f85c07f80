package templates

import (
	"cmp"
	"embed"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/goccy/go-yaml"
	"golang.org/x/text/feature/plural"
	"golang.org/x/text/language"
)

// Phrases are what Regulars itself says in one language, around mails and on pages,
// and how numbers, money and days are written in it: by group and key, as in
// pages.save. A text that bends with a number has one for each form that the
// language knows: mails.points.one.
type Phrases map[string]string

//go:embed words/*.yaml
var wordFiles embed.FS

// english is the language of which every text is there: what another lacks is said
// in it.
const english = "en"

// catalogue are the texts of words/, one file for each language. The file of a region
// holds only what differs there.
var catalogue = sync.OnceValue(func() map[string]Phrases {
	all := map[string]Phrases{}
	files, _ := wordFiles.ReadDir("words") // embedded: it is there
	for _, f := range files {
		source, _ := wordFiles.ReadFile("words/" + f.Name())
		texts, err := readPhrases(source)
		if err != nil {
			panic(fmt.Errorf("words/%s: %w", f.Name(), err))
		}
		all[strings.TrimSuffix(f.Name(), ".yaml")] = texts
	}
	for lang, texts := range all {
		for key, text := range all[language.Make(lang).Parent().String()] {
			texts[key] = cmp.Or(texts[key], text)
		}
	}
	return all
})

// readPhrases reads one file of the catalogue.
func readPhrases(source []byte) (Phrases, error) {
	var groups map[string]map[string]any
	if err := yaml.Unmarshal(source, &groups); err != nil {
		return nil, err
	}
	texts := Phrases{}
	for group, keys := range groups {
		for key, v := range keys {
			switch v := v.(type) {
			case string:
				texts[group+"."+key] = v
			case map[string]any:
				for form, text := range v {
					texts[group+"."+key+"."+form] = fmt.Sprint(text)
				}
			default:
				return nil, fmt.Errorf("%s.%s is no text", group, key)
			}
		}
	}
	return texts, nil
}

// KnowsWords reports whether the catalogue has a language.
func KnowsWords(lang string) bool { return suiting(catalogue(), lang) != "" }

// suiting is the language of a set that suits a reader best, "" for none.
func suiting(texts map[string]Phrases, lang string) string {
	have := slices.Sorted(maps.Keys(texts))
	if i := Best(have, lang); i >= 0 {
		return have[i]
	}
	return ""
}

// Words are what is said to somebody: a shop's own texts of their language, then
// ours, then English.
type Words struct {
	Lang  string // BCP 47
	texts [3]Phrases
}

// WordsIn returns the words of the first language wanted of which there are any,
// English when there is none. own are the texts that a shop brings, by language.
func WordsIn(own map[string]Phrases, wanted ...string) Words {
	ours := catalogue()
	for _, lang := range wanted {
		if brought, known := suiting(own, lang), suiting(ours, lang); brought != "" || known != "" {
			return Words{cmp.Or(brought, known), [3]Phrases{own[brought], ours[known], ours[english]}}
		}
	}
	return Words{english, [3]Phrases{ours[english]}}
}

// WordsFrom returns the words of a catalogue of somebody's own, a file in the form of
// words/en.yaml; numbers, money and days are written as ours has them.
func WordsFrom(lang string, source []byte) (Words, error) {
	own, err := readPhrases(source)
	if err != nil {
		return Words{}, err
	}
	ours := catalogue()
	return Words{lang, [3]Phrases{own, ours[suiting(ours, lang)], ours[english]}}, nil
}

// SayOf returns the text of a key in the form that goes with a number, which is put in.
func (w Words) SayOf(key string, n int64) string { return w.sayOf(key, float64(n)) }

// Say returns the text of a key, with what is put in at each %s.
func (w Words) Say(key string, put ...string) string {
	for _, texts := range w.texts {
		if text, ok := texts[key]; ok {
			return fill(text, put)
		}
	}
	return ""
}

func fill(text string, put []string) string {
	var b strings.Builder
	for _, word := range put {
		before, after, found := strings.Cut(text, "%s")
		if !found {
			break
		}
		b.WriteString(before)
		b.WriteString(word)
		text = after
	}
	if b.Len() == 0 {
		return text
	}
	b.WriteString(text)
	return b.String()
}

// sayOf returns the text of a key in the form that goes with v, which is put in.
func (w Words) sayOf(key string, v float64) string {
	form := "." + formOf(rulesOf(key), w.Lang, v)
	for _, texts := range w.texts {
		for _, k := range []string{key + form, key + ".other"} {
			if text, ok := texts[k]; ok {
				return fill(text, []string{w.number(v)})
			}
		}
	}
	return ""
}

// rulesOf are the rules by which a text bends: which one in a row, or how many.
func rulesOf(key string) *plural.Rules {
	if key == "writing.ordinal" {
		return plural.Ordinal
	}
	return plural.Cardinal
}

// forms are the names that CLDR has for the forms of a number.
var forms = map[plural.Form]string{plural.Other: "other", plural.Zero: "zero", plural.One: "one", plural.Two: "two", plural.Few: "few", plural.Many: "many"}

// formOf is the form that goes with v in a language.
func formOf(rules *plural.Rules, lang string, v float64) string {
	whole, fraction, _ := strings.Cut(strings.TrimPrefix(plainDigits(v), "-"), ".")
	tag := language.Make(lang)
	if base(tag) == "mk" && rules == plural.Cardinal && fraction == "" && strings.HasSuffix(whole, "11") {
		return "other" // as CLDR has it since version 36; the library's is older
	}
	digits := []byte(whole + fraction)
	for i := range digits {
		digits[i] -= '0'
	}
	return forms[rules.MatchDigits(tag, digits, len(whole), len(fraction))]
}

// Forms are the forms that a key has in a language, sorted, for reading alone; nil: it has one text.
func Forms(key, lang string) (names []string) {
	if _, bends := catalogue()[english][key+".other"]; !bends {
		return nil
	}
	kind := languageRules{rulesOf(key), lang}
	if known, ok := formsKnown.Load(kind); ok {
		return known.([]string)
	}
	names = kind.forms()
	formsKnown.Store(kind, names)
	return names
}

// languageRules are how words bend in a language.
type languageRules struct {
	rules *plural.Rules
	lang  string
}

// formsKnown are the forms of languageRules that were asked for: it takes some thousand
// numbers to find them.
var formsKnown sync.Map

// forms are the names of the forms that any number has, sorted.
func (l languageRules) forms() (names []string) {
	for n := range 1001 {
		for _, v := range []float64{float64(n), float64(n) + 0.5, float64(n) / 10, float64(n) * 1e6} {
			if name := formOf(l.rules, l.lang, v); !slices.Contains(names, name) && (v == float64(int(v)) || l.rules == plural.Cardinal) {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	return names
}

// WordKeys are the texts that a language needs, each with what it is in English.
func WordKeys(lang string) Phrases {
	needs := Phrases{}
	for key, text := range catalogue()[english] {
		name, _, bends := strings.Cut(key, ".other")
		switch {
		case bends:
			for _, form := range Forms(name, lang) {
				needs[name+"."+form] = text
			}
		case Forms(key[:strings.LastIndexByte(key, '.')], lang) == nil:
			needs[key] = text
		}
	}
	return needs
}
