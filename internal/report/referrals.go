package report

import (
	"fmt"

	"regulars/internal/store"
)

// ReferralsMonth is what became of the friends whom members brought in a month.
type ReferralsMonth struct {
	Month     string `json:"month"`     // in which the friends joined
	Referrers int64  `json:"referrers"` // who brought them
	Friends   int64  `json:"friends"`
	Pending   int64  `json:"pending"`  // wait for an order, or for it to stand
	Rewarded  int64  `json:"rewarded"` // their referrers were
	Refused   int64  `json:"refused"`
	Ended     int64  `json:"ended"`  // bought nothing in time
	Points    int64  `json:"points"` // that referrers have for them, less what was taken back
}

// Referrals returns them, in the order of months.
func Referrals(tx *store.Tx) (months []ReferralsMonth, err error) {
	month := monthOf(tx, "f.day")
	months = []ReferralsMonth{}
	err = tx.All(&months, `
		select `+month+`                                      as month,
		       count(distinct f.referrer_id)                  as referrers,
		       count(*)                                       as friends,
		       count(*) filter (where f.state = 'pending')    as pending,
		       count(*) filter (where f.state = 'rewarded')   as rewarded,
		       count(*) filter (where f.state = 'refused')    as refused,
		       count(*) filter (where f.state = 'ended')      as ended,
		       coalesce(cast(sum(e.points) as bigint), 0)     as points
		from   referrals f
		left   join (select referral_id, sum(amount) as points
		             from   entries
		             where  wallet = 'points' and referral_id is not null
		             group  by referral_id) e on e.referral_id = f.id
		group  by 1
		order  by 1`, nil)
	if err != nil {
		return nil, fmt.Errorf("what became of friends: %w", err)
	}
	return months, nil
}
