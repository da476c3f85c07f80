package program

import (
	"cmp"
	"slices"

	"regulars/internal/loyalty"
	"regulars/templates"
)

// ConfirmCampaign is the built-in campaign of join: {confirm: true}. It asks by
// mail whoever asks to join, once per asking, and is held, shown and explained
// like any other. No folder may have its name.
const ConfirmCampaign = templates.ConfirmMail

// asks is the kind of its start: somebody asked to join and has not confirmed.
const asks = "asks"

func (c *Campaign) builtIn() bool { return c.Start.Kind == asks }

// addConfirm adds the double opt-in's campaign to a program that wants it, with
// a text for each of its languages.
func (r *loader) addConfirm() {
	p := r.program
	if !p.Confirm || r.blind {
		return
	}
	c := &Campaign{
		Name: ConfirmCampaign, Live: true,
		Start: Start{Kind: asks, Spec: asks},
		Class: loyalty.Service, Topic: loyalty.Program,
		Again: Again{Each: true}, CatchUp: "once",
		Steps: []Step{{Name: templates.ConfirmMail, Mail: templates.ConfirmMail}},
	}
	texts := map[string]*templates.Mail{}
	for _, language := range p.Languages {
		mail, problems := templates.Confirm(language, p.Words)
		r.takeProblems(problems) // our own texts have none
		texts[language] = mail
	}
	r.texts[c.Name] = map[string]map[string]*templates.Mail{templates.ConfirmMail: texts}
	p.Campaigns = append(p.Campaigns, c)
	slices.SortFunc(p.Campaigns, func(a, b *Campaign) int { return cmp.Compare(a.Name, b.Name) })
}
