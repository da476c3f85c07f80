package console

import (
	"errors"
	"net/http"

	"regulars/internal/remote"
	"regulars/internal/staff"
)

// stale reports whether an act with large effects must ask once more who one is, because
// it is a while since one proved it. At the machine itself nobody is asked.
func (c *Console) stale(r *http.Request, u visitor) (bool, error) {
	if u.here {
		return false, nil
	}
	fresh, err := c.signIn.Fresh(r.Context(), u.session)
	return !fresh, err
}

// proves returns nil where the visitor has proved just now who they are, or does so with
// this form, by a password or a passkey; what is wrong with it is a refusal.
func (c *Console) proves(r *http.Request, u visitor) error {
	stale, err := c.stale(r, u)
	if err != nil || !stale {
		return err
	}
	if answer := r.PostFormValue("passkey"); answer != "" {
		p, err := c.needPasskeys(r)
		if err != nil {
			return err
		}
		return c.inWords(r, p.Again(r.Context(), u.session, answer))
	}
	password := r.PostFormValue("password")
	if password == "" || c.NoPasswords {
		return wrong(c.pages.words.Say("wrong.prove"))
	}
	err = c.signIn.Again(r.Context(), u.session, password, remote.Address(r))
	if errors.Is(err, staff.ErrRefused) {
		return wrong(c.pages.words.Say("wrong.other_password"))
	}
	return c.inWords(r, err)
}
