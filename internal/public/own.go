package public

import (
	"regulars/internal/program"
	"regulars/templates"
)

// wordsWith is wordsFor of a shop that brings words for languages that we do not
// have. A word that it does not bring is English.
func wordsWith(own map[string]program.Words, wanted ...string) words {
	var have []string
	for lang, w := range own {
		if len(w.Pages) > 0 {
			have = append(have, lang)
		}
	}
	for _, lang := range wanted {
		if i := templates.Best(have, lang); i >= 0 {
			w := wordsFor(lang)
			if !templates.KnowsWords(lang) {
				w.Lang, w.Date, w.Thousands, w.Decimal, w.Money = have[i], "2006-01-02", nbsp, ",", "N S"
			}
			for key, at := range w.own() {
				if text := own[have[i]].Pages[key]; text != "" {
					*at = text
				}
			}
			return w
		}
		if templates.Best(languages(), lang) >= 0 {
			break
		}
	}
	return wordsFor(wanted...)
}

// own are the words that a shop may bring, by the keys of program.PageWords.
func (w *words) own() map[string]*string {
	return map[string]*string{
		"mails": &w.Mails, "choose": &w.Choose, "save": &w.Save, "none": &w.None, "saved": &w.Saved, "gone": &w.Gone,
		"offers": &w.Offers, "newsletter": &w.Newsletter, "program": &w.Program, "own": &w.Own, "points": &w.Points, "codes": &w.Codes,
		"until": &w.Until, "no_codes": &w.NoCodes, "minimum": &w.Minimum, "shipping": &w.Shipping, "choices": &w.Choices,
		"ask": &w.Ask, "wanted": &w.Wanted, "yes": &w.Yes, "done": &w.Done, "confirmed": &w.Confirmed, "sorry": &w.Sorry, "why": &w.Why,
	}
}
