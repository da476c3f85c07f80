package report

import (
	"cmp"
	"strings"

	"regulars/internal/loyalty"
	"regulars/internal/store"
)

// Sale is what was sold under a name: a category, a brand, a product, a point of
// sale. "" is what has none.
type Sale struct {
	Name    string  `json:"name"`
	Orders  int64   `json:"orders"`
	Members int64   `json:"members"`
	Items   int64   `json:"items"`
	Amount  int64   `json:"amount_minor"` // by line, before refunds; of a point of sale, after them
	Share   float64 `json:"share"`
}

// Sales returns what was sold by a column of the order lines, the most first, up
// to the end of a day.
func Sales(tx *store.Tx, column string, day loyalty.Day, limit int) ([]Sale, error) {
	return readSales(tx, `
		select `+column+` as name, count(distinct order_id) as orders, count(distinct member_id) as members,
		       cast(sum(quantity) as bigint) as items, cast(sum(total) as bigint) as amount
		from   order_lines
		where  counts and day <= @day
		group  by `+column, day, limit)
}

// Shops returns what was sold by point of sale.
func Shops(tx *store.Tx, day loyalty.Day, limit int) ([]Sale, error) {
	return readSales(tx, `
		select shop as name, count(*) as orders, count(distinct member_id) as members,
		       cast(sum(quantity) as bigint) as items, cast(sum(total - refunded) as bigint) as amount
		from   orders
		where  counts and day <= @day
		group  by shop`, day, limit)
}

func readSales(tx *store.Tx, grouped string, day loyalty.Day, limit int) ([]Sale, error) {
	list := []Sale{}
	err := tx.All(&list, `
		select name, orders, members, items, amount, coalesce(cast(amount as double precision) / nullif(sum(amount) over (), 0), 0) as share
		from  (`+grouped+`) s
		order  by amount desc, `+plainOrder(tx, "name")+`
		limit  @limit`, store.Args{"day": day, "limit": limit})
	return list, err
}

// sales is the report on a column of the lines.
func sales(name, column string) Named {
	return Named{name, "sales by " + column, true, saleList(column, func(tx *store.Tx, ask Ask) ([]Sale, error) {
		return Sales(tx, column, ask.Day, ask.most(everything))
	})}
}

func saleList(what string, read func(*store.Tx, Ask) ([]Sale, error)) func(*store.Tx, Ask) (Table, error) {
	return listed(strings.ToUpper(what)+"|ORDERS|MEMBERS|ITEMS|AMOUNT|SHARE", read, func(ask Ask, s Sale) []any {
		return []any{cmp.Or(s.Name, "(none)"), s.Orders, s.Members, s.Items, ask.money(s.Amount), percent(s.Share)}
	})
}

// Favourite is a category and for how many members it is the one on which they
// spent most, as the rule favourite_category has it.
type Favourite struct {
	Category string `json:"category"`
	Members  int64  `json:"members"`
	Tied     int64  `json:"tied"` // of these: who spent as much on another, which only comes later in the alphabet
}

// Favourites returns the members' favourite categories, the commonest first, up
// to the end of a day.
func Favourites(tx *store.Tx, day loyalty.Day, limit int) ([]Favourite, error) {
	list := []Favourite{}
	err := tx.All(&list, `
		with spent as (
			select member_id, category, sum(total) as amount
			from   order_lines
			where  counts and day <= @day and category <> ''
			group  by member_id, category
		),
		placed as (
			select member_id, category,
			       row_number() over (partition by member_id order by amount desc, `+plainOrder(tx, "category")+`) as place,
			       count(*) over (partition by member_id, amount) as alike
			from   spent
		)
		select category, count(*) as members, count(*) filter (where alike > 1) as tied
		from   placed
		where  place = 1
		group  by category
		order  by 2 desc, `+plainOrder(tx, "category")+`
		limit  @limit`, store.Args{"day": day, "limit": limit})
	return list, err
}

// Pair is two categories and in how many orders both stand.
type Pair struct {
	First  string `json:"first"`
	Second string `json:"second"`
	Orders int64  `json:"orders"`
}

// Pairs returns the categories most often bought together, up to the end of a day.
func Pairs(tx *store.Tx, day loyalty.Day, limit int) ([]Pair, error) {
	list := []Pair{}
	err := tx.All(&list, `
		with held as (
			select order_id, `+plainOrder(tx, "category")+` as category
			from   order_lines
			where  counts and day <= @day and category <> ''
			group  by 1, 2
		)
		select a.category as first, b.category as second, count(*) as orders
		from   held a
		join   held b on b.order_id = a.order_id and b.category > a.category
		group  by a.category, b.category
		order  by 3 desc, a.category, b.category
		limit  @limit`, store.Args{"day": day, "limit": limit})
	return list, err
}
