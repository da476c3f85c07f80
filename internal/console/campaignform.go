package console

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"regulars/internal/loyalty"
	"regulars/internal/marketing"
	"regulars/internal/program"
	"regulars/internal/store"
)

// formView is the form of a campaign's commonest settings, beside the YAML that it writes.
type formView struct {
	frame
	Proposal marketing.Proposal
	Name     string // of the campaign; "": a new one
	Typed    string // the name as it was typed
	Set      program.Settings
	Left     map[string]bool // what only the text can change
	Kinds    []startFields
	Rows     []mailFields
	Classes  []string
	Topics   []string
	Segments []string
	Pools    []string
	There    []string // the campaigns that are there
	Beside   map[string][]program.Problem
	Rest     []program.Problem // of the campaign, beside none of its fields
	Others   int
	YAML     string
	Shown    bool         // as it would be, and not saved
	Wrong    string       // why it cannot be written
	Of       string       // the text that the form was made of
	Path     string       // of the form
	File     string       // below /console/proposals/: its campaign.yaml
	Words    []completion // of rules
}

// startFields are the fields of one way to start.
type startFields struct {
	Kind   string
	Chosen bool
	Fields []startField
}

type startField struct {
	Kind, Key, Value string
	Choices          []string // nil: it is typed
}

// mailFields is a mail of the form.
type mailFields struct {
	program.StepSetting
	N        int // from 1
	Files    []mailLink
	Problems []program.Problem
}

// mailLink leads to the file of a mail in a language.
type mailLink struct {
	Language, Path string
	There          bool
}

// spareMails is how many empty fields for mails the form ends with.
const spareMails = 2

// ownDraft reads a draft that the visitor may write.
func (c *Console) ownDraft(r *http.Request, u visitor, title func(onBase) string) (o onBase, f frame, err error) {
	id, err := numbered(r, "proposal")
	if err != nil {
		return o, f, err
	}
	err = c.read(r.Context(), func(tx *store.Tx) (err error) {
		if o, err = c.proposalOf(tx, id); err != nil {
			return err
		}
		f, err = c.frame(tx, r, u, "program", title(o))
		return err
	})
	switch {
	case err != nil:
	case o.p.State != marketing.Drafted || o.p.Author != u.by():
		err = wrong(c.pages.words.Say("program.not_yours", f.Author(o.p.Author)))
	case o.clash != "":
		err = wrong(o.clash)
	}
	return o, f, err
}

// campaignForm shows the settings of a campaign of the draft, or the form for a new one.
func (c *Console) campaignForm(w http.ResponseWriter, r *http.Request, u visitor) error {
	view, o, err := c.formOf(r, u)
	if err != nil {
		return err
	}
	text := program.ReadCampaign(o.next.Files[view.file()])
	view.fill(o, text, text.Settings)
	if view.Name != "" {
		view.check(text, o.found)
	}
	return c.pages.show(w, http.StatusOK, "campaignform", view)
}

func (c *Console) formOf(r *http.Request, u visitor) (view formView, o onBase, err error) {
	view.Name = r.PathValue("name")
	o, view.frame, err = c.ownDraft(r, u, func(onBase) string {
		if view.Name == "" {
			return c.pages.words.Say("form.new")
		}
		return view.Name
	})
	if err != nil {
		return view, o, err
	}
	if _, is := o.next.Files[view.file()]; view.Name != "" && !is {
		return view, o, store.ErrNotFound
	}
	view.Proposal = o.p
	view.Path = fmt.Sprintf("/console/proposals/%d/campaign", o.p.ID)
	if view.Name != "" {
		view.Path += "/" + view.Name
	}
	return view, o, nil
}

func (v formView) file() string { return program.CampaignFile(v.Name) }

// fill puts settings into the form of a text.
func (v *formView) fill(o onBase, text *program.CampaignText, set program.Settings) {
	p := o.next.Program
	v.Set, v.Left, v.Beside = set, map[string]bool{}, map[string][]program.Problem{}
	for _, key := range text.Left {
		v.Left[key] = true
	}
	v.YAML = o.next.Files[v.file()]
	v.Of = sumOf(v.YAML)
	v.File = strings.TrimPrefix(filePath(o.p.ID, v.file()), "/console/proposals/")
	v.Classes = []string{loyalty.Offer, loyalty.Earned, loyalty.Service}
	v.Topics = slices.Sorted(maps.Keys(p.Topics))
	v.Words = wordsOfRules(p)
	scope := p.Scope()
	v.Segments, v.Pools = slices.Sorted(maps.Keys(scope.Segments)), scope.AllPools
	v.There = program.CampaignsOf(o.next.Files)
	for _, kind := range program.StartKinds() {
		form := startFields{Kind: kind.Name, Chosen: kind.Name == set.Kind}
		for _, key := range kind.Keys {
			field := startField{Kind: kind.Name, Key: key}
			if form.Chosen {
				field.Value = set.Start[key]
			}
			switch kind.Name + "." + key {
			case "enters.enters":
				field.Choices = v.Segments
			case "yearly.yearly":
				field.Choices = []string{"birthday", "joined"}
			case "yearly.zone", "at.zone":
				field.Choices = []string{"shop", "member"}
			}
			if field.Choices != nil && field.Value != "" && !slices.Contains(field.Choices, field.Value) {
				field.Choices = append(slices.Clone(field.Choices), field.Value)
			}
			form.Fields = append(form.Fields, field)
		}
		v.Kinds = append(v.Kinds, form)
	}
	for _, step := range set.Steps {
		v.Rows = append(v.Rows, mailFields{StepSetting: step, N: len(v.Rows) + 1, Files: v.mailFiles(o, step.Mail)})
	}
	for range spareMails {
		v.Rows = append(v.Rows, mailFields{N: len(v.Rows) + 1})
	}
}

