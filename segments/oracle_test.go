package segments

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"regulars/internal/forecast"
	"regulars/internal/loyalty"
)

// The plain reading of rules in Go, over one member at a time. The tests hold the
// SQL against it on any member; no program reads rules so.

// Eval says whether the rule holds for a member.
func (r *Rule) Eval(k Known) bool { return k.meets(r.root) }

// ChangedBy says whether an event of this type can change the answer. Any event
// may bring news of the member, so whoever reads those is changed by all.
func (r *Rule) ChangedBy(eventType string) bool {
	return r.TouchedBy(Change{Profile: true}.And(Of(eventType)))
}

func (k *Known) meets(n node) bool {
	switch n := n.(type) {
	case allOf:
		return !slices.ContainsFunc(n, func(part node) bool { return !k.meets(part) })
	case anyOf:
		return slices.ContainsFunc(n, k.meets)
	case negation:
		return !k.meets(n.of)
	case always:
		return bool(n)
	case inSegment:
		return k.meets(n.rule.root)
	}
	return n.(interface{ holds(look) bool }).holds(k.look)
}

// look is the value of a field for the member.
func (k *Known) look(c *call) value {
	switch in := c.in.(type) {
	case given:
		return in(&Query{Day: k.Day, Launch: k.Launch, Order: k.Order, Event: k.Event}, c)
	case fromDate:
		return in.count(k.look(c.of), k.Day)
	case attr:
		return read(k.Attributes[in.name], in.typ, c.currency)
	case propertyOf:
		return read(k.properties[in.name], c.typ, c.currency)
	case yearly:
		return k.kept(in, c)
	}
	return plain[c.name](k, c)
}

// plain reads the fields of the catalogue by their names.
var plain map[string]func(k *Known, c *call) value

func init() { plain = plainly() }

func count[T any](list []T) value { return number(int64(len(list))) }
func some[T any](list []T) value  { return truth(len(list) > 0) }

// since counts the days since a day.
func since(k *Known, day *loyalty.Day) value {
	if day == nil {
		return value{}
	}
	return number(int64(k.Day - *day))
}

