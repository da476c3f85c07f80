package segments

import (
	"strings"

	"regulars/internal/loyalty"
)

// Price is what has to be so for a member to claim a reward: room points asks for the same
// of one member, to say why not.
type Price struct {
	Points int64
	Tiers  []string       // whose members may claim it; none: everybody
	AtMost loyalty.Limit  // claims of a member in a length of time; zero: as many as they pay for
	Stock  Stock          // of which it gives a code; zero: it gives none
	Takes  int64          // of the month's budget
	Budget loyalty.Budget // of the program
}

// Stock is a pool of codes, as far as it says whether one is left.
type Stock struct {
	Pool   string
	Shared bool        // all get one and the same code
	Mints  bool        // a code is made when it is given; otherwise it lies there
	Told   bool        // only codes that the shop was told of are given
	Most   int64       // codes that are ever made; 0: no limit
	Budget int64       // what they may be worth, minor units; 0: no limit
	Worth  int64       // of one, minor units; 0: that depends on the order
	Until  loyalty.Day // the last day on which one is given; 0: no such end
}

// endless reports whether there is always a code left, but for the pool's last day.
func (s Stock) endless() bool {
	return s.Pool == "" || s.Mints && s.Most == 0 && s.Budget == 0
}

// Sums over the codes of a pool p, as SQL: those that were made, those that somebody has or
// had, those of them that can still be used or were used, and what uses took off orders. A
// code that is set aside for somebody counts as theirs, and a use that its order took back
// counts for nothing. Triggers note what changes, so that nobody counts all codes.
const (
	CodesMade  = "(p.made + coalesce((select cast(sum(v.made) as bigint) from pool_moves v where v.pool_id = p.id), 0))"
	CodesGiven = "(p.given + coalesce((select cast(sum(v.given) as bigint) from pool_moves v where v.pool_id = p.id), 0) + " + aside + ")"
	CodesOpen  = "(p.open + coalesce((select cast(sum(v.open) as bigint) from pool_moves v where v.pool_id = p.id), 0) + " + aside + " - " + inVain + ")"
	MoneySpent = "(p.spent + coalesce((select cast(sum(v.spent) as bigint) from pool_moves v where v.pool_id = p.id), 0))"

	aside  = "(select count(*) from promises q join codes c on c.id = q.code_id where q.pool_id = p.id and c.state = 'aside')"
	inVain = `(select count(distinct r.code_id)
		from   redemptions r join codes c on c.id = r.code_id
		where  r.pool_id = p.id and r.undone and c.state = 'redeemed'
		and    not exists (select 1 from redemptions o where o.code_id = r.code_id and not o.undone))`
)

// left is the condition that the pool has a code to give, as it stands now. A pool whose
// program is only planned may not be there yet: then none of its codes is given, and it has
// one where it makes them. One that was taken out keeps what it gave.
func (s Stock) left(b *builder) string {
	switch {
	case s.Until != 0 && s.Until < b.q.Day:
		return "false"
	case s.endless():
		return "true"
	}
	pool := "p.name = " + b.bind(s.Pool)
	has := "exists (select 1 from pools p where " + pool + " and " + s.leftOf(b) + ")"
	if s.Shared || s.Mints {
		has = "(" + has + " or not exists (select 1 from pools p where " + pool + "))"
	}
	return has
}

// leftOf is left of a pool p that is there.
func (s Stock) leftOf(b *builder) string {
	if s.Shared {
		return "not exists (select 1 from codes c where c.pool_id = p.id and c.member_id is null and c.state <> 'issued')"
	}
	var all []string
	// Nobody's: by that they are found without going through those that were given.
	lies := "exists (select 1 from codes c where c.pool_id = p.id and c.member_id is null and c.state = 'free')"
	if s.Told {
		lies = "exists (select 1 from codes c where c.pool_id = p.id and c.member_id is null and c.state = 'free' and c.known_at is not null)"
	}
	if s.Most > 0 {
		all = append(all, CodesGiven+" < "+b.bind(s.Most))
	}
	switch {
	case s.Budget > 0 && s.Worth > 0:
		all = append(all, CodesOpen+" < "+b.bind(s.Budget/s.Worth))
	case s.Budget > 0:
		all = append(all, MoneySpent+" < "+b.bind(s.Budget))
	}
	switch {
	case !s.Mints:
		all = append(all, lies)
	case s.Most > 0:
		all = append(all, "("+CodesMade+" < "+b.bind(s.Most)+" or "+lies+")")
	}
	return strings.Join(all, " and ")
}

// claimable is the condition that a member could claim the reward: as of a day that is over
// with the claims of until then, and with what is left of its pool now.
func claimable(b *builder, c *call) string {
	return "(f.points >= " + b.bind(c.price().Points) + " and " + unbarred(b, c) + ")"
}

// price is that of the reward which the call names.
func (c *call) price() Price { return c.prices[c.what.lit.text] }

// stocked reports whether the call asks what is left of a pool, of which only today is known.
func (c *call) stocked() bool { return c.entry.what == "reward" && !c.price().Stock.endless() }

// unbarred is claimable but for the points.
func unbarred(b *builder, c *call) string {
	p := c.price()
	all := []string{p.Stock.left(b)}
	if len(p.Tiers) > 0 {
		all = append(all, lastOf{stays, "t.tier"}.is(b, c, "in", texts(p.Tiers)))
	}
	if p.AtMost.N > 0 {
		lately := *c
		lately.window = &window{from: p.AtMost.Per.Before(b.q.Day) + 1, to: b.q.Day}
		all = append(all, figure{rows: claimsOf, sum: "count(*)"}.is(b, &lately, "<", []value{number(p.AtMost.N)}))
	}
	if p.Budget.Stop {
		sum := "count(*)"
		if p.Budget.Money {
			sum = "coalesce(cast(sum(k.cost) as bigint), 0)"
		}
		first, _ := loyalty.MonthOf(b.q.Day)
		all = append(all, "(select "+sum+" from "+claims.table+" where "+claims.where+" and k.day >= "+b.bind(int64(first))+" and k.day <= "+b.today()+") <= "+
			b.bind(p.Budget.Rewards-p.Takes))
	}
	return strings.Join(all, " and ")
}

// Unbarred is the rule that nothing but points can keep a member from claiming a reward
// of that name and price now.
func Unbarred(name string, p Price) *Rule {
	barred := &entry{name: "can_claim", typ: Bool, what: "reward", from: fromPoints, says: "whom nothing but points keeps from claiming {x}",
		in: condition(func(b *builder, c *call) string { return "(" + unbarred(b, c) + ")" })}
	return newRule("", isTrue{&call{entry: barred, typ: Bool, what: operand{lit: text(name)}, prices: map[string]Price{name: p}}}, 1)
}
