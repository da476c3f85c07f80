package report

import (
	"fmt"
	"strings"

	"regulars/internal/store"
)

// Repeat is how many customers ordered at least so many times.
type Repeat struct {
	Orders    int64   `json:"orders"`
	Customers int64   `json:"customers"`
	Share     float64 `json:"share"`   // of all customers; at 2 orders, the repeat rate
	OnDays    int64   `json:"on_days"` // who did so on as many different days
}

// times are the numbers of orders that are looked at.
var times = []int64{1, 2, 3, 5, 10, 20}

// Repeats returns how many customers came again, as of the day asked for.
func Repeats(tx *store.Tx, ask Ask) ([]Repeat, error) {
	from, args := ask.facts(tx)
	var counts []string
	for _, n := range times {
		counts = append(counts, fmt.Sprintf("select %d as orders, count(*) filter (where orders >= %[1]d) as customers, count(*) filter (where order_days >= %[1]d) as on_days from c", n))
	}
	list := []Repeat{}
	err := tx.All(&list, "with c as (select f.orders, f.order_days from "+from+" where f.orders > 0)\n"+strings.Join(counts, "\nunion all\n")+"\norder by 1", args)
	for i := range list {
		list[i].Share = ratio(list[i].Customers, list[0].Customers)
	}
	return list, err
}
