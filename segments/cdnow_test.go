package segments_test

import (
	"cmp"
	"context"
	"encoding/csv"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"regulars/internal/loyalty"
	"regulars/internal/norms"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
	"regulars/segments"
)

// TestScoresOfCDNOW scores the 23,570 customers on three days in SQL and, member
// by member, in Go, and looks at what must be true of scores whatever the data.
func TestScoresOfCDNOW(t *testing.T) {
	t.Parallel()
	path := data(t, "cdnow/orders.csv")
	people := customers(t, path)
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		err := db.Update(context.Background(), func(tx *store.Tx) error { return importCDNOW(t, tx, path) })
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range []string{"1997-02-15", "1997-09-30", "1998-06-30"} {
			err := db.View(context.Background(), func(tx *store.Tx) error { return compareScores(t, tx, people, day(t, d)) })
			if err != nil {
				t.Fatal(err)
			}
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

// customers are those of CDNOW by their ids.
func customers(t *testing.T, path string) map[string]segments.Known {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	rows, err := csv.NewReader(file).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	people := map[string]segments.Known{}
	for _, row := range rows[1:] {
		total, err := loyalty.ParseMoney(row[3], "USD")
		if err != nil {
			t.Fatal(err)
		}
		k := people[row[0]]
		k.Orders = append(k.Orders, segments.Order{Day: day(t, row[1]), Counts: true, Total: total})
		people[row[0]] = k
	}
	return people
}

// scoredRow is what SQL says of a customer.
type scoredRow struct {
	ID, Group, Stage string
	Days             *int64
	Orders, Spent    int64
	R, F, M          *int
}

func compareScores(t *testing.T, tx *store.Tx, people map[string]segments.Known, d loyalty.Day) error {
	n, err := norms.Past(tx, d, segments.AllNorms)
	if err != nil {
		return err
	}
	known := map[string]segments.Known{}
	for id, k := range people {
		k.Day, k.Norms = d, n
		if days, _, _ := paidOf(k); len(days) > 0 {
			known[id] = k
		}
	}
	if want := bruteNorms(slices.Collect(maps.Values(known)), d, segments.DefaultScoring()); scoresOf(n) != want {
		t.Errorf("norms on %s (%s)\n got %+v\nwant %+v", d, tx.Engine(), *n, want)
	}
	rows, err := scoredRows(t, tx, n, d)
	if err != nil {
		return err
	}
	sizes, rules := map[string]int{}, map[string]*segments.Rule{}
	is := func(field, value string) *segments.Rule {
		text := fmt.Sprintf("%s == %q", field, value)
		if rules[text] == nil {
			rules[text] = mustParse(t, text, segments.Scope{})
		}
		return rules[text]
	}
	for _, row := range rows {
		sizes[row.Group]++
		if k, ok := known[row.ID]; !ok || !is("rfm_group", row.Group).Eval(k) || !is("lifecycle", row.Stage).Eval(k) {
			t.Errorf("%s on %s (%s): SQL says %q and %q, Go does not", row.ID, d, tx.Engine(), row.Group, row.Stage)
		}
	}
	if len(rows) != len(known) || sizes[""] > 0 {
		t.Errorf("on %s (%s) %d customers are scored, %d without a group, want all %d", d, tx.Engine(), len(rows), sizes[""], len(known))
	}
	for _, group := range segments.Groups() {
		t.Logf("%s on %s (%s): %d of %d", group, d, tx.Engine(), sizes[group], len(rows))
	}
	monotone(t, "recency", rows, func(r scoredRow) (int64, int) { return -*r.Days, *r.R })
	monotone(t, "frequency", rows, func(r scoredRow) (int64, int) { return r.Orders, *r.F })
	monotone(t, "monetary", rows, func(r scoredRow) (int64, int) { return r.Spent, *r.M })
	return nil
}

// scoredRows asks for the fields as a report does, of all who are known.
func scoredRows(t *testing.T, tx *store.Tx, n *segments.Norms, d loyalty.Day) (rows []scoredRow, err error) {
	args := store.Args{"day": d}
	field := func(name, prefix string) string {
		e, err := segments.ParseField(name, segments.Scope{})
		if err != nil {
			t.Fatal(err)
		}
		expr, more := e.SQL(segments.Query{Engine: tx.Engine(), Day: d, Norms: n, Prefix: prefix})
		maps.Copy(args, more)
		return expr
	}
	err = tx.All(&rows, `
		select m.external_id as id, coalesce(`+field("rfm_group", "g")+`, '') as "group", `+field("lifecycle", "l")+` as stage,
		       `+field("days_since_last_order", "d")+` as days, f.orders, f.spent,
		       `+field("recency_score", "r")+` as r, `+field("frequency_score", "f")+` as f, `+field("monetary_score", "m")+` as m
		from   (`+segments.FactsSelect(tx.Engine(), "")+`) f join members m on m.id = f.member_id
		where  f.orders > 0`, args)
	return rows, err
}

// monotone checks that who has more has no lower score, and equals have the same.
func monotone(t *testing.T, what string, rows []scoredRow, of func(scoredRow) (int64, int)) {
	t.Helper()
	sorted := slices.SortedFunc(slices.Values(rows), func(a, b scoredRow) int {
		x, _ := of(a)
		y, _ := of(b)
		return cmp.Compare(x, y)
	})
	for i, row := range sorted[1:] {
		before, lower := of(sorted[i])
		figure, score := of(row)
		if score < lower || figure == before && score != lower {
			t.Errorf("%s: a figure of %d has score %d, and %d has %d", what, figure, score, before, lower)
		}
	}
}

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
