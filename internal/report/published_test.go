// Importing a real history shares nothing between goroutines, and takes the race
// detector minutes: .ci/run has this tried without it.

//go:build !race

package report_test

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"regulars/internal/apply"
	"regulars/internal/importer"

	"regulars/internal/loyalty"
	"regulars/internal/report"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
	"regulars/internal/store/storetest/watched"
	"regulars/internal/versions"
	"regulars/segments"
)

// published is a shop with real orders, of whom figures were published that this
// code had no part in.
type published struct {
	t     *testing.T
	tx    *store.Tx
	day   loyalty.Day // as of whose end figures are asked
	scope segments.Scope
	rows  map[string]string // what is published
	made  map[string]any    // reports that several rows read
}

// check says how rows of a file of figures come about: by a rule or a report, or
// why they are not ours to know.
type check struct {
	row string // pattern of the row's whole name
	got func(p *published, m []string) string
	not string // why it is out of scope; "": it is checked
}

// row answers one row of a file in its own spelling; false when no check is for it.
func (p *published) row(checks []check, name string) (got, not string, ok bool) {
	for _, c := range checks {
		m := regexp.MustCompile("^" + c.row + "$").FindStringSubmatch(name)
		switch {
		case m == nil:
			continue
		case c.not != "":
			return "", c.not, true
		}
		return c.got(p, m), "", true
	}
	return "", "", false
}

// readPublished reads a file of figures: name, tab, value.
func readPublished(t *testing.T, file string) (names []string, rows map[string]string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	rows = map[string]string{}
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "\t")
		names, rows[name] = append(names, name), value
	}
	return names, rows
}