func plainly() map[string]func(k *Known, c *call) value {
	plain := map[string]func(k *Known, c *call) value{
		"orders":                 func(k *Known, c *call) value { return count(k.paid(c.window)) },
		"spent":                  func(k *Known, c *call) value { return money(spent(k.paid(c.window))) },
		"average_order":          func(k *Known, c *call) value { return average(k.paid(c.window)) },
		"largest_order":          func(k *Known, c *call) value { return extreme(k.paid(c.window), ">") },
		"smallest_order":         func(k *Known, c *call) value { return extreme(k.paid(c.window), "<") },
		"quantity":               func(k *Known, c *call) value { return number(pieces(k.paid(c.window))) },
		"order_days":             func(k *Known, c *call) value { return number(distinctDays(k.paid(c.window))) },
		"days_since_first_order": func(k *Known, c *call) value { return since(k, firstOrder(k.paid(c.window))) },
		"days_since_last_order":  func(k *Known, c *call) value { return since(k, lastOrder(k.paid(c.window))) },

		"bought_at": func(k *Known, c *call) value { return some(k.paidAt(c)) },
		"orders_at": func(k *Known, c *call) value { return count(k.paidAt(c)) },
		"spent_at":  func(k *Known, c *call) value { return money(spent(k.paidAt(c))) },
		"share_of_orders_at": func(k *Known, c *call) value {
			return percent(int64(len(k.paidAt(c))), int64(len(k.paid(c.window))))
		},
		"share_of_spend_at": func(k *Known, c *call) value { return percent(spent(k.paidAt(c)), spent(k.paid(c.window))) },

		"joined":            func(k *Known, _ *call) value { return truth(k.joined() != nil) },
		"days_since_joined": func(k *Known, _ *call) value { return since(k, k.joined()) },
		"country":           func(k *Known, _ *call) value { return text(k.Country) },
		"language":          func(k *Known, _ *call) value { return text(k.Language) },
		"tag":               func(k *Known, c *call) value { return truth(slices.Contains(k.Tags, c.whatValue(k.look).text)) },
		"tags":              func(k *Known, _ *call) value { return value{typ: List, list: k.Tags} },
		"consent":           func(k *Known, c *call) value { return truth(k.Consent[c.whatValue(k.look).text]) },
		"points":            func(k *Known, _ *call) value { return number(k.points()) },
		"member_id":         func(k *Known, _ *call) value { return text(k.ExternalID) },
		"bucket":            func(k *Known, c *call) value { return number(loyalty.Shuffle(sample, k.ID) % c.count) },
		"age":               func(k *Known, _ *call) value { return k.age() },

		"events": func(k *Known, c *call) value { return count(k.eventsOf(c)) },
		"days_since_event": func(k *Known, c *call) value {
			return since(k, outmost(k.eventsOf(c), func(e Event) loyalty.Day { return e.Day }, 1))
		},

		"mails":      func(k *Known, c *call) value { return count(k.mailsOf(c)) },
		"mails_from": func(k *Known, c *call) value { return count(k.mailsOf(c)) },
		"days_since_mail": func(k *Known, c *call) value {
			return since(k, outmost(k.mailsOf(c), func(m Mail) loyalty.Day { return m.Day }, 1))
		},
		"opened":  func(k *Known, c *call) value { return some(k.touches("", c)) },
		"clicked": func(k *Known, c *call) value { return some(k.touches(Clicked, c)) },

		"unused":          func(k *Known, c *call) value { return truth(slices.Contains(k.Unused, c.whatValue(k.look).text)) },
		"holds_code":      func(k *Known, c *call) value { return some(k.codes(c)) },
		"codes_held":      func(k *Known, c *call) value { return count(k.codes(c)) },
		"used_code":       func(k *Known, c *call) value { return some(k.uses(c)) },
		"codes_used":      func(k *Known, c *call) value { return count(k.uses(c)) },
		"code_expires_in": func(k *Known, c *call) value { return truth(k.endsIn(c)) },
		"days_until_code_expires": func(k *Known, c *call) value {
			day := k.firstEnd(c)
			if day == nil {
				return value{}
			}
			return number(int64(*day - k.Day))
		},

		"points_pending": func(*Known, *call) value { return number(0) }, // nobody has what the program keeps, see facts
		"points_debt":    func(k *Known, _ *call) value { return number(max(0, -k.points())) },
		"points_expiring": func(k *Known, c *call) value {
			first, last := c.window.ahead(k.Day)
			if !c.window.fixed() {
				last++
			}
			n := int64(0)
			for _, l := range k.Lots {
				if l.Wallet == "points" && l.Last != nil && first <= *l.Last && *l.Last <= last {
					n += l.Remains
				}
			}
			return number(n)
		},
		"points_earned": func(k *Known, c *call) value {
			return number(amounts(k.entries(c, "points", "earn", "bonus", "takeback")))
		},
		"points_expired": func(k *Known, c *call) value { return number(-amounts(k.entries(c, "points", "expire"))) },
		"points_spent":   func(k *Known, c *call) value { return number(-amounts(k.entries(c, "points", "redeem", "return"))) },
		"tier": func(k *Known, _ *call) value {
			if s := k.stay(); s != nil {
				return text(s.Tier)
			}
			return value{}
		},
		"days_in_tier": func(k *Known, _ *call) value {
			if s := k.stay(); s != nil {
				return number(int64(k.Day - s.Since))
			}
			return value{}
		},
		"days_until_tier_ends": func(k *Known, c *call) value {
			s := k.stay()
			switch {
			case s == nil || s.Last == nil:
				return value{}
			case s.Exact:
				return number(int64(*s.Last - k.Day))
			}
			return number(int64(c.graces[s.Tier].After(*s.Last) - k.Day))
		},
		"missing_for_tier": func(k *Known, c *call) value {
			if c.goal == nil { // no rule is known
				return number(0)
			}
			return value{typ: c.typ, num: max(0, float64(c.goal.At)-k.look(c.goal.call).num)}
		},
		"tier_progress": func(k *Known, c *call) value {
			place := 0
			if s := k.stay(); s != nil {
				place = 1 + slices.IndexFunc(c.way, func(step climb) bool { return step.tier == s.Tier })
			}
			if c.way == nil || place < len(c.way) && c.way[place].goals == nil {
				return value{}
			}
			way := 100.0
			for _, g := range c.way[min(place, len(c.way)-1)].goals {
				if place < len(c.way) {
					way = min(way, math.Floor(100*max(0, k.look(g.call).num)/float64(g.At)))
				}
			}
			return value{typ: Number, num: way}
		},
		"stamps": func(k *Known, c *call) value { return number(amounts(k.entries(c, c.what.lit.text))) },
		"stamps_missing": func(k *Known, c *call) value {
			return number(c.cards[c.what.lit.text] - amounts(k.entries(c, c.what.lit.text)))
		},
		"cards_filled": func(k *Known, c *call) value { return count(k.entries(c, c.what.lit.text, "redeem")) },
		"can_claim": func(k *Known, c *call) value {
			name := c.what.lit.text
			p, s := c.prices[name], k.stay()
			return truth(k.points() >= p.Points && (p.Tiers == nil || s != nil && slices.Contains(p.Tiers, s.Tier)) &&
				(p.AtMost.N == 0 || k.claimed(name, p.AtMost.Per) < p.AtMost.N) && k.Shop.inBudget(k.Day, p) && k.Shop.inStock(k.Day, p.Stock))
		},
		"rewards_claimed": func(k *Known, c *call) value {
			return count(slices.DeleteFunc(slices.Clone(k.Claims), func(claim Claim) bool {
				return !claim.stands() || !k.within(claim.Day, c.window)
			}))
		},
		"referrals": func(k *Known, c *call) value {
			return count(slices.DeleteFunc(slices.Clone(k.Brought), func(r Referral) bool { return r.State != "rewarded" || !k.within(r.Day, c.window) }))
		},
		"referred": func(k *Known, c *call) value {
			return truth(k.BroughtBy != nil && k.BroughtBy.State != "refused" && k.within(k.BroughtBy.Day, c.window))
		},

		"usual_gap": func(k *Known, _ *call) value { return k.usualGap() },
		"overdue":   func(k *Known, _ *call) value { return k.overdue() },
		"lifecycle": func(k *Known, c *call) value {
			last := lastOrder(k.paid(nil))
			if last == nil {
				return text(StageNone)
			}
			return text(c.lifecycle.stage(int64(k.Day - *last)))
		},
		"recency_score":   func(k *Known, _ *call) value { return k.score(func(s scores) int { return s.recency }) },
		"frequency_score": func(k *Known, _ *call) value { return k.score(func(s scores) int { return s.frequency }) },
		"monetary_score":  func(k *Known, _ *call) value { return k.score(func(s scores) int { return s.monetary }) },
		"rfm": func(k *Known, _ *call) value {
			if s, ok := scoresOf(k); ok {
				return text(strconv.Itoa(s.code()))
			}
			return value{}
		},
		"rfm_group": func(k *Known, _ *call) value {
			if s, ok := scoresOf(k); ok {
				return text(groupOf(s.code()))
			}
			return value{}
		},
		"alive": func(k *Known, _ *call) value {
			if m, h, ordered := k.model(); ordered {
				return value{typ: Number, num: m.Alive(h)}
			}
			return value{}
		},
		"expected_orders": func(k *Known, c *call) value {
			if m, h, ordered := k.model(); ordered {
				return value{typ: Number, num: m.Expected(h, c.window.days(k.Day))}
			}
			return value{}
		},
	}
	for name, kind := range map[string]string{"open": "", "click": Clicked} {
		done := map[string]string{"open": "opened", "click": "clicked"}[name]
		plain["mails_"+done] = func(k *Known, c *call) value {
			seen := map[int64]bool{}
			for _, t := range k.touches(kind, c) {
				seen[t.Send] = true
			}
			return number(int64(len(seen)))
		}
		plain["days_since_"+name] = func(k *Known, c *call) value {
			return since(k, outmost(k.touches(kind, c), func(t Touch) loyalty.Day { return t.Day }, 1))
		}
	}
	for name, of := range map[string]goods{
		"product":  func(l loyalty.Line) []string { return []string{l.Product} },
		"category": func(l loyalty.Line) []string { return []string{l.Category} },
		"brand":    func(l loyalty.Line) []string { return []string{l.Brand} },
		"label":    func(l loyalty.Line) []string { return l.Labels },
	} {
		of.plainly(name, plain)
	}
	return plain
}

