package program

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"regulars/internal/loyalty"
	"regulars/templates"
)

// wordsFolder holds a file for each language that a shop brings itself.
const wordsFolder = "words/"

// wordsOf is the language of a file of words, "" for other files.
func wordsOf(file string) string {
	lang, inside := strings.CutPrefix(file, wordsFolder)
	lang, yaml := strings.CutSuffix(lang, ".yaml")
	if !inside || !yaml || strings.Contains(lang, "/") {
		return ""
	}
	return lang
}

func (r *loader) readWords() {
	r.program.Words = map[string]templates.Phrases{}
	for _, file := range sortedKeys(r.files) {
		lang := wordsOf(file)
		if lang == "" {
			continue
		}
		root := r.yaml(file)
		if root == nil {
			continue
		}
		if _, err := languageTag(lang); err != nil {
			r.fileProblem(file, Error, err.Error(), "call it words/LANGUAGE.yaml, like words/de.yaml")
			continue
		}
		found := templates.Phrases{}
		r.wordsBelow(root, nil, ownWords{lang, templates.WordKeys(lang), found})
		r.program.Words[lang] = found
	}
}

// ownWords are those of a language, as they are read.
type ownWords struct {
	name  string
	needs templates.Phrases // each with what it is in English
	found templates.Phrases
}

// wordsBelow reads a file of words, or what stands below a key of it. It has the form of
// our own catalogue, and may leave out what it likes; one text may stand for all forms
// of a word.
func (r *loader) wordsBelow(at *node, path []string, lang ownWords) {
	whole := strings.Join(path, ".")
	names := map[string]bool{}
	for known := range lang.needs {
		if known == whole {
			r.oneWord(at, whole, lang)
			return
		}
		if below, ok := strings.CutPrefix(known, strings.TrimPrefix(whole+".", ".")); ok {
			name, _, _ := strings.Cut(below, ".")
			names[name] = true
		}
	}
	part := keys[ownWords]{name: "a file of words"}
	switch len(path) {
	case 1:
		part.name = "the words of " + whole
	case 2:
		part.name = "the forms of " + path[1] + " in " + lang.name
	}
	for _, name := range sortedKeys(names) {
		below := append(slices.Clone(path), name)
		if len(path) == 2 && at.form != mapping {
			r.wordsBelow(at, below, lang)
			continue
		}
		part.rows = append(part.rows, key[ownWords]{name: name, read: func(r *loader, n *node, lang *ownWords) { r.wordsBelow(n, below, *lang) }})
	}
	if part.rows != nil {
		part.fill(r, at, &lang)
	}
}

// oneWord reads a text that has the places of the English one for what is put in.
func (r *loader) oneWord(at *node, key string, lang ownWords) {
	text, ok := r.text(at)
	english := lang.needs[key]
	names := map[string]int{"writing.months": 12, "writing.weekdays": 7}[key]
	has, wants := strings.Count(text, "%s"), strings.Count(english, "%s")
	switch {
	case !ok:
	case has != wants && !(key == "mails.percent_off" && strings.Count(text, "%l") == 1):
		r.errorAt(at, fmt.Sprintf("%q has %%s %d times, and needs it %d times", text, has, wants), fmt.Sprintf("in English it is %q", english))
	case strings.Contains(text, "{{"):
		r.errorAt(at, fmt.Sprintf("%q has {{, and words are not filled in as mails are", text), "write %s where the English words have it")
	case names > 0 && len(strings.Fields(text)) != names:
		name := key[strings.IndexByte(key, '.')+1:]
		r.errorAt(at, fmt.Sprintf("%s has %d names", name, len(strings.Fields(text))), fmt.Sprintf("in English it is %q", english))
	default:
		lang.found[key] = text
	}
}

// Said are the words of the shop's own, by language: what it brings, and what it calls its
// points where that has no word for them.
func (p *Program) Said() map[string]templates.Phrases {
	if p.Loyalty == nil || p.Loyalty.Points == nil || len(p.Loyalty.Points.Called) == 0 {
		return p.Words
	}
	said := map[string]templates.Phrases{}
	maps.Copy(said, p.Words)
	for lang, called := range p.Loyalty.Points.Called {
		if p.Words[lang] == nil && !templates.KnowsWords(lang) { // its readers get other words altogether
			continue
		}
		first, size := utf8.DecodeRuneInString(called)
		own := templates.Phrases{"statement.points": string(unicode.ToUpper(first)) + called[size:]}
		for key := range templates.WordKeys(lang) {
			if strings.HasPrefix(key, "mails.points.") {
				own[key] = "%s " + called
			}
		}
		maps.Copy(own, p.Words[lang])
		said[lang] = own
	}
	return said
}

// wordless warns of a language whose readers get English around their mails, and of
// words that nobody reads.
func (r *loader) wordless() {
	if r.blind {
		return
	}
	for _, lang := range r.program.Languages {
		if templates.KnowsWords(lang) {
			continue
		}
		var missing []string
		for _, key := range sortedKeys(templates.WordKeys(lang)) {
			if _, ok := r.program.Words[lang][key]; !ok {
				missing = append(missing, key)
			}
		}
		if len(missing) == 0 {
			continue
		}
		some := strings.Join(missing[:min(5, len(missing))], ", ")
		if len(missing) > 5 {
			some += fmt.Sprintf(" and %d more", len(missing)-5)
		}
		r.fileProblem(wordsFolder+lang+".yaml", Warning, fmt.Sprintf("Regulars has no words of its own in %s, so its readers get English in footers and on pages: %s", lang, some),
			"write them, as in mails: {unsubscribe: …}, writing: {decimal: …} and pages: {save: …}")
	}
	for lang := range r.program.Words {
		if !slices.Contains(r.program.Languages, lang) {
			r.fileProblem(wordsFolder+lang+".yaml", Warning, fmt.Sprintf("%q is not one of the program's languages, so nobody reads these words", lang), "add it to languages in program.yaml, or delete the file")
		}
	}
}

// namesTopic reports whether a topic that the program does not name in a language
// has a name there all the same.
func (r *loader) namesTopic(topic, lang string) bool {
	if !slices.Contains([]string{loyalty.Offers, loyalty.Newsletter, loyalty.Program}, topic) {
		return false
	}
	return templates.KnowsWords(lang) || r.program.Words[lang]["pages."+topic] != ""
}
