package staff

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"regulars/internal/address"
	"regulars/internal/loyalty"
	"regulars/internal/store"
)

// User is somebody who may sign in.
type User struct {
	ID        int64           `json:"id"`
	Email     string          `json:"email"`
	Role      Role            `json:"role"`
	Chosen    bool            `json:"has_password"` // a password was chosen
	Passkeys  int64           `json:"passkeys"`     // how many they have
	CreatedAt loyalty.Instant `json:"created_at"`
	OIDCAt    loyalty.Instant `json:"oidc_at" gorm:"column:oidc_at"` // when they last came in by OIDC
	SeenAt    loyalty.Instant `json:"seen_at"`                       // of the newest session
}

const userColumns = `u.id, u.email, u.role, u.password <> '' as chosen, u.created_at,
	(select count(*) from passkeys p where p.user_id = u.id) as passkeys, u.oidc_at`

// linkLasts is for how long a link lets somebody choose a password.
const linkLasts = time.Hour

// Add makes a user, and returns what the link holds by which they choose a password,
// once and within the hour. For a user who is there it makes another link: that is what
// helps whoever has lost the password.
func Add(tx *store.Tx, email string, role Role, by string) (link string, err error) {
	folded, err := folded(email)
	if err != nil {
		return "", err
	}
	u, err := find(tx, folded)
	if errors.Is(err, store.ErrNotFound) {
		_, err = tx.Exec("insert into users (email, role, created_at, created_by) values (@email, @role, @now, @by)",
			store.Args{"email": folded, "role": string(role), "now": tx.At, "by": by})
		if err == nil {
			err = Note(tx, Act{By: by, Act: "user added", About: folded, After: string(role)})
		}
	} else if err == nil && u.Role != role {
		return "", fmt.Errorf("%s is there as %s: `regulars user role %s %s` changes that, and `user add` with the role that they have makes another link", folded, u.Role, folded, role)
	} else if err == nil {
		err = Note(tx, Act{By: by, Act: "link made", About: folded})
	}
	if err != nil {
		return "", err
	}
	link = secret()
	_, err = tx.Exec("update users set link_hash = @hash, link_until = "+tx.MachineIn(linkLasts)+" where email = @email", store.Args{"hash": hashed(link), "email": folded})
	return link, err
}

// SetRole gives a user another role, and ends their sessions.
func SetRole(tx *store.Tx, email string, role Role, by string) error {
	u, err := known(tx, email)
	if err != nil || u.Role == role {
		return err
	}
	if _, err := tx.Exec("update users set role = @role where id = @id", store.Args{"role": string(role), "id": u.ID}); err != nil {
		return err
	}
	if err := endSessions(tx, u.ID); err != nil {
		return err
	}
	return Note(tx, Act{By: by, Act: "role changed", About: u.Email, Before: string(u.Role), After: string(role)})
}

// Remove takes a user away with their passkeys, and ends their sessions.
func Remove(tx *store.Tx, email, by string) error {
	u, err := known(tx, email)
	if err != nil {
		return err
	}
	if err := endSessions(tx, u.ID); err != nil {
		return err
	}
	for _, table := range []string{"passkeys where user_id", "users where id"} {
		if _, err := tx.Exec("delete from "+table+" = @id", store.Args{"id": u.ID}); err != nil {
			return err
		}
	}
	return Note(tx, Act{By: by, Act: "user removed", About: u.Email, Before: string(u.Role)})
}

// Users lists them by address.
func Users(tx *store.Tx) (list []User, err error) {
	err = tx.All(&list, "select "+userColumns+", (select max(s.seen_at) from sessions s where s.user_id = u.id) as seen_at from users u order by u.email", nil)
	return list, err
}

// known is a user by their address, as people write it.
func known(tx *store.Tx, email string) (User, error) {
	folded, err := folded(email)
	if err != nil {
		return User{}, err
	}
	u, err := find(tx, folded)
	if errors.Is(err, store.ErrNotFound) {
		err = store.Missing(fmt.Sprintf("there is no user %s: see `regulars user list`", folded))
	}
	return u, err
}

func find(tx *store.Tx, folded string) (u User, err error) {
	err = tx.One(&u, "select "+userColumns+" from users u where u.email = @email", store.Args{"email": folded})
	return u, err
}

// folded is an address as users are known by.
func folded(email string) (string, error) {
	_, folded, err := address.Read(email)
	if err != nil {
		return "", fmt.Errorf("%q: %w", email, err)
	}
	return folded, nil
}

// secret is what nobody guesses: 256 random bits as text.
func secret() string {
	random := make([]byte, 32)
	rand.Read(random) // never fails since Go 1.24
	return base64.RawURLEncoding.EncodeToString(random)
}

// hashed is what is kept of a secret. It needs no salt.
func hashed(secret string) []byte {
	h := sha256.Sum256([]byte(secret))
	return h[:]
}

// OthersWho counts the users but one who may do what a role may, and have a way in: a
// password, a passkey, or OIDC by which they have come.
func OthersWho(tx *store.Tx, role Role, email string) (n int64, err error) {
	var roles []string
	for _, r := range Roles {
		if r.May(role) {
			roles = append(roles, string(r))
		}
	}
	err = tx.One(&n, `
		select count(*)
		from   users u
		where  u.role in @roles and u.email <> @email
		and    (u.password <> '' or u.oidc_at is not null or exists (select 1 from passkeys p where p.user_id = u.id))`,
		store.Args{"roles": roles, "email": email})
	return n, err
}