// goods are what a line says that was bought: its product, category …
type goods func(loyalty.Line) []string

func (w goods) plainly(name string, plain map[string]func(k *Known, c *call) value) {
	plain["bought_"+name] = func(k *Known, c *call) value { return some(k.linesOf(w, c)) }
	plain["orders_of_"+name] = func(k *Known, c *call) value {
		seen := map[int]bool{}
		for _, l := range k.linesOf(w, c) {
			seen[l.order] = true
		}
		return number(int64(len(seen)))
	}
	plain["spent_on_"+name] = func(k *Known, c *call) value { return money(worth(k.linesOf(w, c))) }
	plain["quantity_of_"+name] = func(k *Known, c *call) value {
		n := int64(0)
		for _, l := range k.linesOf(w, c) {
			n += l.Quantity
		}
		return number(n)
	}
	plain["days_since_bought_"+name] = func(k *Known, c *call) value {
		return since(k, outmost(k.linesOf(w, c), func(l soldLine) loyalty.Day { return l.day }, 1))
	}
	plain["share_of_spend_on_"+name] = func(k *Known, c *call) value {
		return percent(worth(k.linesOf(w, c)), worth(k.soldLines(c.window)))
	}
	plural := strings.Replace(name+"s", "ys", "ies", 1)
	plain[plural+"_bought"] = func(k *Known, c *call) value { return number(int64(len(w.sums(k.soldLines(c.window))))) }
	plain["favourite_"+name] = func(k *Known, c *call) value {
		sums := w.sums(slices.DeleteFunc(k.soldLines(c.window), func(l soldLine) bool { return slices.Contains(c.except, l.Category) }))
		best, found := "", false
		for name, sum := range sums {
			if !found || sum > sums[best] || sum == sums[best] && name < best {
				best, found = name, true
			}
		}
		return text(best)
	}
}

