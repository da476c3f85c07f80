package loyalty

// Pay says how many whole steps of a reward that is money a member pays with: price
// points each for amount, at most as many as wanted (0: as many as go), as steps allows
// (0: one), as the balance has, and as what is to be paid leaves, of which at most so
// many percent (0: all). due is in minor units; below 0 it is not known and bounds
// nothing.
func Pay(price, amount, steps int64, percent int, wanted, balance, due int64) int64 {
	n := max(steps, 1)
	if wanted > 0 {
		n = min(n, wanted)
	}
	n = min(n, max(0, balance)/price)
	if due >= 0 {
		if percent == 0 {
			percent = 100
		}
		n = min(n, due*int64(percent)/100/amount)
	}
	return n
}
