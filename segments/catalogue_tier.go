package segments

import (
	"maps"
	"math"
	"slices"
	"time"

	"regulars/internal/loyalty"
)

// tierField is the tier that a member holds. Tiers have a rank: tier >= silver.
func tierField() *entry {
	return &entry{name: "tier", typ: Text, ranked: true, from: fromPoints,
		noun: "tier", also: []string{"level", "status", "vip_level", "tier_name"},
		in: lastOf{stays, "t.tier"}}
}

// stays are the rows of the tiers that members hold on a day; of each there is one.
var stays = rows{table: "member_tiers t", member: "t.member_id", where: "t.since_day <= $today and (t.left_day is null or t.left_day > $today)"}

// lastOf is a column of the one row that a member has, and nothing without one.
type lastOf struct {
	rows
	column string
}

func (r lastOf) is(b *builder, c *call, op string, vs []value) string {
	some := r.rows
	some.where += " and " + b.cmp(r.column, op, vs, false)
	return presence{rows: some}.is(b, c, "", nil)
}

func (r lastOf) scalar(b *builder, c *call) string {
	return "(select " + r.column + r.ofMember(b, c) + ")"
}

// tierEnds counts the days until the last day of a member's tier: that through which it is
// kept, and the grace of the tier after it, if no person said the day.
type tierEnds struct{}

func (tierEnds) days(b *builder, c *call) days {
	day := "t.last_day"
	if len(c.graces) > 0 {
		day = "(case when t.exact then t.last_day"
		for _, tier := range slices.Sorted(maps.Keys(c.graces)) {
			day += " when t.tier = " + b.bind(tier) + " then " + b.after("t.last_day", c.graces[tier])
		}
		day += " else t.last_day end)"
	}
	return days{rows: stays, day: "max(" + day + ")", ahead: true}
}

func (r tierEnds) is(b *builder, c *call, op string, vs []value) string {
	return r.days(b, c).is(b, c, op, vs)
}

func (r tierEnds) scalar(b *builder, c *call) string { return r.days(b, c).scalar(b, c) }

// after is the day a length of time after a day, as Period.After has it: of a month that
// is too short the last day.
func (b *builder) after(day string, p loyalty.Period) string {
	if p.Months == 0 {
		return "(" + day + " + " + b.bind(int64(p.Days)) + ")"
	}
	months := b.bind(int64(p.Months))
	return b.either("(cast(date '1970-01-01' + cast("+day+" as integer) + make_interval(months => cast("+months+" as integer)) as date) - date '1970-01-01')",
		"cast(round(julianday(date("+day+" * 86400, 'unixepoch', "+months+" || ' months', 'floor')) - 2440587.5) as integer)")
}

// earnFields are read by the conditions on how points are earned: they are known of
// the order or event, and the tier is the one that was held before it.
func earnFields() []*entry {
	return []*entry{
		{name: "tier", typ: Text, ranked: true, given: true, noun: "tier",
			in: given(func(q *Query, _ *call) value { return text(q.Tier) })},
		{name: "weekday", typ: Text, given: true, noun: "day of the week", check: checkWeekday,
			in: given(func(q *Query, _ *call) value { return text(q.Moment.Weekday().String()) })},
		{name: "date", typ: Date, given: true, noun: "day of the order or event",
			in: given(func(q *Query, _ *call) value { return value{typ: Date, text: q.Day.String()} })},
		{name: "hour", typ: Number, given: true, noun: "hour of the day, from 0 to 23",
			in: given(func(q *Query, _ *call) value { return number(int64(q.Moment.Hour())) })},
	}
}

func checkWeekday(s string) string {
	var names []string
	for n := range 7 { // from Monday
		names = append(names, ((time.Monday + time.Weekday(n)) % 7).String())
	}
	near := loyalty.Nearest(s, names)
	if day, err := loyalty.ParseWeekday(s); err == nil {
		near = day.String()
	}
	switch {
	case slices.Contains(names, s):
		return ""
	case near != "":
		return `"` + s + `" is no day of the week; did you mean "` + near + `"?`
	}
	return `"` + s + `" is no day of the week, like "Monday"`
}