// Known is what the tables hold about one member. Day decides what counts:
// orders, events and points after it are not seen.
type Known struct {
	Day        loyalty.Day
	ID         int64            // ours
	ExternalID string           // the shop's
	Birthday   loyalty.Birthday // Month 0: unknown
	JoinedDay  *loyalty.Day     // nil: not joined
	Country    string
	Language   string
	Tags       []string
	Consent    map[string]bool // topic → granted
	Attributes map[string]any  // as JSON gives them
	Orders     []Order
	Events     []Event
	Points     []PointChange // in the order of time
	Entries    []Entry
	Lots       []Lot
	Stays      []Stay
	Claims     []Claim
	Brought    []Referral // friends
	BroughtBy  *Referral
	Mails      []Mail
	Touches    []Touch
	Codes      []Code   // those that are issued and neither used nor void
	Uses       []Use    // of codes
	Unused     []string // pools of which the member holds a good code of this occurrence

	Norms *Norms // of Day; nil: not computed
	Shop  Shop

	Launch map[string]any // what launch.… reads, as JSON gives it; money in major units
	Order  *Order         // what order.… reads
	Event  map[string]any // what event.… reads, as JSON gives it

	properties map[string]any // of the event that a condition in brackets looks at
}

// Shop is what all members together have claimed, and what is left of pools.
type Shop struct {
	Claims []Claim
	Pools  map[string]Codes // those of the program in force
}

