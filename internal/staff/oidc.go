package staff

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"regulars/internal/store"
)

// Errors for people.
var (
	ErrOIDC    = errors.New("your sign-in elsewhere was not accepted here: try again, and if it stays so the log says why")
	ErrUnknown = errors.New("nobody of that address may come in here: an admin adds users by `regulars user add`")
)

// oidcPatience is for how long a provider is waited for.
const oidcPatience = 10 * time.Second

// OIDCSettings are those of a provider.
type OIDCSettings struct{ Issuer, ClientID, Secret string }

// OIDC is a provider of OpenID Connect whose word on somebody's address is believed.
type OIDC struct {
	settings OIDCSettings
	redirect string
	client   *http.Client

	mu       sync.Mutex
	provider *oidc.Provider // nil: it was not reached yet
}

// NewOIDC asks a provider what it is. redirect is where it sends browsers back to. One
// that cannot be reached is asked again when somebody signs in; one that answers and is
// no such provider is an error.
func NewOIDC(ctx context.Context, settings OIDCSettings, redirect string) (o *OIDC, unreached, err error) {
	o = &OIDC{settings: settings, redirect: redirect, client: &http.Client{Timeout: oidcPatience}}
	_, err = o.known(ctx)
	if errors.As(err, new(*url.Error)) {
		return o, err, nil
	}
	return o, nil, err
}

// known returns the provider, asked what it is the first time.
func (o *OIDC) known(ctx context.Context) (*oidc.Provider, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.provider != nil {
		return o.provider, nil
	}
	p, err := oidc.NewProvider(oidc.ClientContext(ctx, o.client), o.settings.Issuer)
	if err != nil {
		return nil, fmt.Errorf("OIDC_ISSUER: %w", err)
	}
	o.provider = p
	return p, nil
}

func (o *OIDC) config(p *oidc.Provider) *oauth2.Config {
	return &oauth2.Config{ClientID: o.settings.ClientID, ClientSecret: o.settings.Secret, Endpoint: p.Endpoint(), RedirectURL: o.redirect, Scopes: []string{oidc.ScopeOpenID, "email"}}
}

// oidcAsked is what an answer of the provider is held against.
type oidcAsked struct{ Nonce, Verifier string }

// AskOIDC returns where a browser signs in. The ticket is what it holds. With again the
// provider is to ask who they are, also if they have signed in there.
func (s *SignIn) AskOIDC(ctx context.Context, o *OIDC, ticket, from string, again bool) (address string, err error) {
	if err := s.try(ctx, limit{hashed("oidc from " + from), triesAlone}); err != nil {
		return "", err
	}
	p, err := o.known(ctx)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrOIDC, err)
	}
	state, ask := secret(), oidcAsked{Nonce: secret(), Verifier: oauth2.GenerateVerifier()}
	purpose, more := toEnterOIDC, []oauth2.AuthCodeOption{oidc.Nonce(ask.Nonce), oauth2.S256ChallengeOption(ask.Verifier)}
	if again {
		purpose, more = toProveOIDC, append(more, oauth2.SetAuthURLParam("prompt", "login"), oauth2.SetAuthURLParam("max_age", "0"))
	}
	err = s.DB.Update(ctx, func(tx *store.Tx) error { return asked(tx, purpose, ticket, state, ask) })
	return o.config(p).AuthCodeURL(state, more...), err
}

// WithOIDC lets in whom the provider vouches for, where they are a user of ours, and
// returns what their cookie is to hold. The session is fresh where the provider says that
// they have proved just now who they are, or was told to have them do so.
func (s *SignIn) WithOIDC(ctx context.Context, o *OIDC, ticket, state, code string) (session string, err error) {
	var ask oidcAsked
	again := false
	err = s.answered(ctx, toEnterOIDC, ticket, state, &ask)
	if errors.Is(err, ErrChallenge) {
		again = true
		err = s.answered(ctx, toProveOIDC, ticket, state, &ask)
	}
	if err != nil {
		return "", err
	}
	email, age, err := o.vouched(ctx, ask, code)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrOIDC, err)
	}
	if again && age == ageUnknown {
		age = 0
	}
	err = s.DB.Update(ctx, func(tx *store.Tx) error {
		u, err := find(tx, email)
		if errors.Is(err, store.ErrNotFound) {
			return ErrUnknown
		}
		if err != nil {
			return err
		}
		if _, err := tx.Exec("update users set oidc_at = "+tx.Machine()+" where id = @id", store.Args{"id": u.ID}); err != nil {
			return err
		}
		if session, err = begin(tx, u.ID, u.Email, "signed in by OIDC"); err != nil {
			return err
		}
		_, err = tx.Exec("update sessions set proved_at = "+tx.MachineIn(-age)+" where hash = @hash", store.Args{"hash": hashed(session)})
		return err
	})
	return session, err
}

// ageUnknown is that of a sign-in of which a provider does not say when it was.
const ageUnknown = 24 * time.Hour

// vouched exchanges a code, and returns the address that the provider vouches for and how
// long before that they had proved who they are.
func (o *OIDC) vouched(ctx context.Context, ask oidcAsked, code string) (email string, age time.Duration, err error) {
	p, err := o.known(ctx)
	if err != nil {
		return "", 0, err
	}
	ctx = oidc.ClientContext(ctx, o.client)
	token, err := o.config(p).Exchange(ctx, code, oauth2.VerifierOption(ask.Verifier))
	if err != nil {
		return "", 0, err
	}
	raw, _ := token.Extra("id_token").(string)
	id, err := p.VerifierContext(ctx, &oidc.Config{ClientID: o.settings.ClientID}).Verify(ctx, raw)
	if err != nil {
		return "", 0, err
	}
	if id.Nonce != ask.Nonce {
		return "", 0, errors.New("the token was made for another sign-in: its nonce is another")
	}
	var claims struct {
		Email    string `json:"email"`
		Verified any    `json:"email_verified"` // some write it as text
		AuthTime int64  `json:"auth_time"`
	}
	if err := id.Claims(&claims); err != nil {
		return "", 0, err
	}
	if !strings.EqualFold(fmt.Sprint(claims.Verified), "true") {
		return "", 0, errors.New("the provider has not verified the address (email_verified)")
	}
	if email, err = folded(claims.Email); err != nil {
		return "", 0, errors.New("the token names no address (email)")
	}
	if claims.AuthTime == 0 {
		return email, ageUnknown, nil
	}
	return email, min(max(id.IssuedAt.Sub(time.Unix(claims.AuthTime, 0)), 0), ageUnknown), nil
}
