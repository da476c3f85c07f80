package segments

// lines are the rows of paid orders' lines.
var lines = rows{table: "order_lines l", member: "l.member_id", day: "l.day", where: "l.counts"}

// short in brackets is read as shortOf: bought("SKU-CLUB", "12m").
const short, shortOf = "bought", "bought_product"

// boughtFields say what members bought, from the lines of their paid orders.
func boughtFields() []*entry {
	var all, compared []*entry
	for _, w := range []struct{ name, several, thing, column string }{
		{"product", "products", "the product {x}", "l.product"},
		{"category", "categories", "something of the category {x}", "l.category"},
		{"brand", "brands", "something of the brand {x}", "l.brand"},
		{"label", "", "something labelled {x}", ""},
	} {
		of := lines
		if of.match = w.column; w.column == "" {
			of.labels = "l.labels"
		}
		goods := expand(w.thing, "something of ", "", "something labelled", "things labelled") // as something to spend on: the category
		all = append(all,
			&entry{name: "bought_" + w.name, typ: Bool, what: w.name, window: true, from: fromOrders,
				noun: "bought " + unnamed(w.thing), says: "who bought " + w.thing, denies: "who have {never} bought " + expand(w.thing, "something", "anything"),
				also: []string{w.name, "has_" + w.name, "bought", "buys", "purchased", "purchased_" + w.name},
				in:   presence{rows: of}},
			&entry{name: "orders_of_" + w.name, typ: Number, what: w.name, window: true, from: fromOrders,
				noun: "number of orders with " + unnamed(w.thing), says: "who have {n} with " + w.thing, unit: "order",
				also: []string{"orders_with_" + w.name, w.name + "_orders", "orders_in_" + w.name},
				in:   figure{rows: of, sum: "count(distinct l.order_id)"}},
			&entry{name: "spent_on_" + w.name, typ: Money, what: w.name, window: true, from: fromOrders,
				noun: "amount spent on " + unnamed(goods), says: "who have spent {n} on " + goods,
				also: []string{"spent_in_" + w.name, w.name + "_spent", "spent_" + w.name, "spend_on_" + w.name},
				in:   figure{rows: of, sum: "coalesce(cast(sum(l.total) as bigint), 0)"}},
			&entry{name: "quantity_of_" + w.name, typ: Number, what: w.name, window: true, from: fromOrders,
				noun: "number of items bought of " + unnamed(goods), says: "who have bought {n} of " + goods, unit: "item",
				also: []string{"items_of_" + w.name, w.name + "_quantity", "quantity_" + w.name},
				in:   figure{rows: of, sum: "coalesce(cast(sum(l.quantity) as bigint), 0)"}},
			&entry{name: "days_since_bought_" + w.name, typ: Number, what: w.name, window: true, from: fromOrders,
				noun: "days since the member last bought " + unnamed(w.thing), says: "who last bought " + w.thing + " {n} ago", unit: "day",
				also: []string{"last_bought_" + w.name, "days_since_" + w.name},
				in:   days{rows: of, day: "max(l.day)"}})
		if w.column == "" {
			continue // an item has several labels
		}
		compared = append(compared,
			&entry{name: "share_of_spend_on_" + w.name, typ: Number, what: w.name, window: true, from: fromOrders,
				noun: "percent of the amount spent that went to " + unnamed(goods), says: "who spend {n} of their money on " + goods, unit: "percent",
				also: []string{w.name + "_share", "share_of_" + w.name, "spend_share_" + w.name},
				in: figure{rows: lines, sparse: true, double: true, sum: "case when sum(l.total) > 0 then" +
					" 100 * cast(coalesce(sum(l.total) filter (where " + w.column + " = $what), 0) as double precision) / cast(sum(l.total) as double precision) end"}},
			&entry{name: w.several + "_bought", typ: Number, window: true, from: fromOrders,
				noun: "number of different " + w.several + " bought", says: "who have bought {n}", unit: "different " + w.name,
				also: []string{w.several, "distinct_" + w.several, "different_" + w.several, "number_of_" + w.several, w.name + "_count"},
				in:   figure{rows: lines, sum: "count(distinct nullif(" + w.column + ", ''))"}},
			&entry{name: "favourite_" + w.name, typ: Text, window: true, from: fromOrders,
				noun: "favourite " + w.name, names: Kind(w.name),
				also: []string{"favorite_" + w.name, "top_" + w.name, "preferred_" + w.name},
				in:   favourite{column: w.column}})
	}
	return append(all, compared...)
}

// unnamed leaves out what stands in brackets.
func unnamed(s string) string { return expand(s, "labelled {x}", "with the label", " {x}", "") }
