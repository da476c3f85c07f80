package points_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"regulars/internal/coupon"
	"regulars/internal/loyalty"
	"regulars/internal/points"
	"regulars/internal/shoptest"
	"regulars/internal/store"
	"regulars/internal/versions"
)

var rewarding = shoptest.Program{
	Pools: `
free-coffee: {kind: generated, pattern: "COFFEE-####-####-####", item: Coffee, worth: 2.40, valid_for: 14d, checkout: asks_us}
few:         {kind: generated, pattern: "FEW-####-####-####", percent: 10, stock: 2, checkout: asks_us}
bygone:      {kind: generated, pattern: "GONE-####-####-####", percent: 10, valid_until: 2027-04-01, checkout: asks_us}
`,
	Extra: map[string]string{"loyalty.yaml": `
points:
  earn: [1 per 1.00]
  expire: {after: 12m}
tiers:
  gold: {when: spent("12m") >= 600.00, keep: 12m}
rewards:
  latte:    {price: 300, gives: free-coffee}
  rare:     {price: 100, gives: few}
  old:      {price: 100, gives: bygone}
  elite:    {price: 100, gives: free-coffee, tiers: [gold]}
  euros:    {price: 100, amount: 1.00, steps: 10, at_most: 50%}
`},
}

// till is a shop with rewards.
type till struct{ *shoptest.Shop }

// rules runs f with the rules of points in force.
func (s till) rules(f func(tx *store.Tx, r *points.Rules) error) error {
	return s.DB.Update(context.Background(), func(tx *store.Tx) error {
		v, err := versions.Active(tx)
		if err != nil {
			return err
		}
		r, err := points.Read(tx, v)
		if err != nil {
			return err
		}
		if err := f(tx, r); err != nil {
			return err
		}
		var all []int64
		if err := tx.All(&all, "select id from members order by id", nil); err != nil {
			return err
		}
		return shoptest.Refresh(tx, all)
	})
}

func (s till) give(member, n int64, last loyalty.Day) {
	s.T.Helper()
	err := s.rules(func(tx *store.Tx, r *points.Rules) error {
		_, err := r.ByHand(tx, points.Hand{Member: member, N: n, Because: "for the test", LastDay: last, By: "anna"})
		return err
	})
	if err != nil {
		s.T.Fatal(err)
	}
}

func (s till) claim(a points.Ask) (c points.Claim, err error) {
	if a.Source == "" {
		a.Source = "till"
	}
	if a.Due == 0 {
		a.Due = -1
	}
	err = s.rules(func(tx *store.Tx, r *points.Rules) (err error) { c, err = r.Claim(tx, a, rand.Reader); return err })
	return c, err
}

func (s till) end(how string, id int64, force bool, reason string) (c points.Claim, err error) {
	err = s.rules(func(tx *store.Tx, r *points.Rules) (err error) {
		switch how {
		case "confirm":
			c, err = r.Confirm(tx, id)
		case "release":
			c, err = r.Release(tx, id)
		default:
			c, err = r.Reverse(tx, id, force, reason, "anna")
		}
		return err
	})
	return c, err
}

// has is what a member can spend, and how their lots stand.
func (s till) has(member int64) (got string) {
	s.T.Helper()
	s.Do(func(tx *store.Tx) error {
		st, err := points.StatementOf(tx, member, points.All)
		if err != nil {
			return err
		}
		got = fmt.Sprint(st.Balance)
		for _, l := range st.Lots {
			last := "never"
			if l.Last != nil {
				last = l.Last.String()
			}
			got += fmt.Sprintf(" %d/%s", l.Remains, last)
		}
		return nil
	})
	return got
}

func (s till) want(about, got, want string) {
	s.T.Helper()
	is(s.T, about, got, want)
}

func (s till) state(code int64) (state string) {
	s.T.Helper()
	s.Do(func(tx *store.Tx) error {
		return tx.One(&state, "select state from codes where id = @id", store.Args{"id": code})
	})
	return state
}

func eachTill(t *testing.T, f func(t *testing.T, s till)) {
	shoptest.Each(t, rewarding, func(t *testing.T, s *shoptest.Shop) { f(t, till{s}); shop{s}.doctor(t) })
}

