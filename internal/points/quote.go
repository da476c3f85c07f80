package points

import (
	"regulars/internal/loyalty"
	"regulars/internal/store"
)

// Quoted is what an order would bring a member if it came now.
type Quoted struct {
	Points int64
	Opens  loyalty.Day // from which on they could be spent
	Stamps []CardStamps
	Tier   string // that the member holds before it, "" for none
}

// CardStamps are stamps that an order would give on a card.
type CardStamps struct {
	Card   string `json:"card"`
	Stamps int64  `json:"stamps"`
}

// Quote reckons what an order would bring a member if it came now. Nothing is written.
func (r *Rules) Quote(tx *store.Tx, member int64, o loyalty.Order) (q Quoted, err error) {
	if q.Tier, err = tierOf(tx, member); err != nil {
		return q, err
	}
	p := &purchase{MemberID: member, At: tx.At, Day: r.today(tx), Status: loyalty.Paid, Total: o.Total, Discount: o.Discount, Tax: o.Tax, Shipping: o.Shipping,
		Quantity: o.Quantity, Shop: o.Shop, lines: o.Lines, version: r.now().Version, tier: q.Tier}
	if err := r.targets(tx, []*purchase{p}); err != nil {
		return q, err
	}
	rates, err := r.now().points()
	if err != nil {
		return q, err
	}
	q.Points, q.Opens = p.target, p.Day+loyalty.Day(rates.Pending)
	cards, err := r.cardsOf(p)
	if err != nil {
		return q, err
	}
	for _, c := range cards {
		for _, e := range r.stamps(tx, p, c) {
			q.Stamps = append(q.Stamps, CardStamps{c.Name, e.Amount})
		}
	}
	return q, nil
}
