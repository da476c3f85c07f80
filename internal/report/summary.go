package report

import (
	"regulars/internal/loyalty"
	"regulars/internal/store"
)

// Summary is the shop in figures. Only paid orders count, and amounts are what is
// left of them after refunds.
type Summary struct {
	Members   int64 `json:"members"`   // who have joined
	Customers int64 `json:"customers"` // who have ordered
	Orders    int64 `json:"orders"`
	OrderDays int64 `json:"order_days"` // days on which a customer ordered, added up
	Items     int64 `json:"items"`
	Amount    int64 `json:"amount_minor"`
	Discount  int64 `json:"discount_minor"`

	Average float64 `json:"average_order_minor"`
	Again   int64   `json:"ordered_again"` // customers with two orders or more
	Repeat  float64 `json:"repeat_rate"`   // their share

	FirstAt  loyalty.Instant `json:"first_order_at"`
	LastAt   loyalty.Instant `json:"last_order_at"`
	FirstDay *loyalty.Day    `json:"first_day"`
	LastDay  *loyalty.Day    `json:"last_day"`
	Newest   *loyalty.Day    `json:"newest_customer"` // the latest day of a first order

	RecentOrders int64 `json:"orders_90d"` // of the last 90 days
	RecentAmount int64 `json:"amount_90d_minor"`

	Free     int64 `json:"orders_of_nothing"`    // paid orders that came to 0
	Unspent  int64 `json:"customers_of_nothing"` // customers who spent 0 in all
	Repeated int64 `json:"orders_twice_alike"`   // like another of that member, day, items and amount: is a file in twice?
}

// recent is the span of the figures of late, in days.
const recent = 90

// Summarise returns the shop's figures as of the end of a day.
func Summarise(tx *store.Tx, day loyalty.Day) (s Summary, err error) {
	args := store.Args{"day": int64(day), "recent": int64(day) - recent}
	err = tx.One(&s, `
		select count(*) as customers, coalesce(sum(n), 0) as orders, coalesce(sum(days), 0) as order_days,
		       cast(coalesce(sum(items), 0) as bigint) as items, cast(coalesce(sum(amount), 0) as bigint) as amount,
		       cast(coalesce(sum(discount), 0) as bigint) as discount, count(*) filter (where n >= 2) as again,
		       min(first_at) as first_at, max(last_at) as last_at, min(first_day) as first_day, max(last_day) as last_day, max(first_day) as newest,
		       coalesce(sum(late), 0) as recent_orders, cast(coalesce(sum(late_amount), 0) as bigint) as recent_amount,
		       coalesce(sum(free), 0) as free, count(*) filter (where amount = 0) as unspent
		from (
			select member_id, count(*) as n, count(distinct day) as days, sum(quantity) as items, sum(total - refunded) as amount,
			       sum(discount) as discount, min(at) as first_at, max(at) as last_at, min(day) as first_day, max(day) as last_day,
			       count(*) filter (where day > @recent) as late, sum(case when day > @recent then total - refunded else 0 end) as late_amount,
			       count(*) filter (where total = refunded) as free
			from   orders
			where  counts and day <= @day
			group  by member_id
		) m`, args)
	if err != nil {
		return s, err
	}
	err = tx.One(&s.Members, "select count(*) from members where joined_day <= @day and erased_at is null and merged_into is null", args)
	if err != nil {
		return s, err
	}
	s.Repeat = ratio(s.Again, s.Customers)
	s.Average = ratio(s.Amount, s.Orders)
	return s, tx.One(&s.Repeated, `
		select cast(coalesce(sum(n - 1), 0) as bigint) from (
			select count(*) as n from orders
			where  counts and day <= @day
			group  by member_id, day, quantity, total
			having count(*) > 1
		) alike`, args)
}

func summaryReport(tx *store.Tx, ask Ask) (Table, error) {
	s, err := Summarise(tx, ask.Day)
	span := "no orders yet"
	if s.FirstDay != nil {
		span = s.FirstDay.String() + " to " + s.LastDay.String()
	}
	return Table{Value: s, Head: []string{"FIGURE", ""}, Rows: [][]string{
		row("members who joined", s.Members),
		row("customers", s.Customers),
		row("orders", s.Orders),
		row("from", span),
		row("items", s.Items),
		row("amount", ask.money(s.Amount)),
		row("discounts", ask.money(s.Discount)),
		row("average order", ask.money(int64(s.Average+0.5))),
		row("ordered again", s.Again),
		row("repeat rate", percent(s.Repeat)),
		row("orders of the last 90 days", s.RecentOrders),
		row("amount of the last 90 days", ask.money(s.RecentAmount)),
		row("orders of nothing", s.Free),
		row("customers who spent nothing", s.Unspent),
		row("orders just like another of that day", s.Repeated),
	}}, err
}
