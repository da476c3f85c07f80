package public

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"

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
	CreatedAt loyalty.Instant `json:"created_at"`
	RevokedAt loyalty.Instant `json:"revoked_at"`
}

// TableName is of GORM.
func (Token) TableName() string { return "api_tokens" }

// tokenMark begins every token, so that scanners for leaked secrets know ours.
const tokenMark = "rgl_"

// plainName is how a token or a source may be called: it becomes part of what
// events and jobs are known by.
var plainName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,59}$`)

// CreateToken makes a token and returns it, the only time it can be read. The
// name of a revoked token may be given again. A source of its own is for a system
// that numbers its orders or events for itself; "" is the shop's.
func CreateToken(tx *store.Tx, name, source string, scopes []string) (string, error) {
	if !plainName.MatchString(name) {
		return "", fmt.Errorf("a token's name is of letters, digits, dots, hyphens and underscores, not %q", name)
	}
	if source != "" && !plainName.MatchString(source) {
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
	scopes = slices.Compact(slices.Sorted(slices.Values(scopes)))
	random := make([]byte, 32)
	rand.Read(random) // never fails since Go 1.24
	token := tokenMark + base64.RawURLEncoding.EncodeToString(random)
	n, err := tx.Exec(`
		insert into api_tokens (name, hash, source, scopes, created_at)
		values (@name, @hash, @source, @scopes, @now)
		on conflict (name) do update
		set    hash = excluded.hash, source = excluded.source, scopes = excluded.scopes, created_at = excluded.created_at, revoked_at = null
		where  api_tokens.revoked_at is not null`,
		store.Args{"name": name, "hash": hashToken(token), "source": source, "scopes": strings.Join(scopes, ","), "now": tx.At})
	if err == nil && n == 0 {
		return "", fmt.Errorf("a token %q is there already; revoke it or choose another name", name)
	}
	return token, err
}

// Tokens lists the tokens by name.
func Tokens(tx *store.Tx) (list []Token, err error) {
	err = tx.All(&list, "select name, scopes, source, created_at, revoked_at from api_tokens order by name", nil)
	return list, err
}

// RevokeToken ends a token at once.
func RevokeToken(tx *store.Tx, name string) error {
	n, err := tx.Exec("update api_tokens set revoked_at = @now where name = @name and revoked_at is null", store.Args{"name": name, "now": tx.At})
	if err == nil && n == 0 {
		return store.Missing(fmt.Sprintf("there is no token %q that is good: see `regulars token list`", name))
	}
	return err
}

// hashToken needs no salt: a token is 256 random bits.
func hashToken(token string) []byte {
	h := sha256.Sum256([]byte(token))
	return h[:]
}

// caller is who a bearer token belongs to.
type caller struct{ name, source string }

// by is how the caller stands in the list of jobs.
func (c caller) by() string { return "api: " + c.name }

// api has a handler called for requests with a token of that scope. The lookup
// by hash takes the same time for every wrong token; what is no token of ours by
// its looks costs no lookup.
func (s *server) api(scope string, h func(http.ResponseWriter, *http.Request, caller) error) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		scheme, token, _ := strings.Cut(strings.TrimSpace(r.Header.Get("Authorization")), " ")
		if !strings.EqualFold(scheme, "Bearer") {
			w.Header().Set("WWW-Authenticate", "Bearer")
			return refuse(http.StatusUnauthorized, "send Authorization: Bearer and a token; `regulars token create` makes one")
		}
		found, err := s.tokenOf(r, strings.TrimSpace(token))
		if errors.Is(err, store.ErrNotFound) {
			w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
			return refuse(http.StatusUnauthorized, "this token is not valid")
		}
		if err != nil {
			return err
		}
		if !slices.Contains(strings.Split(found.Scopes, ","), scope) {
			w.Header().Set("WWW-Authenticate", `Bearer error="insufficient_scope", scope="`+scope+`"`)
			return refuse(http.StatusForbidden, "token %s lacks the scope %s", found.Name, scope)
		}
		return h(w, r, caller{found.Name, found.Source})
	}
}

func (s *server) tokenOf(r *http.Request, token string) (found Token, err error) {
	if !strings.HasPrefix(token, tokenMark) {
		return found, store.ErrNotFound
	}
	err = s.reads.View(r.Context(), func(tx *store.Tx) error {
		return tx.Find(&found, store.Args{"hash": hashToken(token), "revoked_at": nil})
	})
	return found, err
}
