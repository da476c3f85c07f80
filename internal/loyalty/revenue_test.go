package loyalty_test

import (
	"testing"

	"regulars/internal/loyalty"
)

// The examples of accounting handbooks: what of a price is deferred for points. Amounts
// in cents; where a handbook rounds the shares to whole percent, the exact figure.
func TestAPriceIsSharedOutBetweenGoodsAndPoints(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		id                   string
		sales, points, worth int64
		gone                 loyalty.Gone
		want                 int64
	}{
		{"L1 100,000 of sales, 10,000 points of 1.00, 97 % are spent", 10_000_000, 10_000, 100_000, loyalty.Gone{Spent: 97, Expired: 3}, 884_230},
		{"L5 7,200,000 of sales, 8,000 points of 100.00", 720_000_000, 8_000, 10_000_000, loyalty.Gone{}, 72_000_000},
		{"L6 2,000 of sales, 2,000 points of 0.10, 85 % are spent", 200_000, 2_000, 10_000, loyalty.Gone{Spent: 85, Expired: 15}, 15_668},
		{"all have expired so far", 200_000, 2_000, 10_000, loyalty.Gone{Expired: 15}, 0},
		{"nothing was paid", 0, 2_000, 10_000, loyalty.Gone{}, 0},
		{"all was given back", 200_000, 0, 10_000, loyalty.Gone{}, 0},
		{"points are worth nothing", 200_000, 2_000, 0, loyalty.Gone{}, 0},
		{"more than fits in 64 bits on the way", 1_000_000_000_000, 1_000_000_000, 1_000_000, loyalty.Gone{Spent: 1_000_000_000, Expired: 1_000_000_000}, 333_333_333_333},
	} {
		t.Run(tt.id, func(t *testing.T) {
			if got := loyalty.Deferred(tt.sales, tt.points, tt.worth, tt.gone); got != tt.want {
				t.Errorf("%d deferred, want %d", got, tt.want)
			}
		})
	}
}

// What is released of 9,000.00, or in L7 of 158.00, when so many are spent and the rest
// is estimated anew.
func TestWhatIsDeferredIsReleasedAsPointsAreSpent(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		id                    string
		deferred, spent, left int64
		gone                  loyalty.Gone
		want                  int64
	}{
		{"L2 4,500 spent, of 5,500 left 5,200 will be: 9,700", 900_000, 4_500, 5_500, loyalty.Gone{Spent: 52, Expired: 3}, 417_526},
		{"L3 8,500 spent, of 1,500 left 1,400 will be: 9,900", 900_000, 8_500, 1_500, loyalty.Gone{Spent: 14, Expired: 1}, 417_526 + 355_201},
		{"L4 8,500 spent, of 1,500 left 700 will be: 9,200", 900_000, 8_500, 1_500, loyalty.Gone{Spent: 7, Expired: 8}, 417_526 + 413_996},
		{"L7 half of those that will be", 15_800, 850, 850, loyalty.Gone{}, 7_900},
		{"none is spent", 900_000, 0, 10_000, loyalty.Gone{}, 0},
		{"none is spent, all expired so far", 900_000, 0, 10_000, loyalty.Gone{Expired: 5}, 0},
		{"none is left, all ended unused", 900_000, 0, 0, loyalty.Gone{Expired: 5}, 900_000},
		{"none is left, all were spent", 900_000, 10_000, 0, loyalty.Gone{Spent: 10_000}, 900_000},
	} {
		t.Run(tt.id, func(t *testing.T) {
			if got := loyalty.Released(tt.deferred, tt.spent, tt.left, tt.gone); got != tt.want {
				t.Errorf("%d released, want %d", got, tt.want)
			}
		})
	}
}
