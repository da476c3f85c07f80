package loyalty

import (
	"math"
	"math/big"
)

// Budget is what points and rewards may cost the shop. The zero Budget has no bounds.
type Budget struct {
	Liability  int64 // of all points that members have, minor units; 0: no bound
	PointWorth int64 // of one point, in thousandths of a minor unit

	Rewards int64 // that are claimed in a calendar month: so many, or minor units; 0: no bound
	Money   bool  // Rewards is money

	Warn int  // from this share on people are warned, in thousandths
	Stop bool // when Rewards is used, no reward can be claimed until the next month
}

// Near reports whether a bound is to be warned of, and whether all of it is used.
func (b Budget) Near(used, bound int64) (near, all bool) {
	if bound == 0 {
		return false, false
	}
	return used >= share(bound, b.Warn), used >= bound
}

// share is so many thousandths of n, rounded up, without a product that overflows.
func share(n int64, permille int) int64 {
	p := int64(permille)
	return n/1000*p + (n%1000*p+999)/1000
}

// MonthOf returns the first day of the calendar month of a day, and of the month after it.
func MonthOf(d Day) (first, next Day) {
	y, m, _ := d.Civil()
	return Date(y, m, 1), Date(y, m+1, 1)
}

// PointsWorth is what points are worth in minor units, at a worth of one in thousandths
// of them; what is more than we can count is the most that we can.
func PointsWorth(points, worth int64) int64 {
	n := new(big.Int).Mul(big.NewInt(points), big.NewInt(worth))
	if n.Quo(n, big.NewInt(1000)); !n.IsInt64() {
		return math.MaxInt64
	}
	return n.Int64()
}
