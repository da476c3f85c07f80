package console

import (
	"errors"
	"net/http"

	"regulars/internal/remote"
	"regulars/internal/staff"
)

// stale reports whether an act with large effects must ask for the password again,
// because it is a while since it was given. At the machine itself nobody has one.
func (c *Console) stale(r *http.Request, u visitor) (bool, error) {
	if u.here {
		return false, nil
	}
	fresh, err := c.signIn.Fresh(r.Context(), u.session)
	return !fresh, err
}

// proves returns nil where the visitor has given their password just now, or does so
// with this form; what is wrong with it is a refusal.
func (c *Console) proves(r *http.Request, u visitor) error {
	stale, err := c.stale(r, u)
	if err != nil || !stale {
		return err
	}
	password := r.PostFormValue("password")
	if password == "" {
		return wrong(c.pages.words.Say("wrong.password"))
	}
	err = c.signIn.Again(r.Context(), u.session, password, remote.Address(r))
	if errors.Is(err, staff.ErrRefused) {
		return wrong(c.pages.words.Say("wrong.other_password"))
	}
	if errors.Is(err, staff.ErrTooMany) {
		return refuse(http.StatusTooManyRequests, err.Error())
	}
	return err
}
