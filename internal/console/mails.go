package console

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"regulars/internal/delivery"
	"regulars/internal/intake"
	"regulars/internal/marketing"
	"regulars/internal/report"
	"regulars/internal/store"
	"regulars/internal/versions"
)

// mailView is a mail as a member would get it.
type mailView struct {
	frame
	Campaign string
	Shown    delivery.Shown
	As       report.Member // Number 0: a made-up one
	asked    mailAsked
	Views    [][]link
	Body     string // where the frame finds it
	Path     string // of the mail, below /console/…/
	Found    []choiceOf
	More     bool // there are more than those
}

// choiceOf is one of several members by whose eyes a mail may be looked at.
type choiceOf struct {
	report.Member
	To string
}

// mostChoices is how many members are offered.
const mostChoices = 20

// link is one of several ways to look at the same thing.
type link struct {
	Name, To string
	Here     bool
}

// mailAsked is what is asked for of a mail. Members are named by their number.
type mailAsked struct {
	marketing.Mail
	width, night, pictures, text bool
}

// asked reads which mail is meant and how it is looked at. Only who may see members may
// see a mail as one of them would.
func (c *Console) asked(r *http.Request, u visitor) (a mailAsked) {
	q := r.URL.Query()
	a.Campaign, a.Mail.Mail, a.Language = r.PathValue("name"), r.PathValue("mail"), q.Get("lang")
	if u.people() {
		a.Member, _ = strconv.ParseInt(q.Get("as"), 10, 64) // else a made-up one
	}
	for name := range q {
		if field, is := strings.CutPrefix(name, typedValue); is {
			if a.Launch == nil {
				a.Launch = map[string]string{}
			}
			a.Launch[field] = q.Get(name)
		}
	}
	a.width, a.night, a.pictures, a.text = q.Get("width") == "phone", q.Get("night") != "", q.Get("pictures") != "", q.Get("view") == "text"
	return a
}

// query writes what is asked for, changed by one thing.
func (a mailAsked) query(change func(*mailAsked)) string {
	change(&a)
	q := url.Values{}
	set := func(name, value string, is bool) {
		if is {
			q.Set(name, value)
		}
	}
	set("as", strconv.FormatInt(a.Member, 10), a.Member != 0)
	for name, text := range a.Launch {
		q.Set(typedValue+name, text)
	}
	set("lang", a.Language, a.Language != "")
	set("width", "phone", a.width)
	set("night", "1", a.night)
	set("pictures", "1", a.pictures)
	set("view", "text", a.text)
	if len(q) == 0 {
		return "?"
	}
	return "?" + q.Encode()
}

func (c *Console) mail(w http.ResponseWriter, r *http.Request, u visitor) error {
	return c.showMail(w, r, u, c.asked(r, u), nil)
}

// showMail shows a mail, and members among whom one is to be chosen.
func (c *Console) showMail(w http.ResponseWriter, r *http.Request, u visitor, a mailAsked, found []report.Member) error {
	view := mailView{asked: a, Campaign: a.Campaign, Path: path(a), More: len(found) > mostChoices}
	for _, m := range found[:min(len(found), mostChoices)] {
		view.Found = append(view.Found, choiceOf{m, "/console/mail/" + view.Path + a.query(func(a *mailAsked) { a.Member = m.Number })})
	}
	var languages []string
	err := c.read(r.Context(), func(tx *store.Tx) (err error) {
		if view.frame, err = c.frame(tx, r, u, "campaigns", a.Mail.Mail); err != nil {
			return err
		}
		v, err := versions.Active(tx)
		if err != nil {
			return store.ErrNotFound
		}
		languages = v.Program.Languages
		if a.Member != 0 {
			view.As, err = report.ShowMember(tx, a.Member)
		}
		return err
	})
	if err != nil {
		return err
	}
	if view.Shown, err = c.Marketer.PreviewMail(r.Context(), a.Mail); err != nil {
		return err
	}
	view.views(languages)
	view.Body = "/console/mail-body/" + view.Path + a.query(func(*mailAsked) {})
	return c.pages.show(w, http.StatusOK, "mail", view)
}

func path(a mailAsked) string {
	parts := strings.Split(a.Mail.Mail, "/")
	for i := range parts {
		parts[i] = url.PathEscape(parts[i])
	}
	return url.PathEscape(a.Campaign) + "/" + strings.Join(parts, "/")
}

