package demo

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"regulars/internal/loyalty"
)

// shop is a made-up coffee roaster and its customers. It is driven by the same
// clock as the engine: it says what its customers do up to a moment, and they
// read the mails that arrived.
type shop struct {
	rng    *rand.Rand
	people []*person
	byID   map[string]*person
	serial int
	later  []loyalty.Event // orders that a mail has brought about, still to be placed

	used map[string]bool // codes that have been presented at the till

	readTo int64           // mails up to this one have been read …
	readAt loyalty.Instant // … and those handed over by then
}

// newShop makes people, of whom most joined in the year before start and the
// rest join between start and end. The same seed makes the same shop.
func newShop(seed uint64, people int, start, end time.Time) *shop {
	s := &shop{rng: rand.New(rand.NewPCG(seed, 2)), byID: map[string]*person{}, used: map[string]bool{}}
	for n := range people {
		var p *person
		if s.rng.Float64() < 0.8 {
			p = newPerson(s.rng, n+1, start.AddDate(0, 0, -1-s.rng.IntN(365)))
		} else {
			p = newPerson(s.rng, n+1, between(s.rng, start, end))
		}
		p.joins = shoppingHour(s.rng, p.joins, p.home)
		// Most people join with an order; some look around first; some never join.
		if p.next = p.joins; s.rng.Float64() < 0.25 {
			p.plan(s.rng, p.joins)
		}
		if s.rng.Float64() < 0.1 {
			p.joins = time.Time{}
		}
		s.people = append(s.people, p)
		s.byID[p.id] = p
	}
	s.befriend(rand.New(rand.NewPCG(seed, 3)), start)
	return s
}

// befriend has one in six of those who join from start on be brought by a member.
func (s *shop) befriend(rng *rand.Rand, start time.Time) {
	for _, p := range s.people {
		other := s.people[rng.IntN(len(s.people))]
		if rng.IntN(6) == 0 && p.joins.After(start) && !other.joins.IsZero() && other.joins.Before(start) {
			p.broughtBy = other.id
		}
	}
}

func between(rng *rand.Rand, from, to time.Time) time.Time {
	return from.Add(time.Duration(rng.Int64N(int64(to.Sub(from)))))
}

// until returns what customers did up to t since the last call, in order.
func (s *shop) until(t time.Time) []loyalty.Event {
	var events []loyalty.Event
	for _, p := range s.people {
		if !p.joins.IsZero() && !p.told && !p.joins.After(t) {
			p.told = true
			events = append(events, s.event(loyalty.MemberJoined, p.joins, p.profile(true, p.joins)))
		}
		for p.active && !p.next.After(t) {
			events = append(events, s.order(p, p.next, ""))
			s.afterOrder(p)
		}
	}
	s.later = slices.DeleteFunc(s.later, func(e loyalty.Event) bool {
		if due := !e.At.After(t); due {
			events = append(events, e)
			return true
		}
		return false
	})
	slices.SortStableFunc(events, func(a, b loyalty.Event) int { return cmp.Compare(a.At.UnixMicro(), b.At.UnixMicro()) })
	return events
}

// afterOrder decides whether the person stays interested.
func (s *shop) afterOrder(p *person) {
	p.orders++
	if p.active = s.rng.Float64() >= p.fades; p.active {
		p.plan(s.rng, p.next)
	}
}

func (s *shop) event(kind string, at time.Time, m loyalty.Member) loyalty.Event {
	s.serial++
	return loyalty.Event{Source: "demo", Type: kind, ID: fmt.Sprintf("e-%d", s.serial), At: loyalty.At(at), Member: m}
}

// order fills a basket. A code that the person holds is used at the till.
func (s *shop) order(p *person, at time.Time, code string) loyalty.Event {
	e := s.event(loyalty.OrderPlaced, at, p.member())
	o := &loyalty.Order{ID: fmt.Sprintf("O-%06d", s.serial), At: loyalty.At(at), Status: loyalty.Paid, Currency: "EUR", Shop: "web"}
	for range 1 + s.rng.IntN(1+int(2*p.basket)) {
		item := shelf[p.taste]
		if s.rng.Float64() < 0.6 {
			item = shelf[weighted(s.rng)]
		}
		quantity := int64(1 + s.rng.IntN(2))
		o.Lines = append(o.Lines, loyalty.Line{Product: item.sku, Name: item.name, Category: item.category, Brand: item.brand,
			Quantity: quantity, Total: quantity * item.cents})
		o.Quantity += quantity
		o.Total += quantity * item.cents
	}
	o.HasTotal = true
	if code != "" && !s.used[code] {
		s.used[code] = true
		if o.Discount = o.Total / 10; strings.HasPrefix(code, "BAG-") {
			o.Discount = min(o.Total, shelf[0].cents)
		}
		o.Total -= o.Discount
		o.Coupons = []loyalty.UsedCoupon{{Code: code, Discount: o.Discount}}
	}
	e.Order = o
	return e
}

// letter is a mail that a customer found in the inbox.
type letter struct {
	member, campaign, step, code string
	at                           time.Time
}

// appeal is how likely a mail of a campaign brings its reader to the shop within
// a few days, beside what the reader would have done anyway.
var appeal = map[string]float64{"welcome": 0.10, "milestone": 0.15, "win-back": 0.09, "coupon-drop": 0.14, "birthday": 0.2, "second-order": 0.12, "newsletter": 0.02, "points-ending": 0.2, "tier-reached": 0.1}

// tempted says whether a mail brings its reader to the shop.
func (s *shop) tempted(l letter) bool {
	chance := appeal[l.campaign]
	if l.code != "" {
		chance *= 1.6
	}
	return s.byID[l.member] != nil && s.rng.Float64() < chance
}

// answer is an order that uses the code, within a few days.
func (s *shop) answer(l letter) {
	p := s.byID[l.member]
	at := shoppingHour(s.rng, l.at.Add(time.Duration(1+s.rng.IntN(5*24))*time.Hour), p.home)
	if !at.After(l.at) {
		at = l.at.Add(time.Hour)
	}
	p.active = true
	p.orders++
	p.plan(s.rng, at)
	s.later = append(s.later, s.order(p, at, l.code))
}
