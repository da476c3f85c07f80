package staff

import (
	"context"
	"errors"
	"fmt"
	"time"

	"regulars/internal/store"
)

// SignIn lets users in, over one database.
type SignIn struct {
	DB     *store.DB
	hasher hasher
}

// NewSignIn returns the one of a replica.
func NewSignIn(db *store.DB) *SignIn { return &SignIn{db, newHasher()} }

// Errors for people. What is wrong with a password or an account is not told apart.
var (
	ErrRefused = errors.New("this address and password do not go together")
	ErrTooMany = errors.New("that was tried too often: wait a minute, then try again")
	ErrLink    = errors.New("this link was used, or its hour is over: whoever gave it to you makes another one by `regulars user add`")
)

// How long a session lasts.
const (
	sessionIdle = 12 * time.Hour
	sessionMost = 30 * 24 * time.Hour
	seenEvery   = 5 * time.Minute // how exactly it is known when one was used
)

// How many tries fit into a minute: with one account from one network address, and with
// one account or from one address in all.
const (
	triesPair  = 5
	triesAlone = 20
	triesSpan  = time.Minute
)

// freshFor is for how long it counts that somebody has proved who they are: acts with
// large effects ask for it again after that.
const freshFor = 15 * time.Minute

// With lets somebody in by their password, and returns what their cookie is to hold.
// from is the network address that they come from.
func (s *SignIn) With(ctx context.Context, email, password, from string) (session string, err error) {
	err = s.proved(ctx, email, password, from, func(tx *store.Tx, user int64, email string) (err error) {
		session, err = begin(tx, user, email, "signed in")
		return err
	})
	return session, err
}

// Again has whoever has a session give their password again: from now on it is fresh.
func (s *SignIn) Again(ctx context.Context, session, password, from string) error {
	u, err := s.Who(ctx, session)
	if err != nil {
		return err
	}
	return s.proved(ctx, u.Email, password, from, func(tx *store.Tx, _ int64, _ string) error { return refresh(tx, session) })
}

// refresh notes that the user of a session has proved just now who they are.
func refresh(tx *store.Tx, session string) error {
	_, err := tx.Exec("update sessions set proved_at = "+tx.Machine()+" where hash = @hash", store.Args{"hash": hashed(session)})
	return err
}

// Fresh reports whether the user of a session has proved just now who they are.
func (s *SignIn) Fresh(ctx context.Context, session string) (fresh bool, err error) {
	err = s.DB.View(ctx, func(tx *store.Tx) (err error) { fresh, err = isFresh(tx, session); return err })
	return fresh, err
}

func isFresh(tx *store.Tx, session string) (fresh bool, err error) {
	err = tx.One(&fresh, "select coalesce(proved_at, began_at) > "+tx.MachineIn(-freshFor)+" from sessions where hash = @hash", store.Args{"hash": hashed(session)})
	return fresh, store.IgnoreNotFound(err)
}

func mustBeFresh(tx *store.Tx, session string) error {
	if fresh, err := isFresh(tx, session); err != nil || !fresh {
		return errors.Join(err, ErrNotFresh)
	}
	return nil
}

// Change sets another password for whoever has a session and knows the one that they
// have, and ends their other sessions. Whoever has none needs a fresh session instead.
func (s *SignIn) Change(ctx context.Context, session, password, next, from string) error {
	u, err := s.Who(ctx, session)
	if err != nil {
		return err
	}
	if err := checkPassword(next, u.Email); err != nil {
		return err
	}
	hash, err := s.hasher.hash(ctx, next)
	if err != nil {
		return err
	}
	set := func(tx *store.Tx, user int64, email string) error {
		_, err := tx.Exec("update users set password = @password, link_hash = null, link_until = null where id = @id", store.Args{"password": hash, "id": user})
		if err != nil {
			return err
		}
		if _, err := endOthers(tx, user, session); err != nil {
			return err
		}
		return Note(tx, Act{By: "console: " + email, Act: "password changed", About: email})
	}
	if u.Chosen {
		return s.proved(ctx, u.Email, password, from, set)
	}
	return s.DB.Update(ctx, func(tx *store.Tx) error {
		if err := mustBeFresh(tx, session); err != nil {
			return err
		}
		return set(tx, u.ID, u.Email)
	})
}

