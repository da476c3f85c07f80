package segments

// column is a figure that stands in the row of facts.
type column struct {
	expr   string
	guard  string // the condition that there is something; "": always
	double bool   // not an integer
}

func (r column) is(b *builder, _ *call, op string, vs []value) string {
	switch {
	case op == "":
		return r.expr
	case r.guard == "":
		return b.cmp(r.expr, op, vs, r.double)
	}
	return "(" + r.guard + " and " + b.cmp(r.expr, op, vs, r.double) + ")"
}

func (r column) scalar(*builder, *call) string {
	if r.guard == "" {
		return r.expr
	}
	return "(case when " + r.guard + " then " + r.expr + " end)"
}

// formula is computed from the row of facts.
type formula struct {
	expr   func(b *builder, c *call) string // "": with these norms nobody has it
	guard  string                           // the condition that there is something; "": where expr is not null
	typ    string                           // of nothing, in SQL
	double bool
}

func (r formula) is(b *builder, c *call, op string, vs []value) string {
	switch expr := r.expr(b, c); {
	case expr == "":
		return "false"
	case r.guard == "":
		return "coalesce(" + b.cmp(expr, op, vs, r.double) + ", false)"
	default:
		return "(" + r.guard + " and " + b.cmp(expr, op, vs, r.double) + ")"
	}
}

func (r formula) scalar(b *builder, c *call) string {
	switch expr := r.expr(b, c); {
	case expr == "":
		return "cast(null as " + r.typ + ")"
	case r.guard == "":
		return expr
	default:
		return "(case when " + r.guard + " then " + expr + " end)"
	}
}

// figure is an aggregate over a member's rows. Over the whole life it may stand
// in the row of facts; over a time span it is computed from the rows.
type figure struct {
	column
	rows
	sum    string // the aggregate; $what in it is the text in brackets
	double bool   // it is not an integer
	sparse bool   // of no rows it is nothing; otherwise it is 0
}

func (r figure) stored(c *call) bool { return c.window == nil && r.column.expr != "" }

// is counts once for everybody and keeps the members for whom it holds. If it
// holds for those without any row, it keeps the others and takes the opposite.
func (r figure) is(b *builder, c *call, op string, vs []value) string {
	switch {
	case r.stored(c):
		return r.column.is(b, c, op, vs)
	case b.q.Members != "":
		return "coalesce(" + b.cmp(r.scalar(b, c), op, vs, r.double) + ", false)"
	}
	empty := number(0)
	if r.sparse {
		empty = value{}
	}
	holds := empty.amongst(op, vs)
	counted := "select " + r.member + " from " + r.table + " where " + r.conditions(b, c) +
		" group by " + r.member + " having " + unless(holds, b.cmp(r.rows.fill(b, c, r.sum), op, vs, r.double))
	if b.postgres() {
		return unless(holds, "exists (select 1 from ("+counted+") w where w.member_id = f.member_id)")
	}
	return unless(holds, "f.member_id in ("+counted+")")
}

func (r figure) scalar(b *builder, c *call) string {
	if r.stored(c) {
		return r.column.scalar(b, c)
	}
	return "(select " + r.rows.fill(b, c, r.sum) + r.ofMember(b, c) + ")"
}

// asOf is read in one way on the present day, and in another on one that is over.
type asOf struct{ now, past figure }

func (r asOf) on(b *builder) figure {
	if b.q.Past {
		return r.past
	}
	return r.now
}

func (r asOf) is(b *builder, c *call, op string, vs []value) string {
	return r.on(b).is(b, c, op, vs)
}

func (r asOf) scalar(b *builder, c *call) string { return r.on(b).scalar(b, c) }

// days counts calendar days since a day, or with ahead until one. The day stands
// in the row of facts, or is the first or last of a member's rows. Compared with a
// number the sum is done here, so that an index on the day serves.
type days struct {
	column string // of facts; "": none
	rows
	day   string // the aggregate over the rows: max(o.day)
	ahead bool
}

func (r days) is(b *builder, c *call, op string, vs []value) string {
	sign := 1.0
	if !r.ahead {
		sign, op = -1, mirror(op)
	}
	on := make([]value, len(vs))
	for i, v := range vs {
		if !v.nothing() {
			on[i] = value{typ: Number, num: float64(b.q.Day) + sign*v.num}
		}
	}
	if r.column != "" && c.window == nil {
		return "(" + r.column + " is not null and " + b.cmp(r.column, op, on, false) + ")"
	}
	return r.figure().is(b, c, op, on)
}

// figure is the day as a figure of the rows.
func (r days) figure() figure { return figure{rows: r.rows, sum: r.day, sparse: true} }

func (r days) scalar(b *builder, c *call) string {
	day := r.column
	if day == "" || c.window != nil {
		day = r.figure().scalar(b, c)
	}
	if r.ahead {
		return "(" + day + " - " + b.today() + ")"
	}
	return "(" + b.today() + " - " + day + ")"
}

// favourite is the text of a line's column on which a member spent most, the
// categories aside that the program leaves out; the first by name of equal sums.
type favourite struct{ column string }

// is looks for the favourite only of members who bought such a thing at all.
func (r favourite) is(b *builder, c *call, op string, vs []value) string {
	best := "coalesce(" + b.cmp(r.scalar(b, c), op, vs, false) + ", false)"
	if op == "!=" {
		return best
	}
	some := lines
	some.where += " and " + b.cmp(r.column, op, vs, false)
	return "(" + presence{rows: some}.is(b, c, "", nil) + " and " + best + ")"
}

func (r favourite) scalar(b *builder, c *call) string {
	from := lines.ofMember(b, c) + " and " + r.column + " <> ''"
	if len(c.except) > 0 {
		from += " and not " + b.cmp("l.category", "in", texts(c.except), false)
	}
	return "(select " + r.column + from + " group by " + r.column + " order by sum(l.total) desc, " + b.bytes(r.column) + " limit 1)"
}

func texts(list []string) []value {
	vs := make([]value, len(list))
	for i, s := range list {
		vs[i] = text(s)
	}
	return vs
}

// condition is a field that is yes or no, asked in a way of its own.
type condition func(b *builder, c *call) string

func (f condition) is(b *builder, c *call, _ string, _ []value) string { return f(b, c) }
func (condition) scalar(*builder, *call) string                        { return "" }

// tagList is the list of a member's tags.
type tagList struct{}

func (tagList) is(b *builder, _ *call, _ string, vs []value) string {
	return presence{rows: tags}.is(b, &call{entry: &entry{}, what: operand{lit: vs[0]}}, "", nil)
}

func (tagList) scalar(*builder, *call) string {
	return "select min(t.tag) from member_tags t where t.member_id = f.member_id"
}

// ofPerson is a column of the row of members.
type ofPerson struct{ column string }

func (r ofPerson) is(b *builder, _ *call, op string, vs []value) string {
	return ofMembers(b.cmp(r.column, op, vs, false))
}

func (r ofPerson) scalar(*builder, *call) string {
	return "(select " + r.column + " from members m where m.id = f.member_id)"
}
