package main

import (
	"compress/gzip"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"regulars/internal/loyalty"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
)

// figure is one that independent scripts computed of the shared real data, asked of the
// program: by a command, of whose JSON these places are the answer.
type figure struct {
	id     string
	draft  string // a loyalty.yaml that is only tried: its directory is DIR in the command
	ask    string // a command, its words parted by |
	places string // as in tiers.*.members, parted by spaces
	want   string
	less   string // a command whose answer is taken off
}

// history is a file that came in, what the program in force makes of it, and what is asked then.
type history struct {
	name    string
	file    func(t *testing.T) string
	columns []string
	loyalty string // of the program in force; "": it has none
	figures []figure
	lite    bool // where time is short it comes in on SQLite alone, else on Postgres
}

// The figures O1 to O32: on both engines what an import comes to by the program in force, as
// of the days of its past, and on one of them each what it would have come to by others. O1 rounded half up or up,
// and the wrong ways of O6, are those that the program does not take.
func TestFiguresOfRealHistories(t *testing.T) {
	t.Parallel()
	unraced(t)
	if testing.Short() {
		t.Skip("real histories come in, by several programs")
	}
	for _, h := range append(cdnowHistories(), journeyHistories()...) {
		t.Run(h.name, func(t *testing.T) {
			t.Parallel()
			file := h.file(t)
			eachShop(t, func(t *testing.T, s shop) {
				storetest.OnOne(t, map[bool]string{true: "sqlite", false: store.Postgres}[h.lite], s.engine())
				s.comesTo(h, file)
			})
		})
	}
}

func (s shop) engine() string {
	if strings.Contains(s.env[0], "sqlite:") {
		return "sqlite"
	}
	return store.Postgres
}

func (s shop) comesTo(h history, file string) {
	s.t.Helper()
	// Engines differ in how orders are read alone: each has half of the drafts tried.
	n, odd := 0, s.engine() != store.Postgres
	h.figures = slices.DeleteFunc(slices.Clone(h.figures), func(f figure) bool {
		if f.draft == "" {
			return false
		}
		n++
		return n%2 == 1 == odd
	})
	if len(h.figures) == 0 {
		return
	}
	s.must("apply", s.program(h.loyalty))
	s.must(append([]string{"import", "orders", file}, h.columns...)...)
	for _, f := range h.figures {
		ask := f.ask
		if f.draft != "" {
			ask = strings.Replace(ask, "DIR", s.program(f.draft), 1)
		}
		got := s.answered(ask, f.places)
		if f.less != "" {
			for i, n := range s.answered(f.less, f.places) {
				got[i] -= n
			}
		}
		if is := strings.Trim(fmt.Sprint(got), "[]"); is != f.want {
			s.t.Errorf("%s: regulars %s: %s = %s, want %s", f.id, strings.ReplaceAll(ask, "|", " "), f.places, is, f.want)
		}
	}
}

// answered are the numbers at places of what a command answers.
func (s shop) answered(ask, places string) (all []int64) {
	s.t.Helper()
	var answer any
	if err := json.Unmarshal([]byte(s.must(append(strings.Split(ask, "|"), "--json")...)), &answer); err != nil {
		s.t.Fatalf("regulars %s: %v", ask, err)
	}
	for _, place := range strings.Fields(places) {
		for _, n := range found(answer, strings.Split(place, ".")) {
			all = append(all, int64(n))
		}
	}
	return all
}

// program is a directory with this loyalty.yaml.
func (s shop) program(loyalty string) string {
	s.t.Helper()
	files := map[string]string{
		"program.yaml": "shop: {name: Anna, url: https://shop.example, address: \"Kauppakatu 1, Helsinki\"}\nmail: {from: \"Anna <anna@shop.example>\"}\nlanguages: [en]\ncurrency: USD\nzone: UTC\n",
		"pools.yaml":   "gift: {kind: generated, pattern: \"G-########\", amount: 5, valid_for: 30d, checkout: asks_us}\n",
	}
	if loyalty != "" {
		files["loyalty.yaml"] = loyalty
	}
	return directory(s.t, files)
}

// found are the numbers at a place of an answer: of a list each (*), their sum (+), one by its
// place, or the sum of those of a card (drinks=).
func found(v any, place []string) (all []float64) {
	if len(place) == 0 {
		n, _ := v.(float64)
		return []float64{n}
	}
	list, _ := v.([]any)
	switch place[0] {
	case "*":
		for _, one := range list {
			all = append(all, found(one, place[1:])...)
		}
		return all
	case "+":
		var sum float64
		for _, one := range list {
			for _, n := range found(one, place[1:]) {
				sum += n
			}
		}
		return []float64{sum}
	}
	if card, field, of := strings.Cut(place[0], "="); of {
		var sum float64
		for _, one := range list {
			if row, _ := one.(map[string]any); row["card"] == card {
				sum += found(row, []string{field})[0]
			}
		}
		return []float64{sum}
	}
	if n, err := strconv.Atoi(place[0]); err == nil && n < len(list) {
		return found(list[n], place[1:])
	}
	object, _ := v.(map[string]any)
	return found(object[place[0]], place[1:])
}

