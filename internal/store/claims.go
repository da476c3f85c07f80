package store

import "regulars/internal/loyalty"

// RewardsOf are the rewards that were claimed in the calendar month of a day and not
// given back: how many, and what they cost, minor units. What a full card or a referral
// gives is none. The index of the month answers it.
func RewardsOf(tx *Tx, day loyalty.Day) (n, cost int64, err error) {
	first, next := loyalty.MonthOf(day)
	var month struct{ N, Cost int64 }
	err = tx.One(&month, `
		select count(*) as n, coalesce(cast(sum(cost) as bigint), 0) as cost
		from   claims
		where  day >= @first and day < @next
		and    state in ('held', 'done') and source not in ('card', 'referral')`, Args{"first": int64(first), "next": int64(next)})
	return month.N, month.Cost, err
}

// PointsOut are all points that members have, pending ones included; debts are none.
func PointsOut(tx *Tx) (n int64, err error) {
	err = tx.One(&n, `
		select coalesce(cast(sum(case when points > 0 then points else 0 end + points_pending) as bigint), 0) from facts
		where  points > 0 or points_pending > 0`, nil)
	return n, err
}