func refusedFor(err error) string {
	var no *points.Refused
	if errors.As(err, &no) {
		return no.Reason
	}
	return fmt.Sprint(err)
}

func TestAClaimTakesPointsAndGivesACode(t *testing.T) {
	eachTill(t, func(t *testing.T, s till) {
		m := s.Join(2)
		today := loyalty.DayOf(s.Now, time.UTC)
		s.give(m[0], 250, 0)
		s.give(m[0], 150, today+100)
		c, err := s.claim(points.Ask{Member: m[0], Reward: "latte", Key: "k1"})
		if err != nil || c.State != points.Done || c.Price != 300 || s.state(c.CodeID) != "issued" {
			t.Fatalf("Claim = %+v, %v", c, err)
		}
		s.want("what ends first goes first", s.has(m[0]), "100 100/"+(today+365+1).String())
		again, err := s.claim(points.Ask{Member: m[0], Reward: "latte", Key: "k1"})
		if err != nil || !again.Again || again.ID != c.ID || again.CodeID != c.CodeID {
			t.Errorf("the same key again: %+v, %v, want the same claim", again, err)
		}
		if _, err := s.claim(points.Ask{Member: m[0], Reward: "rare", Key: "k1"}); !errors.Is(err, points.ErrKey) {
			t.Errorf("another reward with the key: %v, want ErrKey", err)
		}
		if _, err := s.claim(points.Ask{Member: m[1], Reward: "latte", Key: "k1"}); !errors.Is(err, points.ErrKey) {
			t.Errorf("another member with the key: %v, want ErrKey", err)
		}
		if c, err := s.claim(points.Ask{Member: m[0], Reward: "latte", Key: "k1", Source: "web"}); refusedFor(err) != points.NotEnough {
			t.Errorf("another source's key: %+v, %v, want a claim of its own", c, err)
		}
	})
}

func TestARewardIsRefusedForAReason(t *testing.T) {
	eachTill(t, func(t *testing.T, s till) {
		m := s.Join(3)
		s.Now = s.Now.AddDate(0, 2, 0)
		s.Work()
		s.give(m[0], 250, 0)
		for _, tt := range []struct{ reward, want string }{
			{"latte", points.NotEnough}, {"elite", points.WrongTier}, {"lattte", points.NoReward}, {"old", points.Ended},
		} {
			if _, err := s.claim(points.Ask{Member: m[0], Reward: tt.reward, Key: "no " + tt.reward}); refusedFor(err) != tt.want {
				t.Errorf("%s: %v, want %s", tt.reward, err, tt.want)
			}
		}
		s.give(m[1], 1000, 0)
		for i := range 3 {
			_, err := s.claim(points.Ask{Member: m[1], Reward: "rare", Key: fmt.Sprint(i)})
			if i < 2 && err != nil || i == 2 && refusedFor(err) != points.SoldOut {
				t.Errorf("claim %d of two in stock: %v", i+1, err)
			}
		}
		s.want("who was refused has lost nothing", s.has(m[0])[:3], "250")
		s.give(m[2], -50, 0)
		if _, err := s.claim(points.Ask{Member: m[2], Reward: "latte", Key: "debt"}); refusedFor(err) != points.Debt {
			t.Errorf("with a debt: %v, want %s", err, points.Debt)
		}
	})
}

