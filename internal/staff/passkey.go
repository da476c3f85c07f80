package staff

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"regulars/internal/loyalty"
	"regulars/internal/store"
)

// Passkey is one that a user has added.
type Passkey struct {
	ID      int64
	Name    string
	AddedAt loyalty.Instant
	UsedAt  loyalty.Instant // zero: never since
}

// longestKeyName bounds what a passkey is called, in characters.
const longestKeyName = 60

// Errors for people.
var (
	ErrPasskey  = errors.New("this passkey does not let you in here")
	ErrKeyName  = errors.New("call the passkey something of at most 60 characters, by which you will know it")
	ErrLastWay  = errors.New("this is your only way in: add another passkey or choose a password first")
	ErrNotFresh = errors.New("it is a while since you signed in: do so once more")
)

// Passkeys lets users in by passkeys, on the pages of one origin.
type Passkeys struct {
	*SignIn
	party *webauthn.WebAuthn
}

// Passkeys returns those of an origin, https://shop.example; nil where browsers have
// none: without https anywhere but on localhost, and at an address without a name.
func (s *SignIn) Passkeys(origin string) *Passkeys {
	u, err := url.Parse(origin)
	if err != nil || net.ParseIP(u.Hostname()) != nil || u.Scheme != "https" && u.Hostname() != "localhost" {
		return nil
	}
	party, err := webauthn.New(&webauthn.Config{
		RPID: strings.ToLower(u.Hostname()), RPDisplayName: "Regulars", RPOrigins: []string{u.Scheme + "://" + strings.ToLower(u.Host)},
		AttestationPreference: protocol.PreferNoAttestation,
		AuthenticatorSelection: protocol.AuthenticatorSelection{
			ResidentKey: protocol.ResidentKeyRequirementRequired, RequireResidentKey: protocol.ResidentKeyRequired(), UserVerification: protocol.VerificationRequired,
		},
	})
	if err != nil {
		return nil
	}
	return &Passkeys{s, party}
}

// keyHolder is a user as authenticators know them.
type keyHolder struct {
	User
	keys []webauthn.Credential
}

func (h keyHolder) WebAuthnID() []byte                         { return fmt.Appendf(nil, "user %d", h.ID) }
func (h keyHolder) WebAuthnName() string                       { return h.Email }
func (h keyHolder) WebAuthnDisplayName() string                { return h.Email }
func (h keyHolder) WebAuthnCredentials() []webauthn.Credential { return h.keys }

// withKeys reads the passkeys of a user.
func withKeys(tx *store.Tx, u User) (h keyHolder, err error) {
	var texts []string
	h.User = u
	if err := tx.All(&texts, "select credential from passkeys where user_id = @user order by id", store.Args{"user": u.ID}); err != nil {
		return h, err
	}
	for _, text := range texts {
		var key webauthn.Credential
		if err := json.Unmarshal([]byte(text), &key); err != nil {
			return h, fmt.Errorf("a passkey of user %d: %w", u.ID, err)
		}
		h.keys = append(h.keys, key)
	}
	return h, nil
}

// keep keeps what the library wants back beside an answer, and returns what the browser
// is asked.
func keep(tx *store.Tx, purpose, holder string, s *webauthn.SessionData, options any) ([]byte, error) {
	challenge := s.Challenge
	s.Challenge = "" // only its hash is kept
	if err := asked(tx, purpose, holder, challenge, s); err != nil {
		return nil, err
	}
	return json.Marshal(options)
}

// Ask returns what a browser is asked to sign in by a passkey, any that it has for us.
// The ticket is what it holds.
func (p *Passkeys) Ask(ctx context.Context, ticket, from string) ([]byte, error) {
	return p.ask(ctx, toEnter, ticket, from)
}

// AskAgain returns what is asked of who has a session, to be fresh.
func (p *Passkeys) AskAgain(ctx context.Context, session, from string) ([]byte, error) {
	return p.ask(ctx, toProve, session, from)
}

func (p *Passkeys) ask(ctx context.Context, purpose, holder, from string) (options []byte, err error) {
	if err := p.try(ctx, limit{hashed("passkeys from " + from), triesAlone}); err != nil {
		return nil, err
	}
	assertion, s, err := p.party.BeginDiscoverableLogin(webauthn.WithUserVerification(protocol.VerificationRequired))
	if err != nil {
		return nil, err
	}
	err = p.DB.Update(ctx, func(tx *store.Tx) (err error) {
		s := *s // a transaction may be tried again
		options, err = keep(tx, purpose, holder, &s, assertion)
		return err
	})
	return options, err
}

