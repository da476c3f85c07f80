package points_test

import (
	"fmt"
	"testing"

	"regulars/internal/points"
	"regulars/internal/shoptest"
	"regulars/internal/store"
)

// A reward may be claimed so often by each member in a length of time: what came to nothing
// does not count, and the answer says from when on they may again.
func TestARewardIsClaimedSoOftenAtMost(t *testing.T) {
	p := shoptest.Program{Pools: rewarding.Pools, Extra: map[string]string{"loyalty.yaml": `
points:
  earn: [1 per 1.00]
  expire: never
rewards:
  latte: {price: 100, gives: free-coffee, at_most: 2 per 30d}
  daily: {price: 10, gives: free-coffee, at_most: 1 per day}
`}}
	shoptest.Each(t, p, func(t *testing.T, plain *shoptest.Shop) { // on 3 March 2027
		s := till{plain}
		m := s.Join(2)
		for _, one := range m {
			s.give(one, 1000, 0)
		}
		n := 0
		says := func(member int64, reward string) string {
			n++
			_, err := s.claim(points.Ask{Member: member, Reward: reward, Key: fmt.Sprint(n)})
			if refusedFor(err) == points.Limit {
				return err.Error()
			}
			return fmt.Sprint(err)
		}
		offered := func() (said string) {
			if err := s.rules(func(tx *store.Tx, r *points.Rules) error {
				all, err := r.Offers(tx, m[0], -1)
				for _, o := range all {
					said += fmt.Sprintf("%s %t %s %s; ", o.Reward, o.Good, o.Reason, o.Again)
				}
				return err
			}); err != nil {
				t.Fatal(err)
			}
			return said
		}
		s.want("the first", says(m[0], "latte"), "<nil>")
		held, err := s.claim(points.Ask{Member: m[0], Reward: "latte", Key: "held", Hold: true})
		s.want("one held", fmt.Sprint(err), "<nil>")
		s.want("a third", says(m[0], "latte"), "latte can be claimed 2 times in 30 days: again from 2027-04-02 on")
		s.want("what is offered", offered(), "latte false limit 2027-04-02; daily true  1970-01-01; ")
		s.want("somebody else's", says(m[1], "latte"), "<nil>")
		if _, err := s.end("release", held.ID, false, ""); err != nil {
			t.Fatal(err)
		}
		s.At("2027-03-10 12:00")
		s.want("in place of the one released", says(m[0], "latte"), "<nil>")
		s.want("one more", says(m[0], "latte"), "latte can be claimed 2 times in 30 days: again from 2027-04-02 on")
		s.At("2027-04-01 23:30")
		s.want("a day too early", says(m[0], "latte"), "latte can be claimed 2 times in 30 days: again from 2027-04-02 on")
		s.At("2027-04-02 00:30")
		s.want("on that day", says(m[0], "latte"), "<nil>")
		s.want("and one too many", says(m[0], "latte"), "latte can be claimed 2 times in 30 days: again from 2027-04-09 on")
		s.want("the one of a day", says(m[0], "daily"), "<nil>")
		s.want("the same day", says(m[0], "daily"), "daily can be claimed once in a day: again from 2027-04-03 on")
	})
}
