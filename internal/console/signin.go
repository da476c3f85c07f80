package console

import (
	"errors"
	"net/http"

	"regulars/internal/remote"
	"regulars/internal/staff"
)

// signInView is the page at which one signs in.
type signInView struct {
	frame
	Wrong string // what was wrong with the last try
}

func (c *Console) signInPage(w http.ResponseWriter, r *http.Request, u visitor) error {
	if u.role != staff.Nobody {
		http.Redirect(w, r, "/console/", http.StatusSeeOther)
		return nil
	}
	return c.showSignIn(w, r, u, http.StatusOK, "")
}

func (c *Console) showSignIn(w http.ResponseWriter, r *http.Request, u visitor, status int, what string) error {
	if status == http.StatusTooManyRequests {
		w.Header().Set("Retry-After", "60")
	}
	return c.pages.show(w, status, "signin", signInView{c.frameWithout(r, u, c.pages.words.Say("signin.title")), what})
}

func (c *Console) signInWith(w http.ResponseWriter, r *http.Request, u visitor) error {
	if c.NoPasswords {
		return wrong(c.pages.words.Say("wrong.no_passwords"))
	}
	session, err := c.signIn.With(r.Context(), r.PostFormValue("email"), r.PostFormValue("password"), remote.Address(r))
	switch {
	case err == nil:
		c.keep(w, r, session)
		http.Redirect(w, r, "/console/", http.StatusSeeOther)
		return nil
	case errors.Is(err, staff.ErrTooMany):
		return c.showSignIn(w, r, u, http.StatusTooManyRequests, err.Error())
	case errors.Is(err, staff.ErrRefused):
		return c.showSignIn(w, r, u, http.StatusUnprocessableEntity, err.Error())
	}
	return err
}

func (c *Console) signOut(w http.ResponseWriter, r *http.Request, u visitor) error {
	if err := c.signIn.Out(r.Context(), u.session); err != nil {
		return err
	}
	c.keep(w, r, "")
	http.Redirect(w, r, "/console/sign-in", http.StatusSeeOther)
	return nil
}

// welcomeView is the page of a link by which somebody chooses a password.
type welcomeView struct {
	frame
	Email, Wrong string
}

// welcomePage shows the form; only the form's button uses the link up, for whatever looks
// at links in mails opens them, too.
func (c *Console) welcomePage(w http.ResponseWriter, r *http.Request, u visitor) error {
	return c.welcome(w, r, u, http.StatusOK, "")
}

func (c *Console) welcome(w http.ResponseWriter, r *http.Request, u visitor, status int, what string) error {
	if c.NoPasswords {
		return wrong(c.pages.words.Say("wrong.no_passwords"))
	}
	user, err := c.signIn.Invited(r.Context(), r.PathValue("link"))
	if errors.Is(err, staff.ErrLink) {
		return refuse(http.StatusGone, err.Error())
	}
	if err != nil {
		return err
	}
	return c.pages.show(w, status, "welcome", welcomeView{c.frameWithout(r, u, c.pages.words.Say("welcome.title")), user.Email, what})
}

func (c *Console) choosePassword(w http.ResponseWriter, r *http.Request, u visitor) error {
	if c.NoPasswords {
		return wrong(c.pages.words.Say("wrong.no_passwords"))
	}
	password := r.PostFormValue("password")
	if password != r.PostFormValue("again") {
		return c.welcome(w, r, u, http.StatusUnprocessableEntity, c.pages.words.Say("welcome.differ"))
	}
	session, err := c.signIn.Choose(r.Context(), r.PathValue("link"), password)
	switch {
	case errors.Is(err, staff.ErrPassword):
		return c.welcome(w, r, u, http.StatusUnprocessableEntity, err.Error())
	case errors.Is(err, staff.ErrLink):
		return refuse(http.StatusGone, staff.ErrLink.Error())
	case err != nil:
		return err
	}
	c.keep(w, r, session)
	http.Redirect(w, r, "/console/", http.StatusSeeOther)
	return nil
}
