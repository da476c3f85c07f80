package public

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"regulars/internal/store"
)

// refusal is an answer that is the caller's to mend, in the caller's words.
type refusal struct {
	status int
	words  string
	field  string // what is wrong, as the caller names it
	reason string // in one word, for programs
}

func (r *refusal) Error() string { return r.words }

func refuse(status int, format string, args ...any) error {
	return &refusal{status: status, words: fmt.Sprintf(format, args...)}
}

// wrongField refuses one field of a body.
func wrongField(field, format string, args ...any) error {
	return &refusal{status: http.StatusUnprocessableEntity, words: fmt.Sprintf(format, args...), field: field}
}

// patience is how long a request may take in all: locks of the database that do
// not come free must not keep handlers for ever.
const patience = 30 * time.Second

// answered limits a route's body and time and turns the error of its handler into a
// status, words and a log line: the one place that does. The route is logged,
// never the path, which holds tokens.
func (s *server) answered(to route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), patience)
		defer cancel()
		r.Body = http.MaxBytesReader(w, r.Body, to.body)
		err := to.answer(w, r.WithContext(ctx))
		var bad *refusal
		var large *http.MaxBytesError
		switch {
		case err == nil:
		case errors.As(err, &bad):
			s.say(w, r, bad)
		case errors.As(err, &large):
			s.say(w, r, &refusal{status: http.StatusRequestEntityTooLarge, words: fmt.Sprintf("the body is larger than %d bytes", large.Limit)})
		case errors.Is(err, store.ErrNotFound):
			s.say(w, r, &refusal{status: http.StatusNotFound, words: "not found"})
		case errors.Is(err, store.ErrLocked):
			s.say(w, r, &refusal{status: http.StatusServiceUnavailable, words: "the database is busy with this just now; nothing was stored, try again"})
		case r.Context().Err() != nil:
			w.WriteHeader(http.StatusServiceUnavailable) // the caller has gone away; a proxy must not take it for a yes
		default:
			s.Log.ErrorContext(r.Context(), "request failed", "route", to.pattern, "err", err)
			w.Header().Set("Retry-After", "5")
			s.say(w, r, &refusal{status: http.StatusInternalServerError, words: "something went wrong on our side; nothing was stored, try again"})
		}
	})
}

// guard sets what holds for every answer, and keeps a broken page from taking
// the process down. Pages bring a policy of their own.
func (s *server) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			if p := recover(); p == http.ErrAbortHandler {
				panic(p) // net/http's own word for dropping the connection
			} else if p != nil {
				s.Log.ErrorContext(r.Context(), "a page broke", "route", r.Pattern, "panic", fmt.Sprint(p))
				http.Error(w, "Something went wrong on our side.", http.StatusInternalServerError)
			}
		}()
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Cache-Control", "no-store")
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		// Links hold tokens: no other site is to see them. Within ours the referrer
		// stays, or a browser would hide the origin of our own forms.
		h.Set("Referrer-Policy", "same-origin")
		next.ServeHTTP(w, r)
	})
}

// inWords has what the mux itself refuses (no such page, not with this method)
// said as everything else is.
func (s *server) inWords(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		refused, pattern := mux.Handler(r)
		if pattern != "" {
			mux.ServeHTTP(w, r)
			return
		}
		said := &statusOnly{header: w.Header()}
		refused.ServeHTTP(said, r)
		switch said.status {
		case http.StatusNotFound:
			s.say(w, r, &refusal{status: said.status, words: "not found"})
		case http.StatusMethodNotAllowed:
			s.say(w, r, &refusal{status: said.status, words: r.Method + " does nothing here; " + w.Header().Get("Allow") + " does"})
		default: // a path that was not clean: to the clean one
			w.WriteHeader(said.status)
		}
	})
}

// statusOnly takes an answer's headers and status and lets its text go.
type statusOnly struct {
	header http.Header
	status int
}

func (o *statusOnly) Header() http.Header         { return o.header }
func (o *statusOnly) WriteHeader(status int)      { o.status = status }
func (o *statusOnly) Write(b []byte) (int, error) { return len(b), nil }

// forPeople reports whether a path is one that people open: with whatever their
// mail program asks for it, they are to see a page.
func forPeople(path string) bool {
	first, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	return slices.Contains([]string{"u", "m", "c", "confirm", "join", ""}, first)
}

// say answers with an error: a page to people, JSON to programs.
func (s *server) say(w http.ResponseWriter, r *http.Request, bad *refusal) {
	if bad.status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "5")
	}
	if (forPeople(r.URL.Path) || strings.Contains(r.Header.Get("Accept"), "text/html")) && s.message(w, r, bad) == nil {
		return
	}
	body := map[string]string{"error": bad.words}
	if bad.field != "" {
		body["field"] = bad.field
	}
	if bad.reason != "" {
		body["reason"] = bad.reason
	}
	_ = writeJSON(w, bad.status, body) // strings are always JSON
}

func writeJSON(w http.ResponseWriter, status int, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n')) // the caller has gone away: nobody to tell
	return nil
}
