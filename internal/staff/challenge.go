package staff

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"regulars/internal/store"
)

// What a browser is asked for.
const (
	toEnter     = "enter" // a passkey, to sign in
	toProve     = "again" // a passkey, of who has signed in
	toAdd       = "add"   // a new passkey
	toEnterOIDC = "oidc"
	toProveOIDC = "oidc again"
)

// challengeLasts is for how long an answer is waited for.
const challengeLasts = 5 * time.Minute

// ErrChallenge is said of an answer to nothing that this browser was asked just now.
var ErrChallenge = errors.New("that was used already, took too long or belongs to another window: try again")

// NewTicket returns what a browser holds that nobody has signed in with, so that only it
// can answer what it was asked.
func NewTicket() string { return secret() }

// asked keeps what a browser was asked. The holder is what its cookie holds: a session
// or a ticket.
func asked(tx *store.Tx, purpose, holder, challenge string, data any) error {
	if _, err := tx.Exec("delete from challenges where until < "+tx.Machine(), nil); err != nil {
		return err
	}
	text, err := json.Marshal(data)
	if err != nil {
		return err
	}
	_, err = tx.Exec("insert into challenges (purpose, hash, holder, data, until) values (@purpose, @hash, @holder, @data, "+tx.MachineIn(challengeLasts)+")",
		store.Args{"hash": hashed(challenge), "holder": hashed(holder), "purpose": purpose, "data": string(text)})
	return err
}

// answered takes what a browser was asked, whatever becomes of its answer then.
func (s *SignIn) answered(ctx context.Context, purpose, holder, challenge string, data any) error {
	return s.DB.Update(ctx, func(tx *store.Tx) error {
		var text string
		args := store.Args{"hash": hashed(challenge), "holder": hashed(holder), "purpose": purpose}
		err := tx.One(&text, "select data from challenges where hash = @hash and holder = @holder and purpose = @purpose and until > "+tx.Machine(), args)
		if errors.Is(err, store.ErrNotFound) {
			return ErrChallenge
		}
		if err != nil {
			return err
		}
		if n, err := tx.Exec("delete from challenges where hash = @hash", args); err != nil || n == 0 {
			return errors.Join(err, ErrChallenge) // somebody else was faster
		}
		return json.Unmarshal([]byte(text), data)
	})
}
