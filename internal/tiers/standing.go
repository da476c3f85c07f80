package tiers

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"regulars/internal/loyalty"
	"regulars/internal/rules"
	"regulars/internal/store"
	"regulars/segments"
)

// standing is a member's present stay, and the highest tier whose rule holds.
type standing struct {
	Member   int64
	ID       int64  // of the stay; 0: none
	Tier     string // its name
	SinceDay int64
	LastDay  *int64
	Exact    bool // … which a person said
	OrderID  int64
	Holds    int

	has map[string]int64 // of figures that rules ask to rise, by their fields; nil: they were not read
}

// stay is the standing as loyalty reckons with it.
func (t *Tiers) stay(s standing) loyalty.Stay {
	if s.ID == 0 {
		return loyalty.Stay{}
	}
	stay := loyalty.Stay{Tier: t.place(s.Tier), Since: loyalty.Day(s.SinceDay)}
	if s.LastDay != nil {
		stay.Last, stay.Exact = loyalty.Day(*s.LastDay), s.Exact
	}
	return stay
}

// ask is a statement of rules as of the end of a day.
type ask struct {
	*rules.Question
	facts string // what comes after "from" for rows f of facts
	some  bool   // it is about some members
	with  string // what comes before the statement
}

// ask begins a statement about some members, or about everybody: nil.
func (t *Tiers) ask(tx *store.Tx, day loyalty.Day, members []int64) *ask {
	a := &ask{Question: rules.Ask(tx, day, store.Args{"day": int64(day)})}
	a.Past, a.some = day < t.today(tx), members != nil
	a.As.Past = a.Past
	in := ""
	if members != nil {
		in = a.Among(members)
	}
	switch {
	case a.Past:
		a.with = "with past as materialized (" + segments.FactsSelect(tx.Engine(), in) + ") "
		a.facts = "past f"
	case members != nil:
		a.facts = rules.FactsOf(tx, in)
	default:
		a.facts = "facts f"
	}
	return a
}

// and is what comes before the statement, and one more named SELECT.
func (a *ask) and(named string) string {
	if a.with == "" {
		return "with " + named + " "
	}
	return strings.TrimSpace(a.with) + ", " + named + " "
}

// holding is a SELECT of members and the highest tier whose rule holds for them. About
// everybody each rule stands in a where of its own, as Postgres wants it; some members
// are looked up once.
func (t *Tiers) holding(a *ask) string {
	if a.some {
		var place strings.Builder
		for i := len(t.list) - 1; i >= 0; i-- {
			fmt.Fprintf(&place, " when %s then %d", a.Holds(t.list[i].When), i+1)
		}
		return "select f.member_id, case" + place.String() + " else 0 end as holds from " + a.facts
	}
	parts := make([]string, len(t.list))
	for i, tier := range t.list {
		parts[i] = fmt.Sprintf("select f.member_id, %d as place from %s where %s", i+1, a.facts, a.Holds(tier.When))
	}
	return "select h.member_id, max(h.place) as holds from (" + strings.Join(parts, "\nunion all ") + ") h group by h.member_id"
}

// standings returns where some members stand, as of the end of a day.
func (t *Tiers) standings(tx *store.Tx, day loyalty.Day, members []int64) (all []standing, err error) {
	if len(members) == 0 {
		return nil, nil
	}
	a := t.ask(tx, day, members)
	// Materialized, whatever the planner guesses of tables that were never analysed: who
	// holds what is asked once, not once for each member.
	err = a.All(&all, a.and("h as materialized ("+t.holding(a)+")")+`
		select m.id as member, coalesce(s.id, 0) as id, coalesce(s.tier, '') as tier, coalesce(s.since_day, 0) as since_day, s.last_day,
		       coalesce(s.exact, false) as exact, coalesce(s.order_id, 0) as order_id, coalesce(h.holds, 0) as holds
		from   members m
		left   join member_tiers s on s.member_id = m.id and s.left_day is null
		left   join h on h.member_id = m.id
		where  m.id in `+a.As.Members+` and `+rules.Present+`
		order  by m.id`)
	if err != nil {
		return nil, fmt.Errorf("the tiers of %d members: %w", len(members), err)
	}
	return all, nil
}

// whole are the figures that are whole numbers by whatever they are narrowed: who has so
// much of one has reached what a rule asks for.
var whole = map[string]bool{"spent": true, "orders": true, "quantity": true, "points_earned": true}

// counted are the figures that the rules of all tiers ask to rise, each once: from them it
// can be told who holds what. nil: some rule asks for more.
func (t *Tiers) counted() (goals []segments.Goal) {
	seen := map[string]bool{}
	for _, tier := range t.list {
		if !tier.When.OnlyGoals() {
			return nil
		}
		for _, g := range tier.When.Goals() {
			if !whole[g.Name] {
				return nil
			}
			if !seen[g.Field] {
				seen[g.Field] = true
				goals = append(goals, g)
			}
		}
	}
	return goals
}

