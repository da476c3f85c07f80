package points_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"regulars/internal/loyalty"
	"regulars/internal/points"
	"regulars/internal/shoptest"
	"regulars/internal/store"
)

// The cases R of loyalty.md in which points were spent before something was given back.
func TestWhatIsGivenBackLeavesRewardsAlone(t *testing.T) {
	eachTill(t, func(t *testing.T, s till) {
		m := s.Join(4)
		balance := func(about string, member int64, want string) {
			t.Helper()
			var got points.Statement
			s.Do(func(tx *store.Tx) (err error) { got, err = points.StatementOf(tx, member, points.All); return err })
			is(t, about, fmt.Sprint(got.Balance), want)
		}
		claim := func(member int64, reward, key, order string, due int64) points.Claim {
			t.Helper()
			c, err := s.claim(points.Ask{Member: member, Reward: reward, Key: key, Order: order, Due: due})
			if err != nil {
				t.Fatal(err)
			}
			return c
		}
		reverse := func(c points.Claim) {
			t.Helper()
			if _, err := s.end("reverse", c.ID, true, "all returned"); err != nil {
				t.Fatal(err)
			}
		}
		order := shop(s).order

		s.give(m[0], 300, 0)
		latte := claim(m[0], "latte", "r5", "R5", 0)
		order(loyalty.OrderPlaced, m[0], "R5", total(8500))
		balance("R5 bought with a reward", m[0], "85")
		order(loyalty.OrderRefunded, m[0], "R5", given(8500))
		balance("R5 returned, and the reward is not yet", m[0], "0")
		reverse(latte)
		balance("R5 the reward as well", m[0], "300")

		s.give(m[1], 500, 0)
		paid := claim(m[1], "euros", "r10", "R10", 250)
		balance("R10 paid with points", m[1], fmt.Sprint(500-paid.Price))
		order(loyalty.OrderPlaced, m[1], "R10", total(2500))
		balance("R10 delivered", m[1], fmt.Sprint(500-paid.Price+25))
		order(loyalty.OrderRefunded, m[1], "R10", given(2500))
		reverse(paid)
		balance("R10 returned", m[1], "500")

		s.give(m[2], 100, 0) // for joining
		used := claim(m[2], "euros", "r17", "R17", 300)
		order(loyalty.OrderPlaced, m[2], "R17", total(2100))
		balance("R17 bought", m[2], "21")
		order(loyalty.OrderCancelled, m[2], "R17", func(*loyalty.Event) {})
		reverse(used)
		balance("R17 cancelled", m[2], "100")

		s.give(m[3], 300, 0)
		claim(m[3], "latte", "r19", "R19", 0)
		order(loyalty.OrderPlaced, m[3], "R19", func(e *loyalty.Event) {
			e.Order.Lines = []loyalty.Line{{Product: "beans", Quantity: 1, Total: 4000}, {Product: "latte", Quantity: 1, Total: 0}}
		})
		order(loyalty.OrderRefunded, m[3], "R19", given(4000, loyalty.Line{Product: "beans", Quantity: 1, Total: 4000}))
		balance("R19 the goods are back, and the reward stays used", m[3], "0")
	})
}

// mixed is a shop whose points wait, end and are spent.
var mixed = shoptest.Program{
	Pools: rewarding.Pools,
	Extra: map[string]string{"loyalty.yaml": `
points:
  earn: [1 per 1.00]
  pending: 3d
  expire: {after: 60d}
rewards:
  latte: {price: 40, gives: free-coffee}
  euros: {price: 20, amount: 1.00, steps: 10}
`},
}

// P1: whatever orders, refunds, claims, corrections and nights follow each other, a reward
// is given exactly when the balance affords it, and the ledger adds up after each.
func TestAnyMixOfOrdersClaimsAndNightsAddsUp(t *testing.T) {
	seeds := uint64(3)
	if testing.Short() {
		seeds = 1
	}
	for seed := range seeds {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			shoptest.Each(t, mixed, func(t *testing.T, shp *shoptest.Shop) {
				r := rand.New(rand.NewPCG(seed, 11))
				s := till{shp}
				mix := mix{till: s, r: r, members: s.Join(3), bought: map[string]int64{}}
				for range 60 {
					mix.step(t)
				}
				shop(s).doctor(t)
			})
		})
	}
}

// mix is what happened in a random history.
type mix struct {
	till
	r       *rand.Rand
	members []int64
	orders  []string         // numbers
	bought  map[string]int64 // number → member
	claims  []points.Claim
}

// step is one of the things that can happen. A balance that came out wrong is an error at once.
func (x *mix) step(t *testing.T) {
	t.Helper()
	member := x.members[x.r.IntN(len(x.members))]
	balance := func() (n int64) {
		x.Do(func(tx *store.Tx) error {
			st, err := points.StatementOf(tx, member, points.All)
			n = st.Balance
			return err
		})
		return n
	}
	order := shop{x.Shop}.order
	switch x.r.IntN(9) {
	case 0, 1, 2:
		number := fmt.Sprint("O", len(x.orders))
		x.orders, x.bought[number] = append(x.orders, number), member
		before := balance()
		order(loyalty.OrderPlaced, member, number, total(int64(1000+x.r.IntN(9000))))
		if after := balance(); after != before {
			t.Errorf("an order of today made %d points %d: it is to be pending", before, after)
		}
	case 3:
		if len(x.orders) == 0 {
			return
		}
		number := x.orders[x.r.IntN(len(x.orders))]
		kind, change := loyalty.OrderRefunded, given(int64(1+x.r.IntN(1500)))
		if x.r.IntN(3) == 0 {
			kind, change = loyalty.OrderCancelled, func(*loyalty.Event) {}
		}
		order(kind, x.bought[number], number, change)
	case 4, 5:
		x.claim(t, member, balance)
	case 6:
		x.end(t)
	case 7:
		n := int64(x.r.IntN(60))
		before := balance()
		if x.give(member, n+1, 0); balance() != before+n+1 {
			t.Errorf("%d given to %d points: %d", n+1, before, balance())
		}
	case 8:
		shop{x.Shop}.to(1 + x.r.IntN(20))
	}
}

// claim asks for a reward, which is given exactly when the balance affords it.
func (x *mix) claim(t *testing.T, member int64, balance func() int64) {
	t.Helper()
	before := balance()
	c, err := x.till.claim(points.Ask{Member: member, Reward: "latte", Key: fmt.Sprint("k", len(x.claims), before), Hold: x.r.IntN(2) == 0})
	switch {
	case before >= 40 && err != nil:
		t.Errorf("a latte for 40 of %d points is refused: %v", before, err)
	case before < 40 && err == nil:
		t.Errorf("a latte for 40 of %d points is given", before)
	case err == nil && balance() != before-40:
		t.Errorf("a latte for 40 left %d of %d points", balance(), before)
	}
	if err == nil {
		x.claims = append(x.claims, c)
	}
}

// end confirms, releases or reverses one of the claims, whatever became of it; what does not
// go is refused.
func (x *mix) end(t *testing.T) {
	t.Helper()
	if len(x.claims) == 0 {
		return
	}
	how := []string{"confirm", "release", "reverse"}[x.r.IntN(3)]
	if _, err := x.till.end(how, x.claims[x.r.IntN(len(x.claims))].ID, false, ""); err != nil && refusedFor(err) == fmt.Sprint(err) {
		t.Errorf("%s: %v", how, err)
	}
}
