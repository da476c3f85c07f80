package delivery

import (
	"fmt"
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
	Attributes string
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
	var rows []person
	err := tx.All(&rows, `
		select m.id, m.external_id, m.email, m.first_name, m.last_name, m.language, m.country,
		       m.birth_year, m.birth_month, m.birth_date, cast(m.attributes as text) as attributes, m.joined_day,
		       coalesce(f.points, 0) as points, coalesce(f.orders, 0) as orders, coalesce(f.spent, 0) as spent, f.first_day, f.last_day
		from   members m
		left   join facts f on f.member_id = m.id
		where  m.id in (select value from `+tx.JSONEach("@ids")+`)`, args)
	if err != nil {
		return nil, fmt.Errorf("loading %d members: %w", len(ids), err)
	}
	all := make(map[int64]*person, len(rows))
	for i := range rows {
		p := &rows[i]
		p.FirstName, p.LastName = unlinked(p.FirstName), unlinked(p.LastName)
		if p.more, err = values(p.Attributes); err != nil {
			p.err = fmt.Errorf("attributes of member %d: %w", p.ID, err)
		}
		all[p.ID] = p
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

// unlinked returns a name, "" for one with a web link in it: anybody can type a
// stranger's address into a form and an advertisement for their name, and mail
// programs make links of what looks like one.
func unlinked(name string) string {
	if strings.Contains(name, "://") {
		return ""
	}
	dotted := strings.NewReplacer("\u3002", ".", "\uff0e", ".", "\uff61", ".").Replace(name)
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

// name is how an address line calls the member.
func (p *person) name() string { return strings.TrimSpace(p.FirstName + " " + p.LastName) }

// data returns what a mail reads as member.…; today tells which birthday is near.
func (p *person) data(today loyalty.Day) map[string]any {
	d := map[string]any{
		"id": p.ExternalID, "first_name": p.FirstName, "last_name": p.LastName, "name": p.name(), "email": p.Email,
		"language": p.Language, "country": p.Country, "tags": p.tags,
		"points": p.Points, "orders": p.Orders, "spent": p.Spent,
	}
	for field, day := range map[string]*loyalty.Day{"joined": p.JoinedDay, "first_order": p.FirstDay, "last_order": p.LastDay, "birthday": p.birthday(today)} {
		if day != nil {
			d[field] = *day
		}
	}
	for name, v := range p.more {
		if _, ours := d[name]; !ours {
			d[name] = v
		}
	}
	return d
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
