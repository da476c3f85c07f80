package loyalty

import "math/big"

// Gone is what became of points that are gone: the share that was spent is what we
// expect of the others. Where none is gone all of them are expected to be spent.
type Gone struct{ Spent, Expired int64 }

// share is the part that was spent, as a fraction.
func (g Gone) share() (num, den *big.Int) {
	if g.Expired <= 0 || g.Spent < 0 {
		return big.NewInt(1), big.NewInt(1)
	}
	return big.NewInt(g.Spent), big.NewInt(g.Spent + g.Expired)
}

// Deferred is what of sales was paid for the points that they earned: the price is shared
// out between goods and points by what each is worth alone, points at worth (thousandths
// of the minor unit) for those that are expected to be spent. IFRS 15.B39–B41 and ASC
// 606-10-55-42; KPMG's examples 10A and 10B.
func Deferred(sales, points, worth int64, g Gone) int64 {
	if sales <= 0 || points <= 0 || worth <= 0 {
		return 0
	}
	num, den := g.share()
	alone := product(num, points, worth)                           // of the points
	goods := product(den, sales, 1000)                             // with the same denominator
	return nearest(product(alone, sales), goods.Add(goods, alone)) // nothing of it is above sales
}

// Released is what of the deferred price is earned when so many of its points are spent
// and so many are left: in proportion to those that are expected to be spent in all. When
// none is left all of it is.
func Released(deferred, spent, left int64, g Gone) int64 {
	if left <= 0 {
		return deferred
	}
	num, den := g.share()
	done := product(den, max(0, spent))
	all := product(num, left)
	if all.Add(all, done).Sign() == 0 {
		return 0
	}
	return nearest(product(done, deferred), all)
}

func product(n *big.Int, by ...int64) *big.Int {
	all := new(big.Int).Set(n)
	for _, f := range by {
		all.Mul(all, big.NewInt(f))
	}
	return all
}

// nearest is num/den of numbers that are not below zero, a half rounded up.
func nearest(num, den *big.Int) int64 {
	twice := new(big.Int).Lsh(num, 1)
	return twice.Add(twice, den).Quo(twice, new(big.Int).Lsh(den, 1)).Int64()
}
