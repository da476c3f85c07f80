package norms_test

import (
	"context"
	"encoding/csv"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"regulars/internal/loyalty"
	"regulars/internal/norms"
	"regulars/internal/store"
	"regulars/segments"
)

// data returns the path of a file of the shared data, and skips the test if it
// is not there: at REGULARS_DATA, or beside the repository.
func data(t *testing.T, name string) string {
	t.Helper()
	dir := os.Getenv("REGULARS_DATA")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared")
	}
	path := filepath.Join(dir, "data", name)
	if _, err := os.Stat(path); err != nil {
		t.Skipf("no shared data at %s: this test did not run (REGULARS_DATA names the folder that holds it)", dir)
	}
	return path
}

// sampled reads the days with orders of the customers of the CDNOW sample.
func sampled(t *testing.T) map[string][]loyalty.Day {
	t.Helper()
	ids, err := os.ReadFile("testdata/cdnow_sample.txt")
	if err != nil {
		t.Fatal(err)
	}
	orders := map[string][]loyalty.Day{}
	for line := range strings.Lines(string(ids)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		for _, id := range strings.Fields(line) {
			orders[fmt.Sprintf("%05s", id)] = nil
		}
	}
	file, err := os.Open(data(t, "cdnow/orders.csv"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	rows, err := csv.NewReader(file).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows[1:] {
		if _, in := orders[row[0]]; !in {
			continue
		}
		day, err := loyalty.ParseDay(row[1])
		if err != nil {
			t.Fatal(err)
		}
		orders[row[0]] = append(orders[row[0]], day)
	}
	return orders
}

// today is the day on which the test databases stand.
var today = loyalty.Date(2027, 3, 3)

// write makes these the members and orders of the program, and facts of them.
func write(t *testing.T, db *store.DB, orders map[string][]loyalty.Day) {
	t.Helper()
	update(t, db, func(tx *store.Tx) error {
		for _, table := range []string{"orders", "facts", "members"} {
			if _, err := tx.Exec("delete from "+table, nil); err != nil {
				return err
			}
		}
		var members, rows [][]any
		for i, id := range slices.Sorted(maps.Keys(orders)) {
			members = append(members, []any{int64(i + 1), id, tx.At, tx.At})
			for _, day := range orders[id] {
				n := int64(len(rows) + 1)
				rows = append(rows, []any{n, "test", fmt.Sprint(n), int64(i + 1), loyalty.At(day.UTC()), day, loyalty.Paid, true, int64(1000), tx.At})
			}
		}
		if _, err := tx.Bulk("members", strings.Fields("id external_id created_at changed_at"), members); err != nil {
			return err
		}
		_, err := tx.Bulk("orders", strings.Fields("id source external_id member_id at day status counts total changed_at"), rows)
		if err != nil {
			return err
		}
		for _, table := range []string{"members", "orders"} { // as an import does
			if err := tx.Analyze(table); err != nil {
				return err
			}
		}
		_, err = tx.Exec("insert into facts "+segments.FactsSelect(tx.Engine(), ""), store.Args{"day": today})
		return err
	})
}

func update(t *testing.T, db *store.DB, f func(*store.Tx) error) {
	t.Helper()
	if err := db.Update(context.Background(), f); err != nil {
		t.Fatal(err)
	}
}

func past(t *testing.T, db *store.DB, day loyalty.Day) (n *segments.Norms) {
	t.Helper()
	err := db.View(context.Background(), func(tx *store.Tx) (err error) {
		n, err = norms.Past(tx, day, segments.AllNorms)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}
