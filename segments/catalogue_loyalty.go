package segments

import (
	"slices"
	"strings"

	"regulars/internal/loyalty"
)

// loyaltyFields are about what the program gives: points, tiers, cards, rewards and
// friends who were brought. Points and stamps are read from the ledger, by the day on
// which they were booked.
func loyaltyFields() []*entry {
	return []*entry{
		{name: "points_pending", typ: Number, from: fromPoints,
			noun: "points that cannot be spent yet", says: "who have {n} that cannot be spent yet", unit: "point",
			also: []string{"pending_points", "pending"},
			in:   column{expr: "f.points_pending"}},
		{name: "points_debt", typ: Number, from: fromPoints,
			noun: "points that were taken back after they had been spent", says: "who owe {n}", unit: "point",
			also: []string{"debt", "negative_points"},
			in:   column{expr: "(case when f.points < 0 then -f.points else 0 end)"}},
		{name: "points_expiring", typ: Number, window: true, spanned: true, ahead: true, until: true, from: fromPoints,
			noun: "points whose last day is at most so far away", says: "who have {n} that end", unit: "point",
			also: []string{"expiring_points", "points_expire", "points_ending"},
			in: asOf{
				now:  figure{rows: endingLots, sum: "coalesce(cast(sum(l.remains) as bigint), 0)"},
				past: figure{rows: endedThen, sum: leftThen}}},
		{name: "points_expired", typ: Number, window: true, from: fromPoints,
			noun: "points that nobody had spent by their last day", says: "of whom {n} ended", saysIn: "of whom {w} {n} ended", unit: "point",
			also: []string{"expired_points", "points_ended", "points_lost"},
			in:   figure{rows: expired, sum: "coalesce(cast(-sum(n.amount) as bigint), 0)"}},
		{name: "points_earned", typ: Number, window: true, from: fromPoints,
			noun: "points earned, less those taken back", says: "who earned {n}", unit: "point",
			also: []string{"earned_points", "points_collected"},
			in:   figure{rows: earned, sum: "coalesce(cast(sum(n.amount) as bigint), 0)"}},
		{name: "points_spent", typ: Number, window: true, from: fromPoints,
			noun: "points spent on rewards, less those given back", says: "who spent {n}", unit: "point",
			also: []string{"spent_points", "points_redeemed", "points_burned"},
			in:   figure{rows: redeemed, sum: "coalesce(cast(-sum(n.amount) as bigint), 0)"}},
		tierField(),
		{name: "days_in_tier", typ: Number, from: fromPoints,
			noun: "days since the member reached their tier", says: "who reached their tier {n} ago", unit: "day",
			also: []string{"tier_days", "days_since_tier"},
			in:   days{rows: stays, day: "max(t.since_day)"}},
		{name: "days_until_tier_ends", typ: Number, from: fromPoints, undated: true,
			noun: "days until the last day of the tier, its grace included", says: "whose tier is theirs for {n}", unit: "more day",
			also: []string{"tier_ends", "tier_days_left", "tier_until"},
			in:   tierEnds{}},
		{name: "tier_progress", typ: Number, climbs: true, from: fromPoints, checkTo: checkPercent,
			noun: "percent of the way to the next tier", says: "who have gone {n} of the way to the next tier", unit: "percent",
			also: []string{"progress", "progress_to_tier", "tier_percent", "next_tier_progress"},
			in:   formula{expr: progress, double: true}},
		{name: "missing_for_tier", typ: Number, what: "tier", from: fromPoints,
			noun: "what is missing for the tier: money or a number, of the first figure that its rule asks for", says: "who lack {n} for the tier {x}",
			also: []string{"to_next_tier", "missing_to_tier", "tier_missing"},
			in:   missingForTier{}},
		{name: "stamps", typ: Number, what: "card", from: fromPoints,
			noun: "stamps on the card", says: "who have {n} on the card {x}", unit: "stamp",
			also: []string{"stamp", "punches"},
			in:   figure{rows: cards, sum: "coalesce(cast(sum(n.amount) as bigint), 0)"}},
		{name: "stamps_missing", typ: Number, what: "card", from: fromPoints,
			noun: "stamps missing on the card", says: "who lack {n} on the card {x}", unit: "stamp",
			also: []string{"missing_stamps", "stamps_left", "stamps_needed"},
			in:   missingStamps{}},
		{name: "cards_filled", typ: Number, what: "card", window: true, from: fromPoints,
			noun: "number of times that the card was full", says: "who filled the card {x} {n}", saysIn: "who filled the card {x} {w} {n}", unit: "time",
			also: []string{"full_cards", "filled_cards", "cards_full"},
			in:   figure{rows: filled, sum: "count(*)"}},
		{name: "can_claim", typ: Bool, what: "reward", from: fromPoints,
			noun: "could claim the reward: the points and the tier, its limit, its stock and the month's budget allow it", says: "who can claim {x}", denies: "who cannot claim {x}",
			also: []string{"affords", "can_redeem", "can_afford"},
			in:   condition(claimable)},
		{name: "rewards_claimed", typ: Number, window: true, from: fromPoints,
			noun: "number of rewards claimed", says: "who claimed {n}", unit: "reward",
			also: []string{"claims", "claimed", "rewards", "rewards_redeemed"},
			in:   figure{rows: claims, sum: "count(*)"}},
		{name: "referrals", typ: Number, window: true, from: fromPoints, undated: true,
			noun: "number of friends brought, for whom the member was rewarded", says: "who brought {n}", unit: "friend",
			also: []string{"friends", "friends_brought", "referred_friends"},
			in:   figure{rows: rewarded, sum: "count(*)"}},
		{name: "referred", typ: Bool, from: fromPoints,
			noun: "was brought by a friend", says: "who were brought by a friend", denies: "whom no friend brought",
			also: []string{"was_referred", "referred_by", "brought_by_a_friend"},
			in:   presence{rows: brought}},
	}
}

