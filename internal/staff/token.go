package staff

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"regulars/internal/loyalty"
	"regulars/internal/store"
)

// Scopes are what a bearer token of /v1 may be good for.
var Scopes = []string{"read", "write", "launch", "redeem"}

// Token is a bearer token of /v1. What it is made of is shown once and stored hashed.
type Token struct {
	Name      string          `json:"name" gorm:"primaryKey"`
	Scopes    string          `json:"scopes"`
	Source    string          `json:"source"` // whose order numbers and event ids it brings; "": the shop's
	MadeBy    string          `json:"made_by"`
	CreatedAt loyalty.Instant `json:"created_at"`
	UsedAt    loyalty.Instant `json:"used_at"` // last, to the hour
	RevokedAt loyalty.Instant `json:"revoked_at"`
}

// TableName is of GORM.
func (Token) TableName() string { return "api_tokens" }

// tokenMark begins every token, so that scanners for leaked secrets know ours.
const tokenMark = "rgl_"

// plainName is how a token or a source may be called: it becomes part of what
// events and jobs are known by.
var plainName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,59}$`)

// PlainName reports whether a token or a source may be called so.
func PlainName(name string) bool { return plainName.MatchString(name) }

// CreateToken makes a token and returns it, the only time it can be read. The
// name of a revoked token may be given again. A source of its own is for a system
// that numbers its orders or events for itself; "" is the shop's.
func CreateToken(tx *store.Tx, name, source string, scopes []string, by string) (string, error) {
	if !PlainName(name) {
		return "", fmt.Errorf("a token's name is of letters, digits, dots, hyphens and underscores, not %q", name)
	}
	if source != "" && !PlainName(source) {
		return "", fmt.Errorf("a source is of letters, digits, dots, hyphens and underscores, not %q", source)
	}
	if len(scopes) == 0 {
		return "", errors.New("a token needs at least one scope of " + strings.Join(Scopes, ", "))
	}
	for _, scope := range scopes {
		if !slices.Contains(Scopes, scope) {
			return "", fmt.Errorf("there is no scope %q; there are %s", scope, strings.Join(Scopes, ", "))
		}
	}
	good := strings.Join(slices.Compact(slices.Sorted(slices.Values(scopes))), ",")
	token := tokenMark + secret()
	n, err := tx.Exec(`
		insert into api_tokens (name, hash, source, scopes, made_by, created_at)
		values (@name, @hash, @source, @scopes, @by, @now)
		on conflict (name) do update
		set    hash = excluded.hash, source = excluded.source, scopes = excluded.scopes, made_by = excluded.made_by, created_at = excluded.created_at,
		       used_at = null, revoked_at = null
		where  api_tokens.revoked_at is not null`,
		store.Args{"name": name, "hash": hashed(token), "source": source, "scopes": good, "by": by, "now": tx.At})
	if err == nil && n == 0 {
		return "", fmt.Errorf("a token %q is there already; revoke it or choose another name", name)
	}
	if err == nil {
		err = Note(tx, Act{By: by, Act: "token made", About: name, After: good})
	}
	return token, err
}

// Tokens lists the tokens by name.
func Tokens(tx *store.Tx) (list []Token, err error) {
	err = tx.All(&list, "select name, scopes, source, made_by, created_at, used_at, revoked_at from api_tokens order by name", nil)
	return list, err
}

// RevokeToken ends a token at once.
func RevokeToken(tx *store.Tx, name, by string) error {
	var scopes string
	err := tx.One(&scopes, "update api_tokens set revoked_at = @now where name = @name and revoked_at is null returning scopes", store.Args{"name": name, "now": tx.At})
	if errors.Is(err, store.ErrNotFound) {
		return store.Missing(fmt.Sprintf("there is no token %q that is good: see `regulars token list`", name))
	}
	if err == nil {
		err = Note(tx, Act{By: by, Act: "token ended", About: name, Before: scopes, After: "good for nothing"})
	}
	return err
}

// usedEvery is how often the use of a token is written down.
const usedEvery = time.Hour

// TokenOf is what a good token may do; store.ErrNotFound where it is none. The lookup by
// hash takes the same time for every wrong token; what is no token of ours by its looks
// costs no lookup. That it was used is written down now and then, and where that cannot
// be done at once, the next time.
func TokenOf(ctx context.Context, db *store.DB, token string) (found Token, err error) {
	if !strings.HasPrefix(token, tokenMark) {
		return found, store.ErrNotFound
	}
	var now loyalty.Instant
	err = db.View(ctx, func(tx *store.Tx) error {
		now = tx.At
		return tx.Find(&found, store.Args{"hash": hashed(token), "revoked_at": nil})
	})
	if err == nil && now.Sub(found.UsedAt.Time) >= usedEvery {
		_ = db.Update(ctx, func(tx *store.Tx) error {
			_, err := tx.Exec("update api_tokens set used_at = @now where name = @name and (used_at is null or used_at <= @before)",
				store.Args{"name": found.Name, "now": tx.At, "before": tx.At.Plus(-usedEvery)})
			return err
		})
	}
	return found, err
}
