package public

import (
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"

	"regulars/internal/consent"
	"regulars/internal/loyalty"
	"regulars/internal/store"
	"regulars/templates"
)

// topicView is a line of the preferences page.
type topicView struct {
	Key, Name string
	Granted   bool
}

// preferencesView is what the preferences page shows. It names nobody: a mail
// may be forwarded.
type preferencesView struct {
	frame
	In     templates.Words
	Topics []topicView
	Saved  bool
	Gone   bool // from everything, by the button
}

// preferencesPage shows the topics and the buttons. A GET changes nothing:
// scanners follow every link in a mail.
func (s *server) preferencesPage(tx *store.Tx, who reader, _ consent.Claims) (any, error) {
	return s.preferences(tx, who)
}

func (s *server) preferences(tx *store.Tx, who reader) (preferencesView, error) {
	shop, err := s.shop(tx)
	if err != nil {
		return preferencesView{}, err
	}
	standing, err := standingOf(tx, who)
	if err != nil {
		return preferencesView{}, err
	}
	in := shop.words(who)
	view := preferencesView{frame: shop.frame(in, in.Say("pages.mails", shop.name)), In: in}
	if who.Moved {
		return view, nil // what somebody agreed to is not shown to another mailbox
	}
	for _, t := range standing {
		view.Topics = append(view.Topics, topicView{t.Topic, shop.topic(in, t.Topic), t.Granted})
	}
	return view, nil
}

// standingOf is what a member may choose: who has not joined gets nothing about
// the program, whatever they say.
func standingOf(tx *store.Tx, who reader) ([]consent.Standing, error) {
	all, err := consent.StandingOf(tx, who.ID)
	return slices.DeleteFunc(all, func(t consent.Standing) bool { return t.Topic == loyalty.Program && !who.Joined }), err
}

// unsubscribe takes two kinds of form. A mail program's one click (RFC 8058,
// section 3.2: no cookie, no redirect, from anywhere) ends the topic of the mail;
// the page's own form sets every topic or ends them all.
func (s *server) unsubscribe(w http.ResponseWriter, r *http.Request) error {
	claims, err := s.claims(r, consent.KindUnsubscribe)
	if err != nil {
		return err
	}
	click, err := isOneClick(r)
	if err != nil {
		return err
	}
	if click {
		return s.oneClick(w, r, claims)
	}
	switch do := r.PostForm.Get("do"); do {
	case "save", "none":
		if err := s.fromOurPage(r); err != nil {
			return err
		}
		return s.choose(w, r, claims, do == "none")
	}
	return refuse(http.StatusBadRequest, "the form says nothing: List-Unsubscribe=One-Click was expected")
}

// isOneClick reports whether a mail program has posted, and parses the form. Some
// name no type for their form, or a wrong one: its words count.
func isOneClick(r *http.Request) (bool, error) {
	const key, value = "List-Unsubscribe", "One-Click"
	if kind := r.Header.Get("Content-Type"); !strings.HasPrefix(kind, "multipart/") && !strings.HasPrefix(kind, "application/x-www-form-urlencoded") {
		body, err := io.ReadAll(r.Body)
		return strings.Contains(string(body), key+"="+value), err
	}
	if err := parseForm(r); err != nil {
		return false, err
	}
	return strings.EqualFold(strings.TrimSpace(r.PostForm.Get(key)), value), nil
}

// oneClick ends the topic of the mail that the link stood in. Somebody erased
// gets nothing anyhow, which is what was asked for.
func (s *server) oneClick(w http.ResponseWriter, r *http.Request, claims consent.Claims) error {
	err := s.changing(r, claims, func(tx *store.Tx, who reader) error {
		_, err := consent.Unsubscribe(tx, claims, s.how(r, who, "one-click unsubscribe", ""))
		return err
	})
	if err != nil && !errors.Is(err, badLink) {
		return err
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = io.WriteString(w, "You are unsubscribed.\n") // the caller has gone away: nobody to tell
	return nil
}

// choose makes the member's answers what the page's form says, and shows the
// page again.
func (s *server) choose(w http.ResponseWriter, r *http.Request, claims consent.Claims, none bool) error {
	var view preferencesView
	err := s.changing(r, claims, func(tx *store.Tx, who reader) error {
		before, err := s.preferences(tx, who)
		switch {
		case err != nil:
			return err
		case none:
			err = consent.RefuseByLink(tx, claims, consent.Topics(), s.how(r, who, "preferences page", before.In.Say("pages.none")))
		case who.Moved:
			return badLink
		default:
			err = s.setTopics(tx, r, who, before)
		}
		if err != nil {
			return err
		}
		view, err = s.preferences(tx, who)
		return err
	})
	if err != nil {
		return err
	}
	view.Saved, view.Gone = !none, none
	return s.pages.show(w, http.StatusOK, "preferences", view)
}

// setTopics makes the member's answers what the form says, and leaves alone what
// they are already. What a box was called is kept as what was agreed to.
func (s *server) setTopics(tx *store.Tx, r *http.Request, who reader, before preferencesView) error {
	for _, t := range before.Topics {
		how := s.how(r, who, "preferences page", t.Name)
		var err error
		switch want := slices.Contains(r.PostForm["topic"], t.Key); {
		case want && !t.Granted:
			err = consent.Set(tx, who.ID, t.Key, true, how)
		case !want && t.Granted:
			err = consent.Refuse(tx, who.ID, []string{t.Key}, how)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
