package program

import (
	"fmt"
	"slices"
	"strings"

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
		r.program.Words[lang] = r.wordsFrom(root, lang)
	}
}

// wordsFrom reads a file of words. It has the form of our own catalogue, and may
// leave out what it likes.
func (r *loader) wordsFrom(root *node, lang string) templates.Phrases {
	found := templates.Phrases{}
	words := map[string]map[string]bool{} // by group
	for key := range templates.WordKeys(lang) {
		group, name, _ := strings.Cut(key, ".")
		name, _, _ = strings.Cut(name, ".") // of all its forms
		if words[group] == nil {
			words[group] = map[string]bool{}
		}
		words[group][name] = true
	}
	file := keys[templates.Phrases]{name: "a file of words"}
	for _, group := range sortedKeys(words) {
		part := keys[templates.Phrases]{name: "the words of " + group}
		for _, name := range sortedKeys(words[group]) {
			part.rows = append(part.rows, key[templates.Phrases]{name: name, read: func(r *loader, n *node, found *templates.Phrases) {
				r.word(*found, n, group+"."+name, lang)
			}})
		}
		file.rows = append(file.rows, key[templates.Phrases]{name: group, read: func(r *loader, n *node, found *templates.Phrases) { part.fill(r, n, found) }})
	}
	file.fill(r, root, &found)
	return found
}

// word reads a word of a language, in all of its forms or one text for all of them.
func (r *loader) word(found templates.Phrases, at *node, name, lang string) {
	forms := templates.Forms(name, lang)
	if forms == nil {
		r.oneWord(found, at, name, lang)
		return
	}
	some := keys[templates.Phrases]{name: "the forms of " + name[strings.IndexByte(name, '.')+1:] + " in " + lang}
	for _, form := range forms {
		some.rows = append(some.rows, key[templates.Phrases]{name: form, read: func(r *loader, n *node, found *templates.Phrases) {
			r.oneWord(*found, n, name+"."+form, lang)
		}})
		if at.form != mapping {
			r.oneWord(found, at, name+"."+form, lang)
		}
	}
	if at.form == mapping {
		some.fill(r, at, &found)
	}
}

// oneWord reads a text that has the places of the English one for what is put in.
func (r *loader) oneWord(found templates.Phrases, at *node, key, lang string) {
	text, ok := r.text(at)
	english := templates.WordKeys(lang)[key]
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
		found[key] = text
	}
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
