// Importing a real history shares nothing between goroutines, and takes the race
// detector minutes: .ci/run has this tried without it.

//go:build !race

package report_test

import (
	"compress/gzip"
	"encoding/csv"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"regulars/internal/importer"

	"regulars/internal/report"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
	"regulars/internal/store/storetest/watched"
	"regulars/segments"
)

// ofTheJourney are the households of a grocer in 2017, with what they bought.
var ofTheJourney = []check{
	{row: "rows (households|transactions)", not: "counted as the file comes in, below; the rest of the row is about columns"},
	{row: "rows (products|campaigns|campaign_descriptions|coupons|coupon_redemptions)", not: "files that no import of ours takes"},
	{row: "products .*|departments|product categories", not: "the grocer's list of products, most of which nobody of these bought: we know products from orders"},
	{row: "households with demographics", got: rule("known(age_group)")},
	{row: "households by age", got: attribute("age_group")},
	{row: "households by (income|marital_status|household_size|home_ownership|kids_count)", got: func(p *published, m []string) string {
		return attribute(m[1])(p, m)
	}},

	{row: "tx households", got: number(func(p *published) int64 { return p.summary().Customers })},
	{row: "tx baskets", got: number(func(p *published) int64 { return p.summary().Orders })},
	{row: "tx stores", got: number(func(p *published) int64 { return int64(len(made[[]report.Sale](p, "shops", 0))) })},
	{row: "tx products", got: number(func(p *published) int64 { return int64(len(made[[]report.Sale](p, "products", 0))) })},
	{row: `tx timestamp min/max \(UTC\)`, got: func(p *published, _ []string) string {
		s := p.summary()
		return fmt.Sprintf("('%s', '%s')", s.FirstAt.Format(time.RFC3339), s.LastAt.Format(time.RFC3339))
	}},
	{row: "tx sum sales_value", got: amount(func(p *published) int64 { return p.summary().Amount })},
	{row: "tx sum coupon_disc", got: amount(func(p *published) int64 { return p.summary().Discount })},
	{row: "tx sum retail_disc", not: "an order keeps one discount: here the coupons' is taken, the shelf price's is not"},
	{row: "tx lines with coupon_disc<>0", not: "an order keeps its discount as a whole, not by line"},
	{row: "tx money values that are not whole cents .*", not: "a flaw of the file; that it does no harm shows in the sum of sales"},
	{row: "tx quantity sum", got: number(func(p *published) int64 { return p.summary().Items })},
	{row: "tx (quantity = 0 lines|max quantity|sales_value = 0 lines)", not: "oddities of single lines (weighed goods, fuel by the millilitre): no report is about them; intake's test of this file counts them"},
	{row: "tx product ids missing in products", not: "about the grocer's list of products"},
	{row: "baskets with one (household|timestamp) only", not: "true of the file by construction: an order has one member and one moment, and the import would refuse it otherwise"},
	{row: `households with >= (\d+) baskets`, got: rule("orders >= $1")},
	// By its moment, the end of the 90th day before, and so by days: 90 or more.
	{row: `households with no line after 2017-10-02T23:59:59Z \(lapsed > 90 days at 2017-12-31\)`, got: func(p *published, _ []string) string {
		p.day = parseDay(p.t, "2017-12-31")
		p.fill()
		defer func() { p.day = parseDay(p.t, "2018-01-01"); p.fill() }()
		return p.count("days_since_last_order >= 90")
	}},
	{row: `top decile \((\d+)\) sales`, got: func(p *published, m []string) string {
		if fmt.Sprint(p.top().Size) != m[1] {
			return fmt.Sprint("a tenth of ", p.top().Size)
		}
		return dollars(p.top().Amount)
	}},
	{row: "top 5 households", got: func(p *published, _ []string) string {
		var list []string
		for _, s := range p.top().Spenders[:5] {
			list = append(list, fmt.Sprintf("('%s', '%s')", s.Member, dollars(s.Spent)))
		}
		return "[" + strings.Join(list, ", ") + "]"
	}},
	{row: "sales by department top 8", got: func(p *published, _ []string) string {
		var list []string
		for _, s := range made[[]report.Sale](p, "brands", 0)[:8] { // the file's departments come in as brands, see below
			list = append(list, fmt.Sprintf("('%s', '%s')", s.Name, dollars(s.Amount)))
		}
		return "[" + strings.Join(list, ", ") + "]"
	}},
	{row: "favourite category per household .* top 8", got: func(p *published, _ []string) string {
		var list []string
		for _, f := range made[[]report.Favourite](p, "favourites", 0)[:8] {
			byRule := p.count("favourite_category == %q", f.Category)
			if byRule != fmt.Sprint(f.Members) {
				byRule += fmt.Sprintf(" by rule, %d by report", f.Members)
			}
			list = append(list, fmt.Sprintf("('%s', %s)", f.Category, byRule))
		}
		return "[" + strings.Join(list, ", ") + "]"
	}},
	{row: "households whose favourite category is a tie", got: func(p *published, _ []string) string {
		var sum int64
		for _, f := range made[[]report.Favourite](p, "favourites", 0) {
			sum += f.Tied
		}
		return fmt.Sprint(sum)
	}},
	{row: `category pairs bought together \(baskets\) top 8`, got: pairs},

	{row: "campaign(s| ).*|redeem.*|redemption.*|coupon.*|households in >=1 campaign|exact duplicate redemption rows",
		not: "paper campaigns that another program sent: ours come from our own ledger (report campaigns, report pools)"},
}