// Codes are how many of a pool are in each state, and what uses of them took off orders.
type Codes struct {
	Ended  int64 // of those that are nobody's, not issued
	States map[string]int64
	Told   int64 // free ones that the shop was told of
	Spent  int64
}

func (c Claim) stands() bool {
	return (c.State == "held" || c.State == "done") && c.Source != "card" && c.Source != "referral"
}

func (k *Known) claimed(reward string, per loyalty.Period) (n int64) {
	for _, c := range k.Claims {
		if c.stands() && c.Reward == reward && c.Day <= k.Day && c.Day > per.Before(k.Day) {
			n++
		}
	}
	return n
}

func (s Shop) inBudget(day loyalty.Day, p Price) bool {
	used := p.Takes
	for _, c := range s.Claims {
		y, m, _ := c.Day.Civil()
		if year, month, _ := day.Civil(); !c.stands() || c.Day > day || y != year || m != month {
			continue
		}
		if p.Budget.Money {
			used += c.Cost
		} else {
			used++
		}
	}
	return !p.Budget.Stop || used <= p.Budget.Rewards
}

func (s Shop) inStock(day loyalty.Day, of Stock) bool {
	pool, there := s.Pools[of.Pool]
	n := pool.States
	open := n["reserved"] + n["issued"] + n["redeemed"]
	given := open + n["expired"]
	switch {
	case of.Pool == "":
		return true
	case of.Until != 0 && day > of.Until:
		return false
	case of.endless():
		return true
	case !there:
		return of.Mints || of.Shared // of a program that is only planned
	case of.Shared:
		return pool.Ended == 0 // its code is nobody's
	case of.Most > 0 && given >= of.Most, of.Budget > 0 && of.Worth > 0 && open+1 > of.Budget/of.Worth, of.Budget > 0 && of.Worth == 0 && pool.Spent >= of.Budget:
		return false
	case of.Told:
		return pool.Told > 0
	case of.Mints:
		return of.Most == 0 || n["free"] > 0 || given+n["free"] < of.Most
	}
	return n["free"] > 0
}

// Event is an event as rules count it.
type Event struct {
	Type       string
	Day        loyalty.Day
	Properties map[string]any // as JSON gives them
}

// Mail is a mail that the member received: handed over, and not bounced.
type Mail struct {
	Campaign string
	Day      loyalty.Day // of the hand-over
}

// The kinds of Touch.
const (
	Opened  = "open"
	Clicked = "click"
)

// Touch is what the member did with a mail; what machines do is none.
type Touch struct {
	Kind     string
	Campaign string
	Send     int64 // which mail
	Day      loyalty.Day
}

// Code is a coupon code that the member holds.
type Code struct {
	Pool  string
	Until *loyalty.Day // the last day on which it is good; nil: no end
}

// Use is a coupon code that the member has used.
type Use struct {
	Pool string
	Day  loyalty.Day
}

// PointChange is one entry of a member's points: exactly one of Balance and
// Delta is set.
type PointChange struct {
	Day     loyalty.Day
	Balance *int64
	Delta   *int64
}

// Entry is a row of the ledger of points or of a card's stamps.
type Entry struct {
	Wallet, Kind string
	Day          loyalty.Day
	Amount       int64
}

// Lot is what is left of a credit.
type Lot struct {
	Wallet  string
	Last    *loyalty.Day
	Remains int64
}

// Stay is one in a tier, from the day of coming to that before the day of leaving.
type Stay struct {
	Tier       string
	Since      loyalty.Day
	Last, Left *loyalty.Day
	Exact      bool
}

// Claim is a reward that was claimed.
type Claim struct {
	State  string
	Source string
	Reward string
	Cost   int64
	Day    loyalty.Day
}

// Referral is a friend who was brought.
type Referral struct {
	State string
	Day   loyalty.Day
}

// entries returns those of a wallet that the call looks at; no kinds: all.
func (k *Known) entries(c *call, wallet string, kinds ...string) []Entry {
	return slices.DeleteFunc(slices.Clone(k.Entries), func(e Entry) bool {
		return e.Wallet != wallet || !k.within(e.Day, c.window) || kinds != nil && !slices.Contains(kinds, e.Kind)
	})
}

