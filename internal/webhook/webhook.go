// Package webhook turns what foreign systems post into our events. Each system is
// a row of the table Sources: how it signs, and how its bodies are read. Another one
// is a file <source>.go, its row in the table and recorded bodies in testdata; the
// route /hooks/<source>, the setting HOOK_SECRET_<SOURCE> and what `regulars hooks
// url` says follow from the row.
//
// It promises that nothing is read of a delivery that nobody signed, that one bad
// event does not stop the others, that every refusal names the field and the
// reason, and that no amount ever passes through a floating point number.
// What the values mean, and storing them, is left to intake; HTTP to public.
package webhook

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"regulars/internal/loyalty"
)

// Source is a system whose webhooks are taken.
type Source struct {
	Name string // lower case: /hooks/NAME, HOOK_SECRET_NAME

	// Secret says what is wrong with one secret, and never shows it.
	Secret func(secret string) error

	// Headers says what the headers alone tell against a delivery: the body of a
	// stranger is not even read.
	Headers func(d Delivery) error

	// Verify says whether whoever has one of the secrets signed the delivery, about
	// now.
	Verify func(d Delivery, secrets []string) error

	// Decode reads the events of a delivery, in the body's order and without those
	// that cannot be read. The error says that the body as a whole is not the source's.
	Decode func(d Delivery, o Options) ([]loyalty.Event, []FieldError, error)

	// Signing says how a sender signs, and ByHand is a script for a shell that sends
	// one event to the address of an installation; both are shown to people.
	Signing string
	ByHand  func(base string) string
}

// Sources are the systems whose webhooks are taken.
var Sources = []Source{standard}

// Named returns the source of a name.
func Named(name string) (Source, bool) {
	i := slices.IndexFunc(Sources, func(s Source) bool { return s.Name == name })
	if i < 0 {
		return Source{}, false
	}
	return Sources[i], true
}

// Names are the names of the sources.
func Names() (names []string) {
	for _, s := range Sources {
		names = append(names, s.Name)
	}
	return names
}

// Setting is the name of the setting that holds the secrets of a source, with
// commas between them: all of them are good while the sender changes from one to
// the next.
func (s Source) Setting() string { return "HOOK_SECRET_" + strings.ToUpper(s.Name) }

// CheckSecrets says what is wrong with one of the secrets of a source.
func (s Source) CheckSecrets(secrets string) error {
	list := strings.Split(secrets, ",")
	for i, secret := range list {
		switch err := s.Secret(strings.TrimSpace(secret)); {
		case err != nil && len(list) > 1:
			return fmt.Errorf("can't be used: secret %d of %d %w", i+1, len(list), err)
		case err != nil:
			return err
		}
	}
	return nil
}

// Delivery is what somebody posted.
type Delivery struct {
	Header http.Header
	Body   []byte    // exactly as received
	At     time.Time // on our machine's clock
}

// Options say what a delivery does not.
type Options struct {
	Source   string // of the events: whose keys their ids are
	Via      string // the way they came, for the record: standard, api:till
	Currency string // the program's: decides the decimals of amounts
}

// FieldError is an event that cannot be read, and why.
type FieldError struct {
	Index  int    // in the body, from 0
	ID     string // the event's, if that could be read
	Field  string // order.lines[2].total
	Reason string
}

// Error returns the field and the reason.
func (e FieldError) Error() string { return e.Field + ": " + e.Reason }

// The ways in which a delivery is not the sender's. All of them are answered 401.
var (
	ErrUnsigned = errors.New("it is not signed")
	ErrForged   = errors.New("no signature matches")
	ErrStale    = errors.New("the delivery was signed more than 5 minutes ago or ahead: is one of the clocks wrong?")
)

// Why is the reason of a refusal in one word, for a log and a metric.
func Why(err error) string {
	switch {
	case errors.Is(err, ErrUnsigned):
		return "unsigned"
	case errors.Is(err, ErrStale):
		return "stale"
	default:
		return "forged"
	}
}