// attribute counts members by an attribute, in the spelling and the order of the
// published row. Those without it are counted among the members that have any.
func attribute(name string) func(*published, []string) string {
	return func(p *published, m []string) string {
		var list []string
		for _, part := range keyed.FindAllStringSubmatch(p.rows[m[0]], -1) {
			rule := fmt.Sprintf("%s == %q", name, part[1])
			if part[1] == "" {
				rule = fmt.Sprintf("known(age_group) and not known(%s)", name)
			}
			list = append(list, fmt.Sprintf("'%s': %s", part[1], p.count("%s", rule)))
		}
		return "{" + strings.Join(list, ", ") + "}"
	}
}

var keyed = regexp.MustCompile(`'([^']*)': \d+`)

// pairs spells the report on pairs as published, where pairs of one count stand
// in no order that is told.
func pairs(p *published, m []string) string {
	got := made[[]report.Pair](p, "pairs", 8)
	var list []string
	for _, part := range regexp.MustCompile(`\('([^']*)', '([^']*)'\), (\d+)`).FindAllStringSubmatch(p.rows[m[0]], -1) {
		at := slices.IndexFunc(got, func(g report.Pair) bool { return g.First == part[1] && g.Second == part[2] })
		if at < 0 {
			return fmt.Sprintf("%v, without %s and %s", got, part[1], part[2])
		}
		list = append(list, fmt.Sprintf("(('%s', '%s'), %d)", got[at].First, got[at].Second, got[at].Orders))
	}
	if !slices.IsSortedFunc(got, func(a, b report.Pair) int { return int(b.Orders - a.Orders) }) {
		return fmt.Sprint("not the most first: ", got)
	}
	return "[" + strings.Join(list, ", ") + "]"
}

func TestPublishedFiguresOfTheCompleteJourney(t *testing.T) {
	watched.Skip(t)
	t.Parallel()
	lines, products := shared(t, "completejourney/transactions.csv.gz"), shared(t, "completejourney/products.csv.gz")
	households, figures := shared(t, "completejourney/households.csv"), shared(t, "facts/completejourney.facts.tsv")
	file := filepath.Join(t.TempDir(), "lines.csv")
	withProducts(t, lines, products, file)
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		storetest.OnOne(t, store.Postgres, db.Engine())
		db = db.At(time.Date(2018, 1, 2, 0, 0, 0, 0, time.UTC))
		scope := inForce(t, db, shopProgram("attributes: {age_group: text, income: text, home_ownership: text, marital_status: text, household_size: text, kids_count: text}\n",
			"lapsed: orders >= 2 and days_since_last_order > 90\n"))
		// The files say brand for national or private; the departments are more of use.
		var ignored []string
		im := importer.File{Kind: "orders", Path: file, Source: "tcj", Taken: func(r importer.Reading) { ignored = r.LeftOut }}
		const columns = "order=basket_id,member=household_id,at=transaction_timestamp,quantity=quantity,total=sales_value,discount=coupon_disc,product=product_id,category=product_category,brand=department,shop=store_id"
		if got, want := importFile(t, db, im, columns), "75000 read, 47243 new, 0 updated, 0 unchanged, 0 refused"; got != want {
			t.Errorf("the import of lines: %s, want %s", got, want)
		}
		if got, want := strings.Join(ignored, " "), "retail_disc coupon_match_disc week"; got != want {
			t.Errorf("ignored columns: %s, want %s", got, want)
		}
		if got, want := importFile(t, db, im, columns), "75000 read, 0 new, 0 updated, 47243 unchanged, 0 refused"; got != want {
			t.Errorf("the second import: %s, want %s", got, want)
		}
		for query, want := range map[string]string{
			"select count(*) || ' ' || cast(sum(orders) as bigint) || ' ' || cast(sum(spent) as bigint) || ' ' || cast(sum(quantity) as bigint) from facts": "2377 47243 23393524 7784694",
			"select count(*) || ' ' || count(distinct product) || ' ' || cast(sum(total) as bigint) from order_lines":                                       "75000 20902 23393524",
			"select cast(count(distinct shop) as text) from orders":                                                                                         "293",
			"select cast(count(*) as text) from facts where orders >= 50":                                                                                   "159",
			"select m.external_id || ' ' || f.spent from facts f join members m on m.id = f.member_id order by f.spent desc limit 1":                        "1023 115605",
			"select cast(count(*) as text) from order_lines where quantity = 0":                                                                             "416",
			"select cast(count(*) as text) from order_lines where total = 0":                                                                                "529",
		} {
			holds(t, db, query, want)
		}
		if got, want := importFile(t, db, importer.File{Kind: "members", Path: households}, "member=household_id,age_group=age"), "801 read, 0 new, 801 updated, 0 unchanged, 0 refused"; got != want {
			t.Errorf("the import of households: %s, want %s", got, want)
		}
		compare(t, db, figures, "2018-01-01", scope, ofTheJourney)
		favouritesExcept(t, db, []string{"COUPON/MISC ITEMS", "FUEL"})
	})
}