func amounts(entries []Entry) (sum int64) {
	for _, e := range entries {
		sum += e.Amount
	}
	return sum
}

// stay is the one of the day; nil: the member holds no tier.
func (k *Known) stay() *Stay {
	for i, s := range k.Stays {
		if s.Since <= k.Day && (s.Left == nil || *s.Left > k.Day) {
			return &k.Stays[i]
		}
	}
	return nil
}

// within reports whether a day lies in the time span; without one, whether it is
// not later than k.Day.
func (k *Known) within(d loyalty.Day, w *window) bool {
	if w == nil {
		return d <= k.Day
	}
	first, last := w.past(k.Day)
	return first <= d && d <= last
}

// paid returns the orders that count and lie in the window.
func (k *Known) paid(w *window) []Order {
	var paid []Order
	for _, o := range k.Orders {
		if o.Counts && k.within(o.Day, w) {
			paid = append(paid, o)
		}
	}
	return paid
}

// joined returns the day of joining, nil before it.
func (k *Known) joined() *loyalty.Day {
	if k.JoinedDay == nil || *k.JoinedDay > k.Day {
		return nil
	}
	return k.JoinedDay
}

// points returns the last balance and the changes since.
func (k *Known) points() (n int64) {
	for _, p := range k.Points {
		switch {
		case p.Day > k.Day:
		case p.Balance != nil:
			n = *p.Balance
		case p.Delta != nil:
			n += *p.Delta
		}
	}
	return n
}

// net is what is left of an order after its refunds.
func (o Order) net() int64 { return o.Total - o.Refunded }

func spent(orders []Order) (sum int64) {
	for _, o := range orders {
		sum += o.net()
	}
	return sum
}

func pieces(orders []Order) (sum int64) {
	for _, o := range orders {
		sum += o.Quantity
	}
	return sum
}

func average(orders []Order) value {
	if len(orders) == 0 {
		return value{}
	}
	return value{typ: Money, num: float64(spent(orders)) / float64(len(orders))}
}

// extreme returns the largest (">") or the smallest ("<") order.
func extreme(orders []Order, op string) (best value) {
	for _, o := range orders {
		if v := money(o.net()); best.nothing() || v.is(op, best) {
			best = v
		}
	}
	return best
}

func distinctDays(orders []Order) int64 { return int64(len(orderDays(orders))) }

func firstOrder(orders []Order) *loyalty.Day {
	return outmost(orders, func(o Order) loyalty.Day { return o.Day }, -1)
}
func lastOrder(orders []Order) *loyalty.Day {
	return outmost(orders, func(o Order) loyalty.Day { return o.Day }, 1)
}

// outmost returns the first (-1) or the last (1) day of a list, nil if it is empty.
func outmost[T any](list []T, day func(T) loyalty.Day, sign loyalty.Day) (best *loyalty.Day) {
	for _, item := range list {
		if d := day(item); best == nil || (d-*best)*sign > 0 {
			best = &d
		}
	}
	return best
}

// soldLine is a line with what it copies of its order.
type soldLine struct {
	loyalty.Line
	order int
	day   loyalty.Day
}

// soldLines returns the lines of paid orders in the time span.
func (k *Known) soldLines(w *window) (sold []soldLine) {
	for i, o := range k.paid(w) {
		for _, l := range o.Lines {
			sold = append(sold, soldLine{l, i, o.Day})
		}
	}
	return sold
}

// linesOf returns those of the product, category … that the call names.
func (k *Known) linesOf(w goods, c *call) []soldLine {
	want := c.whatValue(k.look)
	return slices.DeleteFunc(k.soldLines(c.window), func(l soldLine) bool {
		return want.nothing() || !slices.Contains(w(l.Line), want.text)
	})
}

func worth(lines []soldLine) (sum int64) {
	for _, l := range lines {
		sum += l.Total
	}
	return sum
}

