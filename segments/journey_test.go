package segments_test

import (
	"compress/gzip"
	"context"
	"encoding/csv"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"regulars/internal/loyalty"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
	"regulars/segments"
)

// TestFavouritesOfTheCompleteJourney compares the favourite categories of 2,377
// households, and how often they came, with what is published.
func TestFavouritesOfTheCompleteJourney(t *testing.T) {
	t.Parallel()
	transactions, products := data(t, "completejourney/transactions.csv.gz"), data(t, "completejourney/products.csv.gz")
	facts := published(t, data(t, "facts/completejourney.facts.tsv"))
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		err := db.Update(context.Background(), func(tx *store.Tx) error { return importJourney(t, tx, transactions, products) })
		if err != nil {
			t.Fatal(err)
		}
		err = db.Update(context.Background(), func(tx *store.Tx) error {
			end := fillFacts(t, tx, day(t, "2017-12-31"))
			check := func(rule, want string) {
				if got := count(t, tx, rule, end); fmt.Sprint(got) != want {
					t.Errorf("%s on %s: got %d, want %s", rule, tx.Engine(), got, want)
				}
			}
			for _, n := range []string{"5", "10", "20", "50"} {
				check("orders >= "+n, facts["households with >= "+n+" baskets"])
			}
			best := facts["favourite category per household (by sales, ties -> lowest name) top 8"]
			for _, m := range regexp.MustCompile(`\('([^']*)', (\d+)\)`).FindAllStringSubmatch(best, -1) {
				check(`favourite_category == "`+m[1]+`"`, m[2])
			}
			compareFavourites(t, tx, end)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}

func importJourney(t *testing.T, tx *store.Tx, transactions, products string) error {
	category := map[string]string{}
	for _, row := range unzip(t, products) {
		category[row[0]] = row[4]
	}
	w, members, baskets := &writer{tx: tx}, map[string]int64{}, map[string]*segments.Order{}
	var order []string
	owner := map[string]int64{}
	for _, row := range unzip(t, transactions) {
		household, basket := row[0], row[2]
		if members[household] == 0 {
			members[household] = int64(len(members) + 1)
			w.add("members", "id external_id created_at changed_at", members[household], household, tx.At, tx.At)
		}
		if baskets[basket] == nil {
			baskets[basket] = &segments.Order{Day: day(t, row[10][:10]), Counts: true}
			order, owner[basket] = append(order, basket), members[household]
		}
		total, err := loyalty.ParseMoney(row[5], "USD")
		if err != nil {
			return err
		}
		o := baskets[basket]
		o.Total += total
		o.Lines = append(o.Lines, loyalty.Line{Product: row[3], Category: category[row[3]], Total: total})
	}
	for _, basket := range order {
		if o := baskets[basket]; o.Day > day(t, "2017-12-31") {
			o.Day = day(t, "2017-12-31") // stamped in UTC, a few hours after the year's end at the shop
		}
		w.order(owner[basket], *baskets[basket], tx.At)
	}
	if err := w.flush(); err != nil {
		return err
	}
	_, err := tx.Exec("analyze", nil)
	return err
}

// unzip reads the rows of a CSV file below its header.
func unzip(t *testing.T, path string) [][]string {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	plain, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(plain).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(rows[0][0], "_id") {
		t.Fatalf("%s has no header: %v", path, rows[0])
	}
	return rows[1:]
}

// compareFavourites leaves out what nobody is fond of, and compares how many have
// each category as their favourite with a count over the lines in Go.
func compareFavourites(t *testing.T, tx *store.Tx, end loyalty.Day) {
	scope := richScope()
	scope.FavouritesExcept = []string{"COUPON/MISC ITEMS", "FUEL"}
	var sums []struct {
		MemberID, Total int64
		Category        string
	}
	err := tx.All(&sums, "select member_id, category, sum(total) as total from order_lines where category <> '' group by member_id, category", nil)
	if err != nil {
		t.Fatal(err)
	}
	type favourite struct {
		category string
		total    int64
	}
	best, want := map[int64]favourite{}, map[string]int64{}
	for _, s := range sums {
		b, has := best[s.MemberID]
		better := !has || s.Total > b.total || s.Total == b.total && s.Category < b.category
		if better && !slices.Contains(scope.FavouritesExcept, s.Category) {
			best[s.MemberID] = favourite{s.Category, s.Total}
		}
	}
	for _, b := range best {
		want[b.category]++
	}
	for _, category := range []string{"COUPON/MISC ITEMS", "FUEL", "BEEF", "SOFT DRINKS", "BEERS/ALES", "FRZN MEAT/MEAT DINNERS"} {
		where, args := mustParse(t, `favourite_category == "`+category+`"`, scope).SQL(segments.Query{Engine: tx.Engine(), Day: end})
		if got := one(t, tx, "select count(*) from facts f where "+where, args); got != want[category] {
			t.Errorf("favourite_category == %q without coupons and fuel on %s: got %d, want %d", category, tx.Engine(), got, want[category])
		}
	}
	if want["BEEF"] <= 184 {
		t.Errorf("BEEF is the favourite of %d without coupons and fuel, want more than the 184 with them", want["BEEF"])
	}
}