// ranks checks a comparison of a tier: it is one of those that the comparison means.
// Who holds none is below all of them.
func (c *checker) ranks(s *syntax, call *call, op string, right *syntax) node {
	at := right.word
	if right.form != formText && (right.form != formName || right.called) {
		panic(fail(right.pos, "%s is the name of one: %s >= %s", call.name, call.name, c.someTier()))
	}
	if isNothing(at) || right.form == formName && among(at, "plain nobody") {
		panic(fail(right.pos, "whether a member holds a tier is asked with known(%s), or not known(%[1]s)", call.name))
	}
	rank := c.tier(right)
	all := c.scope.Tiers
	if all == nil { // they cannot be told
		all, rank = []string{at}, 0
	}
	var with []string
	not := op == "!=" || op == "<" || op == "<="
	switch op {
	case "==", "!=":
		with = all[rank : rank+1]
	case ">=", "<":
		with = all[rank:]
	case ">", "<=":
		with = all[rank+1:]
	}
	var n node = always(false)
	if len(with) > 0 {
		n = tierIn(call, with, right.pos)
	}
	if not {
		return negation{n}
	}
	return n
}

func tierIn(call *call, names []string, pos int) node {
	op := "in"
	if len(names) == 1 {
		op = "=="
	}
	with := make([]operand, len(names))
	for i, name := range names {
		with[i] = operand{lit: text(name), pos: pos}
	}
	return compare{call, op, with}
}

// tier is the rank of the tier that a word or a text names.
func (c *checker) tier(s *syntax) int {
	rank := slices.Index(c.scope.Tiers, s.word)
	switch {
	case rank >= 0 || c.scope.Tiers == nil:
	case len(c.scope.Tiers) == 0:
		panic(fail(s.pos, "the program has no tiers: they are written in loyalty.yaml"))
	default:
		panic(unknown(s.pos, "tier", s.word, c.scope.Tiers))
	}
	return rank
}

func (c *checker) someTier() string {
	if len(c.scope.Tiers) > 0 {
		return c.scope.Tiers[0]
	}
	return "silver"
}

// earned finds what a name means in a condition on how points are earned.
func (c *checker) earned(s *syntax, e *entry) (*entry, *Error) {
	if own := find(earnFields(), s.word); own != nil {
		return own, nil
	}
	if e != nil && !e.given {
		return nil, fail(s.pos, "%s is about the member, and how points are earned goes by the order or event: tier, weekday, hour, order.… or event.…", s.word)
	}
	return e, nil
}

// Goal is a figure of a member that a rule asks to rise to a number.
type Goal struct {
	Measure
	Name  string // of the field, as spent
	At    int64  // money in minor units
	Money bool
}

// SpentIn returns from which day to which one what was spent has to rise; is: the goal asks
// for that, and not for another figure.
func (g Goal) SpentIn(today loyalty.Day) (first, last loyalty.Day, is bool) {
	if g.Name != "spent" || g.call.window == nil {
		return 0, 0, false
	}
	first, last = g.Span(today)
	return first, last, true
}

// Whole reports whether the goal counts all that a member ordered or earned, in its time span
// or ever.
func (g Goal) Whole() bool {
	return g.call.filter == nil && slices.Contains([]string{"spent", "orders", "quantity", "points_earned"}, g.Name)
}

// Span is the first and the last day that count as of the end of a day.
func (g Goal) Span(day loyalty.Day) (first, last loyalty.Day) {
	if g.call.window == nil {
		return math.MinInt32, day
	}
	return g.call.window.past(day)
}

// Goals are the figures that must have risen for the rule to hold: those that it joins
// with and. None: what a member lacks cannot be told.
func (r *Rule) Goals() []Goal {
	goals, _ := goalsOf(r.root)
	return goals
}

// OnlyGoals reports whether the rule holds once its goals are reached: it asks for nothing
// beside them.
func (r *Rule) OnlyGoals() bool {
	_, whole := goalsOf(r.root)
	return whole
}

func goalsOf(n node) (goals []Goal, whole bool) {
	switch n := n.(type) {
	case allOf:
		whole = true
		for _, part := range n {
			some, all := goalsOf(part)
			goals, whole = append(goals, some...), whole && all
		}
		return goals, whole
	case inSegment:
		return goalsOf(n.rule.root)
	case compare:
		v := n.with[0]
		if rises := n.op == ">=" || n.op == ">"; !rises || v.call != nil || n.call.fixed() || n.call.typ != Number && n.call.typ != Money || n.call.unit == "day" || n.call.norm.part != 0 {
			return nil, false
		}
		at := int64(math.Ceil(v.lit.num))
		if n.op == ">" {
			at = int64(math.Floor(v.lit.num)) + 1
		}
		return []Goal{{Measure{n.call.asWritten(), n.wants(), n.call}, n.call.name, at, n.call.typ == Money}}, true
	}
	return nil, false
}
