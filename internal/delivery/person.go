package delivery

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"

	"golang.org/x/net/publicsuffix"

	"regulars/internal/loyalty"
	"regulars/internal/store"
)

// person is what a mail may say about its member.
type person struct {
	ID         int64
	ExternalID string
	Email      string
	FirstName  string
	LastName   string
	Language   string
	Country    string
	BirthYear  *int
	BirthMonth *int
	BirthDate  *int
	JoinedDay  *loyalty.Day
	Points     int64
	Orders     int64
	Spent      int64
	FirstDay   *loyalty.Day
	LastDay    *loyalty.Day

	tags []string
	more map[string]any // attributes
	err  error          // why these cannot be read
}

// people loads members by id.
func people(tx *store.Tx, ids []int64) (map[int64]*person, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	args := store.Args{"ids": store.JSON(ids)}
	all, err := peopleByID(tx, args, len(ids))
	if err != nil {
		return nil, fmt.Errorf("loading %d members: %w", len(ids), err)
	}
	var tags []struct {
		MemberID int64
		Tag      string
	}
	err = tx.All(&tags, `
		select member_id, tag from member_tags
		where  member_id in (select value from `+tx.JSONEach("@ids")+`)
		order  by member_id, tag`, args)
	if err != nil {
		return nil, fmt.Errorf("loading the tags of %d members: %w", len(ids), err)
	}
	for _, t := range tags {
		if p := all[t.MemberID]; p != nil {
			p.tags = append(p.tags, t.Tag)
		}
	}
	return all, nil
}

func peopleByID(tx *store.Tx, args store.Args, n int) (map[int64]*person, error) {
	all := make(map[int64]*person, n)
	err := tx.Each(`
		select m.id, m.external_id, m.email, m.first_name, m.last_name, m.language, m.country,
		       m.birth_year, m.birth_month, m.birth_date, cast(m.attributes as text), m.joined_day,
		       coalesce(f.points, 0), coalesce(f.orders, 0), coalesce(f.spent, 0), f.first_day, f.last_day
		from   `+tx.JSONEach("@ids")+`
		join   members m    on m.id = ids.value
		left   join facts f on f.member_id = m.id`, args, func(scan func(into ...any) error) error {
		p, attributes := &person{}, ""
		err := scan(&p.ID, &p.ExternalID, &p.Email, &p.FirstName, &p.LastName, &p.Language, &p.Country,
			&p.BirthYear, &p.BirthMonth, &p.BirthDate, &attributes, &p.JoinedDay,
			&p.Points, &p.Orders, &p.Spent, &p.FirstDay, &p.LastDay)
		if err != nil {
			return err
		}
		p.FirstName, p.LastName = unlinked(p.FirstName), unlinked(p.LastName)
		if p.more, err = values(attributes); err != nil {
			p.err = fmt.Errorf("attributes of member %d: %w", p.ID, err)
		}
		all[p.ID] = p
		return nil
	})
	return all, err
}

// unlinked returns a name, "" for one with a web link in it: anybody can type a
// stranger's address into a form and an advertisement for their name, and mail
// programs make links of what looks like one.
func unlinked(name string) string {
	if strings.Contains(name, "://") {
		return ""
	}
	if !strings.ContainsAny(name, ".\u3002\uff0e\uff61") {
		return name
	}
	dotted := otherDots.Replace(name)
	for word := range strings.FieldsFuncSeq(dotted, func(r rune) bool { return r != '.' && r != '-' && !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
		host := strings.ToLower(strings.Trim(word, ".-"))
		top := host[strings.LastIndexByte(host, '.')+1:]
		if top == host {
			continue // Dr. Ida
		}
		suffix, known := publicsuffix.PublicSuffix(host)
		if known || strings.Contains(suffix, ".") || strings.HasPrefix(host, "www.") || slices.Contains([]string{"example", "test", "invalid", "onion"}, top) {
			return ""
		}
	}
	return name
}

// otherDots are those that programs take for one in a host (RFC 3490, section 3.1).
var otherDots = strings.NewReplacer("\u3002", ".", "\uff0e", ".", "\uff61", ".")

// name is how an address line calls the member.
func (p *person) name() string { return strings.TrimSpace(p.FirstName + " " + p.LastName) }

// data returns what a mail reads as member.…; today tells which birthday is near.
func (p *person) data(today loyalty.Day) map[string]any {
	d := maps.Clone(p.more)
	if d == nil {
		d = map[string]any{}
	}
	for _, field := range []string{"id", "first_name", "last_name", "name", "email", "language", "country", "tags", "points", "orders", "spent",
		"joined", "first_order", "last_order", "birthday"} {
		if v := p.value(field, today); v != nil {
			d[field] = v
		}
	}
	return d
}

// value returns what a mail reads as member.field, nil when there is none. A field of
// the shop's own does not hide one of ours that has a value.
func (p *person) value(field string, today loyalty.Day) any {
	var day *loyalty.Day
	switch field {
	case "id":
		return p.ExternalID
	case "first_name":
		return p.FirstName
	case "last_name":
		return p.LastName
	case "name":
		return p.name()
	case "email":
		return p.Email
	case "language":
		return p.Language
	case "country":
		return p.Country
	case "tags":
		return p.tags
	case "points":
		return p.Points
	case "orders":
		return p.Orders
	case "spent":
		return p.Spent
	case "joined":
		day = p.JoinedDay
	case "first_order":
		day = p.FirstDay
	case "last_order":
		day = p.LastDay
	case "birthday":
		day = p.birthday(today)
	}
	if day != nil {
		return *day
	}
	return p.more[field]
}

// birthday is the next one from today on, or nil.
func (p *person) birthday(today loyalty.Day) *loyalty.Day {
	if p.BirthMonth == nil || p.BirthDate == nil {
		return nil
	}
	b := loyalty.Birthday{Month: time.Month(*p.BirthMonth), Date: *p.BirthDate}
	_, day := b.Next(today-1, 0)
	return &day
}

// milestone returns what a mail reads as milestone.…, from the key of an
// occurrence such as orders:5; nil when the occurrence is no milestone.
func milestone(key string) map[string]any {
	figure, value, ok := cutLast(key, ':')
	if !ok {
		return nil
	}
	f, err := loyalty.ParseFigure(figure)
	if err != nil {
		return nil
	}
	var n int64
	if _, err := fmt.Sscan(value, &n); err != nil {
		return nil
	}
	return map[string]any{"figure": f.Kind, "value": n}
}

func cutLast(s string, sep byte) (before, after string, ok bool) {
	i := strings.LastIndexByte(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+1:], true
}
