package templates

import "fmt"

// ConfirmMail is the name of the double opt-in's mail, and of the campaign that
// sends it.
const ConfirmMail = "confirm"

// Confirm returns the mail that asks somebody whether they want to join, in the
// words of a BCP 47 language, in English where there are none. It shows nothing
// that the asker typed: whoever puts a link in as a name must not be able to
// have it sent to strangers.
func Confirm(language string, own map[string]Phrases) (*Mail, []Problem) {
	w := WordsIn(own, language)
	const shop = "{{ shop.name }}"
	source := fmt.Sprintf("---\nsubject: %s\npreheader: %s\n---\n# %s\n\n%s\n\n[%s]({{ links.confirm }})\n\n%s\n",
		w.Say("mails.join_subject", shop), w.Say("mails.join_preheader"), w.Say("mails.join_title"), w.Say("mails.join_ask", shop), w.Say("mails.join_yes"), w.Say("mails.join_not_you"))
	return ParseMail(ConfirmMail+"."+language+".md", []byte(source), Fields{Service: true, Stranger: true, Own: own})
}
