package report

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"regulars/internal/forecast"
	"regulars/internal/loyalty"
	"regulars/internal/norms"
	"regulars/internal/plot"
	"regulars/internal/store"
	"regulars/segments"
)

// Forecast is what the model of who orders again says of the program, and how far
// one can trust it.
type Forecast struct {
	Day loyalty.Day `json:"day"`
	segments.Forecast
	Weeks    float64 `json:"weeks_between_orders,omitempty"` // of a member while a customer, on the average
	Leave    float64 `json:"leave,omitempty"`                // share of members who leave after a repeat order
	Alive    float64 `json:"alive,omitempty"`                // members still customers, as far as the model knows
	Expected float64 `json:"expected_90d,omitempty"`         // orders of all members in the next 90 days

	Tried Trial `json:"tried"`
}

// Trial is the model fitted as of an earlier day, and held against what came.
type Trial struct {
	Day    loyalty.Day    `json:"day"`
	Why    string         `json:"why,omitempty"` // it could not be fitted then
	Months []TrackedMonth `json:"months"`
}

// TrackedMonth is the repeat orders of the members of a trial in a month.
type TrackedMonth struct {
	From     loyalty.Day `json:"from"`
	To       loyalty.Day `json:"to"`
	Expected float64     `json:"expected"`
	Actual   int64       `json:"actual"`
}

// Ahead reads the forecast as of the end of a day. past: it is not today.
func Ahead(tx *store.Tx, day loyalty.Day, past bool) (f Forecast, err error) {
	f.Day = day
	var n *segments.Norms
	facts := "facts"
	if past {
		n, err = norms.Past(tx, day, segments.NormForecast)
		facts = "(" + segments.FactsSelect(tx.Engine(), "") + ")"
	} else {
		n, err = norms.Today(tx, day)
	}
	if err != nil {
		return f, err
	}
	if f.Forecast = n.Forecast; f.Fit == nil {
		return f, nil
	}
	m := f.Fit.Model
	groups, err := norms.Histories(tx, day, facts)
	if err != nil {
		return f, err
	}
	f.Weeks, f.Leave = m.Alpha/m.R, m.A/(m.A+m.B)
	alive := customers(m, groups)
	for _, c := range alive {
		f.Alive += c.members
	}
	f.Expected = orders(m, alive, 90)
	f.Tried, err = try(tx, day, min(halfYear, f.Days/2))
	return f, err
}

func forecastReport(tx *store.Tx, ask Ask) (Table, error) {
	f, err := Ahead(tx, ask.Day, ask.Past)
	return f.Table(), err
}

// Table is how well the past was foretold, month by month and in all; its note says the
// rest in words.
func (f Forecast) Table() Table {
	t := Table{Value: f, Head: []string{"DAYS", "EXPECTED", "CAME", "OFF BY"}, Note: strings.Join(f.Words(), " ")}
	var expected float64
	var actual int64
	add := func(days string, expected float64, actual int64) {
		off := "-"
		if actual > 0 {
			off = fmt.Sprintf("%+.1f %%", 100*(expected/float64(actual)-1))
		}
		t.Rows = append(t.Rows, row(days, fmt.Sprintf("%.0f", expected), actual, off))
	}
	for _, m := range f.Tried.Months {
		add(m.From.String()+"…"+m.To.String(), m.Expected, m.Actual)
		expected, actual = expected+m.Expected, actual+m.Actual
	}
	if len(t.Rows) > 0 {
		add("all", expected, actual)
	}
	return t
}

// Words are what it says of customers, and how it was tried: a sentence or two each.
func (f Forecast) Words() []string {
	said := []string{fmt.Sprintf("As of %s %s members had ordered, %s of them on two days or more, the first %s days before.", f.Day, loyalty.Count(f.Members), loyalty.Count(f.Repeat), loyalty.Count(f.Days))}
	if f.Fit == nil {
		return append(said, fmt.Sprintf("There is no forecast: %s.", f.Why))
	}
	said = append(said,
		fmt.Sprintf("A customer orders every %.1f weeks on the average. After each repeat order %.1f %% leave for good.", f.Weeks, 100*f.Leave),
		fmt.Sprintf("%s members are still customers. %s orders of members known by now are to be expected in the next 90 days.", loyalty.Count(int64(math.Round(f.Alive))), loyalty.Count(int64(math.Round(f.Expected)))))
	if f.Tried.Why != "" {
		return append(said, fmt.Sprintf("It cannot be tried on an earlier day: as of %s %s.", f.Tried.Day, f.Tried.Why))
	}
	return append(said, fmt.Sprintf("It was tried as of %s, on repeat orders of the members known then.", f.Tried.Day))
}

