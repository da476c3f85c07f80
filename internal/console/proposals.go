package console

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	paths "path"
	"slices"
	"strings"

	"regulars/internal/delivery"
	"regulars/internal/marketing"
	"regulars/internal/program"
	"regulars/internal/staff"
	"regulars/internal/store"
	"regulars/internal/versions"
	"regulars/templates"
)

// proposalView is a change of the program that somebody writes, or has proposed.
type proposalView struct {
	frame
	Proposal marketing.Proposal
	Mine     bool // the visitor wrote it
	May      bool // the visitor may apply it
	Sole     bool // because there is nobody else who could
	Files    []fileChange
	Cut      bool
	Names    []string // all files as they would be
	Pictures map[string]program.Picture
	Problems []program.Problem
	Blocked  bool
	Conflict string
	Plan     marketing.Plan
	NoPlan   bool
	Seen     string
}

// onBase is what a proposal changes, for the page and for its files.
type onBase struct {
	p     marketing.Proposal
	base  map[string]string
	next  program.Version
	texts program.Texts
	found []program.Problem
	clash string           // files that have changed meanwhile, in words
	on    int64            // the version in force
	was   *program.Program // … where that is the base
}

// proposalOf reads a proposal, and what the program would be with it.
func (c *Console) proposalOf(tx *store.Tx, id int64) (o onBase, err error) {
	if o.p, err = marketing.ProposalOf(tx, id); err != nil {
		return o, err
	}
	if o.base, err = versions.Files(tx, o.p.Base); err != nil {
		return o, err
	}
	v, err := versions.Active(tx)
	if err != nil {
		return o, err
	}
	if o.on = v.ID; o.on == o.p.Base {
		o.was = v.Program
	}
	if o.p.State == marketing.Drafted || o.p.State == marketing.Proposed {
		o.next, o.texts, o.found, err = o.p.Next(tx)
	}
	var clash *marketing.Conflict
	if errors.As(err, &clash) {
		o.clash, err = clash.Error(), nil
	}
	return o, err
}

// meanings are what plan says of the changes.
func (o onBase) meanings() []program.Change {
	if o.was == nil || o.next.Program == nil { // the files have not been read as these two
		return meanings(o.base, o.p.On(o.base))
	}
	return program.Plan(program.Version{Program: o.was, Files: o.base}, o.next)
}

