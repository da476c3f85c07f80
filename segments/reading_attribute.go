package segments

import (
	"strings"

	"regulars/internal/loyalty"
)

// attr is an attribute of a member, kept as JSON. Whatever a shop sent, reading
// it never fails: what is not of the declared type is nothing.
type attr struct {
	column string // "": the attributes of member m
	name   string
	typ    Type
}

func (r attr) is(b *builder, _ *call, op string, vs []value) string {
	switch {
	case r.typ == List && vs[0].nothing():
		return "false"
	case r.typ == List:
		return ofMembers(r.as(b, holdsForm, b.bind(vs[0].text)))
	}
	return ofMembers(b.cmp(r.expr(b), op, vs, r.typ == Number))
}

func (r attr) scalar(b *builder, _ *call) string {
	return "(select " + r.expr(b) + " from members m where m.id = f.member_id)"
}

// ofMembers asks a condition of the row of members.
func ofMembers(condition string) string {
	return "exists (select 1 from members m where m.id = f.member_id and " + condition + ")"
}

// expr is the attribute of m as a value of its type, null if it is none.
func (r attr) expr(b *builder) string {
	s := r.as(b, attrForms[r.typ], "")
	if r.typ == Date {
		return b.bytes(s)
	}
	return s
}

// as writes out a form for the engine.
func (r attr) as(b *builder, f attrForm, item string) string {
	column := r.column
	if column == "" {
		column = "m.attributes"
	}
	if b.postgres() {
		key := "cast(" + b.bind(r.name) + " as text)"
		return expand(spaced(f.postgres), "$json", "("+column+" -> "+key+")", "$text", "("+column+" ->> "+key+")", "$item", item)
	}
	key := b.bind(`$."` + r.name + `"`)
	plain := "(" + column + " ->> " + key + ")"
	return expand(spaced(f.sqlite), "$bare", "substr("+plain+", 1 + (substr("+plain+", 1, 1) = '-'))", "$kind", "json_type("+column+", "+key+")", "$json", "("+column+" -> "+key+")",
		"$text", plain, "$item", item)
}

func expand(form string, pairs ...string) string { return strings.NewReplacer(pairs...).Replace(form) }

func spaced(form string) string { return strings.Join(strings.Fields(form), " ") }

// attrForm is one reading of an attribute on both engines. $json and $text are
// the attribute as JSON and as text; on SQLite $kind is its JSON type and $bare
// the text without a minus. They must read what value.go reads, which a test
// compares.
type attrForm struct{ postgres, sqlite string }

var attrForms = map[Type]attrForm{
	Text: {
		postgres: `(case jsonb_typeof($json) when 'string' then nullif($text, '') when 'boolean' then $text
			when 'number' then case when $text ~ '^-{0,1}[0-9]{1,15}$' then $text end end)`,
		sqlite: `(case $kind when 'text' then nullif($text, '') when 'true' then 'true' when 'false' then 'false'
			when 'integer' then case when abs($text) < 1e15 then cast($text as text) end end)`,
	},
	Number: {
		postgres: `(case when jsonb_typeof($json) in ('string', 'number') and $text ~ '^-{0,1}[0-9]{1,15}(\.[0-9]{1,40}){0,1}$'
			then cast($text as double precision) end)`,
		sqlite: `(case when $kind in ('integer', 'real') or ($kind = 'text'
				and $bare not glob '*[^0-9.]*' and $bare not glob '*.*.*' and $bare glob '[0-9]*' and $bare glob '*[0-9]')
			then case when abs(cast($text as real)) < 1e15 then cast($text as real) end end)`,
	},
	Date: {
		postgres: `(case when jsonb_typeof($json) = 'string' and substr($text, 1, 4) <> '0000'
			and substr($text, 1, 10) ~ '^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$'
			then case when cast(substr($text, 9, 2) as integer) <= extract(day from
				make_date(cast(substr($text, 1, 4) as integer), cast(substr($text, 6, 2) as integer), 1) + interval '1 month' - interval '1 day')
			then substr($text, 1, 10) end end)`,
		sqlite: `(case when $kind = 'text' and date(substr($text, 1, 10)) = substr($text, 1, 10) and substr($text, 1, 4) <> '0000'
			then substr($text, 1, 10) end)`,
	},
	List: {
		postgres: `(select min(e.v #>> '{}') from jsonb_array_elements(case when jsonb_typeof($json) = 'array' then $json else '[]' end) e(v)
			where jsonb_typeof(e.v) = 'string')`,
		sqlite: `(select min(e.value) from json_each(case $kind when 'array' then $json else '[]' end) e where e.type = 'text')`,
	},
}

// holdsForm is true if the list has $item.
var holdsForm = attrForm{
	postgres: `exists (select 1 from jsonb_array_elements(case when jsonb_typeof($json) = 'array' then $json else '[]' end) e(v)
		where e.v = to_jsonb(cast($item as text)))`,
	sqlite: `exists (select 1 from json_each(case $kind when 'array' then $json else '[]' end) e where e.type = 'text' and e.value = $item)`,
}

// trueForm is true for the JSON true.
var trueForm = attrForm{
	postgres: `coalesce($json = to_jsonb(true), false)`,
	sqlite:   `coalesce($kind = 'true', false)`,
}

// fromDate counts days since a date attribute, or until it.
type fromDate struct{ until bool }

// count counts from a date that is known, or to it.
func (r fromDate) count(date value, today loyalty.Day) value {
	day, err := loyalty.ParseDay(date.text)
	switch {
	case err != nil:
		return value{}
	case r.until:
		return number(int64(day - today))
	}
	return number(int64(today - day))
}

func (r fromDate) is(b *builder, c *call, op string, vs []value) string {
	return ofMembers(b.cmp(r.days(b, c.of.in.(attr).expr(b)), op, vs, false))
}

func (r fromDate) scalar(b *builder, c *call) string {
	return r.days(b, c.of.in.scalar(b, c.of))
}

// days is the number of days between a date, a text of that form, and today.
func (r fromDate) days(b *builder, date string) string {
	day := "unixepoch(" + date + ") / 86400"
	if b.postgres() {
		day = "(cast(" + date + " as date) - date '1970-01-01')"
	}
	today := "cast(" + b.today() + " as bigint)"
	if r.until {
		return "(" + day + " - " + today + ")"
	}
	return "(" + today + " - " + day + ")"
}