func rowsOf(t *testing.T, name string) [][]string {
	t.Helper()
	file, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	from := csv.NewReader(file)
	if strings.HasSuffix(name, ".gz") {
		plain, err := gzip.NewReader(file)
		if err != nil {
			t.Fatal(err)
		}
		from = csv.NewReader(plain)
	}
	rows, err := from.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// changed is a file of changed rows; the header is row 0.
func changed(t *testing.T, rows [][]string, change func(row []string, n int) []string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "orders.csv")
	file, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	out := csv.NewWriter(file)
	for i, row := range rows {
		if err := out.Write(change(row, i)); err != nil {
			t.Fatal(err)
		}
	}
	out.Flush()
	if err := file.Close(); err != nil || out.Error() != nil {
		t.Fatal(err, out.Error())
	}
	return name
}

// ofCDNOW is its file of orders, with what is changed of its rows.
func ofCDNOW(change func(row []string, n int) []string) func(t *testing.T) string {
	return func(t *testing.T) string {
		file := data(t, "cdnow/orders.csv")
		if change == nil {
			return file
		}
		return changed(t, rowsOf(t, file), change)
	}
}

// given adds to each n-th order what was given back of it: so much of its amount in cents.
func given(every int, back func(cents int64) int64) func(row []string, n int) []string {
	return func(row []string, n int) []string {
		if n == 0 {
			return append(row, "given_back")
		}
		if n%every != 0 {
			return append(row, "0")
		}
		cents, err := loyalty.ParseMoney(row[3], "USD")
		if err != nil {
			panic(err)
		}
		return append(row, loyalty.FormatMoney(back(cents), "USD"))
	}
}

// tried asks for what a draft would have earned of everything.
func tried(id, draft, want string) figure {
	return figure{id: id, draft: "points:\n  since: 1997-01-01\n  expire: never\n" + draft, ask: "points|try|DIR", places: "points.earned", want: want}
}

func counted(id, rule, day, want string) figure {
	return figure{id: id, ask: "segment|count|" + rule + "|--at|" + day, places: "count", want: want}
}