// views are the ways to look at the mail, and those taken.
func (v *mailView) views(languages []string) {
	say, a := v.words.Say, v.asked
	of := func(name string, here bool, change func(*mailAsked)) link {
		return link{name, a.query(change), here}
	}
	v.Views = [][]link{
		{of(say("mail.mail"), !a.text, func(m *mailAsked) { m.text = false }), of(say("mail.text"), a.text, func(m *mailAsked) { m.text = true })},
	}
	if !a.text {
		v.Views = append(v.Views,
			[]link{of(say("mail.wide"), !a.width, func(m *mailAsked) { m.width = false }), of(say("mail.phone"), a.width, func(m *mailAsked) { m.width = true })},
			[]link{of(say("mail.day"), !a.night, func(m *mailAsked) { m.night = false }), of(say("mail.night"), a.night, func(m *mailAsked) { m.night = true })},
			[]link{of(say("mail.plain"), !a.pictures, func(m *mailAsked) { m.pictures = false }), of(say("mail.pictures"), a.pictures, func(m *mailAsked) { m.pictures = true })})
	}
	if len(languages) > 1 {
		var all []link
		for _, lang := range languages {
			all = append(all, of(lang, lang == v.Shown.Language, func(m *mailAsked) { m.Language = lang }))
		}
		v.Views = append(v.Views, all)
	}
}

// Phone, Night and Text say how the mail is looked at.
func (v mailView) Phone() bool { return v.asked.width }
func (v mailView) Night() bool { return v.asked.night }
func (v mailView) Text() bool  { return v.asked.text }

// Query is what is asked for as it is.
func (v mailView) Query() string { return v.asked.query(func(*mailAsked) {}) }

// mailBody is the mail alone, for the frame: no script, no form, and no pictures from
// elsewhere until they are asked for.
func (c *Console) mailBody(w http.ResponseWriter, r *http.Request, u visitor) error {
	a := c.asked(r, u)
	shown, err := c.Marketer.PreviewMail(r.Context(), a.Mail)
	if err != nil {
		return err
	}
	return c.writeMail(w, []byte(shown.HTML), a.pictures)
}

// writeMail answers with a mail that stands in a frame of its own. It shows the program's
// own pictures, and with pictures those of others.
func (c *Console) writeMail(w http.ResponseWriter, body []byte, pictures bool) error {
	images := strings.Join(append([]string{"data:"}, c.ownPictures()...), " ")
	if pictures {
		images += " http: https:"
	}
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; img-src "+images+"; sandbox allow-popups allow-popups-to-escape-sandbox; form-action 'none'; base-uri 'none'; frame-ancestors 'self'")
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write(body) // the browser has gone away: nobody to tell
	return nil
}

// mailAs finds the member whose mail is looked at: by their id or address, which stands
// in no address of ours.
func (c *Console) mailAs(w http.ResponseWriter, r *http.Request, u visitor) error {
	a := c.asked(r, u)
	var several []report.Member
	a.Member = 0
	if text := strings.TrimSpace(r.PostFormValue("member")); text != "" {
		err := c.read(r.Context(), func(tx *store.Tx) error {
			found, err := report.FindMembers(tx, text)
			if err != nil {
				return err
			}
			if i := slices.IndexFunc(found, func(m report.Member) bool { return m.ID == text || strings.EqualFold(m.Email, text) }); i >= 0 {
				found = found[i : i+1]
			}
			switch len(found) {
			case 0:
				a.Member, err = intake.Find(tx, text)
				if errors.Is(err, store.ErrNotFound) {
					return wrong(c.pages.words.Say("mail.nobody"))
				}
				return err
			case 1:
				a.Member = found[0].Number
			default:
				several = found
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	if len(several) > 0 {
		return c.showMail(w, r, u, c.asked(r, u), several)
	}
	http.Redirect(w, r, "/console/mail/"+path(a)+a.query(func(*mailAsked) {}), http.StatusSeeOther)
	return nil
}

// sendTest mails what is looked at to an address.
func (c *Console) sendTest(w http.ResponseWriter, r *http.Request, u visitor) error {
	a := c.asked(r, u)
	if _, err := c.Marketer.As(u.by()).SendTest(r.Context(), a.Mail, r.PostFormValue("to")); err != nil {
		return mistake(err)
	}
	q := a.query(func(*mailAsked) {}) + "&done=tested"
	http.Redirect(w, r, "/console/mail/"+path(a)+strings.Replace(q, "?&", "?", 1), http.StatusSeeOther)
	return nil
}