// With lets in whoever answered what Ask asked, and returns what their cookie is to hold.
func (p *Passkeys) With(ctx context.Context, ticket, answer string) (session string, err error) {
	err = p.proved(ctx, toEnter, ticket, answer, func(tx *store.Tx, u User) (err error) {
		session, err = begin(tx, u.ID, u.Email, "signed in by passkey")
		return err
	})
	return session, err
}

// Again makes a session fresh by the answer to AskAgain; only the passkeys of its own
// user do.
func (p *Passkeys) Again(ctx context.Context, session, answer string) error {
	who, err := p.Who(ctx, session)
	if err != nil {
		return err
	}
	return p.proved(ctx, toProve, session, answer, func(tx *store.Tx, u User) error {
		if u.ID != who.ID {
			return fmt.Errorf("%w: it is another user's", ErrPasskey)
		}
		return refresh(tx, session)
	})
}

// proved does something for the user whose passkey gave an answer.
func (p *Passkeys) proved(ctx context.Context, purpose, holder, answer string, f func(*store.Tx, User) error) error {
	given, err := protocol.ParseCredentialRequestResponseBytes([]byte(answer))
	if err != nil {
		return fmt.Errorf("%w: %w", ErrPasskey, err)
	}
	var s webauthn.SessionData
	challenge := given.Response.CollectedClientData.Challenge
	if err := p.answered(ctx, purpose, holder, challenge, &s); err != nil {
		return err
	}
	s.Challenge = challenge
	return p.DB.Update(ctx, func(tx *store.Tx) error {
		u, err := p.used(tx, s, given)
		if err != nil {
			return err
		}
		return f(tx, u)
	})
}

// used returns the user of a passkey that gave an answer, and keeps what it says of its
// counter and its backups.
func (p *Passkeys) used(tx *store.Tx, s webauthn.SessionData, given *protocol.ParsedCredentialAssertionData) (u User, err error) {
	args := store.Args{"key": given.RawID}
	if _, err := tx.Exec("update passkeys set used_at = "+tx.Machine()+" where key_id = @key", args); err != nil { // one answer at a time
		return u, err
	}
	err = tx.One(&u, "select "+userColumns+" from users u join passkeys k on k.user_id = u.id where k.key_id = @key", args)
	if errors.Is(err, store.ErrNotFound) {
		return u, fmt.Errorf("%w: nobody has added it", ErrPasskey)
	}
	if err != nil {
		return u, err
	}
	holder, err := withKeys(tx, u)
	if err != nil {
		return u, err
	}
	key, err := p.party.ValidateDiscoverableLogin(func(_, _ []byte) (webauthn.User, error) { return holder, nil }, s, given)
	if err != nil {
		return u, fmt.Errorf("%w: %w", ErrPasskey, err)
	}
	if key.Authenticator.CloneWarning {
		return u, fmt.Errorf("%w: its counter went back, as that of a copy does", ErrPasskey)
	}
	if args["credential"], err = kept(key); err != nil {
		return u, err
	}
	_, err = tx.Exec("update passkeys set credential = @credential where key_id = @key", args)
	return u, err
}

// kept is what is kept of a passkey. How its maker vouches for it is not asked for.
func kept(key *webauthn.Credential) (string, error) {
	key.Attestation = webauthn.CredentialAttestation{}
	text, err := json.Marshal(key)
	return string(text), err
}

// AskNew returns what a browser is asked to make a passkey for who has a fresh session.
func (p *Passkeys) AskNew(ctx context.Context, session string) (options []byte, err error) {
	u, err := p.Who(ctx, session)
	if err != nil {
		return nil, err
	}
	err = p.DB.Update(ctx, func(tx *store.Tx) error {
		if err := mustBeFresh(tx, session); err != nil {
			return err
		}
		holder, err := withKeys(tx, u)
		if err != nil {
			return err
		}
		creation, s, err := p.party.BeginRegistration(holder, webauthn.WithExclusions(webauthn.Credentials(holder.keys).CredentialDescriptors()))
		if err == nil {
			options, err = keep(tx, toAdd, session, s, creation)
		}
		return err
	})
	return options, err
}

