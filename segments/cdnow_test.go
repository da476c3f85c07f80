package segments_test

import (
	"bufio"
	"context"
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"regulars/internal/loyalty"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
	"regulars/segments"
)

// data returns the path of a file of the shared data, and skips the test if it
// is not there: at REGULARS_DATA, or beside the repository.
func data(t *testing.T, name string) string {
	t.Helper()
	dir := os.Getenv("REGULARS_DATA")
	if dir == "" {
		dir = filepath.Join("..", "..", "shared")
	}
	path := filepath.Join(dir, "data", name)
	if _, err := os.Stat(path); err != nil {
		t.Skipf("no shared data at %s: this test did not run (REGULARS_DATA names the folder that holds it)", dir)
	}
	return path
}

// TestFactsOfCDNOW asks what is published about the customers of CDNOW in rules,
// as of three days of the past, and compares.
func TestFactsOfCDNOW(t *testing.T) {
	t.Parallel()
	orders, facts := data(t, "cdnow/orders.csv"), data(t, "facts/cdnow.facts.tsv")
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		err := db.Update(context.Background(), func(tx *store.Tx) error { return importCDNOW(t, tx, orders) })
		if err != nil {
			t.Fatal(err)
		}
		err = db.Update(context.Background(), func(tx *store.Tx) error {
			compareFacts(t, tx, facts)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}

// importCDNOW writes each row as an order of a customer who is known by it alone.
func importCDNOW(t *testing.T, tx *store.Tx, path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	all, err := csv.NewReader(file).ReadAll()
	if err != nil {
		return err
	}
	w, ids := &writer{tx: tx}, map[string]int64{}
	for _, row := range all[1:] {
		if ids[row[0]] == 0 {
			ids[row[0]] = int64(len(ids) + 1)
			w.add("members", "id external_id created_at changed_at", ids[row[0]], row[0], tx.At, tx.At)
		}
		total, err := loyalty.ParseMoney(row[3], "USD")
		if err != nil {
			return err
		}
		quantity, err := strconv.ParseInt(row[2], 10, 64)
		if err != nil {
			return err
		}
		w.order(ids[row[0]], segments.Order{Day: day(t, row[1]), Counts: true, Total: total, Quantity: quantity}, tx.At)
	}
	if err := w.flush(); err != nil {
		return err
	}
	_, err = tx.Exec("analyze", nil)
	return err
}

// said maps the lines of the facts file to rules, and to what is summed over the
// members for whom they hold; without it they are counted.
var said = []struct{ line, rule, sum string }{
	{`^asof (\S+) customers$`, `orders >= 1`, ""},
	{`^asof (\S+) customers with >= (\d+) orders \(rows\)$`, `orders >= $2`, ""},
	{`^asof (\S+) customers with >= (\d+) distinct order days$`, `order_days >= $2`, ""},
	{`^asof (\S+) customers with spend >= (\S+)$`, `spent >= $2`, ""},
	{`^asof (\S+) lapsed: days since last order > (\d+)$`, `days_since_last_order > $2`, ""},
	{`^asof (\S+) lapsed: days since last order = (\d+)$`, `days_since_last_order == $2`, ""},
	{`^asof (\S+) win-back segment: >=2 orders and > 90 days since last$`, `orders >= 2 and days_since_last_order > 90`, ""},
	{`^asof (\S+) VIP: >=5 orders and <= 90 days since last$`, `in_segment("vip")`, ""},
	{`^asof (\S+) customers at exactly the threshold$`, `spent == {threshold}`, ""},
	{`^asof (\S+) top spender$`, `spent >= {amount}`, ""},
	{`^asof (\S+) orders$`, `true`, "sum(f.orders)"},
	{`^asof (\S+) amount$`, `true`, "sum(f.spent)"},
	{`^asof (\S+) orders in the 90 days ending that day`, `orders("90d") > 0`, "count(o.id)"},
	{`^asof (\S+) amount in those 90 days$`, `spent("90d") >= 0 and orders("90d") > 0`, "sum(o.total)"},
	{`^milestone (\d+): customers who ever reach it$`, `orders >= $1`, ""},
	{`^customers_only_zero_spend$`, `orders >= 1 and spent == 0`, ""},
	{`^customers$`, `orders > 0`, ""},
	{`^quantity_sum$`, `true`, "sum(f.quantity)"},
	{`^customer_days\(distinct customer,date\)$`, `true`, "sum(f.order_days)"},
}

// question is a sum over the members for whom a rule holds on a day.
type question struct {
	line string // whose answer it adds to
	day  loyalty.Day
	rule string
	sum  string // over f, and o for orders of the 90 days before
	sign int64
}

func compareFacts(t *testing.T, tx *store.Tx, path string) {
	known := published(t, path)
	var questions []question
	for line := range known {
		questions = append(questions, ask(t, line, known)...)
	}
	const enough = 110
	got := answers(t, tx, questions)
	for line, n := range got {
		if fmt.Sprint(n) != wanted(line, known[line]) {
			t.Errorf("%s on %s: got %d, want %s", line, tx.Engine(), n, known[line])
		}
	}
	if len(got) < enough {
		t.Errorf("only %d lines of %s were compared", len(got), path)
	}
}

// answers asks all questions of a day at a time.
func answers(t *testing.T, tx *store.Tx, questions []question) map[string]int64 {
	slices.SortFunc(questions, func(a, b question) int { return int(a.day - b.day) })
	got, filled := map[string]int64{}, loyalty.Day(-1)
	for _, q := range questions {
		if q.day != filled {
			filled = fillFacts(t, tx, q.day)
		}
		where, args := mustParse(t, q.rule, richScope()).SQL(segments.Query{Engine: tx.Engine(), Day: q.day})
		from := "facts f"
		if strings.Contains(q.sum, "o.") {
			from += " join orders o on o.member_id = f.member_id and o.day > @after and o.day <= @day"
		}
		args["day"], args["after"] = q.day, q.day-90
		got[q.line] += q.sign * one(t, tx, "select "+q.sum+" from "+from+" where "+where, args)
	}
	return got
}

// fillFacts makes the table facts that of a day.
func fillFacts(t *testing.T, tx *store.Tx, d loyalty.Day) loyalty.Day {
	t.Helper()
	if _, err := tx.Exec("delete from facts", nil); err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec("insert into facts "+segments.FactsSelect(tx.Engine(), ""), store.Args{"day": d}); err != nil {
		t.Fatal(err)
	}
	return d
}

// published reads a file of facts: a name and what it should be.
func published(t *testing.T, path string) map[string]string {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	known := map[string]string{}
	for lines := bufio.NewScanner(file); lines.Scan(); {
		name, what, _ := strings.Cut(lines.Text(), "\t")
		known[name] = what
	}
	return known
}

// wanted is the figure of a line as answer gives it: amounts in cents.
func wanted(name, want string) string {
	if strings.Contains(name, "top spender") {
		return "1" // so many reach that amount
	}
	return strings.Replace(want, ".", "", 1)
}

// ask returns what to ask about a line, nothing if the language cannot say it.
func ask(t *testing.T, line string, known map[string]string) []question {
	if m := reachedIn.FindStringSubmatch(line); m != nil {
		first := day(t, m[2]+"-01")
		y, month, _ := first.Civil()
		rule := "orders >= " + m[1]
		return []question{{line, loyalty.Date(y, month+1, 0), rule, "count(*)", 1}, {line, first - 1, rule, "count(*)", -1}}
	}
	for _, s := range said {
		m := regexp.MustCompile(s.line).FindStringSubmatch(line)
		if m == nil {
			continue
		}
		rule, sum := s.rule, s.sum
		for i, part := range m {
			rule = strings.ReplaceAll(rule, "$"+strconv.Itoa(i), part)
		}
		if strings.Contains(rule, "{") {
			_, amount, _ := strings.Cut(known[line], " ") // after the customer's id
			rule = strings.NewReplacer("{threshold}", known["asof "+m[1]+" top decile threshold"], "{amount}", amount).Replace(rule)
		}
		if sum == "" {
			sum = "count(*)"
		}
		return []question{{line, asOf(t, m), rule, sum, 1}}
	}
	return nil
}

// reachedIn is how many reached a milestone in a month: who had it at its end and
// not yet at its beginning.
var reachedIn = regexp.MustCompile(`^milestone (\d+) reached in (\S+)$`)

func asOf(t *testing.T, m []string) loyalty.Day {
	if len(m) > 1 && strings.Contains(m[1], "-") {
		return day(t, m[1])
	}
	return day(t, "1998-06-30")
}

// count returns for how many a rule holds; facts must be of that day.
func count(t *testing.T, tx *store.Tx, rule string, d loyalty.Day) int64 {
	t.Helper()
	where, args := mustParse(t, rule, richScope()).SQL(segments.Query{Engine: tx.Engine(), Day: d})
	return one(t, tx, "select count(*) from facts f where "+where, args)
}

func one(t *testing.T, tx *store.Tx, query string, args store.Args) int64 {
	t.Helper()
	var n int64
	if err := tx.One(&n, query, args); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return n
}
