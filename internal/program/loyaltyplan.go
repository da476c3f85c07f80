package program

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"regulars/internal/loyalty"
	"regulars/segments"
)

// loyalty compares what the versions say of points, tiers, cards, rewards and referrals.
func (p *comparison) loyalty() {
	old, next := p.old.Program.Loyalty, p.next.Program.Loyalty
	switch {
	case old == nil && next == nil:
		return
	case next == nil:
		p.add("points", "", "loyalty.yaml is removed: nothing is earned any more, and members keep what they have")
		return
	case old == nil:
		old = &Loyalty{}
	}
	p.points(old.Points, next.Points)
	p.baskets(old, next)
	p.tiers(old.Tiers, next.Tiers)
	compareNamed(p, "card", old.Cards, next.Cards, cardKeys(), func(c Card) string { return c.Name },
		func(c Card) string {
			return fmt.Sprintf("a stamp for %s, and %d give a code of %s", c.Spec, c.Full, c.Gives)
		}, "its stamps stay, and nobody can use them")
	compareNamed(p, "reward", old.Rewards, next.Rewards, rewardKeys(), func(w Reward) string { return w.Name },
		func(w Reward) string {
			if w.Gives == "" {
				return fmt.Sprintf("%s %s off for %d points", loyalty.FormatMoney(w.Amount, p.next.Program.Currency), p.next.Program.Currency, w.Price)
			}
			return fmt.Sprintf("a code of %s for %d points", w.Gives, w.Price)
		}, "it can be claimed no more")
	switch was, is := old.Referral, next.Referral; {
	case was == nil && is == nil:
	case is == nil:
		p.add("referral", "", "bringing friends is rewarded no more")
	case was == nil:
		p.add("referral", "", "bringing a friend is rewarded from now on: the friend gets a code of %s, the referrer %s", is.Friend, referrerText(is))
	default:
		p.different("referral", "", referralKeys().settings(was, p.old.Program.Currency), referralKeys().settings(is, p.next.Program.Currency))
	}
	p.budget(old.Budget, next.Budget)
}

func referrerText(f *Referral) string {
	if f.ReferrerPoints > 0 {
		return fmt.Sprintf("%d points", f.ReferrerPoints)
	}
	return "a code of " + f.ReferrerPool
}

// points compares how points are earned and how long they last.
func (p *comparison) points(was, is *Points) {
	switch {
	case was == nil && is == nil:
	case is == nil:
		p.add("points", "", "points are earned no more, and members keep what they have")
	case was == nil:
		since := "from the day on which this is applied"
		if is.Since != 0 {
			since = "from " + is.Since.String()
		}
		p.add("points", "", "points are new: orders %s earn %s; they end: %s", since, earnText(is), expiryText(is.Expire))
	default:
		p.different("points", "", pointsKeys().settings(was, p.old.Program.Currency), pointsKeys().settings(is, p.next.Program.Currency))
		if was.Since != is.Since && was.Since != 0 {
			p.add("points", "", "points since: orders of the days between are booked when they change, and not before")
		}
	}
}

func earnText(p *Points) string {
	var lines []string
	for _, e := range p.Earn {
		lines = append(lines, e.Spec)
	}
	return strings.Join(lines, "; ")
}

// tiers compares the tiers; who holds one is asked of the database.
func (p *comparison) tiers(old, next []Tier) {
	for i, t := range next {
		at := slices.IndexFunc(old, func(o Tier) bool { return o.Name == t.Name })
		if at < 0 {
			c := p.add("tier", t.Name, "tier %s is new: %s", t.Name, t.When.Words())
			c.Counts = []Count{{Words: "members reach it", Rules: []*segments.Rule{t.When}, Not: above(next[i+1:])}}
			continue
		}
		was := old[at]
		p.different("tier", t.Name, tierKeys().settings(&was, p.old.Program.Currency), tierKeys().settings(&t, p.next.Program.Currency))
		if was.When.Text() != t.When.Text() {
			at := slices.IndexFunc(p.changes, func(c Change) bool { return strings.HasPrefix(c.Words, "tier "+t.Name+" when: ") })
			p.changes[at].Counts = []Count{
				{Words: "members qualify who did not before", Rules: []*segments.Rule{t.When}, Not: []*segments.Rule{was.When}},
				{Words: "members qualify no more; who holds it keeps it until its last day", Rules: []*segments.Rule{was.When}, Not: []*segments.Rule{t.When}},
			}
		}
	}
	for _, t := range old {
		if !slices.ContainsFunc(next, func(n Tier) bool { return n.Name == t.Name }) {
			p.add("tier", t.Name, "tier %s is removed: who holds it goes to the highest tier that their figures reach", t.Name)
		}
	}
}

