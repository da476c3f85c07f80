package report

import (
	"fmt"
	"maps"
	"strings"

	"regulars/internal/norms"
	"regulars/internal/store"
	"regulars/segments"
)

// Kept is a part of a rule and how many members it keeps of those whom the parts
// before it have kept; of alternatives, each by itself.
type Kept struct {
	Words   string `json:"words"`
	Members int64  `json:"members"`
	Or      bool   `json:"or,omitempty"`      // one of several alternatives
	Not     bool   `json:"not,omitempty"`     // those for whom Parts do not hold together
	Segment string `json:"segment,omitempty"` // whose rule Parts are
	Parts   []Kept `json:"parts,omitempty"`

	holds string // as SQL over the answers to single conditions
	after string // what the parts before it have kept, likewise
}

// Funnel is how many members there are, how many of them a rule keeps, and how
// many each of its parts does.
type Funnel struct {
	Members int64
	Kept    int64
	Parts   []Kept
}

// Funnel asks each condition of the rule once of each member, in one statement.
func (a Audience) Funnel(tx *store.Tx) (all Funnel, err error) {
	f, err := a.question(tx)
	if err != nil {
		return Funnel{}, err
	}
	parts := f.funnel(a.Rule.Parts(), "true")
	all.Parts = parts
	counts := []string{"count(*)", "count(*) filter (where " + together(parts, false) + ")"}
	each(parts, func(k *Kept) {
		counts = append(counts, "count(*) filter (where "+k.after+" and "+k.holds+")")
	})
	// The limit keeps the planner from writing each condition out once per count.
	rows, err := tx.Query("select "+strings.Join(counts, ", ")+" from (select "+f.columns()+" from "+f.source+" limit 9223372036854775807) p", f.args)
	if err != nil {
		return Funnel{}, err
	}
	defer rows.Close()
	into := []any{&all.Members, &all.Kept}
	each(parts, func(k *Kept) { into = append(into, &k.Members) })
	if rows.Next() {
		err = rows.Scan(into...)
	}
	if err == nil {
		err = rows.Err()
	}
	return all, err
}

func each(parts []Kept, f func(*Kept)) {
	for i := range parts {
		f(&parts[i])
		each(parts[i].Parts, f)
	}
}

// question collects the single conditions of a rule for one statement.
type question struct {
	Audience
	as         segments.Query
	source     string
	args       store.Args
	conditions []string
}

func (a Audience) question(tx *store.Tx) (*question, error) {
	n, err := norms.For(tx, a.Day, a.Past, a.Rule)
	if err != nil {
		return nil, err
	}
	f := &question{Audience: a, as: segments.Query{Engine: tx.Engine(), Day: a.Day, Past: a.Past, Norms: n}, source: "facts f", args: store.Args{}}
	if a.Past {
		f.source = "(" + segments.FactsSelect(tx.Engine(), "") + ") f"
		f.args["day"] = int64(a.Day)
	}
	return f, nil
}

// columns are the answers to the single conditions.
func (f *question) columns() string {
	return strings.Join(append([]string{"1 as one"}, f.conditions...), ", ")
}

// add asks one thing more and returns the name of its column.
func (f *question) add(sql func(segments.Query) (string, map[string]any)) string {
	name := fmt.Sprintf("a%d", len(f.conditions)+1)
	f.as.Prefix = name + "_"
	expr, args := sql(f.as)
	maps.Copy(f.args, args)
	f.conditions = append(f.conditions, "("+expr+") as "+name)
	return name
}

// funnel asks for parts that stand side by side, of the members whom what stands
// before them has kept.
func (f *question) funnel(parts []segments.Part, after string) []Kept {
	kept := make([]Kept, len(parts))
	for i, p := range parts {
		k := Kept{Words: p.Clause, Or: p.Or, Not: p.Not, Segment: p.Segment, after: after}
		if p.Parts == nil {
			k.holds = f.add(p.Rule.SQL)
		} else {
			k.Parts = f.funnel(p.Parts, after)
			k.holds = together(k.Parts, p.Not)
		}
		if kept[i] = k; !p.Or {
			after += " and " + k.holds
		}
	}
	return kept
}

// together is the condition that parts hold, or with not, that they do not.
func together(parts []Kept, not bool) string {
	word, all := " and ", make([]string, len(parts))
	for i, k := range parts {
		all[i] = k.holds
		if k.Or {
			word = " or "
		}
	}
	if not {
		return "not (" + strings.Join(all, word) + ")"
	}
	return "(" + strings.Join(all, word) + ")"
}

