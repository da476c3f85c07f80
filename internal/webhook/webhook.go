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
//
// A delivery of another system that is signed and says nothing to us is Ignored, with
// the reason; one that is signed and not understood is Parked, for a person or a later
// version of ours. The table at the top of each source's file says which topic is what.
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
	// that cannot be read. The error is Ignored or Parked, or says that the body as a
	// whole is not the source's.
	Decode func(d Delivery, o Options) ([]loyalty.Event, []FieldError, error)

	// Names returns what a delivery is about and by what it is known; "": nothing says it.
	// nil: nothing is parked, and whoever sends what cannot be read is told so.
	Names func(d Delivery) (topic, id string)
	Keeps []string // the headers that Decode needs, the signature is none of them

	// Ping reports whether a delivery without a signature only asks whether we are
	// there. It has no effect. nil: there is no such thing.
	Ping func(d Delivery) bool

	// Signing says how a sender signs, and Ticks what is to be ticked in the settings of
	// the system; ByHand is a script for a shell that sends one event to the address of
	// an installation, "" in place of it where there is none. All are shown to people.
	Signing string
	Ticks   []Topic
	ByHand  func(base string) string

	// Sample is a delivery without effect, signed with a secret: a test of the door.
	Sample func(secret, address string, at time.Time) (http.Header, []byte)
}

// Topic is what a system can be asked to send, and what becomes of it.
type Topic struct{ Name, Means string }

// Ignored is the error of a delivery that is understood and of no matter to us.
type Ignored struct{ Why string }

// Error says why.
func (i Ignored) Error() string { return i.Why }

// Parked is the error of a delivery that is signed and not understood, or that asks a
// person for something.
type Parked struct{ Reason string }

// Error returns the reason.
func (p Parked) Error() string { return p.Reason }

// Forget is the error of a delivery that asks us to erase a customer of the system: by its
// id of theirs, and by the address where that finds nobody.
type Forget struct{ ID, Email string }

// Error says what is asked.
func (Forget) Error() string { return "a customer is to be erased" }

// Sources are the systems whose webhooks are taken.
var Sources = []Source{standard, shopify, woocommerce, stripe, square}

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
	URL    string    // where the sender posted it, as the sender knows us
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
