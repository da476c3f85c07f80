package console

import (
	"errors"
	"net/http"
	"strings"

	"regulars/internal/remote"
	"regulars/internal/staff"
	"regulars/internal/store"
)

// usersView is who may come in.
type usersView struct {
	frame
	Users []staff.User
	Roles []staff.Role
	Stale bool   // who the visitor is is asked once more
	For   string // whom the link is for
	Link  string // shown once
}

func (c *Console) users(w http.ResponseWriter, r *http.Request, u visitor) error {
	return c.showUsers(w, r, u, usersView{})
}

func (c *Console) showUsers(w http.ResponseWriter, r *http.Request, u visitor, view usersView) (err error) {
	view.Roles = staff.Roles
	err = c.read(r.Context(), func(tx *store.Tx) (err error) {
		if view.frame, err = c.frame(tx, r, u, "users", c.pages.words.Say("users.title")); err != nil {
			return err
		}
		view.Users, err = staff.Users(tx)
		return err
	})
	if err == nil {
		view.Stale, err = c.stale(r, u)
	}
	if err != nil {
		return err
	}
	return c.pages.show(w, http.StatusOK, "users", view)
}

// addUser makes a user, or another link for one, and shows the link this once.
func (c *Console) addUser(w http.ResponseWriter, r *http.Request, u visitor) error {
	role, err := staff.ReadRole(r.PostFormValue("role"))
	if err != nil {
		return wrong(err.Error())
	}
	if err := c.proves(r, u); err != nil {
		return err
	}
	view := usersView{For: strings.TrimSpace(r.PostFormValue("email"))}
	var link string
	err = c.DB.Update(r.Context(), func(tx *store.Tx) (err error) { link, err = staff.Add(tx, view.For, role, u.by()); return err })
	if err != nil {
		return mistake(err)
	}
	view.Link = c.home(r) + "/console/welcome/" + link
	return c.showUsers(w, r, u, view)
}

// home is where browsers reach this.
func (c *Console) home(r *http.Request) string {
	switch {
	case c.Base != "":
		return strings.TrimSuffix(c.Base, "/")
	case c.secure(r):
		return "https://" + r.Host
	}
	return "http://" + r.Host
}

// changeUser gives a user another role, or takes them away. Nobody does that to
// themselves: so there is always somebody left who may.
func (c *Console) changeUser(w http.ResponseWriter, r *http.Request, u visitor, done string, f func(tx *store.Tx, email string) error) error {
	email := strings.TrimSpace(r.PostFormValue("email"))
	if strings.EqualFold(email, u.name) {
		return wrong(c.pages.words.Say("wrong.yourself"))
	}
	if err := c.proves(r, u); err != nil {
		return err
	}
	if err := c.DB.Update(r.Context(), func(tx *store.Tx) error { return f(tx, email) }); err != nil {
		return mistake(err)
	}
	return back(w, r, "/console/users", done)
}

func (c *Console) setRole(w http.ResponseWriter, r *http.Request, u visitor) error {
	role, err := staff.ReadRole(r.PostFormValue("role"))
	if err != nil {
		return wrong(err.Error())
	}
	return c.changeUser(w, r, u, "role", func(tx *store.Tx, email string) error { return staff.SetRole(tx, email, role, u.by()) })
}

func (c *Console) removeUser(w http.ResponseWriter, r *http.Request, u visitor) error {
	return c.changeUser(w, r, u, "removed", func(tx *store.Tx, email string) error { return staff.Remove(tx, email, u.by()) })
}

// meView is one's own page.
type meView struct {
	frame
	Email       string
	Role        staff.Role
	Wrong       string
	Stale       bool // who they are is asked once more
	NoPasswords bool // nobody comes in by one
	Passkeys    []staff.Passkey
	CanAdd      bool // browsers have passkeys for us
}

func (c *Console) me(w http.ResponseWriter, r *http.Request, u visitor) error {
	return c.showMe(w, r, u, http.StatusOK, "")
}

func (c *Console) showMe(w http.ResponseWriter, r *http.Request, u visitor, status int, what string) error {
	if u.here {
		return wrong(c.pages.words.Say("me.nobody"))
	}
	view := meView{Email: u.name, Role: u.role, Wrong: what, NoPasswords: c.NoPasswords, CanAdd: c.passkeys(r) != nil}
	err := c.read(r.Context(), func(tx *store.Tx) (err error) {
		view.frame, err = c.frame(tx, r, u, "", c.pages.words.Say("me.title"))
		return err
	})
	if err == nil {
		view.Passkeys, err = c.signIn.PasskeysOf(r.Context(), u.session)
	}
	if err == nil {
		view.Stale, err = c.stale(r, u)
	}
	if err != nil {
		return err
	}
	return c.pages.show(w, status, "me", view)
}

func (c *Console) changePassword(w http.ResponseWriter, r *http.Request, u visitor) error {
	if c.NoPasswords {
		return wrong(c.pages.words.Say("wrong.no_passwords"))
	}
	next := r.PostFormValue("next")
	if next != r.PostFormValue("again") {
		return c.showMe(w, r, u, http.StatusUnprocessableEntity, c.pages.words.Say("welcome.differ"))
	}
	if !u.chosen {
		if err := c.proves(r, u); err != nil {
			return c.minded(w, r, u, err, "")
		}
	}
	err := c.signIn.Change(r.Context(), u.session, r.PostFormValue("password"), next, remote.Address(r))
	switch {
	case errors.Is(err, staff.ErrRefused):
		return c.showMe(w, r, u, http.StatusUnprocessableEntity, c.pages.words.Say("wrong.other_password"))
	case errors.Is(err, staff.ErrTooMany):
		return c.showMe(w, r, u, http.StatusTooManyRequests, err.Error())
	case errors.Is(err, staff.ErrPassword):
		return c.showMe(w, r, u, http.StatusUnprocessableEntity, err.Error())
	case err != nil:
		return err
	}
	return back(w, r, "/console/me", "password")
}

func (c *Console) outElsewhere(w http.ResponseWriter, r *http.Request, u visitor) error {
	if _, err := c.signIn.OutElsewhere(r.Context(), u.session); err != nil {
		return err
	}
	return back(w, r, "/console/me", "elsewhere")
}