// Answer is what a part of a rule says of one member.
type Answer struct {
	Words   string   `json:"words"`
	Holds   bool     `json:"holds"`
	Or      bool     `json:"or,omitempty"`
	Not     bool     `json:"not,omitempty"`
	Segment string   `json:"segment,omitempty"`
	Fields  []Has    `json:"fields,omitempty"`
	Parts   []Answer `json:"parts,omitempty"`

	measures []segments.Measure
	column   int
}

// Has is a field that the part compares and what the member has there.
type Has struct {
	Field string `json:"field"`
	Value any    `json:"value"`           // nil: nothing
	Words string `json:"words"`           // last ordered 12 days ago
	Wants string `json:"wants,omitempty"` // more than 90 days
}

// Of says for one member whether the rule holds, and for each part whether it
// does and what the member has there. known is false for somebody who was not
// there on that day.
func (a Audience) Of(tx *store.Tx, member int64) (holds, known bool, parts []Answer, err error) {
	f, err := a.question(tx)
	if err != nil {
		return false, false, nil, err
	}
	f.as.Members, f.args["one_member"] = "(@one_member)", member
	if a.Past {
		f.source = "(" + segments.FactsSelect(tx.Engine(), f.as.Members) + ") f"
	}
	f.add(a.Rule.SQL)
	parts = f.answers(a.Rule.Parts())
	rows, err := tx.Query("select "+f.columns()+" from "+f.source+" where f.member_id = @one_member", f.args)
	if err != nil {
		return false, false, nil, err
	}
	defer rows.Close()
	values := make([]any, len(f.conditions)+1)
	into := make([]any, len(values))
	for i := range values {
		into[i] = &values[i]
	}
	if !rows.Next() {
		return false, false, nil, rows.Err()
	}
	if err := rows.Scan(into...); err != nil {
		return false, false, nil, fmt.Errorf("reading what a member has: %w", err)
	}
	fill(parts, values)
	return yes(values[1]), true, parts, rows.Err()
}

// answers asks for parts and for what they compare.
func (f *question) answers(parts []segments.Part) []Answer {
	all := make([]Answer, len(parts))
	for i, p := range parts {
		f.add(p.Rule.SQL)
		a := Answer{Words: p.Clause, Or: p.Or, Not: p.Not, Segment: p.Segment, column: len(f.conditions), measures: p.Measures()}
		for _, m := range a.measures {
			f.add(m.SQL)
		}
		a.Parts = f.answers(p.Parts)
		all[i] = a
	}
	return all
}

// fill puts the values of the statement into the answers.
func fill(parts []Answer, values []any) {
	for i := range parts {
		a := &parts[i]
		a.Holds = yes(values[a.column])
		for n, m := range a.measures {
			raw := values[a.column+1+n]
			a.Fields = append(a.Fields, Has{m.Field, m.Value(raw), m.Words(raw), m.Wants})
		}
		fill(a.Parts, values)
	}
}

// yes reads a condition as either engine gives it.
func yes(raw any) bool {
	switch v := raw.(type) {
	case bool:
		return v
	case int64:
		return v != 0
	}
	return false
}

// Says is the part in words that follow a number of members: "of these have at
// least 2 orders".
func (k Kept) Says() string {
	switch {
	case k.Not:
		return "are not among those " + strings.TrimPrefix(k.Words, "except those ")
	case len(k.Parts) > 0 && k.Parts[0].Or:
		return "meet at least one of these:"
	case strings.HasPrefix(k.Words, "except those "):
		return "are not among those " + strings.TrimPrefix(k.Words, "except those ")
	case strings.HasPrefix(k.Words, "whose "):
		return "are people " + k.Words
	case strings.HasPrefix(k.Words, "anybody "):
		return "are " + k.Words
	}
	return strings.TrimPrefix(k.Words, "who ")
}

// Says is the part in words about the one member: what they have, and what the
// rule wants.
func (a Answer) Says() string {
	switch {
	case len(a.Fields) == 0:
		return segments.OfOne(a.Words)
	case len(a.Fields) > 1:
		return fmt.Sprintf("%s; the rule wants %s, and %s", a.Fields[0].Words, a.Fields[0].Wants, a.Fields[1].Words)
	}
	return fmt.Sprintf("%s; the rule wants %s", a.Fields[0].Words, a.Fields[0].Wants)
}
