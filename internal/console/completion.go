package console

import (
	paths "path"

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
	return o.rules()
}

// rules are the fields that rules of the program may read.
func (o onBase) rules() []completion {
	if o.next.Program == nil {
		return fieldsOf(segments.Catalogue())
	}
	return fieldsOf(segments.Fields(o.next.Program.Scope()))
}

func fieldsOf(fields []segments.Field) (list []completion) {
	for _, f := range fields {
		list = append(list, completion{f.Name, f.Words})
	}
	return list
}
