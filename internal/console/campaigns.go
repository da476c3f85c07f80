package console

import (
	"cmp"
	"maps"
	"net/http"
	"slices"
	"strings"

	"regulars/internal/loyalty"
	"regulars/internal/marketing"
	"regulars/internal/program"
	"regulars/internal/report"
	"regulars/internal/runs"
	"regulars/internal/store"
)

// campaignsView is the list of campaigns.
type campaignsView struct {
	frame
	Lines   []marketing.CampaignLine
	Results map[string]report.Result // nil: they could not be counted in time
	AsOf    loyalty.Instant          // of who ordered, where it is counted now and then; zero: the present
	Later   bool                     // that is yet to be counted
	Days    int
}

func (c *Console) campaigns(w http.ResponseWriter, r *http.Request, u visitor) error {
	view := campaignsView{Days: report.RecentDays}
	err := c.read(r.Context(), func(tx *store.Tx) (err error) {
		if view.frame, err = c.frame(tx, r, u, "campaigns", c.pages.words.Say("campaigns.title")); err != nil {
			return err
		}
		view.Lines, err = marketing.Campaigns(tx)
		return err
	})
	if err == nil {
		err = c.figures(r, view.results)
	}
	if err != nil {
		return err
	}
	return c.pages.show(w, http.StatusOK, "campaigns", view)
}

// results reads what campaigns came to of late.
func (v *campaignsView) results(tx *store.Tx) error {
	list, asOf, kept, err := report.KeptRecent(tx)
	if err == nil && !kept {
		list, err = report.Results(tx, "", v.Today()-report.RecentDays+1)
	}
	v.Results, v.AsOf, v.Later = map[string]report.Result{}, asOf, kept && asOf.IsZero()
	for _, one := range list {
		v.Results[one.Campaign] = one
	}
	return err
}

// campaignView is one campaign: its flow, what it did, whom it left out.
type campaignView struct {
	frame
	marketing.CampaignLine
	Facts   []fact // for whom, until what, and what else holds
	Steps   []step
	Result  report.Result
	Counted bool            // the figures could be counted in time
	AsOf    loyalty.Instant // of who ordered and clicked, where it is counted now and then; zero: the present
	Later   bool            // that is yet to be counted
	Reasons []reason
	Within  int
	Old     []runs.OldTexts // mails that would go on with other texts than those in force
	Runs    []report.Run
	Mails   []mailUse
	Links   []report.LinkUse
	Since   loyalty.Day              // from when on its mails are known one by one; 0: all are
	of      map[string]report.Result // step → what became of its mail
}

// mailUse is what became of a mail: of it, and of its codes and after it.
type mailUse struct {
	report.MailUse
	Result report.Result
}

// How many links and runs of a campaign its page shows.
const (
	shownLinks = 30
	shownRuns  = 20
)

type fact struct{ Name, Text string }

// step is a step of the flow as it is drawn.
type step struct {
	Kind    string // mail | wait | choose
	Text    string // of a wait
	If      string // in words; "": always
	Mail    string
	Coupon  string
	Choices []step
	Result  report.Result
}

// reason is how many were left out for it.
type reason struct {
	Name string
	N    int64
}

func (c *Console) campaign(w http.ResponseWriter, r *http.Request, u visitor) error {
	name := r.PathValue("name")
	view := campaignView{Within: report.Within}
	err := c.read(r.Context(), func(tx *store.Tx) (err error) {
		if view.CampaignLine, err = marketing.CampaignNamed(tx, name); err != nil {
			return err
		}
		view.frame, err = c.frame(tx, r, u, "campaigns", name)
		return err
	})
	if err == nil {
		err = c.figures(r, view.figures)
	}
	if err != nil {
		return err
	}
	if view.State == marketing.Held && view.Own {
		if view.Old, err = c.Marketer.HeldTexts(r.Context(), marketing.Stop{Campaign: name}); err != nil {
			return err
		}
	}
	view.facts()
	for _, s := range view.Campaign.Steps {
		view.Steps = append(view.Steps, view.drawn(s, view.of))
	}
	return c.pages.show(w, http.StatusOK, "campaign", &view)
}

// figures reads what the campaign came to.
func (v *campaignView) figures(tx *store.Tx) error {
	var err error
	if v.Runs, err = report.NewestRuns(tx, v.Name, 0, shownRuns); err != nil {
		return err
	}
	reasons, err := report.Reasons(tx, v.Name, 0)
	if err != nil {
		return err
	}
	v.Reasons = nil
	for _, name := range slices.Sorted(maps.Keys(reasons)) {
		v.Reasons = append(v.Reasons, reason{name, reasons[name]})
	}
	slices.SortStableFunc(v.Reasons, func(a, b reason) int { return cmp.Compare(b.N, a.N) })
	f, kept, err := report.KeptFigures(tx, v.Name)
	if err == nil && !kept {
		f, err = report.FiguresOf(tx, v.Name, shownLinks)
	}
	if err != nil {
		return err
	}
	v.Result, v.AsOf, v.Later = f.Whole, f.AsOf, kept && f.AsOf.IsZero()
	v.of = map[string]report.Result{}
	for _, s := range f.Steps {
		v.of[s.Step] = s
	}
	v.Mails, v.Links = nil, f.Links[:min(len(f.Links), shownLinks)]
	for _, m := range f.Mails {
		v.Mails = append(v.Mails, mailUse{m, v.of[m.Mail]})
	}
	v.Since, err = store.LedgerSince(tx)
	v.Counted = err == nil
	return err
}