// sums are the amounts spent per product, category …
func (w goods) sums(lines []soldLine) map[string]int64 {
	sums := map[string]int64{}
	for _, l := range lines {
		for _, name := range w(l.Line) {
			sums[name] += l.Total
		}
	}
	delete(sums, "")
	return sums
}

// percent is a part of a whole; of nothing it is nothing.
func percent(part, whole int64) value {
	if whole <= 0 {
		return value{}
	}
	return value{typ: Number, num: 100 * float64(part) / float64(whole)}
}

// codes returns the good codes that the call looks at.
func (k *Known) codes(c *call) []Code {
	return slices.DeleteFunc(slices.Clone(k.Codes), func(code Code) bool {
		return code.Until != nil && *code.Until < k.Day || c.entry.what != "" && !text(code.Pool).is("==", c.whatValue(k.look))
	})
}

func (k *Known) endsIn(c *call) bool {
	first, last := c.window.ahead(k.Day)
	return slices.ContainsFunc(k.codes(c), func(code Code) bool { return code.Until != nil && *code.Until >= first && *code.Until <= last })
}

func (k *Known) firstEnd(c *call) *loyalty.Day {
	limited := slices.DeleteFunc(k.codes(c), func(code Code) bool { return code.Until == nil })
	return outmost(limited, func(code Code) loyalty.Day { return *code.Until }, -1)
}

// uses returns the uses of codes that the call looks at.
func (k *Known) uses(c *call) []Use {
	return slices.DeleteFunc(slices.Clone(k.Uses), func(u Use) bool {
		return !k.within(u.Day, c.window) || c.entry.what != "" && !text(u.Pool).is("==", c.whatValue(k.look))
	})
}

// eventsOf returns the events that the call looks at.
func (k *Known) eventsOf(c *call) []Event {
	want := c.whatValue(k.look)
	return slices.DeleteFunc(slices.Clone(k.Events), func(e Event) bool {
		return !text(e.Type).is("==", want) || !k.within(e.Day, c.window) || !k.like(e, c.filter)
	})
}

// like reports whether an event fulfils the condition in brackets.
func (k *Known) like(e Event, filter node) bool {
	if filter == nil {
		return true
	}
	inside := *k
	if inside.properties = e.Properties; inside.properties == nil {
		inside.properties = map[string]any{}
	}
	return inside.meets(filter)
}

// mailsOf returns the mails that the call looks at.
func (k *Known) mailsOf(c *call) []Mail {
	return slices.DeleteFunc(slices.Clone(k.Mails), func(m Mail) bool {
		return !k.within(m.Day, c.window) || c.entry.what != "" && !text(m.Campaign).is("==", c.whatValue(k.look))
	})
}

// touches returns what the member did with the mails that the call looks at.
func (k *Known) touches(kind string, c *call) []Touch {
	return slices.DeleteFunc(slices.Clone(k.Touches), func(t Touch) bool {
		return !k.within(t.Day, c.window) || c.entry.what != "" && !text(t.Campaign).is("==", c.whatValue(k.look)) ||
			kind == Clicked && t.Kind != Clicked
	})
}

// paidAt returns the paid orders at the point of sale that the call names.
func (k *Known) paidAt(c *call) []Order {
	want := c.whatValue(k.look)
	return slices.DeleteFunc(k.paid(c.window), func(o Order) bool { return !text(o.Shop).is("==", want) })
}

// age counts the birthdays kept since the year of birth.
func (k *Known) age() value {
	b := k.Birthday
	if b.Year == 0 || b.Month == 0 {
		return value{}
	}
	year, _, _ := k.Day.Civil()
	age := year - b.Year
	if b.In(year) > k.Day {
		age--
	}
	return number(int64(age))
}

