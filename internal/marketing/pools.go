package marketing

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"

	"regulars/internal/coupon"
	"regulars/internal/program"
	"regulars/internal/staff"
	"regulars/internal/store"
)

// PoolsToGive are the pools of a program out of which a member can be given a code of
// their own.
func PoolsToGive(p *program.Program) (names []string) {
	for _, pool := range p.Pools {
		if pool.Kind != coupon.Shared {
			names = append(names, pool.Name)
		}
	}
	return names
}

// Giving are the campaigns of a program, or of none, that give codes of a pool, and what
// else of its points, cards and friends does: reward bag, card coffee, friend, referrer.
func Giving(p *program.Program, pool string) (names, others []string) {
	if p == nil {
		return nil, nil
	}
	if l := p.Loyalty; l != nil {
		for _, r := range l.Rewards {
			if r.Gives == pool {
				others = append(others, "reward "+r.Name)
			}
		}
		for _, c := range l.Cards {
			if c.Gives == pool {
				others = append(others, "card "+c.Name)
			}
		}
		if l.Referral != nil && l.Referral.Friend == pool {
			others = append(others, "friend")
		}
		if l.Referral != nil && l.Referral.ReferrerPool == pool {
			others = append(others, "referrer")
		}
	}
	gives := func(s program.Step) bool {
		return s.Coupon == pool || slices.ContainsFunc(s.Choose, func(s program.Step) bool { return s.Coupon == pool })
	}
	for _, c := range p.Campaigns {
		if slices.ContainsFunc(c.Steps, gives) {
			names = append(names, c.Name)
		}
	}
	return names, others
}

// StockCodes adds the shop's own codes to a pool. Those that are there already stay as
// they are, so that the same list may be handed over twice.
func (m Marketer) StockCodes(ctx context.Context, pool string, codes iter.Seq[string]) (coupon.Stocked, error) {
	return update(ctx, m.DB, func(tx *store.Tx) (coupon.Stocked, error) {
		done, err := coupon.Import(tx, pool, codes)
		if err != nil || done.New == 0 {
			return done, err
		}
		return done, m.note(tx, staff.Act{Act: "stock", About: "pool " + pool, After: fmt.Sprintf("%d codes more, of %d that were handed over", done.New, done.Read)})
	})
}

// ExportCodes returns the codes of a pool, one a line, for a shop that has to know them,
// and notes that it knows them: from then on they may be given.
func (m Marketer) ExportCodes(ctx context.Context, pool string) (string, error) {
	return update(ctx, m.DB, func(tx *store.Tx) (string, error) {
		var codes strings.Builder
		n := 0
		err := coupon.Export(tx, pool, true, func(c coupon.Code) error {
			n++
			codes.WriteString(c.Code + "\n")
			return nil
		})
		if err != nil {
			return "", err
		}
		return codes.String(), m.note(tx, staff.Act{Act: "export codes", About: "pool " + pool, After: fmt.Sprintf("the shop knows %d codes", n)})
	})
}