func cdnowHistories() []history {
	columns := []string{"--order-id", "row", "--map", "member=customer_id,at=ordered_at,quantity=quantity,total=amount"}
	back := append(slices.Clone(columns[:3]), columns[3]+",refunded=given_back")
	liability := func(id, day, want string) figure {
		return figure{id: id, ask: "report|liability|--at|" + day, places: "points expired", want: want}
	}
	tiers := func(id, places, want string) figure {
		return figure{id: id, ask: "report|tiers|--at|1998-07-01|--from|1996-12-31", places: places, want: want}
	}
	claims := func(id, ends, reward, places, want string) figure {
		return figure{id: id, draft: "points: {since: 1997-01-01, earn: [1 per 1.00], expire: " + ends + "}\nrewards:\n  small: {price: 100, amount: 1.00}\n  big: {price: 250, amount: 2.50}\n",
			ask: "points|try|DIR|--to|1998-06-30|--claim|" + reward, places: places, want: want}
	}
	ended := func(id, day, want string) figure {
		return figure{id: id, draft: "points: {since: 1997-01-01, earn: [1 per 1.00], expire: {unused: 6m}}\n", ask: "points|try|DIR|--to|" + day, places: "points.expiries", want: want}
	}
	plain := history{name: "CDNOW without points", lite: true, file: ofCDNOW(nil), columns: columns, figures: []figure{
		tried("O1 1 per 1.00", "  earn: [1 per 1.00]\n", "2453159"),
		tried("O1 carried", "  earn: [1 per 1.00]\n  carry: true\n", "2486122"),
		tried("O2 1 per 10.00", "  earn: [1 per 10.00]\n", "214614"),
		tried("O2 carried", "  earn: [1 per 10.00]\n  carry: true\n", "238080"),
		tried("O3 times 1.25", "  earn: [5 per 4.00]\n", "3087587"),
		tried("O3 times 1.5", "  earn: [3 per 2.00]\n", "3712275"),
		tried("O4 twice as much from 1998 on", "  earn: [1 per 1.00, 1 per 1.00 if date >= \"1998-01-01\"]\n", "2927384"),
		claims("O16 never", "never", "small", "points.claims", "15755"),
		claims("O16 12m, O17", "{after: 12m}", "small", "points.claims points.left points.expired", "15235 322722 606937"),
		claims("O16 6m", "{after: 6m}", "small", "points.claims", "13594"),
		claims("O18 never", "never", "big", "points.claims", "4029"),
		claims("O18 12m", "{after: 12m}", "big", "points.claims", "3740"),
		claims("O18 6m", "{after: 6m}", "big", "points.claims", "2909"),
		ended("O12 rows", "1997-09-30", "16790"),
		ended("O13 rows", "1997-12-31", "19437"),
		ended("O13 rows", "1998-06-30", "23160"),
		{id: "O15", draft: "points: {since: 1997-01-01, earn: [1 per 1.00], expire: {each: 12-31}}\n", ask: "points|try|DIR|--to|1998-06-30", places: "points.expired points.left", want: "1985751 467408"},
		{id: "O19, O20", draft: "cards:\n  orders5:  {stamp: order, of: 5, gives: gift}\n  orders10: {stamp: order, of: 10, gives: gift}\n" +
			"  items5:   {stamp: item, of: 5, gives: gift}\n  items10:  {stamp: item, of: 10, gives: gift}\n",
			ask: "points|try|DIR", places: "cards.orders5 cards.orders10 cards.items5 cards.items10", want: "6297 1601 24923 9513"},
		tried("O28", "  earn: [1 per 1.00]\n"+yearly("earn: 1.25x", "earn: 1.5x", "earn: 2x"), "3009852"),
	}}
	for _, c := range []struct {
		id, day string
		hold    [4]int
	}{{"O21", "1997-12-31", [4]int{18_350, 3_574, 1_192, 454}}, {"O22", "1998-03-31", [4]int{20_278, 2_115, 818, 359}}, {"O22", "1998-06-30", [4]int{20_687, 1_891, 666, 326}}} {
		for i, rule := range []string{`spent("12m") < 100`, `spent("12m") >= 100 and spent("12m") < 250`, `spent("12m") >= 250 and spent("12m") < 500`, `spent("12m") >= 500`} {
			plain.figures = append(plain.figures, counted(c.id, rule, c.day, fmt.Sprint(c.hold[i])))
		}
	}
	return []history{plain, {name: "CDNOW with points that end after a year", file: ofCDNOW(nil), columns: columns,
		loyalty: "points: {since: 1997-01-01, earn: [1 per 1.00], expire: {after: 12m}}\n" + yearly("", "", ""), figures: []figure{
			{id: "O1", ask: "report|points", places: "+.earned", want: "2453159"},
			liability("O7", "1997-12-31", "1985751 0"),
			counted("O7 members", "points_expired > 0", "1997-12-31", "0"),
			liability("O8", "1998-01-31", "1779167 281884"),
			counted("O8 members", "points_expired > 0", "1998-01-31", "7547"),
			liability("O8", "1998-03-31", "1198064 1045797"),
			counted("O8 members", "points_expired > 0", "1998-03-31", "23500"),
			liability("O9", "1998-06-30", "1052919 1400240"),
			counted("O9 members", "points_expired > 0", "1998-06-30", "23500"),
			counted("O11", `points_expiring("30d") > 0`, "1998-03-01", "9506"),
			counted("O11", `points_expiring("7d") > 0`, "1998-03-01", "3300"),
			{id: "O11 points", ask: "report|liability|--at|1998-04-01", less: "report|liability|--at|1998-03-01", places: "expired", want: "385345"},
			{id: "O11 points", ask: "report|liability|--at|1998-03-09", less: "report|liability|--at|1998-03-01", places: "expired", want: "111956"},
			tiers("O23", "tiers.*.members", "19580 2363 1102 525"),
			tiers("O24 up", "tiers.*.up", "0 5761 1987 600"),
			tiers("O24 down", "tiers.*.down", "1902 138 24 0"),
			tiers("O24 kept, jumps", "tiers.+.kept jumps", "357 145"),
		}}, {name: "CDNOW with points that end unused", lite: true, file: ofCDNOW(nil), columns: columns,
		loyalty: "points: {since: 1997-01-01, earn: [1 per 1.00], expire: {unused: 6m}}\n" + strings.ReplaceAll(yearly("", "", ""), "12m", "6m"), figures: []figure{
			liability("O12", "1997-09-30", "1076182 614617"),
			liability("O13", "1997-12-31", "1110954 874797"),
			liability("O13", "1998-06-30", "1135690 1317469"),
			counted("O13 members", "points_expired > 0", "1998-06-30", "21662"),
			tiers("O25", "tiers.*.members", "21823 1216 381 150"),
		}}, {name: "CDNOW with points by tier", lite: true, file: ofCDNOW(nil), columns: columns,
		loyalty: "points: {since: 1997-01-01, earn: [1 per 1.00], expire: never}\n" + yearly("earn: 1.25x", "earn: 1.5x", "earn: 2x"), figures: []figure{
			{id: "O28", ask: "report|points", places: "+.earned", want: "3009852"},
			tiers("O23", "tiers.*.members", "19580 2363 1102 525"),
		}}, {name: "CDNOW with every seventh given back", file: ofCDNOW(given(7, func(cents int64) int64 { return cents })), columns: back, figures: []figure{
		tried("O5", "  earn: [1 per 1.00]\n", "2103447"),
	}}, {name: "CDNOW with every tenth given back by half", file: ofCDNOW(given(10, func(cents int64) int64 { return cents / 2 })), columns: back, figures: []figure{
		tried("O6", "  earn: [1 per 1.00]\n", "2327277"),
	}}}
}

