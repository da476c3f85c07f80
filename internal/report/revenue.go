package report

import (
	"fmt"

	"regulars/internal/loyalty"
	"regulars/internal/store"
)

// Revenue is what of the price of orders was paid for the points that they earned, and
// what of that is revenue by now. The price is shared out in the month in which an order
// earned, by what was known then of how many points are spent (loyalty.Deferred), and
// stays as it is; what is released follows the newest estimate (loyalty.Released). Points
// that no order earned have no price. Orders and refunds are as we know them now.
type Revenue struct {
	Sales    int64 `json:"sales_minor"`    // of orders that earned points, less refunds
	Deferred int64 `json:"deferred_minor"` // of them, paid for points
	Released int64 `json:"released_minor"`
	ThisYear int64 `json:"released_this_year_minor"` // since the calendar year began
	Open     int64 `json:"still_deferred_minor"`
}

// earnedMonth is what became of the points that orders earned in a month.
type earnedMonth struct {
	Month                      string
	Sales, Earned, Spent, Lost int64 // Lost: ended, or taken by hand
}

// PointsRevenue returns it as of the end of a day.
func PointsRevenue(tx *store.Tx, ask Ask) (r Revenue, err error) {
	if ask.PointWorth == 0 {
		return r, nil
	}
	if r, err = revenueOf(tx, ask); err != nil {
		return r, err
	}
	year, _, _ := ask.Day.Civil()
	ask.Day = loyalty.Date(year, 1, 1) - 1
	before, err := revenueOf(tx, ask)
	r.ThisYear = r.Released - before.Released
	return r, err
}

func revenueOf(tx *store.Tx, ask Ask) (r Revenue, err error) {
	gone, err := goneBy(tx, ask.Day)
	if err != nil {
		return r, err
	}
	months, err := earnedMonths(tx, ask.Day)
	if err != nil {
		return r, err
	}
	for _, m := range months {
		deferred := loyalty.Deferred(m.Sales, m.Earned, ask.PointWorth, gone[m.Month])
		r.Sales += m.Sales
		r.Deferred += deferred
		r.Released += loyalty.Released(deferred, m.Spent, m.Earned-m.Spent-m.Lost, gone[""])
	}
	r.Open = r.Deferred - r.Released
	return r, nil
}

// goneBy returns by month what points had become by its end, and under "" by the day.
func goneBy(tx *store.Tx, day loyalty.Day) (map[string]loyalty.Gone, error) {
	months, err := Points(tx, day)
	by := map[string]loyalty.Gone{}
	var g loyalty.Gone
	for _, m := range months {
		g.Spent += m.Redeemed
		g.Expired += m.Expired
		by[m.Month], by[""] = g, g
	}
	return by, err
}

// earnedMonths returns what became of the points that orders earned, up to the end of a
// day, by the month in which they were booked. An order is of the month of its first.
func earnedMonths(tx *store.Tx, day loyalty.Day) (months []earnedMonth, err error) {
	err = tx.All(&months, `
		select month, cast(sum(sales) as bigint) as sales, cast(sum(earned) as bigint) as earned, cast(sum(spent) as bigint) as spent, cast(sum(lost) as bigint) as lost
		from  (select `+monthOf(tx, "day")+` as month, case when what = 'sales' then n else 0 end as sales, case when what = 'earn' then n else 0 end as earned, 0 as spent, 0 as lost
		       from   points_summed
		       where  month = '' and what in ('sales', 'earn') and day <= @day
		       union  all
		       select month, 0, case when what = 'back' then -n else 0 end, case when what = 'spent' then n else 0 end, case when what = 'lost' then n else 0 end
		       from   points_summed
		       where  what in ('back', 'spent', 'lost') and day <= @day) m
		group  by month
		order  by month`, store.Args{"day": int64(day)})
	if err != nil {
		return nil, fmt.Errorf("what became of points that orders earned: %w", err)
	}
	return months, nil
}
