package intake

import (
	"context"
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"regulars/internal/loyalty"
	"regulars/segments"
)

// members takes a file of members. Each row is a person of the program: one
// without a joined column, or a joined_at, joined when the file was imported.
func (i *importer) members(ctx context.Context) error {
	now := loyalty.At(i.door.db.Now())
	err := i.each(ctx, func(r row) error {
		i.tally.Read++
		it, w := i.readMember(r, now)
		if w != nil {
			return i.refuse(r.line, r.written(), fieldOf(w.field), w.reason)
		}
		i.say(it)
		i.keep(r)
		if i.isNews(it.Member.JoinedAt) {
			i.news = append(i.news, it)
		} else {
			i.items = append(i.items, it)
		}
		if i.rows++; i.rows < batchRows {
			return nil
		}
		return i.takeMembers(ctx)
	})
	if err != nil {
		return err
	}
	return i.takeMembers(ctx)
}

func (i *importer) takeMembers(ctx context.Context) error {
	return i.flush(ctx, func(b *batch) error { return b.takeMembers(i.lines) })
}

// readMember reads a row of a members file.
func (i *importer) readMember(r row, now loyalty.Instant) (*item, *wrong) {
	it := i.newItem(r, now, loyalty.MemberChanged)
	m := &it.Member
	for _, f := range []struct {
		field string
		into  *string
	}{{"referred_by", &m.ReferredBy}, {"consent_source", &m.ConsentSource}, {"consent_text", &m.ConsentText}} {
		*f.into = i.cols.get(f.field)
	}
	if m.Birthday = i.birthday(i.cols.get("birthday")); i.dates == "" && slashed.MatchString(m.Birthday) {
		it.note("birthday", "%s: %v", quoted(m.Birthday), errEither)
		m.Birthday = ""
	}
	if i.cols.has("tags") {
		m.Tags = listed(i.cols.get("tags"))
	}
	for _, read := range []func(*item, loyalty.Instant) *wrong{i.readJoined, i.readConsent, i.readPoints} {
		if w := read(it, now); w != nil {
			return nil, w
		}
	}
	i.readAttributes(m)
	if w := i.check(it); w != nil {
		return nil, w
	}
	it.print = i.fingerprint(it)
	return it, nil
}

// newItem reads what members and orders files say alike of a person.
func (i *importer) newItem(r row, at loyalty.Instant, kind string) *item {
	get := i.cols.get
	it := &item{line: r.line}
	it.Event = loyalty.Event{Source: i.im.Source, ID: "row", Type: kind, At: at, Member: loyalty.Member{
		ID: get("member"), IDs: i.cols.family("ids"), Email: get("email"), Phone: get("phone"), Card: get("card"),
		FirstName: get("first_name"), LastName: get("last_name"), Language: get("language"), Country: get("country"), TimeZone: get("time_zone"),
	}}
	return it
}

// check brings an item into our spelling and says what is wrong with it.
func (i *importer) check(it *item) *wrong {
	if w := i.shop.check(it); w != nil {
		return w
	}
	if len(keysOf(it)) == 0 {
		return &wrong{"member", "is empty: nobody can be found by this row"}
	}
	return nil
}

func (i *importer) readJoined(it *item, now loyalty.Instant) *wrong {
	m := &it.Member
	if text := i.cols.get("joined_at"); text != "" {
		at, err := i.when(text)
		if err != nil {
			return &wrong{"joined_at", err.Error()}
		}
		m.JoinedAt = at
	}
	if !i.cols.has("joined") {
		yes := !i.cols.has("joined_at") || !m.JoinedAt.IsZero()
		m.Joined = &yes
		return nil
	}
	said, err := parseFlag(i.cols.get("joined"))
	if err == nil {
		m.Joined = said
		return nil
	}
	at, notDate := i.when(i.cols.get("joined"))
	if notDate != nil {
		return &wrong{"joined", err.Error()}
	}
	m.JoinedAt = at
	return nil
}

func (i *importer) readConsent(it *item, _ loyalty.Instant) *wrong {
	m := &it.Member
	m.Consent = map[string]bool{}
	for _, topic := range i.im.Consent {
		m.Consent[topic] = true
	}
	for topic, text := range i.cols.family("consent") {
		said, err := parseFlag(text)
		if err != nil {
			delete(m.Consent, topic) // also what is said of the file as a whole
			it.Notes = append(it.Notes, loyalty.Note{Field: "consent." + topic, Reason: err.Error()})
			continue
		}
		m.Consent[topic] = *said
	}
	if m.ConsentSource == "" {
		m.ConsentSource = i.im.ConsentSource
	}
	text := i.cols.get("consent_at")
	if text == "" {
		m.ConsentDay = i.im.ConsentDay
		return nil
	}
	at, alone, err := i.whenOrDay(text)
	if err != nil {
		return &wrong{"consent_at", err.Error()}
	}
	if m.ConsentAt = at; alone {
		m.ConsentAt, m.ConsentDay = loyalty.Instant{}, loyalty.DayOf(at.Time, i.shop.zone)
	}
	return nil
}

func (i *importer) readPoints(it *item, _ loyalty.Instant) *wrong {
	text := i.cols.get("points")
	if text == "" {
		return nil
	}
	n, exact, err := loyalty.ParseExact(text, 0)
	switch {
	case err != nil:
		return &wrong{"points", err.Error()}
	case !exact:
		return &wrong{"points", fmt.Sprintf("%q is not a whole number of points", text)}
	}
	it.Points = &loyalty.Points{Balance: &n}
	return nil
}

// readAttributes reads the program's attributes as files write them; whether they
// are of their type, the check says.
func (i *importer) readAttributes(m *loyalty.Member) {
	said := i.cols.family("attributes")
	if len(said) == 0 {
		return
	}
	m.Attributes = map[string]any{}
	for name, text := range said {
		m.Attributes[name] = text
		switch i.shop.attributes[name] {
		case segments.Date:
			if at, alone, err := i.whenOrDay(text); err == nil && alone {
				m.Attributes[name] = loyalty.DayOf(at.Time, i.shop.zone).String()
			} else if err == nil {
				m.Attributes[name] = at.Format(time.RFC3339)
			}
		case segments.List:
			list := strings.FieldsFunc(text, func(c rune) bool { return c == ',' || c == ';' || c == '|' })
			for k := range list {
				list[k] = strings.TrimSpace(list[k])
			}
			m.Attributes[name] = list
		}
	}
}

// fingerprint is a hash of what the row says, in the columns that are ours, and of
// what was said for the file as a whole.
func (i *importer) fingerprint(it *item) []byte {
	h := make([]byte, 0, 512)
	add := func(text string) { h = append(append(h, text...), 0x1f) }
	for _, field := range slices.Sorted(maps.Keys(i.cols.at)) {
		if text := i.cols.get(field); text != "" {
			add(field)
			add(text)
		}
	}
	if i.zone != i.shop.zone {
		add(i.zone.String())
	}
	if i.dates != "" {
		add(string(i.dates))
	}
	for _, topic := range i.im.Consent {
		add("consent " + topic)
	}
	if len(i.im.Consent) > 0 {
		add(i.im.ConsentSource)
		add(i.im.ConsentDay.String())
	}
	sum := sha256.Sum256(h)
	return sum[:16]
}

// listed returns the items of a list in one field of a file.
func listed(s string) []string {
	return strings.FieldsFunc(s, func(c rune) bool { return c == ',' || c == ';' || c == '|' })
}
