package loyalty

import "testing"

// The examples of paying with points that other programs document, by our rules.
func TestPayingWithPoints(t *testing.T) {
	t.Parallel()
	const free = 1_000_000 // steps, where an example has no bound
	for _, tt := range []struct {
		name                                                string
		price, amount, steps, percent, wanted, balance, due int64
		want                                                int64 // points
	}{
		{"S1 512 points at 100 for 1.00 are 5.00", 100, 100, free, 0, 0, 512, -1, 500},
		{"S1 or 300 are 3.00", 100, 100, free, 0, 3, 512, -1, 300},
		{"S2 1,050 wanted at 100 for 5.00 are 1,000", 100, 500, free, 0, 10, 1050, -1, 1000},
		{"S3 a balance of 700 pays 700", 100, 500, free, 0, 10, 700, -1, 700},
		{"S4 half of an order of 100.00", 100, 100, free, 50, 100, 10000, 10000, 5000},
		{"S5 400 points are no step of 500", 500, 500, free, 0, 0, 400, -1, 0},
		{"S6 three points in units of two are one unit", 2, 300, free, 0, 0, 3, -1, 2},
		{"S6 five points are two units", 2, 300, free, 0, 0, 5, -1, 4},
		{"S6b 295 points at 100 for 1.00 are 2.00", 100, 100, free, 0, 0, 295, -1, 200},
		{"S6c an order of 20.00 at 10.00 a point takes 2 points", 1, 1000, free, 0, 30, 30, 2000, 2},
		{"S7 what is to be paid is paid in whole steps", 1, 10, free, 0, 0, 10000, 10100, 1010},
		{"S8 a balance below the total is used to its last whole step", 25, 500, free, 0, 0, 60, 100000, 50},
		{"ten steps at most", 100, 100, 10, 0, 0, 5000, -1, 1000},
		{"one step where none are named", 100, 100, 0, 0, 0, 5000, -1, 100},
		{"a debt pays nothing", 100, 100, 10, 0, 0, -50, -1, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := tt.price * Pay(tt.price, tt.amount, tt.steps, int(tt.percent), tt.wanted, tt.balance, tt.due)
			if got != tt.want {
				t.Errorf("%d points, want %d", got, tt.want)
			}
		})
	}
}