// OfLoyalty reports whether a field is about what only a program that keeps points
// itself has.
func OfLoyalty(field string) bool { return find(loyaltyFields(), field) != nil }

// earning are the kinds of entries by which points are earned, and earned no more.
const earning = "('earn', 'bonus', 'takeback')"

// PointsEarned is the beginning of a statement for what members earned in all: more
// conditions and the grouping by member_id follow.
const PointsEarned = "select member_id, cast(sum(amount) as bigint) as n from entries where wallet = 'points' and kind in " + earning

var (
	// endingLots are what is left of credits, by the last day on which it can be spent.
	endingLots = rows{table: "lots l", member: "l.member_id", day: "l.last_day", where: "l.wallet = 'points' and l.last_day is not null"}
	// endedThen are credits of points, of which a lot may be no more, and leftThen is what was
	// left of them at the end of $today.
	endedThen = rows{table: "entries e", member: "e.member_id", where: "e.wallet = 'points' and e.opens_day is not null and e.day <= $today",
		day: "coalesce(e.last_day, (select l.last_day from lots l where l.credit_id = e.id), " +
			"(select max(x.day) - 1 from draws d join entries x on x.id = d.debit_id where d.credit_id = e.id and x.kind = 'expire'))"}
	leftThen = "coalesce(cast(sum(e.amount - coalesce((select sum(d.amount) from draws d join entries x on x.id = d.debit_id " +
		"where d.credit_id = e.id and x.day <= $today), 0)) as bigint), 0)"
	// earned, redeemed and expired are rows of the ledger of points.
	earned   = rows{table: "entries n", member: "n.member_id", day: "n.day", where: "n.wallet = 'points' and n.kind in " + earning}
	redeemed = rows{table: "entries n", member: "n.member_id", day: "n.day", where: "n.wallet = 'points' and n.kind in ('redeem', 'return')"}
	expired  = rows{table: "entries n", member: "n.member_id", day: "n.day", where: "n.wallet = 'points' and n.kind = 'expire'"}
	// cards are the rows of the ledgers of stamps; of them, filled are those that took a full card.
	cards  = rows{table: "entries n", member: "n.member_id", day: "n.day", match: "n.wallet"}
	filled = rows{table: "entries n", member: "n.member_id", day: "n.day", where: "n.kind = 'redeem'", match: "n.wallet"}
	// claims are those that stand; those of a full card and of a referral are no rewards.
	claims   = rows{table: "claims k", member: "k.member_id", day: "k.day", where: "k.state in ('held', 'done') and k.source not in ('card', 'referral')"}
	claimsOf = rows{table: claims.table, member: claims.member, day: claims.day, where: claims.where, match: "k.reward"} // of one reward
	// rewarded are referrals by the one who is rewarded; brought are those of the friend.
	rewarded = rows{table: "(select referrer_id as member_id, state, day from referrals) r", member: "r.member_id", day: "r.day", where: "r.state = 'rewarded'"}
	brought  = rows{table: "referrals r", member: "r.friend_id", day: "r.day", where: "r.state <> 'refused'"}
)

// missingStamps is what the stamps on a card lack of a full one.
type missingStamps struct{}

var onCard = figure{rows: cards, sum: "coalesce(cast(sum(n.amount) as bigint), 0)"}

