package loyalty_test

import (
	"compress/gzip"
	"encoding/csv"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"regulars/internal/loyalty"
	"regulars/internal/store/storetest/watched"
)

// filled is how many cards of so many stamps the orders of each member fill, and how
// many members have filled one. A surplus goes on to the next card.
func filled(rows []bought, stamp loyalty.Earn, of int64) (cards, members int64) {
	stamps := map[string]int64{}
	for _, b := range rows {
		stamps[b.member] += loyalty.Target(b.order, nil, loyalty.Rates{Earn: []loyalty.Earn{stamp}})
	}
	for _, n := range stamps {
		if cards += n / of; n >= of {
			members++
		}
	}
	return cards, members
}

func TestCardsOfCDNOW(t *testing.T) {
	t.Parallel()
	rows := cdnow(t)
	order, item := loyalty.Earn{N: 1, For: "order"}, loyalty.Earn{N: 1, For: "item"}
	for _, c := range []struct {
		id    string
		rows  []bought
		stamp loyalty.Earn
		of    int64
		want  int64
	}{
		{"O19 five orders", rows, order, 5, 6_297},
		{"O19 ten orders", rows, order, 10, 1_601},
		{"O20 five items", rows, item, 5, 24_923},
		{"O20 ten items", rows, item, 10, 9_513},
	} {
		if got, _ := filled(c.rows, c.stamp, c.of); got != c.want {
			t.Errorf("%s: %d filled, want %d", c.id, got, c.want)
		}
	}
}

// table reads a gzipped file of the Complete Journey.
func table(t *testing.T, name string) [][]string {
	t.Helper()
	watched.Skip(t)
	dir := os.Getenv("REGULARS_DATA")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared")
	}
	file, err := os.Open(filepath.Join(dir, "data", "completejourney", name))
	if err != nil {
		t.Skipf("no shared data at %s: this test did not run (REGULARS_DATA names the folder that holds it)", dir)
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
	return rows[1:]
}

// journey are the baskets of the Complete Journey. A line is of its product's category; its
// labels are its department, and "goods" where that is not fuel.
func journey(t *testing.T) (rows []bought) {
	t.Helper()
	products := map[string][]string{}
	for _, r := range table(t, "products.csv.gz") {
		products[r[0]] = r
	}
	at := map[string]int{}
	for _, r := range table(t, "transactions.csv.gz") {
		quantity, err := strconv.ParseInt(r[4], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		total, err := loyalty.ParseMoney(r[5], "USD")
		if err != nil {
			t.Fatal(err)
		}
		i, known := at[r[2]]
		if !known {
			i = len(rows)
			at[r[2]], rows = i, append(rows, bought{member: r[0], order: loyalty.Order{Status: loyalty.Paid}})
		}
		line := loyalty.Line{Product: r[3], Quantity: quantity, Total: total}
		if p := products[r[3]]; p != nil {
			line.Category, line.Brand, line.Labels = p[4], p[3], loyalty.Labels{p[2]}
		}
		if !slices.Contains(line.Labels, "FUEL") {
			line.Labels = append(line.Labels, "goods")
		}
		o := &rows[i].order
		o.Total, o.Lines = o.Total+total, append(o.Lines, line)
	}
	return rows
}

// The figures O29 and O30.
func TestPointsOfTheCompleteJourney(t *testing.T) {
	t.Parallel()
	rows := journey(t)
	if len(rows) != 47_243 {
		t.Fatalf("%d baskets, want 47243", len(rows))
	}
	sum := func(r loyalty.Rates) (n int64) {
		for _, b := range rows {
			n += loyalty.Target(b.order, nil, r)
		}
		return n
	}
	one, half := loyalty.Earn{N: 1, Per: 100}, loyalty.Earn{N: 1, Per: 200}
	of := func(e loyalty.Earn, kind, name string) loyalty.Earn {
		e.Of = loyalty.Of{Kind: kind, Name: name}
		return e
	}
	var lines int64
	households := map[string][]*big.Rat{}
	for _, b := range rows {
		for _, l := range b.order.Lines {
			lines += loyalty.Target(loyalty.Order{Status: loyalty.Paid, Total: l.Total}, nil, loyalty.Rates{Earn: []loyalty.Earn{one}})
		}
		households[b.member] = append(households[b.member], loyalty.Exact(b.order, nil, loyalty.Rates{Earn: []loyalty.Earn{one}}))
	}
	var carried int64
	for _, earned := range households {
		for _, n := range loyalty.Carry(earned) {
			carried += n
		}
	}
	for _, c := range []struct {
		id        string
		got, want int64
	}{
		{"O29 a floor for each basket", sum(loyalty.Rates{Earn: []loyalty.Earn{one}}), 209_739},
		{"O29 a floor for each line", lines, 196_055},
		{"O29 carried on in each household", carried, 232_736},
		{"O30 not on fuel", sum(loyalty.Rates{Earn: []loyalty.Earn{one}, NotOn: []loyalty.Of{{Kind: "label", Name: "FUEL"}}}), 193_342},
		{"O30 half as much on fuel", sum(loyalty.Rates{Earn: []loyalty.Earn{half, of(half, "label", "goods")}}), 201_401},
		{"O30 twice as much on the own brand", sum(loyalty.Rates{Earn: []loyalty.Earn{one, of(one, "brand", "Private")}}), 276_472},
	} {
		if c.got != c.want {
			t.Errorf("%s: %d, want %d", c.id, c.got, c.want)
		}
	}
}

// The figures O31 and O32.
func TestCardsOfTheCompleteJourney(t *testing.T) {
	t.Parallel()
	rows := journey(t)
	for _, c := range []struct {
		id          string
		of          loyalty.Of
		want, whose int64
	}{
		{"O31", loyalty.Of{Kind: "category", Name: "SOFT DRINKS"}, 123, 101},
		{"O31", loyalty.Of{Kind: "category", Name: "FLUID MILK PRODUCTS"}, 48, 0},
		{"O31", loyalty.Of{Kind: "category", Name: "YOGURT"}, 49, 0},
		{"O31", loyalty.Of{Kind: "category", Name: "CHEESE"}, 20, 0},
		{"O32", loyalty.Of{Kind: "category", Name: "FUEL"}, 3_008, 0},
	} {
		got, whose := filled(rows, loyalty.Earn{N: 1, For: "item", Of: c.of}, 10)
		if got != c.want || c.whose != 0 && whose != c.whose {
			t.Errorf("%s: %d cards of %s by %d households, want %d by %d", c.id, got, c.of.Name, whose, c.want, c.whose)
		}
	}
}
