package segments

import (
	"fmt"
	"slices"
	"strconv"

	"regulars/internal/forecast"
	"regulars/internal/loyalty"
)

// Forecast is the model of who orders again, fitted to the orders of all members.
type Forecast struct {
	Members int64            `json:"members"`       // who have ordered
	Repeat  int64            `json:"repeat"`        // who have on two days or more
	Days    int64            `json:"days"`          // since the first order of all
	Fit     *forecast.Fitted `json:"fit,omitempty"` // nil: Why
	Why     string           `json:"why,omitempty"` // there is none, in a marketer's words
}

// foreseen is lacking of what the model says.
func foreseen(n *Norms) string {
	switch why := computed(n); {
	case why != "":
		return why
	case n.Forecast.Fit == nil && n.Forecast.Why != "":
		return n.Forecast.Why
	case n.Forecast.Fit == nil:
		return "the model of the program's orders is not fitted yet; it is every night and after an import"
	}
	return ""
}

// forecastFields say what a member's orders so far let one expect.
func forecastFields() []*entry {
	return []*entry{
		{name: "alive", typ: Number, from: fromOrders, norm: ofForecast, checkTo: checkShare,
			noun: "probability of still being a customer",
			also: []string{"p_alive", "churn", "churn_risk", "probability_alive", "active"},
			in:   chance{forecasted((*builder).alive)}},
		{name: "expected_orders", typ: Number, window: true, spanned: true, ahead: true, from: fromOrders, norm: ofForecast,
			noun: "number of orders to expect", says: "who can be expected to place {n}", unit: "order",
			also: []string{"predicted_orders", "future_orders", "expected_purchases", "forecast"},
			in:   expectation{forecasted((*builder).expected)}},
	}
}

func checkShare(c *call, n float64) string {
	if n >= 0 && n <= 1 {
		return ""
	}
	return fmt.Sprintf("%s lies between 0 and 1: 30 %% is written 0.3, as in %s", c.name, c.example())
}

