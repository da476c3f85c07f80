package segments

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
