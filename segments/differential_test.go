package segments_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"regulars/internal/forecast"
	"regulars/internal/loyalty"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
	"regulars/segments"
)

// TestSQLAgreesWithGo draws members and rules and asks each rule of each member
// in Go, in SQL over the facts of that day as a derived table, over the table
// facts, and narrowed to some members. A case is one rule asked of one population
// on one engine. Each drawing asks at least a hundred, so that the hundred drawings
// of both engines are 20,000; -rapid.checks draws more.
func TestSQLAgreesWithGo(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		drawings, cases := 0, 0
		rapid.Check(t, func(t *rapid.T) {
			w := &trial{people: drawPeople(t), stock: drawStock(t), by: drawScoring(t), day: today - loyalty.Day(rapid.SampledFrom([]int64{0, 0, 1, 3, 4, 30, 61, 200}).Draw(t, "ago")), given: drawGiven(t)}
			half := rapid.IntRange(0, 1).Draw(t, "half")
			for i := half; i < len(leaves); i += 2 {
				w.single = append(w.single, fillIn(t, leaves[i]))
			}
			for range 4 {
				w.composed = append(w.composed, drawRule(t, 3))
			}
			undo := errors.New("undo")
			err := db.Update(context.Background(), func(tx *store.Tx) error {
				w.run(t, tx)
				return undo
			})
			if !errors.Is(err, undo) {
				t.Fatal(err)
			}
			drawings++
			cases += len(w.single) + len(w.composed)
		})
		if cases < 100*drawings {
			t.Errorf("%d drawings asked %d rules of a population, want at least %d", drawings, cases, 100*drawings)
		}
		t.Logf("%s: %d rules were asked of a population", db.Engine(), cases)
	})
}

// trial is one drawing of people and rules.
type trial struct {
	people []*person
	stock  []code // nobody's
	day    loyalty.Day
	given  segments.Known
	by     segments.Scoring
	norms  *segments.Norms

	single, composed []string
}

func drawGiven(t *rapid.T) segments.Known {
	o := rapid.Custom(drawOrder).Draw(t, "the order")
	return segments.Known{
		Norms: &segments.Norms{Gap: pick(t, "program's gap", []float64{0, 1, 12, 30.5}),
			Forecast: segments.Forecast{Fit: &forecast.Fitted{Model: pick(t, "model", models)}}},
		Launch: map[string]any{"category": pick(t, "launched", categories[:2]), "amount": "59.90", "on": "2027-03-01"},
		Order:  &o,
		Event: throughJSON(map[string]any{"gift": pick(t, "gift", []any{true, false, nil}), "n": pick(t, "n", []any{3, "3", 3.5, "x"}),
			"kind": pick(t, "kind", []any{"a", "b", 1}), "on": "2027-03-02", "items": []any{"a", "b"}}),
	}
}

func (w *trial) run(t *rapid.T, tx *store.Tx) {
	if err := save(tx, w.people, w.stock); err != nil {
		t.Fatalf("save: %v", err)
	}
	day := store.Args{"day": w.day}
	if _, err := tx.Exec("insert into facts "+segments.FactsSelect(tx.Engine(), ""), day); err != nil {
		t.Fatalf("facts: %v", err)
	}
	w.compute(t, tx)
	w.norms.Forecast = w.given.Norms.Forecast // few people have none
	w.askTogether(t, tx)
	for _, text := range w.composed {
		w.ask(t, tx, w.parse(t, text))
	}
}

func (w *trial) parse(t *rapid.T, text string) *segments.Rule {
	r, err := segments.Parse(text, wideScope)
	if err != nil {
		t.Fatalf("Parse(%s) = %v", text, err)
	}
	return r
}

// want returns who is known on the day, and for whom the rule holds in Go.
func (w *trial) want(r *segments.Rule) map[int64]int {
	want, shop := map[int64]int{}, shopOf(w.people, w.stock)
	for _, p := range w.people {
		if !p.knownBy(w.day) {
			continue
		}
		k := p.asOf(w.day)
		k.Norms, k.Launch, k.Order, k.Event, k.Shop = w.norms, w.given.Launch, w.given.Order, w.given.Event, shop
		if want[p.id] = 0; r.Eval(k) {
			want[p.id] = 1
		}
	}
	return want
}

