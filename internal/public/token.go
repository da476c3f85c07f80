package public

import (
	"errors"
	"net/http"
	"slices"
	"strings"

	"regulars/internal/staff"
	"regulars/internal/store"
)

// caller is who a bearer token belongs to.
type caller struct{ name, source string }

// by is how the caller stands in the list of jobs.
func (c caller) by() string { return "api: " + c.name }

// api has a handler called for requests with a token of that scope.
func (s *server) api(scope string, h func(http.ResponseWriter, *http.Request, caller) error) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		scheme, token, _ := strings.Cut(strings.TrimSpace(r.Header.Get("Authorization")), " ")
		if !strings.EqualFold(scheme, "Bearer") {
			w.Header().Set("WWW-Authenticate", "Bearer")
			return refuse(http.StatusUnauthorized, "send Authorization: Bearer and a token; `regulars token create` makes one")
		}
		found, err := staff.TokenOf(r.Context(), s.reads, strings.TrimSpace(token))
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