// OutElsewhere ends the sessions of a user but this one, and says how many there were.
func (s *SignIn) OutElsewhere(ctx context.Context, session string) (n int64, err error) {
	u, err := s.Who(ctx, session)
	if err != nil {
		return 0, err
	}
	err = s.DB.Update(ctx, func(tx *store.Tx) (err error) {
		if n, err = endOthers(tx, u.ID, session); err != nil || n == 0 {
			return err
		}
		return Note(tx, Act{By: "console: " + u.Email, Act: "other sessions ended", About: u.Email, After: fmt.Sprint(n)})
	})
	return n, err
}

// proved does something for the user of an address who knows the password. Tries are
// counted, and from is the network address that this one comes from.
func (s *SignIn) proved(ctx context.Context, email, password, from string, f func(tx *store.Tx, user int64, email string) error) error {
	email, err := folded(email)
	if err != nil || len(password) > longestPassword {
		email = "" // nobody's; it is counted and takes as long all the same
	}
	if err := s.try(ctx, limit{pair(email, from), triesPair}, limit{hashed("account " + email), triesAlone}, limit{hashed("from " + from), triesAlone}); err != nil {
		return err
	}
	var u struct {
		ID       int64
		Password string
	}
	err = s.DB.View(ctx, func(tx *store.Tx) error {
		return tx.One(&u, "select id, password from users where email = @email", store.Args{"email": email})
	})
	if store.IgnoreNotFound(err) != nil {
		return err
	}
	if ok, err := s.hasher.is(ctx, password, u.Password); err != nil {
		return err
	} else if !ok {
		return ErrRefused
	}
	return s.DB.Update(ctx, func(tx *store.Tx) error {
		var same int64 // nobody has changed the password meanwhile
		if err := tx.One(&same, "select count(*) from users where id = @id and password = @password", store.Args{"id": u.ID, "password": u.Password}); err != nil || same == 0 {
			return errors.Join(err, ErrRefused)
		}
		if _, err := tx.Exec("delete from sign_in_tries where who = @who", store.Args{"who": pair(email, from)}); err != nil {
			return err
		}
		return f(tx, u.ID, email)
	})
}

// limit is how many tries a minute may have of what they are counted by.
type limit struct {
	who  []byte
	most int64
}

