package loyalty_test

import (
	"math"
	"testing"

	"regulars/internal/loyalty"
)

func TestABudgetIsWarnedOfBeforeItIsUsed(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		used, bound int64
		warn        int
		near, all   bool
	}{
		{239, 300, 800, false, false}, {240, 300, 800, true, false}, {300, 300, 800, true, true}, {301, 300, 800, true, true},
		{0, 1, 800, false, false}, {1, 1, 800, true, true}, {5, 0, 800, false, false}, {7, 9, 825, false, false}, {8, 9, 825, true, false},
		{math.MaxInt64 - 1, math.MaxInt64, 1000, false, false},
	} {
		if near, all := (loyalty.Budget{Warn: tt.warn}).Near(tt.used, tt.bound); near != tt.near || all != tt.all {
			t.Errorf("Near(%d, %d) from %d on = %v, %v, want %v, %v", tt.used, tt.bound, tt.warn, near, all, tt.near, tt.all)
		}
	}
	first, next := loyalty.MonthOf(loyalty.Date(2027, 12, 31))
	if first != loyalty.Date(2027, 12, 1) || next != loyalty.Date(2028, 1, 1) {
		t.Errorf("MonthOf(2027-12-31) = %s, %s", first, next)
	}
	if n := loyalty.PointsWorth(math.MaxInt64, 1000); n != math.MaxInt64 {
		t.Errorf("PointsWorth of the most points = %d", n)
	}
}
