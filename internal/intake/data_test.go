package intake_test

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"regulars/internal/intake"
	"regulars/internal/loyalty"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
	"regulars/segments"
)

// shared returns a file of the real data, and skips the test where there is none.
func shared(t testing.TB, path string) string {
	t.Helper()
	file := filepath.Join(cmp.Or(os.Getenv("REGULARS_DATA"), "../../../shared"), "data", path)
	if _, err := os.Stat(file); err != nil {
		t.Skip("the real data is not here: ", file)
	}
	return file
}

func (d door) imported(im intake.Import) string {
	d.t.Helper()
	begin := time.Now()
	tally, err := d.Import(context.Background(), im)
	if err != nil {
		d.t.Fatalf("Import = %v, %v", tally, err)
	}
	d.t.Logf("%s in %v", tally, time.Since(begin).Round(time.Millisecond))
	return tally.String()
}

func TestCDNOW(t *testing.T) {
	t.Parallel()
	file := shared(t, "cdnow/orders.csv")
	columns, err := intake.ParseMap("member=customer_id,at=ordered_at,quantity=quantity,total=amount")
	if err != nil {
		t.Fatal(err)
	}
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		d := newDoor(t, db)
		im := intake.Import{Kind: "orders", Path: file, OrderID: "row", Source: "cdnow", Map: columns}
		if got, want := d.imported(im), "69659 read, 69659 new, 0 updated, 0 unchanged, 0 refused"; got != want {
			t.Errorf("the first import: %s, want %s", got, want)
		}
		if got, want := d.imported(im), "69659 read, 0 new, 0 updated, 69659 unchanged, 0 refused"; got != want {
			t.Errorf("the second import: %s, want %s", got, want)
		}
		for query, want := range map[string]string{
			"select count(*) from facts where joined or consent_offers or consent_newsletter or consent_program": "0",
			"select count(*) from members where external_id <> '00001' and external_id like '0000%' or named":    "23570",
			"select count(*) from order_lines": "0",
			"select count(*) from events":      "0",
			"select cast(sum(orders) as bigint) || ' ' || cast(sum(spent) as bigint) || ' ' || cast(sum(quantity) as bigint) || ' ' || cast(sum(order_days) as bigint) from facts": "69659 250031563 167881 67591",
		} {
			if got := d.one(query); got != want {
				t.Errorf("%s = %s, want %s", query, got, want)
			}
		}
		d.compare(shared(t, "facts/cdnow.facts.tsv"))
	})
}

// spokenOf are the figures of a facts file, as of a date, as SQL over the facts f
// of that date. Days since are counted to @day.
var spokenOf = map[string]string{
	"customers":                                             "count(*)",
	"orders":                                                "sum(f.orders)",
	"amount":                                                "sum(f.spent)",
	"customers with >= 2 orders (rows)":                     "count(*) filter (where f.orders >= 2)",
	"customers with >= 3 orders (rows)":                     "count(*) filter (where f.orders >= 3)",
	"customers with >= 5 orders (rows)":                     "count(*) filter (where f.orders >= 5)",
	"customers with >= 10 orders (rows)":                    "count(*) filter (where f.orders >= 10)",
	"customers with >= 20 orders (rows)":                    "count(*) filter (where f.orders >= 20)",
	"customers with >= 3 distinct order days":               "count(*) filter (where f.order_days >= 3)",
	"lapsed: days since last order > 30":                    "count(*) filter (where @day - f.last_day > 30)",
	"lapsed: days since last order = 30":                    "count(*) filter (where @day - f.last_day = 30)",
	"lapsed: days since last order > 60":                    "count(*) filter (where @day - f.last_day > 60)",
	"lapsed: days since last order > 90":                    "count(*) filter (where @day - f.last_day > 90)",
	"lapsed: days since last order = 90":                    "count(*) filter (where @day - f.last_day = 90)",
	"lapsed: days since last order > 365":                   "count(*) filter (where @day - f.last_day > 365)",
	"win-back segment: >=2 orders and > 90 days since last": "count(*) filter (where f.orders >= 2 and @day - f.last_day > 90)",
	"VIP: >=5 orders and <= 90 days since last":             "count(*) filter (where f.orders >= 5 and @day - f.last_day <= 90)",
	"customers with spend >= 100.00":                        "count(*) filter (where f.spent >= 10000)",
	"customers with spend >= 250.00":                        "count(*) filter (where f.spent >= 25000)",
	"customers with spend >= 1000.00":                       "count(*) filter (where f.spent >= 100000)",
	"households with >= 5 baskets":                          "count(*) filter (where f.orders >= 5)",
}

