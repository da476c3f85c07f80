package points

import (
	"cmp"
	"fmt"
	"math/big"
	"slices"
	"time"

	"regulars/internal/loyalty"
	"regulars/internal/program"
	"regulars/internal/store"
	"regulars/segments"
)

// targets computes what each order has earned.
func (r *Rules) targets(tx *store.Tx, list []*purchase) error {
	if err := r.countBefore(tx, list); err != nil {
		return err
	}
	carried := map[int64][]*purchase{}
	for _, p := range list {
		era := r.of(p.version)
		rates, err := era.points()
		if err != nil {
			return err
		}
		percent, err := era.percent(p.tier)
		if err != nil {
			return err
		}
		order, refunds := p.order()
		how := loyalty.Rates{Earn: p.holding(rates.Earn, r.Zone), NotOn: rates.NotOn, Base: rates.Base, Percent: percent}
		if p.target = loyalty.Target(order, refunds, how); rates.Carry {
			p.exact = loyalty.Exact(order, refunds, how)
			carried[p.MemberID] = append(carried[p.MemberID], p)
		}
	}
	for _, all := range carried {
		slices.SortFunc(all, func(x, y *purchase) int { return cmp.Or(x.At.Compare(y.At.Time), cmp.Compare(x.ID, y.ID)) })
		exact := make([]*big.Rat, len(all))
		for i, p := range all {
			exact[i] = p.exact
		}
		for i, n := range loyalty.Carry(exact) {
			all[i].target = n
		}
	}
	return nil
}

// order is a purchase as loyalty reckons with it: what was claimed costs nothing, and what
// was given back without naming lines is one refund.
func (p *purchase) order() (loyalty.Order, []loyalty.Refund) {
	o := loyalty.Order{At: p.At, Status: p.Status, Total: p.Total, Discount: p.Discount, Tax: p.Tax, Shipping: p.Shipping,
		Quantity: p.Quantity, Shop: p.Shop, Lines: p.lines}
	if p.free != nil && p.lines == nil {
		o.Quantity = max(0, o.Quantity-int64(len(p.free)))
	} else if p.free != nil {
		var off int64
		o.Lines, off = withoutPrice(p.lines, p.Total-p.Shipping, p.free)
		o.Discount = max(0, o.Discount-off)
	}
	rest := p.Refunded
	for _, f := range p.refunds {
		rest -= f.Total
	}
	refunds := slices.Clone(p.refunds)
	if rest > 0 {
		refunds = append(refunds, loyalty.Refund{Total: rest})
	}
	return o, refunds
}

// holding are the ways to earn that hold for an order. Its tier and the zone are those
// that conditions read.
func (p *purchase) holding(all []program.Earn, zone *time.Location) (earn []loyalty.Earn) {
	for _, e := range all {
		if e.If != nil && !e.If.Given(segments.Query{Day: p.Day, Tier: p.tier, Moment: p.At.In(zone), Order: &segments.Order{Day: p.Day, Counts: p.Status == loyalty.Paid, Total: p.Total,
			Refunded: p.Refunded, Discount: p.Discount, Quantity: p.Quantity, Shop: p.Shop, Lines: p.lines}}) {
			continue
		}
		if e.AtMost.Per != (loyalty.Period{}) && p.before[e.AtMost] >= e.AtMost.N {
			continue
		}
		earn = append(earn, e.Earn)
	}
	return earn
}

// countBefore counts, for the limits of ways to earn, the orders that each member placed
// before these in that time.
func (r *Rules) countBefore(tx *store.Tx, list []*purchase) error {
	rows := map[loyalty.Limit][][]any{}
	byID := map[int64]*purchase{}
	for _, p := range list {
		rates, err := r.of(p.version).points()
		if err != nil {
			return err
		}
		cards, err := r.cardsOf(p)
		if err != nil {
			return err
		}
		count := func(l loyalty.Limit, minimum int64) {
			if _, counted := p.before[l]; counted || l.Per == (loyalty.Period{}) {
				return
			}
			if p.before == nil {
				byID[p.ID], p.before = p, map[loyalty.Limit]int64{}
			}
			p.before[l] = 0
			rows[l] = append(rows[l], []any{p.ID, p.MemberID, p.At, int64(max(l.Per.Before(p.Day)+1, r.Since)), minimum})
		}
		for i := range rates.Earn {
			if e := &rates.Earn[i]; e.For == "" || e.For == "order" {
				count(e.AtMost, e.Minimum)
			}
		}
		for _, c := range cards {
			count(c.AtMost, c.Stamp.Minimum)
		}
	}
	for l, some := range rows {
		var counts []struct{ ID, N int64 }
		err := tx.All(&counts, `
			select r.id, count(*) as n
			from   `+tx.Values("id bigint", "member_id bigint", "at timestamptz", "since bigint", "minimum bigint")+`
			join   orders o on o.member_id = r.member_id and o.counts and o.day >= r.since and o.total - o.refunded >= r.minimum
			                and (o.at < r.at or o.at = r.at and o.id < r.id)
			group  by r.id`, store.Args{"rows": store.Rows(some)})
		if err != nil {
			return fmt.Errorf("counting orders before: %w", err)
		}
		for _, c := range counts {
			byID[c.ID].before[l] = c.N
		}
	}
	return nil
}
