package segments

import "regulars/internal/loyalty"

// orderFields are figures of paid orders, over the whole life or a time span.
func orderFields() []*entry {
	return []*entry{
		{name: "orders", typ: Number, window: true, from: fromOrders,
			noun: "number of orders", says: "who have {n}", unit: "order",
			also: []string{"order_count", "orders_count", "purchases", "number_of_orders", "frequency"},
			in: figure{column: column{expr: "f.orders"}, rows: paid, sum: "count(*)",
				fold: func(k *Known, c *call) value { return number(int64(len(k.paid(c.window)))) }}},
		{name: "spent", typ: Money, window: true, from: fromOrders,
			noun: "amount spent", says: "who have spent {n}",
			also: []string{"spend", "total_spent", "revenue", "ltv", "amount", "lifetime_value", "monetary"},
			in: figure{column: column{expr: "f.spent"}, rows: paid, sum: "coalesce(cast(sum(o.total - o.refunded) as bigint), 0)",
				fold: func(k *Known, c *call) value { return money(spent(k.paid(c.window))) }}},
		{name: "average_order", typ: Money, window: true, from: fromOrders,
			noun: "average order", says: "whose average order is {n}",
			also: []string{"aov", "average_order_value", "order_average", "avg_order"},
			in: figure{
				column: column{expr: "cast(f.spent as double precision) / nullif(f.orders, 0)", guard: "f.orders > 0", double: true},
				rows:   paid, sum: "cast(sum(o.total - o.refunded) as double precision) / count(*)", double: true, sparse: true,
				fold: func(k *Known, c *call) value { return average(k.paid(c.window)) }}},
		{name: "largest_order", typ: Money, window: true, from: fromOrders,
			noun: "largest order", says: "whose largest order is {n}",
			also: []string{"biggest_order", "max_order", "highest_order"},
			in: figure{column: column{expr: "f.largest", guard: "f.largest is not null"}, rows: paid, sum: "max(o.total - o.refunded)", sparse: true,
				fold: func(k *Known, c *call) value { return extreme(k.paid(c.window), ">") }}},
		{name: "smallest_order", typ: Money, window: true, from: fromOrders,
			noun: "smallest order", says: "whose smallest order is {n}",
			also: []string{"min_order", "lowest_order"},
			in: figure{column: column{expr: "f.smallest", guard: "f.smallest is not null"}, rows: paid, sum: "min(o.total - o.refunded)", sparse: true,
				fold: func(k *Known, c *call) value { return extreme(k.paid(c.window), "<") }}},
		{name: "quantity", typ: Number, window: true, from: fromOrders,
			noun: "number of items bought", says: "who have bought {n}", unit: "item",
			also: []string{"items", "items_bought", "pieces"},
			in: figure{column: column{expr: "f.quantity"}, rows: paid, sum: "coalesce(cast(sum(o.quantity) as bigint), 0)",
				fold: func(k *Known, c *call) value { return number(pieces(k.paid(c.window))) }}},
		{name: "order_days", typ: Number, window: true, from: fromOrders,
			noun: "number of days with an order", says: "who have ordered on {n}", unit: "different day",
			also: []string{"days_with_orders", "visits"},
			in: figure{column: column{expr: "f.order_days"}, rows: paid, sum: "count(distinct o.day)",
				fold: func(k *Known, c *call) value { return number(distinctDays(k.paid(c.window))) }}},
		{name: "days_since_first_order", typ: Number, window: true, from: fromOrders, timed: true,
			noun: "days since the first order", says: "who first ordered {n} ago", saysIn: "whose first order {w} was {n} ago", unit: "day",
			also: []string{"first_order", "first_purchase"},
			in:   days{column: "f.first_day", rows: paid, day: "min(o.day)", of: func(k *Known, c *call) *loyalty.Day { return firstOrder(k.paid(c.window)) }}},
		{name: "days_since_last_order", typ: Number, window: true, from: fromOrders, timed: true,
			noun: "days since the last order", says: "who last ordered {n} ago", saysIn: "whose last order {w} was {n} ago", unit: "day",
			also: []string{"last_order", "last_purchase", "recency", "days_since_order"},
			in:   days{column: "f.last_day", rows: paid, day: "max(o.day)", of: func(k *Known, c *call) *loyalty.Day { return lastOrder(k.paid(c.window)) }}},
	}
}

// paid are the rows of orders that count in figures.
var paid = rows{table: "orders o", member: "o.member_id", day: "o.day", where: "o.counts"}

// net is what is left of an order after its refunds.
func (o Order) net() int64 { return o.Total - o.Refunded }

func spent(orders []Order) (sum int64) {
	for _, o := range orders {
		sum += o.net()
	}
	return sum
}

func pieces(orders []Order) (sum int64) {
	for _, o := range orders {
		sum += o.Quantity
	}
	return sum
}

func average(orders []Order) value {
	if len(orders) == 0 {
		return value{}
	}
	return value{typ: Money, num: float64(spent(orders)) / float64(len(orders))}
}

// extreme returns the largest (">") or the smallest ("<") order.
func extreme(orders []Order, op string) (best value) {
	for _, o := range orders {
		if v := money(o.net()); best.nothing() || v.is(op, best) {
			best = v
		}
	}
	return best
}

func distinctDays(orders []Order) int64 { return int64(len(orderDays(orders))) }

func firstOrder(orders []Order) *loyalty.Day {
	return outmost(orders, func(o Order) loyalty.Day { return o.Day }, -1)
}
func lastOrder(orders []Order) *loyalty.Day {
	return outmost(orders, func(o Order) loyalty.Day { return o.Day }, 1)
}

// outmost returns the first (-1) or the last (1) day of a list, nil if it is empty.
func outmost[T any](list []T, day func(T) loyalty.Day, sign loyalty.Day) (best *loyalty.Day) {
	for _, item := range list {
		if d := day(item); best == nil || (d-*best)*sign > 0 {
			best = &d
		}
	}
	return best
}