func (w *trial) query(tx *store.Tx, prefix string) segments.Query {
	return segments.Query{Engine: tx.Engine(), Day: w.day, Prefix: prefix, Occurrence: occurrence, Norms: w.norms,
		Launch: w.given.Launch, Order: w.given.Order, Event: w.given.Event}
}

// askTogether asks half of all sorts of conditions, and whether they are ever
// null, in one statement over the facts of the day as a derived table.
func (w *trial) askTogether(t *rapid.T, tx *store.Tx) {
	args, columns := store.Args{"day": w.day}, []string{}
	rules := make([]*segments.Rule, len(w.single))
	for i, text := range w.single {
		rules[i] = w.parse(t, text)
		where, more := rules[i].SQL(w.query(tx, fmt.Sprintf("p%d_", i)))
		maps.Copy(args, more)
		columns = append(columns, "case ("+where+") when true then '1' when false then '0' else '2' end")
	}
	query := "select f.member_id as id, " + strings.Join(columns, " || ") + " as answers from (" + segments.FactsSelect(tx.Engine(), "") + ") f"
	var rows []struct {
		ID      int64
		Answers string
	}
	if err := tx.All(&rows, query, args); err != nil {
		t.Fatalf("%q: %v", w.single, err)
	}
	for i, r := range rules {
		got := map[int64]int{}
		for _, row := range rows {
			got[row.ID] = int(row.Answers[i] - '0')
		}
		if want := w.want(r); !maps.Equal(got, want) {
			where, args := r.SQL(w.query(tx, ""))
			t.Fatalf("%s on %s (%s)\n SQL says %v\n  Go says %v\n%s\n%v", r.Text(), w.day, tx.Engine(), got, want, where, args)
		}
	}
}

// ask asks a composed rule over the table facts, and of some members only.
func (w *trial) ask(t *rapid.T, tx *store.Tx, r *segments.Rule) {
	const inside = "select f.member_id as id, 1 as answer from %[2]s f where %[1]s union all select f.member_id, 0 from %[2]s f where not (%[1]s)"
	want, q := w.want(r), w.query(tx, "")
	where, args := r.SQL(q)
	w.compare(t, tx, r, want, fmt.Sprintf(inside, where, "facts"), args)
	q.Members = "@members"
	where, args = r.SQL(q)
	args["day"], args["members"] = w.day, append(slices.Collect(maps.Keys(want)), -1)
	w.compare(t, tx, r, want, fmt.Sprintf(inside, where, "("+segments.FactsSelect(q.Engine, "@members")+")"), args)
}

func (w *trial) compare(t *rapid.T, tx *store.Tx, r *segments.Rule, want map[int64]int, query string, args store.Args) {
	var rows []struct {
		ID     int64
		Answer int
	}
	if err := tx.All(&rows, query, args); err != nil {
		t.Fatalf("%s\n%s\n%v\n%v", r.Text(), query, args, err)
	}
	got := map[int64]int{}
	for _, row := range rows {
		got[row.ID] = row.Answer
	}
	if !maps.Equal(got, want) || len(rows) != len(want) {
		t.Fatalf("%s on %s (%s)\n SQL says %v\n  Go says %v\n%s\n%v", r.Text(), w.day, tx.Engine(), got, want, query, args)
	}
}

// drawRule draws a rule of that depth at most.
func drawRule(t *rapid.T, depth int) string {
	if depth == 0 || rapid.IntRange(0, 2).Draw(t, "leaf") == 0 {
		return drawLeaf(t)
	}
	switch rapid.IntRange(0, 3).Draw(t, "form") {
	case 0:
		return "not (" + drawRule(t, depth-1) + ")"
	case 1:
		return "(" + drawRule(t, depth-1) + " or " + drawRule(t, depth-1) + ")"
	}
	return "(" + drawRule(t, depth-1) + " and " + drawRule(t, depth-1) + ")"
}

// models are forecasts of a usual shop, of one whose customers come often and
// soon leave, and of one in which all are alike.
var models = []forecast.Model{{R: 0.243, Alpha: 4.414, A: 0.793, B: 2.426}, {R: 3, Alpha: 0.2, A: 1, B: 0.3}, {R: 100, Alpha: 900, A: 120, B: 140}}

