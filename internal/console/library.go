package console

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"regulars/internal/delivery"
	"regulars/internal/marketing"
	"regulars/internal/program"
	"regulars/internal/store"
	"regulars/templates"
)

// libraryView are the ready-made campaigns, or one of them.
type libraryView struct {
	frame
	Proposal marketing.Proposal
	Entries  []templates.Entry
	Entry    templates.Entry // of one
	Points   bool            // the program has a loyalty.yaml
	As       string          // the name that it gets
	Mails    []libraryMail
	Comes    []fileChange
	Cannot   string
}

// libraryMail is a mail of a ready-made campaign, as the draft would have it.
type libraryMail struct{ Name, Path string }

// library lists the campaigns to start from.
func (c *Console) library(w http.ResponseWriter, r *http.Request, u visitor) error {
	o, f, err := c.ownDraft(r, u, func(onBase) string { return c.pages.words.Say("library.title") })
	if err != nil {
		return err
	}
	view := libraryView{frame: f, Proposal: o.p, Entries: templates.Library()}
	_, view.Points = o.next.Files["loyalty.yaml"]
	return c.pages.show(w, http.StatusOK, "library", view)
}

// entryOf finds a ready-made campaign, and the program as it would be with it.
func (c *Console) entryOf(r *http.Request, u visitor) (view libraryView, o onBase, taken map[string]string, err error) {
	name := r.PathValue("entry")
	all := templates.Library()
	i := slices.IndexFunc(all, func(e templates.Entry) bool { return e.Name == name })
	if i < 0 {
		return view, o, nil, store.ErrNotFound
	}
	view.Entry = all[i]
	if o, view.frame, err = c.ownDraft(r, u, func(onBase) string { return name }); err != nil {
		return view, o, nil, err
	}
	view.Proposal, view.As = o.p, strings.TrimSpace(r.PostFormValue("name"))
	there := program.CampaignsOf(o.next.Files)
	for n := 2; view.As == ""; n++ {
		if view.As = name; slices.Contains(there, name) {
			if view.As = fmt.Sprintf("%s-%d", name, n); slices.Contains(there, view.As) {
				view.As = ""
			}
		}
	}
	taken, err = program.Take(o.next.Files, o.next.Program.Languages, view.Entry, view.As)
	if err != nil {
		view.Cannot = err.Error()
	}
	return view, o, taken, nil
}

// libraryEntry shows one: its mails, and the files that it brings.
func (c *Console) libraryEntry(w http.ResponseWriter, r *http.Request, u visitor) error {
	view, o, taken, err := c.entryOf(r, u)
	if err != nil {
		return err
	}
	next := maps.Clone(o.next.Files)
	maps.Copy(next, taken)
	for _, change := range program.Differences(o.next.Files, next) {
		if strings.HasSuffix(change.File, ".yaml") {
			view.Comes = append(view.Comes, fileChange{FileChange: change})
		}
	}
	for _, file := range program.MailsOf(next, view.As) {
		below := strings.TrimPrefix(file, program.CampaignsRoot+view.As+"/")
		view.Mails = append(view.Mails, libraryMail{below, fmt.Sprintf("/console/library-mail/%d/%s/%s", o.p.ID, view.Entry.Name, below)})
	}
	return c.pages.show(w, http.StatusOK, "libraryentry", view)
}

// libraryMail is a mail of a ready-made campaign alone, for the frame in its page.
func (c *Console) libraryMail(w http.ResponseWriter, r *http.Request, u visitor) error {
	view, o, taken, err := c.entryOf(r, u)
	if err != nil {
		return err
	}
	campaign, mail, language, is := mailFile(program.CampaignsRoot + view.As + "/" + r.PathValue("mail"))
	if !is {
		return store.ErrNotFound
	}
	next := maps.Clone(o.next.Files)
	maps.Copy(next, taken)
	p, texts, _ := program.Check(next, c.DB.Now())
	o.next, o.texts = program.Version{Program: p, Files: next}, texts
	body := []byte("<!DOCTYPE html><title>-</title><p>" + c.pages.words.Say("program.no_mail"))
	shown, err := c.Marketer.PreviewMail(r.Context(), o.mail(campaign, mail, language))
	if err == nil {
		body = []byte(shown.HTML)
	} else if mistake := (delivery.Asked)(""); !errors.As(err, &mistake) {
		return err
	}
	return c.writeMail(w, body, false)
}

// takeEntry copies a ready-made campaign into the draft.
func (c *Console) takeEntry(w http.ResponseWriter, r *http.Request, u visitor) error {
	view, o, taken, err := c.entryOf(r, u)
	if err != nil {
		return err
	}
	if view.Cannot != "" {
		return wrong(view.Cannot)
	}
	files := map[string]*string{}
	for name, text := range taken {
		files[name] = &text
	}
	if err := c.Marketer.As(u.by()).WriteFiles(r.Context(), o.p.ID, files); err != nil {
		return mistake(err)
	}
	return back(w, r, fmt.Sprintf("/console/proposals/%d/campaign/%s", o.p.ID, view.As), "taken")
}
