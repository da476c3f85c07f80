package program

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"regulars/internal/loyalty"
)

// readCards reads the punch cards.
func readCards(r *loader, n *node, l *Loyalty) {
	l.Cards = named(cardKeys(), "write coffee: {stamp: category \"Coffee\", of: 10, gives: free-coffee}",
		func(name string) Card { return Card{Name: name} }, checkCard)(r, n)
}

// walletOfPoints is where points lie, beside the wallets of cards under their names.
const walletOfPoints = "points"

func checkCard(r *loader, s section, c *Card) {
	if c.Name == walletOfPoints {
		r.errorAt(s.n, "a card cannot be called points: its stamps would lie among the members' points", "call it what it is for, like coffee")
	}
	if at := s.key("minimum"); at != nil && c.Stamp.For != "order" {
		r.errorAt(at, "minimum is of an order, and this card has no stamp for an order", "write stamp: order, or leave minimum out")
	}
	if c.Stamp.For == "item" && !s.has("at_most") {
		r.warnAt(s.key("stamp"), "each piece is a stamp: of what is sold by weight or volume, one order may have thousands", "write at_most: 4 per order")
	}
}

// readStamp reads for what a card has a stamp: order, item, category "Coffee", 10.00.
func readStamp(r *loader, n *node, c *Card) {
	if _, ok := r.text(n); !ok {
		return
	}
	s := newSentence(n.text, r.program.Currency)
	e := s.stamp()
	if r.said(n, s) {
		r.aboutName(n, s, e.Of)
		e.Minimum, c.Stamp, c.Spec = c.Stamp.Minimum, e, strings.TrimSpace(n.text)
	}
}

// limit is 4 per order or 1 per 30d.
func limit() kind[loyalty.Limit] {
	return kind[loyalty.Limit]{
		read: func(r *loader, n *node) (loyalty.Limit, bool) {
			if _, ok := r.text(n); !ok {
				return loyalty.Limit{}, false
			}
			s := newSentence(n.text, "")
			l := s.limit()
			s.end("at most so many, like 4 per order or 1 per 30d")
			return l, r.said(n, s)
		},
		show: func(l loyalty.Limit, _ string) string { return limitText(l) },
	}
}

// limitText is a limit as the file says it: 1 per 30d.
func limitText(l loyalty.Limit) string {
	if l.N == 0 {
		return ""
	}
	return fmt.Sprintf("%d per %s", l.N, l.In+periodText(l.Per))
}

// pool is the name of a pool of pools.yaml.
func pool() kind[string] {
	return kind[string]{show: func(v, _ string) string { return v }, read: func(r *loader, n *node) (string, bool) {
		return parsed(r, n, func(s string) (string, error) {
			var names []string
			for _, p := range r.program.Pools {
				names = append(names, p.Name)
			}
			if !slices.Contains(names, s) && !r.blind {
				return "", wrong{fmt.Sprintf("there is no pool %q", s), suggest(s, names, "name it in pools.yaml")}
			}
			return s, nil
		})
	}}
}

func (p *Program) pool(name string) (Pool, bool) {
	i := slices.IndexFunc(p.Pools, func(pool Pool) bool { return pool.Name == name })
	if i < 0 {
		return Pool{}, false
	}
	return p.Pools[i], true
}

// readRewards reads what members can claim.
func readRewards(r *loader, n *node, l *Loyalty) {
	l.Rewards = named(rewardKeys(), "write latte: {price: 300, gives: free-coffee}",
		func(name string) Reward { return Reward{Name: name} },
		func(r *loader, s section, w *Reward) {
			checkReward(r, s, w, l.Tiers)
			w.Cost = r.cost(w, l.Points)
		})(r, n)
}

// cost is what one of a reward costs the shop: the money off, what a code of its pool is
// worth, or else what the points are worth that are paid for it.
func (r *loader) cost(w *Reward, points *Points) int64 {
	if w.Gives == "" {
		return w.Amount
	}
	if p, known := r.program.pool(w.Gives); known && p.Cost() > 0 {
		return p.Cost()
	}
	if points == nil {
		return 0
	}
	return loyalty.PointsWorth(w.Price, points.Worth)
}