// yearly are the tiers of O21 to O28, each with something of its own.
func yearly(silver, gold, platinum string) string {
	text := "tiers:\n"
	for _, tier := range [][3]string{{"silver", "100.00", silver}, {"gold", "250.00", gold}, {"platinum", "500.00", platinum}} {
		text += "  " + tier[0] + ": {when: 'spent(\"12m\") >= " + tier[1] + "', keep: 12m"
		if tier[2] != "" {
			text += ", " + tier[2]
		}
		text += "}\n"
	}
	return text
}

// ofTheJourney is the file of the Complete Journey's lines, each with its product's category,
// brand, and department: as a label, and "goods" beside it where that is not fuel.
func ofTheJourney(t *testing.T) string {
	products := map[string][]string{}
	for _, row := range rowsOf(t, data(t, "completejourney/products.csv.gz")) {
		products[row[0]] = row
	}
	return changed(t, rowsOf(t, data(t, "completejourney/transactions.csv.gz")), func(row []string, n int) []string {
		row = []string{row[0], row[2], row[3], row[4], row[5], row[10]}
		p := products[row[2]]
		switch {
		case n == 0:
			return append(row, "category", "brand", "labels")
		case p == nil:
			return append(row, "", "", "goods")
		case p[2] == "FUEL":
			return append(row, p[4], p[3], p[2])
		}
		return append(row, p[4], p[3], "goods")
	})
}

func journeyHistories() []history {
	const columns = "member=household_id,at=transaction_timestamp,quantity=quantity,total=sales_value"
	return []history{{name: "the baskets of the Complete Journey", file: ofTheJourney,
		columns: []string{"--map", "order=basket_id,product=product_id,category=category,brand=brand,labels=labels," + columns}, loyalty: `
points: {since: 2017-01-01, earn: [1 per 1.00], expire: never}
cards:
  drinks: {stamp: category "SOFT DRINKS", of: 10, gives: gift}
  milk:   {stamp: category "FLUID MILK PRODUCTS", of: 10, gives: gift}
  yogurt: {stamp: category "YOGURT", of: 10, gives: gift}
  cheese: {stamp: category "CHEESE", of: 10, gives: gift}
`, figures: []figure{
			{id: "O29 a floor for each basket", ask: "report|points", places: "+.earned", want: "209739"},
			tried("O29 carried on in each household", "  earn: [1 per 1.00]\n  carry: true\n", "232736"),
			tried("O30 not on fuel", "  earn: [1 per 1.00]\n  not_on: [label \"FUEL\"]\n", "193342"),
			tried("O30 half as much on fuel", "  earn: [1 per 2.00, 1 per 2.00 of label \"goods\"]\n", "201401"),
			tried("O30 twice as much on the own brand", "  earn: [1 per 1.00, 1 per 1.00 of brand \"Private\"]\n", "276472"),
			{id: "O31", ask: "report|cards", places: "drinks=filled milk=filled yogurt=filled cheese=filled", want: "123 48 49 20"},
			{id: "O32", draft: "cards:\n  fuel: {stamp: category \"FUEL\", of: 10, gives: gift}\n", ask: "points|try|DIR", places: "cards.fuel", want: "3008"},
			{id: "O31 households", ask: "segment|count|cards_filled(\"drinks\") >= 1", places: "count", want: "101"},
		}}, {name: "the lines of the Complete Journey", file: ofTheJourney, columns: []string{"--order-id", "row", "--map", columns}, figures: []figure{
		tried("O29 a floor for each line", "  earn: [1 per 1.00]\n", "196055"),
	}}}
}