// try counts a try, and refuses it where there were too many.
func (s *SignIn) try(ctx context.Context, limits ...limit) error {
	tooMany := false
	err := s.DB.Update(ctx, func(tx *store.Tx) error {
		tooMany = false
		if err := tx.LockTable("sign_in_tries"); err != nil { // or many at once would each be the first
			return err
		}
		if _, err := tx.Exec("delete from sign_in_tries where at < "+tx.MachineIn(-time.Hour), nil); err != nil {
			return err
		}
		for _, k := range limits {
			var n int64
			args := store.Args{"who": k.who}
			if err := tx.One(&n, "select count(*) from sign_in_tries where who = @who and at > "+tx.MachineIn(-triesSpan), args); err != nil {
				return err
			}
			if tooMany = tooMany || n >= k.most; tooMany {
				return nil
			}
			if _, err := tx.Exec("insert into sign_in_tries (at, who) values ("+tx.Machine()+", @who)", args); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil && tooMany {
		err = ErrTooMany
	}
	return err
}

// pair is one account from one network address.
func pair(email, from string) []byte { return hashed("both " + email + " " + from) }

// begin starts a session of a user.
func begin(tx *store.Tx, user int64, email, how string) (string, error) {
	if _, err := tx.Exec("delete from sessions where seen_at < "+tx.MachineIn(-sessionIdle)+" or began_at < "+tx.MachineIn(-sessionMost), nil); err != nil {
		return "", err
	}
	session := secret()
	_, err := tx.Exec("insert into sessions (user_id, hash, began_at, seen_at) values (@user, @hash, "+tx.Machine()+", "+tx.Machine()+")",
		store.Args{"hash": hashed(session), "user": user})
	if err != nil {
		return "", err
	}
	return session, Note(tx, Act{By: "console: " + email, Act: how, About: email})
}

// Who returns the user of a session that is not over; store.ErrNotFound for none.
func (s *SignIn) Who(ctx context.Context, session string) (u User, err error) {
	var stale bool
	args := store.Args{"hash": hashed(session)}
	err = s.DB.View(ctx, func(tx *store.Tx) error {
		var row struct {
			User
			Stale bool
		}
		err := tx.One(&row, `
			select `+userColumns+`, s.seen_at < `+tx.MachineIn(-seenEvery)+` as stale
			from   sessions s join users u on u.id = s.user_id
			where  s.hash = @hash and s.seen_at > `+tx.MachineIn(-sessionIdle)+` and s.began_at > `+tx.MachineIn(-sessionMost), args)
		u, stale = row.User, row.Stale
		return err
	})
	if err == nil && stale {
		err = s.DB.Update(ctx, func(tx *store.Tx) error {
			_, err := tx.Exec("update sessions set seen_at = "+tx.Machine()+" where hash = @hash", args)
			return err
		})
	}
	return u, err
}

// Out ends a session.
func (s *SignIn) Out(ctx context.Context, session string) error {
	return s.DB.Update(ctx, func(tx *store.Tx) error {
		_, err := tx.Exec("delete from sessions where hash = @hash", store.Args{"hash": hashed(session)})
		return err
	})
}

func endSessions(tx *store.Tx, user int64) error {
	_, err := tx.Exec("delete from sessions where user_id = @user", store.Args{"user": user})
	return err
}

// endOthers ends the sessions of a user but one, and says how many there were.
func endOthers(tx *store.Tx, user int64, session string) (int64, error) {
	return tx.Exec("delete from sessions where user_id = @user and hash <> @hash", store.Args{"user": user, "hash": hashed(session)})
}

// Invited returns whose link that is; ErrLink when it is not good any more.
func (s *SignIn) Invited(ctx context.Context, link string) (u User, err error) {
	err = s.DB.View(ctx, func(tx *store.Tx) (err error) { u, err = invited(tx, link); return err })
	return u, err
}

func invited(tx *store.Tx, link string) (u User, err error) {
	err = tx.One(&u, "select "+userColumns+" from users u where u.link_hash = @hash and u.link_until > "+tx.Machine(), store.Args{"hash": hashed(link)})
	if errors.Is(err, store.ErrNotFound) {
		err = ErrLink
	}
	return u, err
}

// Choose sets a password by a link, which is then used up, ends what sessions there
// were, and begins one.
func (s *SignIn) Choose(ctx context.Context, link, password string) (session string, err error) {
	u, err := s.Invited(ctx, link)
	if err != nil {
		return "", err
	}
	if err := checkPassword(password, u.Email); err != nil {
		return "", err
	}
	hash, err := s.hasher.hash(ctx, password)
	if err != nil {
		return "", err
	}
	err = s.DB.Update(ctx, func(tx *store.Tx) error {
		n, err := tx.Exec(`
			update users set password = @password, link_hash = null, link_until = null
			where  id = @id and link_hash = @hash and link_until > `+tx.Machine(), store.Args{"password": hash, "id": u.ID, "hash": hashed(link)})
		if err == nil && n == 0 {
			err = ErrLink
		}
		if err != nil {
			return fmt.Errorf("choosing a password: %w", err)
		}
		if err := endSessions(tx, u.ID); err != nil {
			return err
		}
		session, err = begin(tx, u.ID, u.Email, "password chosen")
		return err
	})
	return session, err
}
