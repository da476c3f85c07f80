package console

import (
	"net/http"

	"regulars/internal/remote"
	"regulars/internal/staff"
	"regulars/internal/store"
)

// OIDCBack is the path to which a provider sends browsers back.
const OIDCBack = "/console/oidc/back"

// toOIDC sends the browser to the provider. With again it is to ask who they are, also
// if they have signed in there.
func (c *Console) toOIDC(w http.ResponseWriter, r *http.Request, u visitor) error {
	if c.OIDC == nil {
		return store.ErrNotFound
	}
	ticket := staff.NewTicket()
	address, err := c.signIn.AskOIDC(r.Context(), c.OIDC, ticket, remote.Address(r), r.FormValue("again") == "yes")
	if bad := c.refused(r, err); bad != nil {
		return c.showSignIn(w, r, u, bad.status, bad.words)
	}
	if err != nil {
		return err
	}
	c.hand(w, r, ticket)
	http.Redirect(w, r, address, http.StatusSeeOther)
	return nil
}

// fromOIDC takes what the provider sent the browser back with. The session that there was
// ends.
func (c *Console) fromOIDC(w http.ResponseWriter, r *http.Request, u visitor) error {
	if c.OIDC == nil {
		return store.ErrNotFound
	}
	session, err := c.signIn.WithOIDC(r.Context(), c.OIDC, c.ticket(r), r.FormValue("state"), r.FormValue("code"))
	if bad := c.refused(r, err); bad != nil {
		return c.showSignIn(w, r, u, bad.status, bad.words)
	}
	if err == nil && u.session != "" {
		err = c.signIn.Out(r.Context(), u.session)
	}
	if err != nil {
		return err
	}
	c.hand(w, r, "")
	c.keep(w, r, session)
	http.Redirect(w, r, "/console/", http.StatusSeeOther)
	return nil
}