// leaves are the conditions of the language, with a letter in braces for what
// is drawn.
var leaves = []string{
	`{N} {<} {n}`, `{N} {<} {n}`, `{N} {<} {n}`, `{N} in ({n}, {n})`, `{n} {<} {N}`, `{N} {<} {N}`,
	`{M} {<} {m}`, `{M} {<} {m}`, `{M} in ({m}, {m})`, `{M} {<} {M}`, `{M} {<} launch.amount`, `{M} {<} order.total`,
	`{D} {<} {d}`, `{D} {<} {d}`, `{D} in ({d}, {d})`, `{D} {<} {D}`, `{D} {<} {N}`,
	`size {<} {s}`, `size in ({s}, {n})`, `size {<} {N}`, `size {<} size`,
	`ends {<} {on}`, `ends in ({on}, {on})`, `ends {<} launch.on`, `ends {<} event.on`, `ends {<} ends`, `days_since(launch.on) {<} {d}`,
	`plan {=} "gold"`, `plan in ("gold", "42", "true")`, `plan not in ("silver")`, `plan {=} country`, `plan {=} launch.category`,
	`"dog" in pets`, `"1" in pets`, `launch.category in pets`,
	`country {=} "FI"`, `country in ("FI", "SE")`, `language {=} "fi"`, `country {=} language`,
	`tag("club")`, `"vip" in tags`, `tag(launch.category)`, `event.kind in tags`,
	`consent("offers")`, `consent("newsletter") == false`, `joined`, `joined != true`,
	`bought_product("SKU-1"{,w})`, `bought_category({c}{,w})`, `bought_brand("O'Neill \"x\""{,w})`, `bought_category(launch.missing)`,
	`favourite_category{(w)} {=} {c}`, `favourite_category in ({c}, {c})`, `favourite_brand {=} "Musti"`, `favourite_category {=} launch.missing`,
	`favourite_category {=} favourite_category("90d")`,
	`events({e}{,w}) {<} {n}`, `events({e}{,w}) {<} {n}`, `events(launch.missing) {<} {n}`,
	`lifecycle {=} {st}`, `lifecycle {=} {st}`, `lifecycle in ({st}, {st})`, `lifecycle {=} launch.category`, `lifecycle {=} plan`, `known(lifecycle)`,
	`{S} {<} {n}`, `{S} {<} {n}`, `{S} in ({n}, {n})`, `{S} {<} {S}`, `known({S})`,
	`rfm {=} {rfm}`, `rfm in ({rfm}, {rfm}, {rfm})`, `rfm {=} launch.category`, `rfm {=} plan`, `known(rfm)`,
	`rfm_group {=} {rg}`, `rfm_group {=} {rg}`, `rfm_group in ({rg}, {rg})`, `rfm_group {=} launch.missing`, `rfm_group {=} lifecycle`, `rfm_group {=} plan`, `known(rfm_group)`,
	`known(country)`, `known(size)`, `known(plan)`, `known(ends)`, `known(pets)`, `known(tags)`, `known(days_since_last_order)`,
	`known(average_order("30d"))`, `known(favourite_brand)`, `known(orders)`, `known(days_since(ends))`, `known(launch.missing)`,
	`unused("gift")`, `unused("summer")`, `in_segment("regulars")`, `in_segment("lapsed")`, `true`, `false`,
	`order.category({c})`, `order.items("SKU-1") {<} {n}`, `order.total {<} {m}`, `order.shop {=} "till-4"`, `order.quantity {<} {n}`,
	`spent_on_category({c}{,w}) {<} {m}`, `spent_on_product("SKU-1"{,w}) {<} {M}`, `spent_on_brand(launch.missing{,w}) {<} {m}`, `spent_on_label({l}{,w}) {<} {m}`,
	`quantity_of_category({c}{,w}) {<} {n}`, `quantity_of_product("SKU-2"{,w}) {<} {n}`, `quantity_of_brand("Musti"{,w}) {<} {n}`, `quantity_of_label({l}{,w}) {<} {N}`,
	`orders_of_category({c}{,w}) {<} {n}`, `orders_of_product("SKU-1"{,w}) {<} {N}`, `orders_of_brand("Musti"{,w}) in ({n}, {n})`, `orders_of_label({l}{,w}) {<} {n}`,
	`days_since_bought_category({c}{,w}) {<} {d}`, `days_since_bought_product(launch.missing{,w}) {<} {d}`, `days_since_bought_brand("Musti"{,w}) {<} {D}`, `days_since_bought_label({l}{,w}) {<} {d}`,
	`bought_label({l}{,w})`, `bought_label(launch.missing{,w})`, `not bought_label({l}{,w})`, `bought_label({l}{,w})`,
	`share_of_spend_on_category({c}{,w}) {<} {p}`, `share_of_spend_on_product("SKU-1"{,w}) {<} {p}`, `share_of_spend_on_brand(launch.missing{,w}) {<} {p}`, `share_of_spend_on_brand("Musti"{,w}) {<} {N}`,
	`products_bought{(w)} {<} {n}`, `categories_bought{(w)} {<} {n}`, `brands_bought{(w)} {<} {n}`, `products_bought{(w)} {<} {N}`,
	`favourite_product{(w)} {=} "SKU-1"`, `favourite_category{(w)} {=} "coupons"`, `favourite_product{(w)} in ("SKU-1", "SKU-2")`, `favourite_brand{(w)} != "Musti"`, `known(favourite_category{(w)})`,
	`bought_at({t}{,w})`, `not bought_at({t}{,w})`, `orders_at({t}{,w}) {<} {n}`, `spent_at({t}{,w}) {<} {m}`, `orders_at(launch.missing{,w}) {<} {n}`,
	`share_of_orders_at({t}{,w}) {<} {p}`, `share_of_spend_at({t}{,w}) {<} {p}`, `share_of_orders_at(launch.missing{,w}) {<} {p}`, `known(share_of_spend_at({t}{,w}))`, `share_of_orders_at({t}) {<} {N}`,
	`days_since_first_order{(w)} {<} {d}`, `days_since_last_order{(w)} {<} {d}`, `days_since_last_order{(w)} {<} {N}`, `days_since_first_order{(w)} in ({d}, {d})`,
	`alive {<} {pr}`, `alive {<} {pr}`, `alive in (1, {pr})`, `known(alive)`, `alive {<} expected_orders("30d")`,
	`expected_orders({soon}) {<} {eo}`, `expected_orders({soon}) {<} {eo}`, `expected_orders("90d") {<} {N}`, `known(expected_orders({soon}))`,
	`usual_gap {<} {g}`, `usual_gap {<} {N}`, `known(usual_gap)`, `overdue {<} {g}`, `overdue {<} {N}`, `known(overdue)`, `overdue in ({g}, {g})`,
	`member_id in ("M-1", "M-3")`, `member_id {=} "M-2"`, `bucket(2) == 1`, `bucket(10) {<} 3`, `bucket(3) in (0, 2)`, `bucket(100) {<} {N}`,
	`age {<} {a}`, `known(age)`, `age {<} {N}`, `birthday_in({ahead})`, `had_birthday({near})`, `birthday_in({ahead})`, `had_birthday({near})`,
	`joined_anniversary_in({ahead})`, `had_joined_anniversary({near})`, `joined_anniversary_in({ahead})`, `had_joined_anniversary({near})`,
	`events({e}, {f}{,w}) {<} {n}`, `events({e}, {f}{,w}) {<} {n}`, `events({e}, {f} and {f}{,w}) {<} {n}`, `events({e}, {f} or not {f}{,w}) {<} {n}`, `events({e}, not ({f}){,w}) > 0`,
	`days_since_event({e}{,w}) {<} {d}`, `days_since_event({e}, {f}{,w}) {<} {d}`, `known(days_since_event({e}, {f}))`,
	`mails{(w)} {<} {n}`, `mails_from({k}{,w}) {<} {n}`, `mails_from(launch.missing{,w}) {<} {n}`, `days_since_mail{(w)} {<} {d}`, `mails{(w)} {<} {N}`,
	`mails_opened{(w)} {<} {n}`, `mails_clicked{(w)} {<} {n}`, `opened({k}{,w})`, `clicked({k}{,w})`, `not clicked({k}{,w})`, `opened(launch.missing{,w})`, `days_since_open{(w)} {<} {d}`, `days_since_click{(w)} {<} {d}`,
	`holds_code("gift")`, `holds_code("summer")`, `not holds_code("gift")`, `codes_held {<} {n}`, `code_expires_in({ahead})`, `days_until_code_expires("gift") {<} {d}`, `known(days_until_code_expires("summer"))`,
	`used_code("gift"{,w})`, `not used_code("summer"{,w})`, `codes_used{(w)} {<} {n}`, `holds_code(launch.missing)`, `used_code(launch.category{,w})`,
	`points_pending {<} {n}`, `points_debt {<} {s}`, `points_debt {<} {n}`, `points_expiring({soon}) {<} {n}`, `points_expiring({ahead}) {<} {N}`, `points_earned{(w)} {<} {n}`, `points_earned{(w)} {<} {N}`, `points_spent{(w)} {<} {n}`, `points_expired{(w)} {<} {n}`,
	`tier {<} {T}`, `tier {<} {T}`, `tier in (silver, "black")`, `tier not in (gold)`, `known(tier)`, `days_in_tier {<} {d}`, `known(days_in_tier)`, `days_until_tier_ends {<} {d}`, `known(days_until_tier_ends)`,
	`tier_progress {<} {tp}`, `tier_progress {<} {tp}`, `tier_progress in ({tp}, {tp})`, `known(tier_progress)`, `tier_progress {<} {N}`,
	`missing_for_tier("silver") {<} {n}`, `missing_for_tier("gold") {<} {m}`, `missing_for_tier("silver") {<} {N}`, `known(missing_for_tier("gold"))`,
	`stamps({w}) {<} {n}`, `stamps("coffee") {<} {N}`, `stamps_missing({w}) {<} {n}`, `stamps_missing("tea") in (10, {n})`, `known(stamps_missing("tea"))`, `stamps_missing("coffee") {<} {N}`, `cards_filled({w}{,w}) {<} {n}`,
	`can_claim({r})`, `can_claim({r})`, `not can_claim({r})`, `rewards_claimed{(w)} {<} {n}`, `referrals{(w)} {<} {n}`, `referred`, `not referred`,
	`orders("this year") {<} {n}`, `spent("this year") {<} {m}`, `points_earned("this year") {<} {n}`, `bought_category({c}, "this year")`,
	`days_until(ends) {<} {d}`, `known(days_until(ends))`, `days_until(launch.on) {<} {d}`, `pets in ("dog", "1")`, `tags in ("club", launch.category)`, `tags not in ("vip", "x")`, `event.items in ("a", "z")`,
	`event.gift`, `event.gift == true`, `event.n {<} {n}`, `event.n {=} "3"`, `event.kind in ("a", "1")`, `"a" in event.items`,
}

