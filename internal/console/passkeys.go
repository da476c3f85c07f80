package console

import (
	"errors"
	"net/http"
	"net/url"

	"regulars/internal/remote"
	"regulars/internal/staff"
)

// ways are by what the visitor may sign in here.
type ways struct{ Password, Passkey, OIDC bool }

// ways of a visitor, or of somebody who has not signed in yet.
func (c *Console) ways(r *http.Request, u visitor) ways {
	nobody := u.role == staff.Nobody
	return ways{
		Password: !c.NoPasswords && (nobody || u.chosen),
		Passkey:  (nobody || u.passkeys > 0) && c.passkeys(r) != nil,
		OIDC:     c.OIDC != nil,
	}
}

// passkeys are those of this console; nil where browsers have none. Without BASE_URL it
// is reached at localhost, else they would go by whatever name a request brings.
func (c *Console) passkeys(r *http.Request) *staff.Passkeys {
	home := c.home(r)
	if u, err := url.Parse(home); err != nil || c.Base == "" && u.Hostname() != "localhost" {
		return nil
	}
	return c.signIn.Passkeys(originOf(home))
}

// needPasskeys are the passkeys of this console, or why there are none.
func (c *Console) needPasskeys(r *http.Request) (*staff.Passkeys, error) {
	p := c.passkeys(r)
	if p == nil {
		return nil, wrong(c.pages.words.Say("me.no_passkeys"))
	}
	return p, nil
}

// ticketCookie is the cookie of a browser that is about to sign in.
func (c *Console) ticketCookie(r *http.Request) string { return c.cookie(r) + "-ticket" }

// hand gives a browser a ticket for some minutes; "" takes it away.
func (c *Console) hand(w http.ResponseWriter, r *http.Request, ticket string) {
	kept := &http.Cookie{Name: c.ticketCookie(r), Value: ticket, Path: "/", MaxAge: 600, HttpOnly: true, Secure: c.secure(r), SameSite: http.SameSiteLaxMode}
	if ticket == "" {
		kept.MaxAge = -1
	}
	http.SetCookie(w, kept)
}

// ticket is what a browser holds that is about to sign in; "" is none.
func (c *Console) ticket(r *http.Request) string {
	if kept, err := r.Cookie(c.ticketCookie(r)); err == nil {
		return kept.Value
	}
	return ""
}

// refused puts into words what is wrong with how somebody signs in; nil is for an error
// that is not theirs to mend.
func (c *Console) refused(r *http.Request, err error) *refusal {
	for _, e := range []error{staff.ErrPasskey, staff.ErrOIDC} {
		if errors.Is(err, e) {
			c.Log.InfoContext(r.Context(), "a sign-in was refused", "why", err)
			return &refusal{http.StatusUnprocessableEntity, e.Error()}
		}
	}
	for _, e := range []error{staff.ErrChallenge, staff.ErrUnknown, staff.ErrKeyName, staff.ErrLastWay, staff.ErrNotFresh} {
		if errors.Is(err, e) {
			return &refusal{http.StatusUnprocessableEntity, e.Error()}
		}
	}
	if errors.Is(err, staff.ErrTooMany) {
		return &refusal{http.StatusTooManyRequests, err.Error()}
	}
	return nil
}

// inWords is the refusal for an error, or the error itself.
func (c *Console) inWords(r *http.Request, err error) error {
	if bad := c.refused(r, err); bad != nil {
		return bad
	}
	return err
}

// question answers our script: with what the browser is to be asked, or with words.
func (c *Console) question(w http.ResponseWriter, r *http.Request, options []byte, err error) error {
	var bad *refusal
	if errors.As(c.inWords(r, err), &bad) {
		http.Error(w, bad.words, bad.status)
		return nil
	}
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(options)
	return nil
}

// askPasskey begins a sign-in by passkey: of somebody new, or once more.
func (c *Console) askPasskey(w http.ResponseWriter, r *http.Request, u visitor) error {
	p, err := c.needPasskeys(r)
	if err != nil {
		return c.question(w, r, nil, err)
	}
	if u.session != "" {
		options, err := p.AskAgain(r.Context(), u.session, remote.Address(r))
		return c.question(w, r, options, err)
	}
	ticket := staff.NewTicket()
	c.hand(w, r, ticket)
	options, err := p.Ask(r.Context(), ticket, remote.Address(r))
	return c.question(w, r, options, err)
}

// signInByPasskey takes what the browser answered.
func (c *Console) signInByPasskey(w http.ResponseWriter, r *http.Request, u visitor) error {
	p, err := c.needPasskeys(r)
	if err != nil {
		return err
	}
	session, err := p.With(r.Context(), c.ticket(r), r.PostFormValue("passkey"))
	if bad := c.refused(r, err); bad != nil {
		return c.showSignIn(w, r, u, bad.status, bad.words)
	}
	if err != nil {
		return err
	}
	c.hand(w, r, "")
	c.keep(w, r, session)
	http.Redirect(w, r, "/console/", http.StatusSeeOther)
	return nil
}

// askNewPasskey begins a passkey of one's own, once one has proved who one is.
func (c *Console) askNewPasskey(w http.ResponseWriter, r *http.Request, u visitor) error {
	p, err := c.needPasskeys(r)
	if err == nil {
		err = c.proves(r, u)
	}
	if err != nil {
		return c.question(w, r, nil, err)
	}
	options, err := p.AskNew(r.Context(), u.session)
	return c.question(w, r, options, err)
}

func (c *Console) addPasskey(w http.ResponseWriter, r *http.Request, u visitor) error {
	p, err := c.needPasskeys(r)
	if err != nil {
		return err
	}
	err = p.AddPasskey(r.Context(), u.session, r.PostFormValue("name"), r.PostFormValue("created"))
	return c.minded(w, r, u, err, "passkey")
}

func (c *Console) removePasskey(w http.ResponseWriter, r *http.Request, u visitor) error {
	id, err := numbered(r, "passkey")
	if err != nil {
		return err
	}
	if err = c.proves(r, u); err == nil {
		err = c.signIn.RemovePasskey(r.Context(), u.session, id, c.OIDC != nil)
	}
	return c.minded(w, r, u, err, "passkey_gone")
}

func (c *Console) removePassword(w http.ResponseWriter, r *http.Request, u visitor) error {
	err := c.proves(r, u)
	if err == nil {
		err = c.signIn.RemovePassword(r.Context(), u.session)
	}
	return c.minded(w, r, u, err, "password_gone")
}

// minded goes back to one's own page, with what was wrong if something was.
func (c *Console) minded(w http.ResponseWriter, r *http.Request, u visitor, err error, done string) error {
	var bad *refusal
	if errors.As(c.inWords(r, err), &bad) {
		return c.showMe(w, r, u, bad.status, bad.words)
	}
	if err != nil {
		return err
	}
	return back(w, r, "/console/me", done)
}
