package points_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"testing"

	"regulars/internal/coupon"
	"regulars/internal/points"
	"regulars/internal/rules"
	"regulars/internal/shoptest"
	"regulars/internal/store"
	"regulars/internal/versions"
	"regulars/segments"
)

// kinds is a shop with a reward for each thing that may keep a member from it.
var kinds = shoptest.Program{
	Pools: rewarding.Pools + `
dear:    {kind: generated, pattern: "DEAR-####-####-####", amount: 3.00, budget: 7.00, checkout: asks_us}
printed: {kind: imported, percent: 10}
filed:   {kind: generated, pattern: "FILED-####-####-####", percent: 10, checkout: file}
all:     {kind: shared, code: ALL10, percent: 10}
`,
	Extra: map[string]string{"loyalty.yaml": `
points: {earn: [1 per 1.00], expire: never}
tiers:
  gold: {when: spent("12m") >= 100.00, keep: 12m}
rewards:
  latte:   {price: 20, gives: free-coffee, at_most: 2 per 30d}
  rare:    {price: 10, gives: few}
  old:     {price: 10, gives: bygone}
  elite:   {price: 20, gives: dear, tiers: [gold]}
  printed: {price: 10, gives: printed}
  filed:   {price: 10, gives: filed}
  all:     {price: 10, gives: all, at_most: 1 per 1m}
  euros:   {price: 10, amount: 1.00, steps: 10}
budget: {rewards: 12.00 EUR a month, stop: rewards}
`},
}

// Rules, mails and what a till or a page offers say that a reward can be claimed if, and
// only if, a claim at that moment succeeds.
func TestCanClaimIsWhatAClaimAnswers(t *testing.T) {
	shoptest.Each(t, kinds, func(t *testing.T, sh *shoptest.Shop) {
		s, m := till{sh}, sh.Join(3)
		s.Do(func(tx *store.Tx) error {
			_, err := coupon.Import(tx, "printed", slices.Values([]string{"PRINTED-1", "PRINTED-2", "PRINTED-3"}))
			return err
		})
		seen, keys := map[string]bool{}, 0
		claim := func(member int64, reward string, hold bool) points.Claim {
			keys++
			c, err := s.claim(points.Ask{Member: member, Reward: reward, Steps: 1, Key: fmt.Sprint(keys), Hold: hold})
			if err != nil {
				t.Fatal(err)
			}
			return c
		}
		s.agrees(m, seen)
		s.give(m[0], 150, 0)
		s.give(m[1], 1000, 0)
		s.Order(m[1], 15000) // gold
		s.agrees(m, seen)
		for _, reward := range []string{"latte", "rare", "elite", "printed", "all"} {
			claim(m[1], reward, false)
		}
		held := claim(m[0], "latte", true)
		s.agrees(m, seen)
		for _, reward := range []string{"latte", "rare", "printed"} {
			claim(m[1], reward, false)
		}
		s.agrees(m, seen)
		s.end("release", held.ID, false, "")
		last := claim(m[0], "printed", false)
		s.agrees(m, seen)
		s.end("reverse", last.ID, false, "")
		s.agrees(m, seen)
		s.Now = s.Now.AddDate(0, 0, 29) // 1 April: another month's budget, and not the limits' yet
		claim(m[1], "elite", false)
		s.agrees(m, seen)
		s.Now = s.Now.AddDate(0, 0, 1)
		for range 9 {
			claim(m[1], "euros", false)
		}
		s.agrees(m, seen)
		s.Now = s.Now.AddDate(0, 0, 1)
		s.agrees(m, seen)
		for _, reason := range []string{"latte ", "latte " + points.Limit, "latte " + points.NotEnough, "rare ", "rare " + points.SoldOut, "old " + points.Ended, "elite " + points.WrongTier, "elite ",
			"elite " + points.SoldOut, "printed ", "printed " + points.SoldOut, "filed " + points.SoldOut, "all " + points.Limit, "all ", "euros ", "euros " + points.NoBudget} {
			if !seen[reason] {
				t.Errorf("the history is too tame: nobody was answered %q", reason)
			}
		}
	})
}

// agrees has all who say what members can claim say the same.
func (s till) agrees(members []int64, seen map[string]bool) {
	s.T.Helper()
	type what struct {
		member int64
		reward string
	}
	offers, byRule, open := map[what]points.Offer{}, map[what]bool{}, map[what]bool{}
	var prices map[string]segments.Price
	err := s.rules(func(tx *store.Tx, r *points.Rules) error {
		if err := shoptest.Refresh(tx, members); err != nil {
			return err
		}
		v, err := versions.Active(tx)
		if err != nil {
			return err
		}
		today := v.Day(tx.At)
		prices = v.Program.Scope().Rewards
		for _, m := range members {
			all, err := r.Offers(tx, m, -1)
			if err != nil {
				return err
			}
			for _, o := range all {
				offers[what{m, o.Reward}] = o
			}
		}
		for name, price := range prices {
			rule, err := segments.Parse(fmt.Sprintf("can_claim(%q)", name), v.Program.Scope())
			if err != nil {
				return err
			}
			for in, rule := range map[*map[what]bool]*segments.Rule{&byRule: rule, &open: segments.Unbarred(name, price)} {
				whose, err := rules.Whose(rules.Ask(tx, today, store.Args{}), members, rule)
				if err != nil {
					return err
				}
				for m := range whose {
					(*in)[what{m, name}] = true
				}
			}
		}
		return nil
	})
	if err != nil {
		s.T.Fatal(err)
	}
	undo := errors.New("undo")
	for _, m := range members {
		for name, price := range prices {
			var reason string
			var balance int64
			err := s.DB.Update(context.Background(), func(tx *store.Tx) error {
				v, err := versions.Active(tx)
				if err != nil {
					return err
				}
				r, err := points.Read(tx, v)
				if err != nil {
					return err
				}
				if balance, err = r.Balance(tx, m); err != nil {
					return err
				}
				_, err = r.Claim(tx, points.Ask{Member: m, Reward: name, Source: "till", Key: "a try", Due: -1}, rand.Reader)
				if no := (*points.Refused)(nil); errors.As(err, &no) {
					reason = no.Reason
				} else if err != nil {
					return err
				}
				return undo
			})
			if !errors.Is(err, undo) {
				s.T.Fatal(err)
			}
			k := what{m, name}
			seen[name+" "+reason] = true
			if can := reason == ""; byRule[k] != can || (open[k] && balance >= price.Points) != can || offers[k].Good != can || offers[k].Reason != reason {
				s.T.Errorf("on %s a claim of %s by member %d with %d points is answered %q; the rule says %t, without points %t, the offer %t %q",
					s.Now.Format("2006-01-02"), name, m, balance, reason, byRule[k], open[k], offers[k].Good, offers[k].Reason)
			}
		}
	}
}
