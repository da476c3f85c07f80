package report

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"

	"regulars/internal/loyalty"
	"regulars/internal/norms"
	"regulars/internal/store"
	"regulars/segments"
)

// Movement is how a field divides members on a day, and, if there is an earlier
// day to compare with, who moved from one part to another since. Both days are
// computed from the orders and events up to then, today's from the facts.
type Movement struct {
	Field  string  `json:"field"`
	Day    string  `json:"day"`            // 2027-06-30
	From   string  `json:"from,omitempty"` // "": nothing is compared
	Groups []Group `json:"groups"`
	Moves  []Moved `json:"moves,omitempty"` // largest first; who stayed is not among them
}

// Group is the members in one part, with the orders of their whole life.
type Group struct {
	Name    string  `json:"name"`
	Members int64   `json:"members"`
	Share   float64 `json:"share"` // of all members of the report
	Orders  int64   `json:"orders"`
	Revenue int64   `json:"revenue_minor"`
	Average int64   `json:"average_order_minor"` // rounded; 0 without an order
	Before  int64   `json:"members_before,omitempty"`
	Stayed  int64   `json:"stayed,omitempty"`
	Came    int64   `json:"came,omitempty"`
	Left    int64   `json:"left,omitempty"`
}

// Moved is how many members went from one part to another.
type Moved struct {
	From    string `json:"from"`
	To      string `json:"to"`
	Members int64  `json:"members"`
}

// Between returns how many members were in one part and are in another.
func (m Movement) Between(from, to string) int64 {
	if from == to {
		i := slices.IndexFunc(m.Groups, func(g Group) bool { return g.Name == from })
		return m.Groups[i].Stayed
	}
	for _, moved := range m.Moves {
		if moved.From == from && moved.To == to {
			return moved.Members
		}
	}
	return 0
}

// MovementOf is what is asked: a field whose values divide members, in the order
// in which they are to be shown. None is the name for those whom it says nothing of.
type MovementOf struct {
	Name  string
	Field *segments.Expression
	Parts []string
	None  string
	Day   loyalty.Day
	Past  bool         // Day is not the shop's present
	From  *loyalty.Day // nil: nothing is compared
}

// RFM divides those who have ordered into the groups of their scores.
func RFM(scope segments.Scope) (MovementOf, error) {
	f, err := segments.ParseField("rfm_group", scope)
	return MovementOf{Name: "rfm_group", Field: f, Parts: segments.Groups(), None: segments.StageNone}, err
}

// Lifecycle divides members into the stages of their lifecycle.
func Lifecycle(scope segments.Scope) (MovementOf, error) {
	f, err := segments.ParseField("lifecycle", scope)
	return MovementOf{Name: "lifecycle", Field: f, Parts: segments.Stages()[1:], None: segments.StageNone}, err
}

// moved makes the report of who moved in a month.
func moved(of func(segments.Scope) (MovementOf, error)) func(*store.Tx, Ask) (Table, error) {
	return func(tx *store.Tx, ask Ask) (Table, error) {
		q, err := of(ask.Scope)
		if err != nil {
			return Table{}, err
		}
		from := aMonthBefore(ask.Day)
		q.Day, q.Past, q.From = ask.Day, ask.Past, &from
		m, err := q.Report(tx)
		t := Table{Value: m, Head: []string{"GROUP", "MEMBERS", "SHARE", "A MONTH BEFORE", "CAME", "LEFT", "ORDERS", "REVENUE", "AVERAGE ORDER"}}
		for _, g := range m.Groups {
			t.Rows = append(t.Rows, row(g.Name, g.Members, percent(g.Share), g.Before, g.Came, g.Left, g.Orders, ask.money(g.Revenue), ask.money(g.Average)))
		}
		return t, err
	}
}