var drawn = map[string][]string{
	"{N}":    {"orders", `orders("90d")`, `orders("1m")`, `orders("2027-01-01", "2027-03-02")`, "quantity", `quantity("52w")`, "order_days", `order_days("1y")`, "points", `events("visit")`, `events("visit", "30d")`},
	"{M}":    {"spent", `spent("90d")`, "average_order", `average_order("6m")`, "largest_order", `largest_order("1y")`, "smallest_order", `smallest_order("7d")`},
	"{D}":    {"days_since_joined", "days_since_first_order", "days_since_last_order", "days_since(ends)"},
	"{pr}":   {"0", "0.1", "0.3", "0.5", "0.9", "1"},
	"{tp}":   {"0", "33", "34", "66", "99", "100", "1.5"},
	"{eo}":   {"0", "0.01", "0.2", "1", "2.5", "10"},
	"{soon}": {`"1d"`, `"90d"`, `"12w"`, `"6m"`, `"1y"`},
	"{<}":    {"<", "<=", "==", "!=", ">=", ">"},
	"{=}":    {"==", "!="},
	"{T}":    {"silver", "gold", `"black"`},
	"{w}":    {`"coffee"`, `"tea"`},
	"{n}":    {"0", "1", "2", "3", "2.5", "-1", "100"},
	"{m}":    {"0", "9.99", "10", "59.90", "59.9", "500", "0.01", "-0.01"},
	"{d}":    {"0", "1", "30", "89", "90", "91", "365", "-1", "90.5"},
	"{s}":    {"42", "42.5", "-3", "0", "1000"},
	"{c}":    {`"boots"`, `"dog food"`, `'Kissan ruoka ä'`},
	"{e}":    {`"visit"`, `"complaint"`},

	"{r}": {`"latte"`, `"lounge"`, `"tea"`, `"euros"`, `"told"`, `"over"`, `"worthy"`, `"spent"`, `"shared"`, `"gone"`},
	"{l}": {`"sale"`, `"organic"`, `"50% \"off\""`},
	"{t}": {`"till-4"`, `"till-5"`, `order.shop`},
	"{k}": {`"welcome"`, `"win-back"`, `"Björn's"`},
	"{p}": {"0", "33.3", "50", "100", "-1"},
	"{g}": {"0", "0.5", "1", "1.5", "2", "6.5", "30", "-1"},
	"{a}": {"18", "27", "47", "46", "0"},
	"{f}": {`page == "boots"`, `page != "boots"`, `page in ("boots", "42", "true")`, `page == launch.category`, `price >= 42`, `price < 42.5`, `3 > price`, `price in (42, -3)`, `gift`, `not gift`,
		`gift == false`, `on < "2027-03-03"`, `on >= launch.on`, `"a" in items`, `items in ("b", "1")`, `known(page)`, `known(items)`, `known(missing)`, `missing == 1`, `order.total > 10`, `price < order.quantity`,
		`page == event.kind`, `price == event.n`, `true`},
	"{ahead}": {`"1d"`, `"7d"`, `"8d"`, `"1m"`, `"2m"`, `"1y"`, `"52w"`, `"2027-02-27", "2027-03-03"`, `"2027-12-20", "2028-01-05"`, `"2028-02-28", "2028-02-29"`, `"2028-02-29", "2028-03-01"`, `"2027-03-01", "2028-02-28"`},
	"{near}":  {`"1d"`, `"3d"`, `"4d"`, `"5d"`, `"7d"`, `"1m"`, `"1y"`, `"365d"`, `"2027-02-28", "2027-02-28"`, `"2027-03-01", "2027-12-31"`, `"2026-12-20", "2027-01-05"`, `"2026-02-20", "2026-03-10"`},
	"{st}":    {`"no order yet"`, `"recent"`, `"needs nurturing"`, `"at risk"`, `"about to lose"`},
	"{S}":     {"recency_score", "frequency_score", "monetary_score"},
	"{rg}":    {`"Champions"`, `"Loyal"`, `"Recent"`, `"Needs attention"`, `"At risk"`, `"Inactive"`},
	"{rfm}":   {`"333"`, `"332"`, `"323"`, `"312"`, `"311"`, `"222"`, `"212"`, `"133"`, `"123"`, `"112"`, `"111"`},
	"{on}":    {`"2027-02-28"`, `"2027-03-03"`, `"2028-02-29"`, `"0001-01-01"`},
	"{,w}":    {"", "", `, "30d"`, `, "90d"`, `, "1m"`, `, "1y"`, `, "1d"`, `, "2027-01-01", "2027-03-03"`, `, "2027-03-02", "2027-03-02"`, `, "2026-03-04", "2026-12-31"`, `, "2027-03-03", "2027-06-01"`},
	"{(w)}":   {"", `("90d")`, `("7d")`, `("2027-01-01", "2027-03-03")`, `("2026-06-01", "2027-02-28")`},
}

func drawLeaf(t *rapid.T) string { return fillIn(t, pick(t, "leaf", leaves)) }

// fillIn replaces the letters in braces.
func fillIn(t *rapid.T, leaf string) string {
	for {
		open := strings.IndexByte(leaf, '{')
		if open < 0 {
			return leaf
		}
		end := open + strings.IndexByte(leaf[open:], '}') + 1
		leaf = leaf[:open] + pick(t, leaf[open:end], drawn[leaf[open:end]]) + leaf[end:]
	}
}
