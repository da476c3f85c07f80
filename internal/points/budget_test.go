package points_test

import (
	"fmt"
	"maps"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"regulars/internal/points"
	"regulars/internal/shoptest"
	"regulars/internal/store"
)

// onBudget is the shop with rewards and a budget for them.
func onBudget(budget string) shoptest.Program {
	p := rewarding
	p.Extra = maps.Clone(p.Extra)
	p.Extra["loyalty.yaml"] += "budget: " + budget + "\n"
	return p
}

// When the budget of a month is used no reward can be claimed until the next, and what
// was claimed before is answered as ever.
func TestRewardsStopAtTheirBudget(t *testing.T) {
	shoptest.Each(t, onBudget("{rewards: 2 a month, stop: [rewards]}"), func(t *testing.T, sh *shoptest.Shop) {
		s := till{sh}
		s.Now = time.Date(2027, 6, 30, 20, 59, 0, 0, time.UTC) // a minute before July in Helsinki
		m := s.Join(2)
		s.give(m[0], 2000, 0)
		claim := func(key string) (points.Claim, error) {
			return s.claim(points.Ask{Member: m[0], Reward: "latte", Key: key})
		}
		first, err := claim("a")
		if err != nil {
			t.Fatal(err)
		}
		held, err := s.claim(points.Ask{Member: m[0], Reward: "euros", Steps: 1, Key: "b", Hold: true})
		if err != nil {
			t.Fatal(err)
		}
		_, err = claim("c")
		if refusedFor(err) != points.NoBudget || !strings.Contains(err.Error(), "2027-07-01") {
			t.Errorf("the third of two: %v, want %s until July", err, points.NoBudget)
		}
		if again, err := claim("a"); err != nil || !again.Again || again.ID != first.ID {
			t.Errorf("the key of the first: %+v, %v", again, err)
		}
		s.want("who was refused has lost nothing", s.has(m[0])[:4], "1600")
		offers := map[string]string{}
		err = s.rules(func(tx *store.Tx, r *points.Rules) error {
			all, err := r.Offers(tx, m[0], -1)
			for _, o := range all {
				offers[o.Reward] = o.Reason
			}
			return err
		})
		if err != nil || offers["latte"] != points.NoBudget || offers["euros"] != points.NoBudget || offers["elite"] != points.WrongTier {
			t.Errorf("the offers meanwhile: %v, %v", offers, err)
		}
		if _, err := s.end("release", held.ID, false, ""); err != nil {
			t.Fatal(err)
		}
		if _, err := claim("c"); err != nil {
			t.Errorf("after one was given back: %v", err)
		}
		if _, err := claim("d"); refusedFor(err) != points.NoBudget {
			t.Errorf("one more: %v", err)
		}
		s.Now = s.Now.Add(time.Minute)
		if _, err := claim("d"); err != nil {
			t.Errorf("in July: %v", err)
		}
		shop{sh}.doctor(t)
	})
}

// A budget of money counts what rewards cost, and of those who claim at once only as
// many get theirs as it has left.
func TestABudgetOfMoneyHoldsForManyAtOnce(t *testing.T) {
	shoptest.Each(t, onBudget("{rewards: 25.00 EUR a month, stop: rewards}"), func(t *testing.T, sh *shoptest.Shop) {
		s := till{sh}
		m := s.Join(24)
		for _, id := range m {
			s.give(id, 300, 0)
		}
		var got, refused atomic.Int64
		var tills sync.WaitGroup
		for i, id := range m {
			tills.Go(func() {
				_, err := s.claim(points.Ask{Member: id, Reward: "latte", Key: fmt.Sprint(i)}) // 2.40
				switch {
				case err == nil:
					got.Add(1)
				case refusedFor(err) == points.NoBudget:
					refused.Add(1)
				default:
					t.Error(err)
				}
			})
		}
		tills.Wait()
		if got.Load() != 10 || refused.Load() != 14 {
			t.Errorf("%d got one and %d did not, want 10 of 24 for 25.00", got.Load(), refused.Load())
		}
		last := m[0]
		s.give(last, 1000, 0)
		if c, err := s.claim(points.Ask{Member: last, Reward: "euros", Steps: 1, Key: "euro"}); err != nil || c.Cost != 100 {
			t.Errorf("1.00 of the 1.00 that are left: %+v, %v", c, err)
		}
		if _, err := s.claim(points.Ask{Member: last, Reward: "euros", Steps: 1, Key: "two"}); refusedFor(err) != points.NoBudget {
			t.Errorf("1.00 of nothing: %v", err)
		}
	})
}