// What was held and not paid for is back at once, with its code.
func TestWhatIsHeldIsConfirmedOrReleased(t *testing.T) {
	eachTill(t, func(t *testing.T, s till) {
		m := s.Join(1)[0]
		s.give(m, 700, 0)
		before := s.has(m)
		hold := func(key string) points.Claim {
			c, err := s.claim(points.Ask{Member: m, Reward: "latte", Key: key, Hold: true})
			if err != nil || c.State != points.Held || s.state(c.CodeID) != "reserved" {
				t.Fatalf("holding: %+v, %v", c, err)
			}
			return c
		}
		first := hold("a")
		s.want("a hold counts as taken", s.has(m)[:3], "400")
		for range 2 {
			if c, err := s.end("release", first.ID, false, ""); err != nil || c.State != points.Released {
				t.Errorf("release: %+v, %v", c, err)
			}
		}
		s.want("S9 after the release", s.has(m), before)
		s.want("the code", s.state(first.CodeID), "void")
		if _, err := s.end("confirm", first.ID, false, ""); refusedFor(err) != points.Settled {
			t.Errorf("confirming what was released: %v", err)
		}

		second := hold("b")
		for range 2 {
			if c, err := s.end("confirm", second.ID, false, ""); err != nil || c.State != points.Done {
				t.Errorf("confirm: %+v, %v", c, err)
			}
		}
		s.want("the code", s.state(second.CodeID), "issued")

		hold("c")
		s.Now = s.Now.Add(points.HeldFor - time.Second)
		s.Work()
		s.want("just before half an hour", s.has(m)[:3], "100")
		s.Now = s.Now.Add(time.Second)
		s.Work()
		s.want("after half an hour", s.has(m)[:3], "400")
	})
}

// P10: a claim that is reversed leaves the lots as they were, unless they end soon.
func TestAReversedClaimGivesThePointsBackToTheirLots(t *testing.T) {
	eachTill(t, func(t *testing.T, s till) {
		m := s.Join(1)[0]
		today := loyalty.DayOf(s.Now, time.UTC)
		s.give(m, 200, today+30)
		s.give(m, 200, today+60)
		before := s.has(m)
		c, err := s.claim(points.Ask{Member: m, Reward: "latte", Key: "a"})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.end("release", c.ID, false, ""); refusedFor(err) != points.Settled {
			t.Errorf("releasing what is done: %v", err)
		}
		for range 2 {
			if c, err := s.end("reverse", c.ID, false, ""); err != nil || c.State != points.Reversed {
				t.Errorf("reverse: %+v, %v", c, err)
			}
		}
		held, err := s.claim(points.Ask{Member: m, Reward: "latte", Key: "held", Hold: true})
		if err == nil {
			_, err = s.end("reverse", held.ID, false, "")
		}
		if want := fmt.Sprintf("claim %d is held, and nothing was given for it yet: release it, and its points are given back", held.ID); refusedFor(err) != points.Settled || err.Error() != want {
			t.Errorf("reversing what is held: %v, want %s", err, want)
		}
		if _, err := s.end("release", held.ID, false, ""); err != nil {
			t.Error(err)
		}
		s.want("P10 after it", s.has(m), before)
		s.want("the code", s.state(c.CodeID), "void")

		if c, err = s.claim(points.Ask{Member: m, Reward: "latte", Key: "b"}); err != nil {
			t.Fatal(err)
		}
		s.Now = s.Now.AddDate(0, 0, 20)
		s.Work()
		s.Do(func(tx *store.Tx) error {
			codes, err := coupon.Load(tx, []int64{c.CodeID})
			if err != nil {
				return err
			}
			_, err = coupon.Redeem(tx, coupon.Use{Code: codes[c.CodeID].Code, Day: today, Key: "x"})
			return err
		})
		if _, err := s.end("reverse", c.ID, false, "spilt"); refusedFor(err) != points.Used {
			t.Errorf("reversing what was used: %v", err)
		}
		if _, err := s.end("reverse", c.ID, true, " "); refusedFor(err) != points.Used {
			t.Errorf("by force without a reason: %v", err)
		}
		if _, err := s.end("reverse", c.ID, true, "spilt"); err != nil {
			t.Error(err)
		}
		// The 200 that end in 10 days are good for 14.
		s.want("X23 two weeks at least", s.has(m), fmt.Sprintf("400 200/%s 200/%s", today+34, today+60))
		if c, err = s.claim(points.Ask{Member: m, Reward: "latte", Key: "c"}); err != nil {
			t.Fatal(err)
		}
		s.Now = s.Now.AddDate(0, 0, 24)
		s.Work()
		if _, err := s.end("reverse", c.ID, false, ""); err != nil {
			t.Error(err)
		}
		s.want("X23 also when they have ended", s.has(m), fmt.Sprintf("400 200/%s 200/%s", today+58, today+60))
	})
}