// AddPasskey adds the passkey that a browser made when AskNew asked.
func (p *Passkeys) AddPasskey(ctx context.Context, session, name, answer string) error {
	name = strings.TrimSpace(name)
	if n := utf8.RuneCountInString(name); n == 0 || n > longestKeyName {
		return ErrKeyName
	}
	u, err := p.Who(ctx, session)
	if err != nil {
		return err
	}
	given, err := protocol.ParseCredentialCreationResponseBytes([]byte(answer))
	if err != nil {
		return fmt.Errorf("%w: %w", ErrPasskey, err)
	}
	var s webauthn.SessionData
	challenge := given.Response.CollectedClientData.Challenge
	if err := p.answered(ctx, toAdd, session, challenge, &s); err != nil {
		return err
	}
	s.Challenge = challenge
	key, err := p.party.CreateCredential(keyHolder{User: u}, s, given)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrPasskey, err)
	}
	text, err := kept(key)
	if err != nil {
		return err
	}
	return p.DB.Update(ctx, func(tx *store.Tx) error {
		n, err := tx.Exec(`
			insert into passkeys (user_id, key_id, name, credential, added_at)
			select id, @key, @name, @credential, `+tx.Machine()+` from users where id = @user
			on conflict (key_id) do nothing`, store.Args{"user": u.ID, "key": key.ID, "name": name, "credential": text})
		if err == nil && n == 0 {
			err = fmt.Errorf("%w: it is there already", ErrPasskey)
		}
		if err != nil {
			return err
		}
		return Note(tx, Act{By: "console: " + u.Email, Act: "passkey added", About: u.Email, After: name})
	})
}

// PasskeysOf lists those of the user of a session, the oldest first.
func (s *SignIn) PasskeysOf(ctx context.Context, session string) (list []Passkey, err error) {
	err = s.DB.View(ctx, func(tx *store.Tx) error {
		return tx.All(&list, `
			select k.id, k.name, k.added_at, k.used_at
			from   passkeys k join sessions s on s.user_id = k.user_id
			where  s.hash = @hash
			order  by k.id`, store.Args{"hash": hashed(session)})
	})
	return list, err
}

// RemovePasskey takes away one of who has a fresh session, and ends their other sessions.
// Whoever has no password and no other way in keeps the last.
func (s *SignIn) RemovePasskey(ctx context.Context, session string, id int64, otherWay bool) error {
	return s.minding(ctx, session, func(tx *store.Tx, u User) error {
		var name string
		args := store.Args{"id": id, "user": u.ID}
		if err := tx.One(&name, "select name from passkeys where id = @id and user_id = @user", args); err != nil {
			return err
		}
		if u.Passkeys == 1 && !u.Chosen && !otherWay {
			return ErrLastWay
		}
		if _, err := tx.Exec("delete from passkeys where id = @id and user_id = @user", args); err != nil {
			return err
		}
		return Note(tx, Act{By: "console: " + u.Email, Act: "passkey removed", About: u.Email, Before: name})
	})
}

// RemovePassword takes away the password of who has a fresh session and a passkey.
func (s *SignIn) RemovePassword(ctx context.Context, session string) error {
	return s.minding(ctx, session, func(tx *store.Tx, u User) error {
		if u.Passkeys == 0 {
			return ErrLastWay
		}
		if _, err := tx.Exec("update users set password = '', link_hash = null, link_until = null where id = @id", store.Args{"id": u.ID}); err != nil {
			return err
		}
		return Note(tx, Act{By: "console: " + u.Email, Act: "password removed", About: u.Email})
	})
}

// minding changes by what the user of a fresh session signs in, one change at a time, and
// ends their other sessions.
func (s *SignIn) minding(ctx context.Context, session string, f func(*store.Tx, User) error) error {
	who, err := s.Who(ctx, session)
	if err != nil {
		return err
	}
	return s.DB.Update(ctx, func(tx *store.Tx) error {
		if err := mustBeFresh(tx, session); err != nil {
			return err
		}
		if _, err := tx.Exec("update users set role = role where id = @id", store.Args{"id": who.ID}); err != nil { // locks
			return err
		}
		u, err := find(tx, who.Email)
		if err != nil {
			return err
		}
		if _, err := endOthers(tx, u.ID, session); err != nil {
			return err
		}
		return f(tx, u)
	})
}