// drawForecast draws what came in each month of the trial, and what was foretold of it.
func drawForecast(ask Ask, value any) string {
	f := value.(Forecast)
	c := plot.Columns{Title: "Repeat orders that were foretold, and that came", Says: strings.Join(f.Words(), " ")}
	came, expected := plot.Series{Name: "came"}, plot.Series{Name: "foretold", Dashed: true}
	for _, m := range f.Tried.Months {
		c.Labels = append(c.Labels, m.To.UTC().Format("2006-01"))
		came.Values, expected.Values = append(came.Values, float64(m.Actual)), append(expected.Values, m.Expected)
	}
	c.Up, c.Lines = []plot.Series{came}, []plot.Series{expected}
	return ask.columns(c)
}

// halfYear is how far back the model is tried, in days.
const halfYear = 182

// try fits the model as of some days before and compares month by month.
func try(tx *store.Tx, day loyalty.Day, back int64) (Trial, error) {
	t := Trial{Day: day - loyalty.Day(back), Months: []TrackedMonth{}}
	n, err := norms.Past(tx, t.Day, segments.NormForecast)
	if err != nil {
		return t, err
	}
	if n.Forecast.Fit == nil {
		t.Why = n.Forecast.Why
		return t, nil
	}
	groups, err := norms.Histories(tx, t.Day, "("+segments.FactsSelect(tx.Engine(), "")+")")
	if err != nil {
		return t, err
	}
	alive, before := customers(n.Forecast.Fit.Model, groups), 0.0
	for from := t.Day + 1; from <= day; {
		to := min(day, monthEnd(from))
		sum := orders(n.Forecast.Fit.Model, alive, int64(to-t.Day))
		t.Months = append(t.Months, TrackedMonth{From: from, To: to, Expected: sum - before})
		from, before = to+1, sum
	}
	return t, t.count(tx, day)
}

func monthEnd(d loyalty.Day) loyalty.Day {
	y, m, _ := d.Civil()
	return loyalty.Date(y, m+time.Month(1), 0)
}

// count adds the days with orders of members who had ordered by the trial's day.
func (t Trial) count(tx *store.Tx, until loyalty.Day) error {
	var rows []struct {
		Day loyalty.Day
		N   int64
	}
	err := tx.All(&rows, `
		select o.day, count(distinct o.member_id) as n
		from   orders o
		where  o.counts and o.day > @day and o.day <= @until
		and    exists (select 1 from orders b where b.member_id = o.member_id and b.counts and b.day <= @day)
		group  by o.day`, store.Args{"day": int64(t.Day), "until": int64(until)})
	for _, row := range rows {
		i := slices.IndexFunc(t.Months, func(m TrackedMonth) bool { return row.Day <= m.To })
		t.Months[i].Actual += row.N
	}
	return err
}

// standing are members with the same repeats and age, counted by how probable it
// is that they are still customers.
type standing struct {
	repeats, age int64
	members      float64
}

func customers(m forecast.Model, groups []forecast.Group) (all []standing) {
	type at struct{ repeats, age int64 }
	sums := map[at]float64{}
	for _, g := range groups {
		sums[at{g.Repeats, g.Age}] += float64(g.Members) * m.Alive(g.History)
	}
	for k, n := range sums {
		all = append(all, standing{k.repeats, k.age, n})
	}
	slices.SortFunc(all, func(a, b standing) int { return cmp.Or(cmp.Compare(a.repeats, b.repeats), cmp.Compare(a.age, b.age)) })
	return all
}

// orders are those expected of all in so many days.
func orders(m forecast.Model, alive []standing, days int64) (sum float64) {
	outlook := m.Outlook(days)
	for _, s := range alive {
		sum += s.members * outlook.Orders(s.repeats, s.age)
	}
	return sum
}