// S1–S8 are loyalty.Pay's; here a till pays half of an order with points.
func TestPointsPayMoneyInWholeSteps(t *testing.T) {
	eachTill(t, func(t *testing.T, s till) {
		m := s.Join(1)[0]
		s.give(m, 735, 0)
		c, err := s.claim(points.Ask{Member: m, Reward: "euros", Key: "a", Due: 950})
		if err != nil || c.Price != 400 || c.Worth != 400 || c.CodeID != 0 {
			t.Errorf("half of 9.50: %+v, %v, want 400 points for 4.00", c, err)
		}
		if _, err := s.claim(points.Ask{Member: m, Reward: "euros", Key: "b", Due: 150}); refusedFor(err) != points.NotEnough {
			t.Errorf("half of 1.50: %v", err)
		}
		if c, err = s.claim(points.Ask{Member: m, Reward: "euros", Key: "c", Due: 100000, Steps: 1}); err != nil || c.Price != 100 {
			t.Errorf("one step: %+v, %v", c, err)
		}
		s.want("what is left", s.has(m)[:3], "235")
	})
}

// P6: of 64 who ask at once for one balance as many get it as it affords.
func TestManyClaimsAtOnceGetWhatTheBalanceAffords(t *testing.T) {
	eachTill(t, func(t *testing.T, s till) {
		for i, tt := range []struct {
			what                string
			tills               int
			balance, gets, left int64
		}{
			{"C1 twenty who ask for all", 20, 300, 1, 0},
			{"C2 two at once", 2, 350, 1, 50},
			{"P6 sixty-four", 64, 2000, 6, 200},
		} {
			t.Run(tt.what, func(t *testing.T) {
				m := s.Join(1)[0]
				s.give(m, tt.balance, 0)
				var mu sync.Mutex
				var got, refused int64
				var tills sync.WaitGroup
				for n := range tt.tills {
					tills.Go(func() {
						_, err := s.claim(points.Ask{Member: m, Reward: "latte", Key: fmt.Sprint(i, " ", n)})
						mu.Lock()
						defer mu.Unlock()
						switch {
						case err == nil:
							got++
						case refusedFor(err) == points.NotEnough:
							refused++
						default:
							t.Errorf("claim %d: %v", n, err)
						}
					})
				}
				tills.Wait()
				if left := s.Number(fmt.Sprint("select points from facts where member_id = ", m)); got != tt.gets || got+refused != int64(tt.tills) || left != tt.left {
					t.Errorf("%d got it and %d did not, %d are left; want %d of %d, %d left", got, refused, left, tt.gets, tt.tills, tt.left)
				}
			})
		}
	})
}

// Conditions on how points are earned read the tier that was held before the order, and
// the shop's clock.
func TestPointsAreEarnedUnderConditions(t *testing.T) {
	p := shoptest.Program{Extra: map[string]string{"loyalty.yaml": `
points:
  earn:
    - 1 per 1.00
    - 1 per 1.00 if tier >= gold
    - 10 per order if weekday == "Wednesday"
    - 5 per order if hour >= 12
    - 7 for event "review.written" if tier >= gold
  expire: never
tiers:
  gold: {when: spent("12m") >= 100.00, keep: 12m}
`}}
	shoptest.Each(t, p, func(t *testing.T, s *shoptest.Shop) { // on a Wednesday, at noon in Helsinki
		m := s.Join(1)[0]
		at := till{s}
		s.Event("review.written", m, func(*loyalty.Event) {})
		at.want("a review without a tier", at.has(m), "0")
		s.Order(m, 10000)
		at.want("the order that brings the tier", at.has(m)[:3], "115")
		s.Order(m, 1000)
		at.want("the next", at.has(m)[:3], "150")
		s.Event("review.written", m, func(*loyalty.Event) {})
		at.want("a review with the tier", at.has(m)[:3], "157")
		s.Now = s.Now.Add(20 * time.Hour) // Thursday morning
		s.Order(m, 1000)
		at.want("on Thursday morning", at.has(m)[:3], "177")
	})
}
