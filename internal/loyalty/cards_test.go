package loyalty_test

import (
	"compress/gzip"
	"encoding/csv"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"regulars/internal/loyalty"
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

// The figures O19 and O20 were computed by independent scripts, which count the items of
// orders of 0.00, too: of two members these fill a card.
func TestCardsOfCDNOW(t *testing.T) {
	t.Parallel()
	rows := cdnow(t)
	var worth []bought
	for _, b := range rows {
		b.order.Total = max(b.order.Total, 1)
		worth = append(worth, b)
	}
	order, item := loyalty.Earn{N: 1, For: "order"}, loyalty.Earn{N: 1, For: "item"}
	for _, c := range []struct {
		id    string
		rows  []bought
		stamp loyalty.Earn
		of    int64
		want  int64
	}{
		{"O19 five orders", worth, order, 5, 6_297},
		{"O19 ten orders", worth, order, 10, 1_601},
		{"O20 five items", worth, item, 5, 24_923},
		{"O20 ten items", worth, item, 10, 9_513},
		{"five items that were paid for", rows, item, 5, 24_921},
		{"ten items that were paid for", rows, item, 10, 9_512},
	} {
		if got, _ := filled(c.rows, c.stamp, c.of); got != c.want {
			t.Errorf("%s: %d filled, want %d", c.id, got, c.want)
		}
	}
}

// table reads a gzipped file of the Complete Journey.
func table(t *testing.T, name string) [][]string {
	t.Helper()
	if watched {
		t.Skip("a real history, and the race detector is on")
	}
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

// The figures O31 and O32.
func TestCardsOfTheCompleteJourney(t *testing.T) {
	t.Parallel()
	lines := table(t, "transactions.csv.gz")
	category := map[string]string{}
	for _, r := range table(t, "products.csv.gz") {
		category[r[0]] = r[4]
	}
	baskets := map[string]*bought{}
	for _, r := range lines {
		quantity, err := strconv.ParseInt(r[4], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		total, err := loyalty.ParseMoney(r[5], "USD")
		if err != nil {
			t.Fatal(err)
		}
		b := baskets[r[2]]
		if b == nil {
			b = &bought{member: r[0], order: loyalty.Order{Status: loyalty.Paid}}
			baskets[r[2]] = b
		}
		b.order.Total += total
		b.order.Lines = append(b.order.Lines, loyalty.Line{Product: r[3], Category: category[r[3]], Quantity: quantity, Total: total})
	}
	var rows []bought
	for _, b := range baskets {
		rows = append(rows, *b)
	}
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