// compare goes through every row of a file of figures. A row that no check is for
// is an error: nothing is left out in silence.
func compare(t *testing.T, db *store.DB, file string, last string, scope segments.Scope, checks []check) {
	t.Helper()
	names, rows := readPublished(t, file)
	byDay := map[loyalty.Day][]string{}
	for _, name := range names {
		day := parseDay(t, last)
		if m := asOf.FindStringSubmatch(name); m != nil {
			day = parseDay(t, m[1])
		}
		byDay[day] = append(byDay[day], name)
	}
	compared, left := 0, 0
	for day, names := range byDay {
		err := db.Update(context.Background(), func(tx *store.Tx) error {
			p := &published{t: t, tx: tx, day: day, scope: scope, rows: rows, made: map[string]any{}}
			p.fill()
			for _, name := range names {
				got, not, ok := p.row(checks, name)
				switch {
				case !ok:
					t.Errorf("%q is neither checked nor said to be out of scope", name)
				case not != "":
					left++
				case got != rows[name]:
					t.Errorf("%s (%s)\n got %s\nwant %s", name, tx.Engine(), got, rows[name])
				default:
					compared++
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%s: %d rows are equal, %d are out of scope", filepath.Base(file), compared, left)
}

var asOf = regexp.MustCompile(`^asof (\d{4}-\d\d-\d\d) `)

func parseDay(t *testing.T, text string) loyalty.Day {
	t.Helper()
	day, err := loyalty.ParseDay(text)
	if err != nil {
		t.Fatal(err)
	}
	return day
}

// fill makes the table facts that of the day.
func (p *published) fill() {
	p.t.Helper()
	for _, statement := range []string{"delete from facts", "insert into facts " + segments.FactsSelect(p.tx.Engine(), "")} {
		if _, err := p.tx.Exec(statement, store.Args{"day": p.day}); err != nil {
			p.t.Fatal(err)
		}
	}
}

// count asks for how many members a rule holds, as `segment count` does.
func (p *published) count(rule string, args ...any) string {
	p.t.Helper()
	text := fmt.Sprintf(rule, args...)
	r, err := segments.Parse(text, p.scope)
	if err != nil {
		p.t.Fatalf("%s: %v", text, err)
	}
	n, err := report.Audience{Rule: r, Day: p.day}.Count(p.tx)
	if err != nil {
		p.t.Fatalf("%s: %v", text, err)
	}
	return fmt.Sprint(n)
}

// members returns the ids of the members for whom a rule holds.
func (p *published) members(rule string) string {
	p.t.Helper()
	r, err := segments.Parse(rule, p.scope)
	if err != nil {
		p.t.Fatalf("%s: %v", rule, err)
	}
	var ids []string
	err = report.Audience{Rule: r, Day: p.day}.Members(p.tx, func(id string) error { ids = append(ids, id); return nil })
	if err != nil {
		p.t.Fatal(err)
	}
	return strings.Join(ids, " ")
}

// made returns a report, which is made once for all rows of a day.
func made[T any](p *published, name string, limit int) T {
	p.t.Helper()
	if done, ok := p.made[name].(T); ok {
		return done
	}
	r, ok := report.ByName(name)
	if !ok {
		p.t.Fatalf("there is no report %s", name)
	}
	// Every other one from the orders up to the day instead of from the facts.
	ask := report.Ask{Day: p.day, Past: len(p.made)%2 == 0, Currency: "USD", Limit: limit}
	answer, err := r.Make(p.tx, ask)
	if err != nil {
		p.t.Fatalf("report %s: %v", name, err)
	}
	if len(answer.Rows) == 0 || slices.ContainsFunc(answer.Rows, func(r []string) bool { return len(r) != len(answer.Head) }) {
		p.t.Errorf("report %s: the table %v of %d rows is not whole", name, answer.Head, len(answer.Rows))
	}
	p.made[name] = answer.Value
	return answer.Value.(T)
}

func (p *published) summary() report.Summary { return made[report.Summary](p, "summary", 0) }
func (p *published) top() report.Top         { return made[report.Top](p, "top", 0) }

func dollars(minor int64) string { return loyalty.FormatMoney(minor, "USD") }

// rule counts the members for whom a rule holds; $2 is the row's second group.
func rule(text string) func(*published, []string) string {
	return func(p *published, m []string) string {
		filled := text
		for i, part := range m {
			filled = strings.ReplaceAll(filled, "$"+strconv.Itoa(i), part)
		}
		return p.count("%s", filled)
	}
}

func number(f func(p *published) int64) func(*published, []string) string {
	return func(p *published, _ []string) string { return fmt.Sprint(f(p)) }
}

func amount(f func(p *published) int64) func(*published, []string) string {
	return func(p *published, _ []string) string { return dollars(f(p)) }
}

const asof = `asof (\d{4}-\d\d-\d\d) `

// ofCDNOW are the customers of a music shop who first bought in early 1997.
var ofCDNOW = []check{
	{row: "rows", got: number(func(p *published) int64 { return p.summary().Orders })},
	{row: "customers", got: number(func(p *published) int64 { return p.summary().Customers })},
	{row: "date_min", got: func(p *published, _ []string) string { return p.summary().FirstDay.String() }},
	{row: "date_max", got: func(p *published, _ []string) string { return p.summary().LastDay.String() }},
	{row: "quantity_sum", got: number(func(p *published) int64 { return p.summary().Items })},
	{row: "amount_sum", got: amount(func(p *published) int64 { return p.summary().Amount })},
	{row: "zero_amount_rows", got: number(func(p *published) int64 { return p.summary().Free })},
	{row: "exact_duplicate_rows", got: number(func(p *published) int64 { return p.summary().Repeated })},
	{row: `customer_days\(distinct customer,date\)`, got: number(func(p *published) int64 { return p.summary().OrderDays })},
	{row: "customers_only_zero_spend", got: rule("orders >= 1 and spent == 0")},
	{row: "first_order_max", got: func(p *published, _ []string) string { return p.summary().Newest.String() }},

	{row: asof + "customers", got: rule("orders >= 1")},
	{row: asof + "orders", got: number(func(p *published) int64 { return p.summary().Orders })},
	{row: asof + "amount", got: amount(func(p *published) int64 { return p.summary().Amount })},
	{row: asof + `customers with >= (\d+) orders \(rows\)`, got: func(p *published, m []string) string {
		return both(p, m[2], "orders >= "+m[2], func(r report.Repeat) int64 { return r.Customers })
	}},
	{row: asof + `customers with >= (\d+) distinct order days`, got: func(p *published, m []string) string {
		return both(p, m[2], "order_days >= "+m[2], func(r report.Repeat) int64 { return r.OnDays })
	}},
	{row: asof + `lapsed: days since last order > (\d+)`, got: rule("days_since_last_order > $2")},
	{row: asof + `lapsed: days since last order = (\d+)`, got: rule("days_since_last_order == $2")},
	{row: asof + "win-back segment: >=2 orders and > 90 days since last", got: rule(`in_segment("lapsed")`)},
	{row: asof + "VIP: >=5 orders and <= 90 days since last", got: rule(`in_segment("vip")`)},
	{row: asof + `top decile size ceil\(n/10\)`, got: number(func(p *published) int64 { return p.top().Size })},
	{row: asof + "top decile amount", got: amount(func(p *published) int64 { return p.top().Amount })},
	{row: asof + "top decile threshold", got: amount(func(p *published) int64 { return p.top().Threshold })},
	{row: asof + "customers at exactly the threshold", got: func(p *published, _ []string) string {
		level := fmt.Sprint(p.top().Level)
		if byRule := p.count("spent == %s", dollars(p.top().Threshold)); byRule != level {
			return level + " by report, " + byRule + " by rule"
		}
		return level
	}},
	{row: asof + "top spender", got: func(p *published, _ []string) string {
		first := p.top().Spenders[0]
		if byRule := p.members("spent >= " + dollars(first.Spent)); byRule != first.Member {
			return first.Member + " by report, " + byRule + " by rule"
		}
		return first.Member + " " + dollars(first.Spent)
	}},
	{row: asof + `customers with spend >= (\S+)`, got: rule("spent >= $2")},
	{row: asof + `orders in the 90 days ending that day \(date > asof-90\)`, got: number(func(p *published) int64 { return p.summary().RecentOrders })},
	{row: asof + "amount in those 90 days", got: amount(func(p *published) int64 { return p.summary().RecentAmount })},
	{row: asof + `repeat rate \(customers with >=2 orders / customers\)`, got: func(p *published, _ []string) string {
		return fmt.Sprintf("%.6f", p.summary().Repeat)
	}},

	{row: "AOV all rows", got: func(p *published, _ []string) string { return fmt.Sprintf("%.6f", p.summary().Average/100) }},
	{row: `points: .*`, not: "points are the shop's to give: we take their changes and do not compute them from orders (terms of points are later, design section 8)"},
	{row: `milestone (\d+): customers who ever reach it`, got: func(p *published, m []string) string {
		n, _ := strconv.ParseInt(m[1], 10, 64)
		var sum int64
		for _, month := range made[[]report.Milestone](p, "milestones", 0) {
			sum += month.Reached[n]
		}
		if byRule := p.count("orders >= %d", n); byRule != fmt.Sprint(sum) {
			return fmt.Sprint(sum, " by report, ", byRule, " by rule")
		}
		return fmt.Sprint(sum)
	}},
	{row: `milestone (\d+) reached in (\S+)`, got: func(p *published, m []string) string {
		n, _ := strconv.ParseInt(m[1], 10, 64)
		for _, month := range made[[]report.Milestone](p, "milestones", 0) {
			if month.Month == m[2] {
				return fmt.Sprint(month.Reached[n])
			}
		}
		return "no such month"
	}},
	{row: `reward every 10th order: .*`, got: func(p *published, _ []string) string {
		var sum int64
		for _, month := range made[[]report.Milestone](p, "milestones", 0) {
			sum += month.Tenths
		}
		return fmt.Sprint(sum)
	}},
	{row: "cohorts by first month", got: func(p *published, _ []string) string {
		var list []string
		for _, c := range made[[]report.Cohort](p, "cohorts", 0) {
			list = append(list, fmt.Sprintf("'%s': %d", c.Month, c.Members))
		}
		return "{" + strings.Join(list, ", ") + "}"
	}},
	{row: `cohort (\S+) active by month`, got: func(p *published, m []string) string {
		all := made[[]report.Cohort](p, "cohorts", 0)
		at := slices.IndexFunc(all, func(c report.Cohort) bool { return c.Month == m[1] })
		var list []string
		for i, month := range made[[]report.Month](p, "orders", 0) {
			n := int64(0)
			if i >= at { // cohorts and months both begin with the first order
				n = all[at].Active[i-at]
			}
			list = append(list, fmt.Sprintf("%s:%d", month.Month, n))
		}
		return strings.Join(list, " ")
	}},
	{row: "orders by month", got: func(p *published, _ []string) string {
		var list []string
		for _, m := range made[[]report.Month](p, "orders", 0) {
			list = append(list, fmt.Sprintf("%s:%d", m.Month, m.Orders))
		}
		return strings.Join(list, " ")
	}},
}

// both asks a rule and the report on repeated orders.
func both(p *published, times, rule string, of func(report.Repeat) int64) string {
	byRule := p.count("%s", rule)
	for _, r := range made[[]report.Repeat](p, "repeat", 0) {
		if fmt.Sprint(r.Orders) == times && fmt.Sprint(of(r)) == byRule {
			return byRule
		}
	}
	return byRule + " by rule, and another number by report"
}

func TestPublishedFiguresOfCDNOW(t *testing.T) {
	watched.Skip(t)
	t.Parallel()
	orders, figures := shared(t, "cdnow/orders.csv"), shared(t, "facts/cdnow.facts.tsv")
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		storetest.OnOne(t, "sqlite", db.Engine())
		program := shopProgram("", "lapsed: orders >= 2 and days_since_last_order > 90\nvip: orders >= 5 and days_since_last_order <= 90\n")
		db = db.At(time.Date(1998, 7, 1, 0, 0, 0, 0, time.UTC))
		scope := inForce(t, db, program)
		im := importer.File{Kind: "orders", Path: orders, OrderID: "row", Source: "cdnow"}
		const columns = "member=customer_id,at=ordered_at,quantity=quantity,total=amount"
		if got, want := importFile(t, db, im, columns), "69659 read, 69659 new, 0 updated, 0 unchanged, 0 refused"; got != want {
			t.Errorf("the first import: %s, want %s", got, want)
		}
		for query, want := range map[string]string{
			"select cast(count(*) as text) from facts where joined or consent_offers or consent_newsletter or consent_program":                                                     "0",
			"select cast(count(*) as text) from members where external_id <> '00001' and external_id like '0000%' or named":                                                        "23570",
			"select cast(count(*) as text) from order_lines":                                                                                                                       "0",
			"select cast(count(*) as text) from events":                                                                                                                            "0",
			"select cast(sum(orders) as bigint) || ' ' || cast(sum(spent) as bigint) || ' ' || cast(sum(quantity) as bigint) || ' ' || cast(sum(order_days) as bigint) from facts": "69659 250031563 167881 67591",
		} {
			holds(t, db, query, want)
		}
		compare(t, db, figures, "1998-06-30", scope, ofCDNOW)
	})
}

// shared returns a file of the real data, and skips the test where there is none.
func shared(t *testing.T, path string) string {
	t.Helper()
	file := filepath.Join(cmp.Or(os.Getenv("REGULARS_DATA"), "../../../shared"), "data", path)
	if _, err := os.Stat(file); err != nil {
		t.Skip("the real data is not here: ", file)
	}
	return file
}

// shopProgram is a program of a shop in dollars and UTC.
func shopProgram(more, list string) map[string]string {
	return map[string]string{
		"program.yaml": `
shop:      {name: The Shop, url: https://shop.example, address: "Main Street 1"}
mail:      {from: "The Shop <shop@shop.example>"}
languages: [en]
currency:  USD
zone:      UTC
` + more,
		"segments.yaml": list,
	}
}

// inForce puts a program in force and returns what its rules may read.
func inForce(t *testing.T, db *store.DB, files map[string]string) (scope segments.Scope) {
	t.Helper()
	err := db.Update(context.Background(), func(tx *store.Tx) error {
		if _, err := apply.Apply(tx, files, "test", ""); err != nil {
			return err
		}
		v, err := versions.Active(tx)
		if err != nil {
			return err
		}
		scope = segments.Scope{Currency: v.Program.Currency, Attributes: v.Program.Attributes, Segments: map[string]string{}}
		for _, s := range v.Program.Segments {
			scope.Segments[s.Name] = s.Rule.Text()
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return scope
}

// holds compares the one value of a query with what it should be.
func holds(t *testing.T, db *store.DB, query, want string) {
	t.Helper()
	got := see(t, db, func(tx *store.Tx) (s string, err error) { err = tx.One(&s, query, nil); return s, err })
	if got != want {
		t.Errorf("%s = %s, want %s", query, got, want)
	}
}

func importFile(t *testing.T, db *store.DB, im importer.File, columns string) string {
	t.Helper()
	var err error
	if im.Map, err = importer.ParseMap(columns); err != nil {
		t.Fatal(err)
	}
	tally, err := importer.New(db).Import(context.Background(), im)
	if err != nil {
		t.Fatalf("importing %s: %s, %v", filepath.Base(im.Path), tally, err)
	}
	return tally.String()
}
