package program_test

import (
	"encoding/json"
	"strings"
	"testing"

	"regulars/internal/program"
	"regulars/templates"
)

// german is a program in German and Finnish, with the words given.
func german(words string) map[string]string {
	files := map[string]string{
		"program.yaml": `
shop: {name: Annas Laden, url: https://shop.example, address: "Hauptstraße 1, Berlin"}
mail: {from: "Anna <anna@shop.example>"}
languages: [de, fi]
currency: EUR
zone: Europe/Berlin
topics: {offers: {de: Angebote}, newsletter: {fi: Kirje}}
`,
		"campaigns/hello/campaign.yaml": "start: joins\ntopic: offers\nsteps:\n  - mail: m\n",
		"campaigns/hello/m.de.md":       "---\nsubject: Hallo\n---\nHallo am {{ member.joined | date }}.\n",
		"campaigns/hello/m.fi.md":       "---\nsubject: Hei\n---\nHei.\n",
	}
	if words != "" {
		files["words/de.yaml"] = words
	}
	return files
}

// allWords is a file with every word, in the form of our own.
func allWords() string {
	groups := map[string]map[string]any{}
	for key, text := range templates.WordKeys("de") {
		parts := strings.Split(key, ".")
		if groups[parts[0]] == nil {
			groups[parts[0]] = map[string]any{}
		}
		if len(parts) == 2 {
			groups[parts[0]][parts[1]] = text
			continue
		}
		forms, _ := groups[parts[0]][parts[1]].(map[string]string)
		if forms == nil {
			forms = map[string]string{}
			groups[parts[0]][parts[1]] = forms
		}
		forms[parts[2]] = text
	}
	file, _ := json.Marshal(groups) // which is YAML
	return string(file) + "\n"
}

func TestAShopBringsWordsOfItsOwnLanguage(t *testing.T) {
	t.Parallel()
	warned := func(files map[string]string) string {
		_, _, problems := program.Load(files)
		if program.Blocked(problems) {
			t.Fatal(problems)
		}
		return lines(problems)
	}
	const none = "words/de.yaml: warning: Regulars has no words of its own in de, so its readers get English in footers and on pages: mails.card, mails.card_full, mails.footer, mails.join_ask"
	if said := warned(german("")); !strings.Contains(said, none) || strings.Contains(said, "in fi") {
		t.Errorf("without words check says\n%swant %q, and nothing of Finnish", said, none)
	}
	if said := warned(german("")); !strings.Contains(said, "topic newsletter has no name in de") {
		t.Errorf("without words check says\n%swant that newsletter has no name in de", said)
	}
	if said := warned(german(allWords())); said != "" {
		t.Errorf("with all words check says\n%swant nothing", said)
	}
	for _, tt := range []struct{ words, want string }{
		{"mails: {unsubscribe: Abmelden}\n", "mails.footer, mails.join_ask"},
		{"mails: {unsubscibe: Abmelden}\n", `"unsubscibe" is not a key of the words of mails; did you mean "unsubscribe"?`},
		{"mails: {footer: Hallo}\n", `words/de.yaml:1:17: "Hallo" has %s 0 times, and needs it 1 times`},
		{"writing: {months: Januar Februar}\n", "months has 2 names"},
		{"mails: {points: {one: \"%s Punkt\", few: \"%s Punkte\"}}\n", `"few" is not a key of the forms of points in de`},
		{"mails: {points: {one: Punkt}}\n", `"Punkt" has %s 0 times`},
		{"mails: {join_title: \"{{ x }}\"}\n", "words are not filled in as mails are"},
		{"pages: [x]\n", "words/de.yaml:1"},
	} {
		_, _, problems := program.Load(german(tt.words))
		if said := lines(problems); !strings.Contains(said, tt.want) {
			t.Errorf("of %s check says\n%swant %q", tt.words, said, tt.want)
		}
	}
	_, texts, _ := program.Load(german("mails: {unsubscribe: Abmelden, footer: \"Sie sind Kunde von %s.\"}\nwriting: {date: D. M Y, months: Januar Februar März April Mai Juni Juli August September Oktober November Dezember}\n"))
	mail := texts["hello"]["m"]["de"]
	r, err := mail.Render(mail.Sample(), templates.Brand{Name: "Annas Laden", Address: "Berlin"})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Abmelden", "Sie sind Kunde von Annas Laden.", "21. Juni 2027"} {
		if !strings.Contains(r.Text, want) {
			t.Errorf("the mail reads\n%s\nwant %q", r.Text, want)
		}
	}
}
