package report

import (
	"regulars/internal/loyalty"
	"regulars/internal/store"
)

// Top is the tenth of the customers who have spent most.
type Top struct {
	Customers int64     `json:"customers"` // all of them
	Size      int64     `json:"size"`      // a tenth, rounded up
	Amount    int64     `json:"amount_minor"`
	Share     float64   `json:"share"`             // of all that was spent
	Threshold int64     `json:"threshold_minor"`   // what the last of them spent
	Level     int64     `json:"at_threshold"`      // customers who spent exactly that
	Spenders  []Spender `json:"spenders" gorm:"-"` // the first of them
}

// Spender is a customer and what they spent.
type Spender struct {
	Member string `json:"member"`
	Spent  int64  `json:"spent_minor"`
	Orders int64  `json:"orders"`
}

// TopTenth returns the customers who have spent most, as of the day asked for.
func TopTenth(tx *store.Tx, ask Ask) (t Top, err error) {
	from, args := ask.facts(tx)
	args["limit"] = ask.most(10)
	err = tx.One(&t, `
		with c as (select f.member_id, f.spent from `+from+` where f.orders > 0),
		     n as (select count(*) as customers, (count(*) + 9) / 10 as size, sum(spent) as everything from c),
		     best as (select spent from c order by spent desc limit (select size from n)),
		     t as (select cast(coalesce(sum(spent), 0) as bigint) as amount, coalesce(min(spent), 0) as threshold from best)
		select n.customers, n.size, t.amount, t.threshold,
		       coalesce(cast(t.amount as double precision) / nullif(n.everything, 0), 0) as share,
		       (select count(*) from c where c.spent = t.threshold) as level
		from   n, t`, args)
	if err != nil {
		return t, err
	}
	t.Spenders = []Spender{}
	return t, tx.All(&t.Spenders, `
		select m.external_id as member, f.spent, f.orders
		from   `+from+`
		join   members m on m.id = f.member_id
		where  f.orders > 0
		order  by f.spent desc, `+plainOrder(tx, "m.external_id")+`
		limit  @limit`, args)
}

func topReport(tx *store.Tx, ask Ask) (Table, error) {
	t, err := TopTenth(tx, ask)
	a := Table{Value: t, Head: []string{"MEMBER", "SPENT", "ORDERS"}}
	for _, s := range t.Spenders {
		a.Rows = append(a.Rows, row(s.Member, ask.money(s.Spent), s.Orders))
	}
	a.Rows = append(a.Rows,
		row("the top tenth, "+loyalty.Count(t.Size)+" of "+loyalty.Count(t.Customers), ask.money(t.Amount), percent(t.Share)+" of all"),
		row("spent as much as the last of these: "+loyalty.Count(t.Level), ask.money(t.Threshold), ""))
	return a, err
}