// mailRowsView are the mails behind a figure of a campaign's mail.
type mailRowsView struct {
	frame
	report.MailUse
	Figure string
	Rows   []report.MailRow
	Older  int64 // the row before which the next page begins; 0: there is none
}

func (c *Console) mailRows(w http.ResponseWriter, r *http.Request, u visitor) error {
	view := mailRowsView{Figure: r.PathValue("figure"), MailUse: report.MailUse{Campaign: r.PathValue("name"), Mail: r.PathValue("mail")}}
	err := c.read(r.Context(), func(tx *store.Tx) (err error) {
		if _, err := marketing.CampaignNamed(tx, view.Campaign); err != nil {
			return err
		}
		if view.frame, err = c.frame(tx, r, u, "campaigns", view.Campaign+" / "+view.Mail); err != nil {
			return err
		}
		view.Rows, view.Older, err = paged(r, func(before int64, limit int) ([]report.MailRow, error) {
			return report.MailRows(tx, view.MailUse, view.Figure, before, limit)
		}, func(row report.MailRow) int64 { return row.ID })
		return err
	})
	if err != nil {
		return err
	}
	return c.pages.show(w, http.StatusOK, "mailrows", view)
}

// Launches reports whether the campaign is one that a person launches, and may be now.
func (v *campaignView) Launches() bool {
	return v.Campaign.Start.Kind == "launch" && v.State != marketing.Draft
}

// drawn is a step with what became of its mail.
func (v *campaignView) drawn(s program.Step, of map[string]report.Result) step {
	d := step{Kind: "mail", Mail: s.Mail, Coupon: s.Coupon, Result: of[s.Name]}
	if s.If != nil {
		d.If = inSentence(s.If.Words())
	}
	switch {
	case s.Wait != nil:
		d.Kind, d.Text = "wait", v.Spoken(s.Wait.String())
	case len(s.Choose) > 0:
		d.Kind = "choose"
		for _, choice := range s.Choose {
			d.Choices = append(d.Choices, v.drawn(choice, of))
		}
	}
	return d
}

// facts says for whom the campaign is and what holds for it.
func (v *campaignView) facts() {
	c, say := v.Campaign, v.words.Say
	add := func(key, text string) {
		if text != "" {
			v.Facts = append(v.Facts, fact{say("campaigns." + key), text})
		}
	}
	if c.For != nil {
		add("for", inSentence(c.For.Words()))
	}
	if c.Except != nil {
		add("except", inSentence(c.Except.Words()))
	}
	var ends []string
	for _, u := range c.Until {
		switch {
		case u.Rule != nil:
			ends = append(ends, say("campaigns.until_rule", inSentence(u.Rule.Words())))
		case u.Event != "":
			ends = append(ends, say("campaigns.until_event", u.Event))
		default:
			ends = append(ends, say("campaigns.until_"+u.Kind))
		}
	}
	add("until", strings.Join(ends, "; "))
	add("again", say("campaigns.again_"+againKey(c.Again), v.Spoken(c.Again.String())))
	add("class", say("campaigns.class_"+c.Class))
	add("topic", c.Topic)
	if c.Holdout > 0 {
		add("holdout", say("campaigns.holdout_share", v.words.Number(int64(c.Holdout/10))))
	}
}

// inSentence is a rule in words, as a part of a sentence.
func inSentence(words string) string {
	words = strings.TrimSuffix(words, ".")
	if first, rest, ok := strings.Cut(words, " "); ok {
		return strings.ToLower(first) + " " + rest
	}
	return words
}

// againKey says which words tell when a member may start again.
func againKey(a program.Again) string {
	switch {
	case a.Each:
		return "each"
	case a.After > 0:
		return "after"
	}
	return "never"
}

func (c *Console) holdCampaign(w http.ResponseWriter, r *http.Request, u visitor) error {
	because, err := c.because(r)
	if err != nil {
		return err
	}
	name := r.PathValue("name")
	if err := c.Marketer.As(u.by()).Hold(r.Context(), marketing.Stop{Campaign: name}, because, u.by()); err != nil {
		return err
	}
	return back(w, r, "/console/campaigns/"+name, "held")
}

func (c *Console) releaseCampaign(w http.ResponseWriter, r *http.Request, u visitor) error {
	name := r.PathValue("name")
	if _, err := c.Marketer.As(u.by()).Release(r.Context(), marketing.Stop{Campaign: name}, r.PostFormValue("texts") == "latest"); err != nil {
		return mistake(err)
	}
	return back(w, r, "/console/campaigns/"+name, "released")
}
