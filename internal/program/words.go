package program

import (
	"fmt"
	"slices"
	"strings"

	"regulars/internal/loyalty"
	"regulars/templates"
)

// Words are what Regulars itself says in a language that it does not know: around
// a mail, and on the pages that members see. words/de.yaml has them.
type Words struct {
	Mails templates.Own
	Pages map[string]string
}

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

// PageWords are what pages say, by key, in English. internal/public says them.
func PageWords() map[string]string {
	return map[string]string{
		"mails": "Mails from %s", "choose": "Choose what you want to receive. You can change your mind at any time.", "save": "Save",
		"none": "Unsubscribe from everything", "saved": "Saved. This is in effect now.", "gone": "You are unsubscribed from everything. This is in effect now.",
		"offers": "Offers", "newsletter": "Newsletter", "program": "My membership", "own": "My page", "points": "Points", "codes": "My codes",
		"until": "valid until %s", "no_codes": "You have no codes at the moment.", "minimum": "on orders from %s", "shipping": "Free shipping",
		"choices": "Choose which mails you get", "ask": "Confirm your subscription", "wanted": "Do you want to receive this: %s?", "yes": "Yes, I want this",
		"done": "Thank you!", "confirmed": "Your subscription is confirmed: %s.", "sorry": "Something went wrong",
		"why": "It is not your fault, and nothing was changed. Please try again in a moment.",
	}
}

// readWords reads the words that the shop brings itself.
func (r *loader) readWords() {
	r.program.Words = map[string]Words{}
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
		w := Words{Mails: templates.Own{}, Pages: map[string]string{}}
		keys[Words]{"a file of words", []key[Words]{
			{name: "mails", read: func(r *loader, n *node, w *Words) { w.Mails = r.someWords(n, "mails", templates.OwnKeys()) }},
			{name: "pages", read: func(r *loader, n *node, w *Words) { w.Pages = r.someWords(n, "pages", PageWords()) }},
		}}.fill(r, root, &w)
		r.program.Words[lang] = w
	}
}

// someWords reads words that have the keys of the English ones, and their places
// for what is put in.
func (r *loader) someWords(n *node, name string, english map[string]string) map[string]string {
	found := map[string]string{}
	known := keys[Words]{name: "the words of " + name}
	for _, word := range sortedKeys(english) {
		known.rows = append(known.rows, key[Words]{name: word})
	}
	g := known.open(r, n)
	for _, key := range sortedKeys(english) {
		at := g.get(key)
		if at == nil {
			continue
		}
		text, ok := r.text(at)
		switch want := templates.Placeholders(english[key]); {
		case !ok:
		case templates.Placeholders(text) != want && key != "ordinal":
			r.errorAt(at, fmt.Sprintf("%q has %%s %d times, and needs it %d times", text, templates.Placeholders(text), want), fmt.Sprintf("in English it is %q", english[key]))
		case key == "months" && len(strings.Fields(text)) != 12, key == "weekdays" && len(strings.Fields(text)) != 7:
			r.errorAt(at, fmt.Sprintf("%s has %d names", key, len(strings.Fields(text))), fmt.Sprintf("in English it is %q", english[key]))
		default:
			found[key] = text
		}
	}
	return found
}

// mailWords are the words of mails, by language.
func (p *Program) mailWords() map[string]templates.Own {
	own := map[string]templates.Own{}
	for lang, w := range p.Words {
		own[lang] = w.Mails
	}
	return own
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
		own := r.program.Words[lang]
		for _, key := range sortedKeys(templates.OwnKeys()) {
			if _, ok := own.Mails[key]; !ok && key != "ordinal" {
				missing = append(missing, "mails."+key)
			}
		}
		for _, key := range sortedKeys(PageWords()) {
			if _, ok := own.Pages[key]; !ok {
				missing = append(missing, "pages."+key)
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
			"write them, as in mails: {unsubscribe: …} and pages: {save: …}")
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
	return templates.KnowsWords(lang) || r.program.Words[lang].Pages[topic] != ""
}