// mailFiles lead to the texts of a mail.
func (v *formView) mailFiles(o onBase, mail string) (links []mailLink) {
	if mail == "" || v.Name == "" || strings.Contains(mail, "*") {
		return nil
	}
	for _, language := range o.next.Program.Languages {
		name := fmt.Sprintf("%s%s/%s.%s.md", program.CampaignsRoot, v.Name, mail, language)
		_, is := o.next.Files[name]
		links = append(links, mailLink{language, filePath(o.p.ID, name), is})
	}
	return links
}

// check puts the problems of the campaign beside the fields that they belong to.
func (v *formView) check(text *program.CampaignText, found []program.Problem) {
	for _, p := range found {
		if p.File != v.file() {
			if p.Level != program.Warning {
				v.Others++
			}
			continue
		}
		key, step := text.At(p.Line)
		switch _, is := v.Set.Keys[key]; {
		case step > 0 && step <= len(v.Rows):
			v.Rows[step-1].Problems = append(v.Rows[step-1].Problems, p)
		case key == "start", key == "steps", is && key != "":
			v.Beside[key] = append(v.Beside[key], p)
		default:
			v.Rest = append(v.Rest, p)
		}
	}
}

// Field is a setting with what is wrong with it, for the part of the page that shows it.
func (v formView) Field(key string) any {
	return struct {
		Key, Value string
		Left       bool
		Problems   []program.Problem
	}{key, v.Set.Keys[key], v.Left[key], v.Beside[key]}
}

func sumOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:8])
}

// settingsOf reads the form.
func settingsOf(r *http.Request, was program.Settings) program.Settings {
	s := program.Settings{Kind: r.PostFormValue("kind"), Start: map[string]string{}, Keys: map[string]string{}}
	for _, kind := range program.StartKinds() {
		for _, key := range kind.Keys {
			if kind.Name == s.Kind {
				s.Start[key] = r.PostFormValue("start." + kind.Name + "." + key)
			}
		}
	}
	for _, key := range program.SettingKeys {
		s.Keys[key] = r.PostFormValue(key)
	}
	if s.Keys["live"] == "" && was.Keys["live"] != "true" {
		s.Keys["live"] = was.Keys["live"]
	}
	type placed struct {
		at   float64
		step program.StepSetting
	}
	var rows []placed
	for i := 1; r.PostForm.Has(fmt.Sprintf("mail.%d", i)) || r.PostForm.Has(fmt.Sprintf("was.%d", i)); i++ {
		value := func(name string) string { return r.PostFormValue(fmt.Sprintf("%s.%d", name, i)) }
		row := placed{at: float64(i), step: program.StepSetting{Wait: value("wait"), Mail: value("mail"), Coupon: value("coupon"), Only: value("only")}}
		row.step.Was, _ = strconv.Atoi(value("was")) // 0: a new one
		if at, err := strconv.ParseFloat(value("at"), 64); err == nil {
			row.at = at
		}
		for _, old := range was.Steps {
			if old.Was == row.step.Was && old.Choice != "" && value("away") == "" {
				row.step.Choice = old.Choice
			}
		}
		rows = append(rows, row)
	}
	slices.SortStableFunc(rows, func(a, b placed) int {
		switch {
		case a.at < b.at:
			return -1
		case a.at > b.at:
			return 1
		}
		return 0
	})
	for _, row := range rows {
		if row.step.Mail != "" || row.step.Choice != "" {
			s.Steps = append(s.Steps, row.step)
		}
	}
	return s
}

// setCampaign shows what the form would write, or saves it in the draft.
func (c *Console) setCampaign(w http.ResponseWriter, r *http.Request, u visitor) error {
	view, o, err := c.formOf(r, u)
	if err != nil {
		return err
	}
	begun := view.Name == ""
	view.Typed = strings.TrimSpace(r.PostFormValue("name"))
	text := program.ReadCampaign(o.next.Files[view.file()])
	set := settingsOf(r, text.Settings)
	say := c.pages.words.Say
	written, err := text.Set(set)
	switch _, taken := o.next.Files[program.CampaignFile(view.Typed)]; {
	case r.PostFormValue("of") != sumOf(o.next.Files[view.file()]):
		view.Wrong = say("form.meanwhile")
	case err != nil:
		view.Wrong = err.Error()
	case begun && (!program.MayHold(program.CampaignFile(view.Typed)) || view.Typed == "" || strings.Contains(view.Typed, "/")):
		view.Wrong = say("form.bad_name")
	case begun && taken:
		view.Wrong = say("form.taken", view.Typed)
	}
	if view.Wrong != "" {
		view.fill(o, text, set)
		return c.pages.show(w, http.StatusUnprocessableEntity, "campaignform", view)
	}
	if begun {
		view.Name = view.Typed
	}
	if r.PostFormValue("do") == "save" {
		if err := c.Marketer.As(u.by()).WriteFile(r.Context(), o.p.ID, view.file(), &written); err != nil {
			return mistake(err)
		}
		return back(w, r, fmt.Sprintf("/console/proposals/%d/campaign/%s", o.p.ID, view.Name), "saved")
	}
	was := o.next.Files[view.file()]
	o.next.Files[view.file()] = written
	_, _, found := program.Check(o.next.Files, c.DB.Now())
	after := program.ReadCampaign(written)
	view.fill(o, after, set)
	view.check(after, found)
	if view.Shown, view.Of = true, sumOf(was); begun {
		view.Name = ""
	}
	return c.pages.show(w, http.StatusOK, "campaignform", view)
}
