package importer

import (
	"context"
	"crypto/sha256"
	"encoding/csv"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"regulars/internal/intake"
	"regulars/internal/loyalty"
	"regulars/segments"
)

// members takes a file of members. Each row is a person of the program: one
// without a joined column, or a joined_at, joined when the file was imported.
func (r *reader) members(ctx context.Context) error {
	now := loyalty.At(r.db.Now())
	err := r.each(ctx, func(row row) error {
		m, wrong := r.readMember(row, now)
		if wrong != nil {
			return r.refuseKept(row.line, *wrong)
		}
		return r.add(ctx, m, m.Member.JoinedAt, []int{row.line})
	})
	if err != nil {
		return err
	}
	return r.flush(ctx)
}

// person reads what members and orders files say alike of a person.
func (r *reader) person(row row, at loyalty.Instant, kind string) *intake.Row {
	it := &intake.Row{Line: row.line, Event: loyalty.Event{Source: r.Source, ID: "row", Type: kind, At: at}}
	it.Member.IDs = r.cols.family("ids")
	for _, t := range texts(&it.Member) {
		*t.of = r.cols.get(t.field)
	}
	if phone := it.Member.Phone; phone != "" && !strings.ContainsFunc(phone, func(c rune) bool { return c >= '0' && c <= '9' }) {
		it.Note("phone", "%s is not a phone number", loyalty.Quoted(phone))
		it.Member.Phone = ""
	}
	if m := &it.Member; m.FirstName == "" && m.LastName == "" {
		m.FirstName, m.LastName, _ = strings.Cut(loyalty.OneLine(r.cols.get("full_name")), " ")
	}
	return it
}

// text is a text of somebody, and the field of files that it stands in.
type text struct {
	field string
	of    *string
}

// texts are what members and orders files say alike of a person.
func texts(m *loyalty.Member) []text {
	return []text{{"member", &m.ID}, {"email", &m.Email}, {"phone", &m.Phone}, {"card", &m.Card}, {"first_name", &m.FirstName},
		{"last_name", &m.LastName}, {"language", &m.Language}, {"country", &m.Country}, {"time_zone", &m.TimeZone}}
}

// readMember reads a row of a members file, or says what is wrong with it.
func (r *reader) readMember(row row, now loyalty.Instant) (*intake.Row, *loyalty.Note) {
	get, it := r.cols.get, r.person(row, now, loyalty.MemberChanged)
	m := &it.Member
	m.ReferredBy, m.ConsentSource, m.ConsentText = get("referred_by"), get("consent_source"), get("consent_text")
	days := r.on("birthday")
	if m.Birthday = days.birthday(get("birthday")); (days.dates == "" || days.dates == Serial) && slashed.MatchString(m.Birthday) {
		it.Note("birthday", "%s: %v", loyalty.Quoted(m.Birthday), errEither)
		m.Birthday = ""
	}
	if r.cols.has("tags") {
		m.Tags = listed(get("tags"))
	}

	if text := get("joined_at"); text != "" {
		at, err := r.on("joined_at").when(text)
		if err != nil {
			return nil, &loyalty.Note{Field: "joined_at", Reason: err.Error()}
		}
		m.JoinedAt = at
	}
	if !r.cols.has("joined") {
		yes := !r.cols.has("joined_at") || !m.JoinedAt.IsZero() || r.layout != nil // who a system knows is there
		m.Joined = &yes
	} else if said, err := parseFlag(get("joined")); err == nil {
		m.Joined = said
	} else if at, notDate := r.on("joined").when(get("joined")); notDate == nil {
		m.JoinedAt = at
	} else {
		return nil, &loyalty.Note{Field: "joined", Reason: err.Error()}
	}

	if wrong := r.readConsent(it); wrong != nil {
		return nil, wrong
	}
	if text := get("points"); text != "" {
		n, exact, err := loyalty.ParseExact(text, 0)
		switch {
		case err != nil:
			return nil, &loyalty.Note{Field: "points", Reason: err.Error()}
		case !exact:
			return nil, &loyalty.Note{Field: "points", Reason: fmt.Sprintf("%q is not a whole number of points", text)}
		}
		it.Points = &loyalty.Points{Balance: &n}
	}
	r.readAttributes(m)
	if wrong := r.shop.Check(it); wrong != nil {
		return nil, wrong
	}
	it.Fingerprint = r.fingerprint()
	return it, nil
}

// readAttributes reads the program's attributes as files write them; whether they
// are of their type, the check says.
func (r *reader) readAttributes(m *loyalty.Member) {
	for name, text := range r.cols.family("attributes") {
		var value any = text
		switch r.shop.Attributes[name] {
		case segments.Date:
			if at, alone, err := r.on("attributes." + name).whenOrDay(text); err == nil && alone {
				value = loyalty.DayOf(at.Time, r.shop.Zone).String()
			} else if err == nil {
				value = at.Format(time.RFC3339)
			}
		case segments.List:
			list := listed(text)
			for k := range list {
				list[k] = strings.TrimSpace(list[k])
			}
			value = list
		}
		if m.Attributes == nil {
			m.Attributes = map[string]any{}
		}
		m.Attributes[name] = value
	}
}

// fingerprint is a hash of what the row says, in the columns that are ours, and of
// what was said for the file as a whole.
func (r *reader) fingerprint() []byte {
	h := make([]byte, 0, 512)
	add := func(text string) { h = append(append(h, text...), 0x1f) }
	for _, field := range r.cols.sorted() {
		if text := r.cols.get(field); text != "" {
			add(field)
			add(text)
		}
	}
	for _, i := range r.cols.packed {
		add(r.cols.fields[i])
	}
	for _, field := range slices.Sorted(maps.Keys(r.cols.always)) {
		add(field + " always " + r.cols.always[field])
	}
	if r.zone != r.shop.Zone {
		add(r.zone.String())
	}
	if r.dates != "" {
		add(string(r.dates))
	}
	for _, field := range slices.Sorted(maps.Keys(r.told)) {
		add(field + " " + string(r.told[field]))
	}
	if r.decimal == comma {
		add("decimal comma")
	}
	for _, topic := range r.Consent {
		add("consent " + topic)
	}
	for _, topic := range r.Refusal {
		add("refused " + topic + " " + r.RefusedDay.String())
	}
	if len(r.Consent) > 0 {
		add(r.ConsentSource)
		add(r.ConsentDay.String())
	}
	sum := sha256.Sum256(h)
	return sum[:16]
}

// listed returns the items of a list in one field of a file, each in quotes or not.
func listed(s string) []string {
	if strings.Contains(s, `"`) {
		in := csv.NewReader(strings.NewReader(s))
		in.LazyQuotes, in.TrimLeadingSpace = true, true
		if items, err := in.Read(); err == nil {
			return items
		}
	}
	return strings.FieldsFunc(s, func(c rune) bool { return c == ',' || c == ';' || c == '|' })
}