// aYear is how many rewards one a day is.
const aYear = 365

func checkReward(r *loader, s section, w *Reward, tiers []Tier) {
	gives, amount := s.key("gives"), s.key("amount")
	switch {
	case gives == nil && amount == nil && !s.misspelt("gives") && !s.misspelt("amount"):
		r.errorAt(s.n, "nothing says what the reward gives", "gives: a pool of pools.yaml, or amount: money off at the till")
	case gives != nil && amount != nil:
		r.errorAt(amount, "a reward gives one thing, and this one gives a code already", "make a reward of its own for it")
	}
	if at := s.key("steps"); at != nil && amount == nil {
		r.errorAt(at, "steps goes with amount, and this reward gives no money off", "leave it out")
	}
	switch at := s.key("at_most"); {
	case at == nil:
	case amount == nil && w.Most != 0:
		r.errorAt(at, "a share of the order goes with amount, and this reward gives no money off", "write at_most: 1 per 30d for so many claims of a member, or leave it out")
	case amount != nil && w.AtMost.N != 0:
		r.errorAt(at, "money off has a share of the order at most", "write it like 50%")
	case w.AtMost.In != "":
		r.errorAt(at, "a reward is claimed in a length of time, and not per order", "write it like 1 per 30d")
	}
	at := s.get("gives")
	if p, known := r.program.pool(w.Gives); known && at != nil {
		stock := p.Stock
		if stock == 0 && p.Budget > 0 && p.Cost() > 0 {
			stock = p.Budget / p.Cost()
		}
		switch {
		case p.Points > 0:
			r.errorAt(at, fmt.Sprintf("pool %s gives points, and the reward is paid for with points", p.Name), "let it give something else")
		case stock > 0 && stock < aYear:
			r.warnAt(at, fmt.Sprintf("pool %s has %d codes, less than one a day for a year: claims fail when they are gone", p.Name, stock), "raise its stock or budget in pools.yaml")
		}
	}
	for _, name := range w.Tiers {
		if !slices.ContainsFunc(tiers, func(t Tier) bool { return t.Name == name }) {
			var names []string
			for _, t := range tiers {
				names = append(names, t.Name)
			}
			place := s.get("tiers")
			for _, item := range place.items {
				if item.text == name {
					place = item
				}
			}
			r.errorAt(place, fmt.Sprintf("there is no tier %q", name), suggest(name, names, "name it under tiers"))
		}
	}
}

// price is what a reward costs in points.
func price() kind[int64] {
	as := whole[int64](1, 1e9)
	return kind[int64]{show: as.show, read: func(r *loader, n *node) (int64, bool) {
		if n.form == scalar && n.text == "0" {
			r.errorAt(n, "a reward for 0 points could be claimed again and again", "write its price, or give codes away by a campaign")
			return 0, false
		}
		return as.read(r, n)
	}}
}

// wholePercent is 50%.
func wholePercent() kind[int] {
	return number("%", func(s string) (int, error) {
		n, marked := strings.CutSuffix(s, "%")
		v, err := strconv.Atoi(strings.TrimSpace(n))
		if err != nil || !marked || v < 1 || v > 100 {
			return 0, wrong{fmt.Sprintf("%q is not a share of the order", s), "write it like 50%"}
		}
		return v, nil
	})
}

// readMost reads the most of a reward: a share of the order that money pays, or so many
// claims of a member.
func readMost(r *loader, n *node, w *Reward) {
	if n.form == scalar && strings.Contains(n.text, " per ") {
		w.AtMost, _ = limit().read(r, n)
		return
	}
	w.Most, _ = wholePercent().read(r, n)
}

func mostText(w *Reward, currency string) string {
	if w.AtMost.N != 0 {
		return limitText(w.AtMost)
	}
	return wholePercent().show(w.Most, currency)
}