// favouritesExcept leaves out what nobody is fond of, and compares how many have
// each category as their favourite by a rule with a count over the lines in Go.
func favouritesExcept(t *testing.T, db *store.DB, except []string) {
	t.Helper()
	type sum struct {
		MemberID, Total int64
		Category        string
	}
	sums := see(t, db, func(tx *store.Tx) (all []sum, err error) {
		err = tx.All(&all, "select member_id, category, sum(total) as total from order_lines where category <> '' group by member_id, category", nil)
		return all, err
	})
	best, want := map[int64]sum{}, map[string]int64{}
	for _, s := range sums {
		b, has := best[s.MemberID]
		better := !has || s.Total > b.Total || s.Total == b.Total && s.Category < b.Category
		if better && !slices.Contains(except, s.Category) {
			best[s.MemberID] = s
		}
	}
	for _, b := range best {
		want[b.Category]++
	}
	scope := segments.Scope{Currency: "USD", FavouritesExcept: except}
	for _, category := range []string{"COUPON/MISC ITEMS", "FUEL", "BEEF", "SOFT DRINKS", "BEERS/ALES", "FRZN MEAT/MEAT DINNERS"} {
		r, err := segments.Parse(fmt.Sprintf("favourite_category == %q", category), scope)
		if err != nil {
			t.Fatal(err)
		}
		got := see(t, db, report.Audience{Rule: r, Day: parseDay(t, "2018-01-01")}.Count)
		if got != want[category] {
			t.Errorf("favourite_category == %q without coupons and fuel on %s: got %d, want %d", category, db.Engine(), got, want[category])
		}
	}
	if want["BEEF"] <= 184 {
		t.Errorf("BEEF is the favourite of %d without coupons and fuel, want more than the 184 with them", want["BEEF"])
	}
}

// withProducts writes the lines to a file with what the list of products says of
// each, as a shop's own export would have it.
func withProducts(t *testing.T, lines, products, into string) {
	t.Helper()
	list := readCSV(t, products)
	department, category := slices.Index(list[0], "department"), slices.Index(list[0], "product_category")
	known := map[string][]string{}
	for _, r := range list[1:] {
		known[r[0]] = []string{r[department], r[category]}
	}
	all := readCSV(t, lines)
	product := slices.Index(all[0], "product_id")
	all[0] = append(all[0], "department", "product_category")
	for i, r := range all[1:] {
		more := known[r[product]]
		if more == nil {
			more = []string{"", ""}
		}
		all[i+1] = append(r, more...)
	}
	file, err := os.Create(into)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if err := csv.NewWriter(file).WriteAll(all); err != nil {
		t.Fatal(err)
	}
}

func readCSV(t *testing.T, path string) [][]string {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var r io.Reader = file
	if strings.HasSuffix(path, ".gz") {
		if r, err = gzip.NewReader(file); err != nil {
			t.Fatal(err)
		}
	}
	rows, err := csv.NewReader(r).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return rows
}