// compare goes through the figures of a facts file that we can say, in the facts
// as of each of its dates.
func (d door) compare(file string) {
	d.t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		d.t.Fatal(err)
	}
	want := map[string]map[string]string{} // date → figure → value
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "\t")
		rest, ok := strings.CutPrefix(name, "asof ")
		date, figure, _ := strings.Cut(rest, " ")
		if !ok || spokenOf[figure] == "" {
			continue
		}
		if want[date] == nil {
			want[date] = map[string]string{}
		}
		want[date][figure] = strings.Replace(value, ".", "", 1)
	}
	if len(want) < 3 {
		d.t.Errorf("only %d dates were compared", len(want))
	}
	for date, figures := range want {
		got := d.asOf(date, slices.Sorted(maps.Keys(figures)))
		for figure, value := range figures {
			if got[figure] != value {
				d.t.Errorf("%s %s = %s, want %s", date, figure, got[figure], value)
			}
		}
	}
}

// asOf returns figures over the facts as of the end of a date.
func (d door) asOf(date string, figures []string) map[string]string {
	d.t.Helper()
	day, err := loyalty.ParseDay(date)
	if err != nil {
		d.t.Fatal(err)
	}
	list := make([]string, len(figures))
	for i, f := range figures {
		list[i] = "cast(cast(" + strings.ReplaceAll(spokenOf[f], "@day", fmt.Sprint(int64(day))) + " as bigint) as text)"
	}
	var joined string
	err = d.db.View(context.Background(), func(tx *store.Tx) error {
		return tx.One(&joined, "select "+strings.Join(list, " || ' ' || ")+" from ("+segments.FactsSelect(tx.Engine(), "")+") f", store.Args{"day": int64(day)})
	})
	if err != nil {
		d.t.Fatal(err)
	}
	got := map[string]string{}
	for i, value := range strings.Fields(joined) {
		got[figures[i]] = value
	}
	return got
}

func TestTheCompleteJourney(t *testing.T) {
	t.Parallel()
	file := shared(t, "completejourney/transactions.csv.gz")
	columns, err := intake.ParseMap("order=basket_id,member=household_id,at=transaction_timestamp,quantity=quantity,total=sales_value,product=product_id,shop=store_id")
	if err != nil {
		t.Fatal(err)
	}
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		d := newDoor(t, db)
		im := intake.Import{Kind: "orders", Path: file, Source: "tcj", Map: columns}
		var ignored []string
		im.Ignored = func(columns []string) { ignored = columns }
		if got, want := d.imported(im), "75000 read, 47243 new, 0 updated, 0 unchanged, 0 refused"; got != want {
			t.Errorf("the import: %s, want %s", got, want)
		}
		if got := strings.Join(ignored, " "); got != "retail_disc coupon_disc coupon_match_disc week" {
			t.Errorf("ignored columns: %s", got)
		}
		if got, want := d.imported(im), "75000 read, 0 new, 0 updated, 47243 unchanged, 0 refused"; got != want {
			t.Errorf("the second import: %s, want %s", got, want)
		}
		for query, want := range map[string]string{
			"select count(*) || ' ' || cast(sum(orders) as bigint) || ' ' || cast(sum(spent) as bigint) || ' ' || cast(sum(quantity) as bigint) from facts": "2377 47243 23393524 7784694",
			"select count(*) || ' ' || count(distinct product) || ' ' || cast(sum(total) as bigint) from order_lines":                                       "75000 20902 23393524",
			"select count(distinct shop) from orders":       "293",
			"select count(*) from facts where orders >= 5":  "1969",
			"select count(*) from facts where orders >= 50": "159",
			"select m.external_id || ' ' || f.spent from facts f join members m on m.id = f.member_id order by f.spent desc limit 1": "1023 115605",
			"select count(*) from order_lines where quantity = 0":                                                                    "416",
			"select count(*) from order_lines where total = 0":                                                                       "529",
		} {
			if got := d.one(query); got != want {
				t.Errorf("%s = %s, want %s", query, got, want)
			}
		}
	})
}
