package intake

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"

	"regulars/internal/consent"
	"regulars/internal/loyalty"
	"regulars/internal/store"
)

// member is a row of members, with the figures of its facts.
type member struct {
	ID          int64
	ExternalID  string
	Named       bool
	Email       string
	EmailKey    []byte
	Phone       string
	Card        string
	FirstName   string
	LastName    string
	Language    string
	Country     string
	TimeZone    string
	BirthYear   *int64
	BirthMonth  *int64
	BirthDate   *int64
	Attributes  string
	JoinedAt    loyalty.Instant
	JoinedDay   *int64
	ReferredBy  string
	Fingerprint []byte
	ChangedAt   loyalty.Instant
	MergedInto  *int64

	Orders, Spent, Points int64
}

// says reports whether two rows of a member say the same of the person: when it
// was heard, and from which row of a file, apart.
func (m member) says(as member) bool {
	m.ChangedAt, m.Fingerprint = as.ChangedAt, as.Fingerprint
	return reflect.DeepEqual(m, as)
}

// profile are the columns that events write, in the order of member.values.
var profile = []string{
	"external_id text", "named boolean", "email text", "email_key bytea", "phone text", "card text",
	"first_name text", "last_name text", "language text", "country text", "time_zone text",
	"birth_year bigint", "birth_month bigint", "birth_date bigint", "attributes jsonb",
	"joined_at timestamptz", "joined_day bigint", "referred_by text", "fingerprint bytea", "changed_at timestamptz",
}

func (m *member) values() []any {
	return []any{
		m.ExternalID, m.Named, m.Email, m.EmailKey, m.Phone, m.Card,
		m.FirstName, m.LastName, m.Language, m.Country, m.TimeZone,
		m.BirthYear, m.BirthMonth, m.BirthDate, json.RawMessage(m.Attributes),
		m.JoinedAt, m.JoinedDay, m.ReferredBy, m.Fingerprint, m.ChangedAt,
	}
}

// places are where a row of these columns is read to.
func (m *member) places() []any {
	return []any{
		&m.ExternalID, &m.Named, &m.Email, &m.EmailKey, &m.Phone, &m.Card,
		&m.FirstName, &m.LastName, &m.Language, &m.Country, &m.TimeZone,
		&m.BirthYear, &m.BirthMonth, &m.BirthDate, &m.Attributes,
		&m.JoinedAt, &m.JoinedDay, &m.ReferredBy, &m.Fingerprint, &m.ChangedAt,
	}
}

// names returns the columns' names with a prefix and commas.
func names(columns []string, prefix string) string {
	list := make([]string, len(columns))
	for i, c := range columns {
		name, _, _ := strings.Cut(c, " ")
		list[i] = prefix + name
	}
	return strings.Join(list, ", ")
}

// merge writes into the person's row what an item says of them. What was said
// last stands: an item older than what we know fills only what is blank, unless
// it is of a file, which says how things are now.
func (b *batch) merge(it *item) {
	who, said := it.who, it.Member
	m := &who.member
	g := merger{who: who, newer: it.ofMembers() || !it.At.Before(m.ChangedAt.Time)}
	g.email(it, b.shop.pepper)
	it.moved = g.moved && b.mustConfirm(it)
	g.key(&m.Phone, said.Phone, keyPhone, loyalty.FoldPhone)
	g.key(&m.Card, said.Card, keyCard, strings.TrimSpace)
	for _, f := range []struct {
		field *string
		said  string
	}{
		{&m.FirstName, said.FirstName}, {&m.LastName, said.LastName}, {&m.Language, said.Language},
		{&m.Country, said.Country}, {&m.TimeZone, said.TimeZone}, {&m.ReferredBy, said.ReferredBy},
	} {
		g.set(f.field, f.said)
	}
	g.birthday(it.birthday)
	g.attributes(said.Attributes)
	g.tags(said.Tags)
	b.join(it)
	if it.moved = it.moved && !m.JoinedAt.IsZero(); it.moved {
		it.asked = true // whoever reads the new mailbox has agreed to nothing yet
	}
	if g.says && it.At.After(m.ChangedAt.Time) {
		m.ChangedAt = it.At
	}
	if it.Fingerprint != nil && it.Order == nil {
		m.Fingerprint = it.Fingerprint
	}
}

