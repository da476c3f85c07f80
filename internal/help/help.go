// Package help has the pages that explain Regulars to whoever uses it: one file of
// Markdown for each topic, short, the same in the terminal (`regulars help TOPIC`) and in
// the console (/console/help).
//
// What stands in a fence is no decoration: a test (cmd/regulars/help_test.go) does with
// each block what a reader would, by the word behind the fence: rules are counted, files
// of a program checked, mails written, commands run, events posted. The pages themselves
// promise no more than what README.md says.
package help

import (
	"embed"
	"strings"
)

//go:embed pages/*.md
var files embed.FS

// order is the one in which a newcomer reads the topics.
var order = []string{"getting-started", "files", "rules", "mails", "webhooks", "coupons", "points", "production", "deliverability", "troubleshooting"}

// Page is what there is to say of one topic.
type Page struct {
	Name  string `json:"topic"` // as people ask for it
	Title string `json:"title"`
	Says  string `json:"says"` // what it is about, in a sentence
	Text  string `json:"text"` // all of it, as Markdown
}

// Pages returns all of them, in the order in which a newcomer reads them.
func Pages() (all []Page) {
	for _, name := range order {
		p, _ := ByName(name)
		all = append(all, p)
	}
	return all
}

// Names are the topics, in the same order.
func Names() []string { return append([]string(nil), order...) }

// ByName returns the page of a topic; false where there is none.
func ByName(name string) (p Page, ok bool) {
	text, err := files.ReadFile("pages/" + name + ".md")
	if err != nil || name == "" {
		return p, false
	}
	p = Page{Name: name, Text: string(text)}
	title, rest, _ := strings.Cut(p.Text, "\n")
	p.Title = strings.TrimPrefix(title, "# ")
	p.Says, _, _ = strings.Cut(strings.TrimSpace(rest), "\n")
	return p, true
}