// above are the rules of higher tiers: whoever meets one of them holds that one.
func above(tiers []Tier) (rules []*segments.Rule) {
	for _, t := range tiers {
		rules = append(rules, t.When)
	}
	return rules
}

// compareNamed compares things that have names: new ones are said in words.
func compareNamed[T any](p *comparison, thing string, old, next []T, ks keys[T], name func(T) string, words func(T) string, gone string) {
	for _, is := range next {
		at := slices.IndexFunc(old, func(was T) bool { return name(was) == name(is) })
		if at < 0 {
			p.add(thing, name(is), "%s %s is new: %s", thing, name(is), words(is))
			continue
		}
		was := old[at]
		p.different(thing, name(is), ks.settings(&was, p.old.Program.Currency), ks.settings(&is, p.next.Program.Currency))
	}
	for _, was := range old {
		if !slices.ContainsFunc(next, func(is T) bool { return name(is) == name(was) }) {
			p.add(thing, name(was), "%s %s is removed: %s", thing, name(was), gone)
		}
	}
}

// baskets shows by three orders what a change of rates does. Conditions are taken as
// not met, and the third is by a member of the highest tier.
func (p *comparison) baskets(old, next *Loyalty) {
	if next.Points == nil {
		return
	}
	currency := p.next.Program.Currency
	unit := int64(1)
	for range loyalty.CurrencyDigits(currency) {
		unit *= 10
	}
	special := specialOf(next, old)
	line := func(of loyalty.Of, total int64) loyalty.Line {
		l := loyalty.Line{Quantity: 1, Total: total}
		switch of.Kind {
		case "product":
			l.Product = of.Name
		case "category":
			l.Category = of.Name
		case "brand":
			l.Brand = of.Name
		case "label":
			l.Labels = loyalty.Labels{of.Name}
		}
		return l
	}
	var said []string
	differ := false
	for i, lines := range [][]loyalty.Line{
		{line(loyalty.Of{}, 2490*unit/100)},
		{line(special, 990*unit/100)},
		{line(loyalty.Of{}, 8000*unit/100), line(special, 4000*unit/100)},
	} {
		var total int64
		for _, l := range lines {
			total += l.Total
		}
		order := loyalty.Order{Status: loyalty.Paid, Total: total, HasTotal: true, Quantity: int64(len(lines)), Lines: lines}
		was, is := target(old, order, i == 2), target(next, order, i == 2)
		differ = differ || was != is
		about := loyalty.FormatMoney(total, currency) + " " + currency
		if special.Name != "" {
			about += map[int]string{1: fmt.Sprintf(" of %s %q", special.Kind, special.Name), 2: fmt.Sprintf(", a third of it of %s %q", special.Kind, special.Name)}[i]
		}
		if n := len(next.Tiers); i == 2 && n > 0 {
			about += ", of a member of tier " + next.Tiers[n-1].Name
		}
		text := fmt.Sprintf("%s earns %d", about, is)
		if old.Points != nil {
			text += fmt.Sprintf(", was %d", was)
		}
		said = append(said, text)
	}
	if differ {
		p.add("points", "", "as examples, an order of %s", strings.Join(said, "; one of "))
	}
}

// specialOf is what lines a way to earn asks for, of the first that asks for any.
func specialOf(all ...*Loyalty) (of loyalty.Of) {
	for _, l := range all {
		if l.Points == nil {
			continue
		}
		for _, e := range l.Points.Earn {
			of = cmp.Or(of, e.Of)
		}
	}
	return of
}

// target is what an order earns without conditions, by a member of the highest tier or of none.
func target(l *Loyalty, o loyalty.Order, highest bool) int64 {
	if l.Points == nil {
		return 0
	}
	rates := loyalty.Rates{NotOn: l.Points.NotOn, Base: l.Points.Base}
	for _, e := range l.Points.Earn {
		if e.If == nil {
			rates.Earn = append(rates.Earn, e.Earn)
		}
	}
	if n := len(l.Tiers); highest && n > 0 {
		rates.Percent = l.Tiers[n-1].Percent
	}
	return loyalty.Target(o, nil, rates)
}