// merger writes single fields.
type merger struct {
	who   *person
	newer bool
	says  bool // the item says something of the profile
	moved bool // the item brings another address than the person had
}

// set writes a text and reports whether that changed it.
func (g *merger) set(field *string, said string) bool {
	if said == "" {
		return false
	}
	g.says = true
	if *field == said || *field != "" && !g.newer {
		return false
	}
	*field = said
	return true
}

func (g *merger) email(it *item, pepper []byte) {
	m := &g.who.member
	old := strings.ToLower(m.Email)
	if !g.set(&m.Email, it.Member.Email) || old == it.folded {
		return
	}
	m.EmailKey = consent.Key(pepper, it.folded)
	g.moved = old != ""
	g.rekey(keyEmail, old, it.folded)
}

// key writes a text by which the person is found, too.
func (g *merger) key(field *string, said, kind string, fold func(string) string) {
	old := fold(*field)
	if g.set(field, said) && fold(said) != old {
		g.rekey(kind, old, fold(said))
	}
}

// rekey lets the person be found by a new value, and no longer by the old one:
// that may be somebody else's by now.
func (g *merger) rekey(kind, old, now string) {
	if old != "" {
		g.who.drop(personKey{kind, old})
		g.who.drop(personKey{keyMade, kind + ":" + old})
		g.who.drop(personKey{keyShared, kind + ":" + old})
	}
	if now != "" {
		g.who.add(personKey{kind, now})
	}
}

func (g *merger) birthday(b loyalty.Birthday) {
	m := &g.who.member
	if b.Month == 0 {
		return
	}
	g.says = true
	if m.BirthMonth != nil && !g.newer {
		return
	}
	month, date, year := int64(b.Month), int64(b.Date), int64(b.Year)
	same := m.BirthMonth != nil && *m.BirthMonth == month && *m.BirthDate == date
	m.BirthMonth, m.BirthDate = &month, &date
	if year != 0 {
		m.BirthYear = &year
	} else if !same { // another day: the year that we knew was of the old one
		m.BirthYear = nil
	}
}

func (g *merger) attributes(said map[string]any) {
	if len(said) == 0 {
		return
	}
	g.says = true
	m := &g.who.member
	known := map[string]json.RawMessage{}
	if err := json.Unmarshal([]byte(m.Attributes), &known); err != nil {
		known = map[string]json.RawMessage{} // not ours to fail on: what is said now is good
	}
	for _, name := range slices.Sorted(maps.Keys(said)) {
		if _, there := known[name]; !there || g.newer {
			known[name] = json.RawMessage(store.JSON(said[name]))
		}
	}
	m.Attributes = store.JSON(known)
}

func (g *merger) tags(said []string) {
	if said == nil {
		return
	}
	g.says = true
	if g.newer {
		g.who.tags, g.who.retagged = said, true
	}
}

// join notes that the person has joined, at the earliest time that anybody says.
func (b *batch) join(it *item) {
	m := &it.who.member
	said := it.Member.Joined
	if it.Type != loyalty.MemberJoined && (said == nil || !*said) && it.Member.JoinedAt.IsZero() {
		return
	}
	at := it.At
	if !it.Member.JoinedAt.IsZero() {
		at = it.Member.JoinedAt
	}
	first := m.JoinedAt.IsZero()
	fresh := first && b.tx.At.Sub(at.Time) <= b.shop.NewsWithin // and not: we hear today of who joined years ago
	if it.asked = fresh && b.mustConfirm(it); it.asked {
		return
	}
	it.joined = fresh
	if first || at.Before(m.JoinedAt.Time) {
		day := int64(loyalty.DayOf(at.Time, b.shop.Zone))
		m.JoinedAt, m.JoinedDay = at, &day
	}
}
