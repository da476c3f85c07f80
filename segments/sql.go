package segments

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"regulars/internal/loyalty"
)

// Query says how a rule is to be asked in SQL.
type Query struct {
	Engine string      // "postgres" or "sqlite"
	Day    loyalty.Day // as of the end of this day; facts f must be of that day too
	Past   bool        // the day is over: what moves on while days pass is told as it was
	Prefix string      // of the parameters' names, so that several rules fit into one statement; "": r

	// Members, if not "", is the right side of "in" for the few member ids that
	// the statement asks about: "@members". Windows are then counted for each of
	// them through the index, instead of once for everybody.
	Members string

	// Norms are those of Day. A rule that is not Ready with them must not be asked.
	Norms *Norms

	Occurrence int64          // whose codes unused means; 0: none
	Launch     map[string]any // what launch.… reads, as JSON gives it; money in major units
	Order      *Order         // what order.… reads
	Event      map[string]any // what event.… reads, as JSON gives it

	Tier   string    // what tier reads of a condition on how points are earned
	Moment time.Time // what weekday and hour read there, in the shop's zone
}

// Order is an order as rules see it. Amounts are in minor units.
type Order struct {
	Day      loyalty.Day
	Counts   bool // paid
	Total    int64
	Refunded int64
	Discount int64
	Quantity int64
	Shop     string
	Lines    []loyalty.Line
}

// SQL returns a condition over the alias f, a row of facts or of FactsSelect, and
// the values of its parameters. The condition is true or false, never null, so
// "not (" + where + ")" is its opposite. It is written so that the planner can
// use it: a rule over figures touches facts alone, one over what was bought
// joins the lines once, and a time span is counted in one pass.
func (r *Rule) SQL(q Query) (where string, args map[string]any) {
	b := newBuilder(q)
	return r.root.sql(b, false), b.args
}

func newBuilder(q Query) *builder {
	if q.Prefix == "" {
		q.Prefix = "r"
	}
	return &builder{q: &q, args: map[string]any{}}
}

// builder collects the parameters of a condition.
type builder struct {
	q    *Query
	args map[string]any
}

func (b *builder) postgres() bool { return b.q.Engine == "postgres" }

// bind adds a parameter and returns it as SQL.
func (b *builder) bind(v any) string {
	name := b.q.Prefix + strconv.Itoa(len(b.args)+1)
	b.args[name] = v
	return "@" + name
}

func (b *builder) today() string { return b.bind(int64(b.q.Day)) }

// param binds a value to compare with; double if the other side is no integer.
func (b *builder) param(v value, double bool) string {
	switch {
	case v.typ == Text || v.typ == Date:
		return b.bind(v.text)
	case double || v.num != math.Trunc(v.num):
		return "cast(" + b.bind(v.num) + " as double precision)"
	}
	return b.bind(int64(v.num))
}

// cmp returns "expr op values"; values that are nothing equal nothing.
func (b *builder) cmp(expr, op string, vs []value, double bool) string {
	var params []string
	for _, v := range vs {
		if !v.nothing() {
			params = append(params, b.param(v, double))
		}
	}
	switch {
	case len(params) == 0:
		return "false"
	case op == "in":
		return expr + " in (" + strings.Join(params, ", ") + ")"
	}
	return expr + " " + sqlOp(op) + " " + params[0]
}

// sqlOps are the operators that SQL writes otherwise; mirrored are those for swapped sides.
var (
	sqlOps   = map[string]string{"==": "=", "!=": "<>"}
	mirrored = map[string]string{"<": ">", "<=": ">=", ">": "<", ">=": "<="}
)

func sqlOp(op string) string  { return cmp.Or(sqlOps[op], op) }
func mirror(op string) string { return cmp.Or(mirrored[op], op) }

// either is what the engine calls it.
func (b *builder) either(postgres, sqlite string) string {
	if b.postgres() {
		return postgres
	}
	return sqlite
}

// bytes makes an expression compare byte by byte, as Go does and SQLite anyway.
func (b *builder) bytes(expr string) string { return expr + b.either(` collate "C"`, "") }

func unless(not bool, condition string) string {
	if !not {
		return condition
	}
	return "not (" + condition + ")"
}

// Not is pushed down to the single conditions, because a "not exists" that
// stands by itself becomes an anti-join on Postgres, and one inside does not.

func (n allOf) sql(b *builder, not bool) string { return join(b, n, not, not) }
func (n anyOf) sql(b *builder, not bool) string { return join(b, n, !not, not) }

// join writes conditions of which one, or all, are to hold.
func join(b *builder, nodes []node, one, not bool) string {
	parts := make([]string, len(nodes))
	for i, n := range nodes {
		parts[i] = n.sql(b, not)
	}
	return "(" + strings.Join(parts, map[bool]string{true: " or ", false: " and "}[one]) + ")"
}

func (n negation) sql(b *builder, not bool) string  { return n.of.sql(b, !not) }
func (n inSegment) sql(b *builder, not bool) string { return n.rule.root.sql(b, not) }
func (n always) sql(_ *builder, not bool) string    { return strconv.FormatBool(bool(n) != not) }

func (n isTrue) sql(b *builder, not bool) string {
	if n.call.fixed() {
		return b.known(n, not)
	}
	return unless(not, n.call.in.is(b, n.call, "", nil))
}

func (n hasValue) sql(b *builder, not bool) string {
	if n.of.fixed() {
		return b.known(n, not)
	}
	return unless(not, "("+n.of.in.scalar(b, n.of)+") is not null")
}

func (n contains) sql(b *builder, not bool) string {
	if n.call.fixed() {
		return b.known(n, not)
	}
	parts := make([]string, len(n.what))
	for i, v := range values(n.what, b.q.look) {
		parts[i] = n.call.in.is(b, n.call, "has", []value{v})
	}
	return unless(not, "("+strings.Join(parts, " or ")+")")
}

func (n compare) sql(b *builder, not bool) string {
	right := true // side is known before the statement runs
	for _, o := range n.with {
		right = right && o.fixed()
	}
	switch left := n.call.fixed(); {
	case left && right:
		return b.known(n, not)
	case right:
		return unless(not, n.call.in.is(b, n.call, n.op, values(n.with, b.q.look)))
	case left:
		other, v := n.with[0].call, b.q.look(n.call)
		return unless(not, other.in.is(b, other, mirror(n.op), []value{v}))
	}
	other, field := n.with[0].call, n.call.in.scalar(b, n.call)
	if n.call.typ == Date {
		field = b.bytes(field)
	}
	return unless(not, "coalesce("+field+" "+sqlOp(n.op)+" "+other.in.scalar(b, other)+", false)")
}

// known is a condition on what is known before the statement runs: it is answered here.
func (b *builder) known(n interface{ holds(look) bool }, not bool) string {
	return strconv.FormatBool(n.holds(b.q.look) != not)
}

func (n isTrue) holds(at look) bool { return at(n.call).yes }

func (n hasValue) holds(at look) bool {
	v := at(n.of)
	return !v.nothing() && (v.typ != List || len(v.list) > 0)
}

func (n compare) holds(at look) bool { return at(n.call).amongst(n.op, values(n.with, at)) }

func (n contains) holds(at look) bool {
	return slices.ContainsFunc(at(n.call).list, func(item string) bool { return text(item).amongst("in", values(n.what, at)) })
}

func values(operands []operand, at look) []value {
	vs := make([]value, len(operands))
	for i, o := range operands {
		vs[i] = o.value(at)
	}
	return vs
}
