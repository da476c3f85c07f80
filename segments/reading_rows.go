package segments

import (
	"strings"
)

// rows are rows of a table that belong to members.
type rows struct {
	table  string // with its alias
	member string // the column of the member's id
	day    string // the column of the day; "": none
	where  string // which rows count; $today in it is the day that is asked about; "": all
	match  string // the column that the text in brackets is compared with; "": none
	labels string // or the column with a list of texts, of which it must be one
}

// conditions are those for the call, joined. A text that a launch left out
// matches no row.
func (r rows) conditions(b *builder, c *call) string {
	var all []string
	if r.where != "" {
		all = append(all, r.fill(b, c, r.where))
	}
	if r.match != "" {
		all = append(all, b.cmp(r.match, "==", []value{c.whatValue(b.q.look)}, false))
	}
	if r.labels != "" {
		all = append(all, b.lists(r.labels, c.whatValue(b.q.look)))
	}
	if c.filter != nil {
		all = append(all, c.filter.sql(b, false))
	}
	return strings.Join(append(all, r.when(b, c)...), " and ")
}

func (r rows) when(b *builder, c *call) []string {
	switch {
	case r.day == "":
		return nil
	case c.window == nil:
		return []string{r.day + " <= " + b.today()}
	}
	first, last := c.window.past(b.q.Day)
	if c.ahead {
		first, last = c.comes(b.q.Day)
	}
	return []string{r.day + " >= " + b.bind(int64(first)), r.day + " <= " + b.bind(int64(last))}
}

// fill puts the parameters into a text of the catalogue.
func (r rows) fill(b *builder, c *call, text string) string {
	if strings.Contains(text, "$today") {
		text = strings.ReplaceAll(text, "$today", b.today())
	}
	if strings.Contains(text, "$what") {
		what := "null" // nothing equals no text
		if v := c.whatValue(b.q.look); !v.nothing() {
			what = b.bind(v.text)
		}
		text = strings.ReplaceAll(text, "$what", what)
	}
	return text
}

// lists is the condition that a column with a list of texts holds one.
func (b *builder) lists(column string, v value) string {
	switch {
	case v.nothing():
		return "false"
	case b.postgres(): // the index is on those that are not empty
		return "(" + column + " <> '[]' and " + column + " @> jsonb_build_array(cast(" + b.bind(v.text) + " as text)))"
	}
	return "(" + column + " <> '[]' and exists (select 1 from json_each(" + column + ") j where j.value = " + b.bind(v.text) + "))"
}

// ofMember is the FROM and WHERE for the one member f. Of few members Postgres is held to
// look the rows of each up: it would begin with all rows of a category, or of a day, while
// it takes a table that was never analysed for a small one.
func (r rows) ofMember(b *builder, c *call) string {
	own := " where " + r.member + " = f.member_id"
	if b.q.Members == "" || !b.postgres() {
		return " from " + r.table + own + " and " + r.conditions(b, c)
	}
	alias, _, _ := strings.Cut(r.member, ".")
	table, others, joined := strings.Cut(r.table, " join ")
	if joined {
		others = " join " + others
	}
	return " from (select * from " + table + own + " offset 0) " + alias + others + " where " + r.conditions(b, c)
}

// presence is true for members who have such a row.
//
// On Postgres exists is the safe form: it becomes a semi-join, or an anti-join,
// and under an "or" it falls back to the index, where "in" over more ids than
// work_mem holds would scan them all for each member. SQLite makes no joins of
// either and does better with one list.
type presence struct {
	rows
}

func (r presence) is(b *builder, c *call, _ string, _ []value) string {
	if b.postgres() || b.q.Members != "" {
		return "exists (select 1" + r.ofMember(b, c) + ")"
	}
	return "f.member_id in (select " + r.member + " from " + r.table + " where " + r.conditions(b, c) + ")"
}

func (r presence) scalar(*builder, *call) string { return "" }
