package segments

// boughtFields say what members bought, from the lines of their paid orders.
func boughtFields() []*entry {
	product := productFilter{"product", "the product {x}", "l.product"}
	category := productFilter{"category", "something of the category {x}", "l.category"}
	brand := productFilter{"brand", "something of the brand {x}", "l.brand"}
	label := productFilter{"label", "something labelled {x}", ""}
	var all []*entry
	for _, w := range []productFilter{product, category, brand, label} {
		all = append(all, w.bought(), w.orders(), w.spent(), w.quantity(), w.since())
	}
	for _, w := range []productFilter{product, category, brand} {
		all = append(all, w.share(), w.different(), w.favourite())
	}
	return all
}

// lines are the rows of paid orders' lines.
var lines = rows{table: "order_lines l", member: "l.member_id", day: "l.day", where: "l.counts"}

// productFilter is one of the ways in which a line says what was bought.
type productFilter struct {
	name   string // product
	thing  string // the product "…"
	column string // of order_lines; "": their labels

}

// rows are the lines of that product, category …
func (w productFilter) rows() rows {
	r := lines
	if r.match = w.column; w.column == "" {
		r.labels = "l.labels"
	}
	return r
}

// any is the thing after a not: anything of the category.
func (w productFilter) any() string {
	return expand(w.thing, "something", "anything")
}

// goods is the thing as something to spend on: the category.
func (w productFilter) goods() string {
	return expand(w.thing, "something of ", "", "something labelled", "things labelled")
}

// noun is the thing in the catalogue.
func (w productFilter) noun() string { return unnamed(w.thing) }

// unnamed leaves out what stands in brackets.
func unnamed(s string) string { return expand(s, "labelled {x}", "with the label", " {x}", "") }

func (w productFilter) bought() *entry {
	return &entry{name: "bought_" + w.name, typ: Bool, what: w.name, window: true, from: fromOrders,
		noun: "bought " + w.noun(), says: "who bought " + w.thing, denies: "who have {never} bought " + w.any(),
		also: []string{w.name, "has_" + w.name, "bought", "buys", "purchased", "purchased_" + w.name},
		in:   presence{rows: w.rows()}}
}

func (w productFilter) orders() *entry {
	return &entry{name: "orders_of_" + w.name, typ: Number, what: w.name, window: true, from: fromOrders,
		noun: "number of orders with " + w.noun(), says: "who have {n} with " + w.thing, unit: "order",
		also: []string{"orders_with_" + w.name, w.name + "_orders", "orders_in_" + w.name},
		in:   figure{rows: w.rows(), sum: "count(distinct l.order_id)"}}
}

func (w productFilter) spent() *entry {
	return &entry{name: "spent_on_" + w.name, typ: Money, what: w.name, window: true, from: fromOrders,
		noun: "amount spent on " + unnamed(w.goods()), says: "who have spent {n} on " + w.goods(),
		also: []string{"spent_in_" + w.name, w.name + "_spent", "spent_" + w.name, "spend_on_" + w.name},
		in:   figure{rows: w.rows(), sum: "coalesce(cast(sum(l.total) as bigint), 0)"}}
}

func (w productFilter) quantity() *entry {
	return &entry{name: "quantity_of_" + w.name, typ: Number, what: w.name, window: true, from: fromOrders,
		noun: "number of items bought of " + unnamed(w.goods()), says: "who have bought {n} of " + w.goods(), unit: "item",
		also: []string{"items_of_" + w.name, w.name + "_quantity", "quantity_" + w.name},
		in:   figure{rows: w.rows(), sum: "coalesce(cast(sum(l.quantity) as bigint), 0)"}}
}

func (w productFilter) since() *entry {
	return &entry{name: "days_since_bought_" + w.name, typ: Number, what: w.name, window: true, from: fromOrders,
		noun: "days since the member last bought " + w.noun(), says: "who last bought " + w.thing + " {n} ago", unit: "day",
		also: []string{"last_bought_" + w.name, "days_since_" + w.name},
		in:   days{rows: w.rows(), day: "max(l.day)"}}
}

func (w productFilter) share() *entry {
	return &entry{name: "share_of_spend_on_" + w.name, typ: Number, what: w.name, window: true, from: fromOrders,
		noun: "percent of the amount spent that went to " + unnamed(w.goods()), says: "who spend {n} of their money on " + w.goods(), unit: "percent",
		also: []string{w.name + "_share", "share_of_" + w.name, "spend_share_" + w.name},
		in: figure{rows: lines, sparse: true, double: true,
			sum: "case when sum(l.total) > 0 then 100 * cast(coalesce(sum(l.total) filter (where " + w.column + " = $what), 0) as double precision) / cast(sum(l.total) as double precision) end"}}
}

func (w productFilter) different() *entry {
	plural := map[string]string{"product": "products", "category": "categories", "brand": "brands"}[w.name]
	return &entry{name: plural + "_bought", typ: Number, window: true, from: fromOrders,
		noun: "number of different " + plural + " bought", says: "who have bought {n}", unit: "different " + w.name,
		also: []string{plural, "distinct_" + plural, "different_" + plural, "number_of_" + plural, w.name + "_count"},
		in:   figure{rows: lines, sum: "count(distinct nullif(" + w.column + ", ''))"}}
}

// favourite is that on which a member has spent most, the first by name of those
// with equal sums.
func (w productFilter) favourite() *entry {
	return &entry{name: "favourite_" + w.name, typ: Text, window: true, from: fromOrders,
		noun: "favourite " + w.name, names: Kind(w.name),
		also: []string{"favorite_" + w.name, "top_" + w.name, "preferred_" + w.name},
		in:   favourite{column: w.column}}
}
