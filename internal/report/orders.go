package report

import (
	"regulars/internal/loyalty"
	"regulars/internal/store"
)

// Month is the orders of a calendar month.
type Month struct {
	Month   string `json:"month"` // 2027-06
	Orders  int64  `json:"orders"`
	Revenue int64  `json:"revenue_minor"`
	Members int64  `json:"members"`
}

// Orders returns paid orders by month of the shop's days, up to the end of a day.
func Orders(tx *store.Tx, day loyalty.Day) ([]Month, error) {
	months := []Month{}
	err := tx.All(&months, `
		select `+monthOf(tx, "day")+` as month, count(*) as orders, cast(sum(total - refunded) as bigint) as revenue,
		       count(distinct member_id) as members
		from   orders
		where  counts and day <= @day
		group  by 1
		order  by 1`, store.Args{"day": day})
	return months, err
}