// usualGap is the median of the days between successive days with an order. Of an
// even number of gaps it is the middle between the two in the middle, so it is
// exact to half a day.
func (k *Known) usualGap() value {
	ordered := orderDays(k.paid(nil))
	if len(ordered) < 2 {
		return value{}
	}
	gaps := make([]float64, len(ordered)-1)
	for i := range gaps {
		gaps[i] = float64(ordered[i+1] - ordered[i])
	}
	slices.Sort(gaps)
	n := len(gaps)
	return value{typ: Number, num: (gaps[(n-1)/2] + gaps[n/2]) / 2}
}

// orderDays returns the days of orders, each once, in the order of time.
func orderDays(orders []Order) []loyalty.Day {
	days := make([]loyalty.Day, len(orders))
	for i, o := range orders {
		days[i] = o.Day
	}
	slices.Sort(days)
	return slices.Compact(days)
}

func (k *Known) overdue() value {
	last := lastOrder(k.paid(nil))
	if last == nil {
		return value{}
	}
	n, own, program := distinctDays(k.paid(nil))-1, k.usualGap().num, k.Norms.gap()
	switch {
	case n >= 2:
	case program == 0:
		return value{}
	case n == 1:
		own = (own + program) / 2
	default:
		own = program
	}
	return value{typ: Number, num: float64(k.Day-*last) / own}
}

// rising is the score of a figure of which more is better.
func (c Cuts) rising(figure int64) int {
	switch {
	case figure <= c.Low:
		return 1
	case figure <= c.High:
		return 2
	}
	return 3
}

// groupOf returns the group of three scores.
func groupOf(code int) string {
	for _, g := range groups {
		if slices.Contains(g.codes, code) {
			return g.name
		}
	}
	return ""
}

// scores are the three of a member.
type scores struct{ recency, frequency, monetary int }

// code is the scores as one number of three digits.
func (s scores) code() int { return 100*s.recency + 10*s.frequency + s.monetary }

// scoresOf returns the scores of a member, false without an order or while there
// are no norms of members who have one.
func scoresOf(k *Known) (scores, bool) {
	orders := k.paid(nil)
	if len(orders) == 0 || k.Norms == nil || k.Norms.Buyers == 0 {
		return scores{}, false
	}
	n := k.Norms
	return scores{
		recency:   4 - n.Recency.rising(int64(k.Day-*lastOrder(orders))),
		frequency: n.Frequency.rising(int64(len(orders))),
		monetary:  n.Monetary.rising(spent(orders)),
	}, true
}

func (k *Known) score(of func(scores) int) value {
	s, ok := scoresOf(k)
	if !ok {
		return value{}
	}
	return number(int64(of(s)))
}

// model returns the fitted model and what it reads of the member; false where there
// is none, or they have not ordered.
func (k *Known) model() (m *forecast.Model, h forecast.History, ordered bool) {
	orders := k.paid(nil)
	if k.Norms == nil || k.Norms.Forecast.Fit == nil || len(orders) == 0 {
		return nil, h, false
	}
	m = &k.Norms.Forecast.Fit.Model
	first := *firstOrder(orders)
	return m, forecast.History{Repeats: distinctDays(orders) - 1, Recency: int64(*lastOrder(orders) - first), Age: int64(k.Day - first)}, true
}

// stage returns where a member stands whose last order was that many days ago.
func (l Lifecycle) stage(days int64) string {
	switch {
	case days < int64(l.Recent):
		return StageRecent
	case days <= int64(l.AtRisk):
		return StageNurturing
	case days <= int64(l.Lost):
		return StageAtRisk
	}
	return StageLosing
}

// kept is whether a day that comes every year is kept in the time span.
func (k *Known) kept(r yearly, c *call) value {
	b := k.Birthday
	first, last := r.span(c, k.Day)
	if r.since != "" {
		day := k.joined()
		if day == nil {
			return truth(false)
		}
		b, first = loyalty.YearlyOf(*day), max(first, *day+1)
	}
	if b.Month == 0 || first > last {
		return truth(false)
	}
	from, _, _ := first.Civil()
	to, _, _ := last.Civil()
	for year := from; year <= to; year++ {
		if day := b.In(year); day >= first && day <= last {
			return truth(true)
		}
	}
	return truth(false)
}
