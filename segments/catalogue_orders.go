package segments

// orderFields are figures of paid orders, over the whole life or a time span.
func orderFields() []*entry {
	return []*entry{
		{name: "orders", typ: Number, window: true, from: fromOrders,
			noun: "number of orders", says: "who have {n}", unit: "order",
			also: []string{"count", "order_count", "orders_count", "purchases", "number_of_orders", "frequency"},
			in:   figure{column: column{expr: "f.orders"}, rows: paid, sum: "count(*)"}},
		{name: "spent", typ: Money, window: true, from: fromOrders,
			noun: "amount spent", says: "who have spent {n}",
			also: []string{"sum", "total", "value", "clv", "turnover", "sales", "spend", "total_spent", "revenue", "ltv", "amount", "lifetime_value", "monetary"},
			in:   figure{column: column{expr: "f.spent"}, rows: paid, sum: "coalesce(cast(sum(o.total - o.refunded) as bigint), 0)"}},
		{name: "average_order", typ: Money, window: true, from: fromOrders,
			noun: "average order", says: "whose average order is {n}",
			also: []string{"avg", "average", "mean", "aov", "average_order_value", "order_average", "avg_order"},
			in: figure{
				column: column{expr: "cast(f.spent as double precision) / nullif(f.orders, 0)", guard: "f.orders > 0", double: true},
				rows:   paid, sum: "cast(sum(o.total - o.refunded) as double precision) / count(*)", double: true, sparse: true}},
		{name: "largest_order", typ: Money, window: true, from: fromOrders,
			noun: "largest order", says: "whose largest order is {n}",
			also: []string{"max", "biggest_order", "max_order", "highest_order"},
			in:   figure{column: column{expr: "f.largest", guard: "f.largest is not null"}, rows: paid, sum: "max(o.total - o.refunded)", sparse: true}},
		{name: "smallest_order", typ: Money, window: true, from: fromOrders,
			noun: "smallest order", says: "whose smallest order is {n}",
			also: []string{"min", "min_order", "lowest_order"},
			in:   figure{column: column{expr: "f.smallest", guard: "f.smallest is not null"}, rows: paid, sum: "min(o.total - o.refunded)", sparse: true}},
		{name: "quantity", typ: Number, window: true, from: fromOrders,
			noun: "number of items bought", says: "who have bought {n}", unit: "item",
			also: []string{"items", "items_bought", "pieces"},
			in:   figure{column: column{expr: "f.quantity"}, rows: paid, sum: "coalesce(cast(sum(o.quantity) as bigint), 0)"}},
		{name: "order_days", typ: Number, window: true, from: fromOrders,
			noun: "number of days with an order", says: "who have ordered on {n}", unit: "different day",
			also: []string{"days_with_orders", "visits"},
			in:   figure{column: column{expr: "f.order_days"}, rows: paid, sum: "count(distinct o.day)"}},
		{name: "days_since_first_order", typ: Number, window: true, from: fromOrders,
			noun: "days since the first order", says: "who first ordered {n} ago", saysIn: "whose first order {w} was {n} ago", unit: "day",
			also: []string{"first_order", "first_purchase"},
			in:   days{column: "f.first_day", rows: paid, day: "min(o.day)"}},
		{name: "days_since_last_order", typ: Number, window: true, from: fromOrders,
			noun: "days since the last order", says: "who last ordered {n} ago", saysIn: "whose last order {w} was {n} ago", unit: "day",
			also: []string{"last_order", "last_purchase", "recency", "days_since_order"},
			in:   days{column: "f.last_day", rows: paid, day: "max(o.day)"}},
	}
}

// paid are the rows of orders that count in figures.
var paid = rows{table: "orders o", member: "o.member_id", day: "o.day", where: "o.counts"}

// shopFields say where members buy: at which till, in which shop.
func shopFields() []*entry {
	at := paid
	at.match = "o.shop"
	return []*entry{
		{name: "bought_at", typ: Bool, what: "point of sale", window: true, from: fromOrders,
			noun: "bought at the point of sale", says: "who bought at {x}", denies: "who have {never} bought at {x}",
			also: []string{"shop", "store", "point_of_sale", "pos", "till", "ordered_at"},
			in:   presence{rows: at}},
		{name: "orders_at", typ: Number, what: "point of sale", window: true, from: fromOrders,
			noun: "number of orders at the point of sale", says: "who have {n} at {x}", unit: "order",
			also: []string{"orders_in_shop", "shop_orders"},
			in:   figure{rows: at, sum: "count(*)"}},
		{name: "spent_at", typ: Money, what: "point of sale", window: true, from: fromOrders,
			noun: "amount spent at the point of sale", says: "who have spent {n} at {x}",
			also: []string{"shop_spent", "spend_at", "spent_in_shop"},
			in:   figure{rows: at, sum: "coalesce(cast(sum(o.total - o.refunded) as bigint), 0)"}},
		{name: "share_of_orders_at", typ: Number, what: "point of sale", window: true, from: fromOrders,
			noun: "percent of the orders that were made at the point of sale", says: "who make {n} of their orders at {x}", unit: "percent",
			also: []string{"share_at", "order_share_at", "share_of_shop", "share"},
			in: figure{rows: paid, sparse: true, double: true,
				sum: "100 * cast(count(*) filter (where o.shop = $what) as double precision) / cast(nullif(count(*), 0) as double precision)"}},
		{name: "share_of_spend_at", typ: Number, what: "point of sale", window: true, from: fromOrders,
			noun: "percent of the amount spent that was spent at the point of sale", says: "who spend {n} of their money at {x}", unit: "percent",
			also: []string{"spend_share_at", "share_of_spent_at"},
			in: figure{rows: paid, sparse: true, double: true,
				sum: "case when sum(o.total - o.refunded) > 0 then 100 * cast(coalesce(sum(o.total - o.refunded) filter (where o.shop = $what), 0) as double precision)" +
					" / cast(sum(o.total - o.refunded) as double precision) end"}},
	}
}
