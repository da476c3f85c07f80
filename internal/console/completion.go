package console

import (
	paths "path"

	"regulars/internal/program"
	"regulars/segments"
)

// completion is a word that is offered while one types, and what it is.
type completion struct{ Word, About string }

// completions are the words that a file may use: the placeholders of a mail of its
// campaign, the fields of rules for a YAML file.
func (o onBase) completions(name string) (list []completion) {
	if campaign, _, _, is := mailFile(name); is {
		if o.next.Program == nil {
			return nil
		}
		if c := o.next.Program.Campaign(campaign); c != nil {
			for _, word := range o.next.Program.MailFields(c).Placeholders() {
				list = append(list, completion{Word: word})
			}
		}
		return list
	}
	if paths.Ext(name) != ".yaml" {
		return nil
	}
	return wordsOfRules(o.next.Program)
}

// wordsOfRules are the fields that rules of a program may read; nil: of none yet.
func wordsOfRules(p *program.Program) (list []completion) {
	fields := segments.Catalogue()
	if p != nil {
		fields = segments.Fields(p.Scope())
	}
	for _, f := range fields {
		list = append(list, completion{f.Name, f.Words})
	}
	return list
}
