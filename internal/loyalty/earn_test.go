package loyalty_test

import (
	"math/big"
	"math/rand/v2"
	"testing"

	"regulars/internal/loyalty"
)

// per is N points per so much, in minor units.
func per(n, money int64) loyalty.Earn { return loyalty.Earn{N: n, Per: money} }

func of(e loyalty.Earn, kind, name string) loyalty.Earn {
	e.Of = loyalty.Of{Kind: kind, Name: name}
	return e
}

func rates(earn ...loyalty.Earn) loyalty.Rates { return loyalty.Rates{Earn: earn} }

func (r testRates) times(percent int64) loyalty.Rates { r.Percent = percent; return loyalty.Rates(r) }

type testRates loyalty.Rates

// paid is an order of lines, each a product with what was paid for it.
func paid(total int64, lines ...loyalty.Line) loyalty.Order {
	return loyalty.Order{Status: loyalty.Paid, Total: total, Lines: lines, Quantity: 1}
}

func line(product string, quantity, total int64) loyalty.Line {
	return loyalty.Line{Product: product, Category: product, Quantity: quantity, Total: total}
}

func back(total int64, lines ...loyalty.Line) []loyalty.Refund {
	return []loyalty.Refund{{Total: total, Lines: lines}}
}

func TestTarget(t *testing.T) {
	t.Parallel()
	one := rates(per(1, 100))
	three := []loyalty.Line{line("X", 1, 4000), line("Y", 1, 6000), line("Z", 1, 2000)}
	taxed := loyalty.Order{Status: loyalty.Paid, Total: 9000, Tax: 1600, Lines: []loyalty.Line{line("a", 1, 5000), line("b", 1, 3000)}}
	shipped := loyalty.Order{Status: loyalty.Paid, Total: 9500, Shipping: 1500, Lines: []loyalty.Line{line("a", 1, 8000)}}
	total := loyalty.Rates{Earn: one.Earn, Base: "total"}
	before := loyalty.Rates{Earn: one.Earn, Base: "before discounts"}
	discounted := loyalty.Order{Status: loyalty.Paid, Total: 4000, Discount: 1000, Lines: []loyalty.Line{line("a", 1, 5000)}}
	cards := loyalty.Rates{Earn: one.Earn, NotOn: []loyalty.Of{{Kind: "category", Name: "Y"}}}
	for _, c := range []struct {
		id      string
		order   loyalty.Order
		refunds []loyalty.Refund
		rates   loyalty.Rates
		want    int64
	}{
		{"E1 whole steps", paid(10500), nil, rates(per(1, 1000)), 10},
		{"E2 a multiplier of a fixed number", paid(100), nil, testRates(rates(loyalty.Earn{N: 5, For: "order"})).times(300), 15},
		{"E3 a broken multiplier", paid(100), nil, testRates(rates(loyalty.Earn{N: 4, For: "order"})).times(150), 6},
		{"E4 what adds", paid(100), nil, rates(loyalty.Earn{N: 5, For: "order"}, loyalty.Earn{N: 3, For: "order"}), 8},
		{"E5 the floor of an order", paid(1999), nil, one, 19},
		{"E6 three for each", paid(4000), nil, rates(per(3, 100)), 120},
		{"E7 for an item", paid(900, line("a", 3, 900)), nil, rates(loyalty.Earn{N: 100}), 300},
		{"E8 one floor over rules", paid(1999), nil, rates(per(1, 100), per(1, 200)), 29},
		{"E9 everything adds", paid(1999), nil, rates(per(1, 100), loyalty.Earn{N: 100, For: "order"}), 119},
		{"E10 one floor after the multiplier", paid(1999), nil, testRates(one).times(200), 39},
		{"E11 … of one and a half", paid(1999), nil, testRates(one).times(150), 29},
		{"E12 goods with their tax", taxed, nil, one, 80},
		{"E12 … and before it came on top", loyalty.Order{Status: loyalty.Paid, Total: 9000, Tax: 1600, Shipping: 1000, Lines: []loyalty.Line{line("a", 1, 4000), line("b", 1, 2400)}}, nil, one, 80},
		{"E13 without shipping", shipped, nil, one, 80},
		{"E13 of the total", shipped, nil, total, 95},
		{"E14 lines are not rounded", paid(9980, line("a", 1, 1990), line("b", 1, 7990)), nil, rates(per(1, 1000)), 9},
		// Two promotions with two decimals, rounded each, make 40.32 and 41.98 there. We reckon in
		// whole points and round the sum once.
		{"E15 two ways of 20.158 each", paid(100), nil, rates(per(20158, 100000), per(20158, 100000)), 40},
		{"E16 two ways of 20.987 each", paid(100), nil, rates(per(20987, 100000), per(20987, 100000)), 41},
		{"E17 rounded down", paid(250), nil, one, 2},
		{"E18 too little", paid(3000), nil, rates(per(1, 5000)), 0},
		{"E18 twice and more", paid(12000), nil, rates(per(1, 5000)), 2},
		{"E18 once and more", paid(6500), nil, rates(per(1, 5000)), 1},
		{"E19 after the discount", discounted, nil, one, 40},
		{"E19 before it, by choice", discounted, nil, before, 50},
		{"E20 stamps for an amount", paid(3000), nil, rates(per(1, 1000)), 3},
		{"E21 a rule for some goods adds", paid(12000, three...), nil, rates(per(1, 100), of(per(1, 100), "category", "Y")), 180},
		{"an hidden discount is spread over the lines", paid(6000, three...), nil, rates(of(per(1, 100), "category", "Y")), 30},
		{"what is excluded earns nothing", paid(12000, three...), nil, cards, 60},
		{"too small an order", paid(2499), nil, rates(loyalty.Earn{N: 50, For: "order", Minimum: 2500}), 0},
		{"large enough an order", paid(2500), nil, rates(loyalty.Earn{N: 50, For: "order", Minimum: 2500}), 50},
		{"an order for nothing earns nothing", paid(0), nil, rates(loyalty.Earn{N: 50, For: "order"}), 0},
		{"at most so many in an order", paid(900, line("a", 9, 900)), nil, rates(loyalty.Earn{N: 1, AtMost: loyalty.Limit{N: 4, In: "order"}}), 4},
		{"S10 what is free earns no stamp", paid(900, line("a", 9, 900), line("a", 1, 0)), nil, rates(loyalty.Earn{N: 1}), 9},

		{"R1 all given back", paid(5000), back(5000), one, 0},
		{"R1 … as a whole", paid(5000), []loyalty.Refund{{All: true}}, one, 0},
		{"R4 what is kept", paid(10000), back(7500), one, 25},
		{"R6 of what was paid", paid(8500, line("a", 1, 10000)), back(7500), one, 10},
		{"R7 one line of three", paid(12000, three...), back(6000, line("Y", 1, 6000)), one, 60},
		{"R7 and another", paid(12000, three...), append(back(6000, line("Y", 1, 6000)), back(2000, line("Z", 1, 2000))...), one, 40},
		{"R8 with exclusions", paid(12000, three...), back(4000, line("X", 1, 4000)), cards, 20},
		{"R8 what is excluded was given back", paid(12000, three...), back(6000, line("Y", 1, 6000)), cards, 60},
		{"R9 one of two", paid(2000, line("a", 2, 2000)), back(1000, line("a", 1, 1000)), one, 10},
		{"R9 and the other", paid(2000, line("a", 2, 2000)), append(back(1000, line("a", 1, 1000)), back(1000, line("a", 1, 1000))...), one, 0},
		{"R11 cancelled", loyalty.Order{Status: loyalty.Cancelled, Total: 15000}, nil, one, 0},
		{"R15 one of the same item", paid(1998, line("a", 2, 1998)), back(999, line("a", 1, 999)), one, 9},
		{"R18 the floor of what is kept", paid(100000), back(10000), rates(per(1, 700)), 128},
		{"a refund in list prices is of what was paid", paid(6000, three...), back(3000, line("Y", 1, 6000)), one, 30},
		{"shipping given back is no goods", shipped, back(1500, line("unknown", 1, 0)), total, 80},
		{"below the minimum by what was given back", paid(3000), back(1000), rates(loyalty.Earn{N: 50, For: "order", Minimum: 2500}), 0},
		{"as much as may be", paid(loyalty.Most), nil, rates(per(loyalty.Most, 1)), loyalty.Most},
	} {
		t.Run(c.id, func(t *testing.T) {
			if got := loyalty.Target(c.order, c.refunds, c.rates); got != c.want {
				t.Errorf("Target = %d, want %d", got, c.want)
			}
		})
	}
}