// Report counts. The error may be a *segments.Unready.
func (m MovementOf) Report(tx *store.Tx) (Movement, error) {
	cells, err := m.cells(tx)
	if err != nil {
		return Movement{}, err
	}
	r := Movement{Field: m.Name, Day: m.Day.String(), Groups: m.groups(cells)}
	if m.From == nil {
		return r, nil
	}
	r.From = m.From.String()
	for _, c := range cells {
		if c.Was != c.Part {
			r.Moves = append(r.Moves, Moved{c.Was, c.Part, c.Members})
		}
	}
	place := func(part string) int { return slices.Index(m.Parts, part) }
	slices.SortFunc(r.Moves, func(a, b Moved) int {
		return cmp.Or(cmp.Compare(b.Members, a.Members), cmp.Compare(place(a.From), place(b.From)), cmp.Compare(place(a.To), place(b.To)))
	})
	return r, nil
}

// cell is the members who were in one part and are in another.
type cell struct {
	Was, Part                string
	Members, Orders, Revenue int64
}

// cells counts the members by where they were and where they are. Whoever nobody
// knew on the earlier day had no order then.
func (m MovementOf) cells(tx *store.Tx) (cells []cell, err error) {
	now, args, err := m.divided(tx, m.Day, m.Past, "n")
	if err != nil {
		return nil, err
	}
	was, join := "''", ""
	if m.From != nil {
		before, more, err := m.divided(tx, *m.From, true, "b")
		if err != nil {
			return nil, err
		}
		maps.Copy(args, more)
		was, join = "coalesce(b.part, '')", "left join ("+before+") b on b.member_id = n.member_id"
	}
	err = tx.All(&cells, `
		select `+was+` as was, coalesce(n.part, '') as part, count(*) as members,
		       cast(sum(n.orders) as bigint) as orders, cast(sum(n.spent) as bigint) as revenue
		from   (`+now+`) n `+join+`
		group  by 1, 2`, args)
	if err != nil {
		return nil, fmt.Errorf("who moved: %w", err)
	}
	for i := range cells {
		cells[i].Was, cells[i].Part = m.called(cells[i].Was), m.called(cells[i].Part)
	}
	return cells, nil
}

// called gives those of whom the field says nothing their name.
func (m MovementOf) called(part string) string {
	if part == "" {
		return m.None
	}
	return part
}

// divided is a SELECT of every member with the part that they are in at the end of
// a day. The names of its parameters begin with prefix.
func (m MovementOf) divided(tx *store.Tx, day loyalty.Day, past bool, prefix string) (query string, args store.Args, err error) {
	n, err := norms.For(tx, day, past, m.Field.Known())
	if err != nil {
		return "", nil, err
	}
	part, args := m.Field.SQL(segments.Query{Engine: tx.Engine(), Day: day, Past: past, Prefix: prefix, Norms: n})
	source := "facts"
	if past {
		source = "(" + ofDay.ReplaceAllString(segments.FactsSelect(tx.Engine(), ""), "@"+prefix+"_day") + ")"
		args[prefix+"_day"] = int64(day)
	}
	return "select f.member_id, f.orders, f.spent, " + part + " as part from " + source + " f", args, nil
}

// ofDay is the parameter of FactsSelect, which stands for one day of the two.
var ofDay = regexp.MustCompile(`@day\b`)

// groups adds the cells up by where members are.
func (m MovementOf) groups(cells []cell) []Group {
	groups, all := []Group{}, int64(0)
	for _, name := range append(slices.Clone(m.Parts), m.None) {
		g := Group{Name: name}
		for _, c := range cells {
			g.add(c, m.From != nil)
		}
		all += g.Members
		groups = append(groups, g)
	}
	for i := range groups {
		g := &groups[i]
		if all > 0 {
			g.Share = float64(g.Members) / float64(all)
		}
		if g.Orders > 0 {
			g.Average = (2*g.Revenue + g.Orders) / (2 * g.Orders)
		}
	}
	return groups
}

// add counts a cell whose members are in the group, or were.
func (g *Group) add(c cell, compared bool) {
	if c.Part == g.Name {
		g.Members, g.Orders, g.Revenue = g.Members+c.Members, g.Orders+c.Orders, g.Revenue+c.Revenue
	}
	if !compared {
		return
	}
	if c.Was == g.Name {
		g.Before += c.Members
	}
	switch {
	case c.Was == g.Name && c.Part == g.Name:
		g.Stayed += c.Members
	case c.Part == g.Name:
		g.Came += c.Members
	case c.Was == g.Name:
		g.Left += c.Members
	}
}