func (missingStamps) is(b *builder, c *call, op string, vs []value) string {
	on := make([]value, len(vs))
	for i, v := range vs {
		if !v.nothing() {
			on[i] = value{typ: Number, num: float64(c.full()) - v.num}
		}
	}
	return onCard.is(b, c, mirror(op), on)
}

func (missingStamps) scalar(b *builder, c *call) string {
	return "(" + b.bind(c.full()) + " - coalesce(" + onCard.scalar(b, c) + ", 0))"
}

// missingForTier is what the first figure of a tier's rule lacks; 0 where it is reached.
type missingForTier struct{}

func (r missingForTier) is(b *builder, c *call, op string, vs []value) string {
	return b.cmp(r.scalar(b, c), op, vs, true)
}

func (missingForTier) scalar(b *builder, c *call) string {
	if c.goal == nil {
		return "0"
	}
	figure := "coalesce(" + c.goal.call.in.scalar(b, c.goal.call) + ", 0)"
	return "(case when " + figure + " >= " + b.bind(c.goal.At) + " then 0 else " + b.bind(c.goal.At) + " - " + figure + " end)"
}

// goalOf reads the rule of the tier that a call names, and gives the call the type of the
// figure that it asks for. Of several it is the first, as the words of the call say then;
// tier_progress looks at all of them.
func (c *checker) goalOf(call *call, s *syntax) {
	name := call.what.lit.text
	if _, known := c.scope.TierRules[name]; !known {
		return
	}
	goals := c.goals(name, s)
	if len(goals) == 0 {
		panic(fail(s.pos, "what is missing for %s cannot be told: no part of its rule is a figure that rises to a number", name))
	}
	if call.goal = &goals[0]; call.goal.Money {
		call.typ = Money
	}
	if len(goals) > 1 {
		first := *call.entry
		first.says = "who lack {n} of " + call.goal.Field + " for the tier {x}"
		call.entry = &first
	}
}

// goals are the figures that a tier asks to rise.
func (c *checker) goals(tier string, s *syntax) []Goal {
	c.noCircle("tier "+tier, s.pos)
	return c.inner("tier "+tier, c.scope.TierRules[tier], s.pos).Goals()
}

// climb is a tier and what it asks to rise.
type climb struct {
	tier  string
	goals []Goal // none: how far a member has gone cannot be told
}

// climbs reads the rules of all tiers, from the lowest.
func (c *checker) climbs(call *call, s *syntax) {
	if c.scope.Tiers != nil && len(c.scope.Tiers) == 0 {
		panic(fail(s.pos, "the program has no tiers: they are written in loyalty.yaml"))
	}
	for _, tier := range c.scope.Tiers {
		call.way = append(call.way, climb{tier, c.goals(tier, s)})
	}
}

// progress is how far a member has gone from nothing to the next tier: of its figures
// the one that lacks most counts. Who holds the highest tier has arrived.
func progress(b *builder, c *call) string {
	if len(c.way) == 0 {
		return ""
	}
	expr, next := "(case coalesce("+lastOf{stays, "t.tier"}.scalar(b, c)+", '')", "100"
	for _, step := range slices.Backward(c.way) {
		expr += " when " + b.bind(step.tier) + " then " + next
		next = step.way(b)
	}
	return expr + " else " + next + " end)"
}

// way is how much of 100 a member has of the figures that a tier asks to rise.
func (s climb) way(b *builder) string {
	var figures []string
	for _, g := range s.goals {
		figures = append(figures, "select cast("+g.call.in.scalar(b, g.call)+" as double precision) as v, "+b.double(float64(g.At))+" as goal")
	}
	if figures == nil {
		return "cast(null as double precision)"
	}
	return "(select min(case when g.v >= g.goal then 100 when coalesce(g.v, 0) <= 0 then 0 else " + b.either("floor(100 * g.v / g.goal)", "cast(100 * g.v / g.goal as integer)") + " end)" +
		" from (" + strings.Join(figures, " union all ") + ") g)"
}

// checkPercent knows that percents go from 0 to 100.
func checkPercent(c *call, n float64) string {
	if n < 0 || n > 100 {
		return c.name + " goes from 0 to 100"
	}
	return ""
}

// full is how many stamps fill the card.
func (c *call) full() int64 { return c.cards[c.what.lit.text] }

// thisYear is the unit of the time span that began with the calendar year.
const thisYear = 'Y'

// newYear is the first day of the year of a day.
func newYear(d loyalty.Day) loyalty.Day {
	year, _, _ := d.Civil()
	return loyalty.Date(year, 1, 1)
}
