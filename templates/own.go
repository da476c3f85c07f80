package templates

import "strings"

// Own are words of a language that the renderer does not know, as a shop brings
// them: by the keys of OwnKeys.
type Own map[string]string

// OwnKeys are the words that a mail needs of a language, each with what it is in
// English: that is what stands in a mail where a word is missing.
func OwnKeys() map[string]string {
	keys := map[string]string{}
	w := english()
	for name, at := range w.own() {
		keys[name] = *at
	}
	return keys
}

// own are the words that a shop may bring, by key.
func (w *words) own() map[string]*string {
	return map[string]*string{
		"unsubscribe": &w.unsubscribe, "preferences": &w.preferences, "footer": &w.footer, "your_code": &w.yourCode, "valid_until": &w.validUntil,
		"minimum": &w.minimum, "off": &w.off, "shipping": &w.shipping, "point": &w.points[0], "points": &w.points[1],
		"decimal": &w.decimal, "thousands": &w.thousands, "months": &w.months, "weekdays": &w.weekdays,
		"date": &w.long, "date_short": &w.short, "date_with_weekday": &w.weekday, "ordinal": &w.ordinal,
	}
}

// KnowsWords reports whether the renderer has words of a language itself.
func KnowsWords(lang string) bool { return Best(catalogue, lang) >= 0 }

// catalogue are the languages of which words.go has the words.
var catalogue = []string{"en", "fi", "el", "mk", "nl", "zh-Hant", "en-US"}

// wordsOf returns the words of a language: a shop's own, over English, before ours.
func wordsOf(own map[string]Own, lang string) words {
	var have []string
	for l := range own {
		have = append(have, l)
	}
	i := Best(have, lang)
	if i < 0 {
		return wordsFor(lang)
	}
	w := wordsFor(lang)
	if !KnowsWords(lang) {
		w.euroFirst, w.euroSpace = false, nbsp
	}
	for name, at := range w.own() {
		if text, ok := own[have[i]][name]; ok {
			*at = text
		}
	}
	return w
}

// Placeholders is how often %s stands in a text.
func Placeholders(text string) int { return strings.Count(text, "%s") }