func (c *Console) begin(w http.ResponseWriter, r *http.Request, u visitor) error {
	id, err := c.Marketer.As(u.by()).Begin(r.Context(), r.PostFormValue("title"))
	if err != nil {
		return mistake(err)
	}
	to := fmt.Sprintf("/console/proposals/%d", id)
	if file := r.PostFormValue("file"); program.MayHold(file) { // it was begun at one
		to = filePath(id, file)
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
	return nil
}

func (c *Console) proposal(w http.ResponseWriter, r *http.Request, u visitor) error {
	id, err := numbered(r, "proposal")
	if err != nil {
		return err
	}
	var view proposalView
	var o onBase
	err = c.read(r.Context(), func(tx *store.Tx) (err error) {
		if o, err = c.proposalOf(tx, id); err != nil {
			return err
		}
		if view.frame, err = c.frame(tx, r, u, "program", o.p.Title); err != nil {
			return err
		}
		view.May, view.Sole, err = marketing.MayDecide(tx, o.p, u.by())
		return err
	})
	if err != nil {
		return err
	}
	view.Proposal, view.Mine, view.Problems, view.Blocked, view.Conflict, view.Seen = o.p, o.p.Author == u.by(), o.found, program.Blocked(o.found), o.clash, o.p.Seen(o.on)
	view.Names = slices.Sorted(maps.Keys(o.p.On(o.base)))
	view.Pictures = program.PicturesOf(o.p.On(o.base))
	if o.next.Program != nil && !view.Blocked && len(o.p.Files) > 0 {
		if view.Plan, view.NoPlan, err = c.plan(r, o.next); err != nil {
			return err
		}
	}
	view.Files, view.Cut = shownChanges(o.base, o.p.On(o.base), o.meanings())
	view.Problems = program.Fold(view.Problems, "")
	return c.pages.show(w, http.StatusOK, "proposal", view)
}

// act does something to a proposal and goes back to it.
func (c *Console) act(w http.ResponseWriter, r *http.Request, u visitor, done string, f func(marketing.Marketer, int64) error) error {
	id, err := numbered(r, "proposal")
	if err != nil {
		return err
	}
	if err := f(c.Marketer.As(u.by()), id); err != nil {
		return mistake(err)
	}
	return back(w, r, fmt.Sprintf("/console/proposals/%d", id), done)
}

func (c *Console) propose(w http.ResponseWriter, r *http.Request, u visitor) error {
	return c.act(w, r, u, "proposed", func(m marketing.Marketer, id int64) error { return m.Propose(r.Context(), id) })
}

func (c *Console) withdraw(w http.ResponseWriter, r *http.Request, u visitor) error {
	return c.act(w, r, u, "withdrawn", func(m marketing.Marketer, id int64) error { return m.Withdraw(r.Context(), id) })
}

func (c *Console) drop(w http.ResponseWriter, r *http.Request, u visitor) error {
	return c.act(w, r, u, "dropped", func(m marketing.Marketer, id int64) error { return m.Drop(r.Context(), id) })
}

func (c *Console) refuseProposal(w http.ResponseWriter, r *http.Request, u visitor) error {
	because, err := c.because(r)
	if err != nil {
		return err
	}
	return c.act(w, r, u, "refused", func(m marketing.Marketer, id int64) error { return m.Refuse(r.Context(), id, because) })
}

// applyProposal puts in force what was looked at.
func (c *Console) applyProposal(w http.ResponseWriter, r *http.Request, u visitor) error {
	ctx, cancel := lasting(r)
	defer cancel()
	return c.act(w, r, u, "applied", func(m marketing.Marketer, id int64) error {
		done, err := m.ApplyProposal(ctx, id, r.PostFormValue("seen"))
		if done.Version != 0 {
			return nil // it is in force; what could not be found out about it only warns
		}
		return err
	})
}

// newFile leads to the page of a file that is to be written.
func (c *Console) newFile(w http.ResponseWriter, r *http.Request, u visitor) error {
	id, err := numbered(r, "proposal")
	if err != nil {
		return err
	}
	name := paths.Clean(strings.TrimSpace(r.PostFormValue("file")))
	if !program.MayHold(name) {
		return wrong(c.pages.words.Say("program.bad_file", name))
	}
	http.Redirect(w, r, filePath(id, name), http.StatusSeeOther)
	return nil
}

// filePath is where a file of a proposal is written.
func filePath(id int64, name string) string {
	parts := strings.Split(name, "/")
	for i := range parts {
		parts[i] = url.PathEscape(parts[i])
	}
	return fmt.Sprintf("/console/proposals/%d/files/%s", id, strings.Join(parts, "/"))
}

// fileView is one file of a proposal, as it is written.
type fileView struct {
	frame
	Proposal marketing.Proposal
	Name     string
	Text     string
	Rows     int
	May      bool // the visitor may write it
	There    bool // the file is there, or would be
	Start    bool // it is not, and Text is one to begin with
	Own      []program.Problem
	Others   int // problems of other files
	Mail     bool
	Path     string           // below /console/proposals/…/
	Picture  *program.Picture // it is one
	Form     string           // where a campaign is set by a form; "": nowhere
	Words    []completion     // that it may use
}

func (c *Console) proposedFile(w http.ResponseWriter, r *http.Request, u visitor) error {
	id, err := numbered(r, "proposal")
	if err != nil {
		return err
	}
	view := fileView{Name: r.PathValue("file")}
	if !program.MayHold(view.Name) {
		return store.ErrNotFound
	}
	var o onBase
	err = c.read(r.Context(), func(tx *store.Tx) (err error) {
		if o, err = c.proposalOf(tx, id); err != nil {
			return err
		}
		view.frame, err = c.frame(tx, r, u, "program", view.Name)
		return err
	})
	if err != nil {
		return err
	}
	view.Proposal = o.p
	view.Text, view.There = o.p.On(o.base)[view.Name]
	if p, is := program.PictureOf(view.Text); is && program.IsPicture(view.Name) {
		view.Picture = &p
	}
	if len(view.Text) > marketing.LargestFile {
		return wrong(c.pages.words.Say("program.large_file", view.Name))
	}
	view.May = o.p.State == marketing.Drafted && o.p.Author == u.by()
	view.problems(o.found)
	_, _, _, is := mailFile(view.Name)
	view.Mail = is && view.There && o.next.Program != nil
	if is && !view.There && view.May {
		view.Text, view.Start = o.start(view.Name), true
	}
	view.Rows = min(max(strings.Count(view.Text, "\n")+3, 10), 36)
	view.Words = o.completions(view.Name)
	view.Path = strings.TrimPrefix(filePath(id, view.Name), "/console/proposals/")
	if campaign := paths.Base(paths.Dir(view.Name)); view.May && view.There && view.Name == program.CampaignFile(campaign) {
		view.Form = fmt.Sprintf("/console/proposals/%d/campaign/%s", id, url.PathEscape(campaign))
	}
	return c.pages.show(w, http.StatusOK, "file", view)
}

// problems are what is wrong in the file, and how much elsewhere.
func (v *fileView) problems(all []program.Problem) {
	for _, p := range all {
		switch {
		case p.File == v.Name:
			v.Own = append(v.Own, p)
		case p.Level != program.Warning:
			v.Others++
		}
	}
}

// typed is the text of a file as a form brings it: with the ends of lines that files have.
func typed(r *http.Request) string {
	text := strings.ReplaceAll(r.PostFormValue("text"), "\r\n", "\n")
	if text != "" && !strings.HasSuffix(text, "\n") {
		text += "\n"
	}
	return text
}

// saveFile keeps a file of one's own draft, or takes it away.
func (c *Console) saveFile(w http.ResponseWriter, r *http.Request, u visitor) error {
	id, err := numbered(r, "proposal")
	if err != nil {
		return err
	}
	text := typed(r)
	m := c.Marketer.As(u.by())
	if r.PostFormValue("away") == "yes" {
		if err := m.WriteFile(r.Context(), id, r.PathValue("file"), nil); err != nil {
			return mistake(err)
		}
		return back(w, r, fmt.Sprintf("/console/proposals/%d", id), "saved")
	}
	if err := m.WriteFile(r.Context(), id, r.PathValue("file"), &text); err != nil {
		return mistake(err)
	}
	return back(w, r, filePath(id, r.PathValue("file")), "saved")
}

// checkFile says what is wrong with a file while it is typed.
func (c *Console) checkFile(w http.ResponseWriter, r *http.Request, u visitor) error {
	id, err := numbered(r, "proposal")
	if err != nil {
		return err
	}
	name, text := r.PathValue("file"), typed(r)
	if !program.MayHold(name) {
		return store.ErrNotFound
	}
	var found []program.Problem
	err = c.read(r.Context(), func(tx *store.Tx) error {
		o, err := c.proposalOf(tx, id)
		if err != nil || o.next.Files == nil {
			return err
		}
		o.next.Files[name] = text
		_, _, found = program.Check(o.next.Files, tx.At.Time)
		return nil
	})
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	said := c.pages.words.Say("program.sound")
	for _, p := range found {
		if p.File == name {
			said += p.String() + "\n"
		}
	}
	if first := c.pages.words.Say("program.sound"); said != first {
		said = strings.TrimPrefix(said, first)
	}
	_, _ = w.Write([]byte(said))
	return nil
}

// mailFile reads the name of a mail's file: campaigns/welcome/hello.en.md.
func mailFile(name string) (campaign, mail, language string, is bool) {
	rest, is := strings.CutPrefix(name, "campaigns/")
	if !is || paths.Ext(name) == ".yaml" {
		return "", "", "", false
	}
	campaign, mail, is = strings.Cut(strings.TrimSuffix(rest, paths.Ext(rest)), "/")
	dot := strings.LastIndexByte(mail, '.')
	if !is || dot < 1 {
		return "", "", "", false
	}
	return campaign, mail[:dot], mail[dot+1:], true
}

// start is a text to begin a mail with: that of another language of it, to be translated,
// or a plain one.
func (o onBase) start(name string) string {
	campaign, mail, _, _ := mailFile(name)
	files := o.p.On(o.base)
	for _, file := range program.MailsOf(files, campaign) {
		if of, other, _, is := mailFile(file); is && of == campaign && other == mail {
			return files[file]
		}
	}
	coupon := false
	if o.next.Program != nil {
		if c := o.next.Program.Campaign(campaign); c != nil {
			coupon = slices.ContainsFunc(c.Steps, func(s program.Step) bool {
				return s.Coupon != "" && s.Mail == mail || slices.ContainsFunc(s.Choose, func(s program.Step) bool { return s.Coupon != "" && s.Mail == mail })
			})
		}
	}
	return templates.Start(coupon)
}

// mail is one of the mails as the proposal has it, for a made-up member.
func (o onBase) mail(campaign, mail, language string) marketing.Mail {
	return marketing.Mail{Example: delivery.Example{Campaign: campaign, Mail: mail, Language: language, Draft: o.next.Program, Texts: o.texts}}
}

// testProposed mails the mail of a file, as it was saved, to an address.
func (c *Console) testProposed(w http.ResponseWriter, r *http.Request, u visitor) error {
	id, err := numbered(r, "proposal")
	if err != nil {
		return err
	}
	name := r.PathValue("file")
	campaign, mail, language, is := mailFile(name)
	if !is {
		return store.ErrNotFound
	}
	var o onBase
	if err := c.read(r.Context(), func(tx *store.Tx) (err error) { o, err = c.proposalOf(tx, id); return err }); err != nil {
		return err
	}
	if o.next.Program == nil {
		return wrong(c.pages.words.Say("program.no_mail"))
	}
	if _, err := c.Marketer.As(u.by()).SendTest(r.Context(), o.mail(campaign, mail, language), r.PostFormValue("to")); err != nil {
		return mistake(err)
	}
	err = c.DB.Update(r.Context(), func(tx *store.Tx) error {
		return staff.Note(tx, staff.Act{By: u.by(), Act: "send test", About: fmt.Sprintf("change %d of the program", id), After: name})
	})
	if err != nil {
		return err
	}
	return back(w, r, filePath(id, name), "tested")
}

// proposedMail is the mail of a file alone, for the frame beside it.
func (c *Console) proposedMail(w http.ResponseWriter, r *http.Request, _ visitor) error {
	id, err := numbered(r, "proposal")
	if err != nil {
		return err
	}
	campaign, mail, language, is := mailFile(r.PathValue("file"))
	if !is {
		return store.ErrNotFound
	}
	var o onBase
	if err := c.read(r.Context(), func(tx *store.Tx) (err error) { o, err = c.proposalOf(tx, id); return err }); err != nil {
		return err
	}
	body := []byte("<!DOCTYPE html><title>-</title><p>" + c.pages.words.Say("program.no_mail"))
	if o.next.Program != nil {
		shown, err := c.Marketer.PreviewMail(r.Context(), o.mail(campaign, mail, language))
		if err == nil {
			body = []byte(shown.HTML)
		} else if mistake := (delivery.Asked)(""); !errors.As(err, &mistake) {
			return err
		}
	}
	return c.writeMail(w, body, false)
}