// reached is standings as of today. Where that can be told from figures, each is read
// once, for however many tiers.
func (t *Tiers) reached(tx *store.Tx, today loyalty.Day, members []int64) (all []standing, err error) {
	goals := t.counted()
	if goals == nil {
		return t.standings(tx, today, members)
	}
	a := t.ask(tx, today, members)
	var columns strings.Builder
	for i, g := range goals {
		a.As.Prefix = fmt.Sprintf("g%d_", i)
		expr, args := g.SQL(a.As)
		maps.Copy(a.Args, args)
		columns.WriteString(", coalesce(cast(" + expr + " as bigint), 0)")
	}
	stays := "left join member_tiers s on s.member_id = m.id and s.left_day is null"
	if tx.Postgres() { // by its index, whatever is believed of the table's size
		stays = "left join lateral (select * from member_tiers where member_id = m.id and left_day is null offset 0) s on true"
	}
	var s standing
	has := make([]int64, len(goals))
	into := []any{&s.Member, &s.ID, &s.Tier, &s.SinceDay, &s.LastDay, &s.Exact, &s.OrderID}
	for i := range has {
		into = append(into, &has[i])
	}
	err = tx.Each(`
		select m.id, coalesce(s.id, 0), coalesce(s.tier, ''), coalesce(s.since_day, 0), s.last_day, coalesce(s.exact, false), coalesce(s.order_id, 0)`+columns.String()+`
		from   `+a.facts+`
		`+stays+`
		where  `+rules.Present, a.Args, func(scan func(...any) error) error {
		s.LastDay = nil
		if err := scan(into...); err != nil {
			return err
		}
		s.has = make(map[string]int64, len(goals))
		for i, g := range goals {
			s.has[g.Field] = has[i]
		}
		s.Holds = t.held(s.has)
		all = append(all, s)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("the tiers of %d members: %w", len(members), err)
	}
	slices.SortFunc(all, func(x, y standing) int { return cmp.Compare(x.Member, y.Member) })
	return all, nil
}

// held is the highest tier whose rule holds for who has so much of figures.
func (t *Tiers) held(has map[string]int64) int {
	for i := len(t.list) - 1; i >= 0; i-- {
		if !slices.ContainsFunc(t.list[i].When.Goals(), func(g segments.Goal) bool { return has[g.Field] < g.At }) {
			return i + 1
		}
	}
	return 0
}

// climbers returns the next members who hold a higher tier than theirs as of the end of a
// day, and of whom no later day was decided about already. They are looked for among
// some, or, with nil, among all.
func (t *Tiers) climbers(tx *store.Tx, day loyalty.Day, after int64, only []int64, most int) (members []int64, err error) {
	a := t.ask(tx, day, only)
	a.Args["after"], a.Args["most"] = after, most
	if err = a.All(&members, a.with+t.aboveTheirs(a)+" and h.member_id > @after order by h.member_id limit @most"); err != nil {
		return nil, fmt.Errorf("who has reached a tier: %w", err)
	}
	return members, nil
}

// climbing makes a table of all of those.
func (t *Tiers) climbing(tx *store.Tx, day loyalty.Day) error {
	if err := tx.Temp("climbing", "member_id bigint primary key"); err != nil {
		return err
	}
	a := t.ask(tx, day, nil)
	if _, err := a.Exec("insert into climbing (member_id) " + t.aboveTheirs(a)); err != nil {
		return fmt.Errorf("who has reached a tier: %w", err)
	}
	return nil
}

// aboveTheirs is a SELECT of the members who hold a tier above the one that they are in.
func (t *Tiers) aboveTheirs(a *ask) string {
	return `
		select h.member_id
		from   (` + t.holding(a) + `) h
		left   join member_tiers s on s.member_id = h.member_id and s.left_day is null
		where  h.holds > ` + t.placeSQL(a.Args, "s.tier") + `
		and    not exists (select 1 from members m where m.id = h.member_id and not (` + rules.Present + `))
		and    not ` + ahead
}

// ahead is the condition that something was decided about a member h for a day that
// comes after @day.
const ahead = "exists (select 1 from member_tiers x where x.member_id = h.member_id and (x.since_day > @day or x.left_day > @day))"

// placeSQL is place of a column.
func (t *Tiers) placeSQL(args store.Args, column string) string {
	var text strings.Builder
	for i, tier := range t.list {
		name := fmt.Sprint("tier", i+1)
		args[name] = tier.Name
		fmt.Fprintf(&text, " when @%s then %d", name, i+1)
	}
	return "(case " + column + text.String() + " else 0 end)"
}

// becauseOf is because where all that the rule compares was read already.
func (t *Tiers) becauseOf(place int, has map[string]int64) (said string, known bool) {
	tier := t.list[place-1]
	var words []string
	for _, part := range tier.When.Parts() {
		for _, m := range part.Measures() {
			n, there := has[m.Field]
			if !there {
				return "", false
			}
			words = append(words, m.Words(n))
		}
	}
	return tier.When.Text() + ": " + strings.Join(words, ", "), words != nil
}

// because says for members why the rule of a tier holds for them, or does not, as of the
// end of a day: the rule, and what they have of what it compares.
func (t *Tiers) because(tx *store.Tx, day loyalty.Day, place int, members []int64) (map[int64]string, error) {
	tier := t.list[place-1]
	a := t.ask(tx, day, members)
	columns := []string{"f.member_id"}
	var measures []segments.Measure
	for _, part := range tier.When.Parts() {
		for _, m := range part.Measures() {
			a.As.Prefix = fmt.Sprintf("w%d_", len(measures))
			expr, args := m.SQL(a.As)
			for name, value := range args {
				a.Args[name] = value
			}
			columns, measures = append(columns, expr), append(measures, m)
		}
	}
	rows, err := tx.Query(a.with+"select "+strings.Join(columns, ", ")+" from "+a.facts, a.Args)
	if err != nil {
		return nil, fmt.Errorf("why members have the tier %s: %w", tier.Name, err)
	}
	defer rows.Close()
	said := map[int64]string{}
	for rows.Next() {
		var member int64
		values := make([]any, len(measures))
		into := []any{&member}
		for i := range values {
			into = append(into, &values[i])
		}
		if err := rows.Scan(into...); err != nil {
			return nil, err
		}
		var has []string
		for i, m := range measures {
			has = append(has, m.Words(values[i]))
		}
		said[member] = tier.When.Text()
		if has != nil {
			said[member] += ": " + strings.Join(has, ", ")
		}
	}
	return said, rows.Err()
}