// Horizons are the spans, in days from a day on, that the rule asks the forecast
// about.
func (r *Rule) Horizons(day loyalty.Day) []int64 {
	var all []int64
	for _, u := range r.uses {
		if u.foretold() {
			all = append(all, u.window.days(day))
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// forecasted is a figure of members with orders that the model tells.
func forecasted(expr func(b *builder, c *call, m *forecast.Model) string) formula {
	return formula{guard: "f.order_days > 0", typ: "double precision", double: true, expr: func(b *builder, c *call) string {
		if b.q.Norms == nil || b.q.Norms.Forecast.Fit == nil {
			return "" // such a rule is not Ready
		}
		return expr(b, c, &b.q.Norms.Forecast.Fit.Model)
	}}
}

// chance is the probability that a member is still a customer.
type chance struct{ formula }

// expectation is how many orders a member can be expected to place.
type expectation struct{ formula }

// is looks an expectation up only where the most that it can be leaves it open.
func (r expectation) is(b *builder, c *call, op string, vs []value) string {
	most := forecasted((*builder).mostExpected).is(b, c, op, vs)
	switch op {
	case ">", ">=":
		return "(" + most + " and " + r.formula.is(b, c, op, vs) + ")"
	case "<", "<=":
		return "(" + most + " or " + r.formula.is(b, c, op, vs) + ")"
	}
	return r.formula.is(b, c, op, vs)
}

// The same arithmetic as in room forecast, in SQL. Exponents are held within what
// a double holds, because Postgres refuses to run over or under.
const (
	repeatsSQL = "cast(f.order_days - 1 as double precision)"
	recencySQL = "(cast(f.last_day - f.first_day as double precision) / 7)"
	mostSQL    = "700"
)

func (b *builder) double(v float64) string { return "cast(" + b.bind(v) + " as double precision)" }

// atMost and atLeast are the smaller and the larger of two numbers.
func (b *builder) atMost(x, y string) string {
	return b.either("least", "min") + "(" + x + ", " + y + ")"
}
func (b *builder) atLeast(x, y string) string {
	return b.either("greatest", "max") + "(" + x + ", " + y + ")"
}

// alive is forecast.Model.Alive of a member who has ordered.
func (b *builder) alive(_ *call, m *forecast.Model) string {
	alpha, age := b.double(m.Alpha), b.age()
	odds := "(" + b.double(m.R) + " + " + repeatsSQL + ") * ln((" + alpha + " + " + age + ") / (" + alpha + " + " + recencySQL + "))" +
		" + ln(" + b.double(m.A) + " / (" + b.double(m.B) + " + " + repeatsSQL + " - 1))"
	return "(case when f.order_days = 1 then cast(1 as double precision) else 1 / (1 + exp(" + b.atMost(odds, mostSQL) + ")) end)"
}

// age is the time since the first order, in weeks.
func (b *builder) age() string {
	return "(cast(" + b.today() + " - f.first_day as double precision) / 7)"
}

// expected is forecast.Model.Expected of a member who has ordered: what norms has
// computed for everybody with such a history, and where it has not, the sum
// itself, which takes longer and comes to the same.
func (b *builder) expected(c *call, m *forecast.Model) string {
	days := c.window.days(b.q.Day)
	kept := "(select e.orders from expectations e where e.model = " + b.bind(m.Mark()) + " and e.days = " + b.bind(days) +
		" and e.repeats = f.order_days - 1 and e.age = " + b.today() + " - f.first_day)"
	return "(" + b.alive(c, m) + " * coalesce(" + kept + ", " + b.outlook(m, days) + "))"
}

// mostExpected is what would be expected of the member if nobody left any more,
// and a trifle for rounding.
func (b *builder) mostExpected(c *call, m *forecast.Model) string {
	days := float64(c.window.days(b.q.Day)) / 7
	return "(" + b.alive(c, m) + " * (" + b.double(m.R) + " + " + repeatsSQL + ") * " + b.double(days*(1+1e-9)) + " / (" + b.double(m.Alpha) + " + " + b.age() + "))"
}

// outlook is forecast.Outlook.Orders: a mean over the nodes n, whose weights are
// those of a beta distribution.
func (b *builder) outlook(m *forecast.Model, days int64) string {
	a, bx := b.double(m.A), "("+b.double(m.B)+" + "+repeatsSQL+")"
	rate := "(" + b.double(m.R) + " + " + repeatsSQL + ")"
	u := "(" + b.double(float64(days)/7) + " / (" + b.double(m.Alpha) + " + " + b.age() + "))"
	peak := "(" + a + " * ln(" + a + " / (" + a + " + " + bx + ")) + " + bx + " * ln(" + bx + " / (" + a + " + " + bx + ")))"
	weight := "exp(" + b.atLeast(a+" * n.lp + "+bx+" * n.lq + n.lw - "+peak, "-600") + ")"
	steps := b.atMost("2 * "+rate+" * atanh(n.p * "+u+" / (2 + n.p * "+u+"))", "80") // rate·ln(1+p·u), exact where p·u is small
	return "(select sum(g.w * case when g.p = 0 then " + rate + " * " + u + " else 2 * exp(-g.y / 2) * sinh(g.y / 2) / g.p end) / sum(g.w)" +
		" from (select n.p, " + weight + " as w, " + steps + " as y from " + b.nodes(m) + " n) g)"
}

// nodes is a table of forecast.Model.Nodes: p, lp, lq, lw.
func (b *builder) nodes(m *forecast.Model) string {
	if b.postgres() {
		return "(select cast(v.value->>0 as double precision) as p, cast(v.value->>1 as double precision) as lp," +
			" cast(v.value->>2 as double precision) as lq, cast(v.value->>3 as double precision) as lw" +
			" from jsonb_array_elements(cast(cast(" + b.bind(nodesJSON(m)) + " as text) as jsonb)) v(value))"
	}
	return "(select v.value->>0 as p, v.value->>1 as lp, v.value->>2 as lq, v.value->>3 as lw from json_each(" + b.bind(nodesJSON(m)) + ") v)"
}

// nodesJSON writes the nodes so that each number comes back as it is.
func nodesJSON(m *forecast.Model) string {
	list := []byte{'['}
	for i, n := range m.Nodes() {
		if i > 0 {
			list = append(list, ',')
		}
		list = append(list, '[')
		for k, v := range []float64{n.P, n.LogP, n.LogQ, n.LogW} {
			if k > 0 {
				list = append(list, ',')
			}
			list = strconv.AppendFloat(list, v, 'g', -1, 64)
		}
		list = append(list, ']')
	}
	return string(append(list, ']'))
}
