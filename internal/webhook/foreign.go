package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"regulars/internal/loyalty"
)

// What the sources of other systems share: signatures by HMAC, and reading one object
// into events whose ids follow from what they say. A header is not signed, so none is
// believed about the state of an order, and the same body is the same event however
// often and under whatever delivery id it comes.

// plainSecret checks a secret that is taken as it stands.
func plainSecret(secret string) error {
	switch {
	case len(secret) < 8:
		return errors.New("is too short: copy the whole signing secret from that system's settings")
	case strings.ContainsFunc(secret, unicode.IsSpace):
		return errors.New("has a space in it: copy the signing secret alone")
	}
	return nil
}

// sum is the HMAC of some texts, one after the other.
func sum(secret string, texts ...[]byte) []byte {
	mac := hmac.New(sha256.New, []byte(secret))
	for _, text := range texts {
		mac.Write(text)
	}
	return mac.Sum(nil)
}

// sumInBase64 reads a signature. An empty one is none.
func sumInBase64(text string) ([]byte, error) {
	if text == "" {
		return nil, ErrUnsigned
	}
	given, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(given) != sha256.Size {
		return nil, ErrForged
	}
	return given, nil
}

// anySigned says whether one of the secrets makes a signature over the texts. All are
// tried, so that the time says nothing.
func anySigned(given []byte, secrets []string, texts ...[]byte) error {
	err := ErrForged
	for _, secret := range secrets {
		if hmac.Equal(sum(secret, texts...), given) {
			err = nil
		}
	}
	return err
}

// header is a header's value, with X- before its name or without.
func header(h http.Header, name string) string {
	if v := h.Get("X-" + name); v != "" {
		return v
	}
	return h.Get(name)
}

// signedInBase64 are the checks of a source that puts the base64 of the HMAC of texts
// into one header.
func signedInBase64(name string, texts func(Delivery) [][]byte) (headers func(Delivery) error, verify func(Delivery, []string) error) {
	headers = func(d Delivery) error {
		_, err := sumInBase64(header(d.Header, name))
		if errors.Is(err, ErrUnsigned) {
			return fmt.Errorf("%w: the %s header is missing", ErrUnsigned, name)
		}
		return err
	}
	verify = func(d Delivery, secrets []string) error {
		if err := headers(d); err != nil {
			return err
		}
		given, err := sumInBase64(header(d.Header, name))
		if err != nil {
			return err
		}
		return anySigned(given, secrets, texts(d)...)
	}
	return headers, verify
}

// bodyAlone is what most sources sign.
func bodyAlone(d Delivery) [][]byte { return [][]byte{d.Body} }

// document reads a body that is one JSON object.
func document(body []byte) (*fields, error) {
	if !utf8.Valid(body) {
		return nil, errors.New("the body is not UTF-8")
	}
	list, err := split(body)
	if err != nil {
		return nil, err
	}
	if len(list) != 1 {
		return nil, errors.New("the body is not one object")
	}
	f, err := newFields(list[0], nil)
	if err != nil {
		return nil, errors.New("the body is not an object")
	}
	return f, nil
}

// reading reads one delivery of a source into events.
type reading struct {
	Delivery
	Options
	system string // whose customer numbers are meant: member.ids
	f      *fields
}

// read opens a delivery.
func read(system string, d Delivery, o Options) (*reading, error) {
	f, err := document(d.Body)
	if err != nil {
		return nil, err
	}
	return &reading{Delivery: d, Options: o, system: system, f: f}, nil
}

// event is an event that is known by what it says: its type, its subject, and the body
// when the same subject can be told of in several states.
func (r *reading) event(kind, subject string, at loyalty.Instant) loyalty.Event {
	hash := sha256.Sum256(r.Body)
	return loyalty.Event{Source: r.Source, Via: r.Via, Type: kind, At: at,
		ID: r.system + ":" + kind + ":" + subject + ":" + hex.EncodeToString(hash[:8])}
}

// refund is money that was given back of an order. id tells it from others of the
// order, and mark one state of it from the next.
func (r *reading) refund(order, id, mark string, at loyalty.Instant, total int64, lines []loyalty.Line) loyalty.Event {
	var sum int64
	for _, l := range lines {
		sum += l.Total
	}
	if sum > total { // only some of what came back was paid back: nobody says of which
		lines = nil
	}
	return loyalty.Event{Source: r.Source, Via: r.Via, Type: loyalty.OrderRefunded, At: at,
		ID:     r.system + ":" + loyalty.OrderRefunded + ":" + id + ":" + mark,
		Order:  &loyalty.Order{ID: order},
		Refund: &loyalty.Refund{ID: r.system + " " + id, Total: total, Lines: lines}}
}

// done returns the events, or what could not be read of them.
func (r *reading) done(events ...loyalty.Event) ([]loyalty.Event, []FieldError, error) {
	if first := r.f.said.first; first != nil {
		return nil, []FieldError{*first}, nil
	}
	for i := range events {
		if i == 0 {
			events[i].Notes = r.f.said.notes
		}
	}
	return events, nil, nil
}

// customer notes the customer's number at the system, if there is one.
func (r *reading) customer(m *loyalty.Member, id string) {
	if id != "" && id != "0" {
		m.IDs = map[string]string{r.system: id}
	}
}

// nobody reports whether nothing says who a member is.
func nobody(m loyalty.Member) bool { return len(m.IDs) == 0 && m.Email == "" && m.Phone == "" }

// unnamed is why an order of nobody is not taken.
var unnamed = Ignored{"a guest of whom neither customer number, address nor phone is told: nobody can be rewarded"}

// answers sets what was said about mails of marketing, as systems ask for them: "e-mail me
// with news and offers". An import of the same customer reads it so, too.
func answers(m *loyalty.Member, yes bool, at loyalty.Instant, source string) {
	m.Consent = map[string]bool{loyalty.Newsletter: yes, loyalty.Offers: yes}
	m.ConsentAt, m.ConsentSource = at, source
}

// joins says that a member has joined, if nothing earlier says so: by an account of their
// own, or a yes to mails. Who only bought something is known, and no more.
func joins(m *loyalty.Member, at loyalty.Instant) {
	yes := true
	m.Joined = &yes
	if m.JoinedAt.IsZero() || !at.IsZero() && at.Before(m.JoinedAt.Time) {
		m.JoinedAt = at
	}
}

// among reports whether a topic is one of a list, in which shop/* is all that begin so.
func among(topic string, list map[string]string) (why string, is bool) {
	if why, is = list[topic]; is {
		return why, true
	}
	for _, pattern := range slices.Sorted(maps.Keys(list)) {
		if start, all := strings.CutSuffix(pattern, "*"); all && strings.HasPrefix(topic, start) {
			return list[pattern], true
		}
	}
	return "", false
}

// unknownTopic parks what nobody has told us the meaning of.
func unknownTopic(topic string) error {
	if topic == "" {
		return Parked{"the topic is missing"}
	}
	return Parked{"a topic that this version does not know"}
}

// hashID is what a body without an id of its own is known by.
func hashID(parts ...string) string {
	h := sha256.Sum256([]byte(strings.Join(parts, "\n")))
	return hex.EncodeToString(h[:16])
}

// unix is a moment in seconds since 1970.
func (f *fields) unix(name string) loyalty.Instant {
	n := f.whole(name)
	if n == 0 {
		return loyalty.Instant{}
	}
	return loyalty.At(time.Unix(n, 0))
}

func inBase64(b []byte) string { return base64.StdEncoding.EncodeToString(b) }
