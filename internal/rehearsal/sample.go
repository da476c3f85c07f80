package rehearsal

import (
	"context"
	"fmt"
	"math"
	"slices"

	"regulars/internal/program"
	"regulars/internal/store"
)

// parts is into how many the members of a large shop are divided, by their ids. Those of
// some parts are played: the same ones each time, so that two rehearsals can be compared.
const parts = 10_007

// pick decides how many parts are played.
func (r *Rehearsal) pick(ctx context.Context) error {
	if r.Most <= 0 {
		return nil
	}
	ordered := ""
	if r.Everyone {
		ordered = " and exists (select 1 from orders o where o.member_id = m.id and o.counts)"
	}
	err := r.Past.View(ctx, func(tx *store.Tx) error {
		return tx.One(&r.members, "select count(*) from members m where m.merged_into is null and m.erased_at is null"+ordered, nil)
	})
	if err == nil && r.members > r.Most {
		r.picked = max(1, r.Most*parts/r.members)
	}
	return err
}

// in ends a condition with one that keeps the members who are played.
func (r Rehearsal) in(member string) string {
	if r.picked == 0 {
		return ""
	}
	return fmt.Sprintf(" and (%s * 7919) %% %d < %d", member, parts, r.picked)
}

// ofAll is the part of something for all members that is for those who are played.
func (r Rehearsal) ofAll(n int64) int64 {
	if r.picked == 0 || n == 0 {
		return n
	}
	return max(1, n*r.picked/parts)
}

// pools are those of the program, with stock and budget for the members who are played.
func (r Rehearsal) pools() []program.Pool {
	pools := slices.Clone(r.Program.Program.Pools)
	for i := range pools {
		pools[i].Stock, pools[i].Budget = r.ofAll(pools[i].Stock), r.ofAll(pools[i].Budget)
	}
	return pools
}

// times makes of what was counted of some members what it would be of all.
func (o *Outcome) times(f float64) {
	grow := func(counts ...*int64) {
		for _, n := range counts {
			*n = int64(math.Round(float64(*n) * f))
		}
	}
	all := func(counts map[string]int64) {
		for key, n := range counts {
			counts[key] = int64(math.Round(float64(n) * f))
		}
	}
	for _, c := range o.Campaigns {
		grow(&c.Mails, &c.Codes)
		all(c.ByDay)
		all(c.ByMonth)
		all(c.ByMail)
		all(c.Skipped)
	}
	for _, p := range o.Pools {
		grow(&p.Codes, &p.Cost)
	}
	for _, w := range o.Wallets {
		grow(&w.Earned, &w.Spent, &w.Ended, &w.Left, &w.Members, &w.Rewards, &w.Worth)
	}
	for i := range o.Got {
		grow(&o.Got[i].Members)
	}
	all(o.Tiers)
}