// E18: with the remainders carried on, visits of 30 and 20 make one star.
func TestCarry(t *testing.T) {
	t.Parallel()
	star := rates(per(1, 5000))
	got := loyalty.Carry([]*big.Rat{loyalty.Exact(paid(3000), nil, star), loyalty.Exact(paid(2000), nil, star)})
	if len(got) != 2 || got[0] != 0 || got[1] != 1 {
		t.Errorf("Carry of 30.00 and 20.00 at 1 per 50.00 = %v, want [0 1]", got)
	}
}

// What is reckoned in a shorter way for most orders is what is reckoned for any: one of
// which nothing is given back takes the long way.
func TestTheShortWayIsTheLongOne(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(7, 7))
	kinds := []loyalty.Of{{}, {Kind: "category", Name: "a"}, {Kind: "category", Name: "b"}, {Kind: "product", Name: "c"}}
	large := func(n int64) int64 { // what fits no word any more once it was multiplied, now and then
		if random.IntN(8) == 0 {
			n *= loyalty.Most / 1e4
		}
		return n
	}
	for range 20_000 {
		o := paid(0)
		for range random.IntN(4) {
			l := line(string(rune('a'+random.IntN(3))), int64(random.IntN(4)), random.Int64N(large(3000)))
			o.Lines, o.Total = append(o.Lines, l), o.Total+l.Total
		}
		if o.Shipping = int64(random.IntN(2) * 490); random.IntN(8) > 0 {
			o.Total += o.Shipping
		}
		r := loyalty.Rates{Percent: []int64{0, 100, 125}[random.IntN(3)]}
		for range 1 + random.IntN(3) {
			e := loyalty.Earn{N: 1 + random.Int64N(large(3)), Of: kinds[random.IntN(len(kinds))], Minimum: int64(random.IntN(2) * 1500)}
			switch random.IntN(4) {
			case 0:
				e.For = "order"
			case 1:
				e.For, e.AtMost = "item", loyalty.Limit{N: 2, In: "order"}
			case 2:
				e.For = "joined"
			default:
				if e.Per = 100 + random.Int64N(large(300)); random.IntN(3) == 0 {
					e.AtMost = loyalty.Limit{N: random.Int64N(large(20)), In: "order"}
				}
			}
			r.Earn = append(r.Earn, e)
		}
		if random.IntN(3) == 0 {
			r.NotOn = kinds[1:2]
		}
		if got, want := loyalty.Exact(o, nil, r), loyalty.Exact(o, back(0), r); got.Cmp(want) != 0 {
			t.Fatalf("Exact(%+v, %+v) = %s, want %s", o, r, got, want)
		}
		if got, want := loyalty.Target(o, nil, r), loyalty.Target(o, back(0), r); got != want {
			t.Fatalf("Target(%+v, %+v) = %d, want %d", o, r, got, want)
		}
	}
}
