package program_test

import (
	"fmt"
	"maps"
	"slices"
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

// allWords is a file with every word, marked.
func allWords() string {
	var text strings.Builder
	for _, group := range []struct {
		name  string
		words map[string]string
	}{{"mails", templates.OwnKeys()}, {"pages", program.PageWords()}} {
		fmt.Fprintf(&text, "%s:\n", group.name)
		for _, key := range slices.Sorted(maps.Keys(group.words)) {
			fmt.Fprintf(&text, "  %s: %q\n", key, group.words[key])
		}
	}
	return text.String()
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
	const none = "words/de.yaml: warning: Regulars has no words of its own in de, so its readers get English in footers and on pages: mails.date"
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
		{"mails: {unsubscribe: Abmelden}\n", "mails.date, mails.date_short"},
		{"mails: {unsubscibe: Abmelden}\n", `"unsubscibe" is not a key of the words of mails; did you mean "unsubscribe"?`},
		{"mails: {footer: Hallo}\n", `words/de.yaml:1:17: "Hallo" has %s 0 times, and needs it 1 times`},
		{"mails: {months: Januar Februar}\n", "months has 2 names"},
		{"pages: [x]\n", "words/de.yaml:1"},
	} {
		_, _, problems := program.Load(german(tt.words))
		if said := lines(problems); !strings.Contains(said, tt.want) {
			t.Errorf("of %s check says\n%swant %q", tt.words, said, tt.want)
		}
	}
	_, texts, _ := program.Load(german("mails: {unsubscribe: Abmelden, footer: \"Sie sind Kunde von %s.\", date: D. M Y, months: Januar Februar März April Mai Juni Juli August September Oktober November Dezember}\n"))
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
